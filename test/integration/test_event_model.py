# SPDX-License-Identifier: Apache-2.0
"""The model that the storm believes: against sequences written by hand, right ones and wrong ones."""
import pytest

import eventmodel
from eventmodel import SECOND, Model, Seen

T = 1_790_000_000 * SECOND
MS = 10**6


def seen(type, id="p", name="p", ms=0, at_ms=None, **data):
    ns = T + ms * MS
    return Seen(type, id, name, ns // SECOND, {"time_ns": str(ns), **data}, T + (ms + 1 if at_ms is None else at_ms) * MS)


def life():
    return [seen("POD_PREPARED", ms=0), seen("POD_STARTED", ms=100, pid="7"), seen("APP_STARTED", name="web", ms=200, image_id="i"),
            seen("APP_EXITED", name="web", ms=300, exit_code="3", image_id="i"), seen("POD_EXITED", ms=400, exit_code="3"),
            seen("POD_GARBAGE_COLLECTED", ms=500, state="exited")]


@pytest.fixture
def model():
    made = Model()
    pod = made.pod("p", images={"web": {"image_id": "i"}})
    pod.event("PREPARED", T, T + MS).event("STARTED", T, T + 200 * MS).ran("web", T, T + 400 * MS, exit_code=3)
    pod.event("EXITED", T, T + 400 * MS, exit_code=3, observed=None).event("GARBAGE_COLLECTED", T, T + SECOND, state={"exited", "prepared"})
    return made


def test_a_right_life(model):
    assert model.problems(life()) == []


def test_nothing_told(model):
    assert len(model.problems([])) == 6


@pytest.mark.parametrize("n", range(6))
def test_one_is_missing_twice_or_early(model, n):
    events = life()
    assert model.problems(events[:n] + events[n + 1:])
    assert model.problems(events[:n + 1] + events[n:])
    if n:
        assert model.problems(events[:n - 1] + [events[n], events[n - 1]] + events[n + 1:])


@pytest.mark.parametrize("n,other", [
    (0, seen("POD_PREPARED", ms=30)),
    (0, seen("POD_PREPARED", ms=-30)),
    (0, seen("POD_PREPARED", name="other")),
    (0, seen("POD_PREPARE_ABORTED")),
    (3, seen("APP_EXITED", name="web", ms=300, exit_code="4", image_id="i")),
    (3, seen("APP_EXITED", name="web", ms=300, image_id="i")),
    (3, seen("APP_EXITED", name="web", ms=300, exit_code="3", signal="9", image_id="i")),
    (3, seen("APP_EXITED", name="web", ms=300, exit_code="3", image_id="j")),
    (3, seen("APP_EXITED", name="db", ms=300, exit_code="3", image_id="i")),
    (4, seen("POD_EXITED", ms=400, exit_code="3", observed="true")),
    (4, seen("POD_EXITED", ms=50, exit_code="3")),
    (5, seen("POD_GARBAGE_COLLECTED", ms=500, state="run")),
    (5, seen("POD_GARBAGE_COLLECTED", id="q", ms=500, state="exited")),
    (5, seen("POD_GARBAGE_COLLECTED", ms=500, at_ms=400, state="exited")),
])
def test_a_wrong_event(model, n, other):
    events = life()
    assert model.problems([*events[:n], other, *events[n + 1:]])


def test_the_time_is_that_of_the_nanoseconds(model):
    events = life()
    events[0] = Seen("POD_PREPARED", "p", "p", T // SECOND + 1, {"time_ns": str(T)})
    assert model.problems(events)


def test_what_may_be(model):
    """An app that the pod's end came too early for: it has both events, or none."""
    model.pod("q").event("STARTED", T, T).ran("late", T, T, exit_code={143, 137}, signal={15, 9}, maybe=True).event("EXITED", T, T)
    begin, end = [*life(), seen("POD_STARTED", "q", "q")], [seen("POD_EXITED", "q", "q")]
    start, stop = seen("APP_STARTED", "q", "late"), seen("APP_EXITED", "q", "late", exit_code="137", signal="9")
    assert model.problems(begin + end) == []
    assert model.problems([*begin, start, stop, *end]) == []
    assert model.problems([*begin, start, *end])
    assert model.problems([*begin, stop, *end])
    assert model.problems([*begin, stop, start, *end])


def test_images_come_again():
    model = Model()
    model.image("i", "x").imported(T, T, version="1").removed(T, None).imported(T, None)
    events = [seen("IMAGE_IMPORTED", "i", "x", version="1"), seen("IMAGE_REMOVED", "i", "x", 5), seen("IMAGE_IMPORTED", "i", "x", 9)]
    assert model.problems(events) == []
    assert model.problems(events[:2]) and model.problems([*events, events[1]])
    assert model.problems([events[0], events[2], events[1]])
    assert model.problems([seen("IMAGE_IMPORTED", "i", "x", version="2"), *events[1:]])


def test_filters():
    event = seen("APP_EXITED", "p", "web")
    for yes in ({}, {"types": ["APP_EXITED", "POD_EXITED"]}, {"ids": ["p"]}, {"names": ["db", "web"]}, {"since_time": event.time},
                {"until_time": event.time + 1}, {"types": ["APP_EXITED"], "ids": ["p"], "names": ["web"]}):
        assert eventmodel.passes(event, **yes)
    for no in ({"types": ["POD_EXITED"]}, {"ids": ["q"]}, {"names": ["p"]}, {"since_time": event.time + 1}, {"until_time": event.time},
               {"types": ["APP_EXITED"], "ids": ["q"]}):
        assert not eventmodel.passes(event, **no)


def test_a_stream_is_the_reference_filtered():
    reference = life()
    apps = {"types": ["APP_STARTED", "APP_EXITED"]}
    assert eventmodel.stream_problems(reference, reference, {}) == []
    assert eventmodel.stream_problems(reference, reference[2:4], apps) == []
    for wrong in (reference[2:3], reference[3:4], reference[1:4], [*reference[2:4], reference[3]], reference[3:1:-1],
                  [reference[2], seen("APP_EXITED", name="web", ms=300, exit_code="4", image_id="i")]):
        assert eventmodel.stream_problems(reference, wrong, apps), wrong


def test_who_comes_late_has_the_rest_of_it():
    reference = life()
    opened = T + 260 * MS  # 200 was told at 201; 300 has not happened
    assert eventmodel.stream_problems(reference, reference[3:], {}, opened - 5 * MS, opened) == []
    for wrong in (reference[2:], reference[4:], reference):
        assert eventmodel.stream_problems(reference, wrong, {}, opened - 5 * MS, opened), wrong
    # What happens while he calls he may be told or not.
    assert eventmodel.stream_problems(reference, reference[4:], {}, T + 250 * MS, T + 350 * MS) == []
    assert eventmodel.stream_problems(reference, reference[3:], {}, T + 250 * MS, T + 350 * MS) == []
    # Asked for the past, he has it all.
    past = {"since_time": T // SECOND}
    assert eventmodel.stream_problems(reference, reference, past, opened, opened) == []
    assert eventmodel.stream_problems(reference, reference[3:], past, opened, opened)


def test_an_end_in_the_future():
    """What has happened by then but was told to nobody yet need not be told; what was must be."""
    until = {"until_time": T // SECOND + 1}
    late = seen("POD_STARTED", "q", "q", ms=999, at_ms=1005)
    after = seen("POD_EXITED", "q", "q", ms=1001)
    reference = [*life(), late, after]
    assert eventmodel.stream_problems(reference, life(), until) == []
    assert eventmodel.stream_problems(reference, [*life(), late], until) == []
    assert eventmodel.stream_problems(reference, reference, until)
    assert eventmodel.stream_problems(reference, life()[:-1], until)


def test_events_and_lists_agree():
    events = [*life(), seen("POD_PREPARED", "q", "q"), seen("POD_STARTED", "r", "r"), seen("IMAGE_IMPORTED", "i", "x")]
    pods = {"q": "PREPARED", "r": "RUNNING", "unheard": "EXITED"}
    assert eventmodel.state_problems(events, pods, {"i", "j"}) == []
    assert eventmodel.state_problems(events, {**pods, "p": "DELETING"}, {"i"}) == []
    for wrong in ({**pods, "p": "EXITED"}, {**pods, "q": "RUNNING"}, {"r": "RUNNING"}):
        assert eventmodel.state_problems(events, wrong, {"i"})
    assert eventmodel.state_problems(events, pods, {"j"})


def test_a_service_that_came_later(model):
    """It tells what happened since its start; what happened while it started it may tell."""
    def wrong(events, started_ms, running_ms, upto_ms=10**6):
        return model.problems_of_part(events, T + started_ms * MS, T + running_ms * MS, T + upto_ms * MS)

    exact = Model()
    pod = exact.pod("p")
    for n, e in enumerate(life()):
        pod.note(e.type, e.name, e.ns, e.ns, {})
    model.subjects = exact.subjects
    assert wrong(life(), -100, -50) == []
    assert wrong(life()[2:], 150, 170) == []
    assert wrong(life()[2:], 50, 250) == [] and wrong(life()[3:], 50, 250) == []
    assert wrong(life()[1:], 150, 170), "older than its start"
    assert wrong(life()[3:], 150, 170), "not told"
    assert wrong([life()[2], *life()[2:]], 150, 170), "twice"
    assert wrong(life()[2:5], 150, 170, 450) == [], "too late for it"
    assert wrong(life()[2:4], 150, 170, 450), "not told, though in time"


def test_images_of_a_service_that_came_later():
    model = Model()
    image = model.image("i", "x")
    for n, what in enumerate([image.imported, image.removed, image.imported, image.removed]):
        what(T + n * 100 * MS, T + n * 100 * MS)
    events = [seen(f"IMAGE_{what}", "i", "x", n * 100) for n, what in enumerate(["IMPORTED", "REMOVED", "IMPORTED", "REMOVED"])]
    assert model.problems_of_part(events[2:], T + 150 * MS, T + 170 * MS) == []
    assert model.problems_of_part(events[1:], T + 150 * MS, T + 170 * MS)
    assert model.problems_of_part(events[3:], T + 150 * MS, T + 170 * MS)
    assert model.problems_of_part(events[2:3], T + 150 * MS, T + 170 * MS, T + 250 * MS) == []
    assert model.problems_of_part(events[2:3], T + 150 * MS, T + 170 * MS)
