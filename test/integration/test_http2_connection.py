# SPDX-License-Identifier: Apache-2.0
"""RFC 9113 sections 3 to 7, rule by rule: preface, frames, streams, flow control. The cases are those of h2spec and what it
leaves out."""
import struct
import time

import pytest

from h2case import *

MAX = 16384  # SETTINGS_MAX_FRAME_SIZE: we announce no other


def priority(depends=0, weight=15, exclusive=False):
    return struct.pack(">IB", depends | (exclusive << 31), weight)


def padded(type, flags, payload, pad, claims=None, stream=1):
    return frame(type, flags | PADDED, stream, bytes([pad if claims is None else claims]) + payload + b"\0" * pad)


BLOCK = hpack(request_fields(INFO))


def other_block(method):
    """What h2spec sends: no call of gRPC, so that it is answered before its end. As long as BLOCK, to be put in its place."""
    fields = [(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "test")]
    block = hpack(fields)
    return block + hpack_literal("x", "y" * (len(BLOCK) - len(block) - 4))


STYLES = {"call": BLOCK, "get": other_block("GET"), "post": other_block("POST")}
assert len(set(map(len, STYLES.values()))) == 1


@pytest.fixture(params=STYLES)
def style(request):
    """style(frames): the same with another request."""
    return lambda said: said.replace(BLOCK, STYLES[request.param])


@pytest.fixture(params=["at-once", "one-by-one"])
def say(request):
    """say(case, frames). One by one: the server has time to answer what it has got."""
    def say(c, said):
        while said and request.param == "one-by-one":
            size = 9 + int.from_bytes(said[:3], "big")
            c.send(said[:size])
            said = said[size:]
            time.sleep(0.002)
        c.send(said)

    return say


UNKNOWN = 0x16


# Section 3.4

def test_the_server_speaks_first_with_settings(case):
    c = case(hello=PREFACE + settings())
    first = c.next()
    assert (first.type, first.flags, first.stream) == (SETTINGS, 0, 0) and len(first.payload) % 6 == 0
    assert c.wait(SETTINGS, flags=ACK).payload == b""


