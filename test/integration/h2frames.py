# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames made by hand (RFC 9113, RFC 7541), for tests that say what no client library would. Header blocks
are literals without Huffman coding; those of the server are not decoded."""
import select
import socket
import struct
import time

# RFC 9113 section 6
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
END_HEADERS, PADDED, WITH_PRIORITY = 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)
# Section 7
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_WINDOW = 2**31 - 1


def frame(type, flags=0, stream=0, payload=b"", length=None):
    """@length: what the frame claims to have, when that is not the truth."""
    return struct.pack(">I", len(payload) if length is None else length)[1:] + struct.pack(">BBI", type, flags, stream) + payload


def settings(*entries, ack=False):
    return frame(SETTINGS, ACK if ack else 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in entries))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def rst_stream(stream, error=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", error))


def ping(data=b"\0" * 8, ack=False):
    return frame(PING, ACK if ack else 0, 0, data)


def hpack_int(value, prefix_bits, first=0):
    """RFC 7541 section 5.1; @first: the bits of the first byte above the prefix."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def hpack_text(text):
    data = text if isinstance(text, bytes) else text.encode()
    return hpack_int(len(data), 7) + data


def hpack_literal(name, value, indexed=False):
    """RFC 7541 section 6.2. @indexed: it goes into the dynamic table. @name: text, or an index."""
    first, bits = (0x40, 6) if indexed else (0, 4)
    if isinstance(name, int):
        return hpack_int(name, bits, first) + hpack_text(value)
    return bytes([first]) + hpack_text(name) + hpack_text(value)


def hpack_indexed(index):
    return hpack_int(index, 7, 0x80)


def hpack(fields):
    return b"".join(hpack_literal(name, value) for name, value in fields)


def request_fields(path, *more, authority="test", content_type="application/grpc", te="trailers"):
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", authority), ("te", te),
              ("content-type", content_type)]
    return [f for f in fields if f[1] is not None] + list(more)


def headers(stream, fields, end_stream=False):
    """One HEADERS frame. @fields: (name, value) pairs or a header block."""
    block = fields if isinstance(fields, bytes) else hpack(fields)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end_stream else 0), stream, block)


def message(data=b"", compressed=False, length=None):
    """A gRPC message (PROTOCOL-HTTP2.md, "Length-Prefixed-Message")."""
    return struct.pack(">BI", compressed, len(data) if length is None else length) + data


def call(stream, path, data=b"", *more):
    """A whole unary call."""
    return headers(stream, request_fields(path, *more)) + frame(DATA, END_STREAM, stream, message(data))


class Frame:
    def __init__(self, type, flags, stream, payload):
        self.type, self.flags, self.stream, self.payload = type, flags, stream, payload

    def has(self, flag):
        return self.flags & flag == flag

    @property
    def error(self):
        """Of RST_STREAM and GOAWAY."""
        return struct.unpack(">I", self.payload[:4] if self.type == RST_STREAM else self.payload[4:8])[0]

    def __repr__(self):
        return f"<frame type {self.type} flags {self.flags:#x} stream {self.stream} of {len(self.payload)}: {self.payload[:40]!r}>"


def connect(target, timeout=20):
    """A socket to "host:port", "[v6]:port" or "unix:/path"."""
    if target.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(target[len("unix:"):])  # with a timeout it would fail as soon as the backlog is full
        s.settimeout(timeout)
        return s
    host, port = target.rsplit(":", 1)
    s = socket.create_connection((host.strip("[]"), int(port)), timeout=timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Connection:
    """A client that does as it is told. @hello: what it says first; None: preface and empty SETTINGS."""

    def __init__(self, target, hello=None, timeout=20, wrap=None):
        self.socket = connect(target, timeout)
        if wrap:
            self.socket = wrap(self.socket)
        self.timeout, self.buffer, self.closed = timeout, b"", False
        if hello is None:
            hello = PREFACE + settings()
        if hello:
            self.send(hello)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, *data):
        """False when the server has closed the connection."""
        try:
            self.socket.sendall(b"".join(data))
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def next(self):
        """The next frame; None once the server has closed the connection. Raises TimeoutError."""
        deadline = time.monotonic() + self.timeout
        while True:
            if len(self.buffer) >= 9:
                size = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + size:
                    type, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
                    payload = self.buffer[9:9 + size]
                    self.buffer = self.buffer[9 + size:]
                    return Frame(type, flags, stream & MAX_WINDOW, payload)
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                data = b""
            finally:
                self.socket.settimeout(self.timeout)
            if not data:
                self.closed = True
                return None
            self.buffer += data

    def frames(self):
        """All frames until the server closes the connection."""
        while (f := self.next()) is not None:
            yield f

    def wait(self, type, stream=None, flags=0):
        """The next such frame; those before it are thrown away. None when the connection ends before."""
        for f in self.frames():
            if f.type == type and (stream is None or f.stream == stream) and f.has(flags):
                return f
        return None

    def flood(self, data, read=True, patience=0.5):
        """Sends @data as fast as the server takes it. @read: what it says meanwhile is kept for next(). Returns how that
        ended: "sent", "closed", or "blocked": it took nothing more for @patience seconds."""
        left, received = memoryview(data), [self.buffer]
        self.socket.setblocking(False)
        try:
            while left:
                readable, writable, _ = select.select([self.socket] if read else [], [self.socket], [], patience)
                if readable:
                    received.append(self.socket.recv(1 << 20))
                    if not received[-1]:
                        return "closed"
                if writable:
                    left = left[self.socket.send(left[:1 << 20]):]
                elif not readable:
                    return "blocked"
            return "sent"
        except (BrokenPipeError, ConnectionResetError):
            return "closed"
        finally:
            self.buffer = b"".join(received)
            self.socket.settimeout(self.timeout)

    def settle(self):
        """Everything sent so far has been taken in and answered. Returns the frames that came until then; see `closed`."""
        seen = []
        # The answer to the first PING may overtake those to what was sent before it, that to the second cannot.
        for data in (b"settled?", b"settled!"):
            if not self.send(ping(data)):
                seen += self.frames()
                self.closed = True
                break
            for f in self.frames():
                if f.type == PING and f.payload == data:
                    break
                seen.append(f)
        return seen
