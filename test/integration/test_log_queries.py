# SPDX-License-Identifier: Apache-2.0
"""Questions to logs made by hand, through the API and the command line: any combination against a model, long lines, large
files, damaged ones, and pods in every state."""
import datetime
import os
import random
import resource
import subprocess
import time

import pytest

from podtree import SECOND, cri_line, pod_manifest

T = 1795449000 * SECOND  # 2026-11-23 15:50:00 UTC
MIB = 1 << 20


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC0")


def texts(lines):
    return [line.split(" MESSAGE=", 1)[1] for line in lines]


def moment(ns):
    stamp = datetime.datetime.fromtimestamp(ns // SECOND, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{ns % SECOND:09d}Z"


# --- against a model

class Model:
    """Random logs of some apps in some files, and what any question about them must be answered with."""

    def __init__(self, seed, tree, apps, split_lines):
        self.rng, self.apps = random.Random(seed), apps
        self.pod = tree.pod("run", *apps, pid=1, started=T)
        self.lines = {app: self.write(app, split_lines) for app in apps}

    def write(self, app, split_lines):
        rng, now, entries = self.rng, T + self.rng.randrange(SECOND), []
        open_text, open_time, lines = {}, {}, []
        for n in range(rng.randrange(150)):
            now += rng.choice((0, 1, rng.randrange(SECOND), rng.randrange(SECOND // 50)))
            # A line that was begun ends with its next entry, unless both streams may mix.
            stream = next(iter(open_text)) if open_text and not split_lines else rng.choice(("stdout", "stderr"))
            text = f"{app}{n}" + "." * rng.choice((0, 0, 0, 30, 1000))
            piece = rng.random() < 0.3
            entries.append(cri_line(now, text, stream, "P" if piece else "F"))
            open_time.setdefault(stream, now)
            open_text[stream] = open_text.get(stream, "") + text
            if not piece:
                lines.append((open_time.pop(stream), stream, open_text.pop(stream)))
        lines += [(open_time[s], s, open_text[s]) for s in ("stdout", "stderr") if s in open_text]
        self.put(app, entries)
        return lines

    def put(self, app, entries):
        logs = self.pod.path / "logs"
        logs.mkdir(exist_ok=True)
        cuts = sorted(self.rng.randrange(len(entries) + 1) for _ in range(self.rng.randrange(4)))
        files = [entries[a:b] for a, b in zip([0, *cuts], [*cuts, len(entries)])]
        for number, part in enumerate(reversed(files)):
            (logs / (f"{app}.log.{number}" if number else f"{app}.log")).write_bytes(b"".join(part))

    def wanted(self, app=None, lines=None, since=0, until=0, streams=("stdout", "stderr")):
        queues = [[x for x in self.lines[a] if since <= x[0] and (not until or x[0] < until) and x[1] in streams]
                  for a in self.apps if app in (None, a)]
        merged = []
        while any(queues):
            first = min((q for q in queues if q), key=lambda q: q[0][0])
            merged.append(first.pop(0)[2])
        return merged if lines is None else merged[max(0, len(merged) - lines):]

    def question(self):
        rng = self.rng
        pick = lambda: T + rng.randrange(40 * SECOND)  # noqa: E731
        since, until = rng.choice((0, pick())), rng.choice((0, pick()))
        return {"app": rng.choice((None, *self.apps)), "lines": rng.choice((None, 1, 2, 3, rng.randrange(1, 200))),
                "since": since, "until": until}


def ask_api(api, model, q, follow=False):
    return texts(api.logs(model.pod.uuid, follow=follow, app_name=q["app"] or "", lines=q["lines"] or 0,
                          since_time=q["since"] // SECOND, until_time=q["until"] // SECOND))


@pytest.mark.parametrize("apps, split_lines", [(("a",), True), (("a", "b", "c"), False)])
def test_any_combination_as_the_model_says(api, tree, carob, apps, split_lines):
    for seed in range(int(os.environ.get("CAROB_LOG_SEEDS", "12"))):
        model = Model(seed, tree, apps, split_lines)
        for _ in range(12):
            q = model.question()
            whole = {**q, "since": q["since"] // SECOND * SECOND, "until": q["until"] // SECOND * SECOND}
            assert ask_api(api, model, whole) == model.wanted(**whole), (seed, whole)
            assert ask_api(api, model, whole, follow=True) == model.wanted(**whole), (seed, whole)
        for _ in range(6):
            q = model.question()
            streams = model.rng.choice((("stdout",), ("stderr",), ("stdout", "stderr")))
            words = [f"--{s}" for s in streams] + ([f"--lines={q['lines']}"] if q["lines"] else [])
            words += [f"--{k}={moment(q[k])}" for k in ("since", "until") if q[k]] + model.rng.choice(([], ["--follow"]))
            got = carob("logs", *words, model.pod.uuid, *([q["app"]] if q["app"] else [])).stdout
            heads = len(apps) > 1 and not q["app"]
            assert [line.split(": ", 1)[1] if heads else line for line in got.splitlines()] == \
                model.wanted(streams=streams, **q), (seed, words)


# --- long lines

def put_long_line(pod, app, text, piece=200_000):
    parts = [text[i:i + piece] for i in range(0, len(text), piece)]
    path = pod.path / "logs" / f"{app}.log"
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as f:
        for i, part in enumerate(parts):
            f.write(cri_line(T, part, tag="F" if i + 1 == len(parts) else "P"))


@pytest.mark.parametrize("length", [65535, 65537, 300_000, MIB])
def test_a_line_up_to_a_mebibyte_is_one(api, tree, length):
    pod = tree.pod("run", "web", pid=1)
    pod.log("web", (T, "before"))
    put_long_line(pod, "web", b"x" * length)
    pod.log("web", (T, "after"))
    assert texts(api.logs(pod.uuid)) == ["before", "x" * length, "after"]
    assert texts(api.logs(pod.uuid, lines=2)) == ["x" * length, "after"]


def test_ten_megabytes_without_a_newline_are_all_there(api, tree, carob):
    pod = tree.pod("run", "web", pid=1)
    pod.log("web", (T, "before"))
    text = "".join(f"{n:08x}\u00e9" for n in range(1_000_000))
    put_long_line(pod, "web", text.encode())
    pod.log("web", (T + SECOND, "after"))
    replies = list(api.GetLogs(pod_id=pod.uuid))
    assert max(r.ByteSize() for r in replies) < 4_000_000
    pieces = texts(line for r in replies for line in r.lines)
    assert pieces[0] == "before" and pieces[-1] == "after" and "".join(pieces[1:-1]) == text
    assert len(pieces) < 14 and len({line.split(" MESSAGE=")[0] for r in replies for line in r.lines}) == 2, "pieces have the line's time"
    assert "".join(texts(api.logs(pod.uuid, lines=2))[:-1]) == text, "its pieces are one line to a tail"
    assert carob("logs", "-n2", pod.uuid).stdout == text + "\nafter\n"
    assert carob("logs", "-n1", pod.uuid).stdout == "after\n"


def test_the_worst_bytes_fit_into_replies(api, tree):
    pod = tree.pod("run", "web", pid=1)
    put_long_line(pod, "web", b"\xff" * (3 * MIB))
    replies = list(api.GetLogs(pod_id=pod.uuid))
    assert max(r.ByteSize() for r in replies) < 4 * MIB
    assert "".join(texts(line for r in replies for line in r.lines)) == "\ufffd" * (3 * MIB)


def test_unfinished_lines_do_not_add_up(start_api, tree):
    """Followers keep what an app has not ended; together no more than a budget."""
    init = subprocess.Popen(["sleep", "1000"])
    try:
        pods = [tree.pod("run", "web", locked=True, pid=init.pid, started=T) for _ in range(90)]
        for pod in pods:
            put_long_line(pod, "web", b"y" * 1_000_000)
            data = (pod.path / "logs/web.log").read_bytes()
            (pod.path / "logs/web.log").write_bytes(data.replace(b" F ", b" P "))
        server = start_api()
        calls = [server.client.GetLogs(pod_id=pod.uuid, follow=True, timeout=60) for pod in pods]
        for call in calls:
            call.initial_metadata()
        server.client.GetInfo()
        with open(f"/proc/{server.pid}/status") as f:
            rss_kib = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        assert rss_kib < 80 * 1024 * (4 if "asan" in str(server.process.args[0]) else 1)
        for pod in pods:
            tree.unlock(pod)
    finally:
        init.kill()
        init.wait()
    for call in calls:
        assert "".join(texts(line for r in call for line in r.lines)) == "y" * 1_000_000


# --- pods that have ended, and what is missing

@pytest.mark.parametrize("where", ["run", "exited-garbage", "garbage"])
def test_logs_of_pods_that_have_ended(api, tree, carob, where):
    pod = tree.pod(where, "web", "db", pid=1, started=T)
    pod.log("web", (T, "one"), (T + SECOND, "two"))
    for follow in (False, True):
        assert texts(api.logs(pod.uuid, follow=follow)) == ["one", "two"]
        assert texts(api.logs(pod.uuid, follow=follow, app_name="db")) == []
        assert texts(api.logs(pod.uuid, follow=follow, lines=1, app_name="web")) == ["two"]
    assert carob("logs", pod.uuid).stdout == "web: one\nweb: two\n"
    assert carob("logs", "--follow", pod.uuid, "web").stdout == "one\ntwo\n"
    assert carob("logs", pod.uuid, "db").stdout == ""


def test_a_log_that_is_no_file_is_an_error_and_no_other_suffers(api, tree, carob):
    pod = tree.pod("run", "web", "db", pid=1, started=T)
    pod.log("web", (T, "one"))
    os.mkfifo(pod.path / "logs/db.log")
    assert texts(api.logs(pod.uuid, app_name="web")) == ["one"]
    code, text = api.error("GetLogs", pod_id=pod.uuid)
    assert code == "INTERNAL" and "open log file db.log" in text
    assert "open log file db.log" in carob("logs", pod.uuid, status=254).stderr


@pytest.mark.parametrize("words, text", [
    (["--lines=-1"], "--lines"), (["--lines=x"], "--lines"), (["--since=-5m"], "neither a time"), (["--until=x"], "neither a time"),
    (["nosuchapp"], 'has no app "nosuchapp"'),
])
def test_what_makes_no_sense_on_the_command_line(carob, tree, words, text):
    pod = tree.pod("run", "web", pid=1)
    assert text in carob("logs", pod.uuid, *words, status=254).stderr


def test_unknown_pods_on_the_command_line(carob, tree):
    tree.pod("run", "web", pid=1)
    for word in ("00000000-0000-4000-8000-000000000000", "nosuchpod"):
        assert word in carob("logs", word, status=254).stderr


def test_follow_ends_at_until(carob, tree):
    init = subprocess.Popen(["sleep", "1000"])
    try:
        pod = tree.pod("run", "web", locked=True, pid=init.pid, started=T)
        now = time.time_ns()
        pod.log("web", (now, "in"))
        until = now + 2 * SECOND
        pod.log("web", (until, "late"))
        assert carob("logs", "--follow", f"--until={moment(until)}", pod.uuid, timeout=20).stdout == "in\n"
        assert time.time_ns() >= until
        assert carob("logs", "--follow", f"--until={moment(now)}", pod.uuid, timeout=20).stdout == ""
    finally:
        init.kill()
        init.wait()


# --- what it costs

class Large:
    """A gigabyte in four files, an entry of a hundred bytes each 100 us; blocks are repeated, so that it is quickly made."""
    FILES, BLOCKS, START = 4, 256, 1_700_000_000

    def __init__(self, tree):
        self.pod = tree.pod("run", "app", manifest=pod_manifest("app"), pid=1)
        logs, second = self.pod.path / "logs", self.START
        logs.mkdir()
        for number in range(self.FILES - 1, -1, -1):
            with (logs / f"app.log{f'.{number}' if number else ''}").open("wb") as f:
                for _ in range(self.BLOCKS):
                    line = cri_line(second * SECOND, f"{second} " + "x" * 48)
                    f.write(line * (MIB // len(line)))
                    second += 1
        self.per_second, self.end = MIB // len(line), second


@pytest.fixture
def large(tree):
    return Large(tree)


def test_a_gigabyte_is_not_read_whole_by_the_service(start_api, large):
    server = start_api()
    server.client.GetInfo()

    def ask(**fields):
        """(lines, bytes that the service read)"""
        def read():
            return next(int(line.split()[1]) for line in open(f"/proc/{server.pid}/io") if line.startswith("rchar"))
        before = read()
        lines = server.client.logs(large.pod.uuid, **fields)
        return texts(lines), read() - before

    middle = large.START + large.BLOCKS * 2 + 17
    some = {"lines": 100}
    for fields, first, count in [
            (some, large.end - 1, 100), ({"since_time": middle, "until_time": middle + 1}, middle, large.per_second),
            ({"until_time": middle, **some}, middle - 1, 100), ({"since_time": large.end - 1, **some}, large.end - 1, 100),
            ({"since_time": middle, "until_time": middle + 1, **some}, middle, 100), ({"since_time": large.end}, None, 0),
            ({"until_time": large.START + 1}, large.START, large.per_second), ({"until_time": large.START}, None, 0)]:
        for follow in (False, True):
            lines, read = ask(follow=follow, **fields)
            assert len(lines) == count and {line.split()[0] for line in lines} <= {str(first)}, fields
            assert read < 8 * MIB, (fields, follow, read)
    with open(f"/proc/{server.pid}/status") as f:
        rss_kib = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    assert rss_kib < 64 * 1024 * (4 if "asan" in str(server.process.args[0]) else 1)


def test_rotated_files_count_among_the_descriptors(build, start_api, tree):
    """A service that may open 1024 files has 128 for readers of logs."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))

    server = start_api(preexec_fn=limit)
    apps = [f"a{n}" for n in range(4)]
    pod, small = tree.pod("run", *apps, pid=1), tree.pod("run", "web", pid=1)
    small.log("web", (T, "one"))
    logs = pod.path / "logs"
    logs.mkdir()
    for app in apps:
        for n in range(40):
            (logs / (f"{app}.log.{n}" if n else f"{app}.log")).write_bytes(cri_line(T - n, f"{app} {n}"))
    for _ in range(3):
        code, text = server.client.error("GetLogs", pod_id=pod.uuid)
        assert code == "RESOURCE_EXHAUSTED" and "too many logs are being read" in text
        assert len(server.client.logs(pod.uuid, app_name="a1")) == 40
        assert texts(server.client.logs(small.uuid)) == ["one"]
