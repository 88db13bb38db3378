# SPDX-License-Identifier: Apache-2.0
"""Log files that are rotated: under followers, at their limits, and large ones that must not be read whole."""
import datetime
import os
import subprocess

import pytest

from clirun import store  # noqa: F401 (a fixture)
from podtree import SECOND, cri_line, pod_manifest

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("store")]

MIB = 1 << 20
COUNT = ["/bin/sh", "-c", 'i=0; while [ $i -lt "$0" ]; do i=$((i+1)); echo "line $i of many, with a text of some length"; done']


def log_files(data_dir, pod):
    return sorted(p.name for p in (data_dir / "pods/run" / pod / "logs").iterdir())


def test_files_are_rotated_and_followers_miss_nothing(carob, store, data_dir):
    store.add("example.com/count", *COUNT)
    pod = carob("run", "--detach", "--log-max-size=1Mi", "--log-max-files=8", "example.com/count", "--", "60000").stdout.strip()
    lines = carob("logs", "-f", pod).stdout.splitlines()
    assert lines == [f"line {i} of many, with a text of some length" for i in range(1, 60001)]
    names = log_files(data_dir, pod)
    assert len(names) > 3 and names[0] == "count.log" and names[-1] == f"count.log.{len(names) - 1}"
    sizes = [(data_dir / "pods/run" / pod / "logs" / n).stat().st_size for n in names]
    assert all(size <= MIB for size in sizes)
    assert carob("logs", pod).stdout.splitlines() == lines


def test_the_oldest_go_first_and_what_is_kept_is_whole(carob, store, data_dir):
    store.add("example.com/count", *COUNT)
    carob("run", "--log-max-size=1Mi", "--log-max-files=2", "--pod-name=two", "example.com/count", "--", "60000")
    lines = carob("logs", "two").stdout.splitlines()
    first = int(lines[0].split()[1])
    assert first > 20000
    assert lines == [f"line {i} of many, with a text of some length" for i in range(first, 60001)]


@pytest.mark.parametrize("flag, text", [
    ("--log-max-size=4k", "no size from 1Mi on"), ("--log-max-size=1.5", "no size"), ("--log-max-size=x", "no size"),
    ("--log-max-files=0", "no number from 1 to 64"), ("--log-max-files=65", "no number"), ("--log-max-files=", "no number"),
])
def test_limits_that_are_none_are_refused(carob, store, flag, text):
    store.add("example.com/count", *COUNT)
    assert text in carob("run", flag, "example.com/count", status=254).stderr


class Large:
    """A gigabyte of log in four files: a line per 100 bytes, a second per block."""
    BLOCK, BLOCKS, FILES, START = MIB, 256, 4, 1_700_000_000

    def __init__(self, tree):
        self.pod = tree.pod("run", "app", manifest=pod_manifest("app"))
        logs = self.pod.path / "logs"
        logs.mkdir()
        second = self.START
        for number in range(self.FILES - 1, -1, -1):
            with (logs / f"app.log{f'.{number}' if number else ''}").open("wb") as f:
                for _ in range(self.BLOCKS):
                    line = cri_line(second * SECOND, f"{second} " + "x" * 48)
                    f.write(line * (self.BLOCK // len(line)))
                    second += 1
        self.per_second, self.end = self.BLOCK // len(line), second


@pytest.fixture
def large(tree):
    return Large(tree)


def bytes_read(command):
    """Runs the command; (its output, bytes that it asked the kernel for, its peak memory in KiB)."""
    done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=pread64", "-e", "signal=none", "-o", "/dev/stderr", *map(str, command)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    return done.stdout, sum(int(line.rsplit("=", 1)[1]) for line in done.stderr.splitlines() if "= " in line)


def when(second):
    return datetime.datetime.fromtimestamp(second, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_gigabyte_is_not_read_whole(build, data_dir, large):
    carob = [build / "carob", f"--dir={data_dir}", "logs", large.pod.uuid]
    out, read = bytes_read([*carob, "--lines=100"])
    assert len(out.splitlines()) == 100 and out.startswith(f"{large.end - 1} ") and read < MIB
    middle = large.START + large.BLOCKS * 2 + 17
    out, read = bytes_read([*carob, f"--since={when(middle)}", f"--until={when(middle + 1)}"])
    assert len(out.splitlines()) == large.per_second and set(l.split()[0] for l in out.splitlines()) == {str(middle)}
    assert read < 8 * MIB
    out, read = bytes_read([*carob, f"--until={when(middle)}", "--lines=3"])
    assert [l.split()[0] for l in out.splitlines()] == [str(middle - 1)] * 3 and read < 8 * MIB
    out, read = bytes_read([*carob, f"--since={when(large.end)}"])
    assert out == "" and read < 8 * MIB
    out, read = bytes_read([*carob, f"--until={when(large.START + 1)}"])
    assert len(out.splitlines()) == large.per_second and read < 8 * MIB
