/* SPDX-License-Identifier: Apache-2.0 */
#include "api/encoded.h"

#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "util/auto.h"
#include "util/mem.h"

/* Wire types (protobuf.dev, "Encoding"). The 32 and 64 bit types are in no message of ours. */
enum { WIRE_VARINT = 0, WIRE_LEN = 2 };

static uint8_t *put_varint(uint8_t *at, uint32_t value)
{
        for (; value >= 0x80; value >>= 7)
                *at++ = (uint8_t)(value | 0x80);
        *at++ = (uint8_t)value;
        return at;
}

/* Tag and length of field 1 into @at, which has ENCODED_HEAD_MAX bytes; how many they are. */
static uint8_t put_head(uint8_t *at, size_t len)
{
        at[0] = 1 << 3 | WIRE_LEN;
        return (uint8_t)(put_varint(at + 1, (uint32_t)len) - at);
}

/*
 * @message is packed; @before is what its fields before the manifest take. protobuf-c packs fields in the order of
 * their numbers, and no manifest comes near 4 GiB (LIMIT_MANIFEST_BYTES, LIMIT_LIST_ENTRIES).
 */
static void init(struct encoded *ret, const ProtobufCMessage *message, size_t before,
                 size_t manifest_bytes)
{
        size_t len = protobuf_c_message_get_packed_size(message);
        uint8_t head[ENCODED_HEAD_MAX];
        uint8_t n = put_head(head, len);

        *ret = ENCODED_NULL;
        if (manifest_bytes > 0)
                ret->manifest_len = (uint32_t)(put_head(head, manifest_bytes) + manifest_bytes);
        ret->manifest_at = (uint32_t)(n + before);
        ret->head_len = n;
        ret->len = (uint32_t)(n + len);
        ret->data = xmalloc(ret->len);
        (void)put_head(ret->data, len);
        (void)protobuf_c_message_pack(message, ret->data + n);
        ret->brief_head_len = put_head(ret->brief_head, len - ret->manifest_len);
}

void encoded_init_pod_message(struct encoded *ret, const V1alpha__Pod *pod)
{
        V1alpha__Pod before;

        v1alpha__pod__init(&before);
        before.id = pod->id;
        before.pid = pod->pid;
        before.state = pod->state;
        before.apps = pod->apps;
        before.n_apps = pod->n_apps;
        before.networks = pod->networks;
        before.n_networks = pod->n_networks;
        init(ret, &pod->base, v1alpha__pod__get_packed_size(&before), pod->manifest.len);
}

void encoded_init_pod(struct encoded *ret, const struct pod_view *view)
{
        AUTO(encode_pod_freep) V1alpha__Pod *pod = encode_pod(view, true);

        encoded_init_pod_message(ret, pod);
}

void encoded_init_unreadable_pod(struct encoded *ret, const struct uuid *uuid)
{
        struct uuid id = *uuid;
        V1alpha__Pod pod;

        v1alpha__pod__init(&pod);
        pod.id = id.text;
        encoded_init_pod_message(ret, &pod);
}

void encoded_init_image_message(struct encoded *ret, const V1alpha__Image *image)
{
        V1alpha__Image before;

        v1alpha__image__init(&before);
        before.base_format = image->base_format;
        before.id = image->id;
        before.name = image->name;
        before.version = image->version;
        before.import_timestamp = image->import_timestamp;
        init(ret, &image->base, v1alpha__image__get_packed_size(&before), image->manifest.len);
}

void encoded_init_image(struct encoded *ret, const struct image_view *view)
{
        AUTO(encode_image_freep) V1alpha__Image *image = encode_image(view, true);

        encoded_init_image_message(ret, image);
}

void encoded_done(struct encoded *e)
{
        free(e->data);
        *e = ENCODED_NULL;
}

static uint8_t *put(uint8_t *to, const uint8_t *data, size_t len)
{
        memcpy(to, data, len);
        return to + len;
}

uint8_t *encoded_copy(const struct encoded *e, bool detail, uint8_t *to)
{
        size_t after = (size_t)e->manifest_at + e->manifest_len;

        if (!e->data)
                return to;
        if (detail)
                return put(to, e->data, e->len);
        to = put(to, e->brief_head, e->brief_head_len);
        to = put(to, e->data + e->head_len, e->manifest_at - e->head_len);
        return put(to, e->data + after, e->len - after);
}

bool encoded_equal(const struct encoded *a, const struct encoded *b)
{
        return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

struct encoded_walk encoded_before_manifest(const struct encoded *e)
{
        if (!e->data)
                return (struct encoded_walk){ 0 };
        return (struct encoded_walk){ e->data + e->head_len, e->data + e->manifest_at };
}

struct encoded_walk encoded_after_manifest(const struct encoded *e)
{
        if (!e->data)
                return (struct encoded_walk){ 0 };
        return (struct encoded_walk){ e->data + e->manifest_at + e->manifest_len,
                                      e->data + e->len };
}

struct encoded_walk encoded_within(const struct encoded_field *field)
{
        return (struct encoded_walk){ field->data, field->data ? field->data + field->len : NULL };
}

static uint64_t take_varint(struct encoded_walk *walk)
{
        uint64_t value = 0;

        for (unsigned shift = 0; walk->at < walk->end && shift < 64; shift += 7) {
                uint8_t byte = *walk->at++;

                value |= (uint64_t)(byte & 0x7f) << shift;
                if (byte < 0x80)
                        break;
        }
        return value;
}

bool encoded_next(struct encoded_walk *walk, struct encoded_field *ret)
{
        uint64_t tag, value;

        if (walk->at >= walk->end)
                return false;
        tag = take_varint(walk);
        value = take_varint(walk);
        *ret = (struct encoded_field){ .number = (uint32_t)(tag >> 3) };
        if ((tag & 7) == WIRE_VARINT) {
                ret->value = value;
                return true;
        }
        ret->data = walk->at;
        ret->len = value < (size_t)(walk->end - walk->at) ? (size_t)value
                                                          : (size_t)(walk->end - walk->at);
        walk->at += ret->len;
        return true;
}
