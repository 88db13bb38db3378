# SPDX-License-Identifier: Apache-2.0
"""gRPC over HTTP/2 to the letter (grpc/grpc doc/PROTOCOL-HTTP2.md, compression.md, statuscodes.md), by frames made by hand."""
import gzip
import re
import zlib

import pytest

from h2case import *

(OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, _, _, RESOURCE_EXHAUSTED, _, _, _, UNIMPLEMENTED, INTERNAL,
 UNAVAILABLE) = map(str, range(15))
PODS = "/v1alpha.PublicAPI/ListPods"
INSPECT = "/v1alpha.PublicAPI/InspectPod"
LIST_SERVICES = message(b"\x3a\x01*")  # a ServerReflectionRequest


class Frames(list):
    """The frames of one stream's answer, and the rules that hold for all answers of gRPC."""

    def of(self, type):
        return [f for f in self if f.type == type]


def answered(c, stream=1):
    """Reads the answer and checks its form."""
    frames = Frames()
    a = c.answer(stream)
    while not a.ended and a.reset is None:
        f = c.next()
        assert f is not None, f"the connection ended instead: {c.goaway}"
        if f.stream == stream:
            frames.append(f)
    assert a.ended, a
    status = dict(a.headers)[":status"]
    assert [n for n, _ in a.headers].count(":status") == 1 and a.headers[0][0] == ":status"
    if status == "200":
        assert re.fullmatch(r"application/grpc(\+proto)?", dict(a.headers)["content-type"])
        last = a.trailers or a.headers
        assert [n for n, _ in last].count("grpc-status") == 1
        assert re.fullmatch("0|[1-9][0-9]*", dict(last)["grpc-status"])
        assert re.fullmatch("[\x20-\x24\x26-\x7e]*(%[0-9A-F]{2}[\x20-\x24\x26-\x7e]*)*", dict(last).get("grpc-message", ""))
        if a.trailers:
            assert "grpc-status" not in dict(a.headers) and ":status" not in dict(a.trailers)
        # END_STREAM comes with the trailers, also of a call that went well.
        assert frames[-1].type in (HEADERS, CONTINUATION) and not any(f.has(END_STREAM) for f in frames.of(DATA))
    a.frames = frames
    return a


def messages(a):
    """(compressed, bytes) of each message of an answer."""
    out, data = [], a.data
    while data:
        size = int.from_bytes(data[1:5], "big")
        assert data[0] in (0, 1) and len(data) >= 5 + size
        out.append((data[0], data[5:5 + size]))
        data = data[5 + size:]
    return out


def post(path, *more, **fields):
    return headers(1, request_fields(path, *more, **fields))


# Responses

def test_a_reply_is_headers_data_trailers(case):
    c = case()
    c.send(call())
    a = answered(c)
    assert [f.type for f in a.frames if f.type != DATA] == [HEADERS, HEADERS] and a.frames.of(DATA)
    assert a["grpc-status"] == OK and len(messages(a)) == 1 and "grpc-message" not in dict(a.trailers)


def test_an_error_at_once_is_trailers_only(case):
    c = case()
    c.send(post(INSPECT), frame(DATA, END_STREAM, 1, message(b"\x0a\x03x-y")))
    a = answered(c)
    assert [f.type for f in a.frames] == [HEADERS] and a.blocks == 1
    assert a["grpc-status"] not in (OK, None) and a["grpc-message"]


def test_an_answer_before_the_request_is_complete_asks_to_stop(case):
    """RFC 9113 section 8.1: RST_STREAM of NO_ERROR, after the whole answer."""
    c = case()
    c.send(post("/no.Such/Method"), body(end_stream=False))
    a = answered(c)
    assert a["grpc-status"] == UNIMPLEMENTED
    while a.reset is None:
        assert c.next() is not None
    assert a.reset == NO_ERROR
    # What was on its way does no harm.
    c.send(body(), call(3))
    assert answered(c, 3)["grpc-status"] == OK


