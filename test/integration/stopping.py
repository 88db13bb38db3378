# SPDX-License-Identifier: Apache-2.0
"""Programs killed or held at a named step (HACKING.md, "Tests that kill"), and what must be true of the machine afterwards."""
import os
import pathlib
import signal
import subprocess

import pytest

from clirun import alive, cgroups_of, mounts_below, pods, processes_of, status, until

FINAL = {"exited", "exited garbage", "garbage", "aborted prepare", "prepared", "embryo"}


@pytest.fixture
def hooks(build):
    """The steps exist only in a build with -Dtest_hooks=true."""
    if b"CAROB_TEST_STOP_AT" not in (build / "carob").read_bytes():
        pytest.skip("built without -Dtest_hooks=true")


def at(step):
    """The environment in which a program stops at @step."""
    return dict(os.environ, CAROB_TEST_STOP_AT=step)


def killed_at(carob, step, *args):
    done = carob(*args, status=None, env=at(step))
    assert done.returncode == -signal.SIGKILL, f"{step} was not reached: {done}"
    return done


def stopped(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


@pytest.fixture
def command(build, data_dir):
    """command("gc", ...) starts a command; whatever still runs at the end of the test is killed."""
    made = []

    def begin(*args, **more):
        more.setdefault("stdout", subprocess.PIPE)
        made.append(subprocess.Popen([build / "carob", f"--dir={data_dir}", *map(str, args)], stderr=subprocess.PIPE, text=True,
                                     **more))
        return made[-1]

    yield begin
    for proc in made:
        if proc.poll() is None:
            proc.kill()
        if not proc.stderr.closed:
            proc.communicate()
    # What a failed test left behind, maybe stopped.
    for pid in strangers(data_dir, []) if made else []:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def paused(command, hooks):
    """paused(step, "run-prepared", ...) starts a command that stops itself (SIGSTOP) at the step."""

    def begin(step, *args):
        proc = command(*args, env=at(f"{step}:stop"))
        until(lambda: stopped(proc.pid), what=f"step {step}")
        return proc

    return begin


def go_on(proc, status=0):
    proc.send_signal(signal.SIGCONT)
    out, err = proc.communicate(timeout=30)
    assert proc.returncode == status, (out, err)
    return out, err


def strangers(data_dir, uuids):
    """Pids of what belongs to pods of this data directory: by command line, cgroup or mounts. Not the tests' own service."""
    found, ours = [], os.readlink("/proc/self/ns/mnt")
    words = [str(data_dir), *uuids]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        proc = pathlib.Path("/proc") / pid
        try:
            argv = (proc / "cmdline").read_bytes().decode(errors="replace")
            if "carob-api" in argv.split("\0")[0]:
                continue
            text = argv + (proc / "cgroup").read_text()
            if os.readlink(proc / "ns/mnt") != ours:
                text += (proc / "mountinfo").read_text(errors="replace")
        except OSError:
            continue
        if any(word in text for word in words) and alive(pid):
            found.append(int(pid))
    return found


class Aftermath:
    """Whatever was killed: what list, status and the API say is the same and true, and nothing is left of a dead pod
    but its directory."""

    def __init__(self, carob, data_dir, api, pb):
        self.carob, self.data_dir, self.api, self.pb = carob, data_dir, api, pb

    def state_of(self, pod):
        return self.pb.PodState.Name(pod.state).removeprefix("POD_STATE_").replace("_", " ").lower()

    def quiet(self):
        """All that belonged to the pods is dead; nothing is mounted."""
        uuids = [p["name"] for p in pods(self.carob)]
        until(lambda: not strangers(self.data_dir, uuids), what=f"the end of {strangers(self.data_dir, uuids)}")
        assert not mounts_below(self.data_dir)

    def states(self):
        """{uuid: state}, on which list, status and the API agree."""
        listed = {p["name"]: p["state"] for p in pods(self.carob)}
        seen = {p.id: self.state_of(p) for p in self.api.pods()}
        for uuid, state in listed.items():
            one = status(self.carob, uuid)
            assert one["state"] == state
            assert seen[uuid] == {"exited garbage": "garbage", "exited deleting": "deleting"}.get(state, state)
            if state in ("exited", "exited garbage"):
                self.all_ended(one, self.api.pod(uuid))
        assert seen.keys() == listed.keys()
        return listed

    def all_ended(self, ours, theirs):
        assert all(a["state"] == "exited" for a in ours.get("apps", []))
        assert all(a.state == self.pb.APP_STATE_EXITED for a in theirs.apps)
        assert theirs.cgroup == ""

    def only(self, state):
        """There is one pod, and it is @state; its uuid."""
        states = self.states()
        assert list(states.values()) == [state]
        return next(iter(states))

    def collected(self, *command):
        """After @command (gc when not given): no pod, no cgroup, no file."""
        uuids = [p["name"] for p in pods(self.carob)]
        self.carob(*(command or ("gc", "--grace-period=0s", "--expire-prepared=0s")))
        assert pods(self.carob) == [] and list(self.api.pods()) == []
        self.nothing_left(uuids)

    def nothing_left(self, uuids):
        # A pod's undertaker unmounts for some milliseconds after the lock has fallen.
        until(lambda: not strangers(self.data_dir, uuids) and not processes_of(self.data_dir), what="all processes to end")
        assert not [c for uuid in uuids for c in cgroups_of(uuid)]
        assert not mounts_below(self.data_dir)
        assert not [p for p in (self.data_dir / "pods").glob("*/*")]
        self.store_is_clean()

    def store_is_clean(self):
        tmp = self.data_dir / "images/tmp"
        assert not tmp.exists() or not list(tmp.iterdir())


@pytest.fixture
def aftermath(carob, data_dir, api, pb):
    return Aftermath(carob, data_dir, api, pb)