@pytest.mark.parametrize("hello", named([
    ("http1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ("almost", PREFACE[:-1] + b"X" + settings()),
    ("no-settings", PREFACE + ping()),
    ("headers-first", PREFACE + request()),
    ("settings-ack-first", PREFACE + settings(ack=True)),
]))
def test_3_4_a_preface_that_is_none_ends_the_connection(case, hello):
    c = case(hello=hello)
    goaways = [f for f in c.frames() if f.type == GOAWAY]
    assert c.closed and all(f.error == PROTOCOL_ERROR for f in goaways)


def test_3_4_the_preface_may_come_byte_by_byte(case):
    c = case(hello=b"")
    for byte in PREFACE + settings() + call():
        c.send(bytes([byte]))
    assert c.wait(HEADERS, stream=1)


# What must work

@pytest.mark.parametrize("said", named([
    ("3.4-request-before-our-settings-are-acknowledged", call()),
    ("4.1-unknown-frame-type", frame(UNKNOWN, 0xff, 0, b"x" * 8) + frame(UNKNOWN, 0, 1, b"y") + call()),
    ("4.1-undefined-flags", frame(PING, 0xfe, 0, b"12345678") + call()),
    ("4.1-reserved-bit", frame(PING, 0, 1 << 31, b"12345678") + call()),
    ("4.1-reserved-bit-of-a-stream", b"".join(f[:5] + bytes([f[5] | 0x80]) + f[6:] for f in (request(), body()))),
    ("4.1-undefined-flags-of-a-request", headers(1, BLOCK)[:4] + b"\xd4" + headers(1, BLOCK)[5:] + frame(DATA, 0xf7 & ~PADDED, 1, message())),
    ("4.3-block-in-pieces-of-one-byte", split(BLOCK, *range(1, 5)) + body()),
    ("5.1-priority-on-idle-streams", frame(PRIORITY, 0, 1, priority()) + frame(PRIORITY, 0, 9, priority()) + call()),
    ("5.1-window-update-while-half-closed", call() + window_update(1, 100)),
    ("5.1-priority-while-half-closed", call() + frame(PRIORITY, 0, 1, priority(weight=255))),
    ("5.5-extension-frame-on-a-stream", request() + frame(UNKNOWN, 0, 1, b"x") + body()),
    ("6.1-data-in-pieces", request() + b"".join(frame(DATA, END_STREAM * (i == 4), 1, message()[i:i + 1]) for i in range(5))),
    ("6.1-data-with-padding", request() + padded(DATA, END_STREAM, message(), 200)),
    ("6.1-data-with-padding-of-nothing", request() + padded(DATA, END_STREAM, message(), 0)),
    ("6.1-data-that-is-all-padding", request() + body(1, end_stream=False) + padded(DATA, END_STREAM, b"", 255)),
    ("6.1-empty-data", request() + frame(DATA, 0, 1) + body()),
    ("6.2-headers-with-padding", padded(HEADERS, END_HEADERS, BLOCK, 100) + body()),
    ("6.2-headers-with-priority", frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, priority(0, 200, True) + BLOCK) + body()),
    ("6.2-headers-with-padding-and-priority", padded(HEADERS, END_HEADERS | WITH_PRIORITY, priority(5) + BLOCK, 7) + body()),
    ("6.3-priority-weights", request() + b"".join(frame(PRIORITY, 0, 1, priority(w, w, w == 3)) for w in (0, 3, 255)) + body()),
    ("6.5-settings-unknown", settings((0x99, 1), (0xffff, 2**32 - 1)) + call()),
    ("6.5-settings-all", settings((HEADER_TABLE_SIZE, 100), (ENABLE_PUSH, 0), (MAX_CONCURRENT_STREAMS, 0), (INITIAL_WINDOW_SIZE, MAX_WINDOW),
                                  (MAX_FRAME_SIZE, 2**24 - 1), (MAX_HEADER_LIST_SIZE, 100000)) + call()),
    ("6.5-settings-table-of-nothing", settings((HEADER_TABLE_SIZE, 0)) + call()),
    ("6.7-ping-acknowledgement", ping(b"unasked!", ack=True) + call()),
    ("6.8-goaway-of-no-error", call() + frame(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR) + b"debug data")),
    ("6.9-window-update-of-the-connection", window_update(0, 1) + call()),
    ("6.10-headers-and-continuation", split(BLOCK, 10) + body()),
    ("6.10-headers-and-continuations", split(BLOCK, 0, 10, 10, 20) + body()),
    ("6.10-empty-headers-frame", split(BLOCK, 0) + body()),
    ("7-goaway-with-an-unknown-code", call() + frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0xff))),
    ("7-reset-of-another-with-an-unknown-code", request(1) + rst_stream(1, 0xff) + call(3)),
    ("8.1-trailers", request() + body(end_stream=False) + headers(1, [("x-trailer", "1")], end_stream=True)),
]))
def test_allowed(case, said):
    c = case()
    c.send(said)
    c.expect_ok(3 if said.endswith(call(3)) else 1)


def test_5_1_1_streams_may_be_skipped(case):
    c = case()
    for stream in (7, 1001, MAX_WINDOW):
        c.send(call(stream))
        c.expect_ok(stream)


def test_4_2_frames_of_the_largest_size_are_taken(case):
    c = case()
    c.send(request(), frame(DATA, 0, 1, message(length=MAX + 1) + b"\x08" * (MAX - 5)))
    c.expect_alive()
    filler = hpack_literal("x-filler", "y" * (MAX - len(BLOCK) - 13))
    assert len(BLOCK + filler) == MAX
    c.send(headers(3, BLOCK + filler))
    # RESOURCE_EXHAUSTED: over our limit of header lists, not of frames.
    assert c.until_ended(3)["grpc-status"] == "8"


