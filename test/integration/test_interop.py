# SPDX-License-Identifier: Apache-2.0
"""The cases of grpc/grpc doc/interop-test-descriptions.md, by python3-grpcio against test/interop; what that client cannot
see (which messages are compressed) by frames made by hand. Over TCP, a unix socket, TLS and mutual TLS."""
import gzip
import os
import re
import select
import signal
import subprocess
import threading
import time

import grpc
import pytest

import h2case
import pki
import protos

PROTO = "/usr/share/grpc-proto"
SERVICE = "grpc.testing.TestService"
INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
SIZES = [(31415, 27182), (9, 8), (2653, 1828), (58979, 45904)]  # response and request
pytestmark = pytest.mark.skipif(not os.path.exists(PROTO), reason="needs grpc-proto")


@pytest.fixture(scope="module")
def pb():
    return protos.Protos.compile(PROTO, "grpc/testing/test.proto")


def tls(kind, directory):
    """The flags of the server and the credentials of its clients."""
    ours, theirs = pki.Authority(directory, "ours"), pki.Authority(directory, "theirs")
    cert = ours.issue("server", "DNS:localhost")
    flags = ["--use_tls=true", f"--tls_cert_file={cert.cert}", f"--tls_key_file={cert.key}"]
    root = ours.cert.read_bytes()
    if kind == "tls":
        return flags, grpc.ssl_channel_credentials(root)
    client = theirs.issue("client")
    return (flags + [f"--tls_client_ca_file={theirs.cert}"],
            grpc.ssl_channel_credentials(root, client.key.read_bytes(), client.cert.read_bytes()))


