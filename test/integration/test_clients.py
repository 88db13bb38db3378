# SPDX-License-Identifier: Apache-2.0
"""Every call as made by clients of three implementations of gRPC over every kind of connection; all must be told the
same, byte by byte where a reply is bytes."""
import os
import time

import pytest

import foreign
import podtree

SECOND = podtree.SECOND
T = 1795449000 * SECOND  # 2026-11-23 15:50:00 UTC
A, B, C = (podtree.image_id(x) for x in "abc")
NETWORKS = [{"netName": "default", "ifName": "eth0", "ip": "172.16.28.2"},
            {"netName": "storage", "ifName": "eth1", "ip": "10.0.0.7", "ip6": "fd00::7"}]
# What is not there yet says so. Whoever implements it: each client listens, sees what happens to a pod, and cancels.
EVENTS = ("UNIMPLEMENTED", "ListenEvents: events are not implemented yet")


@pytest.fixture(params=["grpcio", "grpc-js", "grpc-c++"])
def client(request, build, pb):
    """client(target, **flags): a client of that implementation."""
    if request.param == "grpcio":
        return lambda target, **flags: foreign.Python(pb, target, **flags)
    program = {"grpc-js": foreign.node_program, "grpc-c++": foreign.cpp_program}[request.param](build)
    return lambda target, **flags: foreign.Foreign(program, pb, target, **flags)


@pytest.fixture(params=["v4", "v6", "unix"])
def place(request, start_api, short_tmp):
    """A running service and what it takes to reach it: (server, target, flags of clients)."""
    listen = {"v4": "127.0.0.1:0", "v6": "[::1]:0", "unix": f"unix:{short_tmp}/api.sock"}[request.param]
    server = start_api(listen=listen)
    return server, server.addresses[0], {}


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
            ("GetLogs", {"pod_id": pod.uuid, "app_name": "none"}), ("GetLogs", {"pod_id": "none"})]


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


def test_the_world_has_every_field(start_api, world, pb):
    seen = set()
    server = start_api("--insecure-options=image", "--trust-keys-from-https", "--user-config=/u")
    with foreign.Python(pb, server.addresses[0]) as client:
        for method, fields in requests(world):
            for reply in client.call(method, **fields).replies:
                fields_seen(reply, seen)
    every = {f"{name}.{f.name}" for name in ("Pod", "App", "Network", "Image", "ImageFormat", "KeyValue", "Info", "GlobalFlags",
                                             "GetLogsResponse") for f in pb.DESCRIPTOR.message_types_by_name[name].fields}
    assert every - seen == set()


def test_every_call_is_answered_alike(place, world, client, pb):
    server, target, flags = place
    with foreign.Python(pb, target, **flags) as python, client(target, **flags) as other:
        for method, fields in requests(world):
            wanted, got = python.call(method, **fields), other.call(method, timeout=30, **fields)
            assert told(got) == told(wanted), (method, fields)
            assert wanted.code in ("OK", "NOT_FOUND", "INVALID_ARGUMENT"), (method, fields, wanted)
            assert wanted.replies or wanted.code != "OK", (method, fields)


def test_events(place, world, client):
    server, target, flags = place
    with client(target, **flags) as other:
        result = other.call("ListenEvents", timeout=30)
        assert (result.code, result.text) == EVENTS


def test_follow_until_cancelled_and_until_a_deadline(place, world, client):
    server, target, flags = place
    with client(target, **flags) as other:
        other.call("GetInfo")
        before = server.descriptors()
        more = [(T + 4 * SECOND, "more"), (T + 5 * SECOND, "and more")]

        def on_reply(result):
            # The next line once the last has come: at the latest the third of them is the third reply.
            if more and result.lines:
                world.log("web", more.pop(0))

        result = other.call("GetLogs", pod_id=world.uuid, app_name="web", lines=1, follow=True, cancel_after=3, on_reply=on_reply)
        assert result.code == "CANCELLED"
        assert [line.split("MESSAGE=")[1] for line in result.lines] == ["", "more", "and more"]
        result = other.call("GetLogs", pod_id=world.uuid, app_name="web", follow=True, timeout=0.5)
        assert result.code == "DEADLINE_EXCEEDED"
        assert other.call("GetInfo").code == "OK"
        # The server holds nothing of calls that are over.
        deadline = time.monotonic() + 20
        while server.descriptors() > before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.descriptors() <= before
