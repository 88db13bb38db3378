# SPDX-License-Identifier: Apache-2.0
"""Nodes made by hand: data directories with as many pods and images as one likes, in memory."""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import uuid

APPS = ("web", "log")
RUNNING = 10  # every so many-th pod runs: its lock is held here


def image_id(n):
    return "sha512-" + hashlib.sha512(str(n).encode()).hexdigest()[:64]


def program():
    return {"exec": ["/bin/true"], "user": "0", "group": "0", "environment": [{"name": "FILLER", "value": ""}]}


def fit(manifest, app, size=1024):
    """As JSON, @size bytes large by the environment of its @app, which no list shows."""
    app["environment"][0]["value"] = "x" * max(size - len(json.dumps(manifest)), 0)
    return json.dumps(manifest)


class Node:
    """Pods of two apps with a manifest of 1 KB, images with one of as much."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="carob-bench-", dir="/dev/shm"))
        self.data = self.root / "data"
        self.data.mkdir(mode=0o750)
        self.pods, self.images, self.locks = [], [], []
        self.common = self.root / "common"
        self.common.mkdir()
        apps = [{"name": app, "image": {"id": image_id(app)}, "app": program()} for app in APPS]
        self.manifest = fit({"acVersion": "0.8.11", "acKind": "PodManifest", "apps": apps}, apps[0]["app"])
        for app in APPS:
            self.put(self.common / f"{app}.image.json", json.dumps({
                "id": image_id(app), "name": f"example.com/{app}", "version": "1.0", "format": "oci", "layers": ["1"],
                "rootfs": "overlay"}))
            self.put(self.common / f"{app}.manifest", self.image_manifest(f"example.com/{app}"))
            self.put(self.common / f"{app}.status", json.dumps({"state": "exited", "exit_code": 0}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for fd in self.locks:
            os.close(fd)
        shutil.rmtree(self.root, ignore_errors=True)

    @staticmethod
    def put(path, data):
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    @staticmethod
    def image_manifest(name):
        app = program()
        return fit({"acKind": "ImageManifest", "acVersion": "0.8.11", "name": name,
                    "labels": [{"name": "version", "value": "1.0"}], "app": app}, app)

    def add_pod(self):
        name = str(uuid.uuid4())
        path = self.data / "pods" / "run" / name
        path.mkdir(parents=True)
        self.put(path / "pod", self.manifest)
        self.put(path / "pod-created", b"")
        self.put(path / "subcgroup", f"/carob/{name}")
        for app in APPS:
            (path / "appsinfo" / app).mkdir(parents=True)
            for file in ("image.json", "manifest", "status"):
                os.link(self.common / f"{app}.{file}", path / "appsinfo" / app / file)
        if len(self.pods) % RUNNING == 0:
            self.locks.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            fcntl.flock(self.locks[-1], fcntl.LOCK_EX)
        self.pods.append(name)

    def add_image(self):
        n = len(self.images)
        path = self.data / "images" / "records" / image_id(n)
        path.mkdir(parents=True)
        self.put(path / "manifest", self.image_manifest(f"example.com/image{n}"))
        self.put(path / "record.json", json.dumps({
            "id": image_id(n), "format": "oci", "format_version": "1.0.0", "name": f"example.com/image{n}", "version": "1.0",
            "layers": ["1"], "size": 4096, "imported_at": 10**18 + n, "dependencies": []}))
        self.images.append(image_id(n))

    def grow(self, pods=0, images=0):
        while len(self.pods) < pods:
            self.add_pod()
        while len(self.images) < images:
            self.add_image()
