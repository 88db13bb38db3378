# SPDX-License-Identifier: Apache-2.0
"""Every call as made by clients of three implementations of gRPC over every kind of connection; all must be told the
same, byte by byte where a reply is bytes."""
import os
import signal
import ssl
import time

import pytest

import foreign
import h2frames
import pki
import podtree
from siege import wait_until
from test_api_metrics import metrics, of

SECOND = podtree.SECOND
T = 1795449000 * SECOND  # 2026-11-23 15:50:00 UTC
A, B, C = (podtree.image_id(x) for x in "abc")
NETWORKS = [{"netName": "default", "ifName": "eth0", "ip": "172.16.28.2"},
            {"netName": "storage", "ifName": "eth1", "ip": "10.0.0.7", "ip6": "fd00::7"}]
SERVE = ("--metrics-listen=127.0.0.1:0", "--events-kept=64")


@pytest.fixture(params=["grpcio", "grpc-js", "grpc-c++"])
def client(request, build, pb):
    """client(target, **flags): a client of that implementation."""
    if request.param == "grpcio":
        return lambda target, **flags: foreign.Python(pb, target, **flags)
    program = {"grpc-js": foreign.node_program, "grpc-c++": foreign.cpp_program}[request.param](build)
    return lambda target, **flags: foreign.Foreign(program, pb, target, **flags)


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("pki"))


class Certs:
    """@ours signs the server's and the good clients'; nobody trusts @theirs."""

    def __init__(self, directory):
        self.ours, self.theirs = (pki.Authority(directory, name) for name in ("ours", "theirs"))
        self.server = self.ours.issue("server", "DNS:localhost,IP:127.0.0.1")
        self.old_server = self.ours.issue("server", "DNS:localhost,IP:127.0.0.1", days=-1)
        self.monitor = self.ours.issue("monitor", "DNS:monitor.example")

    def serve(self, *more, cert=None):
        """Flags of carob-api."""
        cert = cert or self.server
        return [f"--tls-cert={cert.cert}", f"--tls-key={cert.key}", *more]

    def serve_mutual(self, *more):
        return self.serve(f"--tls-client-ca={self.ours.cert}", *more)

    def client(self, own=None, ca=None, name="localhost"):
        """Flags of clients."""
        return {"ca": (ca or self.ours).cert, "name": name, **({"cert": own.cert, "key": own.key} if own else {})}


@pytest.fixture(params=["v4", "v6", "unix", "gzip", "TLS", "mutual TLS"])
def place(request, start_api, short_tmp, certs):
    """A running service and what it takes to reach it: (server, target, flags of clients)."""
    listen, serve, flags = {
        "v4": ("127.0.0.1:0", [], {}),
        "v6": ("[::1]:0", [], {}),
        "unix": (f"unix:{short_tmp}/api.sock", [], {}),
        "gzip": ("127.0.0.1:0", [], {"compression": "gzip"}),
        "TLS": ("127.0.0.1:0", certs.serve(), certs.client()),
        "mutual TLS": ("127.0.0.1:0", certs.serve_mutual("--tls-allowed-name=monitor.example"), certs.client(certs.monitor)),
    }[request.param]
    server = start_api(*serve, *SERVE, listen=listen)
    return server, server.addresses[0], flags


@pytest.fixture
def world(tree):
    """Pods and images that between them set every field of every message."""
    pod = tree.pod("run", {"name": "web", "annotations": [{"name": "b", "value": "2"}, {"name": "odd", "value": "ä€😀 \"\\\n\t"}]},
                   {"name": "client", "image": {"id": B}}, locked=True, pid=os.getpid(), created=T + 1, started=T + 2,
                   cgroup="machine.slice/carob-x", networks=NETWORKS,
                   annotations=[{"name": "z", "value": "26"}, {"name": "empty", "value": ""}])
    pod.app_status("web", "running", pid=os.getpid(), started_at=T)
    pod.app_status("client", "exited", exit_code=-3, finished_at=T)
    pod.log("web", (T, "first"), (T + SECOND, "ä€😀 \" \\ \t"), (T + 2 * SECOND, b"\xff\x00 bytes"), (T + 3 * SECOND, ""))
    pod.log("client", (T + SECOND, "hello"))
    tree.pod("exited-garbage", "old", pid=7, created=T, started=T)
    tree.pod("prepared", "later", created=T)
    tree.pod("embryo", manifest=False)
    tree.pod("prepare", "soon", locked=True)
    for id, name, members in ((A, "coreos.com/etcd", {"version": "3.5", "imported": 300 * SECOND, "format": "appc",
                                                     "labels": [("os", "linux")], "annotations": [("x", "1")]}),
                              (B, "k8s.io/etcd", {"size": 2**40, "annotations": [("x", "1"), ("size", "größe 😀")]}),
                              (C, "docker.io/library/busybox", {"version": None, "format": "docker", "imported": 2**33 * SECOND})):
        tree.image(id, name, **members)
    return pod


