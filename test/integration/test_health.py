# SPDX-License-Identifier: Apache-2.0
"""grpc.health.v1.Health of carob-api, as probes and balancing clients use it."""
import pathlib
import signal
import threading

import grpc
import pytest

import protos

PROTO = pathlib.Path(__file__).resolve().parent.parent.parent / "proto"
SERVICE = "v1alpha.PublicAPI"
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


@pytest.fixture(scope="module")
def health_protos():
    return protos.Protos.compile(PROTO, "grpc/health/v1/health.proto")


@pytest.fixture
def server(start_api):
    return start_api()


@pytest.fixture
def health(server, health_protos):
    return health_protos.stub(server.client.channel, "grpc.health.v1.Health")


@pytest.fixture
def ask(health_protos):
    return lambda service: health_protos.new("grpc.health.v1.HealthCheckRequest", service=service)


def test_check(health, ask):
    assert health.Check(ask(""), timeout=10).status == SERVING
    assert health.Check(ask(SERVICE), timeout=10).status == SERVING
    with pytest.raises(grpc.RpcError) as e:
        health.Check(ask("v1alpha.Private"), timeout=10)
    assert (e.value.code(), e.value.details()) == (grpc.StatusCode.NOT_FOUND, "unknown service v1alpha.Private")


def test_list(health, health_protos):
    reply = health.List(health_protos.new("grpc.health.v1.HealthListRequest"), timeout=10)
    assert {name: value.status for name, value in reply.statuses.items()} == {"": SERVING, SERVICE: SERVING}


def test_watchers_hear_of_the_end(server, health, ask):
    overall, api, unknown = (health.Watch(ask(name), timeout=60) for name in ("", SERVICE, "no.Such"))
    assert [next(call).status for call in (overall, api, unknown)] == [SERVING, SERVING, SERVICE_UNKNOWN]
    server.process.send_signal(signal.SIGTERM)
    assert next(overall).status == NOT_SERVING
    assert next(api).status == NOT_SERVING
    for call in overall, api, unknown:
        with pytest.raises(grpc.RpcError) as e:
            next(call)
        assert e.value.code() == grpc.StatusCode.UNAVAILABLE
    # Nobody waited for the watchers: two seconds of grace are for calls that have something to do.
    assert server.process.wait(timeout=20) == 0


def test_a_thousand_watchers_cost_little(server, health_protos, ask):
    def memory():
        for line in pathlib.Path(f"/proc/{server.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    channels = [grpc.insecure_channel(server.client.target, options=[("grpc.use_local_subchannel_pool", 1)])
                for _ in range(10)]
    calls, before = [], memory()
    for channel in channels:
        stub = health_protos.stub(channel, "grpc.health.v1.Health")
        calls += [stub.Watch(ask(SERVICE), timeout=60) for _ in range(100)]
    assert all(next(call).status == SERVING for call in calls)
    assert memory() - before < 16 * 1024  # kilobytes: 16 for each, of which the HTTP/2 stream takes the most
    assert server.client.GetInfo().info.rkt_version
    threading.Thread(target=server.process.send_signal, args=[signal.SIGTERM]).start()
    assert all(next(call).status == NOT_SERVING for call in calls)
    for channel in channels:
        channel.close()


def test_a_client_that_balances_uses_the_watch(server):
    """grpc's own health checking of subchannels: configured by the service, done by the library."""
    config = '{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": "%s"}}'
    for service, works in (SERVICE, True), ("no.Such", False):
        options = [("grpc.service_config", config % service), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(server.client.target, options=options) as channel:
            call = channel.unary_unary("/v1alpha.PublicAPI/GetInfo")
            if works:
                assert call(b"", timeout=20)
                continue
            with pytest.raises(grpc.RpcError) as e:
                call(b"", timeout=20)
            assert e.value.code() == grpc.StatusCode.UNAVAILABLE
