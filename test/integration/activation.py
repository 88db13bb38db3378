# SPDX-License-Identifier: Apache-2.0
"""What a service manager does: opens sockets and hands them over, and listens to what the service says of itself."""
import os
import select
import socket
import sys
import time

# Becomes the program that follows, with the descriptors named first from 3 on, as sd_listen_fds(3) wants it.
HAND_OVER = """
import os, sys
fds, names, program = [int(n) for n in sys.argv[1].split(',')], sys.argv[2], sys.argv[3:]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
if names:
    os.environ['LISTEN_FDNAMES'] = names
os.execv(program[0], program)
"""


def activated(*files, names=""):
    """Arguments for apiclient.Server (or start_api), whose service gets @files (sockets and the like)."""
    fds = [f.fileno() for f in files]
    return {"before": [sys.executable, "-I", "-c", HAND_OVER, ",".join(map(str, fds)), names], "pass_fds": fds, "listen": None}


def tcp(host="127.0.0.1"):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    s.bind((host, 0))
    s.listen(100)
    return s


def unix(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(str(path))
    s.listen(100)
    return s


class Manager:
    """The socket of NOTIFY_SOCKET. @address: a path, or "@name" for an abstract one."""

    def __init__(self, address):
        self.address = str(address)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.address[1:] if self.address[0] == "@" else self.address)

    def environment(self, **more):
        return dict(os.environ, NOTIFY_SOCKET=self.address, **more)

    def next(self, timeout=20):
        """What is said next, as a dictionary. {}: nothing was, in that time."""
        if not select.select([self.socket], [], [], timeout)[0]:
            return {}
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def wait_for(self, key, timeout=20):
        deadline = time.monotonic() + timeout
        while (said := self.next(max(deadline - time.monotonic(), 0))):
            if key in said:
                return said
        raise AssertionError(f"the service did not say {key}")

    def close(self):
        self.socket.close()