def test_streams_do_not_wait_for_one_another(case):
    c = case()
    c.send(request(1), request(3), frame(DATA, 0, 3, message()[:2]), frame(DATA, 0, 1, message()[:3]), call(5))
    assert answered(c, 5)["grpc-status"] == OK
    c.send(frame(DATA, END_STREAM, 3, message()[2:]))
    assert answered(c, 3)["grpc-status"] == OK
    assert not c.answer(1).headers
    c.send(frame(DATA, END_STREAM, 1, message()[3:]))
    assert answered(c, 1)["grpc-status"] == OK


def test_both_directions_stream_at_once(case):
    c = case()
    c.send(post(REFLECTION))
    for n in range(1, 4):
        c.send(frame(DATA, 0, 1, LIST_SERVICES))
        while len(messages(c.answer())) < n:
            assert c.next() is not None
    assert not c.answer().ended
    # Two messages in one frame, one of them split, and the end in a frame of its own.
    c.send(frame(DATA, 0, 1, LIST_SERVICES + LIST_SERVICES[:4]), frame(DATA, 0, 1, LIST_SERVICES[4:]), frame(DATA, END_STREAM, 1))
    a = answered(c)
    assert a["grpc-status"] == OK and len(messages(a)) == 5 and len(set(messages(a))) == 1


def test_an_empty_stream_is_answered(case):
    for said in (headers(1, request_fields(REFLECTION), end_stream=True),
                 post(REFLECTION) + frame(DATA, END_STREAM, 1),
                 post(REFLECTION) + headers(1, [("x-trailer", "x")], end_stream=True)):
        c = case()
        c.send(said)
        a = answered(c)
        assert a["grpc-status"] == OK and not a.data


def test_a_cancelled_call_is_silent(case):
    c = case()
    c.send(post(REFLECTION), frame(DATA, 0, 1, LIST_SERVICES))
    while not c.answer().data:
        assert c.next() is not None
    c.send(rst_stream(1, CANCEL), call(3))
    c.expect_ok(3)
    assert not [f for f in c.settle() if f.stream == 1]


def test_a_client_that_says_goaway_gets_its_answers(case):
    c = case()
    c.send(request(), frame(GOAWAY, 0, 0, b"\0" * 8), body())
    assert answered(c)["grpc-status"] == OK
    assert c.next() is None


# Requests: headers

@pytest.mark.parametrize("value", ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "application/grpc ; x=y",
                                   "Application/GRPC"])
def test_content_types_of_grpc(case, value):
    c = case()
    c.send(call(content_type=value))
    assert answered(c)["grpc-status"] == OK


@pytest.mark.parametrize("value", ["application/grpc+json", "application/grpcx", "application/grpc-web", "application/grp", "application/json",
                                   "text/html", "", None])
def test_other_content_types(case, value):
    c = case()
    c.send(call(content_type=value))
    a = answered(c)
    assert a[":status"] == "415" and a.data and a["content-type"].startswith("text/plain"), a
    assert not a.trailers
    c.expect_alive()


def test_what_may_be_missing(case):
    c = case()
    # "te" is there to find proxies that drop it; there is no reason to refuse those who do not send it.
    c.send(call(te=None))
    assert answered(c)["grpc-status"] == OK


@pytest.mark.parametrize("path", ["/v1alpha.PublicAPI/getinfo", "/v1alpha.publicapi/GetInfo", "/PublicAPI/GetInfo", "/v1alpha.PublicAPI/GetInfo/",
                                  "/v1alpha.PublicAPI/", "/v1alpha.PublicAPI", "//GetInfo", "/", "//", "/v1alpha.PublicAPI//GetInfo",
                                  "/v1alpha.PublicAPI/GetInfo?x=y", "/x/v1alpha.PublicAPI/GetInfo", "/v1alpha.PublicAPI/Get%49nfo",
                                  "/" + "x" * 1000 + "/y"])
