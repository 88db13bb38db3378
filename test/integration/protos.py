# SPDX-License-Identifier: Apache-2.0
"""Messages and stubs made of descriptors at run time: generated code for packages below "grpc" would hide the Python
package of that name, and reflection has nothing but descriptors."""
import subprocess
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


class Protos:
    """Protos.compile(dir, "a.proto").new("pkg.Message", field=1); .stub(channel, "pkg.Service").Method(...)"""

    def __init__(self, files):
        """@files: FileDescriptorProtos, what is imported first."""
        self.pool = descriptor_pool.DescriptorPool()
        for file in files:
            self.pool.Add(file)

    @classmethod
    def compile(cls, proto_dir, *names):
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run(["protoc", f"--proto_path={proto_dir}", "--include_imports",
                            f"--descriptor_set_out={out.name}", *names], check=True)
            return cls(descriptor_pb2.FileDescriptorSet.FromString(out.read()).file)

    def type(self, name):
        descriptor = self.pool.FindMessageTypeByName(name)
        return message_factory.MessageFactory(self.pool).GetPrototype(descriptor)

    def new(self, message, **fields):
        return self.type(message)(**fields)

    def service(self, name):
        """The ServiceDescriptorProto: Python's own descriptors do not tell which methods stream."""
        proto = descriptor_pb2.ServiceDescriptorProto()
        self.pool.FindServiceByName(name).CopyToProto(proto)
        return proto

    def stub(self, channel, service):
        return Stub(self, channel, self.service(service), service)


class Stub:
    """stub.Method is a grpcio multi-callable: (request or iterator, timeout=..., metadata=...)."""

    def __init__(self, protos, channel, service, name):
        for method in service.method:
            kind = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
            make = getattr(channel, "_".join(kind))
            setattr(self, method.name, make(
                f"/{name}/{method.name}",
                request_serializer=protos.type(method.input_type[1:]).SerializeToString,
                response_deserializer=protos.type(method.output_type[1:]).FromString))
