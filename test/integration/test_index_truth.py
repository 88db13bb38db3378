# SPDX-License-Identifier: Apache-2.0
"""The index never lies: pods change at random, by hand and by real commands at once, and after each round what the API
tells is what the directories say. CAROB_TRUTH_ROUNDS and CAROB_TRUTH_SEED choose how long and which."""
import collections
import concurrent.futures
import io
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import tarfile
import time

import pytest

import apiclient
import indextruth
import podrun
import podtree

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


def quake(api, data_dir, chance):
    """A directory goes, with all that is in it, and comes back; or is another one meanwhile."""
    run = data_dir / "pods/run"
    path = chance.choice([data_dir, data_dir / "pods", run if run.exists() else data_dir])
    aside = path.with_name("aside")
    path.rename(aside)
    if chance.random() < 0.5:
        agree(api, data_dir)
    if path == data_dir and chance.random() < 0.4:
        path.symlink_to(aside)
        agree(api, data_dir)
        path.unlink()
    elif chance.random() < 0.5:
        other = podtree.Tree(data_dir).pod("run", "web", pid=1, started=1)
        agree(api, data_dir)
        other.path.rename(data_dir.parent / f"other-{other.uuid}")
        shutil.rmtree(path)
    aside.rename(path)


def test_pods_made_by_hand(api, data_dir):
    """Each round is a handful of steps by several hands at once; the answer that follows is right at once."""
    hands = [indextruth.Shuffler(data_dir, f"{SEED}-{n}") for n in range(3)]
    chance = random.Random(SEED)
    try:
        for n in range(ROUNDS or 600):
            steps = chance.randint(1, 6)
            at_once(*([lambda h=h: h.steps(steps)] for h in hands))
            if chance.random() < 0.1:
                quake(api, data_dir, chance)
            known = agree(api, data_dir)
            for uuid in chance.sample(sorted(known), min(2, len(known))):
                assert indextruth.told(api.pb, [api.pod(uuid)])[uuid] == known[uuid], f"seed {SEED}, round {n}"
    finally:
        for hand in hands:
            hand.done()


def test_more_events_than_the_kernel_keeps(start_api, data_dir):
    """The service is held up while more happens than its queue has room for: it notices, and reads everything anew."""
    server, hand = start_api(), indextruth.Shuffler(data_dir, SEED, pods=30)
    try:
        for _ in range(3):
            hand.steps(60)
            agree(server.client, data_dir)
            os.kill(server.pid, signal.SIGSTOP)
            for _ in range(12000):
                os.close(os.open(data_dir / "pods/garbage", os.O_RDONLY))
                os.close(os.open(hand.any().path, os.O_RDONLY))
            hand.steps(60)
            os.kill(server.pid, signal.SIGCONT)
            agree(server.client, data_dir)
    finally:
        os.kill(server.pid, signal.SIGCONT)
        hand.done()


