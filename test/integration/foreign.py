# SPDX-License-Identifier: Apache-2.0
"""Clients of the API made with other implementations of gRPC than python3-grpcio: @grpc/grpc-js and gRPC C++.

Each is a program (test/clients) started with --target=ADDRESS and, for TLS, --ca, --cert, --key (files) and --name (the
server's); --compression=gzip; --window=small (no more of a stream than 64 KiB is taken in before it is read). It reads calls from its standard input, one a line, and makes them one after the other:

    TIMEOUT_MS CANCEL_AFTER METHOD REQUEST

0 is no timeout; after CANCEL_AFTER replies that are not empty the call is cancelled (0: never). REQUEST is JSON. It says
"reply JSON" for each reply as it comes, and "end CODE TEXT" (a number; a JSON string)."""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import grpc
import pytest
from google.protobuf import json_format

import apiclient

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CODES = {code.value[0]: code.name for code in grpc.StatusCode}
CPP = "test/clients/cpp/grpc-cpp-client"


def node_program(build):
    """The command of the client of grpc-js; its packages are kept in the build directory."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm")
    source = ROOT / "test" / "clients" / "node"
    lock = (source / "package-lock.json").read_bytes()
    place = build / "test-clients" / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    place.parent.mkdir(exist_ok=True)
    with open(place.parent / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(source / name, place)
            # The lock file has the checksum of every package; none of them gets to run a script.
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1",
                                   "--fetch-timeout=20000"], cwd=place, capture_output=True, text=True, timeout=300)
            if done.returncode != 0:
                lines = [line for line in done.stderr.splitlines() if "npm warn" not in line]
                pytest.skip(f"npm cannot install @grpc/grpc-js: {' '.join(lines)[:300]}")
            (place / "complete").touch()
    return ["node", source / "client.js", f"--proto={ROOT}/proto/v1alpha/api.proto"], {"NODE_PATH": str(place / "node_modules")}


def cpp_program(build):
    """The command of the client of gRPC C++; ninja makes it when it is first asked for."""
    with open(build / ".grpc-cpp-client.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run(["ninja", "-C", build, CPP], capture_output=True, text=True, timeout=600)
    if "unknown target" in done.stdout + done.stderr:
        pytest.skip("needs libgrpc++-dev, protobuf-compiler-grpc and g++ when the build is configured")
    assert done.returncode == 0, done.stdout + done.stderr
    return [build / CPP], {}


class Result:
    """How a call ended: code (name), text, replies (messages)."""

    def __init__(self):
        self.code, self.text, self.replies = None, None, []

    def __repr__(self):
        return f"{self.code} {self.text!r} {self.replies}"

    @property
    def lines(self):
        return [line for reply in self.replies for line in reply.lines]

    @property
    def events(self):
        return [event for reply in self.replies for event in reply.events]


class Foreign:
    """One such program, connected to @target."""

    def __init__(self, program, pb, target, **flags):
        command, env = program
        self.pb = pb
        self.methods = pb.DESCRIPTOR.services_by_name["PublicAPI"].methods_by_name
        words = [*command, f"--target={target}", *(f"--{k}={v}" for k, v in flags.items() if v)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **env))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        try:
            assert self.process.wait(20) == 0
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def call(self, method, request=None, timeout=0, cancel_after=0, on_reply=None, **fields):
        """@on_reply is told of each reply as it comes."""
        types = self.methods[method]
        request = request or getattr(self.pb, types.input_type.name)(**fields)
        text = json.dumps(json_format.MessageToDict(request, preserving_proto_field_name=True))
        print(round(timeout * 1000), cancel_after, method, text, file=self.process.stdin, flush=True)
        result = Result()
        for line in self.process.stdout:
            word, rest = line.split(" ", 1)
            if word == "reply":
                result.replies.append(json_format.Parse(rest, getattr(self.pb, types.output_type.name)()))
                if on_reply:
                    on_reply(result)
                continue
            code, text = rest.split(" ", 1)
            result.code, result.text = CODES[int(code)], json.loads(text)
            return result
        raise AssertionError(f"{self.process.args} ended within {method}")


class Python:
    """python3-grpcio in the same clothes."""

    def __init__(self, pb, target, **flags):
        self.client = apiclient.Client(target, pb, **flags)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.client.close()

    def call(self, method, request=None, timeout=0, cancel_after=0, on_reply=None, **fields):
        result, seen = Result(), 0
        try:
            call = getattr(self.client, method)(request, timeout=timeout or None, **fields)
            for reply in call if method in apiclient.STREAMS else [call]:
                result.replies.append(reply)
                seen += reply.ByteSize() > 0
                if on_reply:
                    on_reply(result)
                if cancel_after and seen == cancel_after:
                    call.cancel()
            result.code, result.text = "OK", ""
        except grpc.RpcError as e:
            result.code, result.text = e.code().name, e.details()
        return result
