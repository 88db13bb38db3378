# SPDX-License-Identifier: Apache-2.0
"""ListenEvents: who is told what and when, and what becomes of those who do not read. What events there are, and that each is told
once, is for test_events_truth.py and test_events_storm.py."""
import os
import signal
import struct
import time

import grpc
import pytest

import apiclient
import h2frames as h2
import podtree
from eventlisten import Listener
from siege import sanitized, wait_until
from test_api_metrics import metrics, of

SECOND = podtree.SECOND
EVENTS = "/v1alpha.PublicAPI/ListenEvents"
METRICS = "--metrics-listen=127.0.0.1:0"
S = 1795449000  # 2026-11-23 15:50:00 UTC


def image_id(n):
    return podtree.image_id(f"{n:08x}")


@pytest.fixture
def happen(tree):
    """happen(n) makes one event, at a time of one's choice: the import of an image called n."""

    def happen(n, at=None):
        tree.image(image_id(n), str(n), imported=time.time_ns() if at is None else at)

    return happen


@pytest.fixture
def listen(pb):
    """listen(server, **filter) returns an eventlisten.Listener that is subscribed."""
    made = []

    def listen(server, **kwargs):
        made.append(Listener(server.addresses[0], pb, **kwargs))
        return made[-1]

    yield listen
    for listener in made:
        listener.close()


def names(listener):
    return [event.name for event in listener.events]


def subscribers(server):
    return of(metrics(server), "carob_api_event_subscribers")


# --- what passes

