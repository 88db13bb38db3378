# SPDX-License-Identifier: Apache-2.0
"""A service under attack, and what may be asked of it: that others are served, that memory and descriptors are bounded,
and that it rests once it is over."""
import os
import pathlib
import resource
import threading
import time

import apiclient
import h2frames

INFO = "/v1alpha.PublicAPI/GetInfo"
PODS = "/v1alpha.PublicAPI/ListPods"


def sanitized(server):
    """AddressSanitizer keeps what was freed: its memory says nothing of ours. (It finds leaks by itself.)"""
    return b"__asan_init" in pathlib.Path(f"/proc/{server.pid}/exe").read_bytes()


def wait_until(condition, timeout=20):
    """True once condition() is; False when it is not within @timeout seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def many_files(n):
    """Lets this process (and those it starts) have @n descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        return False
    if soft != resource.RLIM_INFINITY and soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))
    return True


class Pulse:
    """A well-behaved client that calls again and again; a call that fails is an error in the end."""

    def __init__(self, target, pb, **flags):
        self.client, self.beats, self.error, self.stop = apiclient.Client(target, pb, **flags), 0, None, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stop.wait(0.005):
            try:
                self.client.GetInfo(timeout=20)
                self.beats += 1
            except Exception as e:
                self.error = e
                return

    def alive(self):
        """Two more calls have been answered: one of them was begun after this was asked."""
        seen = self.beats
        return wait_until(lambda: self.error or self.beats >= seen + 2) and not self.error

    def end(self):
        self.stop.set()
        self.thread.join()
        self.client.close()


class Siege:
    """@server: an apiclient.Server. Use as a context; @memory: MiB by which it may grow at any moment within. @flags: of
    well-behaved clients (apiclient.Client), @wrap: makes TLS of the sockets of the others."""

    def __init__(self, server, memory=4, wrap=None, **flags):
        self.server, self.memory, self.target = server, memory, server.addresses[0]
        self.wrap, self.flags, self.open = wrap, flags, []

    def connect(self, *args, **kwargs):
        self.open.append(h2frames.Connection(self.target, *args, wrap=self.wrap, **kwargs))
        return self.open[-1]

    def status(self, key):
        """A figure of /proc/PID/status, in KiB where it has a unit."""
        for line in pathlib.Path(f"/proc/{self.server.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise KeyError(key)

    def rests(self):
        """Asleep whenever it is looked at."""
        for _ in range(20):
            if pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "S":
                return False
            time.sleep(0.001)
        return True

    def grown(self):
        """MiB by which the highest resident size since the beginning is above that of the beginning."""
        return (self.status("VmHWM") - self.before) / 1024

    def __enter__(self):
        self.client = apiclient.Client(self.target, self.server.pb, **self.flags)
        self.client.GetInfo()
        self.held = self.server.held()
        self.pulse = Pulse(self.target, self.server.pb, **self.flags)
        assert self.pulse.alive()
        # "5" sets the highest resident size to the present one (proc(5)).
        pathlib.Path(f"/proc/{self.server.pid}/clear_refs").write_text("5")
        self.before = self.status("VmRSS")
        return self

    def __exit__(self, kind, *unused):
        try:
            if kind is None:
                # The attackers are still there.
                assert self.pulse.alive(), f"others are not served: {self.pulse.error}"
            for connection in self.open:
                connection.socket.close()
        finally:
            self.pulse.end()
        if kind is not None:
            self.client.close()
            return
        assert not self.pulse.error, self.pulse.error
        assert self.client.GetInfo().info.rkt_version
        assert wait_until(lambda: self.server.held() <= self.held), "descriptors are left open"
        assert wait_until(self.rests), "it does not rest"
        self.client.close()
        grown = self.grown()
        assert grown <= self.memory or sanitized(self.server), f"grew by {grown:.1f} MiB, {self.memory} are allowed"
        if os.environ.get("CAROB_SIEGE"):
            print(f"grew by {grown:.1f} MiB of {self.memory}; {self.pulse.beats} beats")
