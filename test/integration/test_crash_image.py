# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of an import, of image gc and rm, of the API service, and of the commands that prepare and remove pods: nothing half
is seen, the next command cleans up and does what the first one should have done."""
import json
import os
import random
import signal
import subprocess
import time

import pytest

from clirun import make_aci, pods, start, status, store, until  # noqa: F401
from stopping import Aftermath, aftermath, at, command, go_on, hooks, killed_at, paused, stopped  # noqa: F401

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{kind: path}: an ACI, and a docker archive of two layers."""
    import io
    import hashlib
    import tarfile

    top = tmp_path_factory.mktemp("images")

    def tar(path, members):
        with tarfile.open(path, "w") as out:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
        return path.read_bytes()

    layers = [tar(top / "l", {"bin/a": b"a" * 300000, "etc/hosts": b"x\n"}), tar(top / "l", {"bin/b": b"b" * 300000})]
    ids = [hashlib.sha256(layer).hexdigest() for layer in layers]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/a"]},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{i}" for i in ids]}}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    listed = [{"Config": config_name, "RepoTags": ["example.com/two:1"], "Layers": [f"{i}/layer.tar" for i in ids]}]
    tar(top / "docker.tar", {"manifest.json": json.dumps(listed).encode(), config_name: config,
                             **{f"{i}/layer.tar": layer for i, layer in zip(ids, layers)}})
    return {"aci": make_aci(top / "x.aci", "example.com/hello", "/bin/true"), "docker": top / "docker.tar"}


def images(carob):
    return [i["id"] for i in json.loads(carob("image", "list", "--format=json").stdout)]


def layers_of(data_dir):
    """Names in images/layers, and what its digests point at."""
    layers = data_dir / "images/layers"
    return ({p.name for p in layers.iterdir()} - {"by-digest"},
            {os.path.basename(os.readlink(p)) for p in (layers / "by-digest").iterdir()})


class Images:
    """What must hold of a store after a crash, and after the next import."""

    def __init__(self, carob, data_dir, api):
        self.carob, self.data_dir, self.api = carob, data_dir, api

    def same(self, wanted):
        assert images(self.carob) == wanted == [i.id for i in self.api.images()]
        for image in wanted:
            self.carob("image", "cat-manifest", image)
            assert self.api.InspectImage(id=image).image.manifest

    def import_again(self, file):
        (image,) = self.carob("fetch", "--full", file).stdout.split()
        self.same([image])
        self.is_clean()
        return image

    def is_clean(self):
        assert not list((self.data_dir / "images/tmp").iterdir())
        made, linked = layers_of(self.data_dir)
        assert linked <= made

    def goes_away(self, image):
        """Removed, the image leaves nothing at all."""
        self.carob("image", "rm", image)
        self.carob("image", "gc", "--grace-period=0s")
        self.same([])
        assert layers_of(self.data_dir) == (set(), set())
        assert not list((self.data_dir / "images").glob("blobs/sha256/*"))
        self.is_clean()


@pytest.fixture
def shelf(carob, data_dir, api):
    return Images(carob, data_dir, api)


IMPORT_STEPS = ["tmp:made", "import:begun", "import:unpack", "import:commit", "import:synced", "import:layer-moved",
                "import:layers", "import:contents", "import:record", "import:done"]


@pytest.mark.parametrize("step", IMPORT_STEPS)
@pytest.mark.parametrize("kind", ["aci", "docker"])
def test_an_import_killed(carob, shelf, files, hooks, kind, step):
    killed_at(carob, step, "fetch", files[kind])
    if step != "import:done":
        shelf.same([])
    shelf.goes_away(shelf.import_again(files[kind]))


def test_an_import_killed_at_any_moment(carob, shelf, files, command):
    chance, began = random.Random(3), time.monotonic()
    carob("fetch", files["docker"])
    whole = time.monotonic() - began
    (image,) = images(carob)
    for _ in range(12):
        carob("image", "rm", image, status=None)
        fetch = command("fetch", files["docker"])
        time.sleep(chance.uniform(0, whole))
        fetch.kill()
        fetch.wait()
        assert images(carob) in ([], [image])
    shelf.goes_away(shelf.import_again(files["docker"]))


def test_gc_cleans_up_after_a_killed_import(carob, shelf, files, hooks):
    for step in ("import:unpack", "import:contents"):
        killed_at(carob, step, "fetch", files["docker"])
    carob("image", "gc", "--grace-period=0s")
    assert layers_of(shelf.data_dir) == (set(), set())
    shelf.is_clean()


def test_a_living_import_is_not_cleaned_up(carob, shelf, files, paused):
    fetch = paused("import:unpack", "fetch", files["aci"])
    (image,) = carob("fetch", "--full", files["docker"]).stdout.split()
    assert len(list((shelf.data_dir / "images/tmp").iterdir())) == 1
    go_on(fetch)
    assert set(images(carob)) > {image}
    shelf.is_clean()