@pytest.mark.root
@pytest.mark.parametrize("watches", [0, 9, 24])
def test_fewer_watches_than_needed(start_api, build, data_dir, tree, pb, watches):
    """The kernel's own limit, in a user namespace where it can be lowered for one process: it takes longer, and is right
    in the end."""
    script = f"echo {watches} >/proc/sys/user/max_inotify_watches && exec \"$@\""
    wrapper = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    if subprocess.run([*wrapper, "true"], capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    wrapped = data_dir.parent / "api"
    wrapped.write_text("#!/bin/sh\nexec " + " ".join(shlex.quote(w) for w in [*wrapper, str(build / "carob-api")]) + ' "$@"\n')
    wrapped.chmod(0o755)
    running = [tree.pod("run", "web", locked=True, pid=1, started=1) for _ in range(3)]
    server = apiclient.Server(wrapped, pb, dir=data_dir)
    try:
        hand = indextruth.Shuffler(data_dir, SEED, pods=10)
        hand.steps(40)
        agree(server.client, data_dir, at_once=False, timeout=40)
        for pod in running:
            pod.write("pid", "77\n")
        tree.unlock(running[0])
        hand.steps(10)
        agree(server.client, data_dir, at_once=False, timeout=40)
        hand.done()
    finally:
        assert server.end() == 0
    assert watches > 9 or "inotify watches" in server.text


# --- real commands

IMAGE = "example.com/busybox"
LOOP = "trap 'exit 0' TERM; while :; do sleep 0.05; done"
STATES = {"embryo": "EMBRYO", "preparing": "PREPARING", "aborted prepare": "ABORTED_PREPARE", "prepared": "PREPARED",
          "running": "RUNNING", "exited": "EXITED", "exited garbage": "GARBAGE", "exited deleting": "DELETING",
          "garbage": "GARBAGE", "deleting": "DELETING"}


@pytest.fixture
def store(data_dir, carob, tree):
    """A store with one image of busybox. What a test leaves running is stopped, and removed with all its files."""
    podrun.make_store(data_dir)
    layer = data_dir / "images/layers/1"
    (layer / "digest").write_text("sha256:" + "0" * 64)
    (layer / "size").write_text("1000")
    tree.image(podtree.image_id("a"), IMAGE, format="appc",
               manifest=podtree.image_manifest(IMAGE, [("version", "1.0")],
                                               app={"exec": ["/bin/sh", "-c", LOOP], "user": "0", "group": "0"}))
    yield
    for pod in json.loads(carob("list", "--format=json").stdout):
        carob("stop", "--force", pod["name"], status=None)
        carob("rm", pod["name"], status=None)
    carob("gc", "--grace-period=0s", "--expire-prepared=0s")


def supervisor_of(pod):
    """The process that owns a running pod, by its child, the pod's init. None: there is none (any more)."""
    try:
        init = int((pod / "pid").read_text())
        with open(f"/proc/{init}/stat") as f:
            parent = int(f.read().rsplit(")", 1)[1].split()[1])
        with open(f"/proc/{parent}/comm") as f:
            return parent if f.read().startswith("carob-pod") else None
    except (OSError, ValueError, IndexError):
        return None


def kill_supervisor(data_dir, uuid):
    owner = supervisor_of(data_dir / "pods/run" / uuid)
    if owner and owner > 1:
        try:
            os.kill(owner, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.fixture
def archives(short_tmp):
    """Small images that nothing runs."""
    made = []
    for n in range(4):
        made.append(short_tmp / f"{n}.aci")
        data = json.dumps({"acKind": "ImageManifest", "acVersion": "0.8.11", "name": f"example.com/image-{n}"}).encode()
        with tarfile.open(made[-1], "w") as tar:
            for name, content in (("manifest", data), ("rootfs", None), ("rootfs/file", b"x" * n)):
                info = tarfile.TarInfo(name)
                info.type, info.size = (tarfile.DIRTYPE, 0) if content is None else (tarfile.REGTYPE, len(content))
                tar.addfile(info, io.BytesIO(content or b""))
    return made


def images_agree(api, data_dir):
    """Nobody changes an image now: the first answer is right."""
    stored = sorted(p.name for p in (data_dir / "images/records").iterdir() if p.is_dir())
    told = sorted(image.id for image in api.images())
    assert told == stored, f"seed {SEED}"
    return stored


@pytest.mark.root
def test_pods_of_real_commands(api, carob, store, archives, data_dir):
    """Commands of all kinds at once, on any pod there is; some pods are killed with their owner."""
    chance = random.Random(SEED)
    end = time.monotonic() + 20

    def command(*args):
        return carob, *args

    def work():
        pods = indextruth.truth(data_dir)
        here = {state: sorted(u for u, p in pods.items() if p[0] == state) for state in STATES.values()}
        some = {state: chance.choice(uuids) for state, uuids in here.items() if uuids}
        works = [command("prepare", IMAGE)] if len(pods) < 12 else [command("gc", "--grace-period=0s", "--expire-prepared=0s")]
        if len(here["RUNNING"]) < 5:
            works.append(command("run", "--net=none", "--detach", IMAGE))
        if "PREPARED" in some:
            works += [command("run-prepared", "--net=none", "--detach", some["PREPARED"]), command("rm", some["PREPARED"])]
        if "RUNNING" in some:
            works += [command("stop", some["RUNNING"]), (kill_supervisor, data_dir, some["RUNNING"]),
                      (kill_supervisor, data_dir, some["RUNNING"])]
        if "EXITED" in some:
            works.append(command("rm", some["EXITED"]))
        works.append(command("fetch", chance.choice(archives)))
        if others := sorted(set(images_agree(api, data_dir)) - {podtree.image_id("a")}):
            works.append(command("image", "rm", chance.choice(others)))
        if len(pods) > 4:
            works.append(command("gc", "--grace-period=0s"))
        return chance.sample(works, min(len(works), chance.randint(1, 3)))

    def one(function, *args):
        if function is not carob:
            return function(*args)
        done = carob(*args, status=None)
        ends[args[0], done.returncode == 0] += 1
        return done

    ends, n = collections.Counter(), 0
    while n < ROUNDS or (not ROUNDS and time.monotonic() < end):
        at_once(*([lambda w=w: one(*w)] for w in work()))
        known = agree(api, data_dir, at_once=False)
        listed = {p["name"]: STATES[p["state"]] for p in json.loads(carob("list", "--format=json").stdout)}
        if listed != {u: p[0] for u, p in known.items()}:  # something ends by itself: look again
            agree(api, data_dir, at_once=False)
        n += 1
    print(f"{n} rounds, seed {SEED}: {sorted(ends.items())}")
    for name in ("prepare", "run", "run-prepared", "stop", "rm", "gc", "fetch", "image"):
        assert ends[name, True], f"seed {SEED}: not one {name} has succeeded: {ends}"