def test_paths_that_are_no_method(case, path):
    c = case()
    c.send(post(path), body())
    a = answered(c)
    assert a["grpc-status"] == UNIMPLEMENTED and a["grpc-message"]


def test_status_messages_are_percent_encoded(case):
    c = case()
    c.send(post("/v1alpha.PublicAPI/100%\u00e9"), body())
    a = answered(c)
    assert a["grpc-message"] == "unknown method 100%25%C3%A9"


@pytest.mark.parametrize("value", ["1H", "1M", "10S", "10000m", "99999999u", "99999999H", "99999999n", "00000010S"])
def test_timeouts(case, value):
    c = case()
    c.send(call(1, ("grpc-timeout", value)))
    assert answered(c)["grpc-status"] == OK


@pytest.mark.parametrize("value", ["", "1", "S", "100000000S", "1s", "1h", "-1S", "+1S", "1.5S", "1 S", "0x1S", "1SS", "S1", "1\u00b5"])
def test_timeouts_that_are_none(case, value):
    c = case()
    c.send(call(1, ("grpc-timeout", value)))
    a = answered(c)
    assert (a[":status"] == "200" and a["grpc-status"] == INTERNAL) or a[":status"] == "400"
    c.expect_alive()


@pytest.mark.parametrize("value", ["0S", "1n", "30m"])
def test_a_deadline_that_passes(case, value):
    c = case()
    c.send(post(REFLECTION, ("grpc-timeout", value)))
    assert answered(c)["grpc-status"] == DEADLINE_EXCEEDED


@pytest.mark.parametrize("more", named([
    ("binary", [("x-bin", "AAEC/w==")]),
    ("binary-without-padding", [("x-bin", "AAEC/w")]),
    ("binary-several", [("x-bin", "AAEC,/w==,"), ("x-bin", "AA")]),
    ("binary-that-is-none", [("x-bin", "!!!!"), ("y-bin", "A"), ("z-bin", "")]),
    ("not-ascii", [("x-text", b"caf\xe9 \xff")]),
    ("twice", [("x-text", "a"), ("x-text", "b")]),
    ("reserved", [("grpc-foo", "x"), ("grpc-tags-bin", "AAAA"), ("grpc-status", "13")]),
    ("known", [("user-agent", "grpc-test/1 (x)"), ("grpc-message-type", "v1alpha.GetInfoRequest"), ("grpc-trace-bin", "AAAA")]),
    ("authorization", [("authorization", "Bearer x")]),
]))
def test_metadata_is_no_reason_to_fail(case, more):
    c = case()
    c.send(call(1, *more))
    assert answered(c)["grpc-status"] == OK


def test_metadata_over_the_limit(case):
    c = case()
    c.send(call(1, *((f"x-{i}", "v" * 900) for i in range(10))))
    assert answered(c)["grpc-status"] == RESOURCE_EXHAUSTED


# Requests: messages

@pytest.mark.parametrize("data, status", named([
    ("none", b"", UNIMPLEMENTED),  # statuscodes.md: a violation of cardinality
    ("two", message() + message(), UNIMPLEMENTED),
    ("cut-in-the-prefix", b"\0\0\0", INTERNAL),
    ("cut-after-the-prefix", message(length=10), INTERNAL),
    ("cut-in-the-message", message(b"\x08\x01", length=10), INTERNAL),
    ("one-and-a-cut-one", message() + b"\0\0", None),
    ("no-protobuf", message(b"\xff\xff\xff\xff"), INTERNAL),
    ("reserved-flag", b"\x02\0\0\0\0", INTERNAL),
    ("all-flags", b"\xff\0\0\0\0", INTERNAL),
    ("compressed-without-encoding", message(gzip.compress(b""), compressed=True), INTERNAL),
]))
def test_messages_of_a_unary_call(case, data, status):
    c = case()
    c.send(request(), frame(DATA, END_STREAM, 1, data))
    a = answered(c)
    assert a["grpc-status"] == status if status else a["grpc-status"] in (UNIMPLEMENTED, INTERNAL), a
    assert a["grpc-message"] and not a.data


