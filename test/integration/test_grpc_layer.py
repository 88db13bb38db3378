# SPDX-License-Identifier: Apache-2.0
"""The gRPC layer as clients that are not ours see it: the contract itself, JSON, compression, time, HTTP/2."""
import json
import random
import shutil
import socket
import subprocess

import grpc
import pytest
from google.protobuf import json_format

# The contract: what every client of rkt's API service has compiled in. r: repeated.
CONTRACT = {
    "ImageFormat": "1 type enum:ImageType, 2 version string",
    "Image": "1 base_format ImageFormat, 2 id string, 3 name string, 4 version string, 5 import_timestamp int64, "
             "6 manifest bytes, 7 size int64, 8 annotations r:KeyValue, 9 labels r:KeyValue",
    "Network": "1 name string, 2 ipv4 string, 3 ipv6 string",
    "App": "1 name string, 2 image Image, 3 state enum:AppState, 4 exit_code sint32, 5 annotations r:KeyValue",
    "Pod": "1 id string, 2 pid sint32, 3 state enum:PodState, 4 apps r:App, 5 networks r:Network, 6 manifest bytes, "
           "7 annotations r:KeyValue, 8 cgroup string, 9 created_at int64, 10 started_at int64, 11 gc_marked_at int64",
    "KeyValue": "1 Key string, 2 value string",
    "PodFilter": "1 ids r:string, 2 states r:enum:PodState, 3 app_names r:string, 4 image_ids r:string, "
                 "5 network_names r:string, 6 annotations r:KeyValue, 7 cgroups r:string, 8 pod_sub_cgroups r:string",
    "ImageFilter": "1 ids r:string, 2 prefixes r:string, 3 base_names r:string, 4 keywords r:string, 5 labels r:KeyValue, "
                   "6 imported_after int64, 7 imported_before int64, 8 annotations r:KeyValue, 9 full_names r:string",
    "GlobalFlags": "1 dir string, 2 system_config_dir string, 3 local_config_dir string, 4 user_config_dir string, "
                   "5 insecure_flags string, 6 trust_keys_from_https bool",
    "Info": "1 rkt_version string, 2 appc_version string, 3 api_version string, 4 global_flags GlobalFlags",
    "Event": "1 type enum:EventType, 2 id string, 3 from string, 4 time int64, 5 data r:KeyValue",
    "EventFilter": "1 types r:enum:EventType, 2 ids r:string, 3 names r:string, 4 since_time int64, 5 until_time int64",
    "GetInfoRequest": "",
    "GetInfoResponse": "1 info Info",
    "ListPodsRequest": "1 filters r:PodFilter, 2 detail bool",
    "ListPodsResponse": "1 pods r:Pod",
    "InspectPodRequest": "1 id string",
    "InspectPodResponse": "1 pod Pod",
    "ListImagesRequest": "1 filters r:ImageFilter, 2 detail bool",
    "ListImagesResponse": "1 images r:Image",
    "InspectImageRequest": "1 id string",
    "InspectImageResponse": "1 image Image",
    "ListenEventsRequest": "1 filter EventFilter",
    "ListenEventsResponse": "1 events r:Event",
    "GetLogsRequest": "1 pod_id string, 2 app_name string, 3 lines int32, 4 follow bool, 5 since_time int64, 6 until_time int64",
    "GetLogsResponse": "1 lines r:string",
}
ENUMS = {
    "ImageType": "UNDEFINED APPC DOCKER OCI",
    "AppState": "UNDEFINED RUNNING EXITED",
    "PodState": "UNDEFINED EMBRYO PREPARING PREPARED RUNNING ABORTED_PREPARE EXITED DELETING GARBAGE",
    "EventType": "UNDEFINED POD_PREPARED POD_PREPARE_ABORTED POD_STARTED POD_EXITED POD_GARBAGE_COLLECTED APP_STARTED "
                 "APP_EXITED IMAGE_IMPORTED IMAGE_REMOVED",
}
METHODS = {"GetInfo": False, "ListPods": False, "InspectPod": False, "ListImages": False, "InspectImage": False,
           "ListenEvents": True, "GetLogs": True}
TYPES = {3: "int64", 5: "int32", 8: "bool", 9: "string", 12: "bytes", 17: "sint32"}


def field_type(field):
    if field.enum_type:
        name = f"enum:{field.enum_type.name}"
    else:
        name = field.message_type.name if field.message_type else TYPES[field.type]
    return ("r:" if field.label == field.LABEL_REPEATED else "") + name