def test_5_1_2_the_limit_of_streams_is_announced_and_enforced(case):
    c = case()
    entries = dict(struct.unpack(">HI", c.server_settings.payload[i:i + 6]) for i in range(0, len(c.server_settings.payload), 6))
    limit = entries[MAX_CONCURRENT_STREAMS]
    assert limit >= 100
    c.send(*(request(1 + 2 * i) for i in range(limit)))
    c.expect_alive()
    # A stream that has ended makes room.
    c.send(body(1))
    c.expect_ok(1)
    c.send(request(1 + 2 * limit))
    c.expect_alive()
    c.send(request(3 + 2 * limit))
    c.expect_stream_error(REFUSED_STREAM, PROTOCOL_ERROR, stream=3 + 2 * limit)


def test_6_5_3_settings_are_applied_in_order_and_acknowledged(local):
    c = local()
    # One byte of window in the end: the reply cannot be sent whole.
    c.send(settings((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1)))
    assert c.wait(SETTINGS, flags=ACK)
    c.send(call())
    c.settle()
    assert len(c.answer().data) == 1 and not c.answer().ended
    c.send(window_update(1, 1000))
    c.expect_ok()


def test_6_7_ping_is_answered_with_its_data_and_an_answer_is_not(case):
    c = case()
    c.send(ping(b"answer!!", ack=True), ping(b"question"))
    f = c.wait(PING)
    assert (f.flags, f.stream, f.payload) == (ACK, 0, b"question")
    c.expect_alive()


# What ends the connection. Those on one line are one rule.

