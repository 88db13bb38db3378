# SPDX-License-Identifier: Apache-2.0
"""What is promised of logs while real apps write as fast as they can: nothing lost, nothing twice, nobody starved, and
what was written before a supervisor was killed is intact."""
import os
import re
import signal
import subprocess
import threading
import time

import grpc
import pytest

from clirun import parent_of, pods, processes_of, start, status, store, until  # noqa: F401

pytestmark = pytest.mark.root

ENTRY = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) (.*)\Z", re.S)
LARGE = ["--log-max-size=4Mi", "--log-max-files=64"]


def numbered(last):
    """Lines in writes of many."""
    return f"seq 1 {last} | sed 's/.*/line & of a log that is written at full speed/'"


ENDLESS = numbered(1_000_000_000)


def log_files(data_dir, pod, app="sh"):
    """Paths, the oldest first."""
    logs = data_dir / "pods/run" / pod / "logs"
    found = [p for p in logs.glob(f"{app}.log*") if p.suffix != ".new"]
    return sorted(found, key=lambda p: -int(p.suffix[1:]) if p.suffix != ".log" else 0)


def entries(path):
    """(stream, tag, text) of each entry; all must be entries, but for a last one that a crash has cut."""
    lines = path.read_bytes().split(b"\n")
    lines.pop()
    for line in lines:
        found = ENTRY.match(line)
        assert found, line[:200]
        yield found.groups()


def numbers(lines):
    return [int(line.split()[1]) for line in lines]


def assert_same(got, want):
    """Two long lists: where they differ first, for pytest would compare them for ever."""
    got, want = list(got), list(want)
    if got == want:
        return
    at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
    raise AssertionError(f"{len(got)} for {len(want)}, the first difference at {at}: {got[at - 1:at + 3]} for {want[at - 1:at + 3]}")


def assert_no_holes(got):
    """Numbers that rise by one from wherever they begin."""
    assert_same(got, range(got[0], got[0] + len(got)) if got else [1])


class Follower:
    """GetLogs with follow, or carob logs -f, read by a thread."""

    def __init__(self, lines, end):
        self.lines, self.end, self.got, self.failed = lines, end, [], None
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        try:
            for line in self.lines:
                self.got.append(line)
        except grpc.RpcError as e:
            self.failed = e.code().name

    def join(self, timeout=120):
        self.thread.join(timeout)
        assert not self.thread.is_alive()
        assert self.failed is None and self.end() == 0, self.failed
        return self.got


def follow_api(api, uuid):
    call = api.GetLogs(pod_id=uuid, follow=True, timeout=300)
    call.initial_metadata()
    return Follower((line.split(" MESSAGE=", 1)[1] for reply in call for line in reply.lines), lambda: 0)


def follow_cli(build, data_dir, uuid, *words):
    done = subprocess.Popen([build / "carob", f"--dir={data_dir}", "logs", "-f", *words, uuid], stdout=subprocess.PIPE, text=True)
    return Follower((line.rstrip("\n") for line in done.stdout), done.wait)


def supervisor_of(carob, uuid):
    return parent_of(status(carob, uuid)["pid"])


def test_a_writer_at_full_speed_under_followers(carob, store, build, data_dir, api):
    """Through many rotations, of files that all are kept: each follower gets each line once."""
    lines = 1_500_000
    uuid = start(carob, *LARGE, "example.com/sh", "--",
                 "sleep 0.3; " + numbered(lines))
    followers = [follow_api(api, uuid), follow_api(api, uuid), follow_cli(build, data_dir, uuid)]
    for follower in followers:
        assert_same(numbers(follower.join()), range(1, lines + 1))
    assert len(log_files(data_dir, uuid)) > 20
    assert_same(numbers(carob("logs", uuid).stdout.splitlines()), range(1, lines + 1))


def test_a_follower_that_rotation_outruns_has_holes_but_nothing_twice(carob, store, build, data_dir, api):
    uuid = start(carob, "--log-max-size=1Mi", "--log-max-files=2", "example.com/sh", "--",
                 "sleep 0.3; " + numbered(1_000_000))
    for follower in (follow_api(api, uuid), follow_cli(build, data_dir, uuid)):
        got = [int(m.group(1)) for m in map(re.compile(r"line (\d+) of a log that is written at full speed\Z").match, follower.join()) if m]
        assert_same(got, sorted(set(got)))
        assert got[-1] == 1_000_000


