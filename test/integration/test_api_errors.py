# SPDX-License-Identifier: Apache-2.0
"""What a call that cannot be answered is told: every case with its decision. The contract names no codes and rkt
answered nearly everything with UNKNOWN, so the rule is ours (carob-api(8), ERRORS): INVALID_ARGUMENT for what can
never be right, whatever the node holds; NOT_FOUND for what could be there and is not; the text names the object as
the client wrote it. Where rkt failed because of something that is broken, we answer with what is known."""
import os
import resource
import shutil
import time

import grpc
import pytest

import podtree

SECOND = podtree.SECOND
ONE, TWO = "abcdef01-0000-4000-8000-000000000001", "abcdef02-0000-4000-8000-000000000002"
NOBODY = "abcdef01-0000-4000-8000-000000000009"
IMAGE, OTHER = podtree.image_id("ab"), podtree.image_id("abcd")
NO_IMAGE = podtree.image_id("9")
NETWORKS = [{"netName": "default", "ifName": "eth0", "ip": "172.16.28.2"}]


@pytest.fixture
def node(tree):
    """Two pods and two images that begin alike."""
    tree.pod("run", "web", uuid=ONE, locked=True, pid=1, started=SECOND, created=SECOND)
    tree.pod("prepared", "web", uuid=TWO, created=SECOND)
    tree.image(IMAGE, "example.com/one", imported=SECOND)
    tree.image(OTHER, "example.com/two", imported=2 * SECOND)
    return tree


