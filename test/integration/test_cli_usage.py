# SPDX-License-Identifier: Apache-2.0
"""Words on the command line: commands and their prefixes, options, help, exit statuses."""
import json
import os
import subprocess

import pytest


@pytest.fixture
def raw(build):
    """raw("run", "--x") runs the program with no options of ours; name: what it is called by."""

    def run(*args, name=None, **kwargs):
        argv = [name or "carob", *map(str, args)]
        return subprocess.run(argv, executable=build / "carob", text=True, capture_output=True, timeout=30, **kwargs)

    return run


def test_without_words_it_prints_help_and_exits_2(raw):
    done = raw()
    assert done.returncode == 2
    assert done.stdout.startswith("NAME:\n\tcarob - ")
    assert "\nCOMMANDS:\n" in done.stdout and "\nOPTIONS:\n      --debug[=false]  " in done.stdout


def test_called_as_rkt_it_says_so(raw):
    assert raw(name="rkt").stdout.startswith("NAME:\n\trkt - ")
    assert raw("version", name="/usr/bin/rkt").stdout.startswith("rkt Version: 1.30.0+carob.")
    assert raw("nope", name="rkt").stderr.splitlines()[0] == 'rkt: unknown command "nope"'


def test_version(raw):
    lines = dict(line.split(": ", 1) for line in raw("version").stdout.splitlines())
    assert lines["appc Version"] == "0.8.11" and "carob Version" in lines
    asked = json.loads(raw("version", "--format=json").stdout)
    assert asked["version"] == lines["carob Version"] and asked["api_version"] == "1.0.0-alpha"


@pytest.mark.parametrize("words, answer", [
    (["nope"], 'carob: unknown command "nope"'),
    (["image", "nope"], 'carob: unknown command "image nope"'),
    ([""], 'carob: unknown command ""'),
    (["st"], 'carob: "st" may be "status" or "stop": write more of it'),
    (["--nope"], 'carob: unknown option "--nope"'),
    (["list", "--nope"], 'list: unknown option "--nope"'),
    (["list", "--format=xml"], 'list: --format: "xml" is neither json nor json-pretty'),
    (["image", "list", "--dir"], "list: --dir needs a value (/var/lib/carob)"),
    (["gc", "--grace-period=5"], 'gc: --grace-period: "5" is no duration such as 90s or 1h30m'),
    (["run-prepared"], "run-prepared: missing argument: carob run-prepared POD"),
    (["run-prepared", "a", "b"], "run-prepared: too many arguments: carob run-prepared POD"),
    (["list", "--insecure-options=image,nope"], 'list: --insecure-options: unknown security feature "nope"'),
    (["run", "--net", "x"], 'run: --net: network "default" comes with a later release; '
                            "now there are none (loopback only) and host"),
    (["run", "--net=br0", "x"], 'run: --net: network "br0" comes with a later release; '
                                "now there are none (loopback only) and host"),
])
def test_wrong_usage_exits_254_and_names_the_word(raw, words, answer):
    done = raw(*words)
    assert done.returncode == 254 and done.stdout == ""
    first, hint = done.stderr.splitlines()
    assert first == answer
    assert hint.startswith('Run "carob ')


def test_commands_may_be_shortened(raw, tmp_path):
    assert raw(f"--dir={tmp_path}", "li").stdout.startswith("UUID\t")
    assert raw("im", "--dir", tmp_path, "li").stdout.startswith("ID\t")
    assert raw("ver").stdout == raw("version").stdout


def test_global_options_stand_anywhere(raw, tmp_path):
    for words in (["--dir", tmp_path, "list"], ["list", "--dir", tmp_path], ["list", f"--dir={tmp_path}", "--debug=false"]):
        assert raw(*words).returncode == 0


def test_every_command_explains_itself(raw):
    listed = raw("help").stdout.split("COMMANDS:\n")[1].split("\n\n")[0]
    names = [line.split("\t")[1] for line in listed.splitlines()]
    assert {"run", "prepare", "image list", "api", "api-service", "help"} <= set(names)
    for name in names:
        if name == "api-service":
            continue
        by_flag, by_help = raw(*name.split(), "--help"), raw("help", *name.split())
        assert by_flag.returncode == by_help.returncode == 0
        assert by_flag.stdout == by_help.stdout and by_flag.stdout.startswith(f"NAME:\n\tcarob {name} - ")
        assert "GLOBAL OPTIONS:\n" in by_flag.stdout


def test_a_full_output_is_a_failure(build):
    with open("/dev/full", "w") as full:
        done = subprocess.run([build / "carob", "help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 254 and "cannot write the output" in done.stderr


def test_a_data_directory_without_access_is_named(build, short_tmp):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    (short_tmp / "d").mkdir(mode=0o700)
    short_tmp.chmod(0o755)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", build / "carob",
                           f"--dir={short_tmp}/d", "list"], text=True, capture_output=True)
    assert done.returncode == 254
    assert done.stderr == f"list: no access to the data directory {short_tmp}/d: only root and group carob have\n"
