/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a pod directory that lacks nothing for being run. */
#pragma once

#include "engine/engine.h"
#include "engine/request.h"
#include "image/import.h"
#include "pod/store.h"
#include "util/err.h"

/*
 * Find or import the images, make the pod manifest (or take the user's, byte for byte), and fill a new pod directory
 * in prepare/: manifest, images, root file systems, volumes. On success *ret is locked by ret->fd; make it known with
 * engine_publish or run it with engine_launch. Closing it leaves an aborted pod.
 *
 * What is wrong with the request is found before anything is made. A failure after that leaves the pod directory as
 * "aborted prepare", which gc takes away. Holds the image store's SHARED lock meanwhile, so no image can vanish.
 * Errors: ERR_USAGE, ERR_NOT_FOUND, ERR_AMBIGUOUS, ERR_BAD_DATA (texts name image or option), ERR_EXISTS (the name of a
 * live pod), ERR_NO_SPACE, ERR_PERMISSION, ERR_BUSY, ERR_INTERNAL, and those of imports. Blocks as long as importing and the disk take, but fsyncs nothing: a
 * pod that is run at once has lost its processes by the time anybody reads it after a loss of power.
 */
int engine_prepare(struct engine *eng, const struct engine_request *req,
                   const struct image_import_options *import, struct pod *ret, struct err *e);

/*
 * fsync what engine_prepare wrote, and move the pod to prepared/. Errors: ERR_NO_SPACE, ERR_INTERNAL; the pod is aborted
 * then, and says so.
 */
int engine_publish(struct engine *eng, struct pod *p, struct err *e);

/*
 * @p, which nobody will finish because of @why, is to say so to whoever looks at it: a mark in its directory, as good as the disk
 * allows. While it is locked; nothing when it has left prepare/ already.
 */
void engine_note_aborted(const struct pod *p, const struct err *why);
