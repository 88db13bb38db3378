# SPDX-License-Identifier: Apache-2.0
"""How soon clients hear of the end of an app, how many events a second the service tells, and what a subscriber costs it.

Latency is between the app's end, as its supervisor notes it (the event's time_ns), and the moment at which the client has the
bytes; and from the SIGKILL. The service has one processor, the client the other; pods and their supervisors are anywhere."""
import json
import os
import pathlib
import random
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "api"))
from nodes import Node  # noqa: E402
from servers import CLIENT_CPU, SERVER_CPU, Server, newer, pin  # noqa: E402

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
APP_EXITED = 7
# (connections, calls on each, at a unix socket)
CROWDS = ((1, 1, False), (1, 100, False), (10, 100, False), (1000, 1, False), (1000, 1, True))
KILLS = 40
PODMAN_KILLS = 8
IMAGES = 4000
REPLAYED = 16000
GOAL_MS = 5


def compile_programs(out):
    out.mkdir(parents=True, exist_ok=True)
    programs = []
    for source, libraries in ((HERE.parent / "streams.c", ["-lnghttp2"]), (HERE / "fanout.c", [])):
        programs.append(out / source.stem)
        if newer(source, programs[-1]):
            subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", source, "-o", programs[-1], *libraries], check=True)
    return programs


