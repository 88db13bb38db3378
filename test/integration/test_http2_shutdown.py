# SPDX-License-Identifier: Apache-2.0
"""RFC 9113 section 6.8: how the service takes leave, on the wire."""
import signal
import struct

from h2case import *

WATCH = "/grpc.health.v1.Health/Watch"


def leave(server):
    """A stopped server's connection with a stream that stays open; the first GOAWAY and the PING that goes with it."""
    c = Case(server.addresses[0])
    c.send(headers(1, request_fields(REFLECTION)))
    c.expect_alive()
    server.process.send_signal(signal.SIGTERM)
    seen = {}
    while not (GOAWAY in seen and PING in seen):
        f = c.next()
        seen[f.type] = f
    return c, seen[GOAWAY], seen[PING]


def last_stream(goaway):
    return struct.unpack(">I", goaway.payload[:4])[0]


def test_two_goaways_lose_no_call(start_api):
    server = start_api()
    c, first, asked = leave(server)
    assert (first.error, last_stream(first)) == (NO_ERROR, MAX_WINDOW)
    # The client cannot have heard of it when it sends this: it is served.
    c.send(call(3), ping(asked.payload, ack=True))
    second = c.wait(GOAWAY)
    assert (second.error, last_stream(second)) == (NO_ERROR, 3)
    c.expect_ok(3)
    # This one it can have known of: it is ignored, and may be tried elsewhere.
    c.send(call(5))
    c.send(frame(DATA, END_STREAM, 1))
    c.expect_ok(1)
    assert c.next() is None and not c.answer(5).headers and c.answer(5).reset in (None, REFUSED_STREAM)
    c.socket.close()
    assert server.process.wait(20) == 0


def test_calls_that_take_too_long_are_cut_off(start_api):
    server = start_api()
    c, _, asked = leave(server)
    c.send(ping(asked.payload, ack=True))
    assert last_stream(c.wait(GOAWAY)) == 1
    server.process.send_signal(signal.SIGTERM)  # a second one does not wait for the time that calls have
    assert c.next() is None and not c.answer(1).ended
    c.socket.close()
    assert server.process.wait(20) == 0


def test_an_idle_connection_is_closed_at_once(start_api):
    server = start_api()
    c = Case(server.addresses[0])
    c.send(call())
    c.expect_ok()
    server.process.send_signal(signal.SIGTERM)
    goaways = []
    for f in c.frames():
        if f.type == PING:
            c.send(ping(f.payload, ack=True))
        elif f.type == GOAWAY:
            goaways.append((f.error, last_stream(f)))
    assert goaways == [(NO_ERROR, MAX_WINDOW), (NO_ERROR, 1)]
    c.socket.close()
    assert server.process.wait(20) == 0


def test_watchers_hear_that_nothing_serves_before_the_goaway(start_api):
    server = start_api()
    c = Case(server.addresses[0])
    c.send(headers(1, request_fields(WATCH)), frame(DATA, END_STREAM, 1, message()))
    while not c.answer().data:
        assert c.next() is not None
    server.process.send_signal(signal.SIGTERM)
    seen = []
    while not seen or seen[-1] != GOAWAY:
        f = c.next()
        seen += [f.type] if f.type != PING else []
    # NOT_SERVING, and the status that ends the call.
    assert seen == [DATA, HEADERS, GOAWAY] and c.answer().data == message(b"\x08\x01") + message(b"\x08\x02")
    assert c.answer()["grpc-status"] == "14"
