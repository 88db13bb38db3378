# SPDX-License-Identifier: Apache-2.0
"""What had happened to pods and images, once they are gone: the ledgers pods/removed and images/removed."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from clirun import parent_of, pods, start, status, store, until  # noqa: F401
from stopping import at, command, go_on, hooks, killed_at, paused  # noqa: F401

pytestmark = pytest.mark.root

HEAD = re.compile(r"#[0-9a-f]{16} [0-9a-f]{16} [0-9a-f]{8}\Z")
DIED = "the process that prepared it ended before it was done"


def lines(path):
    """The lines of a ledger, parsed, each of which must be whole."""
    if not path.exists():
        return []
    head, *rest = path.read_text().split("\n")
    assert HEAD.match(head) and rest.pop() == ""
    return [json.loads(line) for line in rest]


@pytest.fixture
def gone(data_dir):
    """gone() is all that is told of removed pods."""
    return lambda: lines(data_dir / "pods/removed")


@pytest.fixture
def last(gone, carob):
    """last(uuid): removes the pod, and is what is told of it, once."""

    def remove(uuid):
        carob("rm", uuid)
        (one,) = [p for p in gone() if p["uuid"] == uuid]
        return one

    return remove


def only(carob):
    (pod,) = pods(carob)
    return pod["name"]


def in_order(past):
    times = [past.get(k) for k in ("created_at", "prepared_at", "aborted_at", "started_at", "finished_at", "collected_at")]
    times = [t for t in times if t]
    assert times == sorted(times), past
    for app in past.get("apps", []):
        if app.get("started_at"):
            assert past["started_at"] <= app["started_at"]
        if app.get("finished_at"):
            assert app["started_at"] <= app["finished_at"] <= past.get("finished_at", past["collected_at"])


def test_a_pod_that_ran(carob, store, last):
    begun = time.time_ns()
    carob("run", "--pod-name=web", "example.com/sh", "--name=one", "--", "exit 3", status=3)
    ended = time.time_ns()
    uuid = only(carob)
    past = last(uuid)
    in_order(past)
    (app,) = past["apps"]
    assert past["name"] == "web" and past["exit_code"] == 3 and past["reason"] == 'app "one" exited with status 3'
    assert "prepared_at" not in past and "aborted_at" not in past and "signal" not in past
    assert app["name"] == "one" and app["image_name"] == "example.com/sh" and app["image_id"].startswith("sha512-")
    assert app["exit_code"] == 3 and app["pid"] > 1 and past["pid"] > 1
    # Times of files are those of the coarse clock, some milliseconds old.
    assert begun - 20_000_000 <= past["created_at"] and past["finished_at"] <= ended


def test_a_pod_that_was_prepared(carob, store, last):
    uuid = carob("prepare", "example.com/true").stdout.strip()
    past = last(uuid)
    in_order(past)
    assert past["prepared_at"] and past["collected_at"]
    assert not past.keys() & {"aborted_at", "started_at", "finished_at", "apps", "reason"}


def test_a_prepared_pod_that_ran(carob, store, last):
    uuid = carob("prepare", "example.com/true").stdout.strip()
    carob("run-prepared", uuid)
    past = last(uuid)
    in_order(past)
    assert past["prepared_at"] < past["started_at"] and past["exit_code"] == 0 and "reason" not in past


def test_a_preparation_that_failed(carob, store, last):
    shutil.rmtree(store.images / "layers/1/fs")
    (store.images / "layers/1/fs").touch()
    said = carob("prepare", "--no-overlay", "--pod-name=web", "example.com/true", status=254).stderr
    uuid = only(carob)
    past = last(uuid)
    in_order(past)
    assert past["reason"] in said and "copy layer 1" in past["reason"] and past["name"] == "web"
    assert past["aborted_at"] and not past.keys() & {"prepared_at", "started_at", "finished_at"}


def test_a_uuid_file_that_cannot_be_written(carob, store, last):
    for how in ("prepare", "run"):
        carob(how, "--uuid-file-save=/nonexistent/x", "example.com/true", status=254)
        assert last(only(carob))["reason"] == "cannot write the pod's UUID to /nonexistent/x: No such file or directory"


@pytest.mark.parametrize("step", ["prepare-made", "created", "manifest-written", "filled", "synced", "prepared-written"])
def test_a_preparation_that_was_killed(carob, store, hooks, last, step):
    killed_at(carob, step, "prepare", "example.com/true")
    past = last(only(carob))
    in_order(past)
    assert past["reason"] == DIED and past["aborted_at"] and "prepared_at" not in past


def test_a_run_that_was_killed_before_it_ran(carob, store, hooks, last):
    killed_at(carob, "launch-written", "run", "example.com/true")
    past = last(only(carob))
    assert past["reason"] == DIED and past["aborted_at"] and not past.keys() & {"prepared_at", "finished_at"}


def test_a_pod_that_was_killed(carob, store, last):
    uuid = start(carob, "example.com/sleep", "--name=a", "example.com/sleep", "--name=b")
    os.kill(parent_of(status(carob, uuid)["pid"]), signal.SIGKILL)
    until(lambda: status(carob, uuid)["state"] == "exited")
    past = last(uuid)
    in_order(past)
    assert past["started_at"] and past["finished_at"] == 0 and not past.keys() & {"exit_code", "signal", "reason"}
    for app in past["apps"]:
        assert app["started_at"] and app["finished_at"] == 0 and app["pid"] > 1 and "exit_code" not in app


def test_a_pod_that_did_not_get_an_init(carob, store, hooks, last):
    carob("run", "--detach", "example.com/true", status=254, env=at("pod:cgroup"))
    past = last(only(carob))
    assert past["finished_at"] == 0 and not past.keys() & {"started_at", "pid", "aborted_at"}
    assert all(not a.keys() & {"started_at", "finished_at", "pid"} for a in past["apps"])


ENDS = {
    "signal": ("kill -KILL $$", 137, 9, 'app "a" was killed by signal 9 (Killed)'),
    "term": ("kill -TERM $$; sleep 5", 143, 15, 'app "a" was killed by signal 15 (Terminated)'),
    "status": ("exit 200", 200, None, 'app "a" exited with status 200'),
}


@pytest.mark.parametrize("how", ENDS)
def test_how_it_ended(carob, store, last, how):
    script, code, signo, reason = ENDS[how]
    carob("run", "example.com/sh", "--name=a", "--", script, "---", "example.com/sleep", status=code)
    past = last(only(carob))
    in_order(past)
    assert (past["exit_code"], past.get("signal"), past["reason"]) == (code, signo, reason)
    a, other = past["apps"]
    assert (a["exit_code"], a.get("signal")) == (code, signo)
    # The second may not have been started yet: then nothing has happened to it, or it was killed at once.
    assert (other.get("exit_code"), other.get("signal")) in ((143, 15), (137, 9), (None, None))
    assert ("exit_code" in other) == ("started_at" in other) == ("finished_at" in other)


def test_it_ran_out_of_memory(carob, store, last):
    eat = "x=x; while :; do x=$x$x; done"
    done = carob("run", "example.com/sh", "--name=a", "--memory=16M", "--", eat, status=None)
    if "cgroup" in done.stderr:
        pytest.skip(done.stderr)
    past = last(only(carob))
    in_order(past)
    (a,) = past["apps"]
    assert a["oom"] is True and past["reason"] == 'app "a" ran out of memory' and (a["signal"], past["signal"]) == (9, 9)
    assert a["exit_code"] == past["exit_code"] == 137


@pytest.mark.parametrize("force, script, code, signo, reason", [
    (False, "trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done", 0, None, "stopped on request"),
    (False, "trap 'exit 7' TERM; echo up; while :; do sleep 0.02; done", 7, None, "stopped on request"),
    (True, "echo up; sleep 100", 137, 9, "killed on request")])
def test_it_was_stopped(carob, store, data_dir, last, force, script, code, signo, reason):
    uuid = start(carob, "example.com/sh", "--name=a", "--", script)
    until(lambda: carob("logs", uuid).stdout)
    carob("stop", *(["--force"] if force else []), uuid)
    past = last(uuid)
    in_order(past)
    assert (past["exit_code"], past.get("signal"), past["reason"]) == (code, signo, reason)
    assert past["apps"][0]["exit_code"] == code


def test_it_could_not_be_started(carob, store, last):
    carob("run", "example.com/true", "--name=a", "--exec=/nonexistent", status=254)
    past = last(only(carob))
    in_order(past)
    assert past["exit_code"] == 254 and past["started_at"] and "/nonexistent" in past["reason"]
    assert "started_at" not in past["apps"][0]


REMOVE_STEPS = ["garbage-locked", "cgroup-removed", "ledger-written", "last-words", "remove-created", "remove-entry",
                "remove-manifest"]


@pytest.mark.parametrize("step", REMOVE_STEPS)
def test_a_removal_that_is_killed(carob, store, hooks, gone, step):
    """Whatever is done twice, the second line says the same, and the next gc finishes."""
    carob("run", "example.com/true")
    uuid = only(carob)
    killed_at(carob, step, "gc", "--grace-period=0s")
    told = gone()
    assert len(told) == (0 if step in ("garbage-locked", "cgroup-removed") else 1)
    carob("gc", "--grace-period=0s")
    assert pods(carob) == []
    twice = step in ("ledger-written", "last-words")
    assert len(gone()) == 1 + twice and all(p == gone()[0] and p["uuid"] == uuid for p in gone())
    in_order(gone()[0])


def test_a_mark_that_is_taken_back(carob, store, hooks, last):
    """The preparation died with the mark set; gc died when it had taken that back: an aborted pod still."""
    killed_at(carob, "prepared-written", "prepare", "example.com/true")
    uuid = only(carob)
    killed_at(carob, "mark-taken-back", "gc")
    assert status(carob, uuid)["state"] == "aborted prepare"
    past = last(uuid)
    in_order(past)
    assert past["reason"] == DIED and "prepared_at" not in past


def test_removers_at_once(carob, store, gone, command):
    """Each pod is told once, by whoever removed it, and the lines of all of them are whole."""
    made = [carob("prepare", "example.com/true").stdout.strip() for _ in range(30)]
    both = [command("gc", "--expire-prepared=0s") for _ in range(3)]
    for proc in both:
        assert proc.wait(timeout=60) == 0
    assert sorted(p["uuid"] for p in gone()) == sorted(made)


def test_without_a_ledger(carob, store, data_dir):
    """Deleting must work on a full disk; here the ledger cannot be written for another reason."""
    for _ in range(2):
        carob("prepare", "example.com/true")
    (data_dir / "pods/removed").mkdir()
    done = carob("gc", "--expire-prepared=0s")
    assert pods(carob) == []
    assert done.stderr.count("not all of their events may be told: removed is not a regular file") == 1
    done = carob("image", "rm", "example.com/sh")
    assert "events" not in done.stderr
    (data_dir / "images/removed").unlink()
    (data_dir / "images/removed").symlink_to("/etc/passwd")
    done = carob("image", "gc", "--grace-period=0s")
    assert done.stderr.count("not all of their events may be told: removed is not a regular file") == 1
    assert json.loads(carob("image", "list", "--format=json").stdout) == []


def test_on_a_full_disk(carob, store, data_dir):
    """On a file system with no room at all pods go, with a warning, and with the room that made the rest is told."""
    carob("gc")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=750", "tmpfs", data_dir / "pods"], check=True)
    try:
        carob("gc")
        for i in range(2):
            pod = data_dir / "pods/exited-garbage" / f"00000000-0000-4000-8000-00000000000{i}"
            pod.mkdir()
            (pod / "pod-created").touch()
            (pod / "pod").write_text("x" * (1 if i else 4096))
        with open(data_dir / "pods/x", "wb", buffering=0) as f:
            with pytest.raises(OSError):
                while True:
                    f.write(b"x" * 4096)
        done = carob("gc", "--grace-period=0s")
        assert pods(carob) == []
        assert done.stderr.count("No space left on device") == 1
        # The first had no room, and made some for the second.
        assert [p["uuid"][-1] for p in lines(data_dir / "pods/removed")] == ["1"]
    finally:
        subprocess.run(["umount", data_dir / "pods"], check=True)


def test_images(carob, store, data_dir):
    before = time.time_ns()
    listed = {i["id"]: i for i in json.loads(carob("image", "list", "--format=json").stdout)}
    carob("image", "rm", "example.com/sh")
    carob("image", "gc", "--grace-period=0s")
    told = lines(data_dir / "images/removed")
    assert sorted(p["id"] for p in told) == sorted(listed)
    assert told[0]["name"] == "example.com/sh" and told[0]["version"] == "1.0" and told[0]["format"] == "appc"
    assert all(before <= p["removed_at"] <= time.time_ns() and p["imported_at"] and p["size"] == 2000000 for p in told)


def test_an_image_removal_that_is_killed(carob, store, hooks, data_dir):
    killed_at(carob, "image-gc:last-words", "image", "rm", "example.com/sh")
    assert "example.com/sh" in carob("image", "list").stdout, "not gone yet, whatever the ledger says"
    carob("image", "rm", "example.com/sh")
    first, second = lines(data_dir / "images/removed")
    assert first["removed_at"] < second["removed_at"] and first["id"] == second["id"]


def test_the_service_may_read_them(carob, store, data_dir):
    """Mode 0640, of the directory's group."""
    os.chown(data_dir, 0, 12345)
    carob("image", "rm", "example.com/sh")
    carob("run", "example.com/true")
    carob("gc", "--grace-period=0s")
    for path in (data_dir / "pods/removed", data_dir / "images/removed"):
        info = path.stat()
        assert info.st_mode & 0o7777 == 0o640 and info.st_gid == path.parent.stat().st_gid
