# SPDX-License-Identifier: Apache-2.0
"""How fast an app can write lines: carob-pod, conmon and a bare copy of a pipe to a file, with the same program as the app.

The time is the app's own, from its first write to the moment that its reader has taken the last byte; the CPU is that of the
process that writes the log, per GB of the app's output. Apps have no seccomp filter, as conmon's and the bare pipe's have none: it
costs them up to a fifth with a write per line. One row shows what users get by default, with a filter and rotated files."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
ROUNDS = 5
# (title, bytes of a line, bytes of a write; 0: one line, MB in all)
LOADS = (("100-byte lines, one per write", 100, 0, 200), ("100-byte lines, 64 KiB per write", 100, 65536, 400),
         ("1,000-byte lines, one per write", 1000, 0, 400), ("1,000-byte lines, 64 KiB per write", 1000, 65536, 400))
GOAL = 0.8


def compile_programs(out):
    out.mkdir(parents=True, exist_ok=True)
    for name, flags in (("writer", ["-static"]), ("drain", [])):
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", *flags, HERE / f"{name}.c", "-o", out / name], check=True)
    return out / "writer", out / "drain"


def rootfs(place, writer):
    root = place / "logs-rootfs"
    (root / "bin").mkdir(parents=True)
    shutil.copy(writer, root / "bin/writer")
    for name in ("proc", "sys", "dev", "tmp"):
        (root / name).mkdir()
    return root


def result_of(path, deadline=60):
    """Seconds that the writer took: it says so in its last line, which is in the log (or in its stderr)."""
    until = time.monotonic() + deadline
    while time.monotonic() < until:
        time.sleep(0.02)
        with contextlib.suppress(FileNotFoundError):  # not there yet, or just rotated
            with path.open("rb") as f:
                f.seek(max(path.stat().st_size - 4096, 0))
                if match := re.search(rb"took (\d+) ns\n", f.read()):
                    return int(match.group(1)) / 1e9
    raise RuntimeError(f"{path}: the writer said nothing")


def cpu(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def status(pid, key):
    return int(re.search(rf"^{key}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1))


NO_FILTER = {"name": "os/linux/seccomp-remove-set", "value": {"set": ["@appc.io/empty"]}}


class Carob:
    def __init__(self, place, carob, root, app, *flags):
        """@app: writer or filtered."""
        self.data, self.app, self.flags = place / "logs-data", app, flags
        self.carob = [str(carob), f"--dir={self.data}"]
        aci = place / f"{app}.aci"
        if aci.exists():
            return
        tree = place / f"logs-{app}"
        tree.mkdir()
        shutil.copytree(root, tree / "rootfs")
        (tree / "manifest").write_text(json.dumps({
            "acKind": "ImageManifest", "acVersion": "0.8.11", "name": f"example.com/{app}",
            "app": {"exec": ["/bin/writer"], "user": "0", "group": "0", "isolators": [NO_FILTER] if app == "writer" else []}}))
        subprocess.run(["tar", "-C", tree, "-cf", aci, "manifest", "rootfs"], check=True)
        subprocess.run([*self.carob, "fetch", aci], check=True, **QUIET)

    def start(self, *words):
        done = subprocess.run([*self.carob, "run", "--detach", *self.flags, f"example.com/{self.app}", "--", *words], check=True,
                              stdout=subprocess.PIPE, text=True)
        self.pod = done.stdout.split()[-1]
        directory = self.data / "pods/run" / self.pod
        init = int((directory / "pid").read_text())
        return status(init, "PPid"), directory / f"logs/{self.app}.log"

    def stop(self):
        subprocess.run([*self.carob, "stop", "--force", self.pod], check=True, **QUIET)
        subprocess.run([*self.carob, "rm", self.pod], check=True, **QUIET)


class Conmon:
    """As podman starts it: the runtime makes the container, conmon keeps its output."""

    def __init__(self, place, root):
        self.bundle = place / "logs-bundle"
        if not self.bundle.exists():
            self.bundle.mkdir()
            subprocess.run(["crun", "spec"], cwd=self.bundle, check=True)
            spec = json.loads((self.bundle / "config.json").read_text())
            spec["process"]["terminal"] = False
            spec["root"] = {"path": str(root)}
            spec["mounts"] = [m for m in spec["mounts"] if m["type"] != "cgroup"]
            (self.bundle / "spec.json").write_text(json.dumps(spec))
            (self.bundle / "exits").mkdir()

    def start(self, *words):
        spec = json.loads((self.bundle / "spec.json").read_text())
        spec["process"]["args"] = ["/bin/writer", *words]
        (self.bundle / "config.json").write_text(json.dumps(spec))
        self.id = f"bench-{uuid.uuid4().hex[:12]}"
        log, pidfile = self.bundle / "log", self.bundle / "conmon.pid"
        log.unlink(missing_ok=True)
        pidfile.unlink(missing_ok=True)
        subprocess.run(["conmon", "--api-version=1", "-c", self.id, "-u", self.id, "-n", self.id, "-r", shutil.which("crun"),
                        "--runtime-arg=--cgroup-manager=disabled", "-b", self.bundle, "-p", self.bundle / "container.pid",
                        "--exit-dir", self.bundle / "exits", "--full-attach", "-l", f"k8s-file:{log}", "--log-level=error",
                        "--conmon-pidfile", pidfile], check=True, **QUIET)
        crun = ["crun", "--cgroup-manager=disabled"]
        until = time.monotonic() + 10
        while subprocess.run([*crun, "start", self.id], **QUIET).returncode != 0:
            if time.monotonic() > until:
                raise RuntimeError("conmon: the container was not made")
            time.sleep(0.01)
        return int(pidfile.read_text()), log

    def stop(self):
        pid = int((self.bundle / "conmon.pid").read_text())
        subprocess.run(["crun", "--cgroup-manager=disabled", "delete", "--force", self.id], **QUIET)
        until = time.monotonic() + 10
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
            time.sleep(0.01)
        (self.bundle / "log").unlink()


class Raw:
    def __init__(self, place, writer, drain):
        self.place, self.writer, self.drain = place, writer, drain

    def start(self, *words):
        output, errors = self.place / "raw.out", self.place / "raw.err"
        reader, end = os.pipe()
        with errors.open("wb") as err:
            # In sessions of their own, as the others have them: the scheduler shares the processors among sessions.
            self.app = subprocess.Popen([self.writer, *words], stdout=end, stderr=err, start_new_session=True)
        self.copy = subprocess.Popen([self.drain, output], stdin=reader, start_new_session=True)
        os.close(reader), os.close(end)
        return self.copy.pid, errors

    def stop(self):
        self.app.send_signal(signal.SIGKILL)
        self.app.wait()
        self.copy.wait()
        (self.place / "raw.out").unlink()


class Result:
    def __init__(self, way, line, write, total):
        pid, said = way.start(str(line), str(total), str(write))
        try:
            before, switches = cpu(pid), status(pid, "voluntary_ctxt_switches")
            self.seconds = result_of(said)
            self.cpu = (cpu(pid) - before) / total * 1e9
            self.wakeups = (status(pid, "voluntary_ctxt_switches") - switches) / total * 1e9
        finally:
            way.stop()
        self.rate = total / self.seconds / 1e6


def ways_of(place, build, root, writer, drain):
    ways = {"carob": Carob(place, build / "carob", root, "writer", "--log-max-size=8Gi"),
            "carob, 4 files of 16 MiB": Carob(place, build / "carob", root, "writer"),
            "carob, all defaults": Carob(place, build / "carob", root, "filtered")}
    if all(map(shutil.which, ("conmon", "crun"))):
        ways["conmon"] = Conmon(place, root)
    else:
        print("  (conmon or crun is not installed: left out)")
    ways["pipe"] = Raw(place, writer, drain)
    return ways


def main(place, build, root, writer, drain):
    print(f"\nlog throughput, median of {ROUNDS} (MB/s of the app's output; wake-ups and CPU of the process that writes the log, per GB)")
    ways = ways_of(place, build, root, writer, drain)
    reached = []
    for title, line, write, megabytes in LOADS:
        results = {name: [] for name in ways}
        for turn in range(ROUNDS):
            names = list(ways)
            for name in names[turn % len(names):] + names[:turn % len(names)]:
                results[name].append(Result(ways[name], line, write, megabytes * 1_000_000))
        print(f"  {title}")
        median = {name: statistics.median(r.rate for r in samples) for name, samples in results.items()}
        for name, samples in results.items():
            ratios = "".join(f"  carob/{peer} {median[name] / median[peer]:4.2f}" for peer in ("pipe", "conmon")
                             if name.startswith("carob") and peer in median)
            print(f"    {name:26s} {median[name]:6.0f} MB/s  ({min(r.rate for r in samples):5.0f} to {max(r.rate for r in samples):5.0f})  "
                  f"CPU {statistics.median(r.cpu for r in samples):5.2f} s/GB  "
                  f"wake-ups {statistics.median(r.wakeups for r in samples):7.0f}{ratios}", flush=True)
        reached += [(f"{title}: {name}", median[name] / median["pipe"]) for name in ways if name.startswith("carob")]
    for title, ratio in reached:
        print(f"    {title + ' / pipe':62s} {ratio:5.2f}   at least {GOAL}: {'yes' if ratio >= GOAL else 'NO'}")
