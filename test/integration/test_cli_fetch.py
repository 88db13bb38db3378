# SPDX-License-Identifier: Apache-2.0
"""Images from files of all formats, made here and by skopeo and umoci, through the command line into pods."""
import json
import shutil
import subprocess

import pytest

from clirun import busybox_root, make_aci, make_oci, pods

pytestmark = pytest.mark.root


def ids(done):
    return done.stdout.split()


@pytest.fixture(scope="session")
def oci(tmp_path_factory):
    """An OCI layout with one image, busybox with an entrypoint, made by umoci."""
    if not shutil.which("umoci"):
        pytest.skip("needs umoci")
    top = tmp_path_factory.mktemp("oci")

    def umoci(*args):
        subprocess.run(["umoci", *args], cwd=top, check=True, capture_output=True)

    umoci("init", "--layout", "layout")
    umoci("new", "--image", "layout:v1")
    umoci("unpack", "--image", "layout:v1", "bundle")
    busybox_root(top / "bundle/rootfs")
    umoci("repack", "--image", "layout:v1", "bundle")
    umoci("config", "--image", "layout:v1", "--config.entrypoint", "/bin/sh", "--config.entrypoint=-c", "--config.cmd",
          "echo hello from $WHAT", "--config.env", "WHAT=oci", "--config.workingdir", "/tmp", "--config.user", "bob")
    return top / "layout"


def test_aci(carob, short_tmp):
    path = make_aci(short_tmp / "x.aci", "example.com/hello", "/bin/echo", "hello from aci")
    (image,) = ids(carob("fetch", path))
    assert len(image) == 39
    assert ids(carob("fetch", "--full", path))[0].startswith(image)
    assert json.loads(carob("fetch", "--format=json", path).stdout)[0].startswith(image)
    for name in ("example.com/hello", "example.com/hello:1.0", "hello", image, image[:14], str(path)):
        assert carob("run", name).stdout == "hello from aci\n"
    assert len(json.loads(carob("image", "list", "--format=json").stdout)) == 1


def test_run_imports_a_file(carob, short_tmp):
    path = make_aci(short_tmp / "x.aci", "example.com/hello", "/bin/echo", "hello from aci")
    assert carob("run", path).stdout == "hello from aci\n"
    assert carob("run", path.name, cwd=short_tmp).stdout == "hello from aci\n"


def test_oci_layout_and_docker_archive_by_skopeo(carob, oci, short_tmp):
    assert len(ids(carob("fetch", oci))) == 1
    if not shutil.which("skopeo"):
        pytest.skip("needs skopeo")
    for target, fetched in ((f"oci-archive:{short_tmp}/a.tar:example.com/arch:2", "a.tar"),
                            (f"docker-archive:{short_tmp}/d.tar:example.com/dock:3", "d.tar")):
        subprocess.run(["skopeo", "copy", f"oci:{oci}:v1", target], check=True, capture_output=True)
        assert len(ids(carob("fetch", short_tmp / fetched))) == 1
    formats = {i["name"]: i["format"] for i in json.loads(carob("image", "list", "--format=json").stdout)}
    assert formats["example.com/dock:3"] == "docker"
    assert carob("run", "example.com/dock:3").stdout == "hello from oci\n"
    assert carob("run", "example.com/dock", "--", "id -un; pwd; echo $WHAT").stdout == "bob\n/tmp\noci\n"
    assert carob("run", short_tmp / "a.tar", "--set-env=WHAT=flag").stdout == "hello from flag\n"


def test_a_pod_of_three_formats(carob, oci, short_tmp):
    aci = make_aci(short_tmp / "x.aci", "example.com/hello", "/bin/echo", "aci")
    subprocess.run(["skopeo", "copy", f"oci:{oci}:v1", f"docker-archive:{short_tmp}/d.tar:example.com/dock:3"], check=True,
                   capture_output=True)
    done = carob("run", aci, "--name=a", oci, "--name=b", "--", "echo oci", "---", short_tmp / "d.tar", "--name=c", "--",
                 "echo docker")
    assert sorted(done.stdout.split()) == ["aci", "docker", "oci"]
    pod = pods(carob)[0]
    assert [a["name"] for a in pod["apps"]] == ["a", "b", "c"]
    assert len({a["image_id"] for a in pod["apps"]}) == 3


def test_an_image_of_a_hundred_layers_runs(carob, short_tmp):
    busybox_root(short_tmp / "root")
    layers = [short_tmp / "root"] + [{f"f{i}": b"%d\n" % i, "top": b"%d\n" % i} for i in range(1, 100)]
    made = make_oci(short_tmp / "many", layers, Cmd=["/bin/sh", "-c", "cat /top; ls -d /f* | wc -l"])
    assert carob("run", made).stdout.split() == ["99", "99"]


def test_whiteouts_hide_what_lies_below(carob, short_tmp):
    busybox_root(short_tmp / "root")
    layers = [short_tmp / "root", {"d/a": b"", "d/b": b"", "e/a": b"", "gone": b""},
              {"d/.wh.a": b"", "e/.wh..wh..opq": b"", "e/b": b"", ".wh.gone": b""}]
    made = make_oci(short_tmp / "many", layers, Cmd=["/bin/sh", "-c", "echo /d/* /e/* /gone*"])
    assert carob("run", made).stdout == "/d/b /e/b /gone*\n"
    assert carob("run", "--no-overlay", made).stdout == "/d/b /e/b /gone*\n"


def test_broken_files_are_named(carob, short_tmp):
    (short_tmp / "junk").write_bytes(b"this is no image at all" * 100)
    good = make_aci(short_tmp / "x.aci", "example.com/hello", "/bin/true")
    (short_tmp / "cut.aci").write_bytes(good.read_bytes()[:100000])
    for name in ("junk", "cut.aci"):
        done = carob("fetch", short_tmp / name, status=254)
        assert done.stderr.startswith("fetch: ") and name in done.stderr
    done = carob("fetch", good, short_tmp / "junk", status=254)
    assert len(ids(done)) == 1, "what was imported before the failure is told"
    assert len(json.loads(carob("image", "list", "--format=json").stdout)) == 1


def test_image_cat_manifest_and_rm(carob, short_tmp):
    carob("fetch", make_aci(short_tmp / "x.aci", "example.com/hello", "/bin/true"))
    text = carob("image", "cat-manifest", "example.com/hello:1.0").stdout
    assert text.startswith('{\n\t"acKind": "ImageManifest",\n\t"acVersion": "0.8.11",\n\t"name": "example.com/hello",\n')
    (image,) = [i["id"] for i in json.loads(carob("image", "list", "--format=json").stdout)]
    assert carob("image", "rm", image[:20]).stdout == f'removed image "{image}"\n'
    assert "0 images, 0 layers" in carob("image", "gc", "--grace-period=0s").stdout