def fields(message):
    """(number, value) of a protobuf message; lengths as bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            size = varint()
            yield key >> 3, message[at:at + size]
            at += size


def app_ends(message):
    """(pod, time in ns) of the APP_EXITED in a ListenEventsResponse."""
    for _, event in fields(message):
        data, values = {}, {}
        for number, value in fields(event):
            if number == 5:
                pair = dict(fields(value))
                data[pair[1]] = pair.get(2, b"")
            else:
                values[number] = value
        if values.get(1) == APP_EXITED:
            yield values[2].decode(), int(data[b"time_ns"])


class Crowd:
    """@connections with @calls of ListenEvents on each; within it all of them are heard."""

    def __init__(self, client, address, connections, calls, request=b"", mode="keep"):
        self.command = [client, str(address), "ListenEvents", None, str(connections), str(calls), mode]
        self.request = request

    def __enter__(self):
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as request:
            request.write(self.request)
            request.flush()
            self.command[3] = request.name
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(CLIENT_CPU))
            if self.process.stdout.readline() != b"ready\n":
                raise RuntimeError("the client could not listen")
        return self

    def end(self):
        """What came: (time, call, message)."""
        self.process.stdin.close()
        data = self.process.stdout.read()
        at = 0
        while at < len(data):
            when, call, size = struct.unpack_from("=qII", data, at)
            at += 16
            yield when, call, data[at:at + size]
            at += size

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def carob_api(build, data, *more):
    return Server([build / "carob-api", f"--dir={data}", "--listen=127.0.0.1:0", *more],
                  r"Listening on 127\.0\.0\.1:(\d+)\n.*API service running")


def percentiles(samples):
    samples = sorted(samples)
    return tuple(samples[min(len(samples) - 1, int(len(samples) * q))] / 1e6 for q in (0.5, 0.99, 1))


def line(title, samples, more=""):
    p50, p99, most = percentiles(samples)
    print(f"    {title:50s} p50 {p50:7.2f}  p99 {p99:7.2f}  max {most:7.2f}  n {len(samples)}{more}", flush=True)
    return p50, p99


def start_pods(place, count):
    """{pod: pid of its app}"""
    pods = {}
    for _ in range(count):
        pod = place.run("run", "--detach", "example.com/busybox", "--exec=/bin/sleep", "--", "3600").split()[-1]
        status = json.loads((place.data / "pods/run" / pod / "appsinfo/busybox/status").read_text())
        pods[pod] = status["pid"]
    return pods


def remove_pods(place, pods):
    for pod in pods:
        place.run("rm", pod)


def latency(place, client, server, socket, connections, calls, local):
    pods = start_pods(place, KILLS)
    rss, killed, heard, ends = server.status("VmRSS"), {}, {}, {}
    with Crowd(client, f"unix:{socket}" if local else server.port, connections, calls) as crowd:
        grown = server.status("VmRSS") - rss
        cpu = server.cpu()
        for pod, pid in pods.items():
            time.sleep(random.uniform(0.03, 0.06))
            killed[pod] = time.time_ns()
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        cpu = server.cpu() - cpu
        known = {}
        for when, call, message in crowd.end():
            if message not in known:
                known[message] = list(app_ends(message))
            for pod, end in known[message]:
                heard.setdefault(pod, []).append(when)
                ends[pod] = end
    remove_pods(place, pods)
    n = connections * calls
    if any(len(heard.get(pod, ())) != n for pod in pods):
        raise RuntimeError(f"{n} subscribers: {[len(heard.get(pod, ())) for pod in pods]} heard of the apps' ends")
    title = f"{n} subscriber{'s' if n > 1 else ''}" + (f", {calls} on a connection" if calls > 1 else ", each its connection" if n > 1 else "")
    title += " (unix)" if local else ""
    more = f"  CPU {cpu / KILLS / n * 1e6:5.1f} us a pod's end and subscriber" if n > 1 else f"  CPU {cpu / KILLS * 1e3:5.2f} ms a pod's end"
    result = line(f"carob, {title}", [when - ends[pod] for pod in pods for when in heard[pod]], more)
    line("  from SIGKILL", [when - killed[pod] for pod in pods for when in heard[pod]])
    line("  the last subscriber", [max(heard[pod]) - ends[pod] for pod in pods])
    if n > 1:
        print(f"      memory of the service: {grown} KiB more, {grown / n:.1f} a subscriber")
    return result


def floor(fanout, connections):
    """The kernel alone: as many connections, a send(2) for each. Nobody can be faster."""
    done = subprocess.run([fanout, str(connections), "400", str(KILLS), str(SERVER_CPU), str(CLIENT_CPU)], check=True,
                          stdout=subprocess.PIPE, text=True)
    rounds = [list(map(int, row.split())) for row in done.stdout.splitlines()]
    print(f"    bare send(2) to {connections} connections: half of them have it after "
          f"{statistics.median(r[0] for r in rounds) / 1e6:.2f} ms, all after {statistics.median(r[1] for r in rounds) / 1e6:.2f}")


def podman_latency(podman, limits):
    """From SIGKILL to the line of `podman events`."""
    base = [*podman, "--events-backend=file"]
    run = [*base, "--runtime=runc", "run", "-d", "--network=none", *limits, "bench:latest", "/bin/sleep", "3600"]
    samples = []
    ids = [subprocess.run(run, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
           for _ in range(PODMAN_KILLS)]
    events = subprocess.Popen([*base, "events", "--filter=event=died", "--format={{.ID}}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    for container in ids:
        pid = int(subprocess.run([*base, "inspect", "--format={{.State.Pid}}", container], check=True, stdout=subprocess.PIPE).stdout)
        time.sleep(random.uniform(0.03, 0.06))
        began = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        if not select.select([events.stdout], [], [], 10)[0]:
            break
        events.stdout.readline()
        samples.append(time.time_ns() - began)
    events.kill()
    events.wait()
    subprocess.run([*base, "rm", "-af", "-t", "0"], **QUIET)
    return samples


def burst(client, build, calls):
    """Images appear all at once; until all subscribers have heard of all of them."""
    with Node() as node:
        node.grow(images=IMAGES)
        records, aside = node.data / "images/records", node.root / "records"
        records.rename(aside)
        records.mkdir()
        with carob_api(build, node.data) as server, Crowd(client, server.port, 1, calls) as crowd:
            cpu, began = server.cpu(), time.time_ns()
            for image in node.images:
                os.rename(aside / image, records / image)
            seen = server.cpu()
            while True:  # the service is done when it uses no more CPU
                time.sleep(0.2)
                if (cpu_now := server.cpu()) - seen < 0.002:
                    break
                seen = cpu_now
            last, total = 0, 0
            sizes = {}
            for when, _, message in crowd.end():
                if message not in sizes:
                    sizes[message] = sum(1 for _ in fields(message))
                total += sizes[message]
                last = max(last, when)
        if total != IMAGES * calls:
            raise RuntimeError(f"{total} events instead of {IMAGES} x {calls}")
        print(f"    {IMAGES} images appear, {calls:3d} subscriber{'s' if calls > 1 else ' '}: {IMAGES / (last - began) * 1e9:9.0f} events/s, "
              f"{total / (last - began) * 1e9:10.0f} delivered/s, CPU {(seen - cpu) / total * 1e6:6.2f} us each delivered", flush=True)


def replay(client, build):
    """What the ring remembers, to whoever asks for it."""
    with Node() as node:
        node.grow(images=REPLAYED)
        with carob_api(build, node.data, "--events-since=0") as server:
            until = int(time.time()) + 1
            while time.time() < until + 0.1:
                time.sleep(0.05)
            # filter { since_time: 1, until_time: now }
            time_fields = b"\x20\x01\x28" + varint(until)
            request = b"\x0a" + bytes([len(time_fields)]) + time_fields
            for calls in (1, 100):
                cpu, began = server.cpu(), time.monotonic()
                with Crowd(client, server.port, 1, calls, request, "count") as crowd:
                    text = crowd.process.stdout.read().decode()
                    crowd.process.wait()
                    took = time.monotonic() - began
                messages, size = map(int, text.split())
                total = REPLAYED * calls
                print(f"    {REPLAYED} remembered events, {calls:3d} subscriber{'s' if calls > 1 else ' '}: {total / took:10.0f} delivered/s "
                      f"({size / 1e6:.1f} MB in {messages} messages), CPU {(server.cpu() - cpu) / total * 1e6:6.3f} us each", flush=True)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def main(place, build, podman, limits):
    client, fanout = compile_programs(build / "bench-events")
    place.run("fetch", str(place.aci()))
    print("\nevents: from the end of an app to the client (ms)")
    reached = []
    socket = place.dir / "socket"
    with carob_api(build, place.data, f"--listen=unix:{socket}") as server:
        for connections, calls, local in CROWDS:
            _, p99 = latency(place, client, server, socket, connections, calls, local)
            reached.append((f"{connections * calls} subscribers, {connections} connections{' (unix)' if local else ''}", p99))
    floor(fanout, 1000)
    if podman and (samples := podman_latency(podman, limits)):
        line("podman events, 1 reader, from SIGKILL", samples)
    print("\nevents per second (on one processor)")
    for calls in (1, 100):
        burst(client, build, calls)
    replay(client, build)
    print()
    for title, p99 in reached:
        print(f"    {title + ', p99 in ms':44s} {p99:7.2f}   at most {GOAL_MS}: {'yes' if p99 <= GOAL_MS else 'NO'}")
