# SPDX-License-Identifier: Apache-2.0
"""One connection that breaks (or stretches) a rule of HTTP/2, and what a server may answer to it. As in h2spec: a server
must answer as the RFC demands, and may make more of an error than it is: a connection error where a stream error would do
(RFC 9113 section 5.4.2)."""
import pytest
from hpack import Decoder
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

import apiclient
import pki
from h2frames import *  # noqa: F403 its names are the vocabulary of the cases
from h2frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, RST_STREAM, SETTINGS,
                      WITH_PRIORITY, Connection, frame, headers, message, ping, request_fields, settings)

INFO = "/v1alpha.PublicAPI/GetInfo"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
NAMES = {value: name for name, value in list(globals().items())
         if name in ("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "CANCEL",
                     "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "COMPRESSION_ERROR", "ENHANCE_YOUR_CALM")}
_huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def huffman(text):
    return _huffman.encode(text.encode())


def request(stream=1, *more, end_stream=False, **fields):
    """HEADERS of a call of GetInfo."""
    return headers(stream, request_fields(INFO, *more, **fields), end_stream)


def body(stream=1, data=b"", end_stream=True):
    return frame(DATA, END_STREAM if end_stream else 0, stream, message(data))


def call(stream=1, *more, **fields):
    return request(stream, *more, **fields) + body(stream)


def split(block, *at):
    """HEADERS and CONTINUATIONs of stream 1 with @block cut at these places."""
    cuts = [0, *at, len(block)]
    pieces = [block[a:b] for a, b in zip(cuts, cuts[1:])]
    return b"".join(frame(CONTINUATION if i else HEADERS, END_HEADERS if i == len(pieces) - 1 else 0, 1, piece)
                    for i, piece in enumerate(pieces))


class Answer:
    def __init__(self):
        self.headers, self.trailers, self.data, self.reset, self.blocks, self.ended = [], [], b"", None, 0, False

    def __getitem__(self, name):
        """The value of a field of the last block; None without it."""
        return dict(self.trailers or self.headers).get(name)

    def __repr__(self):
        return f"<answer {self.headers} {self.data!r} {self.trailers} reset {self.reset} ended {self.ended}>"


class Case(Connection):
    """A connection after both sides' SETTINGS, whose server's header blocks are decoded."""

    def __init__(self, target, *entries, timeout=10, **kwargs):
        super().__init__(target, timeout=timeout, **kwargs)
        if entries:
            self.send(settings(*entries))
        self.server_settings = self.wait(SETTINGS)
        self.send(settings(ack=True))
        self.decoder, self.answers, self.goaway, self._block = Decoder(), {}, None, None

    def next(self):
        f = super().next()
        if f is not None and hasattr(self, "answers"):
            self._note(f)
        return f

    def answer(self, stream=1):
        return self.answers.setdefault(stream, Answer())

    def _note(self, f):
        a = self.answer(f.stream) if f.stream else None
        if f.type in (HEADERS, CONTINUATION):
            payload = f.payload
            assert not f.has(PADDED) and not (f.type == HEADERS and f.has(WITH_PRIORITY))
            if f.type == HEADERS:
                self._block, self._ends = b"", f.has(END_STREAM)
            self._block += payload
            if f.has(END_HEADERS):
                fields = [tuple(x.decode() if isinstance(x, bytes) else x for x in field)
                          for field in self.decoder.decode(self._block, raw=True)]
                a.blocks += 1
                if a.headers:
                    a.trailers = fields
                else:
                    a.headers = fields
                a.ended = a.ended or self._ends
        elif f.type == DATA:
            a.data += f.payload
            a.ended = a.ended or f.has(END_STREAM)
        elif f.type == RST_STREAM:
            a.reset = f.error
        elif f.type == GOAWAY:
            self.goaway = f

    def until_ended(self, stream=1):
        """The answer, once it is complete or reset."""
        a = self.answer(stream)
        while not a.ended and a.reset is None and self.next() is not None:
            pass
        assert a.ended or a.reset is not None, f"the connection ended instead: {self.goaway} {a}"
        return a

    def expect_ok(self, stream=1):
        a = self.until_ended(stream)
        assert a.ended and a[":status"] in ("200", None) and a["grpc-status"] == "0", a
        return a

    def expect_alive(self):
        """Not even a GOAWAY, and the next call works."""
        self.send(ping(b"expected"))
        while (f := self.next()) is not None and f.payload != b"expected":
            pass
        assert f is not None and self.goaway is None, self.goaway
        assert f.has(ACK)

    def expect_connection_error(self, *codes):
        """GOAWAY that says why (RFC 9113 section 5.4.1), then the end."""
        for _ in self.frames():
            pass
        assert self.goaway is not None, "closed without a GOAWAY"
        assert self.goaway.error in codes, f"GOAWAY of {self.goaway.error}, not of {codes}"

    def expect_stream_error(self, *codes, stream=1):
        """RST_STREAM, after which the connection goes on; or a connection error of the same kind."""
        a = self.answer(stream)
        while a.reset is None and self.next() is not None:
            pass
        if a.reset is None:
            assert self.goaway is not None and self.goaway.error in codes, f"{self.goaway} instead of {codes}"
            return
        assert a.reset in codes, f"RST_STREAM of {a.reset}, not of {codes}"
        self.expect_alive()

    def expect_malformed(self, stream=1):
        """RFC 9113 section 8.1.1: a stream error PROTOCOL_ERROR, before it perhaps an HTTP answer of 400."""
        a = self.answer(stream)
        while a.reset is None and not (a.ended and a[":status"] == "400") and self.next() is not None:
            assert not (a.headers and a[":status"] != "400"), f"answered: {a}"
        if a.reset is not None:
            assert a.reset == 1 or a[":status"] == "400", a
            self.expect_alive()
        elif not a.ended:
            assert self.goaway is not None and self.goaway.error == 1, f"{self.goaway} {a}"


# Fixtures, for `from h2case import *`

@pytest.fixture(scope="module", params=["cleartext", "tls"])
def server(request, build, pb, tmp_path_factory):
    """A carob-api for all tests of a file: at a TCP port, and at a unix socket."""
    made = tmp_path_factory.mktemp("h2")
    flags, wrap = [f"--listen=unix:{made}/s"], None
    if request.param == "tls":
        ca = pki.Authority(made, "ca")
        own = ca.issue("server", "DNS:localhost")
        flags += [f"--tls-cert={own.cert}", f"--tls-key={own.key}"]
        wrap = pki.wrapper(ca)
    started = apiclient.Server(build / "carob-api", pb, *flags, dir=made)
    started.wrap = wrap
    yield started
    assert started.end() == 0, started.text


@pytest.fixture
def case(server):
    """case((SETTING, value), ...) -> a Case; case(hello=b"...") -> a Connection that says that first."""
    made = []

    def start(*entries, address=0, hello=None, **kwargs):
        target, wrap = server.addresses[address], server.wrap if address == 0 else None
        made.append(Case(target, *entries, wrap=wrap, **kwargs) if hello is None else
                    Connection(target, hello=hello, wrap=wrap, timeout=10))
        return made[-1]

    yield start
    for c in made:
        c.socket.close()


@pytest.fixture
def local(case):
    """By the unix socket, where PINGs are not rationed (gRFC A8): settle() needs them."""
    return lambda *entries: case(*entries, address=1)


def named(rows):
    """For parametrize: the first of each row is its name."""
    return [pytest.param(*row[1:], id=row[0]) for row in rows]
