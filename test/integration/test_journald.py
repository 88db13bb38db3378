# SPDX-License-Identifier: Apache-2.0
"""--log-driver=journald against systemd's own journald, which runs in a mount namespace of its own, and journalctl."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from clirun import pods, start, status, store, until  # noqa: F401

pytestmark = pytest.mark.root

JOURNALD = "/usr/lib/systemd/systemd-journald"
SOCKET = "/run/systemd/journal/socket"
PLACES = ("/run/systemd", "/run/log", "/var/log/journal")


class Journal:
    """The namespace, held by a process that sleeps, and in it journald."""

    def __init__(self):
        # Only directories that are there can be mounted over, and nothing of the host may be made for it.
        script = "for p in {}; do [ ! -d $p ] || mount -t tmpfs tmpfs $p || exit 1; done; mkdir -p /run/log; echo ready; exec sleep 10000"
        self.holder = subprocess.Popen(["unshare", "-m", "--propagation=private", "sh", "-c", script.format(" ".join(PLACES))],
                                       stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            self.end()
            pytest.skip("no mount namespace of our own for journald")
        self.root = pathlib.Path(f"/proc/{self.holder.pid}/root")
        self.daemon = None

    def enter(self, *argv):
        return ["nsenter", f"--target={self.holder.pid}", "--mount", *map(str, argv)]

    def start(self):
        self.daemon = subprocess.Popen(self.enter(JOURNALD), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self.listens():
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                self.end()
                pytest.skip("journald does not run here")
            time.sleep(0.01)

    def listens(self):
        """Its socket is bound: a file may be one that a dead journald left."""
        return any(line.split()[-1] == SOCKET for line in open(f"/proc/{self.holder.pid}/net/unix")) and \
            subprocess.run(self.enter("test", "-S", SOCKET)).returncode == 0

    def stop(self, signo=signal.SIGTERM):
        if self.daemon:
            self.daemon.send_signal(signal.SIGCONT)
            self.daemon.send_signal(signo)
            self.daemon.wait()
        self.daemon = None

    def end(self):
        self.stop()
        self.holder.kill()
        self.holder.communicate()

    def read(self, *matches):
        """Entries as journalctl shows them; the text as bytes."""
        subprocess.run(self.enter("journalctl", "--sync"), capture_output=True, timeout=30, check=True)
        done = subprocess.run(self.enter("journalctl", "--quiet", "--all", "--output=json", "--no-pager", *matches),
                              capture_output=True, text=True, timeout=60, check=True)
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        for e in entries:
            e["MESSAGE"] = bytes(e["MESSAGE"]) if isinstance(e["MESSAGE"], list) else e["MESSAGE"].encode()
        return entries


@pytest.fixture
def journal():
    if not os.path.exists(JOURNALD) or not shutil.which("journalctl"):
        pytest.skip("systemd-journald or journalctl is not installed")
    made = Journal()
    yield made
    made.end()


@pytest.fixture
def journald(journal):
    journal.start()
    return journal


@pytest.fixture
def carob(build, data_dir, journal):
    """As everywhere, but where the journal is."""
    def run(*args, status=0, timeout=60, **kwargs):
        done = subprocess.run(journal.enter(build / "carob", f"--dir={data_dir}", *args), text=True, capture_output=True,
                              timeout=timeout, **kwargs)
        if status is not None:
            assert done.returncode == status, f"carob {args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    return run


def texts(entries):
    return [e["MESSAGE"].decode() for e in entries]


def test_what_an_app_writes_is_in_the_journal_and_in_its_log(carob, store, journald):
    done = carob("run", "--log-driver=journald", "--pod-name=shop", "example.com/sh", "--",
                 r"echo out; sleep 0.1; echo err >&2; sleep 0.1; printf 'a\0b\001\377\n'; printf 'no newline'", errors="replace")
    assert done.stderr == "err\n" and done.stdout.startswith("out\na\0b\1")
    (pod,) = pods(carob)
    entries = journald.read(f"CAROB_POD_UUID={pod['name']}")
    assert [(e["MESSAGE"], e["PRIORITY"], e["CAROB_STREAM"]) for e in entries] == [
        (b"out", "6", "stdout"), (b"err", "3", "stderr"), (b"a\0b\1\xff", "6", "stdout"), (b"no newline", "6", "stdout")]
    for e in entries:
        assert e["SYSLOG_IDENTIFIER"] == e["CAROB_APP"] == e["CONTAINER_NAME"] == "sh"
        assert e["CAROB_POD_NAME"] == "shop" and e["CONTAINER_ID"] == pod["name"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", e["SYSLOG_TIMESTAMP"])
        assert e["_COMM"] == "carob-pod" and "CONTAINER_PARTIAL_MESSAGE" not in e
    assert texts(journald.read("--identifier=sh", "--priority=err")) == ["err"]
    assert carob("logs", "--stdout", "-n1", "shop").stdout == "no newline\n"
    assert carob("logs", "--stderr", "shop").stdout == "err\n"


def test_without_the_option_nothing_is_in_the_journal(carob, store, journald):
    carob("run", "example.com/sh", "--", "echo out")
    carob("run", "--log-driver=file", "example.com/sh", "--", "echo out")
    assert journald.read("--identifier=sh") == []


def test_nobody_listens(carob, store, journal):
    """Said before a pod is made; one that is prepared stays so."""
    wrong = "--log-driver=journald: nobody listens at /run/systemd/journal/socket: No such file or directory\n"
    for how in ([], ["--detach"]):
        assert carob("run", *how, "--log-driver=journald", "example.com/true", status=254).stderr == "run: " + wrong
    assert pods(carob) == []
    uuid = carob("prepare", "example.com/sh", "--", "echo late").stdout.strip()
    assert wrong in carob("run-prepared", "--log-driver=journald", uuid, status=254).stderr
    assert status(carob, uuid)["state"] == "prepared"
    journal.start()
    carob("run-prepared", "--log-driver=journald", uuid)
    assert texts(journal.read(f"CAROB_POD_UUID={uuid}")) == ["late"]


def test_drivers_that_are_none_are_refused(carob, store, journal):
    done = carob("run", "--log-driver=syslog", "example.com/true", status=254)
    assert '--log-driver: "syslog" is neither file nor journald' in done.stderr


COUNT = "i=0; while [ $i -lt {n} ]; do i=$((i+1)); echo \"{name} $i\"; done"


def numbered(name, n):
    return [f"{name} {i}" for i in range(1, n + 1)]


def test_a_burst_is_taken_in_whole(carob, store, journald):
    """More than the socket's queue holds: the log file is the queue."""
    uuid = start(carob, "--log-driver=journald", "example.com/sh", "--name=a", "--", COUNT.format(n=6000, name="a"), "---",
                 "example.com/sh", "--name=b", "--", COUNT.format(n=6000, name="b") + "; echo $i >&2")
    carob("logs", "-f", uuid)  # until the pod has ended
    for name in "ab":
        got = texts(journald.read(f"CAROB_POD_UUID={uuid}", f"CAROB_APP={name}", "PRIORITY=6"))
        assert got == numbered(name, 6000)
    assert texts(journald.read(f"CAROB_POD_UUID={uuid}", "PRIORITY=3")) == ["6000"]


