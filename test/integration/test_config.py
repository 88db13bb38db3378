# SPDX-License-Identifier: Apache-2.0
"""Configuration of logs: where it is read from, what overrides what, and what of it is wrong."""
import json

import pytest

from clirun import pods, store  # noqa: F401 (a fixture)

pytestmark = pytest.mark.root


class Config:
    """conf.put("local", "a", maxFiles=3) writes a file; conf.flags are the options that point there."""

    def __init__(self, top):
        self.top = top
        self.flags = [f"--{where}-config={top / where}" for where in ("system", "local", "user")]

    def put(self, where, name, text=None, **members):
        path = self.top / where / "logs.d" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"carobKind": "logs", "carobVersion": "v1", **members}) if text is None else text)
        return path


@pytest.fixture
def conf(short_tmp):
    return Config(short_tmp / "conf")


@pytest.fixture
def launched(carob, store, conf, data_dir):
    """launched(...) runs a pod and says what its launch.json has of logs."""
    def run(*args):
        before = {p["name"] for p in pods(carob)}
        carob(*conf.flags, "run", *args, "example.com/true")
        (uuid,) = {p["name"] for p in pods(carob)} - before
        said = json.loads((data_dir / "pods/run" / uuid / "launch.json").read_text())
        return {k: v for k, v in said.items() if k.startswith("log")}
    return run


def test_without_files_the_defaults_stay(launched):
    assert launched() == {}


def test_later_directories_override_and_the_command_line_overrides_all(launched, conf):
    conf.put("system", "a", maxSize="32Mi", maxFiles=2)
    assert launched() == {"logBytes": 32 << 20, "logFiles": 2}
    conf.put("local", "b", maxFiles=3)
    assert launched() == {"logBytes": 32 << 20, "logFiles": 3}
    conf.put("user", "c", maxSize=5000000)
    assert launched() == {"logBytes": 5000000, "logFiles": 3}
    assert launched("--log-max-size=0", "--log-max-files=9") == {"logBytes": 0, "logFiles": 9}


def test_files_of_rkts_form_are_taken(launched, conf):
    conf.put("local", "a", '{"rktKind":"logs","rktVersion":"v1","maxFiles":5}')
    assert launched() == {"logFiles": 5}


def test_a_pod_that_was_prepared_before_gets_what_is_configured_now(carob, store, conf, data_dir):
    uuid = carob(*conf.flags, "prepare", "example.com/true").stdout.strip()
    conf.put("local", "a", maxFiles=7)
    carob(*conf.flags, "run-prepared", uuid)
    assert json.loads((data_dir / "pods/run" / uuid / "launch.json").read_text())["logFiles"] == 7


@pytest.mark.parametrize("text, wrong", [
    ('{"carobKind":"logs","carobVersion":"v1","maxSize":"12"}', 'maxSize: "12" is no size from 1Mi on (16Mi, 1G), or 0 for no limit'),
    ('{"carobKind":"logs","carobVersion":"v1","max_size":"16Mi"}', 'unknown member "max_size"'),
    ('{"carobKind":"logs","carobVersion":"v1","driver":"syslog"}', 'driver: "syslog" is neither file nor journald'),
    ('{"carobKind":"auth","carobVersion":"v1"}', 'a file of kind "auth" among those of kind "logs"'),
    ('{', ''), ('', ''),
])
def test_a_broken_file_stops_the_command_before_anything_is_made(carob, store, conf, text, wrong):
    path = conf.put("local", "broken", text)
    uuid = carob(*conf.flags, "prepare", "example.com/true").stdout.strip()
    for command in (["run", "example.com/true"], ["run", "--detach", "example.com/true"], ["run-prepared", uuid]):
        assert f"{command[0]}: {path}: {wrong}" in carob(*conf.flags, *command, status=254).stderr
    assert [(p["name"], p["state"]) for p in pods(carob)] == [(uuid, "prepared")]


def test_two_files_of_one_directory_may_not_say_the_same(carob, store, conf):
    conf.put("local", "a", maxFiles=3)
    path = conf.put("local", "b", maxFiles=3)
    wrong = f"{path}: maxFiles: another file of this directory has it too"
    assert wrong in carob(*conf.flags, "run", "example.com/true", status=254).stderr


def test_a_configured_driver_asks_for_its_journal(carob, store, conf):
    """Where one runs, test_journald.py tells more."""
    conf.put("local", "a", driver="journald")
    conf.put("user", "a", driver="file")
    carob(*conf.flags, "run", "example.com/true")