class Server:
    def __init__(self, program, *flags):
        self.process = subprocess.Popen([program, "--port=0", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ready = select.select([self.process.stdout], [], [], 20)[0]
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("listening on port "):
            self.process.kill()
            raise AssertionError(line + self.process.communicate()[1].decode())
        self.target = f"localhost:{int(line.split()[-1])}"

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        _, text = self.process.communicate(timeout=20)
        assert self.process.returncode == 0 and not text, text


@pytest.fixture(scope="module")
def program(build):
    path = build / "test/interop/interop-server"
    if not path.exists():
        pytest.skip("interop-server was not built (grpc-proto was missing)")
    return path


@pytest.fixture(scope="module")
def server(program):
    s = Server(program)
    yield s
    s.end()


@pytest.fixture(scope="module", params=["tcp", "unix", "tls", "mtls"])
def channel(request, program, tmp_path_factory):
    made = tmp_path_factory.mktemp("interop")
    flags, credentials, target = [], None, None
    if request.param == "unix":
        target = f"unix:{made}/s"
        flags = [f"--listen={target}"]
    elif request.param != "tcp":
        flags, credentials = tls(request.param, made)
    s = Server(program, *flags)
    target = target or s.target
    c = grpc.secure_channel(target, credentials) if credentials else grpc.insecure_channel(target)
    yield c
    c.close()
    s.end()


@pytest.fixture
def stub(pb, channel):
    return pb.stub(channel, SERVICE)


@pytest.fixture
def new(pb):
    return lambda name, **fields: pb.new(f"grpc.testing.{name}", **fields)


def payload(size):
    return {"body": bytes(size)}


def code_of(call):
    with pytest.raises(grpc.RpcError) as e:
        call()
    return e.value.code(), e.value.details()


# The cases by their names

def test_empty_unary(stub, new):
    assert stub.EmptyCall(new("Empty"), timeout=20) == new("Empty")


def test_large_unary(stub, new):
    reply = stub.UnaryCall(new("SimpleRequest", response_size=314159, payload=payload(271828)), timeout=20)
    assert reply.payload.body == bytes(314159) and reply.payload.type == 0


def test_client_streaming(stub, new):
    requests = (new("StreamingInputCallRequest", payload=payload(size)) for size in (27182, 8, 1828, 45904))
    assert stub.StreamingInputCall(requests, timeout=20).aggregated_payload_size == 74922


def test_server_streaming(stub, new):
    request = new("StreamingOutputCallRequest", response_parameters=[{"size": size} for size, _ in SIZES])
    assert [r.payload.body for r in stub.StreamingOutputCall(request, timeout=20)] == [bytes(size) for size, _ in SIZES]


class Talk:
    """Requests that are sent one by one."""

    def __init__(self):
        self.condition, self.requests, self.over = threading.Condition(), [], False

    def say(self, request):
        with self.condition:
            self.requests.append(request)
            self.condition.notify()

    def end(self):
        with self.condition:
            self.over = True
            self.condition.notify()

    def __iter__(self):
        return self

    def __next__(self):
        with self.condition:
            self.condition.wait_for(lambda: self.requests or self.over)
            if self.requests:
                return self.requests.pop(0)
            raise StopIteration


@pytest.fixture
def talk():
    t = Talk()
    yield t
    t.end()


def ask(new, reply, size, **fields):
    return new("StreamingOutputCallRequest", response_parameters=[{"size": reply}], payload=payload(size), **fields)


def test_ping_pong(stub, new, talk):
    call = stub.FullDuplexCall(talk, timeout=20)
    for reply, size in SIZES:
        talk.say(ask(new, reply, size))
        assert next(call).payload.body == bytes(reply)
    talk.end()
    assert list(call) == [] and call.code() == grpc.StatusCode.OK


def test_empty_stream(stub):
    call = stub.FullDuplexCall(iter(()), timeout=20)
    assert list(call) == [] and call.code() == grpc.StatusCode.OK


def test_half_duplex(stub, new, talk):
    call = stub.HalfDuplexCall(talk, timeout=20)
    for reply, size in SIZES:
        talk.say(ask(new, reply, size))
    talk.end()
    assert [len(r.payload.body) for r in call] == [reply for reply, _ in SIZES]


def test_cancel_after_begin(stub, talk):
    call = stub.StreamingInputCall.future(talk)
    call.cancel()
    assert call.code() == grpc.StatusCode.CANCELLED


def test_cancel_after_first_response(stub, new, talk):
    call = stub.FullDuplexCall(talk)
    talk.say(ask(new, *SIZES[0]))
    assert next(call).payload.body == bytes(31415)
    call.cancel()
    assert code_of(lambda: next(call))[0] == grpc.StatusCode.CANCELLED
    assert call.code() == grpc.StatusCode.CANCELLED


def test_timeout_on_sleeping_server(stub, new, talk):
    call = stub.FullDuplexCall(talk, timeout=0.001)
    talk.say(new("StreamingOutputCallRequest", payload=payload(27182)))
    assert code_of(lambda: next(call))[0] == grpc.StatusCode.DEADLINE_EXCEEDED


def test_custom_metadata(stub, new, talk):
    metadata = [(INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab")]
    request = new("SimpleRequest", response_size=314159, payload=payload(271828))
    reply, call = stub.UnaryCall.with_call(request, metadata=metadata, timeout=20)
    assert len(reply.payload.body) == 314159
    assert metadata[0] in call.initial_metadata() and metadata[1] in call.trailing_metadata()
    call = stub.FullDuplexCall(talk, metadata=metadata, timeout=20)
    talk.say(ask(new, 314159, 271828))
    assert len(next(call).payload.body) == 314159
    talk.end()
    assert list(call) == []
    assert metadata[0] in call.initial_metadata() and metadata[1] in call.trailing_metadata()


def test_custom_metadata_of_a_call_that_fails(stub, new):
    metadata = [(INITIAL, "value"), (TRAILING, b"\0\xff")]
    with pytest.raises(grpc.RpcError) as e:
        stub.UnaryCall(new("SimpleRequest", response_status={"code": 2}), metadata=metadata, timeout=20)
    # One block is all there is of such an answer: both are in it.
    assert metadata[1] in e.value.trailing_metadata()


def test_status_code_and_message(stub, new, talk):
    status = {"code": 2, "message": "test status message"}
    expected = grpc.StatusCode.UNKNOWN, "test status message"
    assert code_of(lambda: stub.UnaryCall(new("SimpleRequest", response_status=status), timeout=20)) == expected
    call = stub.FullDuplexCall(talk, timeout=20)
    talk.say(new("StreamingOutputCallRequest", response_status=status))
    assert code_of(lambda: next(call)) == expected


def test_special_status_message(stub, new):
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    request = new("SimpleRequest", response_status={"code": 2, "message": text})
    assert code_of(lambda: stub.UnaryCall(request, timeout=20)) == (grpc.StatusCode.UNKNOWN, text)


def test_every_status_code(stub, new):
    for status in grpc.StatusCode:
        number, _ = status.value
        request = new("SimpleRequest", response_status={"code": number, "message": f"code {number}"})
        if number:
            assert code_of(lambda: stub.UnaryCall(request, timeout=20)) == (status, f"code {number}")


def test_unimplemented_method(stub, new):
    assert code_of(lambda: stub.UnimplementedCall(new("Empty"), timeout=20))[0] == grpc.StatusCode.UNIMPLEMENTED


def test_unimplemented_service(pb, channel, new):
    other = pb.stub(channel, "grpc.testing.UnimplementedService")
    assert code_of(lambda: other.UnimplementedCall(new("Empty"), timeout=20))[0] == grpc.StatusCode.UNIMPLEMENTED


# Compression

def test_client_compressed_unary(stub, new):
    def request(expected):
        return new("SimpleRequest", expect_compressed={"value": expected}, response_size=314159, payload=payload(271828))

    assert code_of(lambda: stub.UnaryCall(request(True), timeout=20))[0] == grpc.StatusCode.INVALID_ARGUMENT
    compressed = stub.UnaryCall(request(True), timeout=20, compression=grpc.Compression.Gzip)
    plain = stub.UnaryCall(request(False), timeout=20)
    assert len(compressed.payload.body) == len(plain.payload.body) == 314159


def test_client_compressed_streaming_probe(stub, new):
    probe = new("StreamingInputCallRequest", expect_compressed={"value": True}, payload=payload(27182))
    assert code_of(lambda: stub.StreamingInputCall(iter([probe]), timeout=20))[0] == grpc.StatusCode.INVALID_ARGUMENT
    reply = stub.StreamingInputCall(iter([probe]), timeout=20, compression=grpc.Compression.Gzip)
    assert reply.aggregated_payload_size == 27182


@pytest.mark.parametrize("algorithm", [grpc.Compression.Deflate, grpc.Compression.Gzip])
def test_both_algorithms(stub, new, algorithm):
    request = new("SimpleRequest", response_compressed={"value": True}, response_size=314159, payload=payload(271828))
    assert len(stub.UnaryCall(request, timeout=20, compression=algorithm).payload.body) == 314159


@pytest.fixture
def wire(server):
    """wire(method, (compressed, message), ...) -> the answer, and (compressed, bytes) of each message of it."""
    made = []

    def run(method, *said, accept="gzip"):
        c = h2case.Case(server.target)
        made.append(c)
        fields = h2case.request_fields(f"/{SERVICE}/{method}", ("grpc-encoding", "gzip"), ("grpc-accept-encoding", accept))
        data = b""
        for compressed, message in said:
            packed = message.SerializeToString()
            data += h2case.message(gzip.compress(packed) if compressed else packed, compressed)
        c.send(h2case.window_update(0, 2**30), h2case.settings((h2case.INITIAL_WINDOW_SIZE, 2**30)), h2case.headers(1, fields))
        pieces = [data[i:i + 16384] for i in range(0, len(data), 16384)] or [b""]
        for i, piece in enumerate(pieces):
            c.send(h2case.frame(h2case.DATA, h2case.END_STREAM if i == len(pieces) - 1 else 0, 1, piece))
        a = c.until_ended()
        out, left = [], a.data
        while left:
            size = int.from_bytes(left[1:5], "big")
            out.append((bool(left[0]), gzip.decompress(left[5:5 + size]) if left[0] else left[5:5 + size]))
            left = left[5 + size:]
        return a, out

    yield run
    for c in made:
        c.socket.close()


@pytest.mark.parametrize("wanted", [True, False])
def test_server_compressed_unary(wire, pb, new, wanted):
    request = new("SimpleRequest", response_compressed={"value": wanted}, response_size=314159, payload=payload(271828))
    a, replies = wire("UnaryCall", (False, request))
    assert a["grpc-status"] == "0" and len(replies) == 1
    assert (replies[0][0], dict(a.headers).get("grpc-encoding", "identity")) == ((True, "gzip") if wanted else (False, "identity"))
    assert len(pb.type("grpc.testing.SimpleResponse").FromString(replies[0][1]).payload.body) == 314159


def test_server_compressed_streaming(wire, pb, new):
    request = new("StreamingOutputCallRequest", response_parameters=[{"size": 31415, "compressed": {"value": True}},
                                                                     {"size": 92653, "compressed": {"value": False}},
                                                                     {"size": 1415, "compressed": {"value": True}}])
    a, replies = wire("StreamingOutputCall", (False, request))
    assert a["grpc-status"] == "0" and [compressed for compressed, _ in replies] == [True, False, True]
    sizes = [len(pb.type("grpc.testing.StreamingOutputCallResponse").FromString(data).payload.body) for _, data in replies]
    assert sizes == [31415, 92653, 1415]


def test_replies_are_not_compressed_for_who_cannot_read_them(wire, new):
    request = new("SimpleRequest", response_compressed={"value": True}, response_size=314159)
    a, replies = wire("UnaryCall", (False, request), accept="identity")
    assert a["grpc-status"] == "0" and not replies[0][0]


def test_client_compressed_streaming(wire, pb, new):
    def request(expected, size):
        return new("StreamingInputCallRequest", expect_compressed={"value": expected}, payload=payload(size))

    a, _ = wire("StreamingInputCall", (False, request(True, 27182)))
    assert a["grpc-status"] == "3"
    a, replies = wire("StreamingInputCall", (True, request(True, 27182)), (False, request(False, 45904)))
    assert a["grpc-status"] == "0"
    assert pb.type("grpc.testing.StreamingInputCallResponse").FromString(replies[0][1]).aggregated_payload_size == 73086


# And what else a server can be asked

def test_intervals_are_kept_and_many_responses_flow(stub, new):
    started = time.monotonic()
    request = new("StreamingOutputCallRequest", response_parameters=[{"size": 1, "interval_us": 20000}] * 3)
    assert len(list(stub.StreamingOutputCall(request, timeout=20))) == 3
    assert time.monotonic() - started >= 0.06
    request = new("StreamingOutputCallRequest", response_parameters=[{"size": 1000}] * 5000)
    assert sum(1 for _ in stub.StreamingOutputCall(request, timeout=60)) == 5000


def test_calls_at_the_same_time(stub, new):
    calls = [stub.UnaryCall.future(new("SimpleRequest", response_size=size * 100, payload=payload(size)), timeout=60)
             for size in range(300)]
    assert [len(call.result().payload.body) for call in calls] == [size * 100 for size in range(300)]


def test_the_server_describes_itself(channel, pb):
    own = protos.Protos.compile("/usr/share/grpc-proto", "grpc/reflection/v1alpha/reflection.proto")
    reflection = own.stub(channel, "grpc.reflection.v1alpha.ServerReflection")
    question = own.new("grpc.reflection.v1alpha.ServerReflectionRequest", file_containing_symbol=SERVICE + ".UnaryCall")
    reply = next(reflection.ServerReflectionInfo(iter([question]), timeout=20))
    names = [re.search(rb"grpc/testing/\w+\.proto", f).group() for f in reply.file_descriptor_response.file_descriptor_proto]
    assert names == [b"grpc/testing/test.proto", b"grpc/testing/empty.proto", b"grpc/testing/messages.proto"]
