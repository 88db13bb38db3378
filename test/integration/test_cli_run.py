# SPDX-License-Identifier: Apache-2.0
"""Pods run by `carob run`, `prepare` and `run-prepared`: options, output, exit statuses, stop, logs, removal."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from clirun import UUID, alive, namespace_of, parent_of, pods, processes_of, start, status, store, until  # noqa: F401

pytestmark = pytest.mark.root

LOOP = "trap 'echo got TERM; exit 0' TERM; echo ready; while :; do sleep 0.02; done"


def test_run_passes_output_and_exit_status(carob, store):
    done = carob("run", "example.com/sh", "--", "echo out; echo err >&2; exit 3", status=3)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    pod = pods(carob)[0]
    assert pod["state"] == "exited" and pod["exit_code"] == 3
    assert pod["apps"][0]["exit_code"] == 3 and pod["apps"][0]["name"] == "sh"
    assert f"app-sh=3\n" in carob("status", pod["name"]).stdout
    assert carob("logs", pod["name"]).stdout in ("out\nerr\n", "err\nout\n")


def test_run_of_several_apps_shares_hostname_and_loopback(carob, store):
    done = carob("run", "--hostname=podhost", "example.com/sh", "--name=server", "--", "nc -l -p 8080 -e hostname", "---",
                 "example.com/sh", "--name=client", "--",
                 "for i in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 8080 && exit 0; sleep 0.1; done; exit 1")
    assert done.stdout == "podhost\n"
    assert [a["name"] for a in pods(carob)[0]["apps"]] == ["server", "client"]


def test_the_first_failure_stops_the_pod(carob, store):
    done = carob("run", "example.com/sleep", "example.com/sh", "--", "exit 7", status=7)
    assert done.returncode == 7
    apps = {a["name"]: a for a in pods(carob)[0]["apps"]}
    assert apps["sh"]["exit_code"] == 7 and apps["sleep"]["exit_code"] in (137, 143)


def test_options_reach_the_app(carob, store, short_tmp):
    (short_tmp / "host").mkdir()
    (short_tmp / "host/f").write_text("from host\n")
    (short_tmp / "env").write_text("A=file\nB=file\n# c\n")
    script = ("id -u; id -g; pwd; echo $A $B $C; cat /h/f; touch /h/x 2>&1; touch /e/x && stat -c %a /e; "
              "touch /x 2>&1; cat /m/f")
    done = carob("run", f"--volume=h,kind=host,source={short_tmp}/host,readOnly=true", "--volume=e,kind=empty,mode=1777",
                 "--mount=volume=h,target=/m", "--set-env=A=flag", f"--set-env-file={short_tmp}/env", "example.com/sh",
                 "--user=bob", "--group=1000", "--working-dir=/tmp", "--environment=C=app", "--readonly-rootfs",
                 "--mount", "volume=h,target=/h", "--mount=volume=e,target=/e", "--", script)
    assert done.stdout.splitlines() == [
        "1000", "1000", "/tmp", "flag file app", "from host", "touch: /h/x: Read-only file system", "1777",
        "touch: /x: Read-only file system", "from host"]


def test_exec_replaces_the_command(carob, store):
    assert carob("run", "example.com/true", "--exec=/bin/echo", "--", "a", "--b", "--").stdout == "a --b --\n"


def test_inherited_environment_is_below_the_images(carob, store):
    store.add("example.com/env", "/bin/sh", "-c", "echo $A $B", environment=[{"name": "A", "value": "image"}])
    env = dict(os.environ, A="caller", B="caller")
    assert carob("run", "--inherit-env", "example.com/env", env=env).stdout == "image caller\n"
    assert carob("run", "example.com/env", env=env).stdout == "image\n"


def test_host_network_and_none(carob, store):
    script = "ls /sys/class/net 2>/dev/null | wc -l; readlink /proc/self/ns/net"
    none = carob("run", "example.com/sh", "--", script).stdout.split()
    host = carob("run", "--net=host", "example.com/sh", "--", script).stdout.split()
    assert host[-1] == os.readlink("/proc/self/ns/net") != none[-1]


def test_copied_root_without_overlay(carob, store):
    done = carob("run", "--no-overlay", "example.com/sh", "--", "echo x > /etc/new; cat /etc/new")
    assert done.stdout == "x\n"
    uuid = pods(carob)[0]["name"]
    assert (store.images.parent / "pods/run" / uuid / "rootfs/sh/etc/new").read_text() == "x\n"
    assert not (store.images / "layers/1/fs/etc/new").exists()


def test_detached_pod_is_seen_stopped_and_removed(carob, store, data_dir):
    uuid = start(carob, "--pod-name=front", "example.com/sh", "--", LOOP)
    carob("status", "front", "--wait-ready=10s")
    pod = status(carob, "front")
    assert pod["name"] == uuid and pod["state"] == "running" and pod["pod_name"] == "front"
    assert pod["apps"][0]["state"] == "running" and alive(pod["apps"][0]["pid"])
    inside = namespace_of(pod["pid"])
    assert pod["pid"] in inside and len(inside) >= 2
    until(lambda: carob("logs", "front").stdout == "ready\n", what="the app's first line")
    assert carob("rm", "front", status=254).stderr.startswith(f'rm: pod "{uuid}" is currently running\n')
    assert carob("stop", "front").stdout == f'"{uuid}"\n'
    assert status(carob, uuid)["apps"][0]["exit_code"] == 0
    assert carob("logs", "front").stdout == "ready\ngot TERM\n"
    assert not any(alive(p) for p in inside)
    assert carob("rm", "front").stdout == f'"{uuid}"\n'
    assert carob("status", "front", status=254)


def test_detached_failure_is_told(carob, store, data_dir):
    done = carob("run", "--detach", "example.com/true", "--exec=/nonexistent", status=254)
    assert done.stdout == "" and "/nonexistent" in done.stderr
    until(lambda: pods(carob)[0]["state"] == "exited" and not processes_of(data_dir), what="the pod's end")


def test_stop_with_force_asks_nobody(carob, store):
    uuid = start(carob, "example.com/sh", "--", "trap '' TERM; echo ready; while :; do sleep 0.02; done")
    begun = time.monotonic()
    carob("stop", "--force", uuid)
    assert time.monotonic() - begun < 5
    assert status(carob, uuid)["apps"][0]["exit_code"] == 137


def test_stop_survives_a_hung_supervisor(carob, store, data_dir):
    uuid = start(carob, "example.com/sleep")
    init = status(carob, uuid)["pid"]
    inside, supervisor = namespace_of(init), parent_of(init)
    os.kill(supervisor, signal.SIGSTOP)
    assert carob("stop", uuid).stdout == f'"{uuid}"\n'
    until(lambda: not any(alive(p) for p in [supervisor, *inside]), what="the pod's processes to end")
    assert status(carob, uuid)["state"] == "exited"


def test_status_waits_for_the_end(carob, store, build, data_dir):
    uuid = start(carob, "example.com/sh", "--", LOOP)
    assert carob("status", "--wait=50ms", uuid, status=254).stderr.startswith(f'status: waiting for pod "{uuid}": ')
    waiter = subprocess.Popen([build / "carob", f"--dir={data_dir}", "status", "--wait", uuid], stdout=subprocess.PIPE, text=True)
    time.sleep(0.05)
    assert waiter.poll() is None
    carob("stop", uuid)
    out, _ = waiter.communicate(timeout=10)
    assert waiter.returncode == 0 and out.startswith("state=exited\n") and "app-sh=0\n" in out


def test_prepared_pods_run_once(carob, store):
    uuid = carob("prepare", "--quiet", "example.com/sh", "--", "echo $AC_APP_NAME; exit 4").stdout.strip()
    assert UUID.match(uuid)
    assert status(carob, uuid)["state"] == "prepared"
    assert carob("run-prepared", uuid[:8], status=4).stdout == "sh\n"
    assert carob("run-prepared", uuid, status=254).stderr == f'run-prepared: pod "{uuid}" is not prepared\n'


def test_pod_manifest_is_kept_byte_for_byte(carob, store, short_tmp, data_dir):
    image = store.add("example.com/two", "/bin/sh", "-c", "echo from image")
    text = json.dumps({"acVersion": "0.8.11", "acKind": "PodManifest", "unknown": {"a": [1]}, "apps": [
        {"name": "one", "image": {"id": image[:40]}},
        {"name": "two", "image": {"id": image}, "app": {"exec": ["/bin/echo", "from pod"], "user": "0", "group": "0"}}]},
        indent=3) + "\n\n"
    (short_tmp / "m").write_text(text)
    uuid = carob("prepare", f"--pod-manifest={short_tmp}/m").stdout.strip()
    assert (data_dir / "pods/prepared" / uuid / "pod").read_text() == text
    assert sorted(carob("run-prepared", uuid).stdout.splitlines()) == ["from image", "from pod"]
    (short_tmp / "link").symlink_to("m")
    assert carob("prepare", f"--pod-manifest={short_tmp}/link").returncode == 0
    assert carob("prepare", "--pod-manifest=/dev/stdin", input=text).returncode == 0


def test_uuid_files(carob, store, short_tmp):
    path = short_tmp / "uuid"
    uuid = start(carob, f"--uuid-file-save={path}", "example.com/sleep")
    assert path.read_text() == uuid
    assert status(carob, uuid)["state"] == "running"
    assert carob("stop", f"--uuid-file={path}").stdout == f'"{uuid}"\n'
    assert carob("rm", f"--uuid-file={path}").stdout == f'"{uuid}"\n'


def test_logs_choose_app_lines_and_time(carob, store):
    carob("run", "example.com/sh", "--name=a", "--", "echo a1; sleep 0.3; echo a2; sleep 0.1; echo a3", "---",
          "example.com/sh", "--name=b", "--", "sleep 0.1; echo b1")
    uuid = pods(carob)[0]["name"]
    assert carob("logs", uuid).stdout == "a: a1\nb: b1\na: a2\na: a3\n"
    assert carob("logs", uuid, "a").stdout == "a1\na2\na3\n"
    assert carob("logs", uuid, "a", "--lines=2").stdout == "a2\na3\n"
    assert carob("logs", uuid, "-n0").stdout == ""
    stamped = carob("logs", uuid, "a", "-t").stdout.splitlines()
    second = stamped[1].split()[0]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z a1$", stamped[0])
    assert carob("logs", uuid, "a", f"--since={second}").stdout == "a2\na3\n"
    assert carob("logs", uuid, "a", f"--until={second}").stdout == "a1\n"
    assert carob("logs", uuid, "--since=1h", "b").stdout == "b1\n"
    assert carob("logs", uuid, "c", status=254).stderr == f'logs: pod "{uuid}" has no app "c"\n'


def test_logs_follow_until_the_end(carob, store, build, data_dir):
    uuid = start(carob, "example.com/sh", "--", "for i in 1 2 3; do echo line $i; sleep 0.1; done; printf unfinished")
    done = carob("logs", "--follow", uuid, timeout=20)
    assert done.stdout == "line 1\nline 2\nline 3\nunfinished\n"
    assert status(carob, uuid)["state"] == "exited"


def test_a_line_of_any_length_is_one_line(carob, store):
    carob("run", "example.com/sh", "--", "head -c 300000 /dev/zero | tr '\\0' x; echo; echo next; printf end")
    (pod,) = json.loads(carob("list", "--format=json").stdout)
    assert carob("logs", pod["name"]).stdout == "x" * 300000 + "\nnext\nend\n"
    lines = carob("logs", "--timestamps", pod["name"]).stdout.splitlines()
    assert [len(line.split(" ")[1]) for line in lines] == [300000, 4, 3]


def test_interrupt_stops_an_attached_pod(carob, store, build, data_dir):
    proc = subprocess.Popen([build / "carob", f"--dir={data_dir}", "run", "example.com/sh", "--", LOOP],
                            stdout=subprocess.PIPE, text=True)
    assert proc.stdout.readline() == "ready\n"
    proc.send_signal(signal.SIGTERM)
    out, _ = proc.communicate(timeout=20)
    assert out == "got TERM\n"
    assert pods(carob)[0]["state"] == "exited"


def test_isolators_and_annotations_are_in_the_manifest(carob, store):
    uuid = carob("prepare", "--annotation=pod-k=v", "example.com/sh", "--annotation=app-k=w", "--user-label=l=1",
                 "--user-annotation=u=2", "--memory=64Mi", "--cpu=500m", "--cpu-shares=512", "--caps-retain=KILL",
                 "--seccomp=mode=remove,errno=EPERM,mount", "--oom-score-adj=100", "--supplementary-gids=7,8",
                 "--pids=50", "--", "true").stdout.strip()
    manifest = json.loads(carob("cat-manifest", uuid).stdout)
    app = manifest["apps"][0]
    assert {"name": "pod-k", "value": "v"} in manifest["annotations"]
    assert app["annotations"] == [{"name": "app-k", "value": "w"}]
    assert app["app"]["userLabels"] == {"l": "1"} and app["app"]["userAnnotations"] == {"u": "2"}
    assert app["app"]["supplementaryGIDs"] == [7, 8]
    names = {i["name"]: i["value"] for i in app["app"]["isolators"]}
    assert set(names) == {"resource/memory", "resource/cpu", "resource/pids", "os/linux/cpu-shares",
                          "os/linux/capabilities-retain-set", "os/linux/seccomp-remove-set", "os/linux/oom-score-adj"}
    assert carob("run-prepared", uuid).stdout == ""


def test_uuids_as_json(carob, store):
    uuid = json.loads(carob("prepare", "--format=json", "example.com/true").stdout)["uuid"]
    assert UUID.match(uuid)
    assert json.loads(carob("run-prepared", "--detach", "--format=json", uuid).stdout) == {"uuid": uuid}


def test_duplicate_names_are_refused(carob, store):
    done = carob("prepare", "example.com/sh", "example.com/sh", status=254)
    assert done.stderr == 'prepare: two apps would be called "sh"; use --name after an image to choose another\n'
    assert pods(carob) == []


def test_a_live_pods_name_is_taken(carob, store):
    uuid = carob("prepare", "--pod-name=front", "example.com/true").stdout.strip()
    done = carob("run", "--pod-name=front", "example.com/true", status=254)
    assert done.stderr == f'run: the name "front" is taken by pod {uuid}\n'
    carob("run-prepared", "front")
    carob("run", "--pod-name=front", "example.com/true")
    assert "ambiguous" in carob("status", "front", status=254).stderr


def test_standard_input_reaches_an_interactive_app(carob, store):
    assert carob("run", "--interactive", "example.com/true", "--exec=/bin/cat", input="typed\n").stdout == "typed\n"
    assert carob("run", "example.com/true", "--exec=/bin/cat", input="typed\n").stdout == ""


def test_images_of_pods_keep_their_layers(carob, store):
    uuid = carob("prepare", "example.com/sh", "--", "echo still here").stdout.strip()
    for name in ("sh", "true", "sleep"):
        carob("image", "rm", f"example.com/{name}")
    assert json.loads(carob("image", "list", "--format=json").stdout) == []
    carob("image", "gc", "--grace-period=0s")
    assert (store.images / "layers/1/fs/bin/busybox").exists()
    assert carob("run-prepared", uuid).stdout == "still here\n"
    carob("rm", uuid)
    carob("image", "gc", "--grace-period=0s")
    assert not (store.images / "layers/1").exists()


def test_docker_arguments_replace_the_command(carob, store):
    store.add("example.com/docker", "/bin/echo", "default",
              annotations=[("appc.io/docker/entrypoint", '["/bin/echo"]'), ("appc.io/docker/cmd", '["default"]')])
    assert carob("run", "example.com/docker").stdout == "default\n"
    assert carob("run", "example.com/docker", "--", "mine").stdout == "mine\n"
    assert carob("run", "example.com/true", "--exec=/bin/echo", "--", "x").stdout == "x\n"


def test_program_works_from_anywhere(build, store, data_dir, short_tmp):
    link = short_tmp / "rkt"
    link.symlink_to(build / "carob")
    done = subprocess.run([link, f"--dir={data_dir.name}", "run", "example.com/sh", "--", "echo hi"], cwd=data_dir.parent,
                          capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.returncode) == ("hi\n", 0), done.stderr


def test_logs_by_stream_in_colour_and_as_json(carob, store):
    carob("run", "example.com/sh", "--name=a", "--", r"echo out; sleep 0.1; echo err >&2; printf '\377end'", "---", "example.com/sh", "--name=b", "--", "sleep 0.3; echo b", errors="replace")
    uuid = pods(carob)[0]["name"]
    assert carob("logs", "--stderr", uuid).stdout == "a: err\n"
    assert carob("logs", "--stdout", "-n1", uuid, "b").stdout == "b\n"
    assert carob("logs", "--stdout", "-n1", "--stderr", uuid, "b").stdout == "b\n"
    assert carob("logs", "--stderr", "-n5", uuid).stdout == "a: err\n"
    coloured = carob("logs", "--color=always", "--stderr", uuid).stdout
    assert coloured == "\x1b[36ma:\x1b[0m \x1b[31merr\x1b[0m\n"
    assert "\x1b" not in carob("logs", "--color=auto", uuid, "b").stdout
    lines = [json.loads(line) for line in carob("logs", "--format=json", uuid).stdout.splitlines()]
    assert [(l["app"], l["stream"], l["text"]) for l in lines] == [
        ("a", "stdout", "out"), ("a", "stderr", "err"), ("a", "stdout", "\ufffdend"), ("b", "stdout", "b")]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$", l["time"]) for l in lines)
    assert "neither auto, always nor never" in carob("logs", "--color=red", uuid, status=254).stderr
