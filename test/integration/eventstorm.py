# SPDX-License-Identifier: Apache-2.0
"""Pods and images that are made, run, killed and removed at random, by hand and by real commands at once; each life notes
in the model what it did. A life belongs to one thread, and nobody else touches its pod but gc."""
import contextlib
import fcntl
import os
import random
import re
import signal
import subprocess
import threading
import time

import clirun
import eventhands
from eventmodel import Model, now
from indextruth import is_locked

IN_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STEPS = ("prepare-made", "created", "manifest-written", "filled", "synced", "prepared-written")  # of prepare, in a build with hooks
# How an app may end: its script, exit code, signal.
ENDS = [("exit 0", 0, 0), ("exit 1", 1, 0), ("exit 77", 77, 0), ("sleep 0.03; exit 5", 5, 0), ("kill -9 $$", 137, 9),
        ("kill -TERM $$", 143, 15), ("sleep 0.02; kill -ABRT $$", 134, 6)]


class Images:
    """What pods are made of: a store that is there before the service, and archives to import."""

    def __init__(self, data, tmp, archives=5):
        store = clirun.Store(data)
        self.ids = {name: store.add(f"example.com/{name}", *argv) for name, argv in
                    (("sh", ("/bin/sh", "-c")), ("true", ("/bin/true",)), ("sleep", ("/bin/sleep", "1000")))}
        # Its layer has nothing in it: preparing a copy fails when the pod is half made.
        (data / "images/layers/8").mkdir()
        (data / "images/layers/8/digest").write_text("sha256:" + "8" * 64)
        (data / "images/layers/8/size").write_text("1")
        self.ids["hollow"] = store.add("example.com/hollow", "/bin/true", layers=("8",))
        self.archives = [clirun.make_aci(tmp / f"storm-{n}.aci", f"example.com/storm-{n}", "/bin/true", str(n)) for n in range(archives)]

    def of(self, image):
        return {"image_id": self.ids[image], "image_name": f"example.com/{image}"}


