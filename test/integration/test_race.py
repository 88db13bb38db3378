# SPDX-License-Identifier: Apache-2.0
"""Commands at once, with jitter: one wins, the others say so, none hangs, and what list and API show never goes backwards."""
import json
import random
import threading
import time

import pytest

from clirun import UUID, make_aci, pods, start, status, store, until  # noqa: F401
from stopping import Aftermath, aftermath, command  # noqa: F401

pytestmark = pytest.mark.root

ROUNDS = 8
GC = ["gc", "--grace-period=0s", "--expire-prepared=0s"]
ONCE = ["example.com/sh", "--", "echo once"]


@pytest.fixture
def race(command):
    """race(["gc"], ["rm", uuid]) starts the commands within a few milliseconds of one another; [(status, out, err)]."""
    chance = random.Random(11)

    def run(*commands, within=0.01):
        procs = []
        for args in commands:
            procs.append(command(*args))
            time.sleep(chance.uniform(0, within))
        ends = []
        for proc in procs:
            out, err = proc.communicate(timeout=30)
            ends.append((proc.returncode, out, err))
        return ends

    return run


def prepare(carob, *words):
    return carob("prepare", *words).stdout.strip()


def is_one_of(text, *answers):
    assert any(a in text for a in answers), text


def test_run_prepared_twice(carob, store, race):
    for _ in range(ROUNDS):
        uuid = prepare(carob, *ONCE)
        ends = race(["run-prepared", uuid], ["run-prepared", uuid], ["run-prepared", uuid], within=0.02)
        assert sorted((status, out) for status, out, _ in ends) == [(0, "once\n"), (254, ""), (254, "")]
        for code, _, err in ends:
            if code == 254:
                is_one_of(err, "in use by another process", "is not prepared")


def test_rm_against_run_prepared(carob, store, race):
    for i in range(ROUNDS):
        uuid = prepare(carob, *ONCE)
        commands = [["run-prepared", uuid], ["rm", uuid]]
        ends = dict(zip(("run-prepared", "rm"), race(*commands, within=0.03)))
        ran, removed = (ends[k][0] == 0 for k in ("run-prepared", "rm"))
        assert ran or removed, ends
        if ran:
            assert ends["run-prepared"][1] == "once\n"
        else:
            is_one_of(ends["run-prepared"][2], "in use", "not prepared", "removed meanwhile", "no matches found",
                      "moved or removed")
        if not removed:
            is_one_of(ends["rm"][2], "in use", "currently running", "moved or removed")
        assert [p["name"] for p in pods(carob)] == ([] if removed else [uuid])
        carob(*GC)


def test_gc_against_run_prepared(carob, store, race):
    for _ in range(ROUNDS):
        uuid = prepare(carob, *ONCE)
        (ran, out, err), (collected, _, said) = race(["run-prepared", uuid], GC, within=0.03)
        assert collected == 0, said
        if ran == 0:
            assert out == "once\n"
        else:
            is_one_of(err, "in use", "not prepared", "removed meanwhile", "no matches found", "moved or removed")
            assert pods(carob) == []


def test_removals_of_one_pod(carob, store, race, aftermath):
    for i in range(ROUNDS):
        carob("run", "example.com/true")
        (pod,) = pods(carob)
        for code, _, err in race(GC, ["rm", pod["name"]], GC, ["rm", pod["name"]]):
            if code != 0:
                assert code == 254
                is_one_of(err, "in use", "being removed", "no matches found", "moved or removed", "removed meanwhile")
        assert pods(carob) == []
    aftermath.nothing_left([])


def test_stop_against_exit(carob, store, race):
    chance = random.Random(5)
    for _ in range(ROUNDS):
        uuid = start(carob, "example.com/sh", "--", f"sleep {chance.uniform(0, 0.05):.3f}; exit 3")
        time.sleep(chance.uniform(0, 0.04))
        for code, out, err in race(["stop", uuid], ["stop", "--force", uuid]):
            assert (code, err) == (0, ""), (out, err)
        pod = status(carob, uuid)
        assert pod["state"] == "exited"
        assert pod["apps"][0]["exit_code"] in (3, 137, 143)
        carob("rm", uuid)