# what: method, fields, code, text
REFUSED = {
    # rkt: UNKNOWN `unable to resolve UUID` for all of these
    "pod unknown": ("InspectPod", {"id": NOBODY}, "NOT_FOUND", f'no matches found for "{NOBODY}"'),
    "pod prefix unknown": ("InspectPod", {"id": "12"}, "NOT_FOUND", 'no matches found for "12"'),
    "pod malformed": ("InspectPod", {"id": "web"}, "INVALID_ARGUMENT", 'pod id "web": not the beginning of a UUID'),
    "pod id too long": ("InspectPod", {"id": ONE + "0"}, "INVALID_ARGUMENT",
                        f'pod id "{ONE}0": not the beginning of a UUID'),
    "pod id is a path": ("InspectPod", {"id": "../" + ONE}, "INVALID_ARGUMENT",
                         f'pod id "../{ONE}": not the beginning of a UUID'),
    "pod id empty": ("InspectPod", {"id": ""}, "INVALID_ARGUMENT", "no pod id given"),
    "pod ambiguous": ("InspectPod", {"id": "abcdef0"}, "INVALID_ARGUMENT",
                      'pod id "abcdef0": ambiguous uuid, 2 matches'),
    # rkt: UNKNOWN `ACI info not found with blob key "..."` for all of these
    "image unknown": ("InspectImage", {"id": NO_IMAGE}, "NOT_FOUND", f'image "{NO_IMAGE}" is not in the store'),
    "image prefix unknown": ("InspectImage", {"id": "sha512-99"}, "NOT_FOUND",
                             'image "sha512-99" is not in the store'),
    "image ambiguous": ("InspectImage", {"id": IMAGE[:9]}, "INVALID_ARGUMENT",
                        f'image id "{IMAGE[:9]}": ambiguous, 2 images match'),
    "image id too short": ("InspectImage", {"id": "sha512-a"}, "INVALID_ARGUMENT",
                           'image id "sha512-a": not "sha512-" and at least 2 lower-case hex digits'),
    "image by name": ("InspectImage", {"id": "example.com/one"}, "INVALID_ARGUMENT",
                      'image id "example.com/one": not "sha512-" and at least 2 lower-case hex digits'),
    "image id in capitals": ("InspectImage", {"id": "sha512-ABCD"}, "INVALID_ARGUMENT",
                             'image id "sha512-ABCD": not "sha512-" and at least 2 lower-case hex digits'),
    "image id empty": ("InspectImage", {"id": ""}, "INVALID_ARGUMENT", "no image id given"),
    # rkt: UNKNOWN `not implemented yet` for all of these
    "events of no type": ("ListenEvents", {"filter": {"types": [1, 0]}}, "INVALID_ARGUMENT", "types: 0 is no type of event"),
    "events of an unknown type": ("ListenEvents", {"filter": {"types": [10]}}, "INVALID_ARGUMENT",
                                  "types: 10 is no type of event"),
    "events since a negative time": ("ListenEvents", {"filter": {"since_time": -2}}, "INVALID_ARGUMENT",
                                     "since_time: -2 is negative"),
    "events until a negative time": ("ListenEvents", {"filter": {"until_time": -3}}, "INVALID_ARGUMENT",
                                     "until_time: -3 is negative"),
    "events of too many subjects": ("ListenEvents", {"filter": {"ids": ["x"] * 65530, "names": ["y"] * 7}},
                                    "RESOURCE_EXHAUSTED", "cannot decode the request: v1alpha.EventFilter: too many fields "
                                    "in one message"),
    # rkt: UNKNOWN `unable to resolve UUID`; an unknown app and lines=-1 gave an empty reply
    "logs of an unknown pod": ("GetLogs", {"pod_id": NOBODY}, "NOT_FOUND", f'no matches found for "{NOBODY}"'),
    "logs of a malformed id": ("GetLogs", {"pod_id": "web"}, "INVALID_ARGUMENT",
                               'pod id "web": not the beginning of a UUID'),
    "logs of no pod": ("GetLogs", {}, "INVALID_ARGUMENT", "no pod id given"),
    "logs of an ambiguous pod": ("GetLogs", {"pod_id": "abcdef0"}, "INVALID_ARGUMENT",
                                 'pod id "abcdef0": ambiguous uuid, 2 matches'),
    "logs of an unknown app": ("GetLogs", {"pod_id": ONE, "app_name": "db"}, "NOT_FOUND",
                               f'pod "{ONE}" has no app "db"'),
    "negative lines": ("GetLogs", {"pod_id": ONE, "lines": -1}, "INVALID_ARGUMENT", "lines: -1 is negative"),
    "negative since": ("GetLogs", {"pod_id": ONE, "since_time": -2}, "INVALID_ARGUMENT",
                       "since_time: -2 is negative"),
    "negative until": ("GetLogs", {"pod_id": ONE, "until_time": -3}, "INVALID_ARGUMENT",
                       "until_time: -3 is negative"),
    "too many values": ("ListPods", {"filters": [{"ids": ["x"] * 65536}]}, "RESOURCE_EXHAUSTED",
                        "cannot decode the request: v1alpha.PodFilter: too many fields in one message"),
    "too many values for images": ("ListImages", {"filters": [{"keywords": ["x"] * 65536}]}, "RESOURCE_EXHAUSTED",
                                   "cannot decode the request: v1alpha.ImageFilter: too many fields in one message"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(api, node, what):
    method, fields, code, text = REFUSED[what]
    assert api.error(method, **fields) == (code, text)


# Bytes and paths that no client library would send. rkt: INVALID_ARGUMENT for "/x", FAILED_PRECONDITION `unexpected
# EOF` for bytes, and it took text that is not UTF-8. Ours are the codes of gRPC's own table (doc/statuscodes.md).
RAW = {
    "unknown method": ("/v1alpha.PublicAPI/Nope", b"", "UNIMPLEMENTED", "unknown method Nope"),
    "unknown service": ("/v1alpha.Nope/GetInfo", b"", "UNIMPLEMENTED", "unknown service v1alpha.Nope"),
    "method in another case": ("/v1alpha.PublicAPI/getinfo", b"", "UNIMPLEMENTED", "unknown method getinfo"),
    "malformed path": ("/x", b"", "UNIMPLEMENTED", 'malformed method name: "/x"'),
    "message ends within a field": ("/v1alpha.PublicAPI/InspectPod", b"\x0a\x7f", "INTERNAL", "cannot decode the request"),
    "message is no protobuf": ("/v1alpha.PublicAPI/InspectPod", b"\xff", "INTERNAL", "cannot decode the request"),
    "text is not UTF-8": ("/v1alpha.PublicAPI/InspectPod", b"\x0a\x02\xff\xfe", "INTERNAL", "cannot decode the request"),
    "text holds a NUL": ("/v1alpha.PublicAPI/InspectPod", b"\x0a\x02a\x00", "INTERNAL", "cannot decode the request"),
    "number where text should be": ("/v1alpha.PublicAPI/InspectPod", b"\x08\x01", "INTERNAL", "cannot decode the request"),
}


@pytest.mark.parametrize("what", RAW)
def test_raw(api, node, what):
    path, data, code, text = RAW[what]
    with pytest.raises(grpc.RpcError) as caught:
        api.channel.unary_unary(path)(data, timeout=20)
    assert (caught.value.code().name, text in caught.value.details()) == (code, True), caught.value.details()


def test_unknown_fields_are_taken(api, node, pb):
    """As rkt did: a newer client may ask an older server."""
    call = api.channel.unary_unary("/v1alpha.PublicAPI/InspectPod", response_deserializer=pb.InspectPodResponse.FromString)
    request = pb.InspectPodRequest(id=ONE).SerializeToString() + b"\xfa\x07\x03new"
    assert call(request, timeout=20).pod.id == ONE


@pytest.mark.parametrize("asked", [ONE, ONE.upper(), ONE[:8], ONE[:8].upper(), ONE[:9]])
def test_a_pod_is_found_by_any_unambiguous_beginning_in_any_case(api, node, asked):
    assert api.pod(asked).id == ONE


@pytest.mark.parametrize("asked", [OTHER, OTHER[:11], OTHER + "0" * 57])
def test_an_image_is_found_by_any_unambiguous_beginning(api, node, asked):
    assert api.InspectImage(id=asked).image.id == OTHER


@pytest.mark.parametrize("where, locked, state, everything", [
    ("embryo", False, "EMBRYO", False), ("prepare", True, "PREPARING", False),
    ("prepare", False, "ABORTED_PREPARE", False), ("exited-garbage", False, "GARBAGE", True),
    ("exited-garbage", True, "DELETING", True), ("garbage", False, "GARBAGE", True), ("garbage", True, "DELETING", True),
])
def test_pods_that_rkt_did_not_know_are_pods(api, tree, pb, where, locked, state, everything):
    """rkt: `unable to resolve UUID` for embryo and garbage, and UNDEFINED for DELETING. The contract has states for
    them, so they are listed, inspected and filtered like others."""
    made = tree.pod(where, "web", locked=locked, created=SECOND)
    want = pb.PodState.Value("POD_STATE_" + state)
    pod = api.pod(made.uuid)
    assert (pod.id, pod.state) == (made.uuid, want)
    assert [p.id for p in api.pods({"states": [want]})] == [made.uuid]
    if not everything:
        assert pod == pb.Pod(id=made.uuid, state=want)


def test_logs_of_a_pod_without_apps_say_why(api, tree):
    made = tree.pod("prepare", "web", locked=True)
    code, text = api.error("GetLogs", pod_id=made.uuid)
    assert code == "FAILED_PRECONDITION" and made.uuid in text and "preparing" in text


def test_a_pod_without_logs_has_none(api, node):
    """rkt: UNKNOWN `logging unsupported for pod`."""
    assert api.logs(ONE) == []


def test_a_corrupt_net_info_hides_nothing_and_leaks_nothing(start_api, tree, pb):
    """rkt: InspectPod failed with `unable to get pod`, ListPods left the pod out and leaked a descriptor per call."""
    broken = tree.pod("run", "web", locked=True, pid=1, started=SECOND, created=SECOND, networks=b"[{")
    tree.pod("run", "web", locked=True, pid=1, networks=NETWORKS)
    server = start_api()
    pod = server.client.pod(broken.uuid)
    assert (pod.state, pod.created_at, [a.name for a in pod.apps], list(pod.networks)) == (
        pb.POD_STATE_RUNNING, SECOND, ["web"], [])
    server.client.pods()
    before = server.descriptors()
    for _ in range(200):
        assert len(server.client.pods()) == 2
        server.client.pod(broken.uuid)
    assert server.descriptors() <= before


def test_a_locked_pod_without_pid_keeps_nobody_waiting(api, tree, pb):
    """rkt: every ListPods hung until the pid file was there."""
    starting = tree.pod("run", "web", locked=True, created=SECOND)
    assert [p.pid for p in api.ListPods(timeout=5).pods] == [-1]
    assert api.InspectPod(id=starting.uuid, timeout=5).pod.state == pb.POD_STATE_RUNNING


def test_an_image_removed_while_it_is_known_is_not_found(api, tree, data_dir):
    """rkt: another error on the first call than on the next ones."""
    path = tree.image(IMAGE, "one")
    assert api.InspectImage(id=IMAGE).image.name == "one"
    shutil.rmtree(path)
    for _ in range(2):
        assert api.error("InspectImage", id=IMAGE) == ("NOT_FOUND", f'image "{IMAGE}" is not in the store')
    assert api.images() == []


def test_a_broken_image_says_what_is_broken(start_api, tree, data_dir):
    """It is left out of lists with one line in the log, not one per call."""
    path = tree.image(IMAGE, "one")
    tree.image(OTHER, "two")
    server = start_api()
    (data_dir / "broken").write_text("{")
    (data_dir / "broken").rename(path / "record.json")
    for _ in range(10):
        assert [i.name for i in server.client.images()] == ["two"]
        code, text = server.client.error("InspectImage", id=IMAGE)
        assert code == "DATA_LOSS" and text.startswith(f'image "{IMAGE}": record.json: ')
    server.end()
    assert server.text.count(f"image {IMAGE} is left out") == 1


def test_without_a_free_descriptor_every_unary_call_is_answered(start_api, node):
    """rkt: `failed to get pods` once descriptors had run out."""
    server = start_api()
    api = server.client
    before = [api.pods(detail=True), api.images(detail=True), api.pod(ONE), api.GetInfo(),
              api.InspectImage(id=IMAGE)]
    hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[1]
    used = max(int(fd) for fd in os.listdir(f"/proc/{server.pid}/fd")) + 1
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (min(used, 3), hard))
    try:
        for _ in range(20):
            assert [api.pods(detail=True), api.images(detail=True), api.pod(ONE), api.GetInfo(),
                    api.InspectImage(id=IMAGE)] == before
            assert [p.id for p in api.pods({"app_names": ["web"]})] == [ONE, TWO]
            assert [i.id for i in api.images({"base_names": ["two"]})] == [OTHER]
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (hard, hard))


