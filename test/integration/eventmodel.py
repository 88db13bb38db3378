# SPDX-License-Identifier: Apache-2.0
"""What must be told of pods and images. Whoever changes them notes here what he did and between which two moments;
afterwards what a subscriber was told is compared with it. Nothing here talks to a service."""
import collections
import dataclasses
import threading
import time

SECOND = 10**9
# Files are stamped with the kernel's coarse clock, which is late by a tick or two.
TICKS = 20 * 10**6
NO_END = 2**63 - 1

POD_STAGES = {"POD_PREPARED": 0, "POD_PREPARE_ABORTED": 0, "POD_STARTED": 1, "APP_STARTED": 2, "APP_EXITED": 2,
              "POD_EXITED": 3, "POD_GARBAGE_COLLECTED": 4}
# The states that ListPods may show when such an event was the pod's last one.
STATES = {"POD_PREPARED": {"PREPARED"}, "POD_PREPARE_ABORTED": {"ABORTED_PREPARE"}, "POD_STARTED": {"RUNNING"},
          "APP_STARTED": {"RUNNING"}, "APP_EXITED": {"RUNNING"}, "POD_EXITED": {"EXITED"},
          "POD_GARBAGE_COLLECTED": {"GARBAGE", "DELETING"}}


@dataclasses.dataclass(frozen=True)
class Seen:
    """An event as a subscriber has it. at: when it came (ns)."""
    type: str
    id: str
    name: str
    time: int
    data: dict = dataclasses.field(hash=False)
    at: int = dataclasses.field(compare=False, default=NO_END)

    @property
    def ns(self):
        return int(self.data["time_ns"])

    @property
    def key(self):
        return self.type, self.id, self.name, self.data.get("time_ns")

    def __str__(self):
        return f"{self.type} {self.id[:12]} {self.name} {self.data}"


@dataclasses.dataclass
class Expected:
    """data: what its data must say; None: no such key; a set: one of these. maybe: it need not be told."""
    type: str
    id: str
    name: str
    since: int
    until: int
    data: dict
    maybe: bool = False

    def __str__(self):
        return f"{self.type} {self.id[:12]} {self.name} {self.data} from {self.since} to {self.until}"

    def wrong(self, seen):
        """What is wrong with @seen, for people."""
        if seen.name != self.name:
            yield f"from {seen.name!r}, not {self.name!r}"
        if not self.since - TICKS <= seen.ns <= self.until + TICKS:
            yield f"{(seen.ns - self.since) / 1e6:.3f} ms after the earliest, {(seen.ns - self.until) / 1e6:.3f} ms after the latest moment"
        for key, wanted in self.data.items():
            got = seen.data.get(key)
            if got not in ({None if w is None else str(w) for w in wanted} if isinstance(wanted, set) else
                           {None if wanted is None else str(wanted)}):
                yield f"{key} is {got!r}, not {wanted!r}"


class Subject:
    """One pod, or one image. Its events come in the order of their stages; within a stage in any order."""

    def __init__(self, model, id, name):
        self.model, self.id, self.name, self.expected = model, id, name, []

    def note(self, type, name, since, until, data, maybe=False):
        with self.model.lock:
            self.expected.append(Expected(type, self.id, name, since, NO_END if until is None else until, data, maybe))
        return self


class Pod(Subject):
    """Moments are ns; until=None: not known, as is the time of what a foreign hand does."""

    def __init__(self, model, uuid, name=None, images=()):
        super().__init__(model, uuid, name or uuid)
        self.app_data = {"pod_name": name}
        self.images = dict(images)  # {app: {"image_id": ..., "image_name": ...}}

    def event(self, type, since, until, **data):
        return self.note(f"POD_{type}", self.name, since, until, data)

    def app(self, type, app, since, until, maybe=False, **data):
        return self.note(f"APP_{type}", app, since, until, {**self.app_data, **self.images.get(app, {}), **data}, maybe)

    def ran(self, app, since, until, exit_code=0, signal=0, maybe=False, **data):
        """An app that started and ended. exit_code=None: nobody knows."""
        self.app("STARTED", app, since, until, maybe)
        return self.app("EXITED", app, since, until, maybe, exit_code=exit_code, signal=signal or None, **data)


class Image(Subject):
    def imported(self, since, until, **data):
        return self.note("IMAGE_IMPORTED", self.name, since, until, data)

    def removed(self, since, until, **data):
        return self.note("IMAGE_REMOVED", self.name, since, until, data)


