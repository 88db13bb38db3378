# SPDX-License-Identifier: Apache-2.0
"""carob-api, a bare server of nghttp2 that sends the same bytes without looking, and gRPC C++ with replies made
beforehand: the same calls, one after the other, in one run."""
import pathlib
import tempfile
import time

from nodes import Node
from servers import CPUS, ask, carob, compile_peers, measure, peer

SIZES = (10, 100, 1000, 10000)
# Connections, and calls at a time from each; many at a time only where the reply is small.
LOADS = ((1, 1), (16, 1), (16, 10), (100, 1))
GOAL_PODS = 5000
MOST_BYTES = 256 << 20  # in flight at a time: replies times connections


def text_field(number, text):
    data = text.encode()
    return bytes([number << 3 | 2, len(data)]) + data


DETAIL = bytes([2 << 3, 1])


def calls_of(node):
    """(title, method, request, whether the reply grows with the node)"""
    return (("GetInfo", "GetInfo", b"", False),
            ("InspectPod", "InspectPod", text_field(1, node.pods[0]), False),
            ("ListPods", "ListPods", b"", True),
            ("ListPods detail", "ListPods", DETAIL, True),
            ("ListImages", "ListImages", b"", True),
            ("ListImages detail", "ListImages", DETAIL, True))


def size_text(n):
    return f"{n} B" if n < 10000 else f"{n / 1024:.0f} KB" if n < 10 << 20 else f"{n / 1048576:.0f} MB"


def line(who, load, ours=None):
    ratio = "" if ours is None else (f"   carob/{who}: calls {ours.rate / load.rate:5.2f}, p99 {ours.p99 / load.p99:5.2f}, "
                                     f"CPU {ours.cpu / load.cpu:5.2f}")
    print(f"      {who:7s} {load.rate:9.0f}/s  p50 {load.p50:8.0f}  p99 {load.p99:8.0f}  CPU {load.cpu:9.1f} us{ratio}", flush=True)


def run_peer(name, program, method, reply, request, load):
    words = [reply] if name == "bare" else [f"{method}={reply}"]
    with peer(program, *words) as server:
        return measure(server, method, request, *load)


def compare(build, node, programs, place, peers_of):
    """All calls at the present size of the node; {(title, connections, streams): Load} of ours."""
    ours = {}
    with carob(build, node.data) as server:
        for title, method, request, grows in calls_of(node):
            message = ask(server.port, method, request)
            reply = place / "reply"
            reply.write_bytes(message)
            print(f"  {title}, {len(node.pods)} pods and images, reply {size_text(len(message))}")
            for load in LOADS:
                connections, streams = load
                if streams > 1 and grows:
                    continue
                if connections > 1 and len(message) * connections > MOST_BYTES:
                    print(f"    {connections} connections: left out, {size_text(len(message) * connections)} at a time")
                    continue
                print(f"    {connections} connection{'s' if connections > 1 else ''}"
                      + (f", {streams} calls at a time each" if streams > 1 else ""))
                here = ours[title, *load] = measure(server, method, request, *load)
                line("carob", here)
                for name, program in programs.items():
                    key = (name, title, *load)
                    if grows or key not in peers_of:
                        peers_of[key] = run_peer(name, program, method, reply, request, load)
                    line(name, peers_of[key], here)
    return ours


def idle_wakeups(server, seconds=3):
    before = server.status("voluntary_ctxt_switches")
    time.sleep(seconds)
    return (server.status("voluntary_ctxt_switches") - before) / seconds


