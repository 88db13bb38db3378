# SPDX-License-Identifier: Apache-2.0
"""ListImages and InspectImage on records made by hand."""
import json
import random
import shutil
import threading

import pytest

import podtree

SECOND = podtree.SECOND
A, B, C = (podtree.image_id(x) for x in "abc")


def kv(**members):
    return [{"Key": k, "value": v} for k, v in members.items()]


@pytest.fixture
def shelf(tree):
    """Three images; the names are one letter in the tests below."""
    tree.image(A, "coreos.com/etcd", version="3.5", imported=300 * SECOND + 7, size=1000, format="appc",
               labels=[("os", "linux"), ("arch", "amd64")], annotations=[("created", "2026-01-01T00:00:00Z"), ("x", "1")])
    tree.image(B, "k8s.io/etcd", version="latest", imported=100 * SECOND, size=2**40, format="oci",
               annotations=[("x", "1")])
    tree.image(C, "registry-1.docker.io/library/etcd-backup", version=None, imported=200 * SECOND, format="docker",
               annotations=[("x", "2")])
    return {"a": A, "b": B, "c": C}


def test_everything_of_an_image_is_told(api, shelf, pb, data_dir):
    image = api.InspectImage(id=A).image
    assert (image.id, image.name, image.version) == (A, "coreos.com/etcd", "3.5")
    assert (image.base_format.type, image.base_format.version) == (pb.IMAGE_TYPE_APPC, "0.8.11")
    assert (image.import_timestamp, image.size) == (300, 1000)
    assert [(l.Key, l.value) for l in image.labels] == [("version", "3.5"), ("os", "linux"), ("arch", "amd64")]
    assert [(a.Key, a.value) for a in image.annotations] == [("created", "2026-01-01T00:00:00Z"), ("x", "1")]
    assert image.manifest == (data_dir / "images/records" / A / "manifest").read_bytes()


def test_the_original_format_is_told(api, shelf, pb):
    formats = {i.id: (pb.ImageType.Name(i.base_format.type), i.base_format.version) for i in api.images()}
    assert formats[B][0] == "IMAGE_TYPE_OCI" and formats[C][0] == "IMAGE_TYPE_DOCKER"
    assert all(version for _, version in formats.values())


def test_an_image_without_version_is_the_latest(api, shelf):
    assert api.InspectImage(id=C).image.version == "latest"


def test_oldest_import_comes_first(api, shelf):
    assert [i.id for i in api.images()] == [B, C, A]


def test_without_detail_only_the_manifest_is_missing(api, shelf):
    for brief, full in zip(api.images(), api.images(detail=True)):
        assert not brief.manifest and json.loads(full.manifest)["name"] == full.name
        full.ClearField("manifest")
        assert brief == full and brief.labels is not None and brief.annotations


@pytest.mark.parametrize("filters, wanted", [
    ([], "abc"),
    ([{}], "abc"),
    ([{"ids": [A]}], "a"),
    ([{"ids": [A, C]}], "ac"),
    ([{"ids": [A[:20]]}], ""),
    ([{"prefixes": ["coreos.com"]}], "a"),
    ([{"prefixes": ["k8s", "registry-1"]}], "bc"),
    ([{"base_names": ["etcd"]}], "ab"),
    ([{"base_names": ["etcd", "etcd-backup"]}], "abc"),
    ([{"base_names": ["library/etcd-backup"]}], ""),
    ([{"keywords": ["etcd"]}], "abc"),
    ([{"keywords": ["library", "s.io"]}], "bc"),
    ([{"keywords": ["etcd:3.5"]}], ""),
    ([{"labels": kv(version="3.5")}], "a"),
    ([{"labels": kv(version="3.5", os="linux")}], "a"),
    ([{"labels": kv(version="3.5", os="freebsd")}], ""),
    ([{"imported_after": 100}], "ac"),
    ([{"imported_after": 99}], "abc"),
    ([{"imported_before": 300}], "bc"),
    ([{"imported_before": 301}], "abc"),
    ([{"imported_after": 100, "imported_before": 300}], "c"),
    ([{"imported_after": -1, "imported_before": -1}], "abc"),
    ([{"annotations": kv(x="1")}], "ab"),
    ([{"annotations": kv(x="1", created="2026-01-01T00:00:00Z")}], "a"),
    ([{"full_names": ["k8s.io/etcd"]}], "b"),
    ([{"full_names": ["etcd", "k8s.io/etcd:latest"]}], ""),
    ([{"base_names": ["etcd"], "prefixes": ["coreos.com"]}], "a"),
    ([{"base_names": ["etcd-backup"], "prefixes": ["coreos.com"]}], ""),
    ([{"ids": [A]}, {"keywords": ["backup"]}], "ac"),
    ([{"ids": ["x"]}, {"full_names": ["y"]}], ""),
])
def test_filters(api, shelf, filters, wanted):
    for detail in (False, True):
        assert {i.id for i in api.images(*filters, detail=detail)} == {shelf[n] for n in wanted}


