# SPDX-License-Identifier: Apache-2.0
"""What could make events lie: a service that starts, dies or sleeps while pods change, queues that overflow, pods that are broken, and
much at once. What was done is in the model (eventmodel.py); the storm as a whole is in test_events_storm.py."""
import os
import random
import shutil
import signal
import threading
import time

import pytest

import eventmodel
import eventstorm
import podtree
from eventlisten import Listener
from eventmodel import now
from eventstorm import asleep, overflow

SEED = int(os.environ.get("CAROB_STORM_SEED") or random.SystemRandom().getrandbits(32))

pytestmark = pytest.mark.root


@pytest.fixture
def storm(build, data_dir, short_tmp):
    """Its pods made by hand are not removed with rm -rf: nobody could tell of those while no service runs."""
    images = eventstorm.Images(data_dir, short_tmp)
    made = eventstorm.Storm(eventstorm.subprocess_carob(build, data_dir), data_dir, images, SEED, eventstorm.hooked(build), None)
    yield made
    made.end()


@pytest.fixture
def listen(pb):
    """listen(server, **filter) is a subscriber."""
    made = []

    def begin(server, **filter):
        made.append(Listener(server.addresses[0], pb, **filter))
        return made[-1]

    yield begin
    for listener in made:
        listener.close()


def noted(problems, timeout=10):
    """What is wrong, once those who are at work have noted what they did."""
    deadline = time.monotonic() + timeout
    while (wrong := problems()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return wrong[:12]


def running(tree, *apps):
    """A pod that never was in run/ without its owner."""
    pod = tree.pod("embryo", *apps, created=now(), locked=True)
    tree.move(pod, "run")
    new = pod.path / ".pid"
    new.write_text(f"{os.getpid()}\n")
    new.rename(pod.path / "pid")
    return pod


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGKILL])
def test_a_service_that_is_started_again_while_pods_change(storm, start_api, listen, signo):
    """Each service tells what happened since its start, and nothing older."""
    lives, blown = storm.lives(100, real=40), threading.Event()

    def blow():
        try:
            storm.blow(lives, threads=3)
            storm.mark(None)
        finally:
            blown.set()

    wind = threading.Thread(target=blow)
    wind.start()
    try:
        while True:
            last, started = blown.is_set(), now()
            server = start_api()
            running = now()
            listener = listen(server, since_time=1)
            if not last:
                blown.wait(storm.chance.uniform(0.1, 1.5))
            upto = now()
            server.client.pods()
            listener.until(lambda events: not storm.model.problems_of_part(list(events), started, running, upto), timeout=15)
            server.end(signo)
            assert listener.ended() in ("UNAVAILABLE", "CANCELLED", "INTERNAL", "OK")
            wrong = noted(lambda: storm.model.problems_of_part(listener.events, started, running, upto))
            assert not wrong, "\n".join([f"seed {SEED}, started {started} to {running}", *wrong, *storm.model.story(wrong, listener.events)])
            if last:
                break
    finally:
        wind.join()
    assert not storm.errors


def test_what_came_and_went_during_an_overflow(storm, start_api, listen, tree, data_dir):
    """Pods that were made, ran, ended and were removed, images that were imported and removed, while nobody could look."""
    server = start_api()
    assert server.client.pods() == []
    reference, began = listen(server), now()
    lock = tree.pod("prepared", "web", locked=True)
    storm.model.pod(lock.uuid).event("PREPARED", began, None)
    for _ in range(2):
        before = len(reference.events)
        with asleep(server):
            storm.blow(storm.lives(6, real=6), threads=3)
            overflow(data_dir, lock.path)
            storm.blow(storm.lives(24, real=14), threads=3)
            storm.mark(None)
            storm.collect(None)
        storm.model_is_told(reference)
        assert len(reference.events) > before + 60
    late = listen(server, since_time=1)
    assert late.until(lambda events: not late.problems(reference.events))


def test_a_hundred_pods_end_in_one_instant(start_api, listen, tree, pb):
    """In order for each, in few responses."""
    server = start_api()
    listener, other = listen(server), listen(server, types=["APP_EXITED", "POD_EXITED"])
    pods = [running(tree, "web") for _ in range(100)]
    for pod in pods:
        pod.app_status("web", "running", pid=1, started_at=now())
    assert listener.until(lambda events: len(events) == 200)
    before = len(listener.sizes)
    with asleep(server):
        at = now()
        for n, pod in enumerate(pods):
            pod.app_status("web", "exited", started_at=at, finished_at=at, exit_code=n)
            pod.write("status", {"exit_code": n, "finished_at": at})
        tree.unlock_all()
    assert listener.until(lambda events: len(events) == 400) and other.until(lambda events: len(events) == 200)
    told = listener.events[200:]
    assert eventmodel.order_problems(listener.events) == []
    for n, pod in enumerate(pods):
        assert [(e.type, e.data["exit_code"], e.ns) for e in told if e.id == pod.uuid] == [("APP_EXITED", str(n), at), ("POD_EXITED", str(n), at)]
    assert [e.key for e in told] == [e.key for e in other.events]
    assert len(listener.sizes) - before <= 20, listener.sizes