CONNECTION_ERRORS = [
    ("4.2-headers-too-large", frame(HEADERS, END_HEADERS, 1, b"\0" * (MAX + 1)), FRAME_SIZE_ERROR),
    ("4.2-settings-too-large", frame(SETTINGS, 0, 0, b"\0\x99\0\0\0\0" * (MAX // 6 + 1)), FRAME_SIZE_ERROR),
    ("4.2-ping-too-large", frame(PING, 0, 0, b"\0" * (MAX + 1)), FRAME_SIZE_ERROR),
    ("4.3-block-that-is-no-hpack", frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), COMPRESSION_ERROR),
    ("4.3-block-cut-within-a-field", headers(1, BLOCK[:-3]), COMPRESSION_ERROR),
    ("4.3-priority-within-a-block", frame(HEADERS, 0, 1, BLOCK) + frame(PRIORITY, 0, 1, priority()), PROTOCOL_ERROR),
    ("4.3-ping-within-a-block", frame(HEADERS, 0, 1, BLOCK) + ping(), PROTOCOL_ERROR),
    ("4.3-settings-within-a-block", frame(HEADERS, 0, 1, BLOCK) + settings(), PROTOCOL_ERROR),
    ("4.3-other-headers-within-a-block", frame(HEADERS, 0, 1, BLOCK) + request(3), PROTOCOL_ERROR),
    ("5.1-idle-data", frame(DATA, END_STREAM, 1, message()), PROTOCOL_ERROR),
    ("5.1-idle-reset", rst_stream(1), PROTOCOL_ERROR),
    ("5.1-idle-window-update", window_update(1, 100), PROTOCOL_ERROR),
    ("5.1-idle-continuation", frame(CONTINUATION, END_HEADERS, 1, BLOCK), PROTOCOL_ERROR),
    ("5.1.1-even-stream", call(2), PROTOCOL_ERROR),
    ("5.1.1-lower-stream", call(5) + call(3), PROTOCOL_ERROR, STREAM_CLOSED),
    ("5.1.1-same-stream-later", call(1) + request(3) + rst_stream(3) + call(1), PROTOCOL_ERROR, STREAM_CLOSED),
    ("5.4.1-invalid-ping", frame(PING, 0, 0, b"\0" * 6), FRAME_SIZE_ERROR),
    ("5.5-extension-within-a-block", frame(HEADERS, 0, 1, BLOCK) + frame(UNKNOWN, 0, 0, b"x"), PROTOCOL_ERROR),
    ("6.1-data-on-stream-0", request() + frame(DATA, END_STREAM, 0, message()), PROTOCOL_ERROR),
    ("6.1-padding-of-all", request() + padded(DATA, END_STREAM, b"", 5, claims=6), PROTOCOL_ERROR),
    ("6.1-padding-of-more", request() + padded(DATA, END_STREAM, message(), 0, claims=200), PROTOCOL_ERROR),
    ("6.1-padding-without-length", request() + frame(DATA, END_STREAM | PADDED, 1), PROTOCOL_ERROR, FRAME_SIZE_ERROR),
    ("6.2-headers-on-stream-0", headers(0, BLOCK), PROTOCOL_ERROR),
    ("6.2-padding-of-more", padded(HEADERS, END_HEADERS, BLOCK, 0, claims=255), PROTOCOL_ERROR),
    ("6.2-priority-cut", frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, b"\0\0\0\0"), FRAME_SIZE_ERROR, PROTOCOL_ERROR),
    ("6.3-priority-on-stream-0", frame(PRIORITY, 0, 0, priority()), PROTOCOL_ERROR),
    ("6.4-reset-of-stream-0", rst_stream(0), PROTOCOL_ERROR),
    ("6.4-reset-of-3-bytes", request() + frame(RST_STREAM, 0, 1, b"\0\0\0"), FRAME_SIZE_ERROR),
    ("6.4-reset-of-5-bytes", request() + frame(RST_STREAM, 0, 1, b"\0\0\0\0\0"), FRAME_SIZE_ERROR),
    ("6.5-settings-ack-with-payload", frame(SETTINGS, ACK, 0, b"\0\3\0\0\0\x64"), FRAME_SIZE_ERROR),
    ("6.5-settings-on-a-stream", frame(SETTINGS, 0, 1, b"\0\3\0\0\0\x64"), PROTOCOL_ERROR),
    ("6.5-settings-of-5-bytes", frame(SETTINGS, 0, 0, b"\0\3\0\0\0"), FRAME_SIZE_ERROR),
    ("6.5.2-enable-push-2", settings((ENABLE_PUSH, 2)), PROTOCOL_ERROR),
    ("6.5.2-window-of-2^31", settings((INITIAL_WINDOW_SIZE, 2**31)), FLOW_CONTROL_ERROR),
    ("6.5.2-frame-size-below", settings((MAX_FRAME_SIZE, MAX - 1)), PROTOCOL_ERROR),
    ("6.5.2-frame-size-above", settings((MAX_FRAME_SIZE, 2**24)), PROTOCOL_ERROR),
    ("6.7-ping-on-a-stream", frame(PING, 0, 1, b"\0" * 8), PROTOCOL_ERROR),
    ("6.7-ping-of-9-bytes", frame(PING, 0, 0, b"\0" * 9), FRAME_SIZE_ERROR),
    ("6.8-goaway-on-a-stream", frame(GOAWAY, 0, 1, b"\0" * 8), PROTOCOL_ERROR),
    ("6.8-goaway-of-7-bytes", frame(GOAWAY, 0, 0, b"\0" * 7), FRAME_SIZE_ERROR),
    ("6.9-window-update-of-0", window_update(0, 0), PROTOCOL_ERROR),
    ("6.9-window-update-of-3-bytes", frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), FRAME_SIZE_ERROR),
    ("6.9-window-update-of-5-bytes", frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\0\1"), FRAME_SIZE_ERROR),
    ("6.9.1-window-of-the-connection-overflows", window_update(0, MAX_WINDOW) * 2, FLOW_CONTROL_ERROR),
    ("6.9.2-window-of-a-stream-overflows-by-settings", request() + window_update(1, MAX_WINDOW - 65535) + settings((INITIAL_WINDOW_SIZE, 65536)), FLOW_CONTROL_ERROR),
    ("6.10-headers-after-an-open-block", frame(HEADERS, 0, 1, BLOCK) + frame(HEADERS, END_HEADERS, 1, BLOCK), PROTOCOL_ERROR),
    ("6.10-data-after-an-open-block", frame(HEADERS, 0, 1, BLOCK) + body(), PROTOCOL_ERROR),
    ("6.10-reset-after-an-open-block", frame(HEADERS, 0, 1, BLOCK) + rst_stream(1), PROTOCOL_ERROR),
    ("6.10-continuation-of-another-stream", frame(HEADERS, 0, 1, BLOCK) + frame(CONTINUATION, END_HEADERS, 3, BLOCK), PROTOCOL_ERROR),
    ("6.10-continuation-on-stream-0", frame(HEADERS, 0, 1, BLOCK) + frame(CONTINUATION, END_HEADERS, 0, BLOCK), PROTOCOL_ERROR),
    ("6.10-continuation-after-the-end-of-headers", request() + frame(CONTINUATION, END_HEADERS, 1, BLOCK), PROTOCOL_ERROR),
    ("6.10-continuation-after-the-end-of-continuation", split(BLOCK, 10) + frame(CONTINUATION, END_HEADERS, 1, b""), PROTOCOL_ERROR),
    ("6.10-continuation-after-data", request() + body(end_stream=False) + frame(CONTINUATION, END_HEADERS, 1, BLOCK), PROTOCOL_ERROR),
    ("8.4-push-promise", frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + BLOCK), PROTOCOL_ERROR),
    ("8.4-push-promise-on-an-open-stream", request() + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + BLOCK), PROTOCOL_ERROR),
]