def test_inspect_takes_any_unambiguous_beginning(api, shelf, tree):
    assert api.InspectImage(id=A[:9]).image.id == A
    assert api.InspectImage(id=A + "0" * 64).image.id == A  # a whole SHA-512: ours are its beginning
    other = A[:10] + "0" * 61
    tree.image(other, "other")
    code, text = api.error("InspectImage", id=A[:10])
    assert code == "INVALID_ARGUMENT" and A[:10] in text
    assert api.InspectImage(id=other[:12]).image.name == "other"


@pytest.mark.parametrize("asked, code", [
    ("", "INVALID_ARGUMENT"), ("sha512-", "INVALID_ARGUMENT"), ("sha512-a", "INVALID_ARGUMENT"),
    ("coreos.com/etcd", "INVALID_ARGUMENT"), ("sha512-zz", "INVALID_ARGUMENT"), ("sha512-ab/../..", "INVALID_ARGUMENT"),
    ("sha256-abcd", "INVALID_ARGUMENT"), ("sha512-0123", "NOT_FOUND"), (podtree.image_id("9"), "NOT_FOUND"),
])
def test_inspect_says_what_is_wrong_with_an_id(api, shelf, asked, code):
    got, text = api.error("InspectImage", id=asked)
    assert got == code
    assert asked in text and text


@pytest.mark.parametrize("file, data", [
    ("record.json", b""), ("record.json", b"{}"), ("record.json", b'{"a":' * 5000), ("manifest", b""),
    ("manifest", b"\xff"), ("manifest", b'{"acKind":"PodManifest"}'), ("record.json", None), ("manifest", None),
])
def test_a_broken_record_hides_no_other(api, shelf, data_dir, file, data):
    path = data_dir / "images/records" / B / file
    path.unlink() if data is None else path.write_bytes(data)
    assert {i.id for i in api.images(detail=True)} == {A, C}
    code, text = api.error("InspectImage", id=B)
    assert code in ("DATA_LOSS", "NOT_FOUND") and B in text


def test_what_is_no_record_is_not_listed(api, shelf, data_dir):
    records = data_dir / "images/records"
    (records / "lost+found").mkdir()
    (records / podtree.image_id("d")).write_text("a file")
    (records / podtree.image_id("e")).symlink_to(records / A)
    (records / ".tmp-x").mkdir()
    assert {i.id for i in api.images()} == {A, B, C}


def test_an_image_that_appears_and_goes(api, tree, data_dir):
    assert api.images() == []
    path = tree.image(A, "one")
    assert [i.name for i in api.images()] == ["one"]
    path.rename(data_dir / "gone")
    assert api.images() == []
    assert api.error("InspectImage", id=A)[0] == "NOT_FOUND"


def test_a_thousand_images_with_broken_ones_among_them_leak_nothing(start_api, tree):
    for n in range(30):
        tree.image(f"sha512-{n:064x}", f"image-{n}", manifest=b"{" if n % 3 == 0 else None)
    server = start_api()
    assert len(server.client.images()) == 20
    before = server.descriptors()
    for n in range(300):
        server.client.images(detail=True)
        if n % 3 == 0:
            server.client.error("InspectImage", id=f"sha512-{0:064x}")
    assert server.descriptors() == before


# --- the live index

