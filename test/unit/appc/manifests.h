/* SPDX-License-Identifier: Apache-2.0 */
/* Documents around the part that a test is about, and the errors it yields. */
#pragma once

#include "appc/image_manifest.h"
#include "appc/pod_manifest.h"
#include "test.h"
#include "util/mem.h"

#define IMAGE(members)                                                                             \
        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"a.b/c\"" members "}"
#define POD(members)          "{\"acKind\":\"PodManifest\",\"acVersion\":\"0.8.11\"" members "}"
#define APP(members)          IMAGE(",\"app\":{\"user\":\"0\",\"group\":\"0\"" members "}")
#define ISOLATORS(elements)   APP(",\"isolators\":[" elements "]")
#define ISOLATOR(name, value) "{\"name\":\"" name "\",\"value\":" value "}"

static inline struct appc_image_manifest *image_of(const char *text)
{
        struct appc_image_manifest *m = NULL;
        struct err e;

        assert_ok(appc_image_manifest_parse(text, strlen(text), &m, &e), &e);
        return m;
}

static inline struct appc_pod_manifest *pod_of(const char *text)
{
        struct appc_pod_manifest *m = NULL;
        struct err e;

        assert_ok(appc_pod_manifest_parse(text, strlen(text), &m, &e), &e);
        return m;
}

struct bad_row {
        const char *document;
        enum err_kind kind;
        const char *text;
};

static inline void refuse_images(const struct bad_row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct appc_image_manifest *m = NULL;
                struct err e;

                assert_err(appc_image_manifest_parse(rows[i].document, strlen(rows[i].document), &m,
                                                     &e),
                           &e, rows[i].kind, rows[i].text);
                assert_null(m);
        }
}

static inline void refuse_pods(const struct bad_row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct appc_pod_manifest *m = NULL;
                struct err e;

                assert_err(
                        appc_pod_manifest_parse(rows[i].document, strlen(rows[i].document), &m, &e),
                        &e, rows[i].kind, rows[i].text);
                assert_null(m);
        }
}
