# SPDX-License-Identifier: Apache-2.0
"""Full disks, of bytes and of inodes, on ext4 and tmpfs: errors are clear and end with 254, nothing half is seen, running pods
keep running with a log that says what it lost, removing works, and with space everything works again."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

import clirun
from clirun import alive, cgroups_of, make_aci, mounts_below, pods, processes_of, start, status, store, until  # noqa: F401

pytestmark = pytest.mark.root

NO_SPACE = "No space left on device"
LINE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [FP] .*\Z")
MARKER = re.compile(r"\[carob: (\d+) bytes of output were lost here: No space left on device\]")


@pytest.fixture(params=["ext4", "tmpfs"])
def data_dir(request, short_tmp):
    """A data directory on a file system of its own, of 24 MB."""
    path, image = short_tmp / "data", short_tmp / "disk"
    path.mkdir(mode=0o750)
    if request.param == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", "size=24m,nr_inodes=3000,mode=750", "tmpfs", path]
    else:
        with image.open("wb") as f:
            f.truncate(24 << 20)
        # No journal and no lazy work, so that what is free is free; nothing reserved for root.
        subprocess.run(["mkfs.ext4", "-q", "-m0", "-N3000", "-O^has_journal", "-E", "lazy_itable_init=0", image], check=True)
        command = ["mount", "-o", "loop", image, path]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode != 0 and request.param == "ext4":
        pytest.skip(f"no loop device: {mounted.stderr.strip()}")
    assert mounted.returncode == 0, mounted.stderr
    yield path
    # A killed pod's namespace may hold it for a moment.
    until(lambda: subprocess.run(["umount", path], capture_output=True).returncode == 0, what="umount")


@pytest.fixture(autouse=True)
def the_disk_is_a_mount(monkeypatch, data_dir):
    """The store's check for leftovers must not mind the mount of the data directory itself."""
    monkeypatch.setattr(clirun, "mounts_below", lambda path: [m for m in mounts_below(path) if m.split()[4] != str(data_dir)])


class Filler:
    """disk.fill(left) leaves about so many bytes; disk.empty() frees them; disk.use_inodes() takes the last inode."""

    def __init__(self, top):
        self.path, self.many = top / "filler", top / "inodes"

    def fill(self, left=0):
        with open(self.path, "ab", buffering=0) as f:  # made with the data directory, so that it needs no inode
            for block in (1 << 20, 1 << 16, 4096, 1):
                try:
                    while f.write(b"x" * block) == block:
                        pass
                except OSError:
                    continue
            os.fsync(f.fileno())
            if left:
                os.ftruncate(f.fileno(), max(os.fstat(f.fileno()).st_size - left, 0))

    def use_inodes(self):
        self.many.mkdir(exist_ok=True)
        try:
            for i in range(100000):
                (self.many / str(i)).touch()
        except OSError:
            return
        raise AssertionError("inodes without end")

    def empty(self):
        os.truncate(self.path, 0)
        if self.many.exists():
            for path in self.many.iterdir():
                path.unlink()
            self.many.rmdir()


@pytest.fixture
def disk(data_dir):
    made = Filler(data_dir)
    made.path.touch()
    yield made
    made.empty()


def fails(carob, *args):
    done = carob(*args, status=254)
    assert done.stdout == "" and NO_SPACE in done.stderr and done.stderr.startswith(f"{args[0]}: "), done.stderr
    return done


def images(carob):
    return json.loads(carob("image", "list", "--format=json").stdout)


def is_empty(data_dir):
    assert not list((data_dir / "images/tmp").iterdir())


@pytest.mark.parametrize("left", [0, 100_000, 1_000_000, "inodes"])
def test_import(carob, disk, data_dir, short_tmp, left):
    aci = make_aci(short_tmp / "x.aci", "example.com/new", "/bin/echo", "new")
    carob("image", "list"), carob("image", "gc")
    disk.use_inodes() if left == "inodes" else disk.fill(left)
    fails(carob, "fetch", aci)
    assert images(carob) == []
    is_empty(data_dir)
    disk.empty()
    carob("fetch", aci)
    is_empty(data_dir)
    assert carob("run", "example.com/new").stdout == "new\n"
    assert len(list((data_dir / "images/layers").iterdir())) == 2, "one layer, and by-digest"


@pytest.mark.parametrize("left", [0, 8192, 40000, "inodes"])
def test_prepare_and_run(carob, store, disk, data_dir, left):
    uuid = carob("prepare", "example.com/sh", "--", "echo prepared").stdout.strip()
    disk.use_inodes() if left == "inodes" else disk.fill(left)
    for command in (["prepare", "--no-overlay"], ["run", "--no-overlay"], ["run", "--no-overlay", "--detach"]):
        fails(carob, *command, "example.com/true")
    assert all(p["state"] == ("prepared" if p["name"] == uuid else "aborted prepare") for p in pods(carob))
    done = carob("run-prepared", uuid, status=None)
    if done.returncode != 0:
        assert NO_SPACE in done.stderr, done.stderr
    carob("gc", "--grace-period=0s")
    disk.empty()
    carob("run", "example.com/true")
    if done.returncode != 0 and uuid in [p["name"] for p in pods(carob)]:
        assert carob("run-prepared", uuid).stdout == "prepared\n", "nothing had happened to it"