def test_the_contract_is_untouched(pb):
    assert pb.DESCRIPTOR.package == "v1alpha"
    messages = {name: ", ".join(f"{f.number} {f.name} {field_type(f)}" for f in m.fields)
                for name, m in pb.DESCRIPTOR.message_types_by_name.items()}
    assert messages == CONTRACT
    prefixes = {"ImageType": "IMAGE_TYPE_", "AppState": "APP_STATE_", "PodState": "POD_STATE_", "EventType": "EVENT_TYPE_"}
    for name, values in ENUMS.items():
        enum = pb.DESCRIPTOR.enum_types_by_name[name]
        assert [(v.name, v.number) for v in enum.values] == [(prefixes[name] + v, i)
                                                            for i, v in enumerate(values.split())]
    methods = pb.DESCRIPTOR.services_by_name["PublicAPI"].methods
    assert [(m.name, m.input_type.name, m.output_type.name) for m in methods] == [
        (name, name + "Request", name + "Response") for name in METHODS]


def test_our_json_is_that_of_google(api, start_api, carob, tree):
    pod = tree.pod("run", "a", "b", created=10**18, started=10**18, pid=1)
    tree.pod("prepare", "c")
    server = start_api()
    ours = json.loads(carob("api", f"--address={server.addresses[0]}", "ListPods", '{"detail":true}').stdout)
    theirs = json_format.MessageToDict(server.client.ListPods(detail=True))
    assert len(ours["pods"]) == 2 and pod.uuid in json.dumps(ours)
    assert ours == theirs


def random_filter(rng, pb):
    f = pb.PodFilter()
    words = ["", "a", "caf\u00e9", "x/y", "\u6f22\u5b57", '"\\\n', "sha512-" + "0" * 64]
    for field in f.DESCRIPTOR.fields:
        for _ in range(rng.randrange(3)):
            if field.enum_type:
                f.states.append(rng.randrange(9))
            elif field.message_type:
                f.annotations.add(Key=rng.choice(words), value=rng.choice(words))
            else:
                getattr(f, field.name).append(rng.choice(words))
    return f


@pytest.mark.parametrize("original_names", [False, True])
def test_json_of_google_is_understood(start_api, carob, tree, pb, original_names):
    tree.pod("prepared", "a")
    server = start_api()
    rng = random.Random(1)
    for _ in range(20):
        request = pb.ListPodsRequest(filters=[random_filter(rng, pb)])
        text = json_format.MessageToJson(request, preserving_proto_field_name=original_names,
                                         including_default_value_fields=rng.random() < 0.5)
        reply = json.loads(carob("api", f"--address={server.addresses[0]}", "ListPods", text).stdout)
        assert reply == json_format.MessageToDict(server.client.ListPods(request))


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_read(start_api, tree, pb, compression):
    pod = tree.pod("prepared", "a")
    server = start_api()
    # Large enough for the client to really compress it.
    request = pb.ListPodsRequest(filters=[{"ids": [pod.uuid] + [f"{n:08}-0000-0000-0000-000000000000" for n in range(2000)]}])
    with grpc.insecure_channel(server.client.target) as channel:
        call = channel.unary_unary("/v1alpha.PublicAPI/ListPods", response_deserializer=pb.ListPodsResponse.FromString)
        reply = call(request.SerializeToString(), timeout=20, compression=compression)
    assert [p.id for p in reply.pods] == [pod.uuid]


def test_deadlines_end_calls_and_connections_live_on(start_api, tree):
    # A running pod (its directory is locked) whose log stays open.
    pod = tree.pod("run", "a", created=10**18, started=10**18, pid=1, locked=True)
    pod.log("a", (10**18, "one"))
    client = start_api().client
    for _ in range(3):
        with pytest.raises(grpc.RpcError) as e:
            list(client.GetLogs(pod_id=pod.uuid, follow=True, timeout=0.2))
        assert e.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert client.GetInfo().info.rkt_version


def test_large_metadata_is_refused_and_small_ignored(start_api):
    server = start_api()
    with grpc.insecure_channel(server.client.target) as channel:
        call = channel.unary_unary("/v1alpha.PublicAPI/GetInfo")
        assert call(b"", timeout=10, metadata=[("x-small", "v"), ("x-bytes-bin", b"\0\xff")])
        with pytest.raises(grpc.RpcError) as e:
            call(b"", timeout=10, metadata=[("x-large", "v" * 9000)])
        assert e.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert call(b"", timeout=10)


def test_other_protocols_are_turned_away(start_api):
    server = start_api()
    host, port = server.client.target.rsplit(":", 1)
    for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 64):
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as s:
            s.sendall(words)
            while s.recv(4096):
                pass
    assert server.client.GetInfo().info.rkt_version


@pytest.mark.skipif(not shutil.which("h2load"), reason="needs h2load (nghttp2-client)")
def test_concurrency_loses_no_call(start_api, tmp_path):
    server = start_api()
    body = tmp_path / "empty"
    body.write_bytes(b"\0" * 5)
    done = subprocess.run(["h2load", "-c20", "-m50", "-n20000", "-d", body, "-H", "content-type: application/grpc",
                           "-H", "te: trailers", f"http://{server.client.target}/v1alpha.PublicAPI/GetInfo"],
                          capture_output=True, text=True, timeout=120)
    assert "20000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout, done.stdout