class Storm:
    def __init__(self, carob, data, images, seed, hooked, sync, server=None):
        """@carob: runs a command. @sync(uuid): returns when the service has seen the pod as it is; None: there may be none. @hooked:
        the build has steps. @server: that may be held up now and then."""
        self.carob, self.data, self.images, self.model = carob, data, images, Model()
        self.chance, self.hooked, self.sync, self.server = random.Random(seed), hooked, sync, server
        self.half_made = threading.Lock()  # who leaves something in prepare/ that nobody owns, and who collects that
        self.counted, self.errors = {}, []
        self.names = [f"storm-{n}" for n in range(12)]
        self.free_names = list(self.names)
        self.uuids = []  # known, for filters of those who come late

    def lives(self, n, real):
        """@n lives in random order, of which @real are of real commands."""
        kinds = [self.run, self.run, self.run_several, self.run_several, self.detach, self.kill, self.prepare, self.run_prepared,
                 self.fail, self.vanish, self.run_nothing]
        some = [self.chance.choice(kinds) for _ in range(real)] + [self.by_hand] * (n - real)
        some += [self.mark] * max(n // 25, 2) + [self.collect] * max(n // 50, 1) + [self.image] * max(n // 20, 4)
        some += [self.freeze] * (max(n // 100, 2) if self.server else 0)
        self.chance.shuffle(some)
        return [(life, self.chance.getrandbits(64)) for life in some]

    def blow(self, lives, threads=4):
        """All of them, @threads at a time."""
        left = list(reversed(lives))

        def work():
            while left and not self.errors:
                life, seed = left.pop()
                try:
                    life(random.Random(seed))
                except BaseException as e:
                    self.errors.append((life.__name__, seed, e))
                    raise
                with self.model.lock:
                    self.counted[life.__name__] = self.counted.get(life.__name__, 0) + 1

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not self.errors, self.errors

    # --- what lives are made of

    @contextlib.contextmanager
    def pod_name(self, chance):
        """Now and then one that the pod has for itself. A finished pod's name is free for the next."""
        with self.model.lock:
            name = self.free_names.pop() if self.free_names and chance.random() < 0.3 else None
        yield name
        if name:
            with self.model.lock:
                self.free_names.append(name)

    def named(self, name):
        return [f"--pod-name={name}"] if name else []

    def save(self, chance):
        return self.data.parent / f"uuid-{chance.getrandbits(64):x}"

    def pod(self, uuid, name, apps):
        """@apps: {app: image}"""
        self.uuids.append(uuid)
        return self.model.pod(uuid, name, {app: self.images.of(image) for app, image in apps.items()})

    def finish(self, pod, chance, began, state="exited"):
        """It is over: removed at once, or left for gc."""
        if chance.random() < 0.6:
            self.carob("rm", pod.id, status=None)  # gc may have been first
        pod.event("GARBAGE_COLLECTED", began, None, state=state)

    def plan(self, chance):
        """Words for the apps of a pod, {app: (image, exit code, signal, maybe)}, and how the pod ends."""
        n, words, apps = chance.randint(1, 3), [], {}
        failing = chance.randrange(n) if chance.random() < 0.6 else None
        decided = (0, 0)
        for i in range(n):
            app = f"app-{i}"
            if i == failing:
                script, code, signo = chance.choice([e for e in ENDS if e[1]])
                image, decided, end = "sh", (code, signo), (code, signo, False)
            elif failing is not None:
                image, script, end = "sleep", None, ({143, 137}, {15, 9}, True)
            else:
                image, script = ("true", None) if chance.random() < 0.5 else ("sh", "exit 0")
                end = (0, 0, False)
            words += [f"example.com/{image}", f"--name={app}", *(["--", script, "---"] if script else [])]
            apps[app] = (image, *end)
        return words[:-1] if words[-1] == "---" else words, apps, decided

    def ran(self, pod, apps, decided, began, ended):
        pod.event("STARTED", began, ended)
        for app, (_, code, signo, maybe) in apps.items():
            pod.ran(app, began, ended, code, signo, maybe=maybe)
        pod.event("EXITED", began, ended, exit_code=decided[0], signal=decided[1] or None, observed=None)

    # --- lives of real pods

    def run_with(self, chance, words, apps, decided):
        file, began = self.save(chance), now()
        with self.pod_name(chance) as name:
            done = self.carob("run", f"--uuid-file-save={file}", *self.named(name), *words, status=None)
            ended = now()
            assert done.returncode == decided[0], (words, done)
        pod = self.pod(file.read_text().strip(), name, {app: image for app, (image, *_) in apps.items()})
        self.ran(pod, apps, decided, began, ended)
        self.finish(pod, chance, began)

    def run(self, chance):
        if chance.random() < 0.4:  # some milliseconds
            return self.run_with(chance, ["example.com/true"], {"true": ("true", 0, 0, False)}, (0, 0))
        script, code, signo = chance.choice(ENDS)
        return self.run_with(chance, ["example.com/sh", "--", script], {"sh": ("sh", code, signo, False)}, (code, signo))

    def run_several(self, chance):
        self.run_with(chance, *self.plan(chance))

    def run_nothing(self, chance):
        """The pod starts, its app cannot."""
        self.run_with(chance, ["example.com/true", "--exec=/nowhere"], {}, (254, 0))

    def detach(self, chance):
        began = now()
        with self.pod_name(chance) as name:
            uuid = self.carob("run", "--detach", *self.named(name), "example.com/sleep").stdout.strip()
            pod = self.pod(uuid, name, {"sleep": "sleep"})
            time.sleep(chance.choice([0, 0, 0.01, 0.1]))
            force = chance.random() < 0.3
            self.carob("stop", *(["--force"] if force else []), uuid)
            ended = now()
        signo = 9 if force else 15
        self.ran(pod, {"sleep": ("sleep", 128 + signo, signo, False)}, (128 + signo, signo), began, ended)
        self.finish(pod, chance, began)

    def kill(self, chance):
        """Nobody knows how it ended, nor when, but that it did."""
        began = now()
        with self.pod_name(chance) as name:
            uuid = self.carob("run", "--detach", *self.named(name), "example.com/sleep").stdout.strip()
            pod, ready = self.pod(uuid, name, {"sleep": "sleep"}), now()
            time.sleep(chance.choice([0, 0.01, 0.1]))
            owner = clirun.parent_of(int((self.data / "pods/run" / uuid / "pid").read_text()))
            killed = now()
            os.kill(owner, signal.SIGKILL)
            clirun.until(lambda: not is_locked(self.data / "pods/run" / uuid), what="the end of a killed pod")
        pod.event("STARTED", began, ready).app("STARTED", "sleep", began, ready)
        pod.app("EXITED", "sleep", killed, None, exit_code=None, signal=None, observed="true")
        pod.event("EXITED", killed, None, exit_code=None, signal=None, observed="true")
        self.finish(pod, chance, killed)

    def prepare(self, chance):
        began = now()
        with self.pod_name(chance) as name:
            uuid = self.carob("prepare", *self.named(name), "example.com/true").stdout.strip()
            pod = self.pod(uuid, name, {"true": "true"}).event("PREPARED", began, now())
            time.sleep(chance.choice([0, 0, 0.01]))
            if name or chance.random() < 0.6:
                self.carob("rm", uuid)
                pod.event("GARBAGE_COLLECTED", began, now(), state="prepared")

    def run_prepared(self, chance):
        words, apps, decided = self.plan(chance)
        began = now()
        with self.pod_name(chance) as name:
            uuid = self.carob("prepare", *self.named(name), *words).stdout.strip()
            pod = self.pod(uuid, name, {app: image for app, (image, *_) in apps.items()}).event("PREPARED", began, now())
            began = now()
            done = self.carob("run-prepared", uuid, status=None)
            assert done.returncode == decided[0], (words, done)
        self.ran(pod, apps, decided, began, now())
        self.finish(pod, chance, began)

    def fail(self, chance):
        """Preparing fails, for a reason that is told."""
        with self.half_made:
            began = now()
            done = self.carob(chance.choice(["prepare", "run"]), "--no-overlay", "example.com/hollow", status=254)
            ended = now()
        pod = self.pod(IN_TEXT.search(done.stderr)[0], None, {"hollow": "hollow"})
        pod.event("PREPARE_ABORTED", began, ended, observed=None)
        self.finish(pod, chance, began, "aborted prepare")

    def vanish(self, chance):
        """Who prepares it is killed."""
        if not self.hooked:
            return
        with self.half_made:
            before, began = self.prepare_dirs(), now()
            done = self.carob("prepare", "example.com/true", status=None,
                              env=dict(os.environ, CAROB_TEST_STOP_AT=chance.choice(STEPS)))
            assert done.returncode == -signal.SIGKILL, done
            ended = now()
            # Looked at twice: one that others prepare may have moved on, and been let go, while we looked.
            (uuid,) = [p.name for p in self.prepare_dirs() & self.prepare_dirs() if p not in before]
        pod = self.pod(uuid, None, {}).event("PREPARE_ABORTED", began, ended)
        self.finish(pod, chance, began, "aborted prepare")

    def prepare_dirs(self):
        """Those that nobody owns: others are at work there too."""
        return {p for p in (self.data / "pods/prepare").glob("*") if is_locked(p) is False}

    def by_hand(self, chance):
        eventhands.Hand(self, chance).live()

    # --- those who look after them

    def mark(self, chance):
        with self.half_made:
            self.carob("gc", "--mark-only")

    def collect(self, chance):
        with self.half_made:
            self.carob("gc", "--grace-period=0s")

    def freeze(self, chance):
        """The service is held up while the others go on; what the kernel keeps for it may overflow."""
        with asleep(self.server):
            if chance.random() < 0.5:
                overflow(self.data, self.data / "images")
            time.sleep(chance.random() * 0.1)

    def image(self, chance):
        """Imported, maybe under another name too (which is no event), and removed or left."""
        path = chance.choice(self.images.archives)
        with open(path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one life at a time for each
            began = now()
            (id,) = self.carob("fetch", "--full", path).stdout.split()
            image = self.model.image(id, f"example.com/{path.stem}")
            if not image.expected or image.expected[-1].type == "IMAGE_REMOVED":
                image.imported(began, now(), version="1.0", format="appc")
            if chance.random() < 0.3:
                self.carob("fetch", path)
            if chance.random() < 0.7:
                began = now()
                # It asks what pods use, which pods that are being made by hand may not tell for a moment.
                clirun.until(lambda: self.carob("image", "rm", id, status=None).returncode == 0, what="removal of an image")
                image.removed(began, now())


    # --- afterwards

    def model_is_told(self, listener, timeout=30):
        """All that was done is told to an unfiltered listener, in the end."""
        listener.until(lambda events: len(events) >= self.model.expected() and not self.model.problems(list(events)), timeout)
        wrong = self.model.problems(listener.events)
        assert not wrong, "\n".join([*wrong[:12], *self.model.story(wrong, listener.events)])

    def end(self):
        """Nothing runs on, and nothing is left of any pod."""
        for pod in clirun.pods(self.carob):
            if pod["state"] == "running":
                self.carob("stop", "--force", pod["name"], status=None)
        clirun.until(lambda: not clirun.processes_of(self.data), what="supervisors to end")
        self.carob("gc", "--grace-period=0s", "--expire-prepared=0s")
        assert not clirun.mounts_below(self.data)


def hooked(build):
    return b"CAROB_TEST_STOP_AT" in (build / "carob").read_bytes()


def subprocess_carob(build, data):
    """carob(...) for many threads at once."""

    def run(*args, status=0, **kwargs):
        done = subprocess.run([build / "carob", f"--dir={data}", *map(str, args)], text=True, capture_output=True, timeout=60, **kwargs)
        assert status is None or done.returncode == status, f"carob {args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    return run


@contextlib.contextmanager
def asleep(server):
    """The service does nothing meanwhile."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def overflow(data_dir, other):
    """More of inotify's events than the kernel keeps for one who sleeps."""
    for path in (data_dir / "pods/garbage", other):
        path.mkdir(exist_ok=True)
    for _ in range(12000):
        os.close(os.open(data_dir / "pods/garbage", os.O_RDONLY))
        os.close(os.open(other, os.O_RDONLY))
