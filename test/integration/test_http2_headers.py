# SPDX-License-Identifier: Apache-2.0
"""RFC 9113 section 8 (how HTTP is said in HTTP/2) and RFC 7541 (how headers are packed), rule by rule."""
import pytest

from h2case import *


FIELDS = request_fields(INFO)


def without(*names):
    return [f for f in FIELDS if f[0] not in names]


def changed(name, value):
    return [(n, value if n == name else v) for n, v in FIELDS]


def doubled(name):
    return [f for field in FIELDS for f in [field] * (2 if field[0] == name else 1)]


def after(name, *more):
    """The fields with more of them behind @name."""
    i = [f[0] for f in FIELDS].index(name) + 1
    return FIELDS[:i] + list(more) + FIELDS[i:]


# Section 8: requests that must work

@pytest.mark.parametrize("fields", named([
    ("8.2.1-values-of-all-bytes", FIELDS + [("x-bytes", bytes(b for b in range(33, 256) if b != 127))]),
    ("8.2.1-names-of-all-characters", FIELDS + [("!#$%&'*+-.^_`|~0189az", "x")]),
    ("8.2.1-empty-value", FIELDS + [("x-empty", "")]),
    ("8.2.1-blanks-within", FIELDS + [("x-blanks", "a b\tc")]),
    ("8.2.3-cookie-crumbs", FIELDS + [("cookie", "a=b"), ("cookie", "c=d")]),
    ("8.3.1-order-of-pseudo-fields", [FIELDS[i] for i in (3, 1, 2, 0, 4, 5)]),
    ("8.3.1-no-authority-but-host", without(":authority") + [("host", "test")]),
    ("8.3.1-authority-and-the-same-host", FIELDS + [("host", "test")]),
    # "SHOULD treat as malformed", but gRFC A41: the field is of no interest beside :authority. It routes nothing here.
    ("8.3.1-authority-and-another-host", FIELDS + [("host", "other")]),
    ("8.3.1-scheme-https", changed(":scheme", "https")),
    ("8.1.1-content-length", FIELDS + [("content-length", "5")]),
]))
def test_allowed(case, fields):
    c = case()
    c.send(headers(1, fields), body())
    c.expect_ok()