def test_logs(carob, store, disk, data_dir, api, pb):
    """The app notices nothing; the log is whole lines, says what is missing, and goes on."""
    uuid = start(carob, "example.com/sh", "--",
                 "trap 'exit 0' TERM; i=0; while :; do echo line $i of many; i=$((i+1)); usleep 1000; done")
    log = data_dir / "pods/run" / uuid / "logs/sh.log"
    until(lambda: log.stat().st_size > 1000)
    disk.fill()
    before = log.stat().st_size
    time.sleep(0.5)
    assert [p.state for p in api.pods()] == [pb.POD_STATE_RUNNING] and status(carob, uuid)["state"] == "running"
    assert log.stat().st_size - before < 65536, "the disk was full"
    whole(log)
    disk.empty()
    until(lambda: MARKER.search(log.read_text()), what="the marker")
    size = log.stat().st_size
    until(lambda: log.stat().st_size > size + 1000, what="logging to go on")
    carob("stop", uuid)
    whole(log)
    text = carob("logs", uuid).stdout
    assert all(int(m) > 0 for m in MARKER.findall(text)) and text.count("[carob: ") < 20
    numbers = [int(n) for n in re.findall(r"line (\d+) of many$", text, re.M)]
    assert numbers == sorted(set(numbers)) and len(numbers) < numbers[-1] + 1
    assert len("".join(api.logs(uuid))) >= len(text)


def whole(log):
    lines = log.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert all(LINE.match(line) for line in lines)


def test_more_output_than_fits(carob, store, disk, data_dir):
    disk.fill(200_000)
    done = carob("run", "example.com/sh", "--", "yes abcdefgh | head -n 100000; echo end >&2; exit 4", status=4)
    assert done.stdout == "abcdefgh\n" * 100000, "who is attached gets everything"
    assert "end\n" in done.stderr
    (pod,) = pods(carob)
    whole(data_dir / "pods/run" / pod["name"] / "logs/sh.log")
    disk.empty()
    assert "abcdefgh\n" in carob("logs", pod["name"]).stdout


@pytest.mark.parametrize("left", [0, "inodes"])
def test_end_and_status(carob, store, disk, data_dir, api, pb, left):
    """A pod that ends on a full disk has ended; what it ended with may be unknown, but is not wrong."""
    uuid = start(carob, "example.com/sh", "--", "trap 'exit 5' TERM; while :; do sleep 0.01; done")
    disk.use_inodes() if left == "inodes" else disk.fill()
    carob("stop", uuid)
    pod, of_api = status(carob, uuid), api.pod(uuid)
    assert pod["state"] == "exited" and of_api.state == pb.POD_STATE_EXITED
    assert pod.get("exit_code", 5) == 5
    assert pod["apps"][0]["state"] == "exited" and pod["apps"][0].get("exit_code", 5) == 5
    assert of_api.apps[0].state == pb.APP_STATE_EXITED and of_api.apps[0].exit_code in (5, -1)
    until(lambda: not processes_of(data_dir), what="the supervisor's helpers")
    assert not cgroups_of(uuid)
    carob("gc", "--grace-period=0s")
    assert pods(carob) == []


def test_removing_makes_space(carob, disk, data_dir, short_tmp):
    aci = make_aci(short_tmp / "x.aci", "example.com/new", "/bin/true")
    (image,) = carob("fetch", "--full", aci).stdout.split()
    uuids = [carob("prepare", image).stdout.strip() for _ in range(2)]
    carob("run", image)
    disk.fill()
    carob("rm", uuids[0])
    disk.fill()
    carob("gc", "--grace-period=0s", "--expire-prepared=0s")
    assert pods(carob) == []
    disk.fill()
    carob("image", "rm", image)
    assert images(carob) == []
    is_empty(data_dir)
    disk.empty()
    carob("fetch", aci)
    disk.use_inodes()
    disk.fill()
    carob("image", "gc", "--grace-period=0s")
    assert images(carob) == []
    disk.empty()
    carob("run", aci)


def test_a_status_is_written_when_there_is_space_again(carob, store, disk, api, pb):
    uuid = start(carob, "example.com/sleep", "example.com/sh", "--", "trap 'exit 0' TERM; while :; do sleep 0.01; done")
    disk.fill()
    os.kill(status(carob, uuid)["apps"][1]["pid"], signal.SIGTERM)
    until(lambda: not alive(status(carob, uuid)["apps"][1]["pid"]), what="the app's end")
    disk.empty()
    until(lambda: status(carob, uuid)["apps"][1].get("exit_code") == 0, what="its status")
    assert [a.state for a in api.pod(uuid).apps] == [pb.APP_STATE_RUNNING, pb.APP_STATE_EXITED]
    carob("stop", uuid)
