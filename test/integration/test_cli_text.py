# SPDX-License-Identifier: Apache-2.0
"""What list, status, cat-manifest and image list print of pods and images in every state: rkt's bytes."""
import json
import os

import pytest

from podtree import image_id

SECOND = 10**9
MS = 10**6
CREATED = 1795449113 * SECOND + 312534399  # 2026-11-23 15:51:53.312
STARTED = CREATED + 11 * MS
NETS = [{"netName": "default", "netConf": "net/99-default.conf", "pluginPath": "ptp", "ifName": "eth0",
         "ip": "172.16.28.2", "args": "", "mask": "255.255.255.0"},
        {"netName": "default-restricted", "ifName": "eth1", "ip": "172.17.0.2", "mask": "255.255.0.0"}]

UTC = dict(os.environ, TZ="UTC")


def uuid(n):
    return f"{n:08x}-5977-4b95-9080-bcab32bd7568"


@pytest.fixture
def states(tree):
    """A pod in each row of the state table."""
    t = dict(created=CREATED)
    run = dict(created=CREATED, started=STARTED, pid=20941)
    tree.pod("embryo", uuid=uuid(1), manifest=False)
    tree.pod("prepare", "a", uuid=uuid(2), locked=True, **t)
    tree.pod("prepare", "a", uuid=uuid(3), **t)
    tree.pod("prepared", "one", "two", uuid=uuid(4), **t)
    tree.pod("run", "a", uuid=uuid(5), locked=True, networks=NETS, cgroup="carob/x", **run)
    tree.pod("run", "a", uuid=uuid(6), **run).app_status("a", "exited", exit_code=3, created_at=CREATED,
                                                         started_at=STARTED, finished_at=STARTED + SECOND)
    tree.pod("exited-garbage", "a", uuid=uuid(7), **run)
    tree.pod("exited-garbage", "a", uuid=uuid(8), locked=True, **run)
    tree.pod("garbage", "a", uuid=uuid(9), **t)
    tree.pod("garbage", "a", uuid=uuid(10), locked=True, **t)
    return tree


NAMES = {1: "embryo", 2: "preparing", 3: "aborted prepare", 4: "prepared", 5: "running", 6: "exited",
         7: "exited garbage", 8: "exited deleting", 9: "garbage", 10: "deleting"}


@pytest.mark.parametrize("n", NAMES)
def test_every_state_has_rkts_name(carob, states, n):
    assert carob("status", uuid(n)).stdout.splitlines()[0] == f"state={NAMES[n]}"
    assert json.loads(carob("status", uuid(n), "--format=json").stdout)["state"] == NAMES[n]


def test_list_has_every_pod_in_order_of_uuid(carob, states):
    pods = json.loads(carob("list", "--format=json").stdout)
    assert [p["name"] for p in pods] == [uuid(n) for n in sorted(NAMES)]
    assert [p["state"] for p in pods] == [NAMES[n] for n in sorted(NAMES)]


def test_status_text(carob, states):
    def status(n):
        return carob("status", uuid(n), env=UTC).stdout

    zero = "created=0001-01-01 00:00:00 +0000 UTC\n"
    created, started = "created=2026-11-23 15:51:53.312 +0000 UTC\n", "started=2026-11-23 15:51:53.323 +0000 UTC\n"
    assert status(1) == "state=embryo\n" + zero
    assert status(2) == "state=preparing\n" + zero
    assert status(3) == "state=aborted prepare\n" + zero
    assert status(4) == "state=prepared\n" + created
    assert status(5) == ("state=running\n" + created + started +
                         "networks=default:ip4=172.16.28.2, default-restricted:ip4=172.17.0.2\n"
                         "pid=20941\nexited=false\n")
    assert status(6) == "state=exited\n" + created + started + "networks=\npid=20941\nexited=true\napp-a=3\n"
    assert status(7) == "state=exited garbage\n" + created + started + "pid=20941\nexited=true\n"
    assert status(8) == "state=exited deleting\n" + created + started + "pid=20941\nexited=false\n"
    assert status(9) == "state=garbage\n" + created


def test_list_full_is_laid_out_like_rkts(carob, tree):
    one = {"name": "one", "image": {"id": image_id("a")}}
    two = {"name": "two", "image": {"id": image_id("b")}}
    tree.pod("prepared", one, two, uuid=uuid(1), created=CREATED)
    tree.pod("run", "exit3", uuid=uuid(2), created=CREATED, started=STARTED, pid=7, locked=True, networks=NETS)
    tree.pod("prepare", uuid=uuid(3))
    assert carob("list", "--full", env=UTC).stdout == (
        "UUID\t\t\t\t\tAPP\tIMAGE NAME\t\tIMAGE ID\t\tSTATE\t\tCREATED\t\t\t\t\tSTARTED\t\t\t\t\tNETWORKS\n"
        f"{uuid(1)}\tone\texample.com/one:1.0\tsha512-aaaaaaaaaaaa\tprepared\t2026-11-23 15:51:53.312 +0000 UTC\t\t\t\t\t\t\n"
        "\t\t\t\t\ttwo\texample.com/two:1.0\tsha512-bbbbbbbbbbbb\t\t\t\t\t\t\t\t\t\t\t\t\t\n"
        f"{uuid(2)}\texit3\texample.com/exit3:1.0\tsha512-aaaaaaaaaaaa\trunning\t\t2026-11-23 15:51:53.312 +0000 UTC\t"
        "2026-11-23 15:51:53.323 +0000 UTC\tdefault:ip4=172.16.28.2, default-restricted:ip4=172.17.0.2\n"
        f"{uuid(3)}\t-\t-\t\t\t-\t\t\taborted prepare\t0001-01-01 00:00:00 +0000 UTC\t\t\t\t\t\t\t\n")


