# SPDX-License-Identifier: Apache-2.0
"""What the shells are told to complete, and the shells' functions."""
import shutil
import subprocess

import pytest

from clirun import make_aci


@pytest.fixture
def words(carob):
    def ask(*line):
        out = carob("completion", "words", "--", *line).stdout
        return [text.split("\t")[0] for text in out.splitlines()]

    return ask


@pytest.fixture
def bash(build, carob, data_dir, tmp_path):
    """What the bash function puts into COMPREPLY for words as bash splits them."""
    script = tmp_path / "carob.bash"
    script.write_text(carob("completion", "bash").stdout)

    def complete(*line, cwd=None):
        code = f'. {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _carob; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", code, "bash", build / "carob", *line], text=True, capture_output=True,
                              cwd=cwd)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout.split()

    return complete


def test_commands_and_groups(words):
    assert {"run", "list", "image", "completion"} <= set(words(""))
    assert words("im") == ["image"]
    assert words("image", "") == ["cat-manifest", "gc", "list", "rm"]
    assert words("run-") == ["run-prepared"]
    assert words("completion", "") == ["bash", "zsh", "fish"]


def test_options_of_the_command_only(words):
    assert "--net=" in words("run", "--") and "--net=" not in words("list", "--")
    assert "--dir=" in words("list", "--") and "--dir=" in words("--")
    assert words("run", "--det") == ["--detach"]
    assert "--stage1-path=" not in words("run", "--"), "hidden options stay hidden"


def test_what_another_program_reads_is_offered(words):
    assert words("api-service", "--tls-c") == ["--tls-cert=", "--tls-client-ca="]
    assert words("api-service", "--confine=") == ["--confine=try", "--confine=require", "--confine=off"]
    assert words("api-service", "--tls-cert", "") == [":files"]


def test_values_of_options(words):
    assert words("list", "--format", "") == ["json", "json-pretty"]
    assert words("list", "--format=json-") == ["--format=json-pretty"]
    assert words("run", "--net=") == ["--net=none", "--net=host"]
    assert words("run", "--pod-manifest", "") == [":files"]
    assert words("--dir", "") == [":dirs"]
    assert words("fetch", "") == [":files"]
    assert words("list", "--no-such", "") == []


def test_calls_of_the_api(words):
    assert words("api", "List") == ["ListPods", "ListImages", "ListenEvents"]
    assert words("api", "ListPods", "") == []


def test_a_missing_data_directory_is_silent(carob, data_dir, tmp_path):
    done = carob("completion", "words", "--", f"--dir={tmp_path}/none", "status", "")
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.root
def test_pods_images_and_apps(words, carob, data_dir, bash, tmp_path):
    where = f"--dir={data_dir}"
    carob("fetch", make_aci(tmp_path / "tool.aci", "example.com/tool"))
    uuid = carob("prepare", "--pod-name=shop", "example.com/tool:1.0", "--name=first", "example.com/tool:1.0",
                 "--name=second").stdout.strip()
    assert words(where, "status", "") == ["shop", uuid]
    assert words(where, "status", uuid[:5]) == [uuid]
    assert words(where, "run-prepared", "sh") == ["shop"] and words(where, "stop", "") == []
    assert words(where, "logs", "shop", "") == ["first", "second"]
    named, by_id = words(where, "image", "rm", "")
    assert named == "example.com/tool:1.0" and by_id.startswith("sha512-")
    assert words(where, "run", "exam") == ["example.com/tool:1.0", ":files"]
    # bash cuts at '=' and ':', and replaces only what stands behind.
    assert bash("--dir", "=", str(data_dir), "status", "sh") == ["shop"]
    assert bash("--dir", "=", str(data_dir), "image", "rm", "example.com/tool", ":", "1") == ["1.0"]


def test_bash_words(bash, tmp_path):
    (tmp_path / "some.aci").touch()
    (tmp_path / "sub").mkdir()
    assert bash("im") == ["image"]
    assert bash("run", "--net", "=", "h") == ["host"]
    assert bash("run", "--net", "=") == ["none", "host"]
    assert bash("list", "--form") == ["--format="]
    assert bash("fetch", "so", cwd=tmp_path) == ["some.aci"]
    assert bash("--dir", "=", f"{tmp_path}/s") == [f"{tmp_path}/sub"]
    assert bash("list", "nothing") == []


@pytest.mark.parametrize("shell,check", [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_the_functions_parse(carob, tmp_path, shell, check):
    (tmp_path / "script").write_text(carob("completion", shell).stdout)
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, *check, tmp_path / "script"], text=True, capture_output=True)
    assert done.returncode == 0 and done.stderr == ""


def test_fish_words(build, carob, tmp_path):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    (tmp_path / "script").write_text(carob("completion", "fish").stdout)
    done = subprocess.run(["fish", "-N", "-c", f"source {tmp_path}/script; set PATH {build} $PATH;"
                           "complete -C 'carob im'; complete -C 'carob list --format=j'"], text=True,
                          capture_output=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["image", "--format=json", "--format=json-pretty"]


def test_an_unknown_shell_is_refused(carob):
    done = carob("completion", "tcsh", status=254)
    assert done.stdout == "" and 'no completion for "tcsh"' in done.stderr
