# SPDX-License-Identifier: Apache-2.0
"""Events keep their promises: hundreds of pods and images come and go by real commands and by hand, at random, while 50
subscribers listen; afterwards each of them has been told what the model says, in order, once. CAROB_STORM_SEED chooses which storm,
CAROB_STORM_PODS how large it is."""
import os
import random
import time

import pytest

import eventmodel
import eventstorm
from eventlisten import Listener

SEED = int(os.environ.get("CAROB_STORM_SEED") or random.SystemRandom().getrandbits(32))
PODS = int(os.environ.get("CAROB_STORM_PODS") or 400)
TYPES = ["POD_PREPARED", "POD_PREPARE_ABORTED", "POD_STARTED", "POD_EXITED", "POD_GARBAGE_COLLECTED", "APP_STARTED", "APP_EXITED",
         "IMAGE_IMPORTED", "IMAGE_REMOVED"]

pytestmark = pytest.mark.root


@pytest.fixture
def images(data_dir, short_tmp):
    return eventstorm.Images(data_dir, short_tmp)


@pytest.fixture
def server(images, start_api, short_tmp):
    """A service that starts when the store is there and no pod yet, on TCP and on a unix socket."""
    return start_api(f"--listen=unix:{short_tmp}/api")


def listed(client):
    pods = {p.id: client.pb.PodState.Name(p.state).removeprefix("POD_STATE_") for p in client.pods()}
    return pods, {image.id for image in client.images()}


@pytest.fixture
def storm(images, build, data_dir, server):
    def sync(uuid):
        server.client.pods({"ids": [uuid]})

    made = eventstorm.Storm(eventstorm.subprocess_carob(build, data_dir), data_dir, images, SEED, eventstorm.hooked(build), sync,
                            server)
    yield made
    made.end()


class Crowd:
    """Subscribers of all kinds; the first has no filter and sees everything from the start."""

    def __init__(self, server, chance, storm):
        self.server, self.chance, self.storm, self.all = server, chance, storm, []
        self.start = int(time.time())

    def join(self, slow=0, **filter):
        self.all.append(Listener(self.chance.choice(self.server.addresses), self.server.pb, slow, **filter))
        return self.all[-1]

    def filter(self):
        """A random one that does not ask for the past."""
        some = {}
        if self.chance.random() < 0.6:
            some["types"] = self.chance.sample(TYPES, self.chance.randint(1, 4))
        if self.chance.random() < 0.2:
            some["names"] = self.chance.sample([*self.storm.names, "sh", "true", "sleep", "app-0", "app-1", "app-2", "hand-0", "hand-1",
                                                "example.com/storm-0", "example.com/storm-1"], 4)
        if self.storm.uuids and self.chance.random() < 0.3:
            some["ids"] = self.chance.sample(self.storm.uuids, min(20, len(self.storm.uuids)))
        return some

    def slowness(self):
        return self.chance.choice([0, 0, 0, 0.01, 0.1])

    def early(self, n):
        for _ in range(n):
            self.join(self.slowness(), **self.filter())

    def late(self, n):
        """Some with the past, some that end by themselves, some that begin later."""
        now = int(time.time())
        for _ in range(n):
            some = self.filter()
            when = self.chance.random()
            if when < 0.5:
                some["since_time"] = self.chance.choice([1, self.start, self.chance.randint(self.start, now), now])
            elif when < 0.7:
                some["since_time"] = now + 2
            if self.chance.random() < 0.4:
                some["until_time"] = now + self.chance.randint(2, 4)
            self.join(self.slowness(), **some)

    def past(self, n):
        """Afterwards: what is remembered, up to now or up to a moment in the past; they end at once."""
        now = int(time.time())
        for _ in range(n):
            until = self.chance.choice([self.chance.randint(self.start, now), now - 1])
            listener = self.join(**{**self.filter(), "since_time": 1, "until_time": max(until, self.start + 1)})
            assert listener.ended() == "OK", listener.text


def test_storm(storm, server):
    chance = random.Random(SEED)
    crowd = Crowd(server, chance, storm)
    reference, other = [crowd.join() for _ in range(2)]
    print(f"seed {SEED}, {PODS} pods")
    lives = storm.lives(PODS, real=PODS * 2 // 5)
    try:
        crowd.early(22)
        for n in range(4):
            storm.blow(lives[n * len(lives) // 4:(n + 1) * len(lives) // 4])
            crowd.late(6)
        storm.mark(chance)
        storm.model_is_told(reference)
        pods, stored = listed(server.client)
        assert eventmodel.state_problems(reference.events, pods, stored) == []
        crowd.past(4)
        for listener in crowd.all:
            listener.slow = 0
        for listener in crowd.all:
            listener.until(lambda _, l=listener: l.problems(reference.events) == [])
            assert "until_time" not in listener.filter or listener.ended() == "OK"
    finally:
        for listener in crowd.all:
            listener.close()
    assert len(crowd.all) >= 50
    assert storm.model.problems(reference.events) == []
    for listener in crowd.all:
        assert not (wrong := listener.problems(reference.events)), "\n".join([f"seed {SEED}: {listener.filter}", *wrong[:12]])
        assert listener.code == ("OK" if "until_time" in listener.filter else "CANCELLED"), listener.text
    assert [e.key for e in other.events] == [e.key for e in reference.events]
    print(f"{len(reference.events)} events in {len(reference.sizes)} responses, lives: {sorted(storm.counted.items())}")
