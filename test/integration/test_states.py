# SPDX-License-Identifier: Apache-2.0
"""Every row of the state table as real commands make it, and hold it: list, status, the API by grpcio and by our own
client say the same, and what a pod cannot do in a state is refused without waiting."""
import json
import subprocess
import time

import pytest

from clirun import pods, start, status, store  # noqa: F401
from stopping import command, go_on, hooks, killed_at, paused  # noqa: F401

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("hooks")]

IMAGE = "example.com/sleep"


class Hands:
    """Brings a pod into a row of the table, by commands alone."""

    def __init__(self, carob, paused):
        self.carob, self.paused, self.held = carob, paused, None

    def prepared(self):
        return self.carob("prepare", IMAGE).stdout.strip()

    def exited(self):
        self.carob("run", "example.com/true")

    def hold(self, step, *args):
        self.held = self.paused(step, *args)


ROWS = {
    "embryo": ("embryo", "EMBRYO", lambda h: h.hold("embryo-made", "prepare", IMAGE)),
    "embryo, locked": ("embryo", "EMBRYO", lambda h: h.hold("embryo-locked", "prepare", IMAGE)),
    "preparing, empty": ("preparing", "PREPARING", lambda h: h.hold("prepare-made", "prepare", IMAGE)),
    "preparing, full": ("preparing", "PREPARING", lambda h: h.hold("synced", "prepare", IMAGE)),
    "preparing, to run": ("preparing", "PREPARING", lambda h: h.hold("launch-written", "run", IMAGE)),
    "aborted": ("aborted prepare", "ABORTED_PREPARE", lambda h: killed_at(h.carob, "app-written", "prepare", IMAGE)),
    "prepared, still locked": ("prepared", "PREPARED", lambda h: h.hold("prepared", "prepare", IMAGE)),
    "prepared": ("prepared", "PREPARED", Hands.prepared),
    "prepared, locked to run": ("prepared", "PREPARED", lambda h: h.hold("locked", "run-prepared", h.prepared())),
    "running, no supervisor yet": ("running", "RUNNING", lambda h: h.hold("run", "run-prepared", h.prepared())),
    "running, no init yet": ("running", "RUNNING", lambda h: h.hold("pod:app-cgroups", "run-prepared", h.prepared())),
    "running, apps not started": ("running", "RUNNING", lambda h: h.hold("pod:control", "run-prepared", h.prepared())),
    "running": ("running", "RUNNING", lambda h: start(h.carob, IMAGE)),
    "running, its apps dead": ("running", "RUNNING", lambda h: h.hold("pod:over", "run", "example.com/true")),
    "running, its status written": ("running", "RUNNING", lambda h: h.hold("pod:status-written", "run", "example.com/true")),
    "exited": ("exited", "EXITED", Hands.exited),
    "exited garbage": ("exited garbage", "GARBAGE", lambda h: (h.exited(), h.carob("gc", "--mark-only"))),
    "exited deleting": ("exited deleting", "DELETING", lambda h: (h.exited(), h.hold("remove-entry", "gc", "--grace-period=0s"))),
    "garbage": ("garbage", "GARBAGE", lambda h: (h.prepared(), killed_at(h.carob, "garbage", "gc", "--expire-prepared=0s"))),
    "deleting": ("deleting", "DELETING", lambda h: (h.prepared(), h.hold("remove-entry", "gc", "--expire-prepared=0s"))),
}

# What the commands say to a pod in a state: status, a part of the text. No entry: not asked, for it would do it.
RUNS = "is not prepared"
STOPS = {"running": None, "embryo": 254, "preparing": 254, "aborted prepare": 254, "prepared": 254}
REFUSES_RM = {"embryo": "is being prepared", "preparing": "is being prepared", "running": "is currently running",
              "exited deleting": "is being removed by another process", "deleting": "is being removed by another process"}


@pytest.fixture
def hands(carob, paused, data_dir):
    made = Hands(carob, paused)
    yield made
    if made.held and made.held.poll() is None:
        made.held.kill()
        made.held.wait()
    # An embryo without its maker is gc's only after a while.
    for pod in pods(carob):
        if pod["state"] == "embryo":
            (data_dir / "pods/embryo" / pod["name"]).rmdir()


@pytest.mark.parametrize("row", ROWS)
def test_row(carob, store, hands, api, pb, build, row):
    state, of_api, make = ROWS[row]
    make(hands)
    (pod,) = pods(carob)
    uuid = pod["name"]
    assert pod["state"] == state
    assert carob("status", uuid).stdout.splitlines()[0] == f"state={state}"
    assert status(carob, uuid)["state"] == state
    assert uuid in carob("list", "--full").stdout
    for seen in (*api.pods(), *api.pods({"states": [f"POD_STATE_{of_api}"]}), api.pod(uuid)):
        assert (seen.id, pb.PodState.Name(seen.state)) == (uuid, f"POD_STATE_{of_api}")
    assert len(api.pods()) == 1
    assert our_client(build, api, "InspectPod", {"id": uuid})["pod"]["state"] == f"POD_STATE_{of_api}"
    refuses(carob, uuid, state)
    assert [p["state"] for p in pods(carob)] == [state], "refusals change nothing"


def our_client(build, api, method, request):
    done = subprocess.run([build / "carob", "api", f"--address={api.target}", method, json.dumps(request)], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refuses(carob, uuid, state):
    began = time.monotonic()
    if state != "prepared":
        assert RUNS in carob("run-prepared", uuid, status=254).stderr
    if state in STOPS and STOPS[state]:
        assert uuid in carob("stop", uuid, status=254).stderr
    elif state not in STOPS:
        assert carob("stop", uuid).stdout == f'pod "{uuid}" is already stopped\n'
    if state in REFUSES_RM:
        assert REFUSES_RM[state] in carob("rm", uuid, status=254).stderr
    assert time.monotonic() - began < 5