@pytest.mark.parametrize("fields", named([
    ("8.2-upper-case-name", FIELDS + [("X-Test", "ok")]),
    ("8.2.1-name-with-blank", FIELDS + [("x test", "ok")]),
    ("8.2.1-name-with-colon", FIELDS + [("x:test", "ok")]),
    ("8.2.1-name-with-nul", FIELDS + [("x\0test", "ok")]),
    ("8.2.1-name-with-delete", FIELDS + [("x\x7ftest", "ok")]),
    ("8.2.1-name-beyond-ascii", FIELDS + [(b"x\xfftest", "ok")]),
    ("8.2.1-name-empty", FIELDS + [("", "ok")]),
    ("8.2.1-value-with-nul", FIELDS + [("x-test", "a\0b")]),
    ("8.2.1-value-with-lf", FIELDS + [("x-test", "a\nb")]),
    ("8.2.1-value-with-cr", FIELDS + [("x-test", "a\rb")]),
    ("8.2.1-value-begins-with-blank", FIELDS + [("x-test", " a")]),
    ("8.2.1-value-ends-with-blank", FIELDS + [("x-test", "a ")]),
    ("8.2.1-value-begins-with-tab", FIELDS + [("x-test", "\ta")]),
    ("8.2.1-value-ends-with-tab", FIELDS + [("x-test", "a\t")]),
    ("8.2.2-connection", FIELDS + [("connection", "keep-alive")]),
    ("8.2.2-proxy-connection", FIELDS + [("proxy-connection", "keep-alive")]),
    ("8.2.2-keep-alive", FIELDS + [("keep-alive", "5")]),
    ("8.2.2-transfer-encoding", FIELDS + [("transfer-encoding", "chunked")]),
    ("8.2.2-upgrade", FIELDS + [("upgrade", "h2c")]),
    ("8.2.2-te-of-another-value", changed("te", "trailers, deflate;q=0.5")),
    ("8.3-unknown-pseudo-field", after(":path", (":test", "ok"))),
    ("8.3-pseudo-field-of-responses", after(":path", (":status", "200"))),
    ("8.3-pseudo-field-after-others", without(":path") + [(":path", INFO)]),
    ("8.3.1-path-empty", changed(":path", "")),
    ("8.3.1-path-without-slash", changed(":path", INFO[1:])),
    ("8.3.1-path-asterisk", changed(":path", "*")),
    ("8.3.1-no-method", without(":method")),
    ("8.3.1-no-scheme", without(":scheme")),
    ("8.3.1-no-path", without(":path")),
    ("8.3.1-no-authority-and-no-host", without(":authority")),
    ("8.3.1-two-methods", doubled(":method")),
    ("8.3.1-two-schemes", doubled(":scheme")),
    ("8.3.1-two-paths", doubled(":path")),
    ("8.3.1-two-authorities", doubled(":authority")),
    ("8.3.1-two-hosts", FIELDS + [("host", "test"), ("host", "test")]),
    ("8.3.1-authority-empty", changed(":authority", "")),
    ("8.1.1-content-length-too-small", FIELDS + [("content-length", "1")]),
    ("8.1.1-content-length-too-large", FIELDS + [("content-length", "6")]),
    ("8.1.1-content-length-negative", FIELDS + [("content-length", "-5")]),
    ("8.1.1-content-length-twice", FIELDS + [("content-length", "5"), ("content-length", "5")]),
    ("8.1.1-content-length-no-number", FIELDS + [("content-length", "five")]),
    ("8.1.1-content-length-overflows", FIELDS + [("content-length", "18446744073709551621")]),
    ("8.5-connect-with-path", changed(":method", "CONNECT")),
]))
def test_malformed(case, fields):
    c = case()
    c.send(headers(1, fields), body())
    c.expect_malformed()


def test_8_1_1_content_length_of_several_frames(case):
    c = case()
    c.send(request(1, ("content-length", "5")), frame(DATA, 0, 1, b"\0\0"), frame(DATA, 0, 1, b"\0\0"), frame(DATA, END_STREAM, 1))
    c.expect_malformed()
    c.send(request(3, ("content-length", "5")), frame(DATA, 0, 3, b"\0\0"), frame(DATA, END_STREAM, 3, b"\0\0\0"))
    c.expect_ok(3)


@pytest.mark.parametrize("trailers, end", named([
    ("8.1-pseudo-field", [(":method", "POST")], True),
    ("8.1-upper-case", [("X-Test", "ok")], True),
    ("8.1-connection-specific", [("connection", "close")], True),
]))
def test_malformed_trailers(case, trailers, end):
    c = case()
    c.send(request(), body(end_stream=False), headers(1, trailers, end))
    c.expect_malformed()


def test_8_1_trailers_without_end_of_stream(case):
    c = case()
    c.send(request(), body(end_stream=False), headers(1, [("x-test", "ok")]))
    c.expect_stream_error(PROTOCOL_ERROR)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "post", "P"])
def test_8_other_methods_are_refused_as_http_says(case, method):
    c = case()
    c.send(headers(1, changed(":method", method)), frame(DATA, END_STREAM, 1))
    a = c.until_ended()
    assert a[":status"] == "405" and a["allow"] == "POST", a
    # RFC 9110 section 9.3.2: there is never content in an answer to HEAD.
    assert bool(a.data) == (method != "HEAD")
    c.expect_alive()


# RFC 7541

INDEXED_POST, INDEXED_HTTP = hpack_indexed(3), hpack_indexed(6)  # Appendix A
REST = hpack([(":path", INFO), (":authority", "test"), ("te", "trailers"), ("content-type", "application/grpc")])
DYNAMIC = 62  # the first index after the static table


