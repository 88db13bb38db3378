# SPDX-License-Identifier: Apache-2.0
"""Where the service listens: addresses, files of sockets, plaintext, TLS, sockets and signs of a service manager."""
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time

import pytest

import apiclient
import pki
from activation import Manager, activated, tcp, unix


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return pki.Authority(tmp_path_factory.mktemp("pki"), "ours")


@pytest.fixture(scope="module")
def own(ca):
    return ca.issue("server", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def refused(build, data_dir):
    """refused(*flags) -> what a service says that does not start."""

    def run(*flags, **kwargs):
        before = kwargs.pop("before", [])
        listen = kwargs.pop("listen", None)
        words = [*before, build / "carob-api", f"--dir={data_dir}", *([f"--listen={listen}"] if listen else []), *flags]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=20, **kwargs)
        assert done.returncode == 254 and "API service running" not in done.stderr, done.stderr
        return done.stderr

    return run


def ask(target, pb, **flags):
    client = apiclient.Client(target, pb, **flags)
    try:
        return client.GetInfo().info.api_version
    finally:
        client.close()


def test_a_socket_file_has_the_mode_and_group_it_was_given(start_api, short_tmp, pb):
    group = 64242 if os.geteuid() == 0 else os.getegid()
    server = start_api(f"--listen=unix:{short_tmp}/open,mode=0666", f"--listen=unix:{short_tmp}/grouped,group={group}")
    assert stat.S_IMODE((short_tmp / "open").stat().st_mode) == 0o666
    assert stat.S_IMODE((short_tmp / "grouped").stat().st_mode) == 0o660
    assert (short_tmp / "grouped").stat().st_gid == group
    assert server.addresses[1:] == [f"unix:{short_tmp}/open", f"unix:{short_tmp}/grouped"]
    for address in server.addresses:
        assert ask(address, pb) == "1.0.0-alpha"


def test_a_group_that_is_not_there_is_told(refused, short_tmp):
    assert 'there is no group "no-such-group"' in refused(f"--listen=unix:{short_tmp}/s,group=no-such-group")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:1"])
def test_plaintext_that_leaves_the_host_is_refused(refused, address):
    said = refused(listen=address)
    for word in (f"cannot listen on {address}", "--tls-cert", "--insecure-listen", "other hosts"):
        assert word in said


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", ":0"])
def test_unless_it_is_wanted(start_api, pb, address):
    port = start_api("--insecure-listen", listen=address).addresses[0].rsplit(":", 1)[1]
    assert ask(f"localhost:{port}", pb)


def test_or_there_is_tls(start_api, ca, own, pb):
    server = start_api(f"--tls-cert={own.cert}", f"--tls-key={own.key}", listen="0.0.0.0:0")
    port = server.addresses[0].rsplit(":", 1)[1]
    assert ask(f"127.0.0.1:{port}", pb, ca=ca.cert)


@pytest.mark.parametrize("flags, text", [
    (["--tls-key=/k"], "--tls-key without --tls-cert"),
    (["--tls-client-ca=/ca"], "--tls-client-ca without --tls-cert"),
    (["--tls-cert=/c", "--tls-allowed-name=x"], "--tls-allowed-name without --tls-client-ca"),
    (["--tls-cert=/nonexistent/c"], "/nonexistent/c"),
    (["--tls-cert=/c", "--listen=unix:/s"], "unix sockets have no TLS"),
    (["--max-connections=0"], "--max-connections=0"),
    (["--confine=maybe"], "not try, require or off"),
])
def test_what_makes_no_sense_is_told(refused, flags, text):
    assert text in refused(*flags)


def test_socket_file_stays_and_is_replaced(start_api, short_tmp, refused, pb):
    path = short_tmp / "s"
    assert start_api(listen=f"unix:{path}").end() == 0
    assert path.is_socket()
    server = start_api(listen=f"unix:{path}")
    assert ask(f"unix:{path}", pb)
    assert "somebody listens there" in refused(listen=f"unix:{path}")
    assert server.end() == 0


# --- Sockets of the service manager ---

def test_all_sockets_that_are_handed_over_are_served(start_api, short_tmp, pb):
    with tcp() as one, tcp("::1") as two, unix(short_tmp / "s") as three:
        server = start_api(**activated(one, two, three, names="a:b"))
        assert server.addresses == [f"127.0.0.1:{one.getsockname()[1]}", f"[::1]:{two.getsockname()[1]}", f"unix:{short_tmp}/s"]
        assert '(socket "a")' in server.text and '(socket "b")' in server.text and '(socket "unknown")' in server.text
        for address in server.addresses:
            assert ask(address, pb)
        assert server.end() == 0
        assert (short_tmp / "s").is_socket(), "the manager's file is not ours to remove"


def test_a_client_that_waits_since_before_the_start_is_served(start_api, pb):
    with tcp() as one:
        with socket.create_connection(one.getsockname()) as early:
            start_api(**activated(one))
            early.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04\0\0\0\0\0")
            early.settimeout(20)
            assert early.recv(9)[3] == 4, "SETTINGS"


def test_sockets_and_listen_are_one_too_many(refused):
    with tcp() as one:
        said = refused(**dict(activated(one), listen="127.0.0.1:0"))
    assert "started under systemd.socket(5), but --listen passed! Quitting." in said


def test_handed_over_sockets_leave_the_host_with_tls_only(refused, start_api, ca, own, pb):
    with tcp("0.0.0.0") as one:
        said = refused(**activated(one))
        assert f"0.0.0.0:{one.getsockname()[1]}" in said and "--insecure-listen" in said
        start_api(f"--tls-cert={own.cert}", f"--tls-key={own.key}", **activated(one))
        assert ask(f"127.0.0.1:{one.getsockname()[1]}", pb, ca=ca.cert)


