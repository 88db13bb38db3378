# SPDX-License-Identifier: Apache-2.0
"""A day of a node in a fraction of a minute: a monitor that connects and makes every call each 15 seconds (5,760 times)
while pods come, run, end and go, images too. Memory and descriptors must be in the end what they were after a warm-up."""
import os
import pathlib
import shutil
import time

import h2frames as h2
import podtree
from siege import Siege, sanitized

API = "/v1alpha.PublicAPI/"
ROUNDS, WARM_UP = 5760, 1000
# Where that takes longer (sanitizers, a busy machine), fewer rounds do.
SECONDS = 25
T = 10**18


def text(field, value):
    """A string field of a message."""
    return bytes([field << 3 | 2, len(value)]) + value.encode()


def watches(pid):
    """Of all inotify descriptors of process @pid."""
    total = 0
    for f in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            total += sum(line.startswith("inotify ") for line in f.read_text().splitlines())
        except FileNotFoundError:
            continue  # closed meanwhile
    return total


class Node:
    """Ten pods at a time, each at its step of life; the oldest goes and a new one comes, again and again."""

    def __init__(self, tree):
        self.tree, self.pods, self.images, self.count = tree, [], [], 0
        for _ in range(10):
            self.come()

    def come(self):
        self.count += 1
        uuid = f"{self.count:08x}-0000-4000-8000-000000000000"
        pod = self.tree.pod("prepare", "web", "sidecar", uuid=uuid, created=T + self.count, cgroup=f"carob/{uuid}")
        pod.log("web", (T, "line"))
        self.pods.append(pod)
        image = podtree.image_id(f"{self.count:08x}")
        self.images.append(self.tree.image(image, f"example.com/image-{self.count}"))

    def step(self, n):
        """One thing happens."""
        pod = self.pods[n % len(self.pods)]
        where = pod.path.parent.name
        if where == "prepare":
            self.tree.move(pod, "prepared")
        elif where == "prepared":
            pod.write("pid", f"{os.getpid()}\n", T)
            self.tree.move(pod, "run")
            self.tree.lock(pod)
        elif pod.uuid in self.tree.locks:
            pod.app_status("web", "exited", exit_code=n % 128, finished_at=T)
            self.tree.unlock(pod)
        elif where == "run":
            self.tree.move(pod, "exited-garbage")
        else:
            shutil.rmtree(pod.path)
            self.pods.remove(pod)
            shutil.rmtree(self.images.pop(0))
            self.come()

    def clear(self):
        self.tree.unlock_all()
        for pod in self.pods:
            shutil.rmtree(pod.path)
        for image in self.images:
            shutil.rmtree(image)

    def running(self):
        return next((p for p in self.pods if p.uuid in self.tree.locks), None)


def round_of_calls(target, node):
    """Connect, make every call once, follow a log until its first line, and leave."""
    pod = node.pods[0].uuid
    image = node.images[-1].name
    calls = [("GetInfo", b""), ("ListPods", b""), ("ListPods", b"\x10\x01"), ("ListPods", b"\x0a\x02\x10\x04"),
             ("InspectPod", text(1, pod)), ("InspectPod", text(1, "none")), ("ListImages", b"\x10\x01"),
             ("InspectImage", text(1, image)), ("GetLogs", text(1, pod)), ("ListenEvents", b"\x0a\x02\x28\x01")]  # until_time: 1
    with h2.Connection(target, hello=b"") as c:
        c.send(h2.PREFACE, h2.settings(), *(h2.call(2 * n + 1, API + method, data) for n, (method, data) in enumerate(calls)))
        running = node.running()
        open_streams = {2 * n + 1 for n in range(len(calls))}
        if running:
            c.send(h2.call(99, API + "GetLogs", text(1, running.uuid) + b"\x20\x01"))
            open_streams.add(99)
        bodies = {}
        while open_streams:
            f = c.next()
            assert f and f.type not in (h2.RST_STREAM, h2.GOAWAY), f
            if f.type == h2.DATA:
                bodies[f.stream] = bodies.get(f.stream, b"") + f.payload
            if f.has(h2.END_STREAM) and f.type in (h2.DATA, h2.HEADERS) or f.stream == 99 and f.type == h2.DATA:
                open_streams.discard(f.stream)
        assert all(p.uuid.encode() in bodies[3] for p in node.pods)
        assert pod.encode() in bodies[9] and image.encode() in bodies[15]
        if running:
            c.send(h2.rst_stream(99))


def test_a_day_of_polling_leaves_nothing_behind(start_api, tree):
    server = start_api("--events-kept=100")  # what is kept on purpose is no leak, once it is full
    sizes, descriptors, watched = [], [], []
    with Siege(server, memory=8) as s:
        node = Node(tree)
        began = time.monotonic()
        for n in range(ROUNDS):
            if n >= 2 * WARM_UP and time.monotonic() - began > SECONDS:
                break
            node.step(n)
            round_of_calls(s.target, node)
            if n % 10 == 0:
                sizes.append(s.status("VmRSS"))
                descriptors.append(server.descriptors())
                watched.append(watches(server.pid))
        node.clear()
        kept = sanitized(server)
    # What happens at the end has happened before. A leak of 100 bytes in each round would be 476 KiB.
    warm = WARM_UP // 10
    assert max(sizes[-warm:]) <= max(sizes[:warm]) + 256 or kept, sizes[::20]
    assert max(descriptors[-warm:]) <= max(descriptors[:warm]) + 2, descriptors[::20]
    assert max(watched[-warm:]) <= max(watched[:warm]) + 4, watched[::20]
