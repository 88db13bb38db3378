# SPDX-License-Identifier: Apache-2.0
"""What the running service may do, as the kernel tells, and that it can do its work with that. (That nothing else can be
done is tried call by call in test/unit/api/test_confine.c.)"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import apiclient
import pki
import podtree

USER = 64242
NO_CAPABILITY = {f"Cap{name}": "0000000000000000" for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}
SECOND = podtree.SECOND


def status(server):
    lines = pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


@pytest.fixture(autouse=True)
def confined_build(start_api):
    """Sanitizers need what is forbidden; kernels may lack the layers. The service says so itself."""
    server = start_api("--confine=require", wait=False)
    try:
        server.wait_for("API service running")
    except AssertionError:
        server.process.wait(20)
        server.process = subprocess.Popen(["true"], stderr=subprocess.PIPE)  # its end was as it should be
        server.process.wait(20)
        pytest.skip(server.text.splitlines()[-1])


def give_to_group(path):
    """As `carob` does with group carob: readable for the group, writable for root."""
    for at in [path.parent, path, *path.rglob("*")]:
        os.chown(at, 0, USER, follow_symlinks=False)
        if not at.is_symlink():
            at.chmod(0o750 if at.is_dir() else 0o640)


def test_no_privilege_is_left(start_api):
    said = status(start_api())
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")
    wanted = dict(NO_CAPABILITY)
    if os.geteuid() != 0:
        del wanted["CapBnd"]  # to shrink it takes a capability
    assert wanted.items() <= said.items()


def test_a_service_for_one_command_has_no_more_and_no_name(build, data_dir):
    with subprocess.Popen([build / "carob", f"--dir={data_dir}", "events", "--follow", "--address=none"]) as command:
        try:
            own = pathlib.Path(f"/proc/{command.pid}/task/{command.pid}/children")
            deadline = time.monotonic() + 20
            while not (pids := own.read_text().split()) or "Seccomp:\t2" not in open(f"/proc/{pids[0]}/status").read():
                assert time.monotonic() < deadline
                time.sleep(0.005)
            service = pathlib.Path(f"/proc/{pids[0]}")
            said = dict(line.split(":\t", 1) for line in (service / "status").read_text().splitlines() if ":\t" in line)
            assert said["NoNewPrivs"] == "1" and int(said["CapEff"], 16) == 0
            links = {os.readlink(fd) for fd in (service / "fd").iterdir()}
            inodes = {name[8:-1] for name in links if name.startswith("socket:[")}
            tables = {table: [line.split() for line in (service / "net" / table).read_text().splitlines()[1:]]
                      for table in ("unix", "tcp", "tcp6")}
            assert [len(words) for words in tables["unix"] if words[6] in inodes] == [7] * len(inodes), "no socket has a name"
            assert not [words for table in ("tcp", "tcp6") for words in tables[table] if words[9] in inodes]
        finally:
            command.kill()


@pytest.mark.root
def test_root_becomes_the_user(start_api, tree, data_dir):
    pod = tree.pod("run", "app", pid=1, started=1)
    give_to_group(data_dir)
    server = start_api(f"--user={USER}:{USER}")
    said = status(server)
    assert said["Uid"].split() == said["Gid"].split() == [str(USER)] * 4
    assert said["Groups"].split() == [str(USER)]
    assert NO_CAPABILITY.items() <= said.items()
    assert [p.id for p in server.client.pods()] == [pod.uuid]


@pytest.mark.root
def test_what_the_user_may_not_read_is_told(start_api, tree, data_dir):
    tree.pod("run", "app")
    data_dir.chmod(0o700)
    data_dir.parent.chmod(0o755)
    code, text = start_api(f"--user={USER}:{USER}").client.error("ListPods")
    assert code == "PERMISSION_DENIED" and str(data_dir) in text


@pytest.mark.root
def test_socket_files_are_for_the_users_group(start_api, short_tmp):
    short_tmp.chmod(0o755)
    start_api(f"--listen=unix:{short_tmp}/s", f"--user={USER}:{USER + 1}")
    made = (short_tmp / "s").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (0, USER + 1, 0o660)


@pytest.mark.root
@pytest.mark.parametrize("user, text", [
    ("root", "--user=root: that is root"), ("no-such-user", 'there is no user "no-such-user"'),
    (str(USER), f"say which group, --user={USER}:GROUP"), (f"{USER}:no-such-group", 'there is no group "no-such-group"'),
])
def test_users_that_are_none_are_told(build, data_dir, user, text):
    done = subprocess.run([build / "carob-api", f"--dir={data_dir}", "--listen=127.0.0.1:0", f"--user={user}"], text=True,
                          capture_output=True, timeout=20)
    assert done.returncode == 254 and text in done.stderr


@pytest.mark.root
def test_only_root_can_become_somebody(start_api):
    server = start_api("--user=1:1", user=USER, group=USER, wait=False)
    assert server.process.wait(20) == 254
    assert "--user takes root" in server.process.stderr.read().decode()
    server.process = subprocess.Popen(["true"], stderr=subprocess.PIPE)


@pytest.mark.root
def test_a_key_that_the_user_cannot_read_is_told_at_the_start(start_api, tmp_path):
    own = pki.Authority(tmp_path / "pki", "ours").issue("server", "DNS:localhost")
    for path in [tmp_path, *tmp_path.parents][:-1]:
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o055)
    own.cert.chmod(0o644)
    own.key.chmod(0o600)
    server = start_api(f"--tls-cert={own.cert}", f"--tls-key={own.key}", f"--user={USER}:{USER}", wait=False)
    assert server.process.wait(20) == 254
    said = server.process.stderr.read().decode()
    assert "SIGHUP could not reload the certificates" in said and str(own.key) in said
    server.process = subprocess.Popen(["true"], stderr=subprocess.PIPE)


def exercise(server, pod, image):
    """All seven calls."""
    api, pb = server.client, server.pb
    assert api.GetInfo().info.api_version
    assert pod.uuid in [p.id for p in api.pods(detail=True)] and api.pod(pod.uuid[:13]).id == pod.uuid
    assert image in [i.id for i in api.images(detail=True)] and api.InspectImage(id=image[:20]).image.id == image
    assert "line" in api.logs(pod.uuid)[0]
    assert list(api.ListenEvents(filter={"until_time": 1})) == []
    listening = api.ListenEvents(filter={"since_time": 1})
    assert listening.initial_metadata() is not None
    listening.cancel()
    assert pb.POD_STATE_EXITED == api.pod(pod.uuid).state


def test_every_call_works(start_api, tree, data_dir):
    image = podtree.image_id("a")
    pod = tree.pod("run", "app", pid=1, started=1)
    pod.log("app", (10**18, "line"))
    tree.image(image, "example.com/a")
    flags = ["--confine=require"]
    if os.geteuid() == 0:
        give_to_group(data_dir)
        flags.append(f"--user={USER}:{USER}")
    server = start_api(*flags)
    exercise(server, pod, image)


def test_logs_are_followed(start_api, tree):
    pod = tree.pod("run", "app", locked=True, pid=os.getpid(), started=1)
    pod.log("app", (10**18, "first"))
    lines = start_api("--confine=require").client.GetLogs(pod_id=pod.uuid, follow=True)
    assert "first" in next(lines).lines[0]
    pod.log("app", (10**18 + 1, "second"))
    assert "second" in next(lines).lines[0]
    lines.cancel()


def test_pods_and_directories_that_come_later_are_read(start_api, tree, data_dir):
    server = start_api("--confine=require")
    pod = tree.pod("prepared", "app")
    assert [p.id for p in server.client.pods()] == [pod.uuid]
    data_dir.rename(data_dir.with_name("old"))
    assert server.client.pods() == []
    shutil.copytree(data_dir.with_name("old"), data_dir)
    assert [p.id for p in server.client.pods()] == [pod.uuid]


def test_certificates_are_reloaded(start_api, tmp_path):
    ca = pki.Authority(tmp_path / "pki", "ours")
    own = ca.issue("server", "DNS:localhost,IP:127.0.0.1")
    live = tmp_path / "live"
    live.mkdir()
    shutil.copy(own.cert, live / "cert.pem"), shutil.copy(own.key, live / "key.pem")
    flags = ["--confine=require", f"--tls-cert={live}/cert.pem", f"--tls-key={live}/key.pem"]
    if os.geteuid() == 0:
        flags.append(f"--user={USER}:{USER}")
        for path in [live, *live.iterdir(), *live.parents]:
            if path.stat().st_uid == 0 and path.stat().st_mode & 0o005 != 0o005 and path != pathlib.Path("/"):
                path.chmod(path.stat().st_mode | 0o055)
    server = start_api(*flags)
    new = ca.issue("server", "DNS:localhost,IP:127.0.0.1")
    for source, name in ((new.cert, "cert.pem"), (new.key, "key.pem")):
        shutil.copy(source, live / "tmp")
        (live / "tmp").chmod(0o644)
        (live / "tmp").rename(live / name)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("Certificates reloaded")
    client = apiclient.Client(server.addresses[0], server.pb, ca=ca.cert)
    assert client.GetInfo().info.api_version
    client.close()


def test_a_thousand_clients_are_let_in(start_api, pb):
    server = start_api("--confine=require")
    host, port = server.addresses[0].rsplit(":", 1)
    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04\0\0\0\0\0"
    crowd = []
    try:
        for _ in range(1000):
            crowd.append(socket.create_connection((host, int(port)), timeout=20))
            crowd[-1].sendall(hello)
        for client in crowd:
            assert client.recv(9)[3] == 4, "SETTINGS"
        threads = [threading.Thread(target=server.client.pods) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        for client in crowd:
            client.close()
    assert server.client.GetInfo().info.api_version


@pytest.mark.root
def test_the_same_user_learns_nothing_from_the_process(start_api, data_dir):
    give_to_group(data_dir)
    server = start_api(f"--user={USER}:{USER}")
    for name in ("environ", "maps", "mem", "fd/0"):
        done = subprocess.run(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "cat",
                               f"/proc/{server.pid}/{name}"], capture_output=True, text=True, timeout=20)
        assert done.returncode != 0 and "Permission denied" in done.stderr, name


def test_nothing_is_confined_when_nothing_shall_be(start_api):
    server = start_api("--confine=off")
    said = status(server)
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("0", "0")
    assert server.client.GetInfo().info.api_version