def test_list_short_without_legend(carob, tree):
    tree.pod("prepare", uuid=uuid(3))
    tree.pod("prepare", uuid=uuid(4), locked=True)
    assert carob("list", "--no-legend").stdout == ("00000003\t-\t-\taborted prepare\ta long while ago\t\t\n"
                                                   "00000004\t-\t-\tpreparing\ta long while ago\t\t\n")


def test_status_json_is_rkts_with_more_after_it(carob, states):
    text = carob("status", uuid(5), "--format=json-pretty").stdout
    assert text.startswith("{\n\t\"name\": \"" + uuid(5) + "\",\n\t\"state\": \"running\",\n\t\"networks\": [\n\t\t{\n"
                           "\t\t\t\"netName\": \"default\",\n")
    pod = json.loads(text)
    assert pod["networks"] == NETS
    assert list(pod)[:7] == ["name", "state", "networks", "app_names", "apps", "created_at", "started_at"]
    assert pod["created_at"] == CREATED // SECOND and pod["pid"] == 20941
    exited = json.loads(carob("status", uuid(6), "--format=json").stdout)["apps"][0]
    assert list(exited)[:7] == ["name", "state", "created_at", "started_at", "finished_at", "exit_code", "image_id"]
    assert exited["exit_code"] == 3 and exited["finished_at"] == STARTED + SECOND
    prepared = json.loads(carob("status", uuid(4), "--format=json").stdout)
    assert [a["state"] for a in prepared["apps"]] == ["created", "created"]
    assert "started_at" not in prepared and "networks" not in prepared


def test_a_pod_is_found_by_prefix_name_and_file(carob, tree, short_tmp):
    tree.pod("prepared", "a", uuid=uuid(0x7a), annotations=[{"name": "carob.io/pod-name", "value": "front"}])
    tree.pod("prepared", "a", uuid=uuid(0x7b))
    (short_tmp / "u").write_text(uuid(0x7b) + "\n")
    assert carob("status", "0000007A", "--format=json").stdout == carob("status", "front", "--format=json").stdout
    assert json.loads(carob("status", f"--uuid-file={short_tmp}/u", "--format=json").stdout)["name"] == uuid(0x7b)
    assert carob("status", "0000007", status=254).stderr == "status: cannot find the pod: ambiguous uuid, 2 matches\n"
    assert carob("status", "9", status=254).stderr == 'status: cannot find the pod: no matches found for "9"\n'
    assert carob("status", "", status=254).stderr == "status: cannot find the pod: its UUID is empty\n"
    assert carob("status", status=254).stderr == "status: name a pod, or a file that has its UUID with --uuid-file\n"


def test_cat_manifest_indents_the_bytes_of_the_pod(carob, tree):
    tree.pod("prepared", uuid=uuid(1), manifest=b'{"acKind":"PodManifest","acVersion":"0.8.11","apps":[{"name":"x",'
             b'"image":{"id":"sha512-aa"}}],"volumes":null,"later":"a<b"}')
    assert carob("cat-manifest", uuid(1)).stdout == (
        '{\n\t"acKind": "PodManifest",\n\t"acVersion": "0.8.11",\n\t"apps": [\n\t\t{\n\t\t\t"name": "x",\n'
        '\t\t\t"image": {\n\t\t\t\t"id": "sha512-aa"\n\t\t\t}\n\t\t}\n\t],\n\t"volumes": null,\n'
        '\t"later": "a\\u003cb"\n}\n')
    assert carob("cat-manifest", uuid(1), "--pretty-print=false").stdout.count("\n") == 1
    tree.pod("prepare", uuid=uuid(2))
    assert carob("cat-manifest", uuid(2), status=254).stderr == (
        f'cat-manifest: pod "{uuid(2)}" has no manifest: it is aborted prepare\n')


def test_one_broken_pod_spoils_no_list(carob, tree):
    tree.pod("run", uuid=uuid(1), manifest=b"{nonsense", pid=5, started=STARTED, created=CREATED)
    tree.pod("run", uuid=uuid(2), manifest=False)
    tree.pod("prepared", "a", uuid=uuid(3), created=CREATED)
    (tree.data / "pods/run/not-a-uuid").mkdir()
    (tree.data / "pods/run" / uuid(4)).write_text("a file")
    done = carob("list", "--format=json")
    assert [p["name"] for p in json.loads(done.stdout)] == [uuid(1), uuid(2), uuid(3)]
    assert uuid(1) in done.stderr


