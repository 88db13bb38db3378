# SPDX-License-Identifier: Apache-2.0
"""What a hostile client can do within one connection: each attack of the last years against servers of HTTP/2, with a
bound on memory, and others served meanwhile."""
import os
import socket
import zlib

import pytest

import h2frames as h2
from siege import INFO, PODS, Siege


@pytest.fixture
def siege(start_api):
    """siege(MiB by which the service may grow): its surroundings are those of class Siege."""
    return lambda memory=4: Siege(start_api(), memory)


def results(frames, streams):
    """{stream: error of RST_STREAM, or "ended" for the last frame of an answer} of those of @streams that have one."""
    got = {}
    for f in frames:
        if f.stream in streams and f.type == h2.RST_STREAM:
            got.setdefault(f.stream, f.error)
        elif f.stream in streams and f.has(h2.END_STREAM) and f.type in (h2.HEADERS, h2.DATA):
            got.setdefault(f.stream, "ended")
    return got


def answers(c, streams):
    """The same of all @streams, from what the server says next."""
    got = {}
    for f in c.frames():
        got = {**results([f], streams), **got}
        if len(got) == len(streams):
            break
    return got


def left(c):
    """The server has ended the connection, or is about to."""
    return any(f.type == h2.GOAWAY for f in c.settle()) or c.closed


def goaway(c):
    """The error of the GOAWAY that ends the connection; None when it ends without, False when it does not end."""
    error = None
    try:
        for f in c.frames():
            if f.type == h2.GOAWAY:
                error = f.error
    except TimeoutError:
        return False
    return error


def open_call(stream, path=INFO, *more):
    return h2.headers(stream, h2.request_fields(path, *more))


# --- frames that start or end work

def test_rapid_reset(siege):
    """CVE-2023-44487"""
    with siege() as s:
        c = s.connect()
        data = b"".join(open_call(n) + h2.rst_stream(n) for n in range(1, 40001, 2))
        c.flood(data)
        assert goaway(c) not in (False, h2.NO_ERROR)


def test_rapid_reset_of_whole_calls(siege):
    """The work is done by then, or is being done."""
    with siege() as s:
        c = s.connect()
        c.flood(b"".join(h2.call(n, PODS if n % 4 == 1 else INFO) + h2.rst_stream(n) for n in range(1, 40001, 2)))
        assert goaway(c) not in (False, h2.NO_ERROR)


RESETS = {
    "window of 0": lambda n: open_call(n) + h2.window_update(n, 0),
    "window overflow": lambda n: open_call(n) + h2.window_update(n, h2.MAX_WINDOW),
    "bad header": lambda n: h2.headers(n, h2.request_fields(INFO, ("Upper", "x"))),
    "hop-by-hop": lambda n: h2.headers(n, h2.request_fields(INFO, ("connection", "close"))),
    "content-length": lambda n: h2.headers(n, h2.request_fields(INFO, ("content-length", "1"))) +
    h2.frame(h2.DATA, h2.END_STREAM, n, b"12345"),
    "data after the end": lambda n: h2.call(n, INFO) + h2.frame(h2.DATA, 0, n, b"x"),
    "early end": lambda n: h2.headers(n, h2.request_fields("/no/method")),
    "priority on itself": lambda n: open_call(n) + h2.frame(h2.PRIORITY, 0, n, n.to_bytes(4, "big") + b"\0"),
    "priority of 4 bytes": lambda n: open_call(n) + h2.frame(h2.PRIORITY, 0, n, b"\0" * 4),
}


@pytest.mark.parametrize("how", RESETS)
def test_made_you_reset(siege, how):
    """CVE-2025-8671: the server is made to reset its own streams, 10,000 times."""
    with siege() as s:
        c = s.connect()
        c.flood(b"".join(RESETS[how](n) for n in range(1, 20001, 2)))
        # nghttp2 ignores priorities; a call that is answered before it is whole is no error of anybody.
        assert left(c) or how in ("priority on itself", "early end")


