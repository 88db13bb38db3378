/* SPDX-License-Identifier: Apache-2.0 */
/* The state files of a pod and the control messages: the first byte of the input chooses the codec. */
#include <stdint.h>
#include <stdlib.h>

#include "pod/app_image.h"
#include "pod/app_status.h"
#include "pod/launch.h"
#include "pod/net_info.h"
#include "pod/status.h"
#include "pod/wire.h"
#include "util/auto.h"
#include "util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was accepted prints, and what was printed is accepted. */
static void must(int ok)
{
        if (!ok)
                abort();
}

static void app_status(const uint8_t *data, size_t size)
{
        struct app_status s, again;
        char text[APP_STATUS_TEXT_MAX];
        struct err e;

        if (app_status_parse(data, size, &s, &e) == 0)
                must(app_status_parse(text, app_status_print(&s, text), &again, &e) == 0);
}

static void app_image(const uint8_t *data, size_t size)
{
        AUTO(app_image_done) struct app_image i = APP_IMAGE_NULL, again = APP_IMAGE_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(8 * LIMIT_STATE_FILE_BYTES);
        struct err e;

        if (app_image_parse(data, size, &i, &e) < 0)
                return;
        must(app_image_print(&i, &b) == 0);
        must(b.len > LIMIT_STATE_FILE_BYTES || app_image_parse(b.data, b.len, &again, &e) == 0);
}

static void launch(const uint8_t *data, size_t size)
{
        AUTO(pod_launch_done) struct pod_launch l = POD_LAUNCH_NULL, again = POD_LAUNCH_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(8 * LIMIT_STATE_FILE_BYTES);
        struct err e;

        if (pod_launch_parse(data, size, &l, &e) < 0)
                return;
        must(pod_launch_print(&l, &b) == 0);
        must(b.len > LIMIT_STATE_FILE_BYTES || pod_launch_parse(b.data, b.len, &again, &e) == 0);
}

static void status(const uint8_t *data, size_t size)
{
        AUTO(pod_status_done) struct pod_status s = POD_STATUS_NULL, again = POD_STATUS_NULL;
        AUTO(buf_done) struct buf b = BUF_NULL(8 * LIMIT_STATE_FILE_BYTES);
        struct err e;

        if (pod_status_parse(data, size, &s, &e) < 0)
                return;
        must(pod_status_print(&s, &b) == 0);
        must(b.len > LIMIT_STATE_FILE_BYTES || pod_status_parse(b.data, b.len, &again, &e) == 0);
}

static void networks(const uint8_t *data, size_t size)
{
        AUTO(pod_networks_done) struct pod_networks n = POD_NETWORKS_NULL;
        struct err e;

        (void)pod_networks_parse(data, size, &n, &e);
}

static void request(const uint8_t *data, size_t size)
{
        struct pod_request r, again;
        AUTO(buf_done) struct buf b = BUF_NULL(POD_WIRE_MAX);
        struct err e;

        if (pod_request_parse(data, size, &r, &e) < 0)
                return;
        must(pod_request_print(&r, &b) == 0);
        must(pod_request_parse(b.data, b.len, &again, &e) == 0);
}

static void reply(const uint8_t *data, size_t size)
{
        struct pod_reply r, again;
        AUTO(buf_done) struct buf b = BUF_NULL(POD_WIRE_MAX);
        struct err e;

        if (pod_reply_parse(data, size, &r, &e) < 0)
                return;
        must(pod_reply_print(&r, &b) == 0);
        must(pod_reply_parse(b.data, b.len, &again, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const codecs[])(const uint8_t *data, size_t size) = {
                app_status, app_image, launch, status, networks, request, reply,
        };

        if (size > 0)
                codecs[(unsigned)(data[0] - '0') % ARRAY_LEN(codecs)](data + 1, size - 1);
        return 0;
}
