# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of a pod's supervisor, at each of its steps and at any moment, and of what it started: the state is true in list,
status and API, nothing of the pod goes on, and gc leaves neither file nor cgroup."""
import os
import random
import shutil
import signal
import time

import pytest

from clirun import alive, namespace_of, parent_of, pods, start, status, store, until  # noqa: F401
from stopping import Aftermath, aftermath, at, command, go_on, hooks, killed_at, stopped  # noqa: F401

pytestmark = pytest.mark.root

TWO = ("example.com/sleep", "example.com/sh", "--", "trap '' TERM; while :; do sleep 1; done")
DIED = "the supervisor ended before the apps were started\n"

START_STEPS = ["pod:stage", "pod:cgroup", "pod:app-cgroups", "pod:init", "pod:cgroup-written", "pod:mounts", "pod:pid-written",
               "pod:control", "pod:runtime", "pod:called", "pod:created", "pod:started"]
END_STEPS = ["pod:app-ended", "pod:init-killed", "pod:over", "pod:cgroup-removed", "pod:status-written"]


@pytest.mark.parametrize("step", START_STEPS)
def test_killed_while_it_starts(carob, store, aftermath, hooks, step):
    done = carob("run", "--detach", *TWO, status=254, env=at(step))
    aftermath.quiet()
    uuid = aftermath.only("exited")
    assert done.stderr == f"run: pod {uuid}: {DIED}"
    assert "exit_code" not in status(carob, uuid)
    assert carob("stop", uuid).stdout == f'pod "{uuid}" is already stopped\n'
    aftermath.collected()


@pytest.mark.parametrize("step", ["pod:app-cgroups", "pod:mounts", "pod:runtime", "pod:called"])
def test_a_pod_of_one_app_killed_while_it_starts(carob, store, aftermath, hooks, step):
    uuid = carob("prepare", "example.com/sleep").stdout.strip()
    killed_at(carob, step, "run-prepared", uuid)
    aftermath.quiet()
    assert aftermath.only("exited") == uuid
    aftermath.collected("rm", uuid)


@pytest.mark.parametrize("step", END_STEPS)
def test_killed_while_it_ends(carob, store, aftermath, hooks, step):
    killed_at(carob, step, "run", "example.com/sh", "--", "exit 3")
    aftermath.quiet()
    pod = status(carob, aftermath.only("exited"))
    if step == "pod:status-written":
        assert pod["exit_code"] == 3
    else:
        assert "exit_code" not in pod
    if step != "pod:app-ended":
        assert pod["apps"][0]["exit_code"] == 3, "the app's own status was written before"
    aftermath.collected()


def test_killed_while_its_helper_is_made(carob, store, aftermath, hooks, command):
    """The child that keeps the mount namespace a moment longer must not outlive a supervisor that dies before it looks."""
    pod = command("run", "example.com/true", env=at("pod:undertaker:stop"))
    helpers = []

    def held():
        helpers[:] = [p for p in children(pod.pid) if stopped(p)]
        return helpers

    until(held, what="the helper")
    pod.kill()
    pod.wait()
    for helper in helpers:
        os.kill(helper, signal.SIGCONT)
    try:
        aftermath.quiet()
    finally:
        for helper in filter(alive, helpers):
            os.kill(helper, signal.SIGKILL)
    aftermath.only("exited")
    aftermath.collected()


def children(pid):
    found = []
    for other in filter(str.isdigit, os.listdir("/proc")):
        try:
            if parent_of(other) == pid:
                found.append(int(other))
        except OSError:
            continue
    return found


def test_killed_at_any_moment(carob, store, aftermath, command):
    """Jitter over the whole start, runtime calls included."""
    chance = random.Random(7)
    for _ in range(24):
        pod = command("run", *TWO)
        time.sleep(chance.uniform(0, 0.06))
        pod.kill()
        pod.wait()
    aftermath.quiet()
    assert set(aftermath.states().values()) <= {"exited", "aborted prepare", "embryo"}
    for embryo in (store.images.parent / "pods/embryo").iterdir():
        shutil.rmtree(embryo)  # gc leaves a young one to its maker
    aftermath.collected()


@pytest.mark.parametrize("victim", ["init", "app", "all"])
def test_death_from_outside(carob, store, aftermath, victim):
    uuid = start(carob, "example.com/sleep", "example.com/sleep", "--name=other")
    pod = status(carob, uuid)
    init = pod["pid"]
    supervisor, inside = parent_of(init), namespace_of(init)
    victims = {"init": [init], "app": [pod["apps"][0]["pid"]], "all": [supervisor, *inside]}[victim]
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the one before took it along
    if victim == "app":
        until(lambda: status(carob, uuid)["apps"][0]["state"] == "exited")
        assert carob("status", "--wait", uuid, status=None, timeout=30)
    until(lambda: not any(alive(p) for p in [supervisor, *inside]), timeout=20, what="the pod's end")
    aftermath.quiet()
    assert aftermath.only("exited") == uuid
    pod = status(carob, uuid)
    if victim != "all":
        assert pod["apps"][0]["exit_code"] == 137
        assert pod["exit_code"] == 137 if victim == "app" else pod["exit_code"] != 0
    aftermath.collected()


def test_crashes_of_pods_side_by_side(carob, store, aftermath):
    """One pod's death is its own."""
    first, second = start(carob, "example.com/sleep"), start(carob, "example.com/sleep")
    os.kill(parent_of(status(carob, first)["pid"]), signal.SIGKILL)
    until(lambda: status(carob, first)["state"] == "exited")
    carob("gc", "--grace-period=0s")
    assert aftermath.states() == {second: "running"}
    assert alive(status(carob, second)["apps"][0]["pid"])
    carob("stop", "--force", second)
    aftermath.collected()


def test_the_command_that_stops_a_pod_may_die(carob, store, aftermath, command):
    uuid = start(carob, "example.com/sh", "--", "trap 'sleep 0.3; exit 7' TERM; while :; do sleep 0.05; done")
    stop = command("stop", uuid)
    time.sleep(0.1)
    stop.kill()
    until(lambda: status(carob, uuid)["state"] == "exited", timeout=20)
    aftermath.quiet()
    assert status(carob, aftermath.only("exited"))["exit_code"] == 7
    aftermath.collected()