def test_a_message_over_the_limit_is_refused_before_it_comes(case):
    c = case()
    for stream, size in ((1, 4 * 1024 * 1024 + 1), (3, 2**32 - 1)):
        c.send(request(stream), frame(DATA, 0, stream, message(length=size)))
        a = answered(c, stream)
        assert a["grpc-status"] == RESOURCE_EXHAUSTED and str(size) in a["grpc-message"], a
    c.send(request(5), frame(DATA, 0, 5, message(length=4 * 1024 * 1024)))
    c.expect_alive()
    assert not c.answer(5).headers


def test_a_bad_message_ends_a_stream_of_messages(case):
    c = case()
    c.send(post(REFLECTION), frame(DATA, 0, 1, LIST_SERVICES + message(b"\xff")))
    a = answered(c)
    assert a["grpc-status"] == INTERNAL


# Compression

def packed(encoding, data, **fields):
    """A call whose message is @data, said to be in @encoding."""
    return post(PODS, ("grpc-encoding", encoding), **fields) + frame(DATA, END_STREAM, 1, message(data, compressed=True))


@pytest.mark.parametrize("encoding, squeeze", [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_requests(case, encoding, squeeze):
    c = case()
    c.send(packed(encoding, squeeze(b"\x10\x01")))
    a = answered(c)
    if a["grpc-status"] == UNIMPLEMENTED:
        assert encoding not in a["grpc-accept-encoding"] and "identity" in a["grpc-accept-encoding"]
    else:
        assert a["grpc-status"] == OK


def test_an_encoding_that_is_not_used(case):
    c = case()
    for stream, encoding in ((1, "identity"), (3, "gzip")):
        c.send(call(stream, ("grpc-encoding", encoding)))
        assert answered(c, stream)["grpc-status"] == OK


def test_an_encoding_nobody_knows(case):
    c = case()
    c.send(packed("lzma2000", b"xyz"))
    a = answered(c)
    assert a["grpc-status"] == UNIMPLEMENTED
    assert "identity" in a["grpc-accept-encoding"] and "lzma2000" not in a["grpc-accept-encoding"]


@pytest.mark.parametrize("data", named([
    ("empty", b""), ("junk", b"no gzip at all"), ("cut", gzip.compress(b"\x10\x01")[:-3]), ("checksum", gzip.compress(b"\x10\x01")[:-8] + b"\0" * 8),
    ("more-behind", gzip.compress(b"\x10\x01") + b"junk")]))
def test_messages_that_cannot_be_unpacked(case, data):
    c = case()
    c.send(packed("gzip", data))
    assert answered(c)["grpc-status"] == INTERNAL


def test_a_message_that_unpacks_to_too_much(case):
    c = case()
    c.send(packed("gzip", gzip.compress(b"\0" * (4 * 1024 * 1024 + 1))))
    assert answered(c)["grpc-status"] == RESOURCE_EXHAUSTED


@pytest.mark.parametrize("accepts", [None, "identity", "identity,deflate,gzip", "gzip", "lzma2000"])
def test_replies_are_compressed_only_for_who_accepts_it(case, accepts):
    c = case()
    more = [("grpc-accept-encoding", accepts)] if accepts else []
    c.send(post(REFLECTION, ("grpc-encoding", "gzip"), *more),
           frame(DATA, END_STREAM, 1, message(gzip.compress(LIST_SERVICES[5:]), compressed=True)))
    a = answered(c)
    encoding = dict(a.headers).get("grpc-encoding", "identity")
    assert encoding == "identity" or encoding in (accepts or "").split(",")
    for compressed, data in messages(a):
        assert not compressed or encoding != "identity"
        text = gzip.decompress(data) if compressed else data
        assert b"v1alpha.PublicAPI" in text
