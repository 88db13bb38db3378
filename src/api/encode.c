/* SPDX-License-Identifier: Apache-2.0 */
#include "api/encode.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "grpc/utf8.h"
#include "util/auto.h"
#include "util/mem.h"
#include "util/version.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

bool encode_is_text(const void *data, size_t len)
{
        return len == 0 || (!memchr(data, '\0', len) && grpc_utf8_valid(data, len));
}

int encode_utf8(struct buf *out, const void *data, size_t len)
{
        const uint8_t *p = data;
        size_t done = 0;

        /* Runs of good characters go in one piece: nearly all text is one run. */
        for (size_t i = 0; i < len;) {
                size_t n = p[i] == 0 ? 0 : grpc_utf8_char(p + i, len - i);

                if (n > 0) {
                        i += n;
                        continue;
                }
                if (buf_append(out, p + done, i - done) < 0 || buf_puts(out, UTF8_REPLACEMENT) < 0)
                        return -ENOBUFS;
                done = ++i;
        }
        return buf_append(out, p + done, len - done);
}

static char *text_dup(const char *s)
{
        size_t len = s ? strlen(s) : 0;
        AUTO(buf_done) struct buf out = BUF_NULL(len * strlen(UTF8_REPLACEMENT) + 1);

        if (s && grpc_utf8_valid((const uint8_t *)s, len))
                return xstrdup(s);
        (void)encode_utf8(&out, s ? s : "", len); /* fits: that is how the maximum was chosen */
        return buf_take(&out);
}

/* Absent stays what the generated initializer put there, the empty string. */
static void set_text(char **field, const char *value)
{
        if (value && *value)
                *field = text_dup(value);
}

static void set_bytes(ProtobufCBinaryData *field, const void *data, size_t len)
{
        if (!data || len == 0)
                return;
        field->data = xmemdup(data, len);
        field->len = len;
}

static V1alpha__KeyValue **pairs_new(const struct kv_list *list, size_t *ret_n)
{
        V1alpha__KeyValue **pairs;

        *ret_n = list ? list->n : 0;
        if (*ret_n == 0)
                return NULL;
        pairs = xcalloc(list->n, sizeof(*pairs));
        for (size_t i = 0; i < list->n; i++) {
                pairs[i] = xmalloc(sizeof(*pairs[i]));
                v1alpha__key_value__init(pairs[i]);
                set_text(&pairs[i]->key, list->v[i].name);
                set_text(&pairs[i]->value, list->v[i].value);
        }
        return pairs;
}

/* What an image came as. Without a version of its own the one is told that is current for the format. */
static V1alpha__ImageFormat *format_new(enum appc_base_format format, const char *version)
{
        static const struct {
                V1alpha__ImageType type;
                const char *version;
        } formats[] = {
                [APPC_FORMAT_NONE] = { V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_UNDEFINED, "" },
                [APPC_FORMAT_APPC] = { V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_APPC, CAROB_APPC_VERSION },
                [APPC_FORMAT_DOCKER] = { V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_DOCKER, "2" },
                [APPC_FORMAT_OCI] = { V1ALPHA__IMAGE_TYPE__IMAGE_TYPE_OCI, "1.0.0" },
        };
        V1alpha__ImageFormat *out;

        if (format == APPC_FORMAT_NONE)
                return NULL;
        out = xmalloc(sizeof(*out));
        v1alpha__image_format__init(out);
        out->type = formats[format].type;
        set_text(&out->version, version ? version : formats[format].version);
        return out;
}

V1alpha__PodState encode_pod_state(enum pod_state state)
{
        static const V1alpha__PodState states[] = {
                [POD_EMBRYO] = V1ALPHA__POD_STATE__POD_STATE_EMBRYO,
                [POD_PREPARING] = V1ALPHA__POD_STATE__POD_STATE_PREPARING,
                [POD_ABORTED_PREPARE] = V1ALPHA__POD_STATE__POD_STATE_ABORTED_PREPARE,
                [POD_PREPARED] = V1ALPHA__POD_STATE__POD_STATE_PREPARED,
                [POD_RUNNING] = V1ALPHA__POD_STATE__POD_STATE_RUNNING,
                [POD_EXITED] = V1ALPHA__POD_STATE__POD_STATE_EXITED,
                [POD_EXITED_GARBAGE] = V1ALPHA__POD_STATE__POD_STATE_GARBAGE,
                [POD_EXITED_DELETING] = V1ALPHA__POD_STATE__POD_STATE_DELETING,
                [POD_GARBAGE] = V1ALPHA__POD_STATE__POD_STATE_GARBAGE,
                [POD_DELETING] = V1ALPHA__POD_STATE__POD_STATE_DELETING,
        };

        static_assert(ARRAY_LEN(states) == POD_STATE_MAX, "every state has its name on the wire");
        return states[state];
}

/* It has been in run/ and will not come back there. */
static bool has_run(const struct pod_view *view)
{
        return view->state == POD_EXITED || view->state == POD_EXITED_GARBAGE ||
               view->state == POD_EXITED_DELETING;
}