def test_apps_that_end_at_once_are_told_in_order_of_time(start_api, listen, tree):
    server = start_api()
    listener = listen(server)
    apps = [f"app-{n}" for n in range(20)]
    with asleep(server):
        pod, at = running(tree, *apps), now() + eventmodel.TICKS
        order = random.Random(SEED).sample(apps, 20)
        for n, app in enumerate(order):
            pod.app_status(app, "exited", started_at=at + 20 - n, finished_at=at + 100 + n, exit_code=0)
    assert listener.until(lambda events: len(events) == 41)
    assert [e.name for e in listener.events if e.type == "APP_STARTED"] == order[::-1]
    assert [e.name for e in listener.events if e.type == "APP_EXITED"] == order
    assert eventmodel.order_problems(listener.events) == []


BROKEN = {"none": False, "empty": b"", "no-json": b"{", "binary": b"\0\xff" * 100, "no-apps": b'{"acKind":"PodManifest"}',
          "apps": b'{"acVersion":"0.8.11","acKind":"PodManifest","apps":[{"name":"../x"},7]}', "large": b"[" * 5_000_000}


def test_pods_that_are_broken(start_api, listen, tree, carob):
    """Of such a pod itself everything is told; others do not suffer."""
    server = start_api()
    listener = listen(server)
    model = eventmodel.Model()
    pods = []
    for what in BROKEN.values():
        pod = tree.pod("embryo", manifest=what, created=now(), locked=True)
        tree.move(pod, "prepare")
        began = now()
        pod.write("pod-prepared", "")
        tree.move(pod, "prepared")
        told = model.pod(pod.uuid).event("PREPARED", began, now())
        tree.move(pod, "run")
        began = now()
        pod.write("pid", f"{os.getpid()}\n").write("appsinfo/web/status", b"\xff").write("status", b'{"exit_code":"x"}')
        told.event("STARTED", began, now())
        pods.append(pod)
    server.client.pods()
    for pod in pods:
        began = now()
        tree.unlock(pod)
        model.pod(pod.uuid).event("EXITED", began, None, exit_code=None)
    server.client.pods()
    began = now()
    carob("gc", "--mark-only")
    for pod in pods:
        model.pod(pod.uuid).event("GARBAGE_COLLECTED", began, now(), state="exited")
    listener.until(lambda events: not model.problems(list(events)))
    carob("gc", "--grace-period=0s")
    assert server.client.pods() == []
    assert noted(lambda: model.problems(list(listener.events))) == []


@pytest.mark.parametrize("there", [False, True])
def test_a_pod_without_any_times(start_api, listen, tree, data_dir, there):
    """Whatever comes once the service has looked is news, though nobody can say of when."""
    if there:
        tree.pod("prepared", "web")
    server = start_api()
    assert len(server.client.pods()) == there
    listener = listen(server, since_time=1)
    pod = tree.pod("prepared", "web")
    assert listener.until(lambda events: listener.types(pod.uuid) == ["POD_PREPARED"])
    assert [e.id for e in listener.events] == [pod.uuid]
    assert listener.events[0].data["observed"] == "true"


def test_another_data_directory(start_api, listen, data_dir):
    """Its pods are other pods; those of the first have not ended. What is known is not told again when they come back."""
    server = start_api()
    listener = listen(server)
    tree = podtree.Tree(data_dir)
    pod = running(tree, "web")
    assert listener.until(lambda events: listener.types(pod.uuid) == ["POD_STARTED"])
    aside = data_dir.with_name("aside")
    data_dir.rename(aside)
    data_dir.mkdir(mode=0o750)
    assert server.client.pods() == []  # from now on it tells of this one
    other = podtree.Tree(data_dir)
    second = running(other, "web")
    assert listener.until(lambda events: "POD_STARTED" in listener.types(second.uuid))
    second.write("status", {"exit_code": 4, "finished_at": now()})
    other.unlock_all()
    assert listener.until(lambda events: "POD_EXITED" in listener.types(second.uuid))
    shutil.rmtree(data_dir)
    aside.rename(data_dir)
    assert [p.id for p in server.client.pods()] == [pod.uuid]
    pod.path = data_dir / "pods/run" / pod.uuid
    pod.write("status", {"exit_code": 5, "finished_at": now()})
    tree.unlock_all()
    assert listener.until(lambda events: "POD_EXITED" in listener.types(pod.uuid))
    server.client.pods()
    time.sleep(0.05)
    assert listener.types(pod.uuid) == ["POD_STARTED", "POD_EXITED"]
    assert [e.data["exit_code"] for e in listener.events if e.type == "POD_EXITED"] == ["4", "5"]


@pytest.mark.parametrize("where,told", [
    ("prepared", ["POD_PREPARED", "POD_GARBAGE_COLLECTED"]),
    ("run", ["POD_STARTED", "APP_STARTED", "APP_EXITED", "POD_EXITED", "POD_GARBAGE_COLLECTED"]),
])
def test_a_foreign_hand(start_api, listen, tree, where, told):
    """rm -rf says nothing: that it was so is told as observed."""
    server = start_api()
    listener = listen(server)
    pod = running(tree, "web") if where == "run" else tree.pod(where, "web", locked=True, created=now())
    if where == "run":
        pod.app_status("web", "running", pid=os.getpid(), started_at=now())
    server.client.pods()
    before = now()
    shutil.rmtree(pod.path)
    tree.unlock_all()
    assert listener.until(lambda events: listener.types(pod.uuid) == told), listener.types()
    for event in listener.events[len(told) // 2:]:
        assert event.data["observed"] == "true" and "exit_code" not in event.data and event.ns >= before - eventmodel.TICKS