def test_a_supervisor_that_is_killed_leaves_an_intact_log(carob, store, build, data_dir, api):
    for delay in (0.05, 0.2, 0.5):
        uuid = start(carob, *LARGE, "example.com/sh", "--", ENDLESS)
        followers = [follow_api(api, uuid), follow_cli(build, data_dir, uuid)]
        until(lambda: log_files(data_dir, uuid)[0].stat().st_size > 1_000_000, what="some log")
        time.sleep(delay)
        os.kill(supervisor_of(carob, uuid), signal.SIGKILL)
        until(lambda: status(carob, uuid)["state"] == "exited", what="the end")
        text, tail = bytearray(), b""
        for path in log_files(data_dir, uuid):
            for stream, tag, part in entries(path):
                assert stream == b"stdout"
                text += part + (b"\n" if tag == b"F" else b"")
            tail = path.read_bytes().rpartition(b"\n")[2]
        whole = text.decode().split("\n")
        unfinished = whole.pop()
        assert numbers(whole)[0] == 1
        assert_no_holes(numbers(whole))
        # The last entry may be cut: a reader says what there is of it, or nothing.
        for got in (carob("logs", uuid).stdout.splitlines(), api_texts(api, uuid), *(f.join() for f in followers)):
            assert_same(got[:len(whole)], whole)
            assert len(got) <= len(whole) + 1
            assert not unfinished or tail or got[len(whole):] == [unfinished]
        assert carob("logs", "-n3", uuid).stdout.splitlines()[0] in whole[-3:]
        assert carob("rm", uuid).stdout.strip() in ("", f'"{uuid}"')


def api_texts(api, uuid, **fields):
    return [line.split(" MESSAGE=", 1)[1] for line in api.logs(uuid, **fields)]


def test_a_loud_app_starves_nobody_and_costs_no_memory(carob, store, build, data_dir):
    uuid = start(carob, "--log-max-size=16Mi", "--log-max-files=2",
                 "example.com/sh", "--name=loud", "--", "trap 'exit 0' TERM; yes 'as fast as it can'", "---",
                 "example.com/sh", "--name=quiet", "--",
                 "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line $i; echo line $i >&2; usleep 10000; done")
    loud = data_dir / "pods/run" / uuid / "logs/loud.log.1"
    until(loud.exists, what="a rotation")
    pid = supervisor_of(carob, uuid)

    def peak_kib():
        return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM"))

    before, had = peak_kib(), rotated(data_dir, uuid)
    quiet = lambda: numbers(carob("logs", "--stdout", uuid, "quiet").stdout.splitlines())  # noqa: E731
    until(lambda: len(quiet()) > 200, timeout=60, what="the quiet app's lines")
    assert rotated(data_dir, uuid) != had, "the loud one goes on"
    assert peak_kib() <= before + 1024
    carob("stop", uuid)
    assert_no_holes(quiet())
    err = numbers(carob("logs", "--stderr", uuid, "quiet").stdout.splitlines())
    assert err[0] == 1 and abs(len(err) - len(quiet())) <= 1
    assert_no_holes(err)


def rotated(data_dir, uuid):
    """The inode of the file before the latest rotation; in the middle of one there is none for a moment."""
    path = data_dir / "pods/run" / uuid / "logs/loud.log.1"
    while True:
        try:
            return os.stat(path).st_ino
        except FileNotFoundError:
            time.sleep(0.001)


@pytest.mark.parametrize("how", [["stop"], ["stop", "--force"]])
def test_a_stop_loses_nothing_that_was_written(carob, store, data_dir, how):
    """What an app says while it ends, more than a pipe holds, and what it had said before."""
    uuid = start(carob, *LARGE, "example.com/sh", "--",
                 "trap 'seq 3 400000 | sed \"s/^/line /\"; exit 0' TERM; echo line 1; echo line 2; while :; do usleep 5000; done")
    until(lambda: carob("logs", uuid).stdout == "line 1\nline 2\n", what="the first lines")
    carob(*how, uuid)
    got = numbers(carob("logs", uuid).stdout.splitlines())
    assert_same(got, range(1, 400001 if len(how) == 1 else 3))


def test_who_outlives_the_app_neither_holds_the_pod_nor_loses_its_output(carob, store):
    """It has the pipe still; it is killed with the app, and what it had written is there."""
    began = time.monotonic()
    carob("run", "--pod-name=p", "example.com/sh", "--",
          "(trap '' TERM HUP; echo from the child; echo up > /tmp/up; sleep 1000) & while [ ! -s /tmp/up ]; do usleep 1000; done; echo from the app")
    assert time.monotonic() - began < 60
    assert carob("logs", "p").stdout == "from the child\nfrom the app\n"


def test_any_bytes_come_back_as_they_were(carob, store, data_dir, build):
    data = os.urandom(700_000) + b"\0" * 1000 + b"x" * 10_000_000 + b"\n\n\n" + bytes(range(256)) + b"\n"
    (data_dir.parent / "in").write_bytes(data)
    carob("run", "--quiet", "--pod-name=p", f"--volume=v,kind=host,source={data_dir.parent},readOnly=true", "example.com/sh",
          "--mount=volume=v,target=/mnt", "--", "cat /mnt/in", errors="replace")
    done = subprocess.run([build / "carob", f"--dir={data_dir}", "logs", "p"], stdout=subprocess.PIPE, check=True)
    same_bytes(done.stdout, data)
    tail = subprocess.run([build / "carob", f"--dir={data_dir}", "logs", "-n3", "p"], stdout=subprocess.PIPE, check=True)
    same_bytes(tail.stdout, b"\n".join(data.split(b"\n")[-4:]))


def same_bytes(got, want):
    same = got == want
    assert same, f"{len(got)} bytes for {len(want)}"