static V1alpha__AppState app_state(const struct pod_view *view, const struct pod_view_app *app)
{
        if (app->state == APP_EXITED || has_run(view))
                return V1ALPHA__APP_STATE__APP_STATE_EXITED;
        if (app->state == APP_RUNNING && view->state == POD_RUNNING)
                return V1ALPHA__APP_STATE__APP_STATE_RUNNING;
        return V1ALPHA__APP_STATE__APP_STATE_UNDEFINED;
}

static V1alpha__Image *app_image(const struct pod_view_app *app)
{
        V1alpha__Image *image = xmalloc(sizeof(*image));

        v1alpha__image__init(image);
        image->base_format = format_new(app->format, NULL);
        set_text(&image->id, app->image_id);
        set_text(&image->name, app->image_name);
        if (app->image_name)
                set_text(&image->version, app->image_version ? app->image_version : "latest");
        return image;
}

static V1alpha__App *app_new(const struct pod_view *view, const struct pod_view_app *app)
{
        V1alpha__App *out = xmalloc(sizeof(*out));

        v1alpha__app__init(out);
        set_text(&out->name, app->name);
        out->image = app_image(app);
        out->state = app_state(view, app);
        if (out->state == V1ALPHA__APP_STATE__APP_STATE_EXITED)
                out->exit_code = app->state == APP_EXITED ? app->exit_code : -1;
        out->annotations = pairs_new(app->annotations, &out->n_annotations);
        return out;
}

static void add_apps(V1alpha__Pod *pod, const struct pod_view *view)
{
        if (view->n_apps == 0)
                return;
        pod->apps = xcalloc(view->n_apps, sizeof(*pod->apps));
        pod->n_apps = view->n_apps;
        for (size_t i = 0; i < view->n_apps; i++)
                pod->apps[i] = app_new(view, &view->apps[i]);
}

static void add_networks(V1alpha__Pod *pod, const struct pod_networks *networks)
{
        if (networks->n == 0)
                return;
        pod->networks = xcalloc(networks->n, sizeof(*pod->networks));
        pod->n_networks = networks->n;
        for (size_t i = 0; i < networks->n; i++) {
                V1alpha__Network *out = xmalloc(sizeof(*out));

                v1alpha__network__init(out);
                set_text(&out->name, networks->v[i].name);
                set_text(&out->ipv4, networks->v[i].ip4);
                set_text(&out->ipv6, networks->v[i].ip6);
                pod->networks[i] = out;
        }
}

static bool shows_only_its_state(enum pod_state state)
{
        return state == POD_EMBRYO || state == POD_PREPARING || state == POD_ABORTED_PREPARE;
}

V1alpha__Pod *encode_pod(const struct pod_view *view, bool detail)
{
        V1alpha__Pod *pod = xmalloc(sizeof(*pod));

        v1alpha__pod__init(pod);
        set_text(&pod->id, view->uuid.text);
        pod->state = encode_pod_state(view->state);
        if (shows_only_its_state(view->state))
                return pod;
        pod->pid = view->pid;
        pod->created_at = view->created_at;
        pod->started_at = view->started_at;
        pod->gc_marked_at = view->gc_marked_at;
        add_apps(pod, view);
        if (view->state == POD_RUNNING) {
                set_text(&pod->cgroup, view->cgroup);
                add_networks(pod, &view->networks);
        }
        if (view->parsed) {
                pod->annotations = pairs_new(&view->parsed->annotations, &pod->n_annotations);
                if (detail)
                        set_bytes(&pod->manifest, view->manifest, view->manifest_len);
        }
        return pod;
}

V1alpha__Image *encode_image(const struct image_view *view, bool detail)
{
        const struct image_record *record = &view->record;
        V1alpha__Image *image = xmalloc(sizeof(*image));

        v1alpha__image__init(image);
        image->base_format = format_new(record->format, record->format_version);
        set_text(&image->id, record->id);
        set_text(&image->name, record->name);
        set_text(&image->version, view->version);
        image->import_timestamp = record->imported_at / NSEC_PER_SEC;
        image->size = record->size > INT64_MAX ? INT64_MAX : (int64_t)record->size;
        image->annotations = pairs_new(&view->parsed->annotations, &image->n_annotations);
        image->labels = pairs_new(&view->parsed->labels, &image->n_labels);
        if (detail)
                set_bytes(&image->manifest, view->manifest, view->manifest_len);
        return image;
}

/* Tag and length of field 1, wire type LEN (protobuf.dev, "Encoding"). */
int encode_list_head(struct buf *out, size_t len)
{
        if (buf_putc(out, (char)(1 << 3 | 2)) < 0)
                return -ENOBUFS;
        for (; len >= 0x80; len >>= 7)
                if (buf_putc(out, (char)(len | 0x80)) < 0)
                        return -ENOBUFS;
        return buf_putc(out, (char)len);
}

int encode_list_item(struct buf *out, const ProtobufCMessage *item)
{
        size_t len = protobuf_c_message_get_packed_size(item);
        uint8_t *at;

        if (encode_list_head(out, len) < 0 || buf_reserve(out, len, &at) < 0)
                return -ENOBUFS;
        (void)protobuf_c_message_pack(item, at);
        buf_commit(out, len);
        return 0;
}
