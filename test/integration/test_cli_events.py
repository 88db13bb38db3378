# SPDX-License-Identifier: Apache-2.0
"""`carob events`: through a service, and without one."""
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from podtree import image_id
from clirun import alive, pods, start, status, store, until  # noqa: F401 (a fixture)

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z [a-z-]+ +\S+ \S+( \S+=(\S+|\"[^\"]*\"))*\Z")
OWN = "--address=none"


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def events(carob, *args, **kwargs):
    return [json.loads(line) for line in carob("events", "--format=json", *args, **kwargs).stdout.splitlines()]


def story(seen, of=None):
    """["pod-started shop", ...]"""
    return [f"{e['type']} {e['from']}" for e in seen if of in (None, e["id"])]


def children(pid):
    return [int(p) for t in os.listdir(f"/proc/{pid}/task") for p in open(f"/proc/{pid}/task/{t}/children").read().split()]


@pytest.fixture
def follow(build, data_dir):
    """follow(...) starts `carob events --follow --format=json`, which is ended with the test."""
    started = []

    def run(*args, before=(), **kwargs):
        kwargs.setdefault("stdout", subprocess.PIPE)
        started.append(subprocess.Popen([*before, build / "carob", f"--dir={data_dir}", "events", "--follow", "--format=json", *args],
                                        stderr=subprocess.PIPE, text=True, **kwargs))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def own_service(process):
    """The pid of the carob-api that @process has started, once it serves."""
    def running():
        return [c for c in children(process.pid) if os.path.basename(os.readlink(f"/proc/{c}/exe")) == "carob-api"]

    until(lambda: process.poll() is not None or running(), what="the service")
    assert process.poll() is None, process.communicate()
    return running()[0]


# --- what is told ---

@pytest.mark.root
def test_a_pod_s_life_is_told_in_order(carob, store):
    carob("run", "--pod-name=shop", "example.com/true", "--name=web")
    seen = events(carob, OWN)
    shop = next(e["id"] for e in seen if e["from"] == "shop")
    assert story(seen, shop) == ["pod-started shop", "app-started web", "app-exited web", "pod-exited shop"]
    assert {"image-imported"} == {e["type"] for e in seen if e["id"].startswith("sha512-")}
    for e in seen:
        assert list(e) == ["type", "id", "from", "time", "time_ns", "data"] and "time_ns" not in e["data"]
    lines = carob("events", OWN).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [e["time"] for e in seen] and all(LINE.match(line) for line in lines)
    mine = [line for line in lines if shop in line]
    assert len({line.index(shop) for line in mine}) == 1, "aligned"
    assert " exit_code=0" in mine[-1]


@pytest.mark.root
def test_a_service_tells_the_same(carob, store, start_api):
    server = start_api()
    address = f"--address={server.addresses[0]}"
    uuid = start(carob, "example.com/sh", "--name=web", "--", "exit 3")
    carob("status", "--wait", uuid)
    carob("rm", uuid)
    theirs, ours = events(carob, address), events(carob, OWN)
    assert story(theirs, uuid) == ["pod-started " + uuid, "app-started web", "app-exited web", "pod-exited " + uuid,
                                   "pod-garbage-collected " + uuid]
    assert [e for e in ours if e["id"] == uuid] == [e for e in theirs if e["id"] == uuid]
    assert next(e for e in theirs if e["type"] == "app-exited")["data"]["exit_code"] == "3"


@pytest.mark.root
def test_filters(carob, store):
    a = start(carob, "--pod-name=a", "example.com/true", "--name=web")
    b = start(carob, "--pod-name=b", "example.com/true", "--name=log")
    for uuid in (a, b):
        carob("status", "--wait", uuid)
    carob("rm", b)
    assert story(events(carob, OWN, "--type=app-exited")) in (["app-exited web", "app-exited log"], ["app-exited log", "app-exited web"])
    assert {e["type"] for e in events(carob, OWN, "--type=image")} == {"image-imported"}
    assert {e["type"] for e in events(carob, OWN, "--type=APP_STARTED,pod-exited")} == {"app-started", "pod-exited"}
    assert story(events(carob, OWN, "--type=pod-started", "--type=pod-exited", "--name=a")) == ["pod-started a", "pod-exited a"]
    for name in ("a", a[:8], a):
        assert {e["id"] for e in events(carob, OWN, f"--pod={name}")} == {a}
    assert {e["id"] for e in events(carob, OWN, f"--pod={b}")} == {b}, "what is gone has its whole UUID"
    done = carob("events", OWN, f"--pod={b[:8]}", status=254)
    assert done.stderr.startswith("events: cannot find the pod") and done.stdout == ""
    image = events(carob, OWN, "--name=example.com/true")[0]["id"]
    for name in ("example.com/true", image[:20], image):
        assert {e["id"] for e in events(carob, OWN, f"--image={name}")} == {image}
    assert {e["id"] for e in events(carob, OWN, f"--image={image}", "--pod=a")} == {image, a}


@pytest.mark.root
def test_times_are_those_of_events_to_the_nanosecond(carob, store):
    for name in ("a", "b"):
        carob("run", f"--pod-name={name}", "example.com/true")
    seen = events(carob, OWN, "--type=pod")
    assert story(seen) == ["pod-started a", "pod-exited a", "pod-started b", "pod-exited b"]
    assert story(events(carob, OWN, "--type=pod", f"--since={seen[1]['time']}", f"--until={seen[3]['time']}")) == \
        ["pod-exited a", "pod-started b"]
    assert story(events(carob, OWN, "--type=pod", "--since=1h", "--until=+1h")) == story(seen)
    assert events(carob, OWN, "--since=+1m") == [] and events(carob, OWN, "--until=1h") == []


@pytest.mark.root
@pytest.mark.parametrize("own", [True, False])
def test_following(carob, store, start_api, follow, own):
    address = OWN if own else f"--address={start_api().addresses[0]}"
    carob("run", "--pod-name=before", "example.com/true")
    moment = now()
    process = follow(address, "--type=pod", f"--since={moment}")
    carob("run", "--pod-name=after", "example.com/true")
    got = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert story(got) == ["pod-started after", "pod-exited after"], "each when it comes"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == -signal.SIGINT
    assert process.stderr.read() == "" and process.stdout.read() == ""


@pytest.mark.root
def test_following_begins_now(carob, store, follow):
    carob("run", "--pod-name=before", "example.com/true")
    process = follow(OWN, "--type=pod-started")
    n, seen = 0, ""
    while not seen:
        n += 1
        carob("run", f"--pod-name=p{n}", "example.com/true")
        seen = read_some(process)
    assert json.loads(seen.splitlines()[0])["from"].startswith("p")


def read_some(process, timeout=0.5):
    """A line of its output, if there is one by then."""
    import select
    return process.stdout.readline() if select.select([process.stdout], [], [], timeout)[0] else ""


def test_following_ends_in_time(carob, data_dir):
    assert carob("events", "--follow", OWN, "--until=+1s").stdout == ""
    assert carob("events", "--follow", OWN, "--until=1h").stdout == ""


def test_all_that_is_known_and_the_end_is_for_other_clients_too(api, pb, tree):
    """By metadata; without, it goes on."""
    tree.image(image_id("a"), "example.com/a", imported=time.time_ns())
    listen = api.channel.unary_stream("/v1alpha.PublicAPI/ListenEvents", request_serializer=pb.ListenEventsRequest.SerializeToString,
                                      response_deserializer=pb.ListenEventsResponse.FromString)
    for request in (pb.ListenEventsRequest(filter={"since_time": 1}), pb.ListenEventsRequest(filter={"since_time": 1, "until_time": 2**40})):
        got = [e for reply in listen(request, metadata=[("carob-until", "known")], timeout=20) for e in reply.events]
        assert [(pb.EventType.Name(e.type), e.id) for e in got] == [("EVENT_TYPE_IMAGE_IMPORTED", image_id("a"))]
    assert list(listen(pb.ListenEventsRequest(), metadata=[("carob-until", "known")], timeout=20)) == []
    call = listen(pb.ListenEventsRequest(filter={"since_time": 1}), metadata=[("carob-until", "doomsday")], timeout=20)
    assert next(call).events[0].id == image_id("a")
    assert call.is_active()
    call.cancel()


# --- words ---

def test_words_that_make_no_sense(carob):
    done = carob("events", "--type=pod-startd", status=254)
    assert done.stderr.splitlines()[0] == (
        'events: --type: no events are called "pod-startd"; there are pod, app, image, pod-prepared, pod-prepare-aborted, '
        "pod-started, pod-exited, pod-garbage-collected, app-started, app-exited, image-imported, image-removed")
    assert "is neither a time" in carob("events", "--since=yesterday", status=254).stderr
    assert "--pod: is empty" in carob("events", "--pod=", status=254).stderr
    assert "too many arguments" in carob("events", "shop", status=254).stderr


# --- who is asked ---

def test_an_address_is_used_without_fallback(carob, short_tmp):
    done = carob("events", f"--address=unix:{short_tmp}/s", status=254)
    assert 'start the service with "carob api-service"' in done.stderr and done.stdout == ""


def test_a_service_of_another_directory_is_asked_for_whole_ids(carob, start_api, short_tmp, tree):
    pod = tree.pod("prepared", "a")
    (short_tmp / "other").mkdir()
    address = start_api(dir=short_tmp / "other").addresses[0]
    done = carob("events", f"--address={address}", f"--pod={pod.uuid[:8]}", status=254)
    assert f'events: "{pod.uuid[:8]}": {address} does not serve' in done.stderr and "give the whole UUID" in done.stderr
    assert carob("events", f"--address={address}", f"--pod={pod.uuid}").stdout == ""


IN_NETWORK = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"']


@pytest.mark.root
def test_the_usual_service_is_asked_if_it_serves_this_directory(build, start_api, data_dir, short_tmp, store, carob):
    """In a network of its own, where nobody else has the port."""
    server = start_api(before=IN_NETWORK, listen="localhost:15441")
    inside = ["nsenter", f"--target={server.pid}", "--net", build / "carob", "--debug"]

    def run(directory, *args):
        return subprocess.run([*inside, f"--dir={directory}", "events", "--format=json", *args], text=True, capture_output=True,
                              timeout=60, check=True)

    (short_tmp / "link").symlink_to(data_dir)
    for directory in (data_dir, short_tmp / "link"):
        assert "carob-api" not in run(directory).stderr
    carob("run", "--pod-name=shop", "example.com/true")
    assert "pod-exited shop" in story(json.loads(line) for line in run(data_dir).stdout.splitlines())
    (short_tmp / "other").mkdir()
    done = run(short_tmp / "other")
    assert "does not serve" in done.stderr and "carob-api: API service running" in done.stderr and done.stdout == ""
    assert server.end() == 0


@pytest.mark.root
def test_where_no_service_is_nobody_need_name_it(build, data_dir, tree):
    tree.image(image_id("a"), "example.com/a")
    for network in (IN_NETWORK, ["unshare", "--net"]):  # nobody listens; there is not even a loopback
        done = subprocess.run([*network, build / "carob", f"--dir={data_dir}", "events"], text=True, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "") and " image-imported " in done.stdout, done


OLD = r"""
import concurrent.futures, sys, grpc
class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method.endswith("GetInfo"):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: bytes.fromhex(sys.argv[2]))
server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers([Handler()])
print(server.add_insecure_port(sys.argv[1]), flush=True)
server.start()
server.wait_for_termination()
"""


@pytest.mark.root
def test_a_service_that_is_too_old(build, carob, data_dir, pb):
    info = pb.GetInfoResponse(info={"api_version": "1.0.0-alpha", "global_flags": {"dir": os.path.realpath(data_dir)}})
    with subprocess.Popen([*IN_NETWORK, sys.executable, "-c", OLD, "localhost:15441", info.SerializeToString().hex()],
                          stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline() == "15441\n"
            inside = ["nsenter", f"--target={server.pid}", "--net", build / "carob", f"--dir={data_dir}", "--debug", "events"]
            done = subprocess.run(inside, text=True, capture_output=True, timeout=60)
            assert done.returncode == 0 and "carob-api: API service running" in done.stderr, done
            done = subprocess.run([*inside, "--address=localhost:15441"], text=True, capture_output=True, timeout=60)
            assert done.returncode == 254 and "carob-api:" not in done.stderr
            assert "ListenEvents: UNIMPLEMENTED" in done.stderr and "--address=none" in done.stderr
        finally:
            server.kill()


# --- the end, in all its forms ---

def test_the_end_of_a_service_is_told(start_api, follow):
    server = start_api()
    before = server.held()
    process = follow(f"--address={server.addresses[0]}", "--since=1h")
    until(lambda: server.held() > before or process.poll() is not None, what="the client")
    server.end()
    assert process.wait(20) == 254
    assert "events: ListenEvents: UNAVAILABLE: " in process.stderr.read()


def test_sigkill_leaves_no_process(follow, data_dir, short_tmp):
    before = sorted(p.name for p in short_tmp.rglob("*"))
    process = follow(OWN)
    service = own_service(process)
    assert sorted(p.name for p in short_tmp.rglob("*")) == before, "no file"
    assert os.getsid(service) != os.getsid(process.pid), "Ctrl-C is not for it"
    process.kill()
    process.wait()
    until(lambda: not alive(service), what="the service to end")


def test_it_ends_when_its_parent_closes_the_connection(follow):
    """Even if it is not told of its parent's death: a stopped parent has none."""
    process = follow(OWN)
    service = own_service(process)
    os.kill(service, signal.SIGSTOP)
    process.terminate()
    process.wait()
    os.kill(service, signal.SIGCONT) if alive(service) else None
    until(lambda: not alive(service), what="the service to end")


def test_a_death_of_our_own_service_is_told(follow):
    process = follow(OWN)
    os.kill(own_service(process), signal.SIGKILL)
    assert process.wait(20) == 254
    assert "events: ListenEvents: carob-api, started for this, ended with status 137" in process.stderr.read()


def test_an_output_that_nobody_reads_ends_it_without_an_event(follow):
    process = follow(OWN)
    service = own_service(process)
    process.stdout.close()
    assert process.wait(20) == -signal.SIGPIPE
    assert process.stderr.read() == ""
    until(lambda: not alive(service), what="the service to end")


def test_closed_streams(carob, follow, tree):
    """None of the numbers that are free then is used for what does not belong there."""
    tree.image(image_id("a"), "example.com/a")
    for fds in ((0,), (2,), (0, 2)):
        assert len(events(carob, OWN, preexec_fn=lambda fds=fds: [os.close(fd) for fd in fds])) == 1
    process = follow(OWN, preexec_fn=lambda: os.close(2))
    assert os.readlink(f"/proc/{own_service(process)}/fd/2") == "/dev/null"
    for fds in ((1,), (0, 1, 2)):
        carob("events", OWN, status=254, preexec_fn=lambda fds=fds: [os.close(fd) for fd in fds])


def test_who_is_too_slow_is_told(follow, start_api, tree):
    server = start_api("--events-kept=16")
    process = follow(f"--address={server.addresses[0]}", f"--since={now()}")
    tree.image(image_id("a"), "example.com/first", imported=time.time_ns())
    assert story([json.loads(process.stdout.readline())]) == ["image-imported example.com/first"]
    process.send_signal(signal.SIGSTOP)
    for i in range(1000):  # more than the window and the ring take
        tree.image(image_id(f"{i:04x}"), f"example.com/{i}", imported=time.time_ns())
    until(lambda: len(server.client.images()) == 1001, what="the images")
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 254, out[-500:]
    assert "events: ListenEvents: RESOURCE_EXHAUSTED: " in err and "events behind" in err
    assert "whatever reads the output is too slow; go on with --since=" in err


# --- data directories ---

def test_no_data_directory_no_events(build, short_tmp):
    done = subprocess.run([build / "carob", f"--dir={short_tmp}/none", "events", OWN], text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.root
def test_a_data_directory_that_may_not_be_read(build, data_dir, tree, short_tmp):
    tree.pod("prepared", "a")
    short_tmp.chmod(0o755)
    data_dir.chmod(0o700)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", build / "carob", f"--dir={data_dir}", "events",
                           OWN], text=True, capture_output=True, timeout=60)
    assert done.returncode == 254 and done.stdout == "", done
    assert "PERMISSION_DENIED" in done.stderr
