# SPDX-License-Identifier: Apache-2.0
"""What a hostile client can do to a listener with TLS, before its certificate is known and after."""
import os
import select
import socket
import ssl
import struct
import subprocess

import pytest

import h2frames as h2
import pki
from siege import INFO, Siege, many_files, wait_until

ABORT = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return pki.Authority(tmp_path_factory.mktemp("pki"), "ours")


@pytest.fixture
def siege(start_api, ca):
    """As in test_abuse.py, of a service that wants certificates of its clients."""
    server, own = ca.issue("server", "DNS:localhost"), ca.issue("client", "DNS:client.example")

    def start(memory=4, *flags):
        api = start_api(f"--tls-cert={server.cert}", f"--tls-key={server.key}", f"--tls-client-ca={ca.cert}", *flags)
        made = Siege(api, memory, wrap=pki.wrapper(ca, own), ca=ca.cert, cert=own.cert, key=own.key, name="localhost")
        made.own = own
        return made

    return start


def client_hello():
    """As OpenSSL says it."""
    out = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def s_client(s, ca, *words, say=b""):
    return subprocess.run(["openssl", "s_client", "-connect", s.target, "-CAfile", ca.cert, "-cert", s.own.cert, "-key", s.own.key,
                           *words], input=say, capture_output=True, timeout=60)


def test_a_thousand_idle_connections(siege):
    assert many_files(4096)
    with siege(memory=64) as s:
        connections = [s.connect() for _ in range(1000)]
        for c in connections:
            c.send(h2.call(1, INFO))
        for c in connections:
            assert c.wait(h2.HEADERS, stream=1, flags=h2.END_STREAM)
        assert wait_until(s.rests)


def test_connections_dropped_within_the_handshake(siege):
    hello = client_hello()
    words = [b"", hello[:1], hello[:5], hello[:-1], hello, hello + hello, hello + b"\x14\x03\x03\x00\x01\x01", b"\x16\x03\x01\xff\xff",
             b"\x80\x2e\x01\x03\x01", h2.PREFACE, os.urandom(600), b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x00\x10" + b"x" * 16]
    with siege(memory=8) as s:
        for n in range(3000):
            with h2.connect(s.target) as c:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                c.send(words[n % len(words)])
                if n % 3 == 0:
                    select.select([c], [], [], 0.001)


def test_many_half_open_handshakes(siege):
    hello = client_hello()
    assert many_files(4096)
    with siege(memory=80) as s:
        half = [h2.connect(s.target) for _ in range(1000)]
        for n, c in enumerate(half):
            c.sendall(hello[:-1] if n % 2 else hello)
        assert s.pulse.alive()
        assert wait_until(s.rests)
        for c in half:
            c.close()


def test_handshakes_without_end_are_ended(siege):
    """Of the ten seconds that clients have."""
    hello = client_hello()
    with siege() as s:
        slow = [h2.connect(s.target) for _ in range(30)]
        for c in slow[:10]:
            c.sendall(hello)
        for c in slow[10:20]:
            c.sendall(hello[:50])
        done = [s.connect(b"") for _ in range(10)]
        partial = [s.connect(h2.PREFACE) for _ in range(10)]
        for byte in hello[:18]:
            for c in slow[20:]:
                c.sendall(bytes([byte]))
            select.select([], [], [], 0.4)
        for c in slow:
            try:
                while c.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            c.close()
        for c in done + partial:
            assert list(c.frames()) is not None and c.closed


@pytest.mark.parametrize("alpn", [["http/1.1"], ["h2c"], []], ids=["http/1.1", "h2c", "none"])
def test_only_http2_is_spoken(siege, ca, alpn):
    with siege() as s:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with h2.Connection(s.target, wrap=pki.wrapper(ca, s.own, alpn=alpn)) as c:
                # With TLS 1.3 the refusal may come after the client thinks it is done.
                if not c.next():
                    raise ConnectionResetError


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_versions_are_refused(siege, ca, version):
    with siege() as s:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            h2.Connection(s.target, wrap=pki.wrapper(ca, s.own, ciphers="ALL:@SECLEVEL=0",
                                                     minimum_version=getattr(ssl.TLSVersion, version),
                                                     maximum_version=getattr(ssl.TLSVersion, version)))


def test_tls_1_2_is_served(siege, ca):
    with siege() as s:
        with h2.Connection(s.target, wrap=pki.wrapper(ca, s.own, maximum_version=ssl.TLSVersion.TLSv1_2)) as c:
            assert c.socket.version() == "TLSv1.2"
            c.send(h2.call(1, INFO))
            assert c.wait(h2.HEADERS, stream=1, flags=h2.END_STREAM)


def test_renegotiation_is_refused(siege, ca):
    """RFC 9113 section 9.2.1"""
    with siege() as s:
        done = s_client(s, ca, "-tls1_2", "-alpn", "h2", say=b"R\n" * 10)
        assert b"RENEGOTIATING" in done.stderr + done.stdout
        assert done.returncode != 0 or b"renegotiation" in done.stderr


def test_keys_updated_without_end(siege, ca):
    with siege() as s:
        s_client(s, ca, "-tls1_3", "-alpn", "h2", say=b"K\n" * 5000)


def test_floods_within_tls(siege):
    with siege() as s:
        c = s.connect()
        c.send(*(h2.headers(n, h2.request_fields(INFO)) + h2.rst_stream(n) for n in range(1, 10001, 2)))
        assert h2.GOAWAY in [f.type for f in c.frames()]
        for what in (h2.ping(), h2.settings(), h2.frame(h2.PRIORITY, 0, 7, b"\0\0\0\0\0"), b"\0" * 16384):
            s.connect().send(what * (200000 // len(what)))
