# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at every step of the command line, of supervisor and pod init: the state stays true, nothing survives, gc
cleans all. And two commands at once for one pod: one wins, the other says so."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from clirun import (alive, cgroups_of, mounts_below, namespace_of, parent_of, pods, processes_of, start, status,  # noqa: F401
                    store, until)
from stopping import command, go_on, hooks, killed_at, paused  # noqa: F401

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("hooks")]


# --- the command line killed ---

PREPARE_STEPS = [("embryo-made", "embryo"), ("embryo-locked", "embryo"), ("created-written", "embryo"),
                 ("prepare-made", "aborted prepare"),
                 ("created", "aborted prepare"), ("manifest-written", "aborted prepare"), ("app-written", "aborted prepare"),
                 ("filled", "aborted prepare"), ("synced", "aborted prepare"),
                 ("prepared-written", "aborted prepare"), ("moved-to-prepared", "prepared")]


@pytest.mark.parametrize("step, state", PREPARE_STEPS)
def test_prepare_killed(carob, store, step, state):
    killed_at(carob, step, "prepare", "example.com/sh", "--", "echo alive")
    (pod,) = pods(carob)
    assert pod["state"] == state
    if state == "prepared":
        assert carob("run-prepared", pod["name"]).stdout == "alive\n"
        return
    assert carob("run-prepared", pod["name"], status=254).stderr == f'run-prepared: pod "{pod["name"]}" is not prepared\n'
    if state == "aborted prepare":
        carob("gc")
        assert pods(carob) == []
    else:
        # gc leaves a young embryo to its maker; the store fixture's checks expect none, so age it.
        path = store.images.parent / "pods/embryo" / pod["name"]
        assert carob("gc").returncode == 0 and path.exists()
        assert carob("rm", pod["name"], status=None).returncode in (0, 254)
        if path.exists():
            shutil.rmtree(path)


@pytest.mark.parametrize("step, state", [("filled", "aborted prepare"), ("locked", "aborted prepare"),
                                         ("launch-written", "aborted prepare"), ("moved-to-run", "exited"), ("exec", "exited")])
def test_run_killed(carob, store, step, state):
    killed_at(carob, step, "run", "example.com/sleep")
    (pod,) = pods(carob)
    assert pod["state"] == state
    carob("gc", "--grace-period=0s")
    assert pods(carob) == []


@pytest.mark.parametrize("step, state", [("locked", "prepared"), ("launch-written", "prepared"), ("moved-to-run", "exited"),
                                         ("exec", "exited")])
def test_run_prepared_killed(carob, store, step, state):
    uuid = carob("prepare", "example.com/sh", "--", "echo ran").stdout.strip()
    killed_at(carob, step, "run-prepared", uuid)
    assert status(carob, uuid)["state"] == state
    if state == "prepared":
        assert carob("run-prepared", uuid).stdout == "ran\n"
    else:
        assert status(carob, uuid).get("exit_code") is None


@pytest.mark.parametrize("step", ["marked", "garbage-locked", "cgroup-removed", "last-words", "remove-created", "remove-entry", "remove-manifest"])
def test_removal_killed_is_finished_by_the_next(carob, store, step):
    carob("run", "example.com/true")
    (pod,) = pods(carob)
    killed_at(carob, step, "rm", pod["name"])
    (left,) = pods(carob)
    assert left["state"] == "exited garbage"
    carob("gc", "--grace-period=0s")
    assert pods(carob) == []


# --- the pod killed ---


@pytest.mark.parametrize("victim", ["supervisor", "init"])
def test_sudden_death_leaves_no_process_and_a_true_state(carob, store, victim):
    uuid = start(carob, "example.com/sleep", "example.com/sh", "--", "trap '' TERM; while :; do sleep 1; done")
    init = status(carob, uuid)["pid"]
    supervisor, inside = parent_of(init), namespace_of(init)
    assert len(inside) >= 3
    os.kill(supervisor if victim == "supervisor" else init, signal.SIGKILL)
    until(lambda: not any(alive(p) for p in [supervisor, *inside]), what="the pod's end")
    pod = status(carob, uuid)
    assert pod["state"] == "exited"
    assert all(a["state"] == "exited" for a in pod["apps"])
    if victim == "supervisor":
        assert all("exit_code" not in a for a in pod["apps"])
        assert "app-sleep" not in carob("status", uuid).stdout
    assert carob("stop", uuid).stdout == f'pod "{uuid}" is already stopped\n'
    carob("gc", "--grace-period=0s")
    assert pods(carob) == [] and cgroups_of(uuid) == []