@pytest.mark.parametrize("verb", ["gc", "rm"])
@pytest.mark.parametrize("step", ["image-gc:begun", "image-gc:records", "image-gc:layers", "image-gc:swept"])
def test_a_removal_of_images_killed(carob, shelf, files, hooks, verb, step):
    (kept,) = carob("fetch", "--full", files["docker"]).stdout.split()
    killed_at(carob, step, "image", *(["gc", "--grace-period=0s"] if verb == "gc" else ["rm", kept]))
    shelf.same([kept] if step == "image-gc:begun" else [])
    shelf.goes_away(shelf.import_again(files["docker"]))


PREPARE_STEPS = ["prepare-made", "created", "manifest-written", "app-written", "filled", "synced"]


@pytest.mark.parametrize("step", PREPARE_STEPS)
@pytest.mark.parametrize("overlay", [True, False])
def test_a_prepare_killed(carob, store, aftermath, hooks, overlay, step):
    killed_at(carob, step, "prepare", *([] if overlay else ["--no-overlay"]), "example.com/true")
    aftermath.quiet()
    uuid = aftermath.only("aborted prepare")
    aftermath.collected(*(("rm", uuid) if overlay else ()))


@pytest.mark.parametrize("step, state", [("created", "aborted prepare"), ("locked", "aborted prepare"), ("exec", "exited")])
@pytest.mark.parametrize("detach", [True, False])
def test_a_run_killed(carob, store, aftermath, hooks, detach, step, state):
    if detach and step == "exec":
        # The child is killed, not the command: it is told.
        assert "the supervisor ended" in carob("run", "--detach", "example.com/true", status=254, env=at(step)).stderr
    else:
        killed_at(carob, step, "run", *(["--detach"] if detach else []), "example.com/true")
    aftermath.quiet()
    aftermath.only(state)
    aftermath.collected()


def test_a_command_killed_while_its_detached_pod_starts(carob, store, aftermath, hooks, command):
    """The pod does not need the command any more: it starts, and nobody is told."""
    run = command("run", "--detach", "example.com/sleep", env=at("pod:mounts:stop"))
    until(lambda: [p for p in pods(carob) if p["state"] == "running"], what="the pod")
    (pod,) = pods(carob)
    path = store.images.parent / "pods/run" / pod["name"]
    until(lambda: held_supervisors(pod["name"]), what="the step")
    run.kill()
    run.wait()
    os.kill(held_supervisors(pod["name"])[0], signal.SIGCONT)
    until(lambda: (path / "ready").exists(), what="readiness")
    assert aftermath.states() == {pod["name"]: "running"}
    carob("stop", pod["name"])
    aftermath.quiet()
    aftermath.collected()


def held_supervisors(uuid):
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            if f"--uuid={uuid}" in open(f"/proc/{pid}/cmdline").read().split("\0") and stopped(pid):
                found.append(pid)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("step", ["exited-garbage", "garbage-locked", "cgroup-removed", "last-words", "remove-created", "remove-entry", "remove-manifest"])
@pytest.mark.parametrize("crashed", [True, False])
def test_a_gc_killed(carob, store, aftermath, hooks, crashed, step):
    """Also of a pod whose supervisor was killed, so that its cgroups are there."""
    if crashed:
        carob("run", "--detach", "example.com/sleep", status=254, env=at("pod:called"))
        aftermath.quiet()
    else:
        carob("run", "example.com/true")
    killed_at(carob, step, "gc", "--grace-period=0s")
    uuid = aftermath.only("exited garbage")
    assert aftermath.api.pod(uuid).gc_marked_at > 0
    aftermath.collected(*(("rm", uuid) if crashed else ()))


@pytest.mark.parametrize("step", ["garbage", "garbage-locked", "last-words", "remove-entry"])
def test_a_gc_of_what_never_ran_killed(carob, store, aftermath, hooks, step):
    carob("prepare", "example.com/true")
    killed_at(carob, step, "gc", "--expire-prepared=0s")
    aftermath.only("garbage")
    aftermath.collected()


def test_the_service_may_be_killed_at_any_time(carob, store, start_api, pb):
    """It holds nothing: pods run on, a new service says what the old one said, nothing has to be cleaned up."""
    uuid = start(carob, "example.com/sleep")
    server = start_api()
    before = server.client.pod(uuid)
    follower = server.client.GetLogs(pod_id=uuid, follow=True)
    carob_list = carob("list", "--full").stdout
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    with pytest.raises(Exception):
        list(follower)
    assert carob("list", "--full").stdout == carob_list
    assert start_api().client.pod(uuid) == before
    carob("stop", uuid)
    assert start_api().client.pod(uuid).state == pb.POD_STATE_EXITED
    assert subprocess.run(["ls", store.images / "tmp"], capture_output=True, text=True).stdout == ""
