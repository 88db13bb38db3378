# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared, what they cost, and the load they are put under."""
import os
import pathlib
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Whoever serves has one processor for itself, whoever asks has another: so "per second" means "on one core".
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = CPUS[0], CPUS[-1]
TICK = os.sysconf("SC_CLK_TCK")


def pin(cpu):
    return lambda: os.sched_setaffinity(0, {cpu})


def compile_peers(out):
    """{name: program} of what can be built here; made once and kept in @out."""
    out.mkdir(parents=True, exist_ok=True)
    programs = {}
    bare, peer = out / "bare", out / "peer"
    if newer(HERE / "bare.c", bare):
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", HERE / "bare.c", "-o", bare, "-lnghttp2"], check=True)
    programs["bare"] = bare
    plugin = shutil.which("grpc_cpp_plugin")
    if not plugin or not shutil.which("g++"):
        print("  (gRPC C++ is not installed: left out)")
        return programs
    if newer(HERE / "peer.cc", peer):
        print("  building the server of gRPC C++ ...", flush=True)
        proto = ROOT / "proto/v1alpha"
        subprocess.run(["protoc", f"-I{proto}", f"--cpp_out={out}", f"--grpc_out={out}", f"--plugin=protoc-gen-grpc={plugin}",
                        proto / "api.proto"], check=True)
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "grpc++", "protobuf"], check=True, capture_output=True,
                               text=True).stdout.split()
        subprocess.run(["g++", "-O2", f"-I{out}", HERE / "peer.cc", out / "api.pb.cc", out / "api.grpc.pb.cc", "-o", peer, *flags],
                       check=True)
    programs["grpc++"] = peer
    return programs


def newer(source, product):
    return not product.exists() or product.stat().st_mtime < source.stat().st_mtime


class Server:
    """A process that serves at 127.0.0.1:port."""

    def __init__(self, command, announces):
        """@announces: a pattern whose group is the port, in what the process prints."""
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, preexec_fn=pin(SERVER_CPU))
        self.pid, text = self.process.pid, ""
        deadline = time.monotonic() + 120
        while not (match := re.search(announces, text, re.S)):
            ready = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]
            chunk = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                self.end()
                raise RuntimeError(f"{command[0]} did not start: {text}")
            text += chunk.decode()
        self.port = int(match.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def cpu(self):
        """Seconds of all its threads. Those that have ended are in the process' own figure, which is coarser."""
        threads = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            threads += int((task / "schedstat").read_text().split()[0])
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return max(threads / 1e9, (int(stat[11]) + int(stat[12]) - 1) / TICK)

    def status(self, key):
        """KiB, or a number."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))


def carob(build, data):
    return Server([build / "carob-api", f"--dir={data}", "--listen=127.0.0.1:0"],
                  r"Listening on 127\.0\.0\.1:(\d+)\n.*API service running")


def peer(program, *arguments):
    return Server([program, *arguments], r"^(\d+)\n")


def framed(message):
    return struct.pack(">BI", 0, len(message)) + message


def call_headers():
    return ["-H", "content-type: application/grpc", "-H", "te: trailers"]


def ask(port, method, request):
    """The reply's message of one unary call."""
    with tempfile.NamedTemporaryFile() as data:
        data.write(framed(request))
        data.flush()
        done = subprocess.run(["nghttp", "-w", "30", "-W", "30", *call_headers(), "-d", data.name,
                               f"http://127.0.0.1:{port}/v1alpha.PublicAPI/{method}"], check=True, capture_output=True)
    if len(done.stdout) < 5:
        raise RuntimeError(f"{method} failed: {done.stderr.decode()}")
    flag, size = struct.unpack(">BI", done.stdout[:5])
    assert flag == 0 and len(done.stdout) == 5 + size, f"{method}: {size} bytes announced, {len(done.stdout)} came"
    return done.stdout[5:]


class Load:
    """What calls from a number of connections took, with so many at a time from each."""

    def __init__(self, rate, p50, p99, cpu):
        self.rate, self.p50, self.p99, self.cpu = rate, p50, p99, cpu  # 1/s, us, us, us of CPU a call


def h2load(server, method, request, connections, streams, calls):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        data, log = pathlib.Path(place, "request"), pathlib.Path(place, "log")
        data.write_bytes(framed(request))
        before = server.cpu()
        done = subprocess.run(["h2load", "-n", str(calls), "-c", str(connections), "-m", str(streams), "-t1", *call_headers(), "-d", data,
                               f"--log-file={log}", f"http://127.0.0.1:{server.port}/v1alpha.PublicAPI/{method}"],
                              check=True, capture_output=True, text=True, preexec_fn=pin(CLIENT_CPU))
        used = server.cpu() - before
        if f"{calls} 2xx, 0 3xx, 0 4xx, 0 5xx" not in done.stdout:
            raise RuntimeError(f"{method} under load: {done.stdout}")
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    rate = float(re.search(r"finished in [^,]+, ([0-9.]+) req/s", done.stdout).group(1))
    return Load(rate, times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)], used / calls * 1e6)


def measure(server, method, request, connections, streams=1, seconds=0.5):
    """As many calls as take about @seconds, after a few that tell how many those are."""
    trial = max(connections * streams, 10)
    load = h2load(server, method, request, connections, streams, trial)
    calls = int(min(max(load.rate * seconds, trial * 2, 30), 200000))
    if load.rate * seconds <= trial:
        return load
    return h2load(server, method, request, connections, streams, calls)
