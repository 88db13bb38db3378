# SPDX-License-Identifier: Apache-2.0
"""Subscribers: each a client of its own with a thread that writes down what it is told."""
import threading
import time

import grpc

import apiclient
import eventmodel

# What ListenEvents fails with when the connection goes, rather than the call.
GONE = ("UNAVAILABLE", "INTERNAL", "UNKNOWN")


def seen(pb, event, at):
    data = {pair.Key: pair.value for pair in event.data}
    assert len(data) == len(event.data), f"a key twice: {event}"
    assert event.type and "time_ns" in data, event
    return eventmodel.Seen(pb.EventType.Name(event.type).removeprefix("EVENT_TYPE_"), event.id, getattr(event, "from"), event.time,
                           data, at)


class Listener:
    """Listens from its making on; is subscribed when the constructor returns (the headers have come)."""

    def __init__(self, target, pb, slow=0, **filter):
        """@filter: types (without EVENT_TYPE_), ids, names, since_time, until_time. @slow: seconds between two responses."""
        self.pb, self.slow, self.filter = pb, slow, filter
        self.events, self.sizes, self.code, self.text = [], [], None, None
        self.client = apiclient.Client(target, pb)
        wire = {**filter, "types": [pb.EventType.Value(f"EVENT_TYPE_{t}") for t in filter.get("types", ())]}
        self.asked = eventmodel.now()
        self.call = self.client.ListenEvents(filter=pb.EventFilter(**wire) if filter else None, timeout=None)
        self.closed = eventmodel.NO_END
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        self.call.initial_metadata()
        self.opened = eventmodel.now()

    def read(self):
        try:
            for reply in self.call:
                at = eventmodel.now()
                self.events += [seen(self.pb, event, at) for event in reply.events]
                self.sizes.append(len(reply.events))
                if self.slow:
                    time.sleep(self.slow)
            self.code = "OK"
        except grpc.RpcError as e:
            self.code, self.text = e.code().name, e.details()
        finally:
            self.closed = eventmodel.now()

    def problems(self, reference):
        return eventmodel.stream_problems(list(reference), list(self.events), self.filter, self.asked, self.opened, self.closed)

    def until(self, condition, timeout=20):
        """True: @condition(events) held in time."""
        deadline = time.monotonic() + timeout
        while not condition(self.events):
            if time.monotonic() > deadline or not self.thread.is_alive():
                return condition(self.events)
            time.sleep(0.005)
        return True

    def types(self, id=None):
        return [e.type for e in self.events if id in (None, e.id)]

    def ended(self, timeout=20):
        """The status with which the server has ended it."""
        self.thread.join(timeout)
        assert not self.thread.is_alive(), f"{self.filter} goes on"
        return self.code

    def close(self):
        self.call.cancel()
        self.thread.join(20)
        self.client.close()
        assert not self.thread.is_alive()
        return self.events
