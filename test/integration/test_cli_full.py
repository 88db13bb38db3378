# SPDX-License-Identifier: Apache-2.0
"""A full disk: clear errors, nothing half-visible, running pods keep running."""
import os
import subprocess
import time

import pytest

from clirun import make_aci, pods, start, status, store, until  # noqa: F401

pytestmark = pytest.mark.root


@pytest.fixture
def data_dir(short_tmp):
    """A data directory on a file system of its own, of 24 MB."""
    path = short_tmp / "data"
    path.mkdir(mode=0o750)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=750", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.fixture
def mounts_below_is_ours(monkeypatch):
    """The data directory itself is a mount here, which the store's check for leftovers must not mind."""
    import clirun

    monkeypatch.setattr(clirun, "mounts_below", lambda path: [])


@pytest.fixture
def full(data_dir):
    """Fills the disk; full(False) empties it again."""
    filler = data_dir / "filler"

    def fill(on=True):
        if not on:
            filler.unlink(missing_ok=True)
            return
        fd = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
        for block in (1 << 16, 1):
            try:
                while True:
                    os.write(fd, b"x" * block)
            except OSError:
                continue
        os.close(fd)

    yield fill
    filler.unlink(missing_ok=True)


def test_prepare_on_a_full_disk(mounts_below_is_ours, carob, store, full):
    full()
    for command in ("prepare", "run"):
        done = carob(command, "--no-overlay", "example.com/true", status=254)
        assert "No space left on device" in done.stderr, done.stderr
        assert done.stdout == ""
    assert all(p["state"] == "aborted prepare" for p in pods(carob))
    carob("gc")
    assert pods(carob) == []
    full(False)
    carob("run", "example.com/true")


def test_fetch_on_a_full_disk(mounts_below_is_ours, carob, store, full, short_tmp):
    image = make_aci(short_tmp / "x.aci", "example.com/new", "/bin/true")
    full()
    before = carob("image", "list").stdout
    done = carob("fetch", image, status=254)
    assert "No space left on device" in done.stderr and done.stdout == ""
    assert carob("image", "list").stdout == before
    full(False)
    carob("fetch", image)
    assert not list((store.images / "tmp").iterdir())
    assert len(list((store.images / "layers").iterdir())) == 3, "layer 1, the new one, and by-digest"


def test_a_running_pod_survives_a_full_disk(mounts_below_is_ours, carob, store, full):
    uuid = start(carob, "example.com/sh", "--", "trap 'exit 0' TERM; while :; do echo line; sleep 0.01; done")
    full()
    log = store.images.parent / "pods/run" / uuid / "logs/sh.log"
    size = log.stat().st_size
    until(lambda: status(carob, uuid)["state"] == "running")
    time.sleep(0.3)
    assert status(carob, uuid)["state"] == "running"
    full(False)
    until(lambda: log.stat().st_size > size + 1000, what="logging to go on")
    carob("stop", uuid)
    assert status(carob, uuid)["apps"][0]["exit_code"] == 0


def test_stop_works_on_a_full_disk(mounts_below_is_ours, carob, store, full):
    uuid = start(carob, "example.com/sleep")
    full()
    carob("stop", uuid)
    assert status(carob, uuid)["state"] == "exited"
    carob("rm", uuid)
