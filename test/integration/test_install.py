# SPDX-License-Identifier: Apache-2.0
"""What `make install DESTDIR=` puts where, and that it works from there."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from clirun import make_aci

GROUP = 64242
# A host with a group carob, in a mount namespace of its own, as sysusers and tmpfiles make it.
HOST_WITH_GROUP = f"""set -e
sed '/^carob:/d' /etc/group >"$0/group"
echo carob:x:{GROUP}: >>"$0/group"
mount --bind "$0/group" /etc/group
install -d -m 0750 -g carob "$0/data"
umask 077
"$1" --dir="$0/data" fetch "$0/tool.aci"
"$1" --dir="$0/data" run --pod-name=shop example.com/tool -- -c 'echo hello'
exec setpriv --reuid={GROUP} --regid={GROUP} --clear-groups --no-new-privs "$2" --dir="$0/data" --listen="unix:$0/run/api"
"""


def listing(path):
    return {str(p): p.lstat().st_mtime_ns for p in path.rglob("*")} if path.exists() else {}


@pytest.fixture(scope="module")
def installed(build, tmp_path_factory):
    """The root of an installation: (DESTDIR, prefix beneath it)."""
    if not shutil.which("meson") or not (build / "meson-info/intro-installed.json").exists():
        pytest.skip("needs meson, and a build tree of it")
    dest = tmp_path_factory.mktemp("dest")
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    prefix = pathlib.Path(next(o["value"] for o in options if o["name"] == "prefix"))
    before = listing(prefix)
    done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet"], text=True, capture_output=True,
                          env=dict(os.environ, DESTDIR=str(dest)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert listing(prefix) == before, "an installation into DESTDIR changed the host"
    return dest, dest / prefix.relative_to("/")


@pytest.fixture
def program(installed):
    return lambda name: installed[1] / "bin" / name


def test_all_is_there_and_readable(installed, build):
    dest, root = installed
    planned = {dest / path.lstrip("/") for path in json.loads((build / "meson-info/intro-installed.json").read_text()).values()}
    assert {p for p in dest.rglob("*") if not p.is_dir()} == planned
    for path in ("bin/carob", "bin/carob-api", "share/man/man1/carob.1", "share/man/man5/carob-config.5", "share/man/man5/carob-files.5",
                 "share/man/man8/carob-api.8", "share/man/man8/carob-pod.8", "share/doc/carob/LICENSE",
                 "share/bash-completion/completions/carob", "share/zsh/site-functions/_carob",
                 "share/fish/vendor_completions.d/carob.fish", "lib/systemd/system/carob-api.service", "lib/systemd/system/carob-api.socket",
                 "lib/sysusers.d/carob.conf", "lib/tmpfiles.d/carob.conf"):
        assert (root / path).stat().st_size > 0
        assert (root / path).stat().st_mode & 0o444 == 0o444
    assert list(root.glob("lib/**/carob/carob-pod")) and list(root.glob("lib/**/carob/carob-import.so"))
    assert list(root.glob("lib/**/carob/carob-tls.so"))


def test_manual_pages_can_be_shown(installed):
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    for page in installed[1].glob("share/man/man*/*"):
        done = subprocess.run(["groff", "-man", "-t", "-ww", "-Tutf8", "-P-cbou", page], text=True, capture_output=True)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        assert "NAME" in done.stdout and len(done.stdout) > 2000


def test_the_unit_starts_what_is_installed(installed):
    dest, root = installed
    unit = (root / "lib/systemd/system/carob-api.service").read_text()
    exe = next(line for line in unit.splitlines() if line.startswith("ExecStart=")).split("=", 1)[1].split()[0]
    assert (dest / exe.lstrip("/")).samefile(root / "bin/carob-api")


def test_version_and_completion(program):
    done = subprocess.run([program("carob"), "version"], text=True, capture_output=True)
    assert done.returncode == 0 and done.stdout.startswith("carob Version: ")
    done = subprocess.run([program("carob"), "api-service", "--version"], text=True, capture_output=True)
    assert done.returncode == 0 and done.stdout.startswith("carob-api ")


@pytest.mark.root
def test_a_pod_runs_from_the_installed_tree(program, data_dir, tmp_path):
    image = make_aci(tmp_path / "tool.aci", "example.com/tool", "/bin/sh")
    done = subprocess.run([program("carob"), f"--dir={data_dir}", "run", image, "--", "-c", "echo from $container; exit 7"],
                          text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (7, "from carob\n"), done.stderr


@pytest.mark.root
def test_the_api_needs_group_carob_only(program, short_tmp):
    make_aci(short_tmp / "tool.aci", "example.com/tool", "/bin/sh")
    short_tmp.chmod(0o755)
    (short_tmp / "run").mkdir()
    os.chown(short_tmp / "run", GROUP, GROUP)
    for directory in program("carob").parents:
        if directory.stat().st_mode & 0o005 != 0o005:
            directory.chmod(directory.stat().st_mode | 0o055)
    service = subprocess.Popen(["unshare", "--mount", "sh", "-c", HOST_WITH_GROUP, short_tmp, program("carob"),
                                program("carob-api")], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        # The socket is there a moment before it takes connections; the line is said after.
        said = []
        while not any("API service running" in line for line in said):
            said.append(service.stderr.readline())
            assert said[-1], said

        def ask(*call):
            done = subprocess.run([program("carob"), "api", f"--address=unix:{short_tmp}/run/api", *call], text=True,
                                  capture_output=True)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        pod, = ask("ListPods", '{"detail":true}')["pods"]
        assert pod["state"] == "POD_STATE_EXITED" and pod["apps"][0]["state"] == "APP_STATE_EXITED"
        assert ask("ListImages", '{"detail":true}')["images"][0]["manifest"]
        assert "hello" in ask("GetLogs", json.dumps({"podId": pod["id"]}))["lines"][0]
    finally:
        service.terminate()
        service.communicate(timeout=10)
