# SPDX-License-Identifier: Apache-2.0
"""What the end of a large log costs, a moment within it, and following it."""
import datetime
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import uuid

from throughput import Carob, status

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))
from servers import CLIENT_CPU, Server, framed, newer, pin  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
ROUNDS = 20
FILES, START, BLOCK = 4, 1_700_000_000, 1 << 20  # a second's lines in each block
FOLLOWED = 500


def varint_field(number, value):
    out = bytearray([number << 3])
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def request_of(pod, lines=0, since=0, until=0, follow=False):
    message = b"\x0a" + bytes([len(pod)]) + pod.encode()
    for number, value in ((3, lines), (4, int(follow)), (5, since), (6, until)):
        if value:
            message += varint_field(number, value)
    return message


class Large:
    """A copy of a pod that ran, with @blocks MiB of log in files, lines of 100 bytes."""

    def __init__(self, model, blocks):
        self.pod = str(uuid.uuid4())
        path = model.parent / self.pod
        subprocess.run(["cp", "-a", model, path], check=True)
        app = next((path / "appsinfo").iterdir()).name
        second = START
        for number in range(FILES - 1, -1, -1):
            with (path / f"logs/{app}.log{f'.{number}' if number else ''}").open("wb") as f:
                for _ in range(blocks // FILES):
                    moment = datetime.datetime.fromtimestamp(second, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
                    line = f"{moment} stdout F {second} ".encode()
                    line += b"x" * (99 - len(line)) + b"\n"
                    f.write(line * (BLOCK // len(line)))
                    second += 1
        self.files = [path / f"logs/{app}.log{suffix}" for suffix in (".3", ".2", ".1", "")]
        self.middle, self.size = START + (second - START) // 2, blocks


def run_once(command):
    began = time.perf_counter()
    subprocess.run(command, check=True, **QUIET)
    return (time.perf_counter() - began) * 1000


def bytes_read(command):
    """Of the log files, asked of the kernel; None without strace."""
    if not shutil.which("strace"):
        return None
    with tempfile.NamedTemporaryFile("r") as trace:
        subprocess.run(["strace", "-f", "-y", "-qq", "-e", "trace=pread64,read", "-e", "signal=none", "-o", trace.name, *map(str, command)],
                       check=True, **QUIET)
        return sum(int(m.group(1)) for m in re.finditer(r"\.log[.0-9]*>.*= (\d+)$", trace.read(), re.M))


def row(title, samples, read=None):
    more = "" if read is None else f"  {read / 1024:8.0f} KiB of the log read"
    print(f"    {title:44s} median {statistics.median(samples):8.2f}  min {min(samples):8.2f}{more}", flush=True)


def call(client, server, pod, **how):
    """A GetLogs call, from connecting to its end, in ms."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as request:
        request.write(request_of(pod, **how))
        request.flush()
        began = time.perf_counter()
        done = subprocess.run([client, str(server.port), "GetLogs", request.name, "1", "1", "count"], check=True, stdout=subprocess.PIPE,
                              preexec_fn=pin(CLIENT_CPU))
        assert done.stdout.startswith(b"ready"), done.stdout
        return (time.perf_counter() - began) * 1000


def read_large(place, build, client, base, model, blocks):
    large = Large(model, blocks)
    when = datetime.datetime.fromtimestamp(large.middle, datetime.timezone.utc)
    since, until = when.strftime("%Y-%m-%dT%H:%M:%SZ"), (when + datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(f"  {blocks} MiB in {FILES} files (ms)")
    ways = {"carob logs --lines=100": [*base, "logs", "--lines=100", large.pod],
            "carob logs of one second in the middle": [*base, "logs", f"--since={since}", f"--until={until}", large.pod],
            "tail -n 100 (of the last file)": ["tail", "-n", "100", large.files[-1]],
            "carob version (starting a program)": [*base, "version"]}
    for title, command in ways.items():
        row(title, [run_once(command) for _ in range(ROUNDS)], bytes_read(command) if "logs" in title or "tail" in title else None)
    with Server([build / "carob-api", f"--dir={place / 'logs-data'}", "--listen=127.0.0.1:0"],
                r"Listening on 127\.0\.0\.1:(\d+)\n.*API service running") as server:
        time.sleep(0.2)
        cpu = server.cpu()
        row("GetLogs lines=100, the client's start included", [call(client, server, large.pod, lines=100) for _ in range(ROUNDS)])
        print(f"      CPU of the service: {(server.cpu() - cpu) / ROUNDS * 1000:.2f} ms a call")
        cpu = server.cpu()
        row("GetLogs of one second in the middle", [call(client, server, large.pod, since=large.middle, until=large.middle + 1)
                                                    for _ in range(ROUNDS)])
        print(f"      CPU of the service: {(server.cpu() - cpu) / ROUNDS * 1000:.2f} ms a call")
    shutil.rmtree(model.parent / large.pod)


def podman_tail(podman, limits, megabytes):
    """`podman logs --tail 100` of a log of its own that is as large."""
    script = f"yes {'x' * 54} | head -c {megabytes * 1000 * 55}"
    run = [*podman, "--runtime=runc", "run", "-d", "--network=none", "--log-driver=k8s-file", *limits, "bench:latest", "/bin/busybox", "sh", "-c",
           script.replace("yes", "/bin/busybox yes").replace("head", "/bin/busybox head")]
    done = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    container = done.stdout.strip()
    if done.returncode != 0 or subprocess.run([*podman, "wait", container], **QUIET).returncode != 0:
        return
    row(f"podman logs --tail 100, of {megabytes} MB", [run_once([*podman, "logs", "--tail", "100", container]) for _ in range(5)])
    subprocess.run([*podman, "rm", "-f", container], **QUIET)


def follow(place, build, client, writer):
    """From the write of a line to the client that follows: the line carries its time."""
    pod_pid, _ = writer.start("0", str(FOLLOWED), "0")
    with Server([build / "carob-api", f"--dir={place / 'logs-data'}", "--listen=127.0.0.1:0"],
                r"Listening on 127\.0\.0\.1:(\d+)\n.*API service running") as server, \
            tempfile.NamedTemporaryFile(dir="/dev/shm") as request:
        request.write(request_of(writer.pod, follow=True))
        request.flush()
        process = subprocess.Popen([client, str(server.port), "GetLogs", request.name, "1", "1", "keep"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, preexec_fn=pin(CLIENT_CPU))
        assert process.stdout.readline() == b"ready\n"
        ready = time.time_ns()
        time.sleep(FOLLOWED * 0.01)
        process.stdin.close()
        data, at, samples = process.stdout.read(), 0, []
        process.wait()
        while at < len(data):
            came, _, size = struct.unpack_from("=qII", data, at)
            stamps = [int(m.group(1)) for m in re.finditer(rb"MESSAGE=(\d{19})", data[at + 16:at + 16 + size])]
            samples += [came - stamp for stamp in stamps if stamp > ready]
            at += 16 + size
    assert status(pod_pid, "PPid") > 0
    writer.stop()
    samples.sort()
    print(f"  a line written, to a client that follows (ms): p50 {samples[len(samples) // 2] / 1e6:.2f}  "
          f"p99 {samples[len(samples) * 99 // 100] / 1e6:.2f}  max {samples[-1] / 1e6:.2f}  n {len(samples)}")


def main(place, build, root, podman, limits):
    out = build / "bench-logs"
    client = out / "streams"
    if newer(HERE.parent / "streams.c", client):
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", HERE.parent / "streams.c", "-o", client, "-lnghttp2"], check=True)
    print("\nlogs: reading and following")
    writer = Carob(place, build / "carob", root, "writer")
    follow(place, build, client, writer)
    writer.start("100", "1000", "0")
    time.sleep(0.5)
    subprocess.run([*writer.carob, "stop", "--force", writer.pod], check=True, **QUIET)
    model = writer.data / "pods/run" / writer.pod
    for blocks in (100, 1024):
        read_large(place, build, client, writer.carob, model, blocks)
        if podman and blocks == 100:
            podman_tail(podman, limits, 100)