class Model:
    def __init__(self):
        self.lock, self.subjects = threading.Lock(), {}

    def add(self, subject):
        with self.lock:
            return self.subjects.setdefault(subject.id, subject)

    def pod(self, uuid, name=None, images=()):
        return self.add(Pod(self, uuid, name, images))

    def image(self, id, name):
        return self.add(Image(self, id, name))

    def story(self, problems, events):
        """All there is about the first subject that @problems name, for people."""
        ids = [id for id in self.subjects if any(id[:12] in p for p in problems)][:1]
        return [f"story of {id}" for id in ids] + [f"  expected: {e}" for id in ids for e in self.subjects[id].expected] + \
            [f"  told at {e.at}: {e}" for e in events if e.id in ids]

    def expected(self):
        return sum(not e.maybe for s in self.subjects.values() for e in s.expected)

    def problems_of_part(self, events, started, running, upto=NO_END):
        """The same for a service that was started between @started and @running, by when pods were there: it tells what happened
        since, not what did before. @upto: what was over by then it must have told."""
        by_id, wrong = collections.defaultdict(list), []
        for event in events:
            by_id[event.id].append(event)
        for id in by_id.keys() | self.subjects.keys():
            subject = self.subjects.get(id)
            mine = [dataclasses.replace(e, maybe=e.maybe or e.since < running + TICKS or e.until > upto)
                    for e in (subject.expected if subject else ()) if e.until >= started - TICKS]
            if isinstance(subject, Image):  # the first ones may be missing
                while mine and mine[0].maybe and not (by_id[id] and not list(mine[0].wrong(by_id[id][0])) and
                                                      mine[0].type == by_id[id][0].type):
                    mine.pop(0)
                while mine and mine[-1].maybe and len(mine) > len(by_id[id]):
                    mine.pop()
                wrong += in_turn(mine, by_id[id])
            else:
                wrong += in_any_order(mine, by_id[id])
        begun = {(e.id, e.name) for e in events if e.type == "APP_STARTED"}
        late = [w for w in order_problems(events) if not w.startswith("never started")]
        late += [f"never started, though since the start: {e}" for e in events
                 if e.type == "APP_EXITED" and (e.id, e.name) not in begun and e.id not in self.older(running)]
        return wrong + late + time_problems(events)

    def older(self, moment):
        """Subjects of which something happened before @moment (or may have)."""
        return {id for id, s in self.subjects.items() if any(e.since < moment + TICKS for e in s.expected)}

    def problems(self, events):
        """What is wrong with @events, that an unfiltered subscriber was told from the start until now. None: []."""
        by_id, wrong = collections.defaultdict(list), []
        for event in events:
            by_id[event.id].append(event)
        for id in by_id.keys() - self.subjects.keys():
            wrong.append(f"nobody knows of {[str(e) for e in by_id[id]]}")
        for id, subject in self.subjects.items():
            of_image = isinstance(subject, Image)
            wrong += (in_turn if of_image else in_any_order)(subject.expected, by_id[id])
        return wrong + order_problems(events) + time_problems(events)


def in_turn(expected, seen):
    """Images: one after the other, as often as it happens."""
    wrong = []
    for n in range(max(len(expected), len(seen))):
        if n >= len(seen):
            wrong.append(f"not told: {expected[n]}")
        elif n >= len(expected) or seen[n].type != expected[n].type:
            wrong.append(f"told, not expected: {seen[n]}")
            break
        else:
            wrong += [f"{seen[n]}: {text}" for text in expected[n].wrong(seen[n])]
    return wrong


def in_any_order(expected, seen):
    """Pods: each event once at most; order_problems looks at the order."""
    wrong, left = [], list(seen)
    for e in expected:
        match = next((s for s in left if s.type == e.type and (s.name == e.name or e.type.startswith("POD_"))), None)
        if match is None:
            wrong += [] if e.maybe else [f"not told: {e}, but {[str(s) for s in seen]}"]
            continue
        left.remove(match)
        wrong += [f"{match}: {text}" for text in e.wrong(match)]
    return wrong + [f"told, not expected: {s}" for s in left]


