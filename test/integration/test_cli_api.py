# SPDX-License-Identifier: Apache-2.0
"""`carob api`: the service asked from the command line; and `carob api-service`."""
import json
import os
import signal
import subprocess

import pytest

from activation import Manager


@pytest.fixture
def call(start_api, carob):
    """call("ListPods", {...}) asks a running service."""
    address = start_api().addresses[0]

    def run(name, request=None, *flags, status=0, **kwargs):
        words = ["api", f"--address={address}", *flags, name]
        if request is not None:
            words.append(request if isinstance(request, str) else json.dumps(request))
        return carob(*words, status=status, **kwargs)

    return run


def test_replies_are_json_lines(call, tree):
    a = tree.pod("prepared", "a")
    tree.pod("prepare", "b")
    reply = json.loads(call("ListPods", {"filters": [{"states": ["POD_STATE_PREPARED"]}]}).stdout)
    assert [p["id"] for p in reply["pods"]] == [a.uuid]
    assert json.loads(call("listpods").stdout)["pods"][0]["state"] in ("POD_STATE_PREPARED", "POD_STATE_ABORTED_PREPARE")
    assert call("GetInfo").stdout.count("\n") == 1
    pretty = call("InspectPod", {"id": a.uuid}, "--format=json-pretty").stdout
    assert pretty.startswith('{\n\t"pod": {\n') and json.loads(pretty)["pod"]["apps"][0]["name"] == "a"


def test_request_from_standard_input(call, tree):
    a = tree.pod("prepared", "a")
    assert json.loads(call("InspectPod", "-", input=json.dumps({"id": a.uuid})).stdout)["pod"]["id"] == a.uuid


def test_streams_print_each_reply(call, tree):
    pod = tree.pod("run", "a", created=10**18, started=10**18, pid=1)
    pod.log("a", (10**18, "one"), (10**18 + 1, "two"))
    lines = [l for out in call("GetLogs", {"pod_id": pod.uuid}).stdout.splitlines() for l in json.loads(out)["lines"]]
    assert [l.split("MESSAGE=")[1] for l in lines] == ["one", "two"]


def test_errors_name_the_code(call):
    done = call("InspectPod", {"id": "00000000"}, status=254)
    assert done.stderr.startswith("api: InspectPod: NOT_FOUND: ") and '"00000000"' in done.stderr
    assert call("Nope", status=254).stderr.startswith('api: no call "Nope"; there are GetInfo, ')
    assert call("ListPods", "{", status=254).stderr.startswith("api: request: ")
    done = call("ListPods", {"filters": [{"states": ["RUNING"]}]}, status=254)
    assert done.stderr.startswith('api: request: filters[0].states[0]: ') and "RUNING" in done.stderr


def test_nobody_listening_is_told(carob, short_tmp):
    done = carob("api", f"--address=unix:{short_tmp}/none", "GetInfo", status=254)
    assert done.stderr.startswith("api: ") and f"{short_tmp}/none" in done.stderr


def test_api_service_becomes_carob_api(build, data_dir, short_tmp):
    proc = subprocess.Popen([build / "carob", f"--dir={data_dir}", "api-service", f"--listen=unix:{short_tmp}/s"],
                            stderr=subprocess.PIPE, text=True)
    try:
        while "running" not in (line := proc.stderr.readline()):
            assert line
        assert os.path.basename(os.readlink(f"/proc/{proc.pid}/exe")) == "carob-api"
        done = subprocess.run([build / "carob", "api", f"--address=unix:{short_tmp}/s", "GetInfo"], capture_output=True, text=True)
        assert json.loads(done.stdout)["info"]["globalFlags"]["dir"] == os.path.realpath(data_dir)
    finally:
        proc.send_signal(signal.SIGTERM)
        proc.communicate(timeout=10)
    assert proc.returncode == 0


def test_without_a_service_the_remedy_is_named(carob):
    done = carob("api", "--address=unix:/nonexistent/socket", "GetInfo", status=254)
    assert 'start the service with "carob api-service"' in done.stderr


def test_a_service_of_our_own_is_asked(carob, tree, data_dir):
    a = tree.pod("prepared", "a")
    done = carob("api", "--address=none", "ListPods")
    assert [p["id"] for p in json.loads(done.stdout)["pods"]] == [a.uuid] and done.stderr == ""
    info = json.loads(carob("api", "--address=none", "GetInfo", "--local-config=/some/where").stdout)["info"]
    assert info["globalFlags"] == {"dir": os.path.realpath(data_dir), "localConfigDir": "/some/where",
                                   "systemConfigDir": "/usr/lib/carob", "insecureFlags": "none"}
    done = carob("--debug", "api", "--address=none", "InspectPod", json.dumps({"id": a.uuid}))
    assert json.loads(done.stdout)["pod"]["id"] == a.uuid
    assert "carob-api: API service starting..." in done.stderr


def test_the_environment_of_others_is_not_for_our_own_service(carob, short_tmp):
    manager = Manager(short_tmp / "notify")
    env = manager.environment(WATCHDOG_USEC="1000", LISTEN_PID="1", LISTEN_FDS="5", LISTEN_FDNAMES="a:b:c:d:e")
    assert carob("api", "--address=none", "GetInfo", env=env).stderr == ""
    assert manager.next(timeout=0) == {}
    manager.close()


def test_our_own_service_ends_with_us_and_says_why(carob, data_dir):
    follow = json.dumps({"pod_id": "x"})
    done = carob("--dir=", "api", "--address=none", "GetLogs", follow, status=254)
    assert "carob-api: --dir is empty; see carob-api --help" in done.stderr
    assert "api: GetLogs: carob-api, started for this, ended with status 254" in done.stderr


def test_its_streams_may_not_leave_descriptors(carob):
    """With stdin, stdout and stderr closed nothing gets a number it should not have."""
    done = carob("api", "--address=none", "GetInfo", preexec_fn=lambda: (os.close(0), os.close(2)))
    assert json.loads(done.stdout)["info"]["apiVersion"]
