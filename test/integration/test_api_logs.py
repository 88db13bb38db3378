# SPDX-License-Identifier: Apache-2.0
"""GetLogs on log files made by hand."""
import os
import subprocess
import threading
import time

import grpc
import pytest

import podtree

SECOND = podtree.SECOND
T = 1795449000 * SECOND  # 2026-11-23 15:50:00 UTC


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC0")


def texts(lines):
    return [line.split(" MESSAGE=", 1)[1] for line in lines]


@pytest.fixture
def pod(tree):
    made = tree.pod("run", "web", "client", pid=1, started=T)
    made.log("web", (T + SECOND, "first"), (T + SECOND * 3 // 2, "second line"), (T + 4 * SECOND, "last of web"))
    made.log("client", (T + SECOND + 250000, "hello"), (T + 3 * SECOND, ""), (T + 3 * SECOND + 1, "a MESSAGE=b"))
    return made


def test_lines_byte_for_byte_and_merged_by_time(api, pod):
    assert api.logs(pod.uuid) == [
        "2026-11-23 15:50:01 +0000 UTC MESSAGE=first",
        "2026-11-23 15:50:01.00025 +0000 UTC MESSAGE=hello",
        "2026-11-23 15:50:01.5 +0000 UTC MESSAGE=second line",
        "2026-11-23 15:50:03 +0000 UTC MESSAGE=",
        "2026-11-23 15:50:03 +0000 UTC MESSAGE=a MESSAGE=b",
        "2026-11-23 15:50:04 +0000 UTC MESSAGE=last of web",
    ]


def test_times_are_those_of_the_servers_zone(start_api, pod, monkeypatch):
    monkeypatch.setenv("TZ", "CET-1")
    assert start_api().client.logs(pod.uuid)[2] == "2026-11-23 16:50:01.5 +0100 CET MESSAGE=second line"


def test_one_app(api, pod):
    assert texts(api.logs(pod.uuid, app_name="web")) == ["first", "second line", "last of web"]
    assert texts(api.logs(pod.uuid[:13].upper(), app_name="client")) == ["hello", "", "a MESSAGE=b"]


S = T // SECOND


@pytest.mark.parametrize("fields, wanted", [
    ({}, "012345"),
    ({"lines": 1}, "5"),
    ({"lines": 4}, "2345"),
    ({"lines": 100}, "012345"),
    ({"since_time": S + 1}, "012345"),
    ({"since_time": S + 2}, "345"),
    ({"until_time": S + 3}, "012"),
    ({"until_time": S + 4}, "01234"),
    ({"since_time": S + 3, "until_time": S + 4}, "34"),
    ({"since_time": S + 2, "lines": 2}, "45"),
    ({"until_time": S + 4, "lines": 2}, "34"),
    ({"since_time": S + 1, "until_time": S + 4, "lines": 3}, "234"),
    ({"since_time": S + 4, "until_time": S + 3}, ""),
    ({"since_time": 2**62}, ""),
    ({"until_time": 2**62}, "012345"),
    ({"app_name": "web", "lines": 1, "until_time": S + 4}, "2"),
])
def test_times_and_count_in_any_combination(api, pod, fields, wanted):
    every = api.logs(pod.uuid)
    assert api.logs(pod.uuid, **fields) == [every[int(n)] for n in wanted]


def test_no_lines_are_one_empty_reply(api, tree):
    for where in ("prepared", "run", "exited-garbage"):
        assert [list(r.lines) for r in api.GetLogs(pod_id=tree.pod(where, "web").uuid)] == [[]]


@pytest.mark.parametrize("fields, code, text", [
    ({"lines": -1}, "INVALID_ARGUMENT", "lines: -1 is negative"),
    ({"since_time": -5}, "INVALID_ARGUMENT", "since_time: -5 is negative"),
    ({"until_time": -5}, "INVALID_ARGUMENT", "until_time: -5 is negative"),
    ({"app_name": "db"}, "NOT_FOUND", 'pod "{uuid}" has no app "db"'),
    ({"app_name": "../../pod"}, "NOT_FOUND", 'pod "{uuid}" has no app "../../pod"'),
    ({"pod_id": ""}, "INVALID_ARGUMENT", "no pod id given"),
    ({"pod_id": "zz"}, "INVALID_ARGUMENT", 'pod id "zz": not the beginning of a UUID'),
    ({"pod_id": "00000000-0000-4000-8000-000000000000"}, "NOT_FOUND",
     'no matches found for "00000000-0000-4000-8000-000000000000"'),
])
@pytest.mark.parametrize("follow", [False, True])
def test_what_makes_no_sense_is_refused(api, pod, fields, code, text, follow):
    fields = {"pod_id": pod.uuid, "follow": follow, **fields}
    assert api.error("GetLogs", **fields) == (code, text.format(uuid=pod.uuid))


@pytest.mark.parametrize("where, locked, state", [("embryo", False, "embryo"), ("prepare", True, "preparing"),
                                                  ("prepare", False, "aborted prepare")])
def test_unfinished_pods_have_no_logs(api, tree, where, locked, state):
    code, text = api.error("GetLogs", pod_id=tree.pod(where, "web", locked=locked).uuid)
    assert code == "FAILED_PRECONDITION" and f"is {state}: its apps are not known" in text


def test_bytes_that_are_no_text(api, tree):
    made = tree.pod("run", "web", pid=1)
    made.log("web", (T, b"a\xff\x00b"), (T, "ä€😀"), (T, b"\xed\xa0\x80"))
    assert texts(api.logs(made.uuid)) == ["a\ufffd\ufffdb", "ä€😀", "\ufffd\ufffd\ufffd"]


def test_a_damaged_log_ends_nothing(api, tree):
    made = tree.pod("run", "web", pid=1)
    made.log("web", (T, "before"))
    with (made.path / "logs/web.log").open("ab") as log:
        log.write(b"no entry at all\n\n\0\0\0\n2026-13-77T99 stdout F x\n" + os.urandom(3000) + b"\n")
    made.log("web", (T + SECOND, "after"))
    got = texts(api.logs(made.uuid))
    assert got[0] == "before" and got[-1] == "after"


def test_pieces_of_a_line_are_joined(api, tree):
    made = tree.pod("run", "web", pid=1)
    path = made.path / "logs"
    path.mkdir()
    (path / "web.log").write_bytes(podtree.cri_line(T, "one ", tag="P") + podtree.cri_line(T + SECOND, "line", tag="F") +
                                   podtree.cri_line(T + SECOND, "unfinished", tag="P"))
    assert api.logs(made.uuid) == ["2026-11-23 15:50:00 +0000 UTC MESSAGE=one line",
                                   "2026-11-23 15:50:01 +0000 UTC MESSAGE=unfinished"]


def test_large_logs_come_in_replies_of_moderate_size(api, tree):
    made = tree.pod("run", "web", pid=1)
    made.log("web", *((T + n, f"{n:06d} " + "x" * 200) for n in range(60000)))
    replies = list(api.GetLogs(pod_id=made.uuid))
    lines = [line for r in replies for line in r.lines]
    assert len(lines) == 60000
    assert [int(t.split()[0]) for t in texts(lines)] == list(range(60000))
    assert max(r.ByteSize() for r in replies) < 2 * 2**20
    assert len(replies) > 2


def test_a_slow_reader_costs_the_server_little(start_api, tree):
    made = tree.pod("run", "web", pid=1)
    made.log("web", *((T + n, "x" * 4000) for n in range(20000)))  # 80 MB
    server = start_api()
    call = server.client.GetLogs(pod_id=made.uuid, timeout=60)
    first = next(iter(call))
    time.sleep(0.5)
    with open(f"/proc/{server.pid}/status") as f:
        rss_kib = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    assert rss_kib < 60 * 1024 * (4 if "asan" in str(server.process.args[0]) else 1)
    assert server.client.GetInfo().info.rkt_version  # others are served meanwhile
    assert len(first.lines) + sum(len(r.lines) for r in call) == 20000


# --- follow

@pytest.fixture
def running(tree):
    """A pod with a live init; running.end() is what a SIGKILL of the supervisor does."""
    init = subprocess.Popen(["sleep", "1000"])
    made = tree.pod("run", "web", "client", locked=True, pid=init.pid, started=T)

    def end():
        init.kill()
        init.wait()
        tree.unlock(made)

    made.end = end
    yield made
    if init.poll() is None:
        end()


class Follower:
    def __init__(self, api, **fields):
        self.call, self.lines, self.code = api.GetLogs(follow=True, timeout=30, **fields), [], None
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        try:
            for reply in self.call:
                self.lines += reply.lines
            self.code = "OK"
        except grpc.RpcError as e:
            self.code = e.code().name

    def wait_for(self, n, timeout=10):
        deadline = time.monotonic() + timeout
        while len(self.lines) < n and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.lines) == n, self.lines

    def join(self, timeout=10):
        self.thread.join(timeout)
        assert not self.thread.is_alive()
        return self.code


def test_follow_sends_what_comes_and_ends_with_the_pod(api, running):
    made = running
    made.log("web", (T, "old"))
    follower = Follower(api, pod_id=made.uuid)
    follower.wait_for(1)
    made.log("client", (T + SECOND, "new file"))
    follower.wait_for(2)
    made.log("web", (T + 2 * SECOND, "new line"))
    follower.wait_for(3)
    made.log("web", (T + 3 * SECOND, "last words"))
    (made.write("status.new", {"exit_code": 0, "finished_at": T}).path / "status.new").rename(made.path / "status")
    assert follower.join() == "OK"
    assert texts(follower.lines) == ["old", "new file", "new line", "last words"]


def test_follow_of_an_exited_pod_ends_at_once(api, pod):
    follower = Follower(api, pod_id=pod.uuid, lines=2)
    assert follower.join() == "OK"
    assert texts(follower.lines) == ["a MESSAGE=b", "last of web"]


def test_follow_keeps_an_unfinished_line_until_it_is_finished(api, running):
    made = running
    (made.path / "logs").mkdir()
    with (made.path / "logs/web.log").open("ab", buffering=0) as log:
        log.write(podtree.cri_line(T, "whole") + podtree.cri_line(T, "begin ", tag="P"))
        follower = Follower(api, pod_id=made.uuid)
        follower.wait_for(1)
        log.write(podtree.cri_line(T, "end") + podtree.cri_line(T, "never finished", tag="P"))
        follower.wait_for(2)
    made.end()
    assert follower.join() == "OK"
    assert texts(follower.lines) == ["whole", "begin end", "never finished"]


def test_follow_ends_at_until_time(api, running):
    made = running
    made.log("web", (T, "line"))
    began = time.monotonic()
    follower = Follower(api, pod_id=made.uuid, until_time=int(time.time()) + 2)
    assert follower.join() == "OK"
    assert 0.5 < time.monotonic() - began < 8
    # T is in the past or the future, whenever this runs: either way the stream ends.
    assert texts(follower.lines) in (["line"], [])


def test_a_follower_is_heard_before_there_is_a_line(api, running):
    made = running
    call = api.GetLogs(pod_id=made.uuid, follow=True, timeout=10)
    call.initial_metadata()  # comes with the response headers only
    call.cancel()


def test_followers_that_leave_are_forgotten(start_api, running):
    made = running
    server = start_api()
    server.client.GetInfo()
    before = server.held()
    for _ in range(30):
        calls = [server.client.GetLogs(pod_id=made.uuid, follow=True) for _ in range(5)]
        calls[0].initial_metadata()
        for call in calls:
            call.cancel()
    deadline = time.monotonic() + 10
    while server.held() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.held() == before
    assert server.client.GetInfo().info.rkt_version


def test_the_service_stops_with_followers_attached(start_api, running):
    made = running
    server = start_api()
    follower = Follower(server.client, pod_id=made.uuid)
    follower.call.initial_metadata()
    server.process.terminate()
    assert follower.join() in ("UNAVAILABLE", "CANCELLED")
    assert server.end() == 0


def test_many_followers_of_one_pod(api, running):
    made = running
    followers = [Follower(api, pod_id=made.uuid) for _ in range(20)]
    for n in range(10):
        made.log("web", (T + n, f"line {n}"))
    for follower in followers:
        follower.wait_for(10)
    made.end()
    assert {f.join() for f in followers} == {"OK"}