def test_long_lines_come_in_marked_pieces(carob, store, journald):
    carob("run", "--log-driver=journald", "--quiet", "example.com/sh", "--",
          "head -c 300000 /dev/zero | tr '\\0' x; echo; echo next; head -c 49152 /dev/zero | tr '\\0' y; echo")
    entries = journald.read("--identifier=sh")
    end = next(i for i, e in enumerate(entries) if "CONTAINER_PARTIAL_MESSAGE" not in e)
    assert b"".join(e["MESSAGE"] for e in entries[:end + 1]) == b"x" * 300000
    assert all(e["CONTAINER_PARTIAL_MESSAGE"] == "true" and 16384 < len(e["MESSAGE"]) <= 49152 for e in entries[:end])
    assert [e["MESSAGE"] for e in entries[end + 1:]] == [b"next", b"y" * 49152]


def test_a_journal_that_is_restarted_misses_nothing(carob, store, journald):
    uuid = start(carob, "--log-driver=journald", "example.com/sh", "--",
                 "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo \"n $i\"; [ $((i % 100)) != 0 ] || sleep 0.01; done")
    lines = lambda: carob("logs", uuid).stdout.splitlines()  # noqa: E731
    until(lambda: len(lines()) > 500, what="lines")
    journald.stop()
    before = len(lines())
    until(lambda: len(lines()) > before + 500, what="the app to go on without a journal")
    journald.start()
    behind = len(lines())
    until(lambda: len(journald.read(f"CAROB_POD_UUID={uuid}")) >= behind, timeout=30, what="the journal to catch up")
    carob("stop", uuid)
    assert texts(journald.read(f"CAROB_POD_UUID={uuid}")) == lines()