@pytest.mark.parametrize("said, codes", named((i, said, codes) for i, said, *codes in CONNECTION_ERRORS))
def test_connection_error(case, style, say, said, codes):
    c = case()
    say(c, style(said))
    c.expect_connection_error(*codes)


STREAM_ERRORS = [
    ("4.2-data-too-large", request() + frame(DATA, END_STREAM, 1, b"\0" * (MAX + 1)), FRAME_SIZE_ERROR),
    ("5.1-half-closed-data", request() + body() + body(), STREAM_CLOSED),
    ("5.1-half-closed-headers", call() + request(), STREAM_CLOSED),
    ("5.1-reset-data", request() + rst_stream(1) + body(), STREAM_CLOSED),
    ("5.1-reset-headers", request() + rst_stream(1) + request(), STREAM_CLOSED, PROTOCOL_ERROR),
    ("6.3-priority-of-4-bytes", request() + frame(PRIORITY, 0, 1, b"\0" * 4), FRAME_SIZE_ERROR),
    ("6.3-priority-of-6-bytes", request() + frame(PRIORITY, 0, 1, b"\0" * 6), FRAME_SIZE_ERROR),
    ("6.9-window-update-of-0", request() + window_update(1, 0), PROTOCOL_ERROR),
    ("6.9.1-window-overflows", request() + window_update(1, MAX_WINDOW), FLOW_CONTROL_ERROR),
    ("8.1-second-headers-without-end", request() + request(), PROTOCOL_ERROR),
]


@pytest.mark.parametrize("said, codes", named((i, said, codes) for i, said, *codes in STREAM_ERRORS))
def test_stream_error(case, style, say, said, codes):
    c = case()
    say(c, style(said))
    c.expect_stream_error(*codes)


@pytest.mark.parametrize("said", named([
    ("data", body()), ("headers", request()), ("continuation", frame(CONTINUATION, END_HEADERS, 1, BLOCK))]))
def test_5_1_closed_by_both(case, said):
    c = case()
    c.send(call())
    c.expect_ok()
    c.send(said)
    c.expect_connection_error(STREAM_CLOSED, PROTOCOL_ERROR) if said[3] == CONTINUATION else c.expect_stream_error(STREAM_CLOSED)


@pytest.mark.parametrize("said", named([
    ("priority", frame(PRIORITY, 0, 1, priority())), ("window-update", window_update(1, 10)), ("reset", rst_stream(1))]))
