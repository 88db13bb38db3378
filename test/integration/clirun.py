# SPDX-License-Identifier: Apache-2.0
"""Real pods through the command line: images made of Debian's busybox, and what a test asks about a pod."""
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import time

import pytest

BUSYBOX = "/bin/busybox"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def busybox_root(root):
    """A small root directory: busybox under all its names, users root and bob."""
    for d in ("bin", "etc", "tmp", "proc", "sys", "dev"):
        (root / d).mkdir(parents=True, exist_ok=True)
    shutil.copy(BUSYBOX, root / "bin/busybox")
    for name in subprocess.check_output([BUSYBOX, "--list"], text=True).split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/tmp:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nbob:x:1000:\n")
    (root / "tmp").chmod(0o1777)


def make_aci(path, name, *argv, version="1.0", **app):
    """An ACI whose app runs @argv."""
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp) / "rootfs"
        busybox_root(root)
        manifest = {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": name,
                    "labels": [{"name": "version", "value": version}, {"name": "os", "value": "linux"}],
                    "app": {"exec": list(argv) or ["/bin/true"], "user": "0", "group": "0", **app}}
        data = json.dumps(manifest).encode()
        with tarfile.open(path, "w") as tar:
            info = tarfile.TarInfo("manifest")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            tar.add(root, "rootfs")
    return path


def make_oci(path, layers, **config):
    """An OCI layout directory made by hand; @layers: for each a dict of path to bytes, or a directory to pack."""
    blobs = path / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    descriptors, diff_ids = [], []
    for layer in layers:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            if not isinstance(layer, dict):
                tar.add(layer, ".")
            else:
                for name, data in layer.items():
                    info = tarfile.TarInfo(name)
                    info.size, info.mode = len(data), 0o644
                    tar.addfile(info, io.BytesIO(data))
        diff_ids.append("sha256:" + hashlib.sha256(out.getvalue()).hexdigest())
        descriptors.append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **put(out.getvalue())})
    whole = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}, "config": config}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": descriptors,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put(json.dumps(whole).encode())}}
    entry = {"mediaType": manifest["mediaType"], **put(json.dumps(manifest).encode())}
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return path


class Store:
    """Images that share one layer of busybox, written into the store by hand: what a test of pods needs, and
    nothing that importing could break."""

    def __init__(self, data):
        self.images = data / "images"
        layer = self.images / "layers/1"
        busybox_root(layer / "fs")
        digest = "1" * 64
        (layer / "digest").write_text(f"sha256:{digest}")
        (layer / "size").write_text("2000000")
        (self.images / "layers/by-digest").mkdir()
        (self.images / f"layers/by-digest/sha256-{digest}").symlink_to("../1")

    def add(self, name, *argv, labels=(("version", "1.0"),), annotations=(), layers=("1",), **app):
        """The id of a new image whose app runs @argv."""
        manifest = {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": name,
                    "labels": [{"name": k, "value": v} for k, v in labels],
                    "annotations": [{"name": k, "value": v} for k, v in annotations]}
        if argv:
            manifest["app"] = {"exec": list(argv), "user": "0", "group": "0", **app}
        data = json.dumps(manifest)
        image = "sha512-" + hashlib.sha512(data.encode()).hexdigest()[:64]
        path = self.images / "records" / image
        path.mkdir(parents=True)
        (path / "manifest").write_text(data)
        record = {"id": image, "format": "appc", "format_version": "0.8.11", "name": name, "layers": list(layers),
                  "size": 2000000, "imported_at": time.time_ns(), "dependencies": []}
        record.update({"version": v for k, v in labels if k == "version"})
        (path / "record.json").write_text(json.dumps(record))
        return image


def until(condition, timeout=10, what="condition"):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(0.005)


def alive(pid):
    """Exists, and is no zombie."""
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def processes_of(data_dir):
    """Pids of supervisors of pods in this data directory (their pod inits have the same command line)."""
    found, ours = [], os.readlink("/proc/self/ns/pid")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            argv = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            if os.readlink(f"/proc/{pid}/ns/pid") != ours:
                continue
        except OSError:
            continue
        if argv[0].endswith(b"carob-pod") and f"--dir={data_dir}".encode() in argv and alive(pid):
            found.append(int(pid))
    return found


def parent_of(pid):
    """The supervisor, when @pid is a pod's init."""
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])


def cgroups_of(uuid):
    """What is left of a pod's cgroup in any hierarchy."""
    found = []
    for line in open("/proc/self/mounts"):
        _, path, kind = line.split()[:3]
        if kind in ("cgroup", "cgroup2") and os.path.isdir(f"{path}/carob/{uuid}"):
            found.append(f"{path}/carob/{uuid}")
    return found


def mounts_below(path):
    return [line for line in open("/proc/self/mountinfo") if str(path) in line]


def namespace_of(pid):
    """Pids in the PID namespace of @pid."""
    ns = os.readlink(f"/proc/{pid}/ns/pid")
    found = []
    for other in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{other}/ns/pid") == ns:
                found.append(int(other))
        except OSError:
            continue
    return found


@pytest.fixture
def store(data_dir, carob):
    """Images: example.com/sh (a shell), /true, /sleep; whatever runs when the test ends is killed and checked for leftovers."""
    made = Store(data_dir)
    made.add("example.com/sh", "/bin/sh", "-c")
    made.add("example.com/true", "/bin/true")
    made.add("example.com/sleep", "/bin/sleep", "1000")
    yield made
    uuids = [p["name"] for p in pods(carob)]
    for uuid in uuids:
        carob("stop", "--force", uuid, status=None)
    until(lambda: not processes_of(data_dir), what="supervisors to end")
    carob("gc", "--grace-period=0s", "--expire-prepared=0s")
    assert not pods(carob)
    assert not mounts_below(data_dir)
    assert not [c for uuid in uuids for c in cgroups_of(uuid)]


def pods(carob):
    return json.loads(carob("list", "--format=json").stdout)


def status(carob, pod):
    return json.loads(carob("status", pod, "--format=json").stdout)


def start(carob, *args):
    """A detached pod's uuid."""
    out = carob("run", "--detach", *args).stdout
    assert UUID.match(out.strip()) and out.count("\n") == 1
    return out.strip()
