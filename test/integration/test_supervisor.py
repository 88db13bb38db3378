# SPDX-License-Identifier: Apache-2.0
"""carob-pod by itself, on pod directories made here: start, output, stop, and every kind of sudden death."""
import os
import select
import shutil
import signal
import subprocess
import time

import pytest

import podrun
from podrun import app, alive

pytestmark = pytest.mark.root

LOOP = "trap 'exit 0' TERM; echo up; while :; do sleep 0.02; done"
STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.02; done"


@pytest.fixture
def make(short_tmp):
    podrun.make_store(short_tmp)
    made = []

    def new(*apps, **more):
        made.append(podrun.Pod(short_tmp, *apps, **more))
        return made[-1]

    yield new
    for pod in made:
        pod.clean()
        assert not pod.cgroups()


def sh(name, script, **more):
    return app(name, "/bin/sh", "-c", script, **more)


def until(condition, timeout=10):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.005)


def cmdline(pid):
    try:
        return open(f"/proc/{pid}/cmdline", "rb").read()
    except OSError:
        return b""


# --- a life ---


def test_one_app_runs_and_leaves_true_files(make):
    pod = make(sh("a", "echo out; echo err >&2; exit 3"))
    status, out, err = pod.run()
    assert (status, out, err) == (3, b"out\n", b"err\n")
    assert sorted(pod.log("a")) == [("stderr", "F", "err"), ("stdout", "F", "out")]
    end = pod.status()
    assert end["exit_code"] == 3 and end["reason"] == 'app "a" exited with status 3'
    a = pod.app_status("a")
    assert (a["state"], a["exit_code"], a["signal"], a["oom"]) == ("exited", 3, 0, False)
    assert 0 < a["created_at"] <= a["started_at"] <= a["finished_at"] <= end["finished_at"]
    assert pod.read("subcgroup").strip() == f"carob/{pod.uuid}"
    assert (pod.dir / "subcgroup").stat().st_mtime_ns <= (pod.dir / "pid").stat().st_mtime_ns
    assert not pod.locked() and not pod.cgroups()


def test_two_apps_share_all_but_their_files(make):
    meet = "echo $$ > /dev/shm/{0}; while ! [ -e /dev/shm/{1} ]; do sleep 0.01; done; touch /{0}; ls /{1} 2>/dev/null; hostname; "
    pod = make(
        sh("a", meet.format("a", "b") + "echo hi > /tmp/f; httpd -p 127.0.0.1:7000 -h /tmp; "
           "while ! [ -e /dev/shm/done ]; do sleep 0.01; done"),
        sh("b", meet.format("b", "a") + "until wget -q -O - http://127.0.0.1:7000/f 2>/dev/null; do sleep 0.02; done; "
           "kill -0 $(cat /dev/shm/a) && echo seen; touch /dev/shm/done"),
    )
    status, _, err = pod.run()
    assert status == 0, err
    name = f"carob-{pod.uuid}"
    assert [t for _, _, t in pod.log("a")] == [name]
    assert [t for _, _, t in pod.log("b")] == [name, "hi", "seen"]


def test_exit_zero_leaves_the_others_running(make):
    pod = make(sh("a", "exit 0"), sh("b", LOOP)).start().until_ready()
    pod.until(lambda: (pod.dir / "ready").exists() and pod.app_status("a")["state"] == "exited")
    assert pod.ask(op="state") == {"ok": True, "state": "running"}
    assert pod.app_status("b")["state"] == "running" and alive(pod.app_status("b")["pid"])
    pod.proc.terminate()
    assert pod.wait()[0] == 0


def test_first_failure_stops_the_pod_and_is_its_status(make):
    pod = make(sh("a", "until [ -e /dev/shm/up ]; do sleep 0.01; done; exit 7"),
               sh("b", "trap 'exit 9' TERM; touch /dev/shm/up; while :; do sleep 0.02; done"))
    assert pod.run()[0] == 7
    assert pod.app_status("b")["exit_code"] == 9
    assert pod.status()["reason"] == 'app "a" exited with status 7'