def test_5_1_these_may_still_arrive_on_a_closed_stream(case, said):
    c = case()
    c.send(call())
    c.expect_ok()
    c.send(said)
    c.expect_alive()


# Section 6.9: our DATA

def asks(symbol="v1alpha.PublicAPI"):
    """A request for some kilobytes of descriptors."""
    return message(bytes([0x22, len(symbol)]) + symbol.encode())


def test_6_9_1_data_stays_within_the_window_of_the_stream(local):
    c = local((INITIAL_WINDOW_SIZE, 10))
    c.send(headers(1, request_fields(REFLECTION)), frame(DATA, END_STREAM, 1, asks()))
    c.settle()
    for more in (1, 7, 1000):
        have = len(c.answer().data)
        c.send(window_update(1, more))
        c.settle()
        assert len(c.answer().data) == have + more
    c.send(window_update(1, 100000))
    c.expect_ok()


def test_6_9_1_data_stays_within_the_window_of_the_connection(local):
    c = local((INITIAL_WINDOW_SIZE, MAX_WINDOW))
    c.send(headers(1, request_fields(REFLECTION)), *(frame(DATA, 0, 1, asks()) for _ in range(30)))
    total = 0
    while total < 65535:
        f = c.next()
        total += len(f.payload) if f.type == DATA else 0
    c.settle()
    assert len(c.answer().data) == 65535
    c.send(window_update(0, 3))
    c.settle()
    assert len(c.answer().data) == 65538
    c.send(window_update(0, 2**30), frame(DATA, END_STREAM, 1))
    c.expect_ok()


def test_6_9_2_a_smaller_initial_window_can_make_one_negative(local):
    c = local((INITIAL_WINDOW_SIZE, 100))
    c.send(headers(1, request_fields(REFLECTION)), frame(DATA, END_STREAM, 1, asks()))
    c.settle()
    assert len(c.answer().data) == 100
    c.send(settings((INITIAL_WINDOW_SIZE, 40)), window_update(1, 60))  # 100 - 100 + (40 - 100) + 60 = 0
    c.settle()
    assert len(c.answer().data) == 100
    c.send(window_update(1, 1))
    c.settle()
    assert len(c.answer().data) == 101
    c.send(settings((INITIAL_WINDOW_SIZE, 65535)))
    c.expect_ok()


def test_6_9_a_window_is_given_back(case):
    """More than the initial windows of stream and connection, in messages that are done with one by one."""
    c = case()
    c.send(headers(1, request_fields(REFLECTION)))
    credit = {0: 65535, 1: 65535}
    chunk = asks("x" * 100) * 20
    for _ in range(200):
        while min(credit.values()) < len(chunk):
            f = c.next()
            if f.type == WINDOW_UPDATE:
                credit[f.stream] += struct.unpack(">I", f.payload)[0]
            elif f.type == DATA:
                c.send(window_update(0, len(f.payload)), window_update(1, len(f.payload))) if f.payload else None
        c.send(frame(DATA, 0, 1, chunk))
        credit = {k: v - len(chunk) for k, v in credit.items()}
    c.send(frame(DATA, END_STREAM, 1))
    while not c.answer().ended and (f := c.next()) is not None:
        if f.type == DATA and f.payload:
            c.send(window_update(0, len(f.payload)), window_update(1, len(f.payload)))
    assert c.answer()["grpc-status"] == "0"


def test_6_5_2_our_frames_are_no_larger_than_the_peer_takes(case):
    c = case((INITIAL_WINDOW_SIZE, MAX_WINDOW))
    c.send(window_update(0, 2**30), headers(1, request_fields(REFLECTION)),
           *(frame(DATA, 0, 1, asks()) for _ in range(20)), frame(DATA, END_STREAM, 1))
    sizes = []
    while not c.answer().ended:
        f = c.next()
        sizes.append(len(f.payload))
    assert max(sizes) <= MAX