def test_an_image_that_comes_while_descriptors_are_out_is_told_of_later(start_api, node):
    server = start_api()
    api = server.client
    assert len(api.images()) == 2
    hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, hard))
    try:
        node.image(NO_IMAGE, "three")
        code, text = api.error("ListImages")
        assert code == "RESOURCE_EXHAUSTED" and "Too many open files" in text
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (hard, hard))
    deadline = time.monotonic() + 20
    while True:
        try:
            assert len(api.images()) == 3
            break
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and time.monotonic() < deadline
            time.sleep(0.02)


def test_images_that_may_not_be_read_are_named(start_api, tree, data_dir, build):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tree.image(IMAGE, "one")
    for path in [data_dir.parent, *data_dir.parent.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    for parent in build.parents:
        if not os.stat(parent).st_mode & 0o005:
            pytest.skip(f"{parent} keeps other users from the program")
    api = start_api(user=65534, group=65534).client
    for closed in (data_dir / "images" / "records", data_dir / "images"):
        assert len(api.images()) == 1
        closed.chmod(0o700)
        code, text = api.error("ListImages")
        assert code == "PERMISSION_DENIED" and "images/records" in text and str(data_dir) in text
        assert api.pods() == []  # pods are another matter
        closed.chmod(0o755)
        assert len(api.images()) == 1


def test_cancelled_and_late_calls_leave_nothing_behind(start_api, tree):
    """Of calls that wait for what has just changed."""
    for n in range(50):
        tree.image(f"sha512-{n:064x}", "x")
    server = start_api()
    api = server.client
    call = api.channel.unary_unary("/v1alpha.PublicAPI/ListImages",
                                   response_deserializer=server.pb.ListImagesResponse.FromString)
    for turn in range(10):
        for n in range(50):
            path = tree.data / "images/records" / f"sha512-{n:064x}" / "manifest"
            path.write_bytes(path.read_bytes())
        for k in range(20):
            late = call.future(b"", timeout=0.001 * k)
            if k % 2:
                late.cancel()
        assert len(api.images()) == 50