def test_a_journal_that_hangs_holds_up_no_app_and_what_it_misses_is_told(carob, store, journald):
    journald.daemon.send_signal(signal.SIGSTOP)
    uuid = start(carob, "--log-driver=journald", "--log-max-size=1Mi", "--log-max-files=2", "example.com/sh", "--",
                 "trap 'exit 0' TERM; yes 'a line of a text' | head -n 200000; echo all >&2; while :; do sleep 0.02; done")
    until(lambda: carob("logs", "--stderr", uuid).stdout == "all\n", timeout=60, what="the app to have written all")
    kept = carob("logs", "--stdout", uuid).stdout.count("\n")
    journald.daemon.send_signal(signal.SIGCONT)
    until(lambda: texts(journald.read(f"CAROB_POD_UUID={uuid}", "PRIORITY=3")) == ["all"], timeout=120, what="the journal to catch up")
    entries = journald.read(f"CAROB_POD_UUID={uuid}")
    (lost,) = [e for e in entries if e["PRIORITY"] == "4"]
    bytes_lost = int(re.fullmatch(rb"\[carob: (\d+) bytes of the log did not reach the journal\]", lost["MESSAGE"]).group(1))
    arrived = sum(e["PRIORITY"] == "6" for e in entries)
    # What the socket took at first, what a file that was open still had, and all that was kept.
    assert kept <= arrived < 200000
    # Lines that two reads share have two entries in the file.
    assert 0.99 < bytes_lost / ((200000 - arrived) * (40 + len("a line of a text") + 1)) < 1.02
    carob("stop", uuid)


def test_a_pod_ends_though_its_journal_hangs(carob, store, journald):
    journald.daemon.send_signal(signal.SIGSTOP)
    done = carob("run", "--log-driver=journald", "example.com/sh", "--", "yes x | head -n 5000; exit 3", status=3, timeout=60)
    assert done.stdout == "x\n" * 5000
    assert re.search(r"app sh: \d+ bytes of its log did not reach the journal\n", done.stderr)
    (pod,) = pods(carob)
    assert carob("logs", pod["name"]).stdout == "x\n" * 5000


def test_a_pod_ends_though_its_journal_is_slow_and_the_journal_knows(carob, store, journald):
    """More than it takes in the seconds that it is given."""
    done = carob("run", "--log-driver=journald", "--log-max-files=64", "example.com/sh", "--", "yes 'a line' | head -n 1000000", timeout=120)
    (pod,) = pods(carob)
    entries = journald.read(f"CAROB_POD_UUID={pod['name']}")
    (lost,) = [e for e in entries if e["PRIORITY"] == "4"]
    assert entries[-1] is lost and len(entries) > 100
    bytes_lost = re.search(rb"(\d+) bytes of the log did not reach the journal", lost["MESSAGE"]).group(1).decode()
    assert f"app sh: {bytes_lost} bytes of its log did not reach the journal\n" in done.stderr
    assert 0.99 < int(bytes_lost) / ((1_000_001 - len(entries)) * 47) < 1.02


def test_a_supervisor_that_is_killed_leaves_what_it_sent(carob, store, journald):
    uuid = start(carob, "--log-driver=journald", "example.com/sh", "--", "echo one; sleep 1000")
    until(lambda: texts(journald.read(f"CAROB_POD_UUID={uuid}")) == ["one"], what="the line")
    (pid,) = {e["_PID"] for e in journald.read(f"CAROB_POD_UUID={uuid}")}
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: status(carob, uuid)["state"] == "exited", what="the end")
    assert carob("logs", uuid).stdout == "one\n"
