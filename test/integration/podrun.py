# SPDX-License-Identifier: Apache-2.0
"""Pods for tests of the supervisor alone: a directory as `carob prepare` leaves it, and carob-pod on it."""
import fcntl
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import uuid

BUILD = pathlib.Path(os.environ.get("CAROB_BUILD") or pathlib.Path(__file__).resolve().parents[2] / "build").resolve()
BUSYBOX = "/bin/busybox"
IMAGE_ID = "sha512-" + "0" * 64


def make_store(root):
    """A data directory whose only layer, 1, is busybox."""
    layer = root / "images/layers/1/fs"
    for d in ("bin", "etc", "tmp", "proc", "sys", "dev"):
        (layer / d).mkdir(parents=True, exist_ok=True)
    shutil.copy(BUSYBOX, layer / "bin/busybox")
    for name in subprocess.check_output([BUSYBOX, "--list"], text=True).split():
        if name != "busybox" and not (layer / "bin" / name).exists():
            (layer / "bin" / name).symlink_to("busybox")
    (layer / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/tmp:/bin/sh\n")
    (layer / "etc/group").write_text("root:x:0:\nbob:x:1000:\n")
    (layer / "tmp").chmod(0o1777)


def app(name, *argv, isolators=(), **more):
    return {
        "name": name,
        "image": {"id": IMAGE_ID, "name": "example.com/busybox"},
        "app": {"exec": list(argv), "user": "0", "group": "0", "isolators": list(isolators), **more},
    }


class Pod:
    """One pod directory in run/, and the supervisor's process."""

    def __init__(self, root, *apps, net="none", rootfs="overlay", volumes=()):
        self.root = root
        self.uuid = str(uuid.uuid4())
        self.dir = root / "pods/run" / self.uuid
        self.proc = None
        self.talkers = [a["name"] for a in apps if "echo up" in " ".join(a["app"]["exec"])]
        self.dir.mkdir(parents=True, mode=0o750)
        manifest = {"acVersion": "0.8.11", "acKind": "PodManifest", "apps": list(apps), "volumes": list(volumes)}
        self.put("pod", json.dumps(manifest))
        self.put("pod-created", "")
        self.put("launch.json", json.dumps({"net": net}))
        for a in apps:
            info = self.dir / "appsinfo" / a["name"]
            info.mkdir(parents=True)
            image = {"id": IMAGE_ID, "name": "example.com/busybox", "format": "appc", "layers": ["1"], "rootfs": rootfs}
            (info / "image.json").write_text(json.dumps(image))
            if rootfs == "copy":
                subprocess.check_call(["cp", "-a", root / "images/layers/1/fs", self.dir / "rootfs-copy"])
                (self.dir / "rootfs").mkdir(exist_ok=True)
                (self.dir / "rootfs-copy").rename(self.dir / "rootfs" / a["name"])

    def put(self, name, text):
        (self.dir / name).write_text(text)

    def start(self, *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, detached=False, **more):
        fd = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        argv = [BUILD / "carob-pod", f"--dir={self.root}", f"--uuid={self.uuid}", f"--lock-fd={fd}", *args]
        keep = [fd]
        self.report = None
        if detached:
            self.report, child = os.pipe()
            keep.append(child)
            argv.append(f"--detached-fd={child}")
        self.proc = subprocess.Popen(argv, pass_fds=keep, stdin=stdin, stdout=stdout, stderr=stderr, **more)
        for k in keep:
            os.close(k)
        return self

    def wait(self, timeout=20):
        """(status, stdout, stderr) of the supervisor."""
        try:
            out, err = self.proc.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            raise AssertionError(f"supervisor does not end: {[x and x[-500:] for x in self.proc.communicate()]}") from None
        return self.proc.returncode, out, err

    def run(self, *args, **more):
        return self.start(*args, **more).wait()

    def until_ready(self, timeout=20):
        """Ready, and every app that says so has installed its traps."""
        self.until(lambda: (self.dir / "ready").exists(), timeout)
        self.until(lambda: all((self.dir / f"logs/{name}.log").stat().st_size for name in self.talkers), timeout)
        return self

    def until(self, condition, timeout=20):
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.proc.poll() is None or condition(), f"supervisor ended: {[x and x[-500:] for x in self.proc.communicate()]}"
            assert time.monotonic() < deadline, "timed out"
            time.sleep(0.005)

    def read(self, name):
        return (self.dir / name).read_text()

    def status(self):
        return json.loads(self.read("status"))

    def app_status(self, name):
        return json.loads(self.read(f"appsinfo/{name}/status"))

    def init_pid(self):
        return int(self.read("pid"))

    def log(self, name):
        """[(stream, tag, text)]"""
        lines = (self.dir / f"logs/{name}.log").read_bytes().split(b"\n")
        assert lines.pop() == b""
        return [tuple(x.decode() for x in line.split(b" ", 3)[1:]) for line in lines]

    def locked(self):
        fd = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def cgroups(self):
        """Directories of this pod in any hierarchy."""
        found = []
        for line in open("/proc/self/mounts"):
            _, path, kind = line.split()[:3]
            if kind in ("cgroup", "cgroup2") and os.path.isdir(f"{path}/carob/{self.uuid}"):
                found.append(f"{path}/carob/{self.uuid}")
        return found

    def ask(self, **request):
        """One request on the control socket; the reply."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(str(self.dir / "control"))
            s.send(json.dumps(request).encode())
            return json.loads(s.recv(4096))

    def processes(self):
        """Pids that are in the pod's PID namespace now."""
        try:
            ns = os.readlink(f"/proc/{self.init_pid()}/ns/pid")
        except (FileNotFoundError, ProcessLookupError):
            return []
        return [int(p) for p in os.listdir("/proc") if p.isdigit() and ns_of(p) == ns]

    def clean(self):
        """For the end of a test, whatever became of it."""
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.communicate()
        for path in self.cgroups():
            for sub, _, _ in os.walk(path, topdown=False):
                for _ in range(200):
                    try:
                        os.rmdir(sub)
                        break
                    except OSError:
                        time.sleep(0.01)


def ns_of(pid, kind="pid"):
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return None


def alive(pid):
    """Exists, and is no zombie."""
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
