# SPDX-License-Identifier: Apache-2.0
"""Data directories made by hand: pods in every state, images, logs, and all of them broken at will."""
import fcntl
import json
import os
import time
import uuid as uuids

DIRS = ("embryo", "prepare", "prepared", "run", "exited-garbage", "garbage")
SECOND = 10**9


def image_id(seed):
    """A well-formed image id made of one hex digit or a longer beginning."""
    return "sha512-" + (seed * 64)[:64]


def cri_line(time_ns, text, stream="stdout", tag="F"):
    """A line as the supervisor writes it (CRI log format), from bytes or text."""
    import datetime

    data = text if isinstance(text, bytes) else text.encode()
    whole = datetime.datetime.fromtimestamp(time_ns // SECOND, datetime.timezone.utc)
    stamp = whole.strftime("%Y-%m-%dT%H:%M:%S") + f".{time_ns % SECOND:09d}Z"
    return f"{stamp} {stream} {tag} ".encode() + data + b"\n"


def pod_manifest(*apps, **members):
    """An appc pod manifest; each app is a name or a dict of members."""
    listed = []
    for app in apps:
        app = {"name": app} if isinstance(app, str) else dict(app)
        app.setdefault("image", {"id": image_id("a")})
        listed.append(app)
    return {"acVersion": "0.8.11", "acKind": "PodManifest", "apps": listed, **members}


def image_manifest(name, labels=(), annotations=(), **members):
    return {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": name,
            "labels": [{"name": k, "value": v} for k, v in labels],
            "annotations": [{"name": k, "value": v} for k, v in annotations], **members}


class Pod:
    def __init__(self, path):
        self.path, self.uuid = path, path.name

    def write(self, name, data, mtime_ns=None):
        """@data: bytes, text, or anything that JSON knows."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(data, (bytes, str)):
            data = json.dumps(data)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        if mtime_ns is not None:
            os.utime(path, ns=(mtime_ns, mtime_ns))
        return self

    def app_status(self, app, state, **members):
        return self.write(f"appsinfo/{app}/status", {"state": state, **members})

    def log(self, app, *lines):
        """Appends (time in ns, text) pairs to the app's log."""
        path = self.path / "logs" / f"{app}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            for time_ns, text in lines:
                log.write(cri_line(time_ns, text))
        return self


class Tree:
    def __init__(self, data):
        self.data, self.locks = data, {}

    def pod(self, where, *apps, uuid=None, locked=False, manifest=None, pid=None, started=None, created=None,
            cgroup=None, networks=None, **members):
        """A pod directory below pods/<where>. Times are in ns. @locked: this process is its owner. @members go
        into the manifest, unless @manifest (bytes, text or dict) says it all; manifest=False: none."""
        pod = Pod(self.data / "pods" / where / (uuid or str(uuids.uuid4())))
        pod.path.mkdir(mode=0o750, parents=True)
        if manifest is None:
            manifest = pod_manifest(*apps, **members)
        if manifest is not False:
            pod.write("pod", manifest)
        if created is not None:
            pod.write("pod-created", b"", created)
        if cgroup is not None:
            pod.write("subcgroup", cgroup)
        if networks is not None:
            pod.write("net-info.json", networks)
        if pid is not None:
            pod.write("pid", f"{pid}\n", started)
        if manifest and isinstance(manifest, dict):
            for app in manifest["apps"]:
                self.app_info(pod, app)
        if locked:
            self.lock(pod)
        return pod

    def app_info(self, pod, app):
        name, image = app["name"], app["image"]["id"]
        pod.write(f"appsinfo/{name}/manifest", image_manifest(f"example.com/{name}", [("version", "1.0")],
                                                              app={"exec": ["/bin/true"], "user": "0", "group": "0"}))
        pod.write(f"appsinfo/{name}/image.json", {"id": image, "name": f"example.com/{name}", "version": "1.0",
                                                  "format": "oci", "layers": ["1"], "rootfs": "overlay"})

    def lock(self, pod, patience=1.0):
        """Becomes its owner, with the patience that owners need: whoever asks for the lock has it for a microsecond."""
        fd = os.open(pod.path, os.O_RDONLY | os.O_DIRECTORY)
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.0005)
        self.locks[pod.uuid] = fd

    def unlock(self, pod):
        os.close(self.locks.pop(pod.uuid))

    def unlock_all(self):
        for fd in self.locks.values():
            os.close(fd)
        self.locks.clear()

    def move(self, pod, where):
        """One rename(2), as every transition is."""
        target = self.data / "pods" / where
        target.mkdir(mode=0o750, parents=True, exist_ok=True)
        pod.path = pod.path.rename(target / pod.uuid)

    def image(self, id, name, version="1.0", imported=SECOND, size=4096, labels=(), annotations=(), format="oci",
              manifest=None, record=None):
        """A record below images/records, there as a whole like those of the store. @imported is in ns."""
        path, made = self.data / "images" / "records" / id, self.data / "images" / f".made-{id}"
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        made.mkdir(mode=0o750)
        labels = [*([("version", version)] if version else []), *labels]
        if manifest is None:
            manifest = image_manifest(name, labels, annotations)
        if record is None:
            version_of = {"appc": "0.8.11", "docker": "2", "oci": "1.0.0"}[format]
            record = {"id": id, "format": format, "format_version": version_of, "name": name, "layers": ["1"],
                      "size": size, "imported_at": imported, "dependencies": []}
            if version:
                record["version"] = version
        for file, data in (("manifest", manifest), ("record.json", record)):
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
            (made / file).write_bytes(data)
        return made.rename(path)