def huffman_literal(name, value, first=0x40):
    out = bytes([first])
    for text in (name, value):
        packed = huffman(text)
        out += hpack_int(len(packed), 7, 0x80) + packed
    return out


@pytest.mark.parametrize("block", named([
    ("6.1-indexed", INDEXED_POST + INDEXED_HTTP + REST),
    ("6.2.1-incremental-name-indexed", b"\x43" + hpack_text("POST") + INDEXED_HTTP + REST),
    ("6.2.1-incremental-new-name", hpack_literal(":method", "POST", indexed=True) + INDEXED_HTTP + REST),
    ("6.2.1-incremental-huffman", huffman_literal(":method", "POST") + INDEXED_HTTP + REST),
    ("6.2.1-and-its-entry", INDEXED_POST + INDEXED_HTTP + REST + hpack_literal("x-a", "b", indexed=True) + hpack_indexed(DYNAMIC)),
    ("6.2.2-without-indexing-name-indexed", b"\x03" + hpack_text("POST") + INDEXED_HTTP + REST),
    ("6.2.2-without-indexing-new-name", hpack_literal(":method", "POST") + INDEXED_HTTP + REST),
    ("6.2.2-without-indexing-huffman", huffman_literal(":method", "POST", 0x00) + INDEXED_HTTP + REST),
    ("6.2.3-never-indexed-name-indexed", b"\x13" + hpack_text("POST") + INDEXED_HTTP + REST),
    ("6.2.3-never-indexed-new-name", b"\x10" + hpack_text(":method") + hpack_text("POST") + INDEXED_HTTP + REST),
    ("6.2.3-never-indexed-huffman", huffman_literal(":method", "POST", 0x10) + INDEXED_HTTP + REST),
    ("4.2-size-update", b"\x21" + INDEXED_POST + INDEXED_HTTP + REST),
    ("4.2-size-update-twice", b"\x20" + hpack_int(4096, 5, 0x20) + INDEXED_POST + INDEXED_HTTP + REST),
    ("4.4-entry-larger-than-the-table", hpack_int(64, 5, 0x20) + INDEXED_POST + INDEXED_HTTP + REST + hpack_literal("x", "y" * 100, indexed=True)),
    ("5.1-integer-with-zeros-behind", INDEXED_POST + INDEXED_HTTP + REST + b"\x00\x01x\x7f\x81\x80\x00" + b"v" * 128),
    ("5.2-huffman-of-everything", INDEXED_POST + INDEXED_HTTP + REST + huffman_literal("x-all", "".join(map(chr, range(33, 127))))),
    ("5.2-huffman-of-nothing", INDEXED_POST + INDEXED_HTTP + REST + huffman_literal("x-empty", "")),
]))
def test_packed(case, block):
    c = case()
    c.send(headers(1, block), body())
    c.expect_ok()


@pytest.mark.parametrize("block", named([
    ("2.3.3-index-past-both-tables", INDEXED_POST + hpack_indexed(DYNAMIC)),
    ("2.3.3-index-far-past", hpack_indexed(1000)),
    ("2.3.3-name-past-both-tables", INDEXED_POST + hpack_literal(DYNAMIC, "x", indexed=True)),
    ("2.3.3-name-past-both-tables-unindexed", INDEXED_POST + hpack_literal(DYNAMIC, "x")),
    ("4.2-size-update-behind-a-field", INDEXED_POST + INDEXED_HTTP + REST + b"\x21"),
    ("5.1-integer-too-large", b"\xff" + b"\xff" * 10 + b"\x01"),
    ("5.1-integer-cut", b"\xff\x80"),
    ("5.2-string-cut", b"\x40\x05abc"),
    ("5.2-huffman-padded-with-more-than-7-bits", INDEXED_POST + b"\x40\x01x" + b"\x82" + huffman("/")[:1] + b"\xff"),
    ("5.2-huffman-padded-with-zeros", INDEXED_POST + b"\x40\x01x" + b"\x81" + bytes([huffman("a")[0] & 0xf8])),
    ("5.2-huffman-with-end-of-string", INDEXED_POST + b"\x40\x01x" + b"\x84\xff\xff\xff\xff"),
    ("6.1-index-0", b"\x80"),
    ("6.3-size-update-larger-than-announced", hpack_int(4097, 5, 0x20) + INDEXED_POST),
    ("6.3-size-update-cut", b"\x3f"),
]))
def test_packed_wrongly(case, block):
    c = case()
    c.send(headers(1, block), body())
    c.expect_connection_error(COMPRESSION_ERROR)


