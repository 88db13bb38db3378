/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views become messages of the v1alpha contract. Pure, and the only place that knows what a client is told:
 *
 * - An embryo, preparing or aborted pod shows id and state, nothing else.
 * - Networks and cgroup are shown while the pod runs, and only then.
 * - The pid is -1 until a pod has one, and stays after its exit.
 * - Each app tells its own state. Once the pod is past its run, every app of it has exited, whatever was
 *   recorded last; an exit code that nobody saw is -1. An app that has not exited has exit code 0.
 * - Manifests are shown on demand; a pod's only when it is one (the field is "JSON-encoded").
 * - Text that is not UTF-8 could not be decoded by any client: each bad byte becomes U+FFFD.
 *
 * All messages are on the heap; release them with their generated free_unpacked function and NULL.
 */
#pragma once

#include <stdbool.h>

#include "image/view.h"
#include "pod/view.h"
#include "util/buf.h"
#include "v1alpha/api.pb-c.h"

V1alpha__PodState encode_pod_state(enum pod_state state);

/* @detail: with the manifest. Never NULL. */
V1alpha__Pod *encode_pod(const struct pod_view *view, bool detail);
V1alpha__Image *encode_image(const struct image_view *view, bool detail);

static inline void encode_pod_freep(V1alpha__Pod **pod)
{
        v1alpha__pod__free_unpacked(*pod, NULL);
}

static inline void encode_image_freep(V1alpha__Image **image)
{
        v1alpha__image__free_unpacked(*image, NULL);
}

/*
 * Append @item as one element of repeated field 1, which is what a list reply consists of: a reply is the
 * concatenation of its encoded elements. -ENOBUFS as struct buf.
 */
int encode_list_item(struct buf *out, const ProtobufCMessage *item);

/* What stands before an element of @len bytes, for one that is a string in UTF-8. */
int encode_list_head(struct buf *out, size_t len);

/* UTF-8 without NUL: encode_utf8 would change nothing. */
bool encode_is_text(const void *data, size_t len);

/* @len bytes as UTF-8 without NUL: everything else becomes U+FFFD. -ENOBUFS as struct buf. */
int encode_utf8(struct buf *out, const void *data, size_t len);