def order_problems(events):
    """What no sequence may contain, whatever was done: a pod that goes backwards, something twice, an end without a beginning."""
    wrong, last, seen, apps, images = [], {}, set(), collections.defaultdict(set), {}
    for event in events:
        if event.type.startswith("IMAGE_"):
            if images.get(event.id) == event.type:
                wrong.append(f"twice in a row: {event}")
            images[event.id] = event.type
            continue
        what = (event.type, event.id) + ((event.name,) if event.type.startswith("APP_") else ())
        if what in seen:
            wrong.append(f"twice: {event}")
        seen.add(what)
        stage = POD_STAGES[event.type]
        if stage < last.get(event.id, 0):
            wrong.append(f"out of order: {event}")
        last[event.id] = stage
        if event.type == "APP_STARTED":
            apps[event.id].add(event.name)
        elif event.type == "APP_EXITED":
            if event.name not in apps[event.id]:
                wrong.append(f"never started: {event}")
            apps[event.id].discard(event.name)
        elif event.type in ("POD_EXITED", "POD_GARBAGE_COLLECTED") and apps[event.id]:
            wrong.append(f"apps {apps[event.id]} still run: {event}")
    return wrong


def time_problems(events):
    """Stamps are whole, no event is from the future, and what an app or pod did last is not before what it did first."""
    wrong, last = [], collections.defaultdict(int)
    for event in events:
        if event.time != event.ns // SECOND:
            wrong.append(f"time {event.time} is not that of time_ns: {event}")
        if event.ns > event.at + TICKS:
            wrong.append(f"{event.ns - event.at} ns before it happened: {event}")
        track = (event.id, event.name if event.type.startswith("APP_") else "")
        if event.ns < last[track] - TICKS:
            wrong.append(f"{last[track] - event.ns} ns older than what was told before: {event}")
        last[track] = max(last[track], event.ns)
    return wrong


def passes(event, types=(), ids=(), names=(), since_time=0, until_time=0):
    """Does @event satisfy such a filter, times aside or with them?"""
    return ((not types or event.type in types) and (not ids or event.id in ids) and (not names or event.name in names) and
            (not since_time or event.time >= since_time) and (not until_time or event.time < until_time))


def stream_problems(reference, got, filter, asked=0, opened=0, closed=NO_END):
    """What is wrong with @got, that a subscriber with this filter was told, when @reference is all there was to tell. @asked, @opened,
    @closed: when he called, when he knew that the call was answered, and when it ended (ns). What happened between the first two
    he may be told, unless he asked for the past."""
    if filter.get("until_time"):
        closed = min(closed, filter["until_time"] * SECOND)
    may = [e for e in reference if passes(e, **filter)]
    must = [e for e in may if e.at < closed]
    if not filter.get("since_time") or filter["since_time"] * SECOND > asked:
        must = [e for e in must if e.ns >= max(opened, filter.get("since_time", 0) * SECOND) + TICKS]
        may = [e for e in may if e.at >= asked]
    wrong = [f"told, but not by this filter or not then: {e}" for e in multiset_less(got, may)]
    wrong += [f"not told: {e}" for e in multiset_less(must, got)]
    places = {e.key: n for n, e in enumerate(reference)}
    order = [places[e.key] for e in got if e.key in places]
    wrong += [f"in another order than others saw: {got[n + 1]}" for n in range(len(order) - 1) if order[n] >= order[n + 1]]
    same = {e.key: e for e in reference}
    return wrong + [f"others saw {same[e.key]}, he {e}" for e in got if e.key in same and same[e.key] != e]


def multiset_less(a, b):
    """The events of @a that are not (or less often) in @b."""
    left = collections.Counter(e.key for e in b)
    rest = []
    for e in a:
        left[e.key] -= 1
        if left[e.key] < 0:
            rest.append(e)
    return rest


def state_problems(events, pods, images):
    """Do events and lists agree, with nothing going on? @pods: {uuid: state}, @images: ids. Only of what events told."""
    last, wrong = {e.id: e.type for e in events}, []
    for id, type in last.items():
        if type.startswith("IMAGE_"):
            if (type == "IMAGE_IMPORTED") != (id in images):
                wrong.append(f"{type} was the last of image {id}, which is {'' if id in images else 'not '}listed")
        elif id in pods and pods[id] not in STATES[type]:
            wrong.append(f"{type} was the last of pod {id}, which is {pods[id]}")
        elif id not in pods and type != "POD_GARBAGE_COLLECTED":
            wrong.append(f"{type} was the last of pod {id}, which is gone")
    return wrong


def now():
    return time.time_ns()
