# SPDX-License-Identifier: Apache-2.0
"""What the directories say of all pods, read without any of our code, and pods that change at random."""
import contextlib
import fcntl
import json
import os
import random
import shutil
import uuid

import podtree

UNLOCKED = {"embryo": "EMBRYO", "prepare": "ABORTED_PREPARE", "prepared": "PREPARED", "run": "EXITED",
            "exited-garbage": "GARBAGE", "garbage": "GARBAGE"}
LOCKED = {**UNLOCKED, "prepare": "PREPARING", "run": "RUNNING", "exited-garbage": "DELETING", "garbage": "DELETING"}


def is_locked(path):
    """None: it cannot be told."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(fd)


def read(path, limit=None):
    try:
        if path.is_symlink() or not path.is_file():
            return None
        data = path.read_bytes()
        return data if limit is None or len(data) <= limit else None
    except OSError:
        return None


def line_of(text):
    text = text.decode()
    return text[:-1] if text.endswith("\n") else text


def one(path, where):
    """(state, pid, started, cgroup, manifest, apps): what a client must be told of it."""
    locked = is_locked(path)
    state = (LOCKED if locked else UNLOCKED)[where]
    if state in ("EMBRYO", "PREPARING", "ABORTED_PREPARE"):
        return state, 0, 0, "", b"", ()
    pid, started, cgroup, apps = -1, 0, "", ()
    manifest = read(path / "pod", 4 << 20) or b""
    try:
        parsed = json.loads(manifest)
        names = [(a["name"], a["image"]["id"]) for a in parsed["apps"]] if parsed["acKind"] == "PodManifest" else None
    except (ValueError, KeyError, TypeError):
        names = None
    if where in ("run", "exited-garbage"):
        text = read(path / "pid", 65536)
        if text is not None:
            started = (path / "pid").stat().st_mtime_ns
            line = line_of(text)
            pid = int(line) if line.isdigit() and 0 < int(line) < 2**31 else -1
    if state == "RUNNING":
        text = read(path / "subcgroup", 65536)
        cgroup = "/" + line_of(text).lstrip("/") if text is not None else ""
    if names is not None:
        apps = tuple(app(path, where, state, *n) for n in names)
    return state, pid, started, cgroup, manifest if names is not None else b"", apps


def app(path, where, state, name, image):
    info = read(path / "appsinfo" / name / "image.json", 65536)
    try:
        image = json.loads(info)["id"]
    except (TypeError, ValueError, KeyError):
        pass
    status = {}
    if where in ("run", "exited-garbage"):
        try:
            status = json.loads(read(path / "appsinfo" / name / "status", 65536))
        except (TypeError, ValueError):
            status = {}
    exited = status.get("state") == "exited"
    if exited or state in ("EXITED",) or where == "exited-garbage":
        return name, image, "EXITED", status.get("exit_code", -1) if exited else -1
    return name, image, "RUNNING" if status.get("state") == "running" and state == "RUNNING" else "UNDEFINED", 0


def truth(data):
    """{uuid: one(...)} of a data directory that nobody changes meanwhile."""
    found = {}
    for where in podtree.DIRS:
        with contextlib.suppress(OSError):
            for entry in sorted((data / "pods" / where).iterdir()):
                if entry.is_dir() and not entry.is_symlink() and len(entry.name) == 36:
                    found[entry.name] = one(entry, where)
    return found


def told(pb, pods):
    """The same as the API has it."""
    def name(enum, value):
        return enum.Name(value).split("_STATE_")[1]

    return {p.id: (name(pb.PodState, p.state), p.pid, p.started_at, p.cgroup, p.manifest,
                   tuple((a.name, a.image.id, name(pb.AppState, a.state), a.exit_code) for a in p.apps)) for p in pods}


def difference(a, b):
    """The pods on which two of the above disagree, for people."""
    return {u: (a.get(u), b.get(u)) for u in a.keys() | b.keys() if a.get(u) != b.get(u)}


class Shuffler:
    """Changes pods of its own at random, one small step after the other. Several may work on one data directory, as no
    two have a pod in common."""

    def __init__(self, data, seed, pods=8):
        self.data, self.random, self.tree, self.max = data, random.Random(seed), podtree.Tree(data), pods
        self.pods, self.visits, self.log = {}, [], []

    def step(self):
        steps = [self.create] * 4 + [self.move] * 6 + [self.lock] * 6 + [self.mutate] * 6 + [self.remove, self.replace, self.visit,
                                                                                           self.decoy, self.shut]
        action = self.random.choice(steps)
        if action != self.create and (not self.pods or len(self.pods) > self.max):
            action = self.remove if self.pods else self.create
        self.log.append(action.__name__)
        try:
            action()
        except FileNotFoundError as e:
            raise AssertionError(f"{self.log[-5:]}: {e}") from e

    def steps(self, n):
        for _ in range(n):
            self.step()

    def any(self):
        return self.pods[self.random.choice(sorted(self.pods))]

    def create(self, name=None):
        where = self.random.choice(podtree.DIRS)
        apps = self.random.sample(["web", "db", "log"], self.random.randint(1, 3))
        pod = self.tree.pod(where, *apps, uuid=name or str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
                            created=podtree.SECOND, locked=self.random.random() < 0.5,
                            **({"pid": os.getpid(), "started": self.random.randint(1, 10**18), "cgroup": "carob/a"}
                               if self.random.random() < 0.7 else {}))
        pod.where, pod.apps = where, apps
        self.pods[pod.uuid] = pod

    def move(self):
        pod = self.any()
        pod.where = self.random.choice([d for d in podtree.DIRS if d != pod.where])
        self.tree.move(pod, pod.where)

    def lock(self):
        pod = self.any()
        if pod.uuid in self.tree.locks:
            self.tree.unlock(pod)
        else:
            self.tree.lock(pod)

    def visit(self):
        """Somebody opens it and stays, for now without the lock."""
        pod = self.any()
        if self.visits and self.random.random() < 0.6:
            os.close(self.visits.pop(self.random.randrange(len(self.visits))))
        else:
            self.visits.append(os.open(pod.path, os.O_RDONLY | os.O_DIRECTORY))

    def mutate(self):
        pod = self.any()
        file = self.random.choice(["pod", "pid", "subcgroup", "status", "image", "app"])
        how = self.random.choice(["write", "append", "rename", "unlink", "break"])
        app = self.random.choice(pod.apps)
        path = pod.path / {"image": f"appsinfo/{app}/image.json", "app": f"appsinfo/{app}/status"}.get(file, file)
        good = {"pod": podtree.pod_manifest(*pod.apps, annotations=[{"name": "n", "value": str(self.random.random())}]),
                "pid": str(self.random.randint(1, 4000000)) + "\n", "subcgroup": f"carob/{self.random.randint(1, 99)}",
                "status": {"exit_code": 0, "finished_at": 1},
                "image": {"id": podtree.image_id(self.random.choice("abcdef")), "name": "example.com/x", "version": "1",
                          "format": "oci", "layers": ["1"], "rootfs": "overlay"},
                "app": self.random.choice([{"state": "running", "pid": 1, "started_at": 1},
                                           {"state": "exited", "exit_code": self.random.randint(0, 255), "finished_at": 1}])}[file]
        good = (good if isinstance(good, str) else json.dumps(good)).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        if how == "write":
            path.write_bytes(good)
        elif how == "append":
            with path.open("ab") as f:
                f.write(b" ")
        elif how == "rename":
            new = path.with_name(".new")
            new.write_bytes(good)
            new.rename(path)
        elif how == "unlink":
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(good[:len(good) // 2] if file != "subcgroup" else good)

    def remove(self):
        pod = self.any()
        shutil.rmtree(pod.path)
        self.forget(pod)

    def forget(self, pod):
        if pod.uuid in self.tree.locks:
            self.tree.unlock(pod)
        del self.pods[pod.uuid]

    def replace(self):
        """Another directory of the same name, in one step or in two."""
        pod = self.any()
        aside = self.data / f"aside-{pod.uuid}"
        pod.path.rename(aside)
        self.forget(pod)
        self.create(pod.uuid)
        shutil.rmtree(aside)

    def decoy(self):
        where = self.data / "pods" / self.random.choice(podtree.DIRS)
        where.mkdir(parents=True, exist_ok=True)
        path = where / str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        path.symlink_to(self.any().path) if self.random.random() < 0.5 else path.write_text("no pod")

    def shut(self):
        self.any().path.chmod(self.random.choice([0o750, 0o700, 0o755]))

    def done(self):
        self.tree.unlock_all()
        for fd in self.visits:
            os.close(fd)
