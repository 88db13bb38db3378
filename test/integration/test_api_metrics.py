# SPDX-License-Identifier: Apache-2.0
"""What the service tells of itself: metrics for Prometheus, the access log, and log lines; by parsers that are not
ours, and in spite of clients that mean no good."""
import http.client
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import threading
import time

import grpc
import pytest
import prometheus_client.openmetrics.parser
import prometheus_client.parser

import apiclient
import h2frames as h2
from podtree import image_id
from siege import INFO, sanitized, wait_until

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
OPEN = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
API = "v1alpha.PublicAPI"
NOBODY = "00000000-0000-4000-8000-000000000000"


# --- HTTP by hand

def address_of(server):
    host, port = re.search(r"Serving metrics on (\S+):(\d+)\n", server.text).groups()
    return host, int(port)


def connect(server):
    return socket.create_connection(address_of(server), timeout=20)


def read_answer(s, head=False):
    """(status, headers, body) of one answer; None when the connection ended instead."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = s.recv(1)
        if not chunk:
            assert not data
            return None
        data += chunk
    lines = data[:-4].decode("ascii").split("\r\n")
    version, status, _ = lines[0].split(" ", 2)
    assert version == "HTTP/1.1"
    headers = {}
    for line in lines[1:]:
        name, value = line.split(": ", 1)
        assert name.lower() not in headers
        headers[name.lower()] = value
    length = 0 if head else int(headers["content-length"])
    body = b""
    while len(body) < length:
        chunk = s.recv(length - len(body))
        assert chunk
        body += chunk
    return int(status), headers, body


def ask(server, request, head=False):
    """The answer to one request on a connection of its own."""
    with connect(server) as s:
        s.sendall(request)
        return read_answer(s, head)


def scrape(server, accept=None):
    more = f"Accept: {accept}\r\n".encode() if accept else b""
    status, headers, body = ask(server, GET[:-2] + more + b"\r\n")
    assert status == 200
    return headers["content-type"], body.decode()


# --- the text format 0.0.4, strictly

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?|[+-]Inf|NaN)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def strict(text):
    """{(name, ((label, value), ...)): number}. HELP and TYPE come first and once, families are not torn apart, no sample is
    there twice, counters end in _total, and histograms add up."""
    samples, families, current = {}, {}, None
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    for i, line in enumerate(lines):
        if line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            assert name not in families and help_text.endswith("."), line
            current = name
            _, kind, typed, type_name = lines[i + 1].split(" ")
            assert (kind, typed) == ("TYPE", name)
            families[name] = type_name
            assert (type_name == "counter") == name.endswith("_total"), line
        elif not line.startswith("# TYPE "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            assert name in [current + suffix for suffix in SUFFIXES[families[current]]], line
            key = name, tuple(re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', labels or ""))
            assert key not in samples, line
            samples[key] = float(value)
            assert families[current] != "counter" or samples[key] >= 0
    for name, kind in families.items():
        if kind == "histogram":
            check_histogram(samples, name)
    return samples


def check_histogram(samples, name):
    series = {}
    for (sample, labels), value in samples.items():
        if sample == name + "_bucket":
            series.setdefault(labels[:-1], []).append((float(labels[-1][1].replace("+Inf", "inf")), value))
    for labels, buckets in series.items():
        assert buckets == sorted(buckets) and buckets[-1][0] == float("inf")
        assert [n for _, n in buckets] == sorted(n for _, n in buckets)
        assert buckets[-1][1] == samples[name + "_count", labels]
        assert (samples[name + "_sum", labels] > 0) == (buckets[-1][1] > 0)


def metrics(server):
    return strict(scrape(server)[1])


def of(samples, name, **labels):
    return samples[name, tuple(labels.items())]


def calls(samples, method, code="OK", service=API):
    return samples.get(("carob_api_calls_total", (("service", service), ("method", method), ("code", code))), 0)


@pytest.fixture
def watched(start_api):
    """A service with metrics."""
    return start_api("--metrics-listen=127.0.0.1:0")


# --- what is told

def test_independent_parsers_agree(watched):
    for _ in range(3):
        watched.client.GetInfo()
    kind, text = scrape(watched)
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    ours = strict(text)
    theirs = {(s.name, tuple(s.labels.items())): s.value for f in prometheus_client.parser.text_string_to_metric_families(text)
              for s in f.samples}
    assert theirs == ours
    kind, text = scrape(watched, OPEN)
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = list(prometheus_client.openmetrics.parser.text_string_to_metric_families(text))
    assert {s.name for f in families for s in f.samples} == {name for name, _ in ours}
    assert {f.name for f in families if f.type == "counter"} >= {"carob_api_calls", "process_cpu_seconds"}
    assert all(f.documentation for f in families)


def test_counts_are_what_was_called(watched):
    client = watched.client
    before = metrics(watched)
    for _ in range(7):
        client.GetInfo()
    for _ in range(3):
        assert client.error("InspectPod", id=NOBODY)[0] == "NOT_FOUND"
    client.ListPods(detail=True)
    after = metrics(watched)
    assert calls(after, "GetInfo") - calls(before, "GetInfo") == 7
    assert calls(after, "InspectPod", "NOT_FOUND") == 3 and calls(after, "InspectPod") == 0
    assert calls(after, "ListPods") == 1 and calls(after, "ListImages") == 0
    info = {"service": API, "method": "GetInfo"}
    assert of(after, "carob_api_calls_started_total", **info) == 7
    assert of(after, "carob_api_calls_in_flight", **info) == 0
    assert of(after, "carob_api_call_duration_seconds_count", **info) == 7
    assert 0 < of(after, "carob_api_call_duration_seconds_sum", **info) < 20 * 7
    assert of(after, "carob_api_messages_received_total", **info) == 7
    assert of(after, "carob_api_messages_sent_total", **info) == 7
    assert of(after, "carob_api_messages_received_bytes_total", **info) == 7 * 5
    assert of(after, "carob_api_messages_sent_bytes_total", **info) > 7 * 20


def test_connections_and_bytes_are_counted(watched):
    watched.client.GetInfo()
    during = metrics(watched)
    assert of(during, "carob_api_connections") == 1
    assert of(during, "carob_api_connections_accepted_total") == 1
    assert of(during, "carob_api_received_bytes_total") > 100
    assert of(during, "carob_api_sent_bytes_total") > 100
    watched.client.close()
    assert wait_until(lambda: of(metrics(watched), "carob_api_connections") == 0)
    assert of(metrics(watched), "carob_api_connections_ended_total", reason="client") == 1


def test_nobody_makes_series_by_inventing_names(watched):
    watched.client.GetInfo()
    before = metrics(watched)
    for i in range(50):
        for path in (f"/v1alpha.PublicAPI/No{i}", f"/no.Service{i}/GetInfo"):
            with pytest.raises(grpc.RpcError) as e:
                watched.client.channel.unary_unary(path)(b"", timeout=20)
            assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED
    after = metrics(watched)
    assert calls(after, "unknown", "UNIMPLEMENTED", "unknown") == 100
    assert set(after) - set(before) == {("carob_api_calls_total", (
        ("service", "unknown"), ("method", "unknown"), ("code", "UNIMPLEMENTED")))}


def test_streams_are_seen_while_they_run(watched, tree):
    pod = tree.pod("run", "a", locked=True)
    stream = watched.client.GetLogs(pod_id=pod.uuid, follow=True)
    row = {"service": API, "method": "GetLogs"}
    assert wait_until(lambda: of(metrics(watched), "carob_api_calls_in_flight", **row) == 1)
    assert of(metrics(watched), "carob_api_streams") == 1
    assert of(metrics(watched), "carob_api_log_followers") == 1
    stream.cancel()
    assert wait_until(lambda: of(metrics(watched), "carob_api_calls_in_flight", **row) == 0)
    assert calls(metrics(watched), "GetLogs", "CANCELLED") == 1
    assert of(metrics(watched), "carob_api_log_followers") == 0


def test_pods_and_images_are_told(watched, tree):
    tree.pod("run", "a", locked=True)
    tree.pod("run", "a")
    tree.pod("run", "a")
    tree.pod("prepared", manifest="no JSON")
    tree.image(image_id("1"), "example.com/a")
    tree.image(image_id("2"), "example.com/b")
    assert len(watched.client.pods()) == 4 and len(watched.client.images()) == 2
    samples = metrics(watched)
    assert {labels[0][1]: n for (name, labels), n in samples.items() if name == "carob_api_pods" and n} == {
        "running": 1, "exited": 2, "prepared": 1}
    assert of(samples, "carob_api_index_records", kind="pods") == 4
    assert 1 <= of(samples, "carob_api_index_broken_records", kind="pods") <= 4
    assert of(samples, "carob_api_index_scans_total", kind="pods") >= 1
    assert of(samples, "carob_api_images") == of(samples, "carob_api_index_records", kind="images") == 2
    assert of(samples, "carob_api_index_watches") >= 4
    assert of(samples, "carob_api_index_events_total") >= 1
    assert of(samples, "carob_api_index_overflows_total") == 0
    assert of(samples, "carob_api_data_directory_present") == 1


def test_the_process_is_told(watched):
    watched.client.GetInfo()
    samples = metrics(watched)
    assert abs(of(samples, "process_start_time_seconds") - time.time()) < 600
    assert of(samples, "process_open_fds") >= 8
    assert of(samples, "process_cpu_seconds_total") > 0
    rss = int(pathlib.Path(f"/proc/{watched.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert 0.5 < of(samples, "process_resident_memory_bytes") / rss < 2
    build = [dict(labels) for name, labels in samples if name == "carob_api_build_info"]
    assert len(build) == 1 and build[0]["rkt_version"] == watched.client.GetInfo().info.rkt_version


# --- HTTP

def test_answers_of_http(watched):
    host = b"Host: x\r\n\r\n"
    for request, status in (
            (GET, 200),
            (b"GET /metrics?a=b HTTP/1.1\r\n" + host, 200),
            (b"GET http://x/metrics HTTP/1.1\r\n" + host, 200),
            (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
            (b"GET / HTTP/1.1\r\n" + host, 404),
            (b"POST /metrics HTTP/1.1\r\n" + host, 405),
            (b"DELETE /metrics HTTP/1.1\r\nContent-Length: 3\r\n" + host + b"abc", 405),
            (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
            (b"GET /metrics HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
            (b"GET /metrics HTTP/1.1\r\nContent-Length: 9\r\n" + host, 413),
            (b"GET /" + b"a" * 9000, 414),
            (b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 2000, 431),
            (b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + host, 501),
            (h2.PREFACE, 505),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400)):
        got, headers, body = ask(watched, request)
        assert got == status, request[:60]
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"])
        assert (headers.get("allow") == "GET, HEAD") == (status == 405)
        assert body
    status, headers, _ = ask(watched, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", head=True)
    assert status == 200 and int(headers["content-length"]) > 10000 and headers["connection"] == "close"


def test_a_connection_serves_many_requests(watched):
    with connect(watched) as s:
        for _ in range(5):
            s.sendall(GET)
            assert read_answer(s)[0] == 200
        s.sendall(GET * 50 + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
                  + GET[:-2] + b"Connection: close\r\n\r\n")
        assert [read_answer(s)[0] for _ in range(51)] == [200] * 50 + [404]
        assert read_answer(s, head=True)[0] == 200
        assert read_answer(s)[0] == 200
        assert read_answer(s) is None


def test_a_library_and_a_unix_socket(watched, start_api, short_tmp):
    client = http.client.HTTPConnection(*address_of(watched), timeout=20)
    for _ in range(3):
        client.request("GET", "/metrics")
        assert strict(client.getresponse().read().decode())
    client.close()
    start_api(f"--metrics-listen=unix:{short_tmp}/metrics.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(f"{short_tmp}/metrics.sock")
        s.sendall(GET)
        assert strict(read_answer(s)[2].decode())


def resident(server):
    return int(pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_hostile_clients_of_http(watched, build):
    """Slow ones, silent ones, many, and those that never read: scrapers and the API go on, and memory is bounded."""
    client, before = watched.client, None
    client.GetInfo()
    scrape(watched)
    before = resident(watched)
    open_sockets = []
    try:
        for i in range(300):
            s = connect(watched)
            s.setblocking(False)
            open_sockets.append(s)
            try:
                s.send((b"", b"GET /metr", GET * 200, b"GET /metrics HTTP/1.1\r\nA: " + b"a" * 7000, b"\r\n" * 3000)[i % 5])
            except (BlockingIOError, ConnectionError):
                pass
            if i % 50 == 0:
                client.GetInfo()
                assert metrics(watched)
        for _ in range(3):
            for s in open_sockets: # a byte now and then
                try:
                    s.send(b"a")
                except (BlockingIOError, ConnectionError):
                    pass
            client.GetInfo()
            assert metrics(watched)
        assert watched.descriptors() < 60
        grown = resident(watched) - before
        assert grown < 4 << 20 or sanitized(watched), grown  # AddressSanitizer keeps what is freed
    finally:
        for s in open_sockets:
            s.close()
    assert wait_until(lambda: watched.descriptors() < 30)
    assert calls(metrics(watched), "GetInfo") == 1 + 6 + 3


def test_many_scrapers_at_once(watched):
    errors = []

    def work():
        try:
            for _ in range(10):
                metrics(watched)
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for t in threads:
        t.start()
    for _ in range(50):
        watched.client.GetInfo()
    for t in threads:
        t.join()
    assert not errors
    assert calls(metrics(watched), "GetInfo") == 50


def test_what_other_hosts_reach_needs_a_word(start_api, build, data_dir):
    done = subprocess.run([build / "carob-api", f"--dir={data_dir}", "--listen=127.0.0.1:0", "--metrics-listen=0.0.0.0:0"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 254
    assert "carob-api: --metrics-listen=0.0.0.0:0: metrics at 0.0.0.0:0 could be read by other hosts" in done.stderr
    assert scrape(start_api("--metrics-listen=0.0.0.0:0", "--insecure-listen"))


# --- log lines

def fields_of(line):
    """{key: value} of a line of the access log as text."""
    return dict(word.split("=", 1) for word in shlex.split(line.split(": call ", 1)[1]))


def test_access_log_has_a_line_for_each_call(start_api):
    server = start_api("--access-log")
    server.client.GetInfo()
    server.client.error("InspectPod", id=NOBODY)
    assert server.end() == 0
    first, second = (fields_of(line) for line in server.text.splitlines() if ": call " in line)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first["time"])
    assert first["peer"].startswith("127.0.0.1:") and first["method"] == INFO and first["code"] == "OK"
    assert (first["messages_out"], first["bytes_in"]) == ("1", "5") and int(first["bytes_out"]) > 20
    assert 0 <= float(first["seconds"]) < 20
    assert (second["method"], second["code"]) == ("/v1alpha.PublicAPI/InspectPod", "NOT_FOUND")


def test_access_log_knows_users_of_a_unix_socket(start_api, short_tmp, pb):
    server = start_api("--access-log", listen=f"unix:{short_tmp}/s")
    server.client.GetInfo()
    server.end()
    assert f" peer=unix: uid={os.getuid()} method={INFO} code=OK " in server.text


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_hostile_names_stay_in_their_line(start_api, log_format):
    server = start_api("--access-log", f"--log-format={log_format}")
    target = re.search(r"Listening on ([0-9.:]+)", server.text).group(1)
    with h2.Connection(target) as c:
        c.send(h2.headers(1, h2.request_fields(b"/a\"b\\c=d/\xff\xc3\xa9" + b"x" * 240)))
        c.wait(h2.HEADERS, 1)
    server.wait_for("bytes_out")
    server.end()
    lines = [line for line in server.text.splitlines() if "/a" in line]
    assert len(lines) == 1
    if log_format == "json":
        assert json.loads(lines[0])["method"].startswith('/a"b\\c=d/\ufffd\u00e9xxx')
    else:
        assert r'method="/a\"b\\c=d/\xff' in lines[0]


def test_json_lines_are_objects(start_api):
    server = start_api("--log-format=json", "--access-log", "--log-level=debug")
    server.client.GetInfo()
    server.end()
    lines = [json.loads(line) for line in server.text.splitlines()]
    assert lines[0]["msg"] == "API service starting..."
    assert "API service exiting..." in [line["msg"] for line in lines]
    for line in lines:
        assert list(line)[:4] == ["time", "level", "name", "msg"] and line["name"] == "carob-api"
    call = next(line for line in lines if line["msg"] == "call")
    assert call["method"] == INFO and call["code"] == "OK" and isinstance(call["seconds"], float)


def test_without_standard_descriptors(build, data_dir, short_tmp, pb):
    """No socket and no pipe of the service's own takes their numbers, to be sent what is meant for people."""
    address = f"unix:{short_tmp}/s"
    process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", build / "carob-api", f"--dir={data_dir}", "--access-log",
                                f"--listen={address}"])
    assert wait_until(lambda: (short_tmp / "s").exists())
    client = apiclient.Client(address, pb)
    client.GetInfo()
    assert {os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    client.close()
    process.terminate()
    assert process.wait(20) == 0


def test_nobody_reads_the_log(start_api):
    """stderr is a full pipe: calls are answered, what is lost is counted, and told in the end."""
    server = start_api("--access-log", "--metrics-listen=127.0.0.1:0")
    n = 1500
    for _ in range(n):
        server.client.GetInfo()
    assert calls(metrics(server), "GetInfo") == n
    lost = of(metrics(server), "carob_api_log_lines_lost_total")
    assert lost > 0
    assert server.end() == 0
    # The queue's last lines found the pipe full as well; what was written is whole.
    lines = [line for line in server.text.splitlines() if ": call" in line]
    assert n > len(lines) >= 100 and all(fields_of(line)["code"] == "OK" for line in lines)
    assert len(lines) + lost >= n - (64 << 10) // 100