def test_more_streams_than_allowed(siege):
    with siege() as s:
        c = s.connect()
        streams = range(1, 301, 2)
        c.send(*(open_call(n) for n in streams))
        assert results(c.settle(), streams) == {n: h2.REFUSED_STREAM for n in streams[100:]}
        c.send(*(h2.frame(h2.DATA, h2.END_STREAM, n, h2.message()) for n in streams[:100]))
        assert answers(c, set(streams[:100])) == {n: "ended" for n in streams[:100]}


# --- header blocks

def test_continuation_flood(siege):
    """CVE-2024-28182"""
    with siege() as s:
        c = s.connect()
        block = h2.hpack([("x", "y" * 96)])
        c.flood(h2.frame(h2.HEADERS, 0, 1, h2.hpack(h2.request_fields(INFO))) +
                h2.frame(h2.CONTINUATION, 0, 1, block) * 20000)
        assert goaway(c) is not False


def test_empty_header_frames(siege):
    """CVE-2019-9518"""
    with siege() as s:
        c = s.connect()
        c.flood(h2.frame(h2.HEADERS, 0, 1) + h2.frame(h2.CONTINUATION, 0, 1) * 100000)
        assert goaway(c) is not False


def test_header_list_of_15_kb_in_one_frame(siege):
    with siege() as s:
        c = s.connect()
        c.send(h2.headers(1, h2.request_fields(INFO, *((f"x-{n}", "v" * 1000) for n in range(15))), end_stream=True))
        assert answers(c, {1}) == {1: "ended"}
        c.send(h2.call(3, INFO))
        assert answers(c, {3}) == {3: "ended"}


def test_header_list_of_240_kb(siege):
    with siege() as s:
        c = s.connect()
        block = h2.hpack(h2.request_fields(INFO) + [(f"x-{n}", "v" * 1000) for n in range(240)])
        parts = [block[i:i + 16384] for i in range(0, len(block), 16384)]
        c.flood(h2.frame(h2.HEADERS, 0, 1, parts[0]) +
                b"".join(h2.frame(h2.CONTINUATION, 0, 1, p) for p in parts[1:-1]) +
                h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, parts[-1]))
        assert goaway(c) is not False or answers(c, {1})


def test_hop_by_hop_and_9_kb(siege):
    """CVE-2023-1428"""
    with siege() as s:
        c = s.connect()
        c.send(h2.headers(1, h2.request_fields(INFO, ("x-large", "v" * 9000), te="x")))
        assert answers(c, {1}) == {1: h2.PROTOCOL_ERROR}
        c.send(h2.call(3, INFO))
        assert answers(c, {3}) == {3: "ended"}


@pytest.mark.parametrize("references", [15000, 200])
def test_hpack_bomb(siege, references):
    """A header of 4,000 bytes enters the table; each byte after names it once more. Within one stream, or many."""
    with siege() as s:
        c = s.connect()
        c.send(h2.headers(1, h2.hpack(h2.request_fields(INFO)) + h2.hpack_literal("x", "v" * 4000, indexed=True)))
        bomb = h2.hpack(h2.request_fields(INFO)) + h2.hpack_indexed(62) * references
        c.flood(b"".join(h2.headers(n, bomb) for n in range(3, 2003, 2)))
        left(c)


def test_table_resized_again_and_again(siege):
    with siege() as s:
        c = s.connect()
        resize = h2.hpack_int(4096, 5, 0x20) + h2.hpack_int(0, 5, 0x20)
        c.send(h2.headers(1, resize * 4000 + h2.hpack(h2.request_fields(INFO)), end_stream=True))
        seen = c.settle()
        assert c.closed or results(seen, {1})


def test_names_and_values_without_bytes(siege):
    with siege() as s:
        c = s.connect()
        c.flood(b"".join(h2.headers(n, h2.request_fields(INFO, *[("", "")] * 3000)) for n in range(1, 401, 2)))
        left(c)


# --- frames that ask for answers

@pytest.mark.parametrize("what", [h2.ping(), h2.settings(), h2.settings((h2.INITIAL_WINDOW_SIZE, 65535)),
                                  h2.settings(*[(h2.HEADER_TABLE_SIZE, 4096)] * 32)],
                         ids=["PING", "SETTINGS", "window", "table"])
