# SPDX-License-Identifier: Apache-2.0
"""Server reflection of carob-api: a client that has no .proto file but reflection's own learns all there is."""
import pathlib

import grpc
import pytest
from google.protobuf import descriptor_pb2

import protos

PROTO = pathlib.Path(__file__).resolve().parent.parent.parent / "proto"
SERVICES = {"v1alpha.PublicAPI", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection"}
NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


class Reflection:
    """What grpcurl does: one stream, a request, its reply, the next."""

    def __init__(self, channel, version):
        self.protos = protos.Protos.compile(PROTO, f"grpc/reflection/{version}/reflection.proto")
        self.package = f"grpc.reflection.{version}"
        self.stub = self.protos.stub(channel, self.package + ".ServerReflection")

    def ask_all(self, *requests):
        made = [self.protos.new(self.package + ".ServerReflectionRequest", host="h", **r) for r in requests]
        replies = list(self.stub.ServerReflectionInfo(iter(made), timeout=20))
        assert [(r.valid_host, r.original_request) for r in replies] == [("h", q) for q in made]
        return replies

    def ask(self, **request):
        return self.ask_all(request)[0]

    def files(self, **request):
        reply = self.ask(**request)
        assert reply.WhichOneof("message_response") == "file_descriptor_response", reply
        return [descriptor_pb2.FileDescriptorProto.FromString(b)
                for b in reply.file_descriptor_response.file_descriptor_proto]

    def error(self, **request):
        reply = self.ask(**request)
        assert reply.WhichOneof("message_response") == "error_response", reply
        return reply.error_response.error_code, reply.error_response.error_message


@pytest.fixture(params=["v1", "v1alpha"])
def reflection(request, start_api):
    server = start_api()
    made = Reflection(server.client.channel, request.param)
    made.channel = server.client.channel
    return made


def test_services_are_listed(reflection):
    reply = reflection.ask(list_services="*")
    assert {s.name for s in reply.list_services_response.service} == SERVICES
    assert len(reply.list_services_response.service) == len(SERVICES)


def symbols(file):
    """Every name a file declares."""
    def of_message(message, scope):
        yield scope + message.name
        inner = f"{scope}{message.name}."
        for thing in (*message.field, *message.oneof_decl, *message.extension):
            yield inner + thing.name
        for enum in message.enum_type:
            yield from of_enum(enum, inner)
        for nested in message.nested_type:
            yield from of_message(nested, inner)

    def of_enum(enum, scope):
        yield scope + enum.name
        for value in enum.value:
            yield scope + value.name

    for message in file.message_type:
        yield from of_message(message, file.package + ".")
    for enum in file.enum_type:
        yield from of_enum(enum, file.package + ".")
    for service in file.service:
        yield f"{file.package}.{service.name}"
        for method in service.method:
            yield f"{file.package}.{service.name}.{method.name}"


def test_every_symbol_is_resolved(reflection):
    names = ["v1alpha/api.proto", "grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto",
             "grpc/reflection/v1alpha/reflection.proto"]
    files = [reflection.files(file_by_filename=name)[0] for name in names]
    assert [f.name for f in files] == names
    all_symbols = [(symbol, file) for file in files for symbol in symbols(file)]
    assert len(all_symbols) > 200
    replies = reflection.ask_all(*({"file_containing_symbol": s} for s, _ in all_symbols))
    for (symbol, file), reply in zip(all_symbols, replies):
        assert reply.file_descriptor_response.file_descriptor_proto, symbol
        assert reply.file_descriptor_response.file_descriptor_proto[0] == file.SerializeToString(), symbol


def test_the_descriptors_are_those_of_the_contract(reflection):
    with_source = protos.Protos.compile(PROTO, "v1alpha/api.proto")
    ours = descriptor_pb2.FileDescriptorProto()
    with_source.pool.FindFileByName("v1alpha/api.proto").CopyToProto(ours)
    assert reflection.files(file_containing_symbol="v1alpha.PublicAPI")[0] == ours


def test_calls_can_be_made_of_nothing_but_reflection(reflection, tree):
    pod = tree.pod("prepared", "a")
    for service in sorted(SERVICES):
        learned = protos.Protos(reversed(reflection.files(file_containing_symbol=service)))
        stub = learned.stub(reflection.channel, service)
        assert [m.name for m in learned.service(service).method]
        if service == "v1alpha.PublicAPI":
            reply = stub.ListPods(learned.new("v1alpha.ListPodsRequest", detail=True), timeout=20)
            assert [p.id for p in reply.pods] == [pod.uuid]
        elif service == "grpc.health.v1.Health":
            assert stub.Check(learned.new("grpc.health.v1.HealthCheckRequest"), timeout=20).status == 1


def test_what_is_unknown_is_told_without_ending_the_stream(reflection):
    replies = reflection.ask_all({"file_by_filename": "no.proto"}, {"file_containing_symbol": "v1alpha.Nothing"},
                                 {"file_containing_symbol": "v1alpha"}, {"all_extension_numbers_of_type": "v1alpha.No"},
                                 {"file_containing_extension": {"containing_type": "v1alpha.Pod", "extension_number": 1}})
    assert [r.error_response.error_code for r in replies] == [NOT_FOUND] * 5
    assert replies[1].error_response.error_message == "unknown symbol: v1alpha.Nothing"
    assert reflection.error() == (grpc.StatusCode.INVALID_ARGUMENT.value[0], "the request asks for: nothing")
    none = reflection.ask(all_extension_numbers_of_type="v1alpha.Pod").all_extension_numbers_response
    assert (none.base_type_name, list(none.extension_number)) == ("v1alpha.Pod", [])