POD = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def past(start_api, tree, happen, listen):
    """A service that has seen nine events, and what they were: (type, id, from), in seconds from S on."""
    server = start_api(METRICS)
    everything = listen(server, since_time=1)

    def told(n):
        assert everything.until(lambda events: len(events) >= n), names(everything)

    happen(0, at=S * SECOND)
    told(1)
    happen(1, at=(S + 1) * SECOND + SECOND // 2)
    told(2)
    pod = tree.pod("embryo", "web", "client", uuid=POD, locked=True, pid=os.getpid(), started=(S + 2) * SECOND)
    tree.move(pod, "run")
    told(3)
    for n, app in enumerate(("web", "client")):
        pod.app_status(app, "running", pid=os.getpid(), started_at=(S + 3) * SECOND + n)
        told(4 + n)
    pod.app_status("web", "exited", exit_code=0, started_at=(S + 3) * SECOND, finished_at=(S + 4) * SECOND)
    told(6)
    happen(2, at=(S + 5) * SECOND - 1)
    told(7)
    return server, [(e.type, e.id, e.name, e.time - S) for e in everything.events]


KINDS = ["IMAGE_IMPORTED", "IMAGE_IMPORTED", "POD_STARTED", "APP_STARTED", "APP_STARTED", "APP_EXITED", "IMAGE_IMPORTED"]


@pytest.mark.parametrize("filter, wanted", [
    ({}, "0123456"),
    ({"types": ["IMAGE_IMPORTED"]}, "016"),
    ({"types": ["APP_EXITED", "POD_STARTED", "APP_EXITED"]}, "25"),
    ({"types": ["IMAGE_REMOVED"]}, ""),
    ({"ids": [POD]}, "2345"),
    ({"ids": [image_id(1), POD, "none"]}, "12345"),
    ({"ids": [POD[:-1], POD.upper() + "x"]}, ""),
    ({"names": ["web"]}, "35"),
    ({"names": ["web", "2", POD]}, "2356"),
    ({"names": ["we"]}, ""),
    ({"since_time": S + 2}, "23456"),
    ({"since_time": S + 1}, "123456"),
    ({"until_time": S + 2}, "01"),
    ({"until_time": S + 5}, "0123456"),
    ({"until_time": S}, ""),
    ({"since_time": S + 3, "until_time": S + 4}, "34"),
    ({"since_time": S + 4, "until_time": S + 3}, ""),
    ({"since_time": S + 3, "until_time": S + 3}, ""),
    ({"types": ["APP_STARTED", "APP_EXITED"], "names": ["web"]}, "35"),
    ({"types": ["APP_STARTED"], "ids": [POD], "names": ["web", "client"], "since_time": S + 3, "until_time": S + 4}, "34"),
    ({"types": ["APP_STARTED"], "ids": [image_id(0)]}, ""),
])
def test_filters_alone_and_combined(past, listen, filter, wanted):
    server, known = past
    assert [kind for kind, *_ in known] == KINDS
    # Until now, unless it says otherwise: what is known, and the end.
    listener = listen(server, **{"until_time": int(time.time()), **filter})
    assert listener.ended() == "OK"
    assert [(e.type, e.id, e.name, e.time - S) for e in listener.events] == [known[int(n)] for n in wanted]


def test_filters_pass_the_same_as_it_happens(start_api, happen, listen):
    server = start_api()
    all, some, one, none = listen(server), listen(server, names=["3", "5"]), listen(server, ids=[image_id(4)]), listen(
        server, types=["POD_STARTED"])
    for n in range(8):
        happen(n)
    assert all.until(lambda events: len(events) == 8)
    happen(8)
    assert all.until(lambda events: len(events) == 9)
    assert wait_until(lambda: sorted(names(some)) == ["3", "5"] and names(one) == ["4"])
    assert sorted(names(all)) == [str(n) for n in range(9)] and names(none) == []


# --- when it begins and when it ends

def test_headers_come_before_any_event(start_api):
    call = start_api().client.ListenEvents()
    assert call.initial_metadata() is not None and call.is_active()
    call.cancel()


def test_without_since_nothing_is_told_that_was_before_the_call(start_api, happen, listen):
    server = start_api()
    for n in range(200):  # surely not all read when the call comes
        happen(n, at=1)
    listener = listen(server)
    happen(1000, at=1)
    assert listener.until(lambda events: "1000" in names(listener))
    assert names(listener) == ["1000"]


def test_what_happened_before_the_start_of_the_service_is_not_told(start_api, happen, listen):
    happen(1, at=time.time_ns() - 5 * SECOND)
    server = start_api()
    listener = listen(server, since_time=1)
    happen(2)
    assert listener.until(lambda events: "2" in names(listener))
    assert names(listener) == ["2"]


def test_a_service_that_is_still_starting_can_be_listened_to(start_api, tree, happen, listen):
    for n in range(500):
        tree.pod("exited-garbage", "old", pid=7, created=SECOND, started=SECOND)
    server = start_api(wait=False)
    server.wait_for("Listening on")
    listener = listen(server)
    happen(1)
    assert listener.until(lambda events: "1" in names(listener))
    assert names(listener) == ["1"]
    server.wait_for("API service running")


def test_since_in_the_future_is_silence_until_then(start_api, happen, listen):
    server, future = start_api(), int(time.time()) + 3600
    listener, other = listen(server, since_time=future), listen(server)
    happen(1)
    happen(2, at=future * SECOND - 1)
    happen(3, at=future * SECOND)
    happen(4)
    assert other.until(lambda events: len(events) == 4)
    assert listener.until(lambda events: events)
    assert names(listener) == ["3"]


def test_until_in_the_future_ends_then_with_ok(start_api, happen, listen):
    server = start_api(METRICS)
    until = int(time.time()) + 2
    listeners = [listen(server, until_time=until), listen(server, until_time=until, since_time=1),
                 listen(server, until_time=until, types=["POD_STARTED"])]
    for n in range(10):
        happen(n)
    happen(10, at=until * SECOND)
    assert [listener.ended() for listener in listeners] == ["OK"] * 3
    assert time.time() >= until
    assert [sorted(names(listener)) for listener in listeners] == [[str(n) for n in range(10)]] * 2 + [[]]
    assert wait_until(lambda: subscribers(server) == 0)


def test_what_happened_just_before_until_is_told(start_api, happen, listen):
    """Even if it is not read yet by then: the service stands still, and wakes up later."""
    server = start_api()
    until = int(time.time()) + 1
    listener = listen(server, until_time=until)
    server.process.send_signal(signal.SIGSTOP)
    try:
        for n in range(100):
            happen(n, at=until * SECOND - 1)
        time.sleep(max(0, until + 0.1 - time.time()))
        happen(100, at=until * SECOND)
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert listener.ended() == "OK"
    assert sorted(names(listener), key=int) == [str(n) for n in range(100)]


def test_until_in_the_past_tells_what_is_known_and_ends(start_api, happen, listen):
    server = start_api()
    for n in range(300):
        happen(n, at=S * SECOND)
    listener = listen(server, until_time=S + 1)  # nothing of it needs to be read when the call comes
    assert listener.ended() == "OK"
    assert sorted(names(listener), key=int) == [str(n) for n in range(300)]
    assert listen(server, until_time=1).ended() == "OK"


def test_times_without_end_are_taken(start_api, happen, listen):
    server = start_api()
    listener, never = listen(server, until_time=2**63 - 1, since_time=1), listen(server, since_time=2**63 - 1)
    happen(1)
    assert listener.until(lambda events: events)
    assert names(listener) == ["1"] and names(never) == []


# --- responses

class Stream:
    """ListenEvents on a connection that says what it has room for."""

    def __init__(self, connection, pb, stream=1, **filter):
        self.c, self.pb, self.stream, self.data, self.ended = connection, pb, stream, b"", False
        request = pb.ListenEventsRequest(filter=pb.EventFilter(**filter)).SerializeToString() if filter else b""
        connection.send(h2.call(stream, EVENTS, request))
        assert connection.wait(h2.HEADERS, stream)

    def take(self):
        """What comes until the server has nothing more to say."""
        for frame in self.c.settle():
            self.take_in(frame)

    def take_in(self, frame):
        if frame.stream == self.stream and frame.type == h2.DATA:
            self.data += frame.payload
        if frame.stream == self.stream and frame.type in (h2.HEADERS, h2.RST_STREAM):
            self.ended = True

    def widen(self, room):
        self.c.send(h2.window_update(self.stream, room), h2.window_update(0, room))

    @property
    def responses(self):
        """[[names of its events] for each whole response]"""
        found, data = [], self.data
        while len(data) >= 5:
            size = struct.unpack(">xI", data[:5])[0]
            if len(data) < 5 + size:
                break
            found.append([getattr(e, "from") for e in self.pb.ListenEventsResponse.FromString(data[5:5 + size]).events])
            data = data[5 + size:]
        return found


def small_window(server, room):
    return h2.Connection(server.addresses[0], hello=h2.PREFACE + h2.settings((h2.INITIAL_WINDOW_SIZE, room)))


def test_a_burst_is_one_response(start_api, happen, listen, pb):
    """A client that has no room meanwhile gets what was waiting for it, and then all the rest at once."""
    server = start_api()
    witness = listen(server)
    with small_window(server, 0) as c:
        stream = Stream(c, pb)
        happen(0)
        assert witness.until(lambda events: len(events) == 1)
        c.settle()
        for n in range(1, 200):
            happen(n)
        assert witness.until(lambda events: len(events) == 200)
        stream.widen(10**6)
        assert wait_until(lambda: stream.take() or sum(map(len, stream.responses)) == 200)
        assert stream.responses == [["0"], names(witness)[1:]]


def test_long_histories_come_in_bounded_responses(start_api, happen, listen):
    server = start_api()
    witness = listen(server)
    for n in range(2000):
        happen(n)
    assert witness.until(lambda events: len(events) == 2000, timeout=60)
    listener = listen(server, since_time=1)
    assert listener.until(lambda events: len(events) == 2000)
    assert names(listener) == names(witness) and sorted(names(listener), key=int) == [str(n) for n in range(2000)]
    assert 4 <= len(listener.sizes) < 40


# --- those who do not read

def test_who_does_not_read_is_dropped_and_the_others_get_all(start_api, happen, listen, pb):
    server = start_api(METRICS, "--events-kept=64")
    others = [listen(server) for _ in range(50)]
    client = apiclient.Client(server.addresses[0], pb, window="small")
    slow = client.ListenEvents(timeout=None)
    assert slow.initial_metadata() is not None
    made = 0
    while of(metrics(server), "carob_api_event_subscribers_dropped_total") == 0 and made < 5000:
        for _ in range(20):  # what is kept is enough for those who read
            happen(made)
            made += 1
        assert all(listener.until(lambda events: len(events) == made) for listener in others)
    # It is known as soon as it happens: nobody has read yet.
    assert of(metrics(server), "carob_api_event_subscribers_dropped_total") == 1
    assert subscribers(server) == 50
    happen(made)
    assert all(listener.until(lambda events: len(events) == made + 1) for listener in others)
    wanted = names(others[0])
    assert sorted(wanted, key=int) == [str(n) for n in range(made + 1)]
    assert all(names(listener) == wanted for listener in others)
    got = []
    with pytest.raises(grpc.RpcError) as caught:
        for reply in slow:
            got += [getattr(event, "from") for event in reply.events]
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    text = caught.value.details()
    assert text.startswith("too slow: ") and " events behind, and the first " in text and "--events-kept" in text, text
    behind = int(text.split()[2])
    assert got == wanted[:len(got)] and 64 < behind <= made - len(got) + 20
    # The connection is as good as ever.
    assert client.GetInfo().info.api_version
    client.close()


def test_who_has_no_room_for_what_it_does_not_want_stays(start_api, happen, listen, pb):
    server = start_api(METRICS, "--events-kept=16")
    witness = listen(server)
    with small_window(server, 20) as c:
        stream = Stream(c, pb, names=["0", "100", "101"])
        for n in range(100):
            happen(n)
            assert witness.until(lambda events: len(events) == n + 1)
        for n in (100, 101):
            happen(n)
            assert witness.until(lambda events: len(events) == n + 1)
        stream.widen(10**6)
        assert wait_until(lambda: stream.take() or stream.responses == [["0"], ["100", "101"]]), stream.responses
        assert of(metrics(server), "carob_api_event_subscribers_dropped_total") == 0


def resident(server):
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.mark.parametrize("filter", [{}, {"names": [str(n) for n in range(1000)]}], ids=["all", "by name"])
def test_many_who_do_not_read_are_dropped_with_bounded_memory(start_api, happen, listen, pb, filter):
    """On one connection and on many: what waits for them is shared, or small."""
    server = start_api(METRICS, "--events-kept=64")
    witness = listen(server)
    connections = [small_window(server, 10) for _ in range(10)]
    try:
        for c in connections:
            for n in range(100):
                Stream(c, pb, stream=2 * n + 1, **filter)
        assert subscribers(server) == 1001
        before = resident(server)
        for n in range(200):
            happen(n)
            assert witness.until(lambda events: len(events) == n + 1)
        assert wait_until(lambda: subscribers(server) == 1)
        assert of(metrics(server), "carob_api_event_subscribers_dropped_total") == 1000
        assert of(metrics(server), "carob_api_memory_bytes") < 4 << 20
        if not sanitized(server):
            assert resident(server) - before < 8 * 1024
    finally:
        for c in connections:
            c.__exit__()
    assert wait_until(lambda: of(metrics(server), "carob_api_streams") == 1)
    happen(5000)
    assert witness.until(lambda events: len(events) == 201)


# --- how calls end

@pytest.mark.parametrize("how", ["cancel", "deadline", "disconnect", "reset"])
def test_what_is_over_is_forgotten(start_api, happen, listen, pb, how):
    server = start_api(METRICS)
    witness = listen(server)
    held = server.held()
    clients, calls = [], []
    for n in range(10):
        if how == "reset":
            clients.append(h2.Connection(server.addresses[0]))
            Stream(clients[-1], pb, until_time=2**40)
            continue
        clients.append(apiclient.Client(server.addresses[0], pb))
        filter = {"until_time": 2**40 if n % 2 else 0, "names": ["a", "b"]}
        calls.append(clients[-1].ListenEvents(filter=filter, timeout=1 if how == "deadline" else None))
        assert calls[-1].initial_metadata() is not None
    assert how == "deadline" or subscribers(server) == 11
    happen(0)
    assert witness.until(lambda events: len(events) == 1)
    if how == "cancel":
        assert all(call.cancel() for call in calls)
    elif how == "deadline":
        assert all(wait_until(call.code) and call.code() == grpc.StatusCode.DEADLINE_EXCEEDED for call in calls)
    elif how == "reset":
        for c in clients:
            c.send(h2.rst_stream(1))
    if how in ("cancel", "disconnect"):
        for c in clients:
            c.close()
    assert wait_until(lambda: subscribers(server) == 1)
    assert wait_until(lambda: of(metrics(server), "carob_api_streams") == 1)
    for c in clients:
        c.__exit__() if how == "reset" else c.close()
    assert wait_until(lambda: server.held() == held)
    happen(1)
    assert witness.until(lambda events: len(events) == 2)


def test_the_end_of_the_service_ends_them(start_api, listen):
    server = start_api()
    listeners = [listen(server), listen(server, until_time=2**40)]
    assert server.end() == 0
    assert [listener.ended() in ("UNAVAILABLE", "CANCELLED") for listener in listeners] == [True, True]


def test_a_call_that_ended_is_in_the_access_log(start_api, happen, listen):
    server = start_api("--access-log", "--log-format=json")
    listener = listen(server)
    happen(1)
    assert listener.until(lambda events: len(events) == 1)
    listener.close()
    server.wait_for('/ListenEvents"')
    server.wait_for("CANCELLED")


def test_directories_that_cannot_be_read_are_told(start_api, tree, build, data_dir):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    tree.pod("run", "app")
    data_dir.chmod(0o700)
    data_dir.parent.chmod(0o755)
    for parent in build.parents:
        if not os.stat(parent).st_mode & 0o005:
            pytest.skip(f"{parent} keeps other users from the program")
    code, text = start_api(user=65534, group=65534).client.error("ListenEvents")
    assert code == "PERMISSION_DENIED" and str(data_dir) in text


# --- thousands

def test_there_is_a_limit(start_api, pb):
    server = start_api(METRICS)
    connections = [h2.Connection(server.addresses[0]) for _ in range(164)]
    try:
        for c in connections:
            c.send(*(h2.call(2 * n + 1, EVENTS) for n in range(100)))
        assert wait_until(lambda: of(metrics(server), "carob_api_streams_opened_total") == 16400, timeout=60)
        assert subscribers(server) == 16384
        code, text = server.client.error("ListenEvents")
        assert (code, text) == ("RESOURCE_EXHAUSTED", "16384 calls listen to events already")
        if not sanitized(server):
            assert resident(server) < 64 * 1024
    finally:
        for c in connections:
            c.__exit__()
    assert wait_until(lambda: subscribers(server) == 0)
    call = server.client.ListenEvents()
    assert call.initial_metadata() is not None and call.is_active()
    call.cancel()


def test_two_thousand_get_all(start_api, happen, listen, pb):
    server = start_api(METRICS)
    witness = listen(server)
    connections = [h2.Connection(server.addresses[0], hello=h2.PREFACE + h2.settings() + h2.window_update(0, 10**7))
                   for _ in range(20)]
    streams = []
    try:
        for c in connections:
            for n in range(100):
                filter = [{}, {"types": ["EVENT_TYPE_IMAGE_IMPORTED"]}, {"names": ["3", "7"]}, {"types": ["EVENT_TYPE_POD_STARTED"]}][n % 4]
                streams.append(Stream(c, pb, stream=2 * n + 1, **filter))
        assert subscribers(server) == 2001
        for n in range(20):
            happen(n)
        assert witness.until(lambda events: len(events) == 20)
        every = names(witness)
        wanted = [every, every, [name for name in every if name in ("3", "7")], []]
        for i, c in enumerate(connections):
            mine = {s.stream: s for s in streams[100 * i:100 * i + 100]}

            def complete():
                for frame in c.settle():
                    if frame.stream in mine:
                        mine[frame.stream].take_in(frame)
                return all([e for r in s.responses for e in r] == wanted[n % 4] for n, s in enumerate(mine.values()))

            assert wait_until(complete)
    finally:
        for c in connections:
            c.__exit__()
    assert wait_until(lambda: subscribers(server) == 1)
