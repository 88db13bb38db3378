/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written into a pod's directory, each file in one place. Files are 0640 and replaced
 * atomically; nothing is fsynced here (pod_sync does it once, before the pod is published). All
 * return 0 or -1 with e: ERR_NO_SPACE, ERR_INTERNAL. @podfd is the pod directory.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "pod/app_image.h"
#include "pod/app_status.h"
#include "pod/launch.h"
#include "pod/status.h"
#include "util/err.h"

int pod_write_manifest(int podfd, const void *data, size_t len, struct err *e);
/* pod-created; its mtime is the pod's created_at. pod_create does it. */
int pod_write_created(int podfd, struct err *e);
/*
 * The marks of a preparation, pod/past.h: that it was done (once more when the file is there: now), and why it was not. The
 * latter is left without its text when the disk has no room for it.
 */
int pod_write_prepared(int podfd, struct err *e);
int pod_write_aborted(int podfd, const char *reason, struct err *e);
int pod_write_cgroup(int podfd, const char *path,
                     struct err *e); /* leading '/' is dropped; before pod_write_pid */
int pod_write_pid(int podfd, pid_t pid, struct err *e);
int pod_write_net_info(int podfd, const void *data, size_t len, struct err *e);
int pod_write_launch(int podfd, const struct pod_launch *l, struct err *e);
int pod_write_status(int podfd, const struct pod_status *s, struct err *e);
int pod_write_ready(int podfd, struct err *e);

/*
 * Makes appsinfo/<app> when missing and opens it: a descriptor for the three below, or -1 with e.
 */
int pod_app_dir(int podfd, const char *app, struct err *e);
int pod_write_app_manifest(int appfd, const void *data, size_t len, struct err *e);
int pod_write_app_image(int appfd, const struct app_image *i, struct err *e);
/* Allocates no memory: a supervisor may call it at any time. */
int pod_write_app_status(int appfd, const struct app_status *s, struct err *e);