class Memory:
    """KiB of a service that has just read the node; @before: the one without the @added things of @kind."""

    def __init__(self, build, node, before=None, added=0, kind=""):
        began = time.monotonic()
        with carob(build, node.data) as server:
            ready = time.monotonic() - began
            time.sleep(1)
            self.rss, self.anon = server.status("VmRSS"), server.status("RssAnon")
            self.wakeups = idle_wakeups(server) if not before else None
        self.each = (self.anon - before.anon) / added if before else None
        print(f"    {len(node.pods):5d} pods, {len(node.images):5d} images: resident {self.rss:6d} KiB, anonymous {self.anon:6d} KiB, "
              f"ready after {ready * 1000:5.0f} ms"
              + (f", {self.each:.2f} KiB {kind}" if before else f", idle: {self.wakeups:.1f} wake-ups/s"), flush=True)


def grow(build, node, size, before):
    """Memory with more pods, then with more images too: what one of each takes."""
    print("  memory")
    pods, images = size - len(node.pods), size - len(node.images)
    node.grow(pods=size)
    with_pods = Memory(build, node, before, pods, "a pod")
    node.grow(images=size)
    return with_pods, Memory(build, node, with_pods, images, "an image")


def memory_of_peers(programs):
    for name, program in programs.items():
        with peer(program, "/dev/null" if name == "bare" else "GetInfo=/dev/null") as server:
            time.sleep(0.2)
            print(f"    {name:27s} resident {server.status('VmRSS'):6d} KiB, anonymous {server.status('RssAnon'):6d} KiB")


def list_pods_cost(build, node):
    with carob(build, node.data) as server:
        load = measure(server, "ListPods", b"", 1)
        print(f"  ListPods, {len(node.pods)} pods, 1 connection")
        line("carob", load)
        return load.cpu


def goals(rows):
    print("\n  goals")
    for text, value, limit, at_least in rows:
        reached = value >= limit if at_least else value <= limit
        print(f"    {text:62s} {value:12.2f}   {'at least' if at_least else 'at most'} {limit:g}: {'yes' if reached else 'NO'}")


def info_goals(ours, peers_of):
    for load, text in (((16, 1), "16 connections"), ((16, 10), "16 connections x 10")):
        rate, floor = ours["GetInfo", *load].rate, peers_of["bare", "GetInfo", *load].rate
        yield f"GetInfo, {text}, calls/s on one processor", rate, 100000, True
        yield f"GetInfo, {text}, calls/s / those of the bare server", rate / floor, 0.5, True


def main(build):
    print("\napi: each connection has one call at a time unless it says more; times in us; servers on one processor, "
          f"h2load on {'another' if len(CPUS) > 1 else 'the same'}")
    programs = compile_peers(build / "bench-api")
    ours, peers_of = {}, {}
    with Node() as node, tempfile.TemporaryDirectory(dir="/dev/shm") as temporary:
        print("  memory")
        fresh = last = Memory(build, node)
        memory_of_peers(programs)
        for size in SIZES:
            if len(node.pods) < GOAL_PODS < size:
                node.grow(pods=GOAL_PODS)
                at_goal = list_pods_cost(build, node)
            with_pods, last = grow(build, node, size, last)
            ours[size] = compare(build, node, programs, pathlib.Path(temporary), peers_of)
    small, large = ours[SIZES[0]], ours[SIZES[-1]]
    goals((
        (f"ListPods of {GOAL_PODS}, CPU ms", at_goal / 1000, 2, False),
        (f"ListPods of {SIZES[-1]}, CPU ns a pod", large["ListPods", 1, 1].cpu * 1000 / SIZES[-1], 150, False),
        (f"InspectPod, CPU at {SIZES[-1]} pods / at {SIZES[0]}", large["InspectPod", 1, 1].cpu / small["InspectPod", 1, 1].cpu, 1.25, False),
        *info_goals(small, peers_of),
        ("ListImages of 1000, CPU ms", ours[1000]["ListImages", 1, 1].cpu / 1000, 0.5, False),
        ("memory of a pod, KiB", with_pods.each, 4, False),
        ("memory fresh, resident MB", fresh.rss / 1024, 6, False),
        ("idle, wake-ups/s", fresh.wakeups, 0, False),
    ))
