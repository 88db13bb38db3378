# SPDX-License-Identifier: Apache-2.0
"""Pods whose files are written by hand, as commands and supervisors would, thousands of times as fast: prepared, run, ended, killed,
removed by anybody."""
import json
import os
import shutil
import time
import uuid as uuids

import clirun
import podtree
from eventmodel import now
from indextruth import is_locked


class Hand:
    """One such pod, and its life."""

    def __init__(self, storm, chance):
        self.storm, self.chance, self.tree, self.began = storm, chance, podtree.Tree(storm.data), now()
        self.uuid = str(uuids.UUID(int=chance.getrandbits(128), version=4))
        self.apps = [f"hand-{i}" for i in range(chance.randint(1, 3))]
        image = storm.images.ids["true"]
        self.dir = self.tree.pod("embryo", *({"name": app, "image": {"id": image}} for app in self.apps), uuid=self.uuid,
                                 created=now(), locked=True)
        self.pod = storm.pod(self.uuid, None, {})
        for app in self.apps:  # as podtree names them
            self.pod.images[app] = {"image_id": image, "image_name": f"example.com/{app}"}

    def live(self):
        try:
            self.abort() if self.chance.random() < 0.15 else self.prepare()
        finally:
            self.leave()

    def leave(self):
        if self.uuid in self.tree.locks:
            self.tree.unlock(self.dir)

    def put(self, name, content):
        """Whole or not at all."""
        path = self.dir.path / name
        new = path.with_name(f".{path.name}.new")
        new.write_text(content if isinstance(content, str) else json.dumps(content))
        new.rename(path)

    def pause(self):
        if self.chance.random() < 0.5:
            time.sleep(self.chance.random() * 0.004)

    def abort(self):
        with self.storm.half_made:
            self.tree.move(self.dir, "prepare")
            self.pause()
            self.pod.event("PREPARE_ABORTED", self.began, now())
            self.leave()
        self.end(self.began, "aborted prepare")

    def prepare(self):
        self.tree.move(self.dir, "prepare")
        self.pause()
        if self.chance.random() < 0.5:
            stamped = now()
            self.put("pod-prepared", "")
            self.pod.event("PREPARED", stamped, now())
            self.tree.move(self.dir, "prepared")
            self.pause()
            if self.chance.random() < 0.3:
                self.leave()
                return self.end(now(), "prepared")
        self.tree.move(self.dir, "run")
        return self.exit(self.run())

    def run(self):
        """{app that was started: its status}"""
        began, ran = now(), {}
        self.put("pid", f"{os.getpid()}\n")
        self.pod.event("STARTED", began, now(), pid=os.getpid())
        for app in self.apps:
            self.pause()
            if self.chance.random() < 0.15:
                continue  # never started
            at = now()
            ran[app] = {"state": "running", "pid": os.getpid(), "created_at": at, "started_at": at, "finished_at": 0, "exit_code": -1,
                        "signal": 0, "oom": False}
            if self.chance.random() < 0.5:  # else nobody sees it run
                self.put(f"appsinfo/{app}/status", ran[app])
            self.pod.app("STARTED", app, at, at)
        return ran

    def exit(self, ran):
        """Its supervisor ends it in order, or is gone."""
        killed = self.chance.random() < 0.25
        for app, status in ran.items():
            self.pause()
            if killed and self.chance.random() < 0.5:
                self.put(f"appsinfo/{app}/status", status)
                self.pod.app("EXITED", app, now(), None, exit_code=None, signal=None, observed="true")
            else:
                self.exit_app(app, status)
        at = now()
        if killed:
            self.pod.event("EXITED", at, None, exit_code=None, observed="true")
        else:
            self.put("status", {"exit_code": 3, "reason": "by hand", "finished_at": at})
            self.pod.event("EXITED", at, at, exit_code=3, reason="by hand", observed=None)
        self.leave()
        self.end(at, "exited")

    def exit_app(self, app, status):
        code, signo = self.chance.choice([(0, 0), (3, 0), (137, 9)])
        at, oom = now(), self.chance.random() < 0.1
        self.put(f"appsinfo/{app}/status",
                 {**status, "state": "exited", "pid": 0, "finished_at": at, "exit_code": code, "signal": signo, "oom": oom})
        self.pod.app("EXITED", app, at, at, exit_code=code, signal=signo or None, oom="true" if oom else None)

    def end(self, since, state):
        """Removed by a command, or by somebody who knows nothing of pods, or left for gc."""
        how = self.chance.random()
        if how < 0.3:
            # A command that another thread starts has our lock for a moment more. And gc may be first.
            clirun.until(lambda: "in use" not in self.storm.carob("rm", self.uuid, status=None).stderr, what="a lock to fall")
        elif how < 0.5 and self.storm.sync:
            since = self.remove(since)
        elif state == "prepared":
            return
        self.pod.event("GARBAGE_COLLECTED", since, None, state={state, None})

    def where(self):
        return next(iter((self.storm.data / "pods").glob(f"*/{self.uuid}")), self.dir.path)

    def remove(self, since):
        """With rm -rf, once the service has seen it: nobody else could tell of it. When it was collected."""
        clirun.until(lambda: not is_locked(self.where()), what="a lock to fall")
        self.storm.sync(self.uuid)
        with self.storm.half_made:  # no gc meanwhile
            path = self.where()
            path = path if path.exists() else None
            if path is not None:
                since = since if "garbage" in path.parent.name else now()
                shutil.rmtree(path)
        return since
