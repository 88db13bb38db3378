# SPDX-License-Identifier: Apache-2.0
"""The index never lies: pods change at random, by hand and by real commands at once, and after each round what the API
tells is what the directories say. CAROB_TRUTH_ROUNDS and CAROB_TRUTH_SEED choose how long and which."""
import concurrent.futures
import os
import random
import time

import pytest

import indextruth

SEED = int(os.environ.get("CAROB_TRUTH_SEED") or random.SystemRandom().getrandbits(32))
ROUNDS = int(os.environ.get("CAROB_TRUTH_ROUNDS") or 0)


def agree(api, data_dir, at_once=True, timeout=10):
    """What the API says is what is there: in its first answer, unless something is still on its way."""
    deadline = time.monotonic() + timeout
    while True:
        wanted = indextruth.truth(data_dir)
        got = indextruth.told(api.pb, api.pods(detail=True))
        if got == wanted:
            return wanted
        assert not at_once and time.monotonic() < deadline, f"seed {SEED}: {indextruth.difference(got, wanted)}"
        time.sleep(0.002)


def at_once(*works):
    """Runs all of them in threads; what one of them raises is raised."""
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(*work) for work in works]:
            done.result()


def test_pods_made_by_hand(api, data_dir):
    """Each round is a handful of steps by several hands at once; the answer that follows is right at once."""
    hands = [indextruth.Shuffler(data_dir, f"{SEED}-{n}") for n in range(3)]
    chance = random.Random(SEED)
    try:
        for n in range(ROUNDS or 600):
            steps = chance.randint(1, 6)
            at_once(*([lambda h=h: h.steps(steps)] for h in hands))
            known = agree(api, data_dir)
            for uuid in chance.sample(sorted(known), min(2, len(known))):
                assert indextruth.told(api.pb, [api.pod(uuid)])[uuid] == known[uuid], f"seed {SEED}, round {n}"
    finally:
        for hand in hands:
            hand.done()
