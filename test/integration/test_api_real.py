# SPDX-License-Identifier: Apache-2.0
"""The truth about real pods: what the commands do is what the API shows, by python3-grpcio and by `carob api`."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from google.protobuf import json_format

import podrun
import podtree

pytestmark = pytest.mark.root

IMAGE = "example.com/busybox"
LOOP = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def store(data_dir, carob, tree):
    """A store with one image of busybox. What a test leaves running is stopped, and removed with all its files."""
    podrun.make_store(data_dir)
    layer = data_dir / "images/layers/1"
    (layer / "digest").write_text("sha256:" + "0" * 64)
    (layer / "size").write_text("1000")
    tree.image(podtree.image_id("a"), IMAGE, format="appc", imported=SECONDS_NOW * podtree.SECOND,
               manifest=podtree.image_manifest(IMAGE, [("version", "1.0")],
                                               app={"exec": ["/bin/sh", "-c", LOOP], "user": "0", "group": "0"}))
    yield
    for pod in json.loads(carob("list", "--format=json").stdout):
        carob("stop", "--force", pod["name"], status=None)
        carob("rm", pod["name"], status=None)
    carob("gc", "--grace-period=0s", "--expire-prepared=0s")


SECONDS_NOW = int(time.time())


def until(check, what, timeout=15):
    deadline = time.monotonic() + timeout
    while not (found := check()):
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.01)
    return found


def state(api, uuid):
    return api.pb.PodState.Name(api.pod(uuid).state)[len("POD_STATE_"):]


def state_by_command(carob, uuid):
    return {p["name"]: p["state"] for p in json.loads(carob("list", "--format=json").stdout)}.get(uuid)


@pytest.fixture
def ours(build, start_api, pb):
    """The same question to the same service by our own client."""
    server = start_api()

    def call(method, request=None, status=0):
        done = subprocess.run([build / "carob", "api", f"--address={server.addresses[0]}", method,
                               *([json.dumps(request)] if request else [])], capture_output=True, text=True, timeout=20)
        assert done.returncode == status, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if status == 0 else done.stderr

    call.client = server.client
    return call


def test_the_life_of_a_pod(api, carob, store, pb):
    uuid = carob("prepare", IMAGE, "--name=one", IMAGE, "--name=two").stdout.strip()
    assert (state(api, uuid), state_by_command(carob, uuid)) == ("PREPARED", "prepared")
    pod = api.pod(uuid)
    assert [a.name for a in pod.apps] == ["one", "two"] and pod.pid == -1 and not pod.cgroup

    carob("run-prepared", "--detach", uuid)
    assert (state(api, uuid), state_by_command(carob, uuid)) == ("RUNNING", "running")
    pod = api.pod(uuid)
    assert [a.state for a in pod.apps] == [pb.APP_STATE_RUNNING] * 2
    assert os.readlink(f"/proc/{pod.pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
    assert 0 < pod.created_at <= pod.started_at < time.time_ns() + podtree.SECOND
    assert pod.cgroup.startswith("/")
    assert [p.id for p in api.pods({"pod_sub_cgroups": [pod.cgroup + "/one"], "states": ["POD_STATE_RUNNING"]})] == [uuid]
    assert [p.id for p in api.pods({"cgroups": [pod.cgroup]})] == [uuid]

    carob("stop", uuid)
    assert (state(api, uuid), state_by_command(carob, uuid)) == ("EXITED", "exited")
    pod = api.pod(uuid)
    assert [(a.state, a.exit_code) for a in pod.apps] == [(pb.APP_STATE_EXITED, 0)] * 2
    assert pod.pid > 0 and not pod.cgroup and not pod.gc_marked_at

    carob("gc", "--mark-only")
    assert (state(api, uuid), state_by_command(carob, uuid)) == ("GARBAGE", "exited garbage")
    assert api.pod(uuid).gc_marked_at > pod.started_at
    carob("gc", "--grace-period=0s")
    assert api.error("InspectPod", id=uuid) == ("NOT_FOUND", f'no matches found for "{uuid}"')
    assert state_by_command(carob, uuid) is None


def test_exit_codes_are_those_of_the_apps(api, carob, store, pb):
    carob("run", IMAGE, "--name=bad", "--exec=/bin/sh", "--", "-c", "exit 7", status=7)
    pod, = api.pods()
    assert [(a.name, a.state, a.exit_code) for a in pod.apps] == [("bad", pb.APP_STATE_EXITED, 7)]


def test_a_dead_app_is_seen_beside_a_living_one(api, carob, store, pb):
    uuid = carob("run", "--detach", IMAGE, "--name=lives", IMAGE, "--name=dies", "--exec=/bin/true").stdout.strip()
    until(lambda: [a.state for a in api.pod(uuid).apps] == [pb.APP_STATE_RUNNING, pb.APP_STATE_EXITED], "the app's exit")
    assert state(api, uuid) == "RUNNING"


@pytest.mark.parametrize("victim", ["supervisor", "init"])
def test_a_killed_pod_has_exited_at_once(api, carob, store, pb, victim):
    uuid = carob("run", "--detach", IMAGE).stdout.strip()
    init = api.pod(uuid).pid
    parent = int(pathlib.Path(f"/proc/{init}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(init if victim == "init" else parent, signal.SIGKILL)
    until(lambda: state(api, uuid) == "EXITED", "the pod's end")
    until(lambda: not pathlib.Path(f"/proc/{init}").exists(), "the init's end")
    pod = api.pod(uuid)
    assert [a.state for a in pod.apps] == [pb.APP_STATE_EXITED] and pod.apps[0].exit_code != 0
    assert state_by_command(carob, uuid) == "exited"


def test_logs_of_a_real_pod(api, carob, store):
    carob("run", IMAGE, "--name=a", "--exec=/bin/sh", "--", "-c", "echo from a; echo err >&2", "---",
          IMAGE, "--name=b", "--exec=/bin/sh", "--", "-c", "echo from b")
    pod, = api.pods()
    lines = api.logs(pod.id)
    assert sorted(line.split(" MESSAGE=")[1] for line in lines) == ["err", "from a", "from b"]
    assert [line.split(" MESSAGE=")[1] for line in api.logs(pod.id, app_name="b")] == ["from b"]
    assert api.logs(pod.id, since_time=int(time.time()) + 100) == []


def test_a_follower_sees_all_lines_and_the_end(api, carob, store):
    uuid = carob("run", "--detach", IMAGE, "--exec=/bin/sh", "--", "-c",
                 "for i in $(seq 50); do echo line $i; sleep 0.01; done").stdout.strip()
    lines = [line.split(" MESSAGE=")[1] for r in api.GetLogs(pod_id=uuid, follow=True, timeout=20) for line in r.lines]
    assert lines == [f"line {i}" for i in range(1, 51)]


def test_images_are_those_of_the_store(api, carob, store):
    image, = api.images()
    listed, = json.loads(carob("image", "list", "--format=json").stdout)
    assert (image.id, image.name + ":" + image.version) == (listed["id"], listed["name"])
    assert json.loads(api.InspectImage(id=image.id).image.manifest) == json.loads(carob("image", "cat-manifest", image.id).stdout)


def test_both_clients_are_told_the_same(ours, carob, store, pb):
    uuid = carob("run", "--detach", "--annotation=a=b", IMAGE).stdout.strip()
    client = ours.client
    for method, request in (("GetInfo", {}), ("ListPods", {}), ("ListPods", {"detail": True}),
                            ("ListPods", {"filters": [{"states": ["POD_STATE_RUNNING"], "annotations": [{"Key": "a", "value": "b"}]}]}),
                            ("InspectPod", {"id": uuid[:13]}), ("ListImages", {"detail": True}),
                            ("InspectImage", {"id": podtree.image_id("a")}), ("GetLogs", {"podId": uuid})):
        reply = getattr(client, method)(json_format.ParseDict(request, getattr(pb, f"{method}Request")()))
        replies = list(reply) if method == "GetLogs" else [reply]
        assert ours(method, request) == [json_format.MessageToDict(r) for r in replies], method


def test_our_client_tells_errors(ours):
    assert 'no matches found for "12"' in ours("InspectPod", {"id": "12"}, status=254)
    assert "until_time: -1 is negative" in ours("ListenEvents", {"filter": {"until_time": -1}}, status=254)


def test_api_service_is_carob_api(build, data_dir):
    service = subprocess.Popen([build / "carob", f"--dir={data_dir}", "--local-config=/l", "api-service",
                                f"--listen=unix:{data_dir}/../s"], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: "API service running" in service.stderr.readline(), "the service")
        done = subprocess.run([build / "carob", "api", f"--address=unix:{data_dir}/../s", "GetInfo"], capture_output=True,
                              text=True, timeout=20)
        flags = json.loads(done.stdout)["info"]["globalFlags"]
        assert (flags["dir"], flags["localConfigDir"]) == (str(data_dir), "/l")
    finally:
        service.terminate()
        assert service.wait(20) == 0
        service.stderr.close()