@pytest.mark.parametrize("reads", [True, False], ids=["reads", "never reads"])
def test_floods_that_are_acknowledged(siege, what, reads):
    """CVE-2019-9512, CVE-2019-9515"""
    with siege() as s:
        c = s.connect()
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert c.flood(what * min(200000, 4000000 // len(what)), read=reads) in ("closed", "sent") or not reads


@pytest.mark.parametrize("what", [
    h2.frame(h2.SETTINGS, 0, 0, b"\0\x7f" + b"\0" * 4), h2.settings(ack=True), h2.ping(ack=True),
    h2.window_update(0, 1), h2.frame(h2.PRIORITY, 0, 7, b"\0\0\0\0\0"), h2.frame(0xbe, 0, 0, b"x" * 7),
    h2.frame(h2.RST_STREAM, 0, 1, b"\0\0\0\x08"), h2.frame(h2.DATA, 0, 1), h2.frame(h2.DATA, h2.PADDED, 1, b"\0"),
    h2.frame(h2.GOAWAY, 0, 0, b"\0" * 8), h2.window_update(1, 1)],
    ids=["unknown setting", "SETTINGS ack", "PING ack", "WINDOW_UPDATE", "PRIORITY", "unknown frame", "RST_STREAM", "empty DATA",
         "padded nothing", "GOAWAY", "WINDOW_UPDATE of a stream"])
def test_floods_of_small_frames(siege, what):
    """CVE-2019-9517, CVE-2019-9518"""
    with siege() as s:
        c = s.connect()
        c.send(open_call(1))
        assert c.flood(what * (3000000 // len(what))) in ("sent", "closed")


def test_priorities_of_streams_that_never_were(siege):
    """CVE-2019-9513"""
    with siege() as s:
        c = s.connect()
        c.flood(b"".join(h2.frame(h2.PRIORITY, 0, n, (n - 2 if n > 1 else 0).to_bytes(4, "big") + b"\x10")
                         for n in range(1, 400001, 2)))
        left(c)


# --- data

def test_data_without_waiting_for_the_window(siege):
    with siege() as s:
        c = s.connect()
        c.flood(open_call(1) + h2.frame(h2.DATA, 0, 1, h2.message(length=4 << 20)) + h2.frame(h2.DATA, 0, 1, b"\0" * 16384) * 13)
        # The windows are given back as fast as they are used: it may well be in order.
        seen = c.settle()
        assert c.closed or h2.GOAWAY in [f.type for f in seen] or results(seen, {1}) or c.send(h2.call(3, INFO)) and answers(c, {3})


def test_windows_that_overflow(siege):
    with siege() as s:
        c = s.connect()
        c.send(open_call(1), h2.window_update(1, h2.MAX_WINDOW))
        assert answers(c, {1}) == {1: h2.FLOW_CONTROL_ERROR}
        c.send(h2.window_update(0, h2.MAX_WINDOW))
        assert goaway(c) == h2.FLOW_CONTROL_ERROR
        c = s.connect()
        c.send(open_call(1), h2.window_update(1, 2**30), h2.settings((h2.INITIAL_WINDOW_SIZE, h2.MAX_WINDOW)))
        # RFC 9113 section 6.9.2 would end the connection; nghttp2 ends the streams.
        assert next(f for f in c.frames() if f.type in (h2.RST_STREAM, h2.GOAWAY)).error == h2.FLOW_CONTROL_ERROR


def test_padding_costs_window_and_gives_it_back(siege):
    with siege() as s:
        c = s.connect()
        c.send(open_call(1))
        window, left = {0: 65535, 1: 65535}, 4000
        while left:
            while left and min(window.values()) >= 256:
                c.send(h2.frame(h2.DATA, h2.PADDED, 1, b"\xff" + b"\0" * 255))
                window[0] -= 256
                window[1] -= 256
                left -= 1
            while left and min(window.values()) < 256:
                f = c.wait(h2.WINDOW_UPDATE)
                assert f, "the server gives no window back"
                window[f.stream] += int.from_bytes(f.payload, "big")
        c.send(h2.frame(h2.DATA, h2.END_STREAM, 1, h2.message()))
        assert answers(c, {1}) == {1: "ended"}


def test_messages_that_claim_to_be_huge(siege):
    with siege(8) as s:
        c = s.connect()
        streams = range(1, 201, 2)
        c.send(*(open_call(n) + h2.frame(h2.DATA, 0, n, h2.message(length=2**32 - 1)) for n in streams))
        assert set(answers(c, set(streams))) == set(streams)
        # As large as allowed, and never sent: nobody pays before there is something to keep.
        for _ in range(20):
            c = s.connect()
            c.send(*(open_call(n) + h2.frame(h2.DATA, 0, n, h2.message(length=4 << 20)) for n in streams))
            assert not left(c)


def test_a_message_in_many_pieces(siege):
    with siege() as s:
        c = s.connect()
        c.send(open_call(1, "/v1alpha.PublicAPI/InspectPod"))
        data = h2.message(b"\x0a\xa0\x1f" + b"a" * 4000)
        c.send(*(h2.frame(h2.DATA, 0, 1, bytes([b])) for b in data), h2.frame(h2.DATA, h2.END_STREAM, 1))
        assert answers(c, {1}) == {1: "ended"}


def test_requests_that_unpack_to_much(siege):
    """Messages of nothing but empty messages and empty strings."""
    with siege(64) as s:
        for filler in (b"\x0a\x00", b"\x0a\x02\x0a\x00", b"\x0a\x04\x32\x02\x0a\x00", b"\x10\x00", b"\x7a\x00", b"\x0a\x02\x10\x00"):
            with h2.Connection(s.target) as c:
                data = h2.message(filler * (4000000 // len(filler)))
                c.send(open_call(1, PODS))
                sent, window = 0, {0: 65535, 1: 65535}
                ended = False
                while sent < len(data) and not ended:
                    n = min(16384, len(data) - sent, *window.values())
                    if n:
                        c.send(h2.frame(h2.DATA, 0, 1, data[sent:sent + n]))
                        sent += n
                        window = {k: v - n for k, v in window.items()}
                        continue
                    f = c.next()
                    ended = f is None or f.stream == 1 and (f.type == h2.RST_STREAM or f.has(h2.END_STREAM) and f.type == h2.HEADERS)
                    if not ended and f.type == h2.WINDOW_UPDATE:
                        window[f.stream] += int.from_bytes(f.payload, "big")
                if not ended:
                    c.send(h2.frame(h2.DATA, h2.END_STREAM, 1))
                    assert answers(c, {1})


# --- compression

def gzip(chunks):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(c) for c in chunks) + packer.flush()


def compressed_call(stream, data):
    """In frames of their own: @data fits the window."""
    data = h2.message(data, compressed=True)
    parts = [data[i:i + 16384] for i in range(0, len(data), 16384)]
    return h2.headers(stream, h2.request_fields("/v1alpha.PublicAPI/InspectPod", ("grpc-encoding", "gzip"))) + b"".join(
        h2.frame(h2.DATA, h2.END_STREAM if p is parts[-1] else 0, stream, p) for p in parts)


def test_compression_bombs(siege):
    """48 KB that would be 48 MB; a thousand times, with connections to spare."""
    with siege(16) as s:
        bomb = gzip([b"\0" * (1 << 20)] * 48)
        assert len(bomb) < 50000
        for _ in range(10):
            c = s.connect()
            for stream in range(1, 201, 2):
                c.send(compressed_call(stream, bomb))
                f = c.wait(h2.HEADERS, stream=stream)
                assert f.has(h2.END_STREAM)
                # The client waits for room, as an honest one would.
                if stream % 20 == 19 and not c.closed:
                    c.settle()


def test_what_is_no_gzip(siege):
    request = b"\x0a\x02ab"
    packed = gzip([request])
    with siege() as s:
        c = s.connect()
        cases = [b"", b"\x1f\x8b", packed[:-1], packed + b"x", packed + packed, b"\0" * 100, packed[:10] + b"\xff" * 20,
                 zlib.compress(request), packed[:-4] + b"\xff" * 4, os.urandom(1000)]
        for n, data in enumerate(cases):
            c.send(compressed_call(2 * n + 1, data))
        assert set(answers(c, {2 * n + 1 for n in range(len(cases))}).values()) == {"ended"}