def test_death_by_signal_is_128_and_the_signal(make):
    pod = make(sh("a", "kill -SEGV $$"))
    assert pod.run()[0] == 128 + signal.SIGSEGV
    assert pod.status()["signal"] == signal.SIGSEGV
    assert pod.app_status("a")["signal"] == signal.SIGSEGV


def test_what_an_app_leaves_behind_is_killed_with_it(make):
    pod = make(sh("a", "setsid sleep 1000 & setsid sh -c 'sleep 1000' & sleep 0.05; exit 0"), sh("b", LOOP)).start().until_ready()
    pod.until(lambda: (pod.dir / "ready").exists() and pod.app_status("a")["state"] == "exited")
    b = pod.app_status("b")["pid"]
    until(lambda: all(b"1000" not in open(f"/proc/{p}/cmdline", "rb").read() for p in pod.processes()))
    assert alive(b)
    pod.proc.terminate()
    assert pod.wait()[0] == 0


def test_orphans_are_reaped_and_nobody_wakes_up_when_idle(make):
    pod = make(sh("a", "(sleep 0.01 & (sleep 0.01 &) ) ; exec sleep 1000")).start().until_ready()
    until(lambda: len(pod.processes()) == 2)

    def wakeups():
        return [int(line.split()[1]) for pid in (pod.proc.pid, pod.init_pid())
                for line in open(f"/proc/{pid}/status") if line.startswith("voluntary")]

    time.sleep(3)  # the last work of a start is done when it has been quiet for a while
    before = wakeups()
    time.sleep(0.5)
    assert wakeups() == before
    kids = subprocess.run(["ps", "--ppid", str(pod.proc.pid), "-o", "stat="], capture_output=True, text=True).stdout
    assert "Z" not in kids
    pod.proc.send_signal(signal.SIGTERM)
    assert pod.wait()[0] == 128 + signal.SIGTERM


def pss_kib(pid):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith("Pss:"))


@pytest.mark.skipif("-asan" in os.environ.get("CAROB_BUILD", ""), reason="AddressSanitizer's own memory would be measured")
def test_supervisor_and_init_are_small_when_idle(make):
    pod = make(app("a", "/bin/sleep", "1000")).start(detached=True)
    assert os.read(pod.report, 10) == b"ok"
    os.close(pod.report)
    until(lambda: pss_kib(pod.proc.pid) + pss_kib(pod.init_pid()) <= 400)
    assert cmdline(pod.init_pid()) in (b"", cmdline(pod.proc.pid))
    pod.proc.terminate()
    assert pod.wait()[0] == 128 + signal.SIGTERM


def test_no_mount_is_seen_outside(make):
    before = open("/proc/self/mountinfo").read()
    pod = make(sh("a", LOOP), volumes=[{"name": "v", "kind": "empty"}]).start().until_ready()
    assert open("/proc/self/mountinfo").read() == before
    pod.proc.terminate()
    assert pod.wait()[0] == 0
    assert open("/proc/self/mountinfo").read() == before


def test_host_network_and_copied_root(make):
    pod = make(sh("a", "readlink /proc/self/ns/net; echo x > /y; cat /y"), net="host", rootfs="copy")
    status, out, err = pod.run()
    assert status == 0, err
    assert out.decode().split() == [os.readlink("/proc/self/ns/net"), "x"]
    assert (pod.dir / "rootfs/a/y").exists()


def test_writes_go_to_the_upper_directory(make):
    pod = make(sh("a", "echo x > /new; rm /etc/passwd"))
    assert pod.run()[0] == 0
    assert (pod.dir / "overlay/a/upper/new").read_text() == "x\n"
    assert (pod.root / "images/layers/1/fs/etc/passwd").exists()


def test_empty_volume_is_shared(make):
    mount = {"mountPoints": [{"name": "v", "path": "/data"}]}
    pod = make(sh("a", "echo x > /data/f", **mount), sh("b", "until [ -s /data/f ]; do sleep 0.01; done; cat /data/f", **mount),
               volumes=[{"name": "v", "kind": "empty"}])
    status, out, err = pod.run()
    assert (status, out) == (0, b"x\n"), err