def test_2_3_2_entries_stay_from_block_to_block_and_go_when_the_table_shrinks(case):
    c = case()
    block = INDEXED_POST + INDEXED_HTTP + b"".join(hpack_literal(n, v, indexed=True) for n, v in FIELDS[2:])
    c.send(headers(1, block), body(1))
    c.expect_ok(1)
    # Newest first: content-type, te, :authority, :path.
    again = INDEXED_POST + INDEXED_HTTP + b"".join(hpack_indexed(DYNAMIC + i) for i in (3, 2, 1, 0))
    c.send(headers(3, again), body(3))
    c.expect_ok(3)
    c.send(headers(5, b"\x20" + again), body(5))
    c.expect_connection_error(COMPRESSION_ERROR)


def test_4_3_blocks_of_refused_requests_count_for_the_table(case):
    """RFC 9113 section 4.3: every block is decoded, whatever becomes of its request."""
    c = case()
    for stream, fields in ((1, changed(":path", "")), (3, FIELDS + [("connection", "close")]), (5, changed(":method", "GET"))):
        c.send(headers(stream, hpack(fields) + hpack_literal(f"x-of-{stream}", "v" * stream, indexed=True), end_stream=True))
    c.send(headers(7, hpack(FIELDS) + b"".join(hpack_indexed(DYNAMIC + i) for i in range(3))), body(7))
    c.expect_ok(7)


def test_6_3_our_encoder_obeys_the_table_size_of_the_peer(case):
    """A table of nothing: every block of the server must be decodable without one."""
    c = case((HEADER_TABLE_SIZE, 0))
    c.decoder.max_allowed_table_size = 0
    c.decoder.header_table_size = 0
    for stream in (1, 3, 5):
        c.send(call(stream))
        assert c.expect_ok(stream)["grpc-status"] == "0"
    c.send(settings((HEADER_TABLE_SIZE, 50), (HEADER_TABLE_SIZE, 4096)))
    c.decoder.max_allowed_table_size = 4096
    for stream in (7, 9):
        c.send(call(stream))
        assert c.expect_ok(stream)["grpc-status"] == "0"


def test_8_2_names_of_our_fields_are_lower_case_and_none_is_of_http_1(case):
    c = case()
    c.send(call(), request(3, te=None, content_type="text/html"), frame(DATA, END_STREAM, 3))
    for stream in (1, 3):
        a = c.until_ended(stream)
        names = [name for name, _ in a.headers + a.trailers]
        assert all(name == name.lower() for name in names)
        assert not {"connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"} & set(names)
        assert a.headers[0][0] == ":status" and not any(name[0] == ":" for name in names[1:])


def test_8_what_is_no_call_is_answered_after_it_and_not_read_for_ever(case):
    c = case()
    get = headers(1, [(":method", "PUT"), (":scheme", "http"), (":path", "/"), (":authority", "test")])
    c.send(get, frame(DATA, 0, 1, b"x" * 1000))
    c.expect_alive()
    assert not c.answer().headers
    c.send(headers(1, [("x-trailer", "x")], end_stream=True))
    a = c.until_ended()
    assert a[":status"] == "405" and a.reset is None
    c.send(get[:5] + b"\0\0\0\3" + get[9:], *(frame(DATA, 0, 3, b"x" * 10000) for _ in range(6)))
    c.expect_alive()
    assert not c.answer(3).headers
    c.send(frame(DATA, 0, 3, b"x" * 10000))
    assert c.until_ended(3)[":status"] == "405"