def test_stop_and_rm_refuse_as_rkt(carob, states):
    assert carob("stop", uuid(6)).stdout == f'pod "{uuid(6)}" is already stopped\n'
    done = carob("stop", uuid(4), "00000000-0", status=254)
    assert done.stderr == (f'stop: pod "{uuid(4)}" is not running (it is prepared)\n'
                           'stop: cannot find the pod: no matches found for "00000000-0"\n'
                           "stop: 2 pod(s) could not be stopped\n")
    done = carob("rm", uuid(5), uuid(2), uuid(8), uuid(7), status=254)
    assert done.stderr == (f'rm: pod "{uuid(5)}" is currently running\nrm: pod "{uuid(2)}" is being prepared\n'
                           f'rm: pod "{uuid(8)}" is being removed by another process\n'
                           "rm: 3 pod(s) could not be removed\n")
    assert done.stdout == f'"{uuid(7)}"\n'
    assert not (states.data / "pods/exited-garbage" / uuid(7)).exists()


def test_what_became_of_pods_as_json(carob, states):
    done = carob("rm", "--format=json", uuid(7), uuid(5), status=254)
    assert json.loads(done.stdout) == [{"uuid": uuid(7), "result": "removed"}, {
        "uuid": uuid(5), "result": "state", "error": f'pod "{uuid(5)}" is currently running'}]
    assert json.loads(carob("stop", "--format=json", uuid(6)).stdout) == [{"uuid": uuid(6), "result": "already stopped"}]
    result = {e["uuid"]: e["result"] for e in json.loads(carob("gc", "--mark-only", "--format=json").stdout)}
    assert result == {uuid(3): "marked", uuid(6): "marked"}
    assert json.loads(carob("image", "gc", "--format=json").stdout)["images"] == []


def test_run_prepared_refuses_what_is_not_prepared(carob, states):
    for n in (1, 2, 3, 5, 6, 7, 9):
        done = carob("run-prepared", uuid(n), status=254)
        assert done.stderr == f'run-prepared: pod "{uuid(n)}" is not prepared\n'
    assert carob("run-prepared", "ff", status=254).stderr == (
        'run-prepared: cannot find the pod: no matches found for "ff"\n')


def test_image_list(carob, tree):
    now = 1795449106 * SECOND + 483933895
    tree.image(image_id("c"), "example.com/sleep", "1.0.0", imported=now, size=4016463)
    tree.image(image_id("8"), "example.com/exit3", None, imported=now + SECOND, size=34686732)
    assert carob("image", "list", "--full", "--fields=id,name,size,importtime", env=UTC).stdout == (
        "ID\t\t\t\t\t\t\t\t\tNAME\t\t\tSIZE\t\tIMPORT TIME\n"
        f"{image_id('c')}\texample.com/sleep:1.0.0\t4016463\t\t2026-11-23 15:51:46.483 +0000 UTC\n"
        f"{image_id('8')}\texample.com/exit3\t34686732\t2026-11-23 15:51:47.483 +0000 UTC\n")
    short = carob("image", "list", "--no-legend", "--fields=id,size", "--sort=size", "--order=desc").stdout
    assert short == "sha512-888888888888\t33MiB\nsha512-cccccccccccc\t3.8MiB\n"
    first = json.loads(carob("image", "list", "--format=json").stdout)[0]
    assert list(first)[:5] == ["id", "name", "import_time", "last_used_time", "size"]
    assert (first["id"], first["name"], first["import_time"], first["size"]) == (
        image_id("c"), "example.com/sleep:1.0.0", now, 4016463)


def test_image_commands_without_the_image(carob, tree):
    done = carob("image", "rm", "sha512-000000000000")
    assert done.stderr == "rm: no image IDs found\n"
    done = carob("image", "cat-manifest", "example.com/nope", status=254)
    assert done.stderr.startswith('cat-manifest: cannot find image satisfying name: "example.com/nope"')
    done = carob("prepare", "example.com/nope", status=254)
    assert done.stderr.startswith('prepare: cannot find image satisfying name: "example.com/nope"')
    done = carob("fetch", "/nonexistent.aci", status=254)
    assert "/nonexistent.aci" in done.stderr and done.stdout == ""
    done = carob("fetch", "docker://busybox", status=254)
    assert "comes with a later release" in done.stderr


def test_an_empty_data_directory_is_no_error(carob, data_dir):
    data_dir.rmdir()
    assert carob("list").stdout == "UUID\tAPP\tIMAGE NAME\tSTATE\tCREATED\tSTARTED\tNETWORKS\n"
    assert carob("image", "list", "--format=json").stdout == "[]\n"
    assert carob("list", "--format=json").stdout == "[]\n"
    assert not data_dir.exists()