def test_memory_limit_is_told_as_such(make):
    limit = [{"name": "resource/memory", "value": {"limit": "16Mi"}}]
    pod = make(app("a", "/bin/sh", "-c", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done", isolators=limit))
    status, _, err = pod.run()
    assert status == 137, err
    assert pod.app_status("a")["oom"] is True
    assert pod.status()["reason"] == 'app "a" ran out of memory'


# --- failures to start ---


@pytest.mark.parametrize("bad, words", [
    (app("a", "/no/such"), b"/no/such"),
    (app("a", "/bin/true", user="nobody-here"), b"nobody-here"),
    (app("a", "/etc/passwd"), b"ermission denied"),
])
def test_app_that_cannot_start_is_our_failure(make, bad, words):
    pod = make(bad)
    status, _, err = pod.run()
    assert status == 254 and words in err, err
    assert pod.status()["exit_code"] == 254 and words.decode() in pod.status()["reason"]
    assert pod.app_status("a")["state"] == "exited" and pod.app_status("a")["exit_code"] == -1
    assert not (pod.dir / "ready").exists() and not pod.cgroups()


def test_one_that_cannot_start_takes_the_others_along(make):
    pod = make(sh("a", LOOP), app("b", "/no/such"), sh("c", LOOP))
    status, _, err = pod.run()
    assert status == 254 and b"/no/such" in err
    for name in "abc":
        assert pod.app_status(name)["state"] == "exited"
        assert pod.app_status(name)["started_at"] == 0


@pytest.mark.parametrize("name, text, words", [
    ("pod", "{", b"pod manifest"),
    ("pod", None, b"read pod"),
    ("appsinfo/a/image.json", "[]", b"appsinfo/a"),
    ("launch.json", '{"net":"moon"}', b"moon"),
])
def test_broken_pod_directory_is_a_clear_error(make, name, text, words):
    pod = make(sh("a", "true"))
    if text is None:
        (pod.dir / name).unlink()
    else:
        pod.put(name, text)
    status, _, err = pod.run()
    assert status == 254 and words in err, err
    assert pod.status()["exit_code"] == 254


def test_detached_is_told_ok_or_why_not(make):
    pod = make(sh("a", "echo hidden; sleep 0.1")).start(detached=True)
    assert os.read(pod.report, 100) == b"ok" and os.read(pod.report, 100) == b""
    assert pod.wait()[:2] == (0, b"")
    assert pod.log("a") == [("stdout", "F", "hidden")]
    os.close(pod.report)
    pod = make(app("a", "/no/such")).start(detached=True)
    assert b"/no/such" in os.read(pod.report, 1000)
    assert pod.wait()[0] == 254
    os.close(pod.report)


# --- stop ---


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_stops_apps_with_term(make, signo):
    pod = make(sh("a", LOOP), sh("b", LOOP)).start().until_ready()
    pod.proc.send_signal(signo)
    assert pod.wait()[0] == 0
    assert pod.status()["reason"] == "stopped on request"


def test_grace_period_ends_with_kill(make):
    pod = make(sh("a", STUBBORN)).start("--grace-ms=200").until_ready()
    begin = time.monotonic()
    pod.proc.terminate()
    assert pod.wait()[0] == 137
    assert 0.2 <= time.monotonic() - begin < 5


def test_second_interrupt_does_not_wait(make):
    pod = make(sh("a", STUBBORN)).start().until_ready()
    pod.proc.send_signal(signal.SIGINT)
    until(lambda: pod.ask(op="state")["state"] == "stopping")
    pod.proc.send_signal(signal.SIGINT)
    assert pod.wait(timeout=5)[0] == 137


def test_stop_and_force_by_the_control_socket(make):
    pod = make(sh("a", STUBBORN)).start().until_ready()
    assert (pod.dir / "control").stat().st_mode & 0o777 == 0o600
    assert pod.ask(op="stop", force=False, grace_ms=-1)["ok"]
    assert alive(pod.app_status("a")["pid"])
    assert pod.ask(op="nonsense")["ok"] is False
    assert pod.ask(op="stop", force=True)["ok"]
    assert pod.wait(timeout=5)[0] == 137


def test_stop_during_the_start_leaves_nothing(make):
    for delay in range(0, 24, 2):
        pod = make(sh("a", LOOP), sh("b", LOOP), sh("c", LOOP)).start()
        time.sleep(delay / 1000)
        pod.proc.terminate()
        # Before it could block the signal, the signal itself ends it.
        assert pod.wait(timeout=10)[0] in (-signal.SIGTERM, 0, 128 + signal.SIGTERM, 128 + signal.SIGKILL)
        until(lambda: not pod.locked())
        assert not pod.processes()
        pod.clean()


# --- sudden death ---


def test_sigkill_of_the_supervisor_kills_the_pod(make):
    pod = make(sh("a", STUBBORN), sh("b", "setsid sleep 1000 & " + STUBBORN)).start().until_ready()
    until(lambda: len(pod.processes()) >= 5)
    pids = pod.processes()
    pod.proc.kill()
    pod.proc.wait()
    until(lambda: not any(alive(p) for p in pids))
    until(lambda: not pod.locked())
    assert not (pod.dir / "status").exists()


def test_sigkill_of_the_supervisor_at_any_moment(make):
    for delay in range(0, 30, 2):
        pod = make(sh("a", LOOP), sh("b", LOOP)).start()
        time.sleep(delay / 1000)
        pod.proc.kill()
        pod.proc.communicate()
        until(lambda: not pod.locked())
        tag = pod.uuid.encode()
        # "Until": a child that only syncs the pod's files may still wait for the disk.
        until(lambda: not [p for p in os.listdir("/proc") if p.isdigit() and alive(p) and tag in cmdline(p)])
        pod.clean()


def test_sigkill_of_the_init_ends_the_pod_truthfully(make):
    pod = make(sh("a", STUBBORN), sh("b", STUBBORN)).start().until_ready()
    os.kill(pod.init_pid(), signal.SIGKILL)
    assert pod.wait()[0] == 137
    assert pod.status()["exit_code"] == 137 and "killed" in pod.status()["reason"]
    for name in "ab":
        assert pod.app_status(name)["exit_code"] == 137
    assert not pod.cgroups()


def test_init_holds_the_lock_and_nothing_else(make):
    pod = make(sh("a", LOOP)).start().until_ready()
    init = pod.init_pid()
    until(lambda: os.listdir(f"/proc/{init}/fd") == ["0"])
    assert os.path.samefile(f"/proc/{init}/fd/0", pod.dir)
    assert open(f"/proc/{init}/comm").read() == "carob-init\n"
    os.kill(init, signal.SIGTERM)
    os.kill(init, signal.SIGINT)
    assert pod.ask(op="state")["state"] == "running"
    pod.proc.terminate()
    assert pod.wait()[0] == 0


# --- output ---


def test_slow_reader_gets_everything(make):
    pod = make(sh("a", "seq 1 200000")).start()
    got = b""
    fd = pod.proc.stdout.fileno()
    for _ in range(20):
        time.sleep(0.01)
        got += os.read(fd, 4096)
    while chunk := os.read(fd, 65536):
        got += chunk
    assert pod.wait()[0] == 0
    want = b"".join(b"%d\n" % i for i in range(1, 200001))
    assert got == want
    assert "".join(t + "\n" * (tag == "F") for _, tag, t in pod.log("a")).encode() == want


def test_stuck_reader_does_not_keep_the_pod_from_stopping(make):
    pod = make(sh("a", "trap 'exit 0' TERM; echo up; seq 1 200000; while :; do sleep 0.02; done")).start().until_ready()
    time.sleep(0.2)
    pod.proc.terminate()
    pod.proc.wait(timeout=5)
    assert pod.proc.returncode == 0
    assert pod.log("a")[-1][2] == "200000"


def test_stuck_reader_does_not_hide_an_exit(make):
    pod = make(sh("a", "seq 1 100 > /dev/null; exit 4"), sh("b", "while :; do echo 0123456789; done")).start()
    until(lambda: (pod.dir / "appsinfo/a/status").exists() and pod.app_status("a")["exit_code"] == 4)
    pod.proc.kill()


def test_reader_that_goes_away_does_not_harm_the_app(make):
    pod = make(sh("a", "sleep 0.1; echo one; sleep 0.1; echo two")).start()
    pod.proc.stdout.close()
    pod.proc.stdout = None
    assert pod.wait()[0] == 0
    assert [t for _, _, t in pod.log("a")] == ["one", "two"]


def test_output_of_a_process_that_outlives_its_app_is_complete(make):
    for _ in range(5):
        status, out, err = make(sh("a", "echo last; exit 0")).run()
        assert (status, out) == (0, b"last\n"), err


def test_interactive_passes_stdin(make):
    pod = make(app("a", "/bin/cat")).start("--interactive", stdin=subprocess.PIPE)
    pod.proc.stdin.write(b"hello\n")
    pod.proc.stdin.flush()
    assert select.select([pod.proc.stdout], [], [], 10)[0]
    pod.proc.stdin.close()
    pod.proc.stdin = None
    assert pod.wait()[:2] == (0, b"hello\n")


def test_full_disk_loses_log_lines_but_not_the_pod(make):
    pod = make(sh("a", "seq 1 100000; touch /dev/shm/done; while [ -e /dev/shm/done ]; do sleep 0.01; done; echo end"))
    (pod.dir / "logs").mkdir()
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=64k", "none", pod.dir / "logs"])
    try:
        pod.start(detached=True)
        os.close(pod.report)
        until(lambda: (pod.dir / "ready").exists())
        shm = f"/proc/{pod.app_status('a')['pid']}/root/dev/shm/done"
        until(lambda: os.path.exists(shm))
        time.sleep(0.1)
        assert pod.app_status("a")["state"] == "running"
        full = pod.log("a")
        assert [t for _, _, t in full[:3]] == ["1", "2", "3"] and full[-1][2] != "100000"
        subprocess.check_call(["mount", "-o", "remount,size=1m", pod.dir / "logs"])
        os.unlink(shm)
        assert pod.wait()[0] == 0
        lines = [t for _, _, t in pod.log("a")]
        assert lines[-1] == "end" and "bytes of output were lost here: No space left" in lines[-2]
    finally:
        pod.clean()
        subprocess.check_call(["umount", pod.dir / "logs"])


def test_event_handlers_are_warned_of(make):
    handlers = [{"name": "pre-start", "exec": ["/bin/true"]}]
    status, _, err = make(app("a", "/bin/true", eventHandlers=handlers)).run()
    assert status == 0
    assert b"event handlers (pre-start, post-stop) are not run" in err


# --- facts for events ---


SLOW = r"""
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
        int status = 255, start = 0;

        for (int i = 1; i < argc; i++)
                start |= strcmp(argv[i], "start") == 0;
        if (vfork() == 0) {
                /* A "start" whose app is dead waits for ever, and only we are killed for that. */
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                execvp("crun", argv);
                _exit(127);
        }
        wait(&status);
        if (start)
                usleep(300000);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}
"""


@pytest.fixture(scope="session")
def slow_to_start(tmp_path_factory):
    """An environment whose runtime takes its time to return from "start". A program: the runtime is executed by descriptor."""
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    path = tmp_path_factory.mktemp("runtime") / "crun-slow"
    subprocess.run(["cc", "-x", "c", "-o", path, "-"], input=SLOW, text=True, check=True)
    return dict(os.environ, CAROB_RUNTIME=str(path))


def assert_ordered(pod, *names):
    end, begun = pod.status(), (pod.dir / "pid").stat().st_mtime_ns
    for a in map(pod.app_status, names):
        assert begun <= a["started_at"] <= a["finished_at"] <= end["finished_at"], (begun, a, end)
        assert a["created_at"] <= a["started_at"]
        assert a["pid"] > 0, "who it was stays known"


def test_an_app_that_ends_while_it_is_being_started_has_started(make, slow_to_start):
    pod = make(app("a", "/bin/true"), sh("b", "exit 0"))
    status, _, err = pod.run(env=slow_to_start)
    assert status == 0, err
    assert_ordered(pod, "a", "b")


def test_an_app_that_fails_while_it_is_being_started_has_started(make, slow_to_start):
    pod = make(sh("a", "exit 3"), sh("b", LOOP))
    status, _, err = pod.run(env=slow_to_start)
    assert status == 3, err
    a = pod.app_status("a")
    assert 0 < a["started_at"] <= a["finished_at"]
    assert pod.status()["reason"] == 'app "a" exited with status 3'