def requests(pod):
    """(method, fields of the request): every call in every shape, those that fail included."""
    kv = [{"Key": "z", "value": "26"}]
    pods = [{"ids": [pod.uuid]}, {"states": ["POD_STATE_RUNNING", "POD_STATE_EMBRYO"]}, {"app_names": ["web", "client"]},
            {"image_ids": [B]}, {"network_names": ["storage"]}, {"annotations": kv}, {"cgroups": ["/machine.slice/carob-x"]},
            {"pod_sub_cgroups": ["/machine.slice/carob-x/web"]}, {"ids": ["none"]}, {"app_names": ["ä€😀"]}]
    images = [{"ids": [A]}, {"prefixes": ["k8s.io/"]}, {"base_names": ["etcd"]}, {"keywords": ["box"]},
              {"labels": [{"Key": "os", "value": "linux"}]}, {"imported_after": 299}, {"imported_before": 301},
              {"annotations": [{"Key": "size", "value": "größe 😀"}]}, {"full_names": ["coreos.com/etcd"]}]
    return [("GetInfo", {}), ("ListPods", {}), ("ListPods", {"detail": True}), ("ListPods", {"filters": pods}),
            *(("ListPods", {"filters": [f], "detail": True}) for f in pods),
            ("ListImages", {}), ("ListImages", {"detail": True}), ("ListImages", {"filters": images}),
            *(("ListImages", {"filters": [f], "detail": True}) for f in images),
            ("InspectPod", {"id": pod.uuid}), ("InspectPod", {"id": pod.uuid[:18]}), ("InspectPod", {"id": "ä€😀 % \n"}),
            ("InspectPod", {}), ("InspectImage", {"id": A}), ("InspectImage", {"id": B[:20]}), ("InspectImage", {"id": "sha512-00"}),
            ("GetLogs", {"pod_id": pod.uuid}), ("GetLogs", {"pod_id": pod.uuid, "app_name": "web", "lines": 2}),
            ("GetLogs", {"pod_id": pod.uuid, "since_time": T // SECOND + 1, "until_time": T // SECOND + 3}),
            ("GetLogs", {"pod_id": pod.uuid, "app_name": "none"}), ("GetLogs", {"pod_id": "none"}),
            ("ListenEvents", {"filter": {"until_time": T // SECOND + 100}}),
            ("ListenEvents", {"filter": {"ids": [pod.uuid], "names": ["web", "client"], "types": ["EVENT_TYPE_APP_STARTED"],
                                         "since_time": T // SECOND, "until_time": T // SECOND + 1}}),
            ("ListenEvents", {"filter": {"until_time": -1}})]


def told(result):
    """All of a result; how lines are spread over the replies of a stream is nobody's business."""
    replies = result.lines if result.replies and hasattr(result.replies[0], "lines") else result.replies
    return result.code, result.text, replies


def fields_seen(message, seen):
    for field, value in message.ListFields():
        seen.add(f"{message.DESCRIPTOR.name}.{field.name}")
        for one in value if field.label == field.LABEL_REPEATED else [value]:
            if field.message_type:
                fields_seen(one, seen)


def test_the_world_has_every_field(start_api, request, pb):
    seen = set()
    server = start_api("--insecure-options=image", "--trust-keys-from-https", "--user-config=/u")
    world = request.getfixturevalue("world")  # what comes about later makes events
    with foreign.Python(pb, server.addresses[0]) as client:
        for method, fields in requests(world):
            for reply in client.call(method, **fields).replies:
                fields_seen(reply, seen)
    every = {f"{name}.{f.name}" for name in ("Pod", "App", "Network", "Image", "ImageFormat", "KeyValue", "Info", "GlobalFlags",
                                             "GetLogsResponse", "ListenEventsResponse", "Event") for f in pb.DESCRIPTOR.message_types_by_name[name].fields}
    assert every - seen == set()


def test_every_call_is_answered_alike(place, world, client, pb):
    server, target, flags = place
    with foreign.Python(pb, target, **flags) as python, client(target, **flags) as other:
        for method, fields in requests(world):
            wanted, got = python.call(method, **fields), other.call(method, timeout=30, **fields)
            assert told(got) == told(wanted), (method, fields)
            assert wanted.code in ("OK", "NOT_FOUND", "INVALID_ARGUMENT"), (method, fields, wanted)
            assert wanted.replies or wanted.code != "OK", (method, fields)


def gauge(server, name):
    return of(metrics(server), name)


def test_events_until_cancelled_and_until_a_deadline(place, world, tree, client):
    server, target, flags = place
    with client(target, **flags) as other:
        said = [f"said-{n}" for n in range(3)]
        todo = list(said)

        def happen(result=None):
            # The next once the last has come: each in a reply of its own.
            if todo:
                name = todo.pop(0)
                tree.image(podtree.image_id(f"e{len(todo)}"), name, imported=T + len(todo))

        happen()
        result = other.call("ListenEvents", filter={"names": said, "since_time": 1}, cancel_after=3, on_reply=happen)
        assert result.code == "CANCELLED"
        assert [getattr(event, "from") for event in result.events] == said
        assert [(event.id, event.time) for event in result.events] == [(podtree.image_id(f"e{n}"), T // SECOND) for n in (2, 1, 0)]
        again = other.call("ListenEvents", filter={"names": said, "since_time": 1}, timeout=0.5)
        assert again.code == "DEADLINE_EXCEEDED"
        assert again.events == result.events
        ended = other.call("ListenEvents", filter={"names": said, "until_time": int(time.time())})
        assert (ended.code, ended.events) == ("OK", result.events)
        assert other.call("GetInfo").code == "OK"
        # The server holds nothing of calls that are over.
        assert wait_until(lambda: gauge(server, "carob_api_event_subscribers") == 0)


def test_who_does_not_read_events_is_dropped(place, world, tree, client):
    """The client is kept from reading by us, who do not read what it says."""
    server, target, flags = place
    dropped = "carob_api_event_subscribers_dropped_total"

    def flood(result):
        n = 0
        while len(result.replies) == 1 and gauge(server, dropped) == 0 and n < 5000:
            for n in range(n, n + 10):
                tree.image(podtree.image_id(f"f{n:07d}"), f"{n}-{'x' * 480}", imported=T)
            n += 1

    with client(target, window="small", **flags) as other:
        result = other.call("ListenEvents", filter={"since_time": 1}, timeout=60, on_reply=flood)
        assert result.code == "RESOURCE_EXHAUSTED"
        assert result.text.startswith("too slow: ") and " events behind" in result.text
        assert gauge(server, dropped) == 1 and gauge(server, "carob_api_event_subscribers") == 0
        numbers = [int(getattr(e, "from").split("-")[0]) for e in result.events if "-xxx" in getattr(e, "from")]
        assert len(numbers) == len(set(numbers)) > 0
        assert other.call("GetInfo").code == "OK"


def test_follow_until_cancelled_and_until_a_deadline(place, world, client):
    server, target, flags = place
    with client(target, **flags) as other:
        more = [(T + 4 * SECOND, "more"), (T + 5 * SECOND, "and more")]

        def on_reply(result):
            # The next line once the last has come: at the latest the third of them is the third reply.
            if more and result.lines:
                assert server.reads_logs()
                world.log("web", more.pop(0))

        result = other.call("GetLogs", pod_id=world.uuid, app_name="web", lines=1, follow=True, cancel_after=3, on_reply=on_reply)
        assert result.code == "CANCELLED"
        assert [line.split("MESSAGE=")[1] for line in result.lines] == ["", "more", "and more"]
        result = other.call("GetLogs", pod_id=world.uuid, app_name="web", follow=True, timeout=0.5)
        assert result.code == "DEADLINE_EXCEEDED"
        assert other.call("GetInfo").code == "OK"
        # The server holds nothing of calls that are over.
        assert wait_until(lambda: not server.reads_logs())


# --- TLS

def outcome(client, target, **flags):
    with client(target, **flags) as c:
        return c.call("GetInfo", timeout=20).code


def test_clients_without_the_right_certificate_are_not_let_in(start_api, certs, client):
    server = start_api(*certs.serve_mutual("--tls-allowed-name=monitor.example"))
    target = server.addresses[0]
    wrong = {"none": certs.client(),
             "of a CA that is not ours": certs.client(certs.theirs.issue("monitor", "DNS:monitor.example")),
             "of a name that is not allowed": certs.client(certs.ours.issue("stranger", "DNS:stranger.example")),
             "with the allowed name where it does not count": certs.client(certs.ours.issue("monitor.example", "DNS:x.example")),
             "expired": certs.client(certs.ours.issue("monitor", "DNS:monitor.example", days=-1))}
    assert outcome(client, target, **certs.client(certs.monitor)) == "OK"
    assert {why: outcome(client, target, **flags) for why, flags in wrong.items()} == {why: "UNAVAILABLE" for why in wrong}
    assert outcome(client, target, **certs.client(certs.monitor)) == "OK"
    server.end()
    # Clients try again as they like, so no more than some of each is sure to be told: a stranger cannot fill the log.
    told = [line for line in server.text.splitlines() if "TLS handshake failed" in line]
    assert any("peer did not return a certificate" in line and "127.0.0.1:" in line for line in told), server.text
    assert len(told) <= 60


def test_servers_without_the_right_certificate_are_not_trusted(start_api, certs, client):
    target = start_api(*certs.serve()).addresses[0]
    assert outcome(client, target, **certs.client()) == "OK"
    assert outcome(client, target, **certs.client(name="monitor.example")) == "UNAVAILABLE"
    assert outcome(client, target, **certs.client(ca=certs.theirs)) == "UNAVAILABLE"
    target = start_api(*certs.serve(cert=certs.old_server)).addresses[0]
    assert outcome(client, target, **certs.client()) == "UNAVAILABLE"


def test_tls_and_cleartext_do_not_understand_each_other(start_api, certs, client):
    secure, plain = start_api(*certs.serve()), start_api()
    assert outcome(client, secure.addresses[0]) == "UNAVAILABLE"
    assert outcome(client, plain.addresses[0], **certs.client()) == "UNAVAILABLE"
    assert outcome(client, secure.addresses[0], **certs.client()) == "OK"
    assert outcome(client, plain.addresses[0]) == "OK"


def shown(target, certs, own):
    """The certificate a new connection sees (DER); None when it is not let in."""
    try:
        with h2frames.Connection(target, wrap=pki.wrapper(certs.ours, own)) as c:
            return c.socket.getpeercert(True) if c.wait(h2frames.SETTINGS) else None
    except (ssl.SSLError, ConnectionError):
        return None


def test_certificates_are_read_again_on_sighup(start_api, certs, client, tmp_path, pb):
    own = tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "clients.pem"

    def place_files(cert, authority):
        for path, source in zip(own, (cert.cert, cert.key, authority.cert)):
            path.with_suffix(".new").write_bytes(source.read_bytes())
            path.with_suffix(".new").rename(path)

    def reload(until):
        server.process.send_signal(signal.SIGHUP)
        assert wait_until(until)

    place_files(certs.server, certs.ours)
    server = start_api(f"--tls-cert={own[0]}", f"--tls-key={own[1]}", f"--tls-client-ca={own[2]}")
    target = server.addresses[0]
    with client(target, **certs.client(certs.monitor)) as before:
        assert before.call("GetInfo").code == "OK"
        first = shown(target, certs, certs.monitor)
        # Another certificate, and other clients.
        second, guest = certs.ours.issue("server", "DNS:localhost"), certs.theirs.issue("guest")
        place_files(second, certs.theirs)
        reload(lambda: shown(target, certs, guest) not in (None, first))
        assert shown(target, certs, certs.monitor) is None
        assert outcome(client, target, **certs.client(guest)) == "OK"
        assert outcome(client, target, **certs.client(certs.monitor)) == "UNAVAILABLE"
        assert before.call("GetInfo").code == "OK"
        # What cannot be used changes nothing, and is named.
        own[1].write_bytes(certs.monitor.key.read_bytes())
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(str(own[1]))
        own[0].write_text("no certificate")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(str(own[0]))
        assert outcome(client, target, **certs.client(guest)) == "OK"
        assert before.call("GetInfo").code == "OK"