def test_stop_against_start(carob, store, command):
    """A pod that is just being started is stopped too, whatever it is at."""
    chance = random.Random(6)
    for _ in range(ROUNDS):
        uuid = prepare(carob, "example.com/sleep", "example.com/true")
        run = command("run-prepared", uuid)
        until(lambda: status(carob, uuid)["state"] == "running")
        time.sleep(chance.uniform(0, 0.03))
        carob("stop", uuid, timeout=20)
        run.communicate(timeout=20)
        assert status(carob, uuid)["state"] == "exited"
        carob("rm", uuid)


def test_gc_against_the_end_of_a_pod(carob, store, command):
    """A pod is collected when it has ended, not before: its output and status are whole."""
    for _ in range(ROUNDS):
        run = command("run", *ONCE)
        while run.poll() is None:
            carob(*GC)
        assert run.communicate(timeout=20)[0] == "once\n" and run.returncode == 0
        carob(*GC)
        assert pods(carob) == []


def test_readers_hinder_nobody(carob, store, command):
    """A probe takes the lock for a moment; run-prepared and rm must not take that for an owner."""
    stop = threading.Event()
    readers = [threading.Thread(target=lambda: [carob("list", status=None) for _ in iter(stop.is_set, True)]) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(ROUNDS):
            uuid = prepare(carob, *ONCE)
            assert carob("run-prepared", uuid).stdout == "once\n"
            carob("rm", uuid)
    finally:
        stop.set()
        for reader in readers:
            reader.join()


def test_many_runs_at_once(carob, store, race, aftermath):
    ends = race(*[["run", "example.com/sh", "--", f"echo {i}; exit {i}"] for i in range(12)], within=0.004)
    assert [(code, out) for code, out, _ in ends] == [(i, f"{i}\n") for i in range(12)], ends
    assert sorted(p["exit_code"] for p in map(lambda p: status(carob, p["name"]), pods(carob))) == list(range(12))
    aftermath.quiet()
    aftermath.collected()


def test_many_detached_runs_and_stops(carob, store, race, aftermath):
    uuids = [out.strip() for _, out, _ in race(*[["run", "--detach", "example.com/sleep"]] * 8)]
    assert all(map(UUID.match, uuids)) and len(set(uuids)) == 8
    assert set(aftermath.states().values()) == {"running"}
    race(*[["stop", "--force", uuid] for uuid in uuids], *[["stop", uuid] for uuid in uuids[:4]])
    assert set(aftermath.states().values()) == {"exited"}
    aftermath.collected()


def test_two_pods_of_one_name(carob, store, race):
    for i in range(ROUNDS):
        verb = ["run", "--detach"] if i % 2 else ["prepare"]
        ends = race(*[[*verb, "--pod-name=web", "example.com/sleep"]] * 2, within=0.02)
        assert sorted(code for code, _, _ in ends) == [0, 254], ends
        (uuid,) = [out.strip() for code, out, _ in ends if code == 0]
        (err,) = [err for code, _, err in ends if code == 254]
        assert "web" in err
        assert status(carob, "web")["name"] == uuid
        if i % 2:
            carob("stop", "--force", uuid)
        carob(*GC)


# --- images ---


@pytest.fixture
def aci(short_tmp):
    return make_aci(short_tmp / "x.aci", "example.com/hello", "/bin/echo", "hello")


def images(carob):
    return [i["id"] for i in json.loads(carob("image", "list", "--format=json").stdout)]


def layers(data_dir):
    return [p for p in (data_dir / "images/layers").iterdir() if p.name != "by-digest"]


def nothing_unfinished(data_dir):
    assert not list((data_dir / "images/tmp").iterdir())
    assert all(p.exists() for p in (data_dir / "images/layers/by-digest").iterdir())


def test_imports_of_one_image(carob, race, aci, data_dir):
    for _ in range(4):
        ends = race(*[["fetch", "--full", aci]] * 3, within=0.03)
        assert len({out for _, out, _ in ends}) == 1 and all(code == 0 for code, _, _ in ends), ends
        assert len(images(carob)) == len(layers(data_dir)) == 1
        nothing_unfinished(data_dir)
        carob("image", "rm", images(carob)[0])
        assert not layers(data_dir)


def test_image_removal_against_run(carob, store, race, aci, data_dir):
    """Either the pod has its image and runs to the end, or the image was gone and is told."""
    for i in range(ROUNDS):
        carob("fetch", aci)
        gone = ["image", "rm", "example.com/hello"] if i % 2 else ["image", "gc", "--grace-period=0s"]
        (ran, out, err), (removed, _, said) = race(["run", "example.com/hello"], gone, within=0.02)
        if ran == 0:
            assert out == "hello\n"
        else:
            assert ran == 254
            is_one_of(err, "hello", "not in the store", "no such image")
        if removed != 0:
            is_one_of(said, "in use", "busy")
        carob(*GC)
        nothing_unfinished(data_dir)


def test_image_gc_against_import(carob, race, aci, data_dir):
    """An import that says an id has imported it; gc may take it afterwards only as a whole."""
    for _ in range(ROUNDS):
        (fetched, out, err), (code, _, said) = race(["fetch", "--full", aci], ["image", "gc", "--grace-period=0s"], within=0.05)
        assert (fetched, code) == (0, 0), (err, said)
        assert images(carob) in ([], [out.strip()])
        assert len(layers(data_dir)) == len(images(carob))
        nothing_unfinished(data_dir)
        assert carob("run", aci).stdout == "hello\n"
        carob(*GC)
        carob("image", "gc", "--grace-period=0s")


# --- what is seen meanwhile ---

# A run-prepared that lost against gc holds, for a moment, the lock of what is garbage by then: that looks like its deletion.
BACK = [("deleting", "garbage")]
ORDER = ["embryo", "preparing", "prepared", "running", "exited", "garbage", "deleting"]


class Watcher(threading.Thread):
    """Samples all states until stopped; a pod that was seen must be seen in every sample until it is gone for good, and
    its state never goes back."""

    def __init__(self, sample):
        super().__init__()
        self.sample, self.done, self.last, self.gone, self.wrong, self.n = sample, False, {}, set(), [], 0

    def run(self):
        while not self.done:
            now = self.sample()
            self.n += 1
            for uuid, state in now.items():
                if state not in ORDER or uuid in self.gone:
                    self.wrong.append((uuid, state, "gone" if uuid in self.gone else ""))
                elif (uuid in self.last and ORDER.index(state) < ORDER.index(self.last[uuid]) and
                      (self.last[uuid], state) not in BACK):
                    self.wrong.append((uuid, self.last[uuid], state))
            self.gone |= self.last.keys() - now.keys()
            self.last = now

    def end(self):
        self.done = True
        self.join()
        return self.wrong


def test_watchers_see_every_pod_go_forward(carob, store, race, aftermath, start_api):
    names = {"exited garbage": "garbage", "exited deleting": "deleting"}
    server = start_api()
    watchers = [Watcher(lambda: {p.id: aftermath.state_of(p) for p in server.client.pods()}),
                Watcher(lambda: {p["name"]: names.get(p["state"], p["state"]) for p in pods(carob)})]
    for watcher in watchers:
        watcher.start()
    try:
        for _ in range(6):
            race(["run", "example.com/true"], ["prepare", "example.com/true"], ["run", "example.com/true"], ["prepare", "example.com/true"])
            waiting = [p["name"] for p in pods(carob) if p["state"] == "prepared"]
            race(*[["run-prepared", uuid] for uuid in waiting], ["gc", "--mark-only"])
            race(GC, GC)
    finally:
        wrong = [w for watcher in watchers for w in watcher.end()]
    assert not wrong
    assert all(w.n > 10 for w in watchers)