def test_wait_ends_when_the_supervisor_is_killed(carob, store, build, data_dir):
    uuid = start(carob, "example.com/sleep")
    waiter = subprocess.Popen([build / "carob", f"--dir={data_dir}", "status", "--wait", uuid], stdout=subprocess.PIPE, text=True)
    follower = subprocess.Popen([build / "carob", f"--dir={data_dir}", "logs", "-f", uuid], stdout=subprocess.PIPE, text=True)
    time.sleep(0.05)
    os.kill(parent_of(status(carob, uuid)["pid"]), signal.SIGKILL)
    out, _ = waiter.communicate(timeout=10)
    assert waiter.returncode == 0 and out.startswith("state=exited\n")
    assert follower.communicate(timeout=10) == ("", None) and follower.returncode == 0


# --- races ---


def test_run_prepared_twice(carob, store, paused):
    uuid = carob("prepare", "example.com/sh", "--", "echo once").stdout.strip()
    first = paused("locked", "run-prepared", uuid)
    begun = time.monotonic()
    second = carob("run-prepared", uuid, status=254)
    assert time.monotonic() - begun < 5
    assert second.stderr == f"run-prepared: pod {uuid} is in use by another process\n"
    assert go_on(first)[0] == "once\n"


def test_run_prepared_while_it_starts(carob, store, paused):
    uuid = carob("prepare", "example.com/sh", "--", "echo once").stdout.strip()
    first = paused("moved-to-run", "run-prepared", uuid)
    assert carob("run-prepared", uuid, status=254).stderr == f'run-prepared: pod "{uuid}" is not prepared\n'
    assert status(carob, uuid)["state"] == "running"
    assert carob("rm", uuid, status=254).stderr.startswith(f'rm: pod "{uuid}" is currently running\n')
    assert go_on(first)[0] == "once\n"


def test_rm_and_gc_against_run_prepared(carob, store, paused):
    uuid = carob("prepare", "example.com/sh", "--", "echo once").stdout.strip()
    first = paused("locked", "run-prepared", uuid)
    assert uuid in carob("rm", uuid, status=254).stderr
    carob("gc", "--expire-prepared=0s", "--grace-period=0s")
    assert status(carob, uuid)["state"] == "prepared"
    assert go_on(first)[0] == "once\n"


def test_gc_leaves_a_pod_that_is_being_prepared(carob, store, paused):
    first = paused("manifest-written", "prepare", "example.com/true")
    (pod,) = pods(carob)
    assert pod["state"] == "preparing"
    carob("gc", "--grace-period=0s", "--expire-prepared=0s")
    assert carob("rm", pod["name"], status=254).stderr.startswith(f'rm: pod "{pod["name"]}" is being prepared\n')
    go_on(first)
    assert status(carob, pod["name"])["state"] == "prepared"


def test_gc_twice(carob, store, paused):
    carob("run", "example.com/true")
    (pod,) = pods(carob)
    first = paused("garbage-locked", "gc", "--grace-period=0s")
    second = carob("gc", "--grace-period=0s")
    assert second.stderr == f'gc: pod "{pod["name"]}" skipped: another process is removing it\n'
    assert carob("rm", pod["name"], status=254).stderr.startswith(
        f'rm: pod "{pod["name"]}" is being removed by another process\n')
    go_on(first)
    assert pods(carob) == []


def test_many_gcs_and_rms_at_once(carob, store, build, data_dir):
    uuids = [carob("prepare", "example.com/true").stdout.strip() for _ in range(6)]
    for uuid in uuids[:3]:
        carob("run-prepared", uuid)
    commands = [["gc", "--grace-period=0s", "--expire-prepared=0s"]] * 4 + [["rm", *uuids]] * 3
    procs = [subprocess.Popen([build / "carob", f"--dir={data_dir}", *c], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
             for c in commands]
    for proc in procs:
        out, err = proc.communicate(timeout=30)
        assert proc.returncode in (0, 254), err
        assert "internal" not in err
    carob("gc", "--grace-period=0s", "--expire-prepared=0s")
    assert pods(carob) == []


def test_image_gc_waits_for_what_is_being_prepared(carob, store, paused, build, data_dir):
    first = paused("app-written", "prepare", "example.com/sh", "--", "echo ok")
    (pod,) = pods(carob)
    gc = subprocess.Popen([build / "carob", f"--dir={data_dir}", "image", "gc", "--grace-period=0s"], stdout=subprocess.PIPE)
    time.sleep(0.2)
    assert gc.poll() is None
    go_on(first)
    gc.communicate(timeout=30)
    assert gc.returncode == 0
    assert carob("run-prepared", pod["name"]).stdout == "ok\n"