def test_look_ups_and_walks_find_the_same(api, tree):
    """Filters by id and name are looked up, others go through all; many of them in steps."""
    names = {}
    for n in range(150):
        id = f"sha512-{n * 7919:064x}"
        names[id] = f"host{n % 3}.example/app{n % 10}"
        tree.image(id, names[id], imported=(n % 5) * SECOND)
    order = sorted(names, key=lambda id: ((int(id[7:], 16) // 7919) % 5, id))
    assert [i.id for i in api.images()] == order
    some = order[::7]
    narrow = [{"ids": some[:5]}, {"full_names": ["host1.example/app4"]}, {"base_names": ["app7", "nothing"]},
              {"ids": some, "base_names": ["app1"]}]
    expected = [id for id in order if id in some[:5] or names[id] == "host1.example/app4" or names[id].endswith("app7") or
                (id in some and names[id].endswith("app1"))]
    nothing = [{"keywords": [f"nobody{n}"]} for n in range(100)]
    for detail in (False, True):
        assert [i.id for i in api.images(*narrow, detail=detail)] == expected
        assert [i.id for i in api.images(*narrow, *nothing, detail=detail)] == expected
        assert [i.id for i in api.images(*nothing, {"prefixes": [""]}, detail=detail)] == order
        assert api.images(*nothing, detail=detail) == []


def what_the_directory_says(records):
    """The ids of images that can be read, as ListImages tells them."""
    found = []
    for path in records.iterdir() if records.is_dir() else ():
        try:
            record = json.loads((path / "record.json").read_text())
            name = json.loads((path / "manifest").read_text())["name"]
        except (OSError, ValueError, KeyError):
            continue
        found.append((record["imported_at"], path.name, name))
    return [(id, name) for _, id, name in sorted(found)]


def test_whatever_happens_the_next_list_tells_the_truth(start_api, tree, data_dir):
    """Imports, removals, exchanges, repairs and new directories in random order; no call is ever out of date."""
    records, aside = data_dir / "images/records", data_dir / "aside"
    aside.mkdir()
    rng = random.Random(18)
    ids = [podtree.image_id(f"{n:x}") for n in range(12)]

    def made_aside(n):
        path = tree.image(ids[n], f"name{rng.randrange(1000)}", imported=rng.randrange(1000))
        return path.rename(aside / f"made{rng.random()}")

    def imported(n):
        if not (records / ids[n]).exists():
            new = made_aside(n)
            records.mkdir(parents=True, exist_ok=True)
            new.rename(records / ids[n])

    def removed(n):
        if (records / ids[n]).exists():
            (records / ids[n]).rename(aside / f"gone{rng.random()}")

    def deleted(n):
        shutil.rmtree(records / ids[n], ignore_errors=True)

    def broken(n):
        if (records / ids[n]).exists():
            (records / ids[n] / rng.choice(["record.json", "manifest"])).write_text("{")

    def rewritten(n):
        if (records / ids[n]).exists():
            removed(n)
            imported(n)

    def tagged(n):
        path = records / ids[n] / "record.json"
        if path.exists():
            (path.parent / ".new").write_bytes(path.read_bytes())
            (path.parent / ".new").rename(path)

    def made_in_place(n):
        if not (records / ids[n]).exists():
            tree.image(ids[n], f"place{rng.randrange(1000)}", imported=rng.randrange(1000))

    def swept(_):
        if records.exists() and rng.random() < 0.3:
            records.rename(aside / f"records{rng.random()}")

    def moved(_):
        if rng.random() < 0.2 and (data_dir / "images").exists():
            (data_dir / "images").rename(aside / f"images{rng.random()}")

    server = start_api()
    api = server.client
    assert api.images() == []
    before = server.descriptors()
    for turn in range(400):
        for _ in range(rng.randrange(1, 4)):
            rng.choice([imported, imported, imported, removed, deleted, broken, rewritten, tagged, made_in_place, swept,
                        moved])(rng.randrange(len(ids)))
        told = [(i.id, i.name) for i in api.images(detail=turn % 2)]
        assert told == what_the_directory_says(records), turn
    assert server.descriptors() <= before


def test_lists_while_everything_changes_are_never_refused(start_api, tree, data_dir):
    for n in range(50):
        tree.image(f"sha512-{n:064x}", f"name{n}", imported=n)
    server = start_api()
    records, aside = data_dir / "images/records", data_dir / "aside"
    aside.mkdir()
    stop = threading.Event()

    def churn():
        rng = random.Random(1)
        while not stop.is_set():
            id = f"sha512-{rng.randrange(25):064x}"
            (records / id).rename(aside / id)
            (aside / id).rename(records / id)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(300):
            told = {i.id for i in server.client.images()}
            assert {f"sha512-{n:064x}" for n in range(25, 50)} <= told
            assert server.client.InspectImage(id=f"sha512-{30:064x}").image.name == "name30"
    finally:
        stop.set()
        thread.join()
    assert len(server.client.images()) == 50
