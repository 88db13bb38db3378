# SPDX-License-Identifier: Apache-2.0
"""The service as a process: start, stop, listeners, GetInfo, and what it must never do."""
import os
import pathlib
import signal
import socket
import subprocess
import threading

import grpc
import pytest

import apiclient


def test_says_what_rkt_said_and_ends_with_0(start_api):
    for signo in (signal.SIGTERM, signal.SIGINT):
        server = start_api()
        assert server.end(signo) == 0
        said = [line.split(": ", 1)[1] for line in server.text.splitlines()
                if "not confined by" not in line]  # some kernels cannot
        assert said[0] == "API service starting..."
        assert said[1].startswith("Listening on 127.0.0.1:")
        assert said[2:] == ["API service running", "API service exiting..."]


def test_impatient_signals_change_nothing(start_api):
    for _ in range(20):
        server = start_api()
        for _ in range(50):
            server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0


def test_info_tells_versions_and_flags(start_api, data_dir, short_tmp):
    link = short_tmp / "link"
    link.symlink_to(data_dir)
    server = start_api("--system-config=/s", "--local-config=/l", "--user-config=/u", dir=link)
    info = server.client.GetInfo().info
    assert info.rkt_version.startswith("1.30.0+carob.")
    assert info.appc_version == "0.8.11"
    assert info.api_version == "1.0.0-alpha"
    flags = info.global_flags
    assert flags.dir == str(data_dir.resolve())
    assert (flags.system_config_dir, flags.local_config_dir, flags.user_config_dir) == ("/s", "/l", "/u")
    assert flags.insecure_flags == "none" and not flags.trust_keys_from_https


def test_info_of_an_untouched_machine(start_api):
    flags = start_api().client.GetInfo().info.global_flags
    assert (flags.system_config_dir, flags.local_config_dir, flags.user_config_dir) == ("/usr/lib/carob", "/etc/carob", "")


def test_several_listeners_serve_at_once(start_api, short_tmp, pb):
    server = start_api(f"--listen=unix:{short_tmp}/api.sock", "--listen=localhost:0")
    assert len(server.addresses) == 3
    for address in server.addresses:
        client = apiclient.Client(address, pb)
        assert client.GetInfo().info.api_version == "1.0.0-alpha"
        client.close()


@pytest.mark.parametrize("flags, text", [
    (["--listen=nonsense"], '--listen=nonsense: address "nonsense" has no port'),
    (["--insecure-listen", "--listen=192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    (["--bogus"], "unknown option --bogus; see carob-api --help"),
    (["--log-level=loud"], "--log-level=loud: not error, warning, info or debug"),
    (["start"], 'unexpected argument "start"'),
])
def test_what_cannot_start_ends_with_254(build, data_dir, flags, text):
    done = subprocess.run([build / "carob-api", f"--dir={data_dir}", *flags], capture_output=True, text=True, timeout=20)
    assert done.returncode == 254
    assert text in done.stderr
    assert "API service running" not in done.stderr


def test_a_taken_port_is_refused(start_api, build, data_dir):
    address = start_api().addresses[0]
    done = subprocess.run([build / "carob-api", f"--dir={data_dir}", f"--listen={address}"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 254
    assert f"cannot listen on {address}" in done.stderr


def test_help_goes_to_stdout(build):
    done = subprocess.run([build / "carob-api", "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and done.stdout.startswith("Usage: carob-api") and not done.stderr


def test_missing_data_directory_is_empty_until_it_appears(start_api, tree, data_dir):
    data_dir.rmdir()
    api = start_api().client
    assert api.pods() == [] and api.images() == []
    assert api.error("InspectPod", id="12") == ("NOT_FOUND", 'no matches found for "12"')
    assert api.error("InspectImage", id="sha512-ab")[0] == "NOT_FOUND"
    assert api.GetInfo().info.global_flags.dir == str(data_dir)
    assert not data_dir.exists()
    pod = tree.pod("prepared", "app")
    assert [p.id for p in api.pods()] == [pod.uuid]


def test_nothing_is_ever_created_or_changed(start_api, tree, data_dir):
    pod = tree.pod("run", "app", pid=1, started=1)
    pod.log("app", (10**18, "line"))

    def listing():
        return sorted((str(p), p.lstat().st_mtime_ns, p.lstat().st_ctime_ns) for p in [data_dir, *data_dir.rglob("*")])

    before = listing()
    api = start_api().client
    for _ in range(3):
        api.pods(), api.images(), api.pod(pod.uuid), api.logs(pod.uuid)
    assert listing() == before


def test_an_unprivileged_user_may_serve(build, pb, tree, data_dir, short_tmp, start_api):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    pod = tree.pod("run", "app", pid=1, started=1)
    for path in [short_tmp, *short_tmp.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    for parent in build.parents:
        if not os.stat(parent).st_mode & 0o005:
            pytest.skip(f"{parent} keeps other users from the program")
    api = start_api(user=65534, group=65534).client
    assert [p.id for p in api.pods()] == [pod.uuid]


def test_unreadable_data_directory_is_named(start_api, tree, data_dir, build):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tree.pod("run", "app")
    data_dir.chmod(0o700)
    data_dir.parent.chmod(0o755)
    for parent in build.parents:
        if not os.stat(parent).st_mode & 0o005:
            pytest.skip(f"{parent} keeps other users from the program")
    api = start_api(user=65534, group=65534).client
    code, text = api.error("ListPods")
    assert code == "PERMISSION_DENIED" and str(data_dir) in text


def test_unknown_methods_are_unimplemented(api):
    for path in ("/v1alpha.PublicAPI/Nope", "/v1alpha.Nope/GetInfo"):
        with pytest.raises(grpc.RpcError) as caught:
            api.channel.unary_unary(path)(b"", timeout=10)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_bytes_that_are_no_message_do_no_harm(api):
    for junk in (b"\xff", b"\x0a\x7f", b"\x0a\x02\xff\xfe", os.urandom(64), b"\x0b" * 1000):
        call = api.channel.unary_unary("/v1alpha.PublicAPI/InspectPod", response_deserializer=bytes)
        with pytest.raises(grpc.RpcError):
            call(junk, timeout=10)
    assert api.pods() == []


def test_connections_without_a_word_are_harmless(start_api):
    server = start_api()
    host, port = server.addresses[0].rsplit(":", 1)
    for data in [b""] * 50 + [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]:
        with socket.create_connection((host, int(port)), timeout=10) as s:
            s.sendall(data)
    assert server.client.GetInfo().info.api_version


def test_many_clients_at_once(start_api, tree, pb):
    ids = sorted(tree.pod("prepared", "app").uuid for _ in range(20))
    server = start_api()
    wrong = []

    def client():
        api = apiclient.Client(server.addresses[0], pb)
        for _ in range(20):
            if [p.id for p in api.pods()] != ids or not api.GetInfo().info.rkt_version:
                wrong.append(1)
        api.close()

    threads = [threading.Thread(target=client) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_death_of_the_service_touches_no_pod(start_api, tree):
    pod = tree.pod("run", "app", locked=True, pid=1, started=1)
    server = start_api()
    assert server.client.pod(pod.uuid).state == server.pb.POD_STATE_RUNNING
    server.end(signal.SIGKILL)
    assert start_api().client.pod(pod.uuid).state == server.pb.POD_STATE_RUNNING


def test_memory_and_descriptors_stay_small(start_api):
    server = start_api()
    server.client.GetInfo()
    pages = int(pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    assert server.descriptors() < 30
    assert pages > 0