def test_what_does_not_listen_is_refused(refused, short_tmp):
    with socket.socket() as idle, open("/dev/null") as null, socket.socket(type=socket.SOCK_DGRAM) as udp:
        for what in (idle, null, udp):
            said = refused(**activated(what))
            assert 'cannot serve the activated socket "unknown"' in said


def test_a_connection_that_is_handed_over_is_served_and_no_other(start_api, pb):
    """As inetd does it, or Accept=yes of systemd.socket(5)."""
    for family in (socket.AF_UNIX, socket.AF_INET):
        if family == socket.AF_UNIX:
            ours, theirs = socket.socketpair()
        else:
            with tcp() as listener:
                ours = socket.create_connection(listener.getsockname())
                theirs = listener.accept()[0]
        server = start_api(**activated(theirs, names="connection"))
        theirs.close()
        assert "Serving a client of" in server.text and "Listening" not in server.text
        with ours:
            ours.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04\0\0\0\0\0")
            ours.settimeout(20)
            assert ours.recv(9)[3] == 4, "SETTINGS"
        assert server.process.wait(20) == 0
        assert "error" not in server.text


def test_beside_a_socket_that_listens_it_is_one_client_of_many(start_api, pb):
    ours, theirs = socket.socketpair()
    with tcp() as one, theirs:
        server = start_api(**activated(theirs, one))
    ours.close()
    assert server.client.GetInfo().info.api_version


def test_a_connection_that_leaves_the_host_takes_tls(refused):
    with tcp("0.0.0.0") as listener:
        host = subprocess.check_output(["hostname", "-I"], text=True).split()
        if not host or ":" in host[0]:
            pytest.skip("this host has no IPv4 address but loopback")
        with socket.create_connection((host[0], listener.getsockname()[1])), listener.accept()[0] as theirs:
            assert "--insecure-listen" in refused(**activated(theirs))


def test_broken_words_of_the_manager_are_told(refused):
    said = refused(env=dict(os.environ, LISTEN_PID="nobody", LISTEN_FDS="1"))
    assert "LISTEN_PID=nobody: no process id" in said


# --- What the manager is told ---

@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_is_told(start_api, short_tmp, abstract):
    manager = Manager(f"@carob-{os.getpid()}-{short_tmp.name}" if abstract else short_tmp / "notify")
    server = start_api(env=manager.environment())
    assert manager.next() == {"READY": "1", "STATUS": "Serving"}
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    server.process.send_signal(signal.SIGHUP)
    said = manager.next()
    assert said["RELOADING"] == "1" and int(said["MONOTONIC_USEC"]) >= before
    assert manager.next()["READY"] == "1"
    assert server.end() == 0
    assert manager.next()["STOPPING"] == "1"
    manager.close()


def test_ready_means_that_all_has_been_read(start_api, short_tmp, tree):
    for _ in range(50):
        tree.pod("prepared", "app")
    manager = Manager(short_tmp / "notify")
    server = start_api(env=manager.environment(), wait=False)
    manager.wait_for("READY")
    server.wait_for("API service running")
    assert len(server.client.pods()) == 50
    manager.close()


def test_a_watchdog_is_fed(start_api, short_tmp):
    manager = Manager(short_tmp / "notify")
    start_api(env=manager.environment(WATCHDOG_USEC="100000"))
    for _ in range(3):
        assert manager.wait_for("WATCHDOG") == {"WATCHDOG": "1"}
    manager.close()


def test_a_manager_that_is_not_there_stops_nobody(start_api, short_tmp):
    server = start_api(env=dict(os.environ, NOTIFY_SOCKET=f"{short_tmp}/nobody"))
    assert "the service manager will not be told" in server.text
    assert server.client.GetInfo().info.api_version


# --- Certificates ---

def served(address, ca):
    """The certificate that the server shows."""
    host, port = address.rsplit(":", 1)
    context = ssl.create_default_context(cafile=ca.cert)
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((host, int(port)), timeout=20) as s, context.wrap_socket(s, server_hostname="localhost") as t:
        return t.getpeercert(binary_form=True)


def test_a_signal_brings_the_new_certificate(start_api, tmp_path, ca, own):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(own.cert, cert), shutil.copy(own.key, key)
    server = start_api(f"--tls-cert={cert}", f"--tls-key={key}")
    first = served(server.addresses[0], ca)
    assert served(server.addresses[0], ca) == first

    new = ca.issue("server", "DNS:localhost,IP:127.0.0.1")
    for source, to in ((new.cert, cert), (new.key, key)):  # as tools replace them, by rename
        shutil.copy(source, tmp_path / "tmp")
        (tmp_path / "tmp").rename(to)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("Certificates reloaded")
    second = served(server.addresses[0], ca)
    assert second != first

    cert.write_text("nonsense")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("certificates not reloaded, the old ones stay")
    assert str(cert) in server.text
    assert served(server.addresses[0], ca) == second


def test_unix_sockets_stay_without_tls(start_api, short_tmp, own, pb, ca):
    server = start_api(f"--listen=unix:{short_tmp}/s", f"--tls-cert={own.cert}", f"--tls-key={own.key}")
    assert ask(f"unix:{short_tmp}/s", pb)
    assert ask(server.addresses[0], pb, ca=ca.cert)


def test_the_command_line_hands_all_options_on(build, data_dir, short_tmp, pb):
    server = apiclient.Server(build / "carob", pb, "api-service", f"--listen=unix:{short_tmp}/s,mode=0600", "--confine=try",
                              "--max-connections=10", dir=data_dir, listen=None)
    try:
        assert stat.S_IMODE((short_tmp / "s").stat().st_mode) == 0o600
        assert ask(f"unix:{short_tmp}/s", pb)
    finally:
        assert server.end() == 0
