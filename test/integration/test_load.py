# SPDX-License-Identifier: Apache-2.0
"""Many clients: in a hurry, idle, slow, gone at once, or more than the service wants."""
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

import apiclient
import h2frames as h2
import pki
import podtree
from siege import INFO, PODS, Siege, many_files, wait_until

GRPC = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
# Closing so sends a reset, and leaves no port in TIME_WAIT.
ABORT = struct.pack("ii", 1, 0)
# MiB of the service for 200 lists of 8 MB each, of which nobody takes more than a beginning.
SLOW_READERS = 16
BIG = 10000


def limited(n):
    """For Popen: the service may have @n descriptors."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))}


def establish(connections):
    """Each has had its SETTINGS acknowledged."""
    for c in connections:
        assert c.wait(h2.SETTINGS, flags=h2.ACK)


# --- in a hurry

@pytest.mark.skipif(not shutil.which("h2load"), reason="needs h2load and nghttp (nghttp2-client)")
@pytest.mark.parametrize("kind", ["cleartext", "TLS", "unix"])
def test_concurrency_loses_no_call(start_api, tree, tmp_path, short_tmp, pb, kind):
    for _ in range(20):
        tree.pod("prepared", "app")
    serve, flags = [], {}
    if kind == "TLS":
        ca = pki.Authority(tmp_path, "ours")
        cert = ca.issue("server", "DNS:localhost")
        serve, flags = [f"--tls-cert={cert.cert}", f"--tls-key={cert.key}"], {"ca": ca.cert, "name": "localhost"}
    server = start_api(*serve, listen=f"unix:{short_tmp}/api.sock" if kind == "unix" else "127.0.0.1:0")
    target = server.addresses[0]
    body = tmp_path / "empty"
    body.write_bytes(h2.message())
    # h2load sees statuses of HTTP only; nghttp, at the same time, shows those of gRPC; python3-grpcio looks into replies.
    base, uri = {"cleartext": ([], f"http://{target}"), "TLS": ([], f"https://{target}"),
                 "unix": (["--base-uri", target], "http://localhost")}[kind]
    loads = [subprocess.Popen(["h2load", "-c20", "-m50", "-n5000", "-d", body, *GRPC, *base, uri + path], stdout=subprocess.PIPE,
                              text=True) for path in (INFO, PODS)]
    shown = [subprocess.Popen(["nghttp", "-v", "-m100", "-d", body, *GRPC, uri + path], stdout=subprocess.PIPE, text=True, errors="replace")
             for path in (INFO, PODS) * 3] if kind != "unix" else []
    clients = [apiclient.Client(target, pb, **flags) for _ in range(3)]
    wrong = []

    def check(client):
        for _ in range(50):
            if len(client.pods()) != 20 or client.GetInfo().info.api_version != "1.0.0-alpha":
                wrong.append(client)

    threads = [threading.Thread(target=check, args=[c]) for c in clients]
    for t in threads:
        t.start()
    for p in loads:
        out = p.communicate(timeout=120)[0]
        assert "5000 succeeded, 0 failed, 0 errored, 0 timeout" in out, out
    for p in shown:
        out = p.communicate(timeout=120)[0]
        assert len(re.findall("grpc-status: ", out)) == len(re.findall("grpc-status: 0$", out, re.M)) == 100, out[-3000:]
    for t in threads:
        t.join()
    for c in clients:
        c.close()
    assert not wrong


# --- idle

@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_a_thousand_idle_connections(start_api, short_tmp, family):
    assert many_files(4096)
    server = start_api(listen="127.0.0.1:0" if family == "tcp" else f"unix:{short_tmp}/api.sock")
    # 24 KiB for each, 12 are used; the kernel's part is not seen here.
    with Siege(server, memory=24) as s:
        connections = [s.connect() for _ in range(1000)]
        establish(connections)
        for c in connections:
            c.send(h2.call(1, INFO))
        for c in connections:
            assert c.wait(h2.HEADERS, stream=1, flags=h2.END_STREAM)
        assert wait_until(s.rests)
        assert server.descriptors() >= 1000


def test_connections_that_come_back_find_the_memory_of_those_before(start_api):
    assert many_files(4096)
    server = start_api()
    with Siege(server, memory=16) as s:
        for _ in range(5):
            connections = [h2.Connection(s.target) for _ in range(500)]
            establish(connections)
            for c in connections:
                c.socket.close()
            assert wait_until(lambda: server.held() <= s.held + 1)


# --- gone at once

def test_ten_thousand_connections_opened_and_dropped(start_api, short_tmp):
    server = start_api(f"--listen=unix:{short_tmp}/api.sock")
    tcp, unix = (next(a for a in server.addresses if a.startswith(p)) for p in ("127", "unix"))
    words = [b"", b"PRI", h2.PREFACE, h2.PREFACE + h2.settings(), h2.PREFACE + h2.settings() + h2.call(1, INFO),
             h2.PREFACE + h2.settings() + h2.headers(1, h2.request_fields(PODS)), b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"]
    with Siege(server, memory=4) as s:
        for n in range(10000):
            with h2.connect(tcp if n % 2 else unix) as c:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                c.send(words[n // 2 % len(words)])


# --- more than it wants

def test_connections_over_the_cap_are_closed_and_the_others_served(start_api):
    server = start_api(**limited(512))
    with Siege(server, memory=4) as s:
        connections = [s.connect() for _ in range(300)]
        let_in = [c for c in connections if c.wait(h2.SETTINGS, flags=h2.ACK)]
        # A quarter of the descriptors, less what the surroundings have.
        assert 120 <= len(let_in) < 128
        for c in let_in:
            assert c.send(h2.call(1, INFO)) and c.wait(h2.HEADERS, stream=1, flags=h2.END_STREAM)
        for c in connections:
            c.socket.close()
        again = []

        def room():
            again.append(s.connect())
            return again[-1].wait(h2.SETTINGS, flags=h2.ACK)

        assert wait_until(room)


def test_without_descriptors_it_neither_spins_nor_forgets(start_api):
    server = start_api("--max-connections=1000", **limited(72))
    with Siege(server, memory=4) as s:
        connections = [s.connect() for _ in range(63)]
        assert wait_until(lambda: server.descriptors() >= 72), "the test's limit is not reached"
        assert s.pulse.alive()
        assert wait_until(s.rests)
        # Who waits is served as soon as others leave.
        waiting = [c for c in connections if not select.select([c.socket], [], [], 0)[0]]
        assert waiting
        for c in connections:
            if c not in waiting:
                c.socket.close()
        establish(waiting)


def test_readers_of_logs_leave_descriptors_to_others(start_api, tree):
    apps = [f"app{n}" for n in range(10)]
    pod = tree.pod("run", *apps, locked=True, pid=os.getpid(), started=1)
    for app in apps:
        pod.log(app, (10**18, "line"))
    server = start_api(**limited(1024))
    request = bytes([10, 36]) + pod.uuid.encode() + b"\x20\x01"
    with Siege(server, memory=8) as s:
        connections = [s.connect() for _ in range(20)]
        for c in connections:
            c.send(*(h2.call(n, "/v1alpha.PublicAPI/GetLogs", request) for n in range(1, 201, 2)))
        following = refused = 0
        for c in connections:
            for _ in range(100):
                f = next(f for f in c.frames() if f.type == h2.DATA or f.type == h2.HEADERS and f.has(h2.END_STREAM))
                following += f.type == h2.DATA
                refused += f.type == h2.HEADERS
        # An eighth of the descriptors; each takes 17.
        assert (following, refused) == (128 // 17, 2000 - 128 // 17)
        client = apiclient.Client(s.target, server.pb)  # a new connection
        assert client.error("GetLogs", pod_id=pod.uuid, follow=True)[0] == "RESOURCE_EXHAUSTED"
        assert client.pod(pod.uuid).id == pod.uuid and len(client.pods(detail=True)) == 1 and client.images() == []
        for c in connections:
            c.socket.close()
        assert wait_until(lambda: server.held() <= s.held + 2)  # with two clients that are good
        assert len(client.logs(pod.uuid)) == 10
        client.close()


def test_more_followers_than_a_user_has_inotifies(start_api, tree):
    """fs.inotify.max_user_instances is 128 by default."""
    pods = [tree.pod("run", "app", locked=True, pid=os.getpid(), started=1) for _ in range(4)]
    for pod in pods:
        pod.log("app", (10**18, "line"))
    server = start_api()
    with Siege(server, memory=8) as s:
        connections = [s.connect() for _ in pods]
        streams = range(1, 121, 2)
        for pod, c in zip(pods, connections):
            request = bytes([10, 36]) + pod.uuid.encode() + b"\x20\x01"
            c.send(*(h2.call(n, "/v1alpha.PublicAPI/GetLogs", request) for n in streams))
        for text in (b"line", b"more"):
            for pod, c in zip(pods, connections):
                pending = set(streams)
                while pending:
                    f = c.wait(h2.DATA)
                    assert f and text in f.payload
                    pending.remove(f.stream)
                pod.log("app", (10**18 + 1, "more"))


# --- slow

@pytest.fixture(scope="module")
def big():
    """A data directory of BIG prepared pods; a list of 10,000 with manifests has about 8 MB."""
    # 20,000 inodes: in memory if there is enough of it.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 1 << 28 else None
    data = pathlib.Path(tempfile.mkdtemp(prefix="carob-", dir=memory)) / "data"
    tree = podtree.Tree(data)
    text = json.dumps(podtree.pod_manifest("web", "sidecar", annotations=[{"name": "padding", "value": "x" * 200}]))
    place = data / "pods" / "prepared"
    place.mkdir(parents=True)
    for n in range(BIG):
        pod = place / f"{n:08x}-0000-4000-8000-000000000000"
        pod.mkdir()
        (pod / "pod").write_text(text)
    yield data
    tree.unlock_all()
    shutil.rmtree(data.parent)


@pytest.mark.parametrize("window", [65535, h2.MAX_WINDOW], ids=["their window", "the socket"])
def test_readers_that_never_read_large_lists(start_api, big, window):
    server = start_api(dir=big)
    assert len(server.client.ListPods(detail=True, timeout=60).pods) == BIG
    with Siege(server, memory=SLOW_READERS) as s:
        hello = h2.PREFACE + h2.settings((h2.INITIAL_WINDOW_SIZE, window))
        if window > 65535:
            hello += h2.window_update(0, window - 65535)
        connections = [s.connect(hello) for _ in range(50)]
        for c in connections:
            c.send(*(h2.call(n, PODS, b"\x10\x01") for n in range(1, 9, 2)))
        # What they ask for is being sent, as far as they let it.
        for c in connections:
            assert select.select([c.socket], [], [], 60)[0]
        assert len(s.client.ListPods(detail=True, timeout=60).pods) == BIG


def send_message(c, stream, path, data):
    """A call with a large request, as fast as the windows allow."""
    data, window = h2.message(data), {0: 65535, stream: 65535}
    c.send(h2.headers(stream, h2.request_fields(path)))
    while data:
        n = min(16384, len(data), *window.values())
        if n > 0:
            window = {k: v - n for k, v in window.items()}
            c.send(h2.frame(h2.DATA, 0 if n < len(data) else h2.END_STREAM, stream, data[:n]))
            data = data[n:]
            continue
        f = c.next()
        if f is None or f.stream == stream and f.type in (h2.HEADERS, h2.RST_STREAM):
            return
        if f.type == h2.WINDOW_UPDATE and f.stream in window:
            window[f.stream] += int.from_bytes(f.payload, "big")


def test_tails_of_large_logs_wait_for_others(start_api, tree):
    """The last 300,000 lines of 80 MB, a hundred times."""
    pod = tree.pod("run", "app", pid=7, started=1)
    pod.write("logs/app.log", podtree.cri_line(10**18, "y" * 200) * 340000)
    with Siege(start_api(), memory=64) as s:
        c = s.connect()
        request = bytes([10, 36]) + pod.uuid.encode() + b"\x18\xe0\xa7\x12"
        c.send(*(h2.call(n, "/v1alpha.PublicAPI/GetLogs", request) for n in range(1, 201, 2)))
        assert s.pulse.alive()
        assert len(s.client.logs(pod.uuid, lines=3)) == 3
        # Cancelled with the connection: see how the service rests in the end.


def test_searches_that_take_long_and_requests_that_grow(start_api, big):
    """21,000 filters and 10,000 pods take 15 seconds. Unpacked, such a request takes 30 times what it had on the wire:
    that is counted, and refused past 256 MiB."""
    with Siege(start_api(dir=big), memory=350) as s:
        request = b"\x0a\x09\x1a\x04nope\x22\x01x" * 21000
        connections = [s.connect() for _ in range(8)]
        for stream in range(1, 41, 2):
            for c in connections:
                send_message(c, stream, PODS, request)
        assert s.pulse.alive()
        assert len(s.client.ListPods(timeout=60).pods) == BIG
        # Cancelled with the connection, they cost nothing any more: see how it rests in the end.


def test_searches_for_many_keywords(start_api, tree, pb):
    """60,000 keywords and 500 images take 3 seconds."""
    for n in range(500):
        tree.image(podtree.image_id(f"{n:08x}"), f"example.com/{'a' * 100}/image-{n}")
    request = pb.ListImagesRequest(filters=[pb.ImageFilter(keywords=[f"{'a' * 50}b{n}" for n in range(60000)])]).SerializeToString()
    with Siege(start_api(), memory=64) as s:
        connections = [s.connect() for _ in range(4)]
        for stream in (1, 3):
            for c in connections:
                send_message(c, stream, "/v1alpha.PublicAPI/ListImages", request)
        assert s.pulse.alive()
        assert len(s.client.images()) == 500


def test_writers_that_trickle(start_api):
    with Siege(start_api(), memory=16) as s:
        connections = [s.connect() for _ in range(50)]
        streams = range(1, 101, 2)
        request = h2.message(b"\x0a\x20" + b"a" * 32)
        for c in connections:
            c.send(*(h2.headers(n, h2.request_fields("/v1alpha.PublicAPI/InspectPod")) for n in streams))
        for byte in request:
            for c in connections:
                c.send(*(h2.frame(h2.DATA, 0, n, bytes([byte])) for n in streams))
        for c in connections:
            c.send(*(h2.frame(h2.DATA, h2.END_STREAM, n) for n in streams))
        for c in connections:
            ended = set()
            while len(ended) < len(streams):
                f = c.wait(h2.HEADERS, flags=h2.END_STREAM)
                assert f
                ended.add(f.stream)


def test_handshakes_that_take_too_long(start_api):
    """Silent, byte by byte, without the SETTINGS that must follow: the service waits for 10 seconds."""
    with Siege(start_api(), memory=4) as s:
        began = time.monotonic()
        silent = [s.connect(b"") for _ in range(20)]
        partial = [s.connect(h2.PREFACE) for _ in range(20)]
        trickling = [s.connect(b"") for _ in range(20)]
        hello = iter(h2.PREFACE + h2.settings())
        while time.monotonic() - began < 9 and (byte := next(hello, None)) is not None:
            for c in trickling:
                c.send(bytes([byte]))
            time.sleep(0.5)
        for c in silent + partial + trickling:
            assert list(c.frames()) is not None and c.closed
        assert time.monotonic() - began > 5


# --- the end

def test_it_ends_in_time_whatever_clients_do(start_api, tree):
    pod = tree.pod("run", "app", locked=True, pid=os.getpid(), started=1)
    pod.log("app", (10**18, "line" * 1000))
    server = start_api()
    follow = bytes([10, 36]) + pod.uuid.encode() + b"\x20\x01"
    hello = h2.PREFACE + h2.settings((h2.INITIAL_WINDOW_SIZE, 0))
    with contextlib.ExitStack() as stack:
        def connect(*args):
            return stack.enter_context(h2.Connection(server.addresses[0], *args))

        silent = [connect(b"") for _ in range(20)]
        partial = [connect(h2.PREFACE) for _ in range(20)]
        idle = [connect() for _ in range(20)]
        blocked = [connect(hello) for _ in range(20)]
        half = [connect() for _ in range(20)]
        for c in blocked:
            c.send(*(h2.call(n, "/v1alpha.PublicAPI/GetLogs", follow) for n in range(1, 5, 2)))
        for c in half:
            c.send(h2.headers(1, h2.request_fields(PODS)), h2.frame(h2.DATA, 0, 1, b"\0\0"))
        establish(idle)
        assert server.end() == 0
        assert all(list(c.frames()) is not None for c in silent + partial + idle + blocked + half)


def test_metrics_clients_cannot_hold_up_the_api(start_api):
    server = start_api("--metrics-listen=127.0.0.1:0")
    metrics = re.search(r"[Mm]etrics\D+(\S+:\d+)", server.text)[1].removeprefix("http://")
    with Siege(server, memory=4) as s:
        slow = [h2.connect(metrics) for _ in range(200)]
        for n, c in enumerate(slow):
            try:
                c.sendall([b"", b"GET /metrics HTTP/1.1\r\n", b"GET " + b"/" * 60000, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50][n % 4])
            except ConnectionError:
                pass  # too many of them: closed at once
        assert s.pulse.alive()
        for c in slow:
            c.close()
        assert wait_until(lambda: scrape(metrics))


def scrape(address):
    try:
        with h2.connect(address) as c:
            c.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            data = b"".join(iter(lambda: c.recv(65536), b""))
            return data.startswith(b"HTTP/1.1 200 ") and b"carob" in data
    except ConnectionError:
        return False
