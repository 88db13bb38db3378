# SPDX-License-Identifier: Apache-2.0
"""The API as python3-grpcio sees it: a client that is independent of ours, and the server's process."""
import importlib
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

import grpc

STREAMS = ("GetLogs", "ListenEvents")


def messages(proto_dir):
    """The module of message classes. Debian has no plugin for gRPC stubs in Python, and none is needed."""
    out = tempfile.mkdtemp(prefix="carob-pb-")
    subprocess.run(["protoc", f"--proto_path={proto_dir}/v1alpha", f"--python_out={out}",
                    f"{proto_dir}/v1alpha/api.proto"], check=True)
    sys.path.insert(0, out)
    try:
        return importlib.import_module("api_pb2")
    finally:
        sys.path.remove(out)
        subprocess.run(["rm", "-rf", out], check=True)


class Client:
    """client.ListPods(detail=True) -> ListPodsResponse; streaming calls return the call, an iterator of replies."""

    def __init__(self, target, pb, ca=None, cert=None, key=None, name=None, compression=None, window=None):
        """@ca (a file) makes it TLS; @cert and @key: the client's own; @name: the server's, if not that of @target. @window: "small":
        no more of a stream is taken in than 64 KiB that nobody reads."""
        self.target, self.pb = target, pb
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1),
                   ("grpc.enable_http_proxy", 0)]
        if window == "small":
            options += [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65535)]
        if name:
            options.append(("grpc.ssl_target_name_override", name))
        kind = {"compression": grpc.Compression.Gzip} if compression == "gzip" else {}
        if ca:
            ca, key, cert = (pathlib.Path(f).read_bytes() if f else None for f in (ca, key, cert))
            self.channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(ca, key, cert), options=options, **kind)
        else:
            self.channel = grpc.insecure_channel(target, options=options, **kind)
        for method in pb.DESCRIPTOR.services_by_name["PublicAPI"].methods:
            setattr(self, method.name, self._stub(method))

    def _stub(self, method):
        request_type = getattr(self.pb, method.input_type.name)
        reply_type = getattr(self.pb, method.output_type.name)
        kind = self.channel.unary_stream if method.name in STREAMS else self.channel.unary_unary
        call = kind(f"/v1alpha.PublicAPI/{method.name}", request_serializer=request_type.SerializeToString,
                    response_deserializer=reply_type.FromString)

        def stub(request=None, timeout=20, **fields):
            return call(request or request_type(**fields), timeout=timeout)

        return stub

    def error(self, method, **fields):
        """(code name, message) of a call that must fail."""
        try:
            reply = getattr(self, method)(**fields)
            reply = list(reply) if method in STREAMS else reply
        except grpc.RpcError as e:
            return e.code().name, e.details()
        raise AssertionError(f"{method}{fields} did not fail: {reply}")

    def pods(self, *filters, **fields):
        return list(self.ListPods(filters=list(filters), **fields).pods)

    def pod(self, pod_id):
        return self.InspectPod(id=pod_id).pod

    def images(self, *filters, **fields):
        return list(self.ListImages(filters=list(filters), **fields).images)

    def logs(self, pod_id, **fields):
        return [line for reply in self.GetLogs(pod_id=pod_id, **fields) for line in reply.lines]

    def close(self):
        self.channel.close()


class Server:
    """A carob-api process. `client` is connected to it once somebody looks."""

    def __init__(self, program, pb, *flags, dir, listen="127.0.0.1:0", wait=True, before=(), **kwargs):
        """@listen: None: no such option. @before: the words of a program that becomes the service."""
        self.pb, self._client, self.text = pb, None, ""
        words = [*before, program, f"--dir={dir}", *([f"--listen={listen}"] if listen else []), *flags]
        self.process = subprocess.Popen([str(word) for word in words],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, **kwargs)
        self.pid = self.process.pid
        if wait:
            try:
                self.wait_for("API service running")
            except BaseException:
                self.end()
                raise

    def wait_for(self, text, timeout=20):
        """Reads what the server says until @text is in it."""
        deadline = time.monotonic() + timeout
        while text not in self.text:
            left = deadline - time.monotonic()
            ready = select.select([self.process.stderr], [], [], max(left, 0))[0]
            chunk = os.read(self.process.stderr.fileno(), 65536) if ready else b""
            if not chunk:
                raise AssertionError(f"carob-api did not say {text!r} ({self.process.poll()}): {self.text}")
            self.text += chunk.decode(errors="replace")

    @property
    def addresses(self):
        return re.findall(r"Listening on ([^\s\"]+)", self.text)

    @property
    def client(self):
        if self._client is None:
            self._client = Client(self.addresses[0], self.pb)
        return self._client

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.pid}/fd").iterdir()))

    def links(self):
        """What its descriptors are."""
        names = []
        for fd in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                names.append(os.readlink(fd))
            except FileNotFoundError:
                continue  # closed meanwhile
        return names

    def reads_logs(self):
        """Is one of its descriptors there because of a GetLogs?"""
        return any("/logs" in name or "timerfd" in name for name in self.links())

    def held(self):
        """Descriptors that clients have made it open. (Those of the index come and go with the pods.)"""
        return sum(name.startswith("socket:") or "/logs" in name or "timerfd" in name for name in self.links())

    def end(self, signo=signal.SIGTERM, timeout=20):
        """Ends the process by its pid and returns its exit status."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self.process.poll() is None:
            self.process.send_signal(signo)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"carob-api (pid {self.pid}) did not end: {self.text}")
        if self.process.stderr and not self.process.stderr.closed:
            self.text += self.process.stderr.read().decode(errors="replace")
            self.process.stderr.close()
        return self.process.returncode
