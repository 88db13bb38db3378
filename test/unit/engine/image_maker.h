/* SPDX-License-Identifier: Apache-2.0 */
/* A data directory with the image example.com/app:1, published by a transaction of src/image. */
#pragma once

#include "pod_maker.h"

#include "image/txn.h"
#include "util/mem.h"

#define ID "sha512-c9b59e0400f27f409ee3283de706b87c610bff33f51396bfa86a1c11fde8ea1d"

static const char image_manifest[] =
        "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"example.com/app\","
        "\"labels\":[{\"name\":\"version\",\"value\":\"1\"}],"
        "\"app\":{\"exec\":[\"/bin/app\"],\"user\":\"0\",\"group\":\"0\","
        "\"mountPoints\":[{\"name\":\"data\",\"path\":\"/data\"}]}}";

/* One image of one layer with a file. */
static inline void make_image(struct engine *eng)
{
        AUTO(image_txn_freep) struct image_txn *t = NULL;
        AUTO_CLOSE int fs = -1;
        struct image_record rec = { .id = xstrdup(ID),
                                    .format = APPC_FORMAT_OCI,
                                    .format_version = xstrdup("1.0.0"),
                                    .name = xstrdup("example.com/app"),
                                    .version = xstrdup("1") };
        char layer[IMAGE_LAYER_NAME_MAX];
        unsigned token;
        struct err e;

        assert_ok(engine_images(eng, &e), &e);
        assert_ok(image_txn_begin(&t, eng->images, 0, &e), &e);
        assert_ok(image_txn_stage_layer(t, &fs, &token, &e), &e);
        assert_int_equal(fs_write_file(fs, "hello", "hi", 2, 0644), 0);
        assert_ok(image_txn_finish_layer(t, token,
                                         "sha256:000102030405060708090a0b0c0d0e0f"
                                         "000102030405060708090a0b0c0d0e0f",
                                         2, layer, &e),
                  &e);
        strv_add(&rec.layers, layer);
        assert_ok(image_txn_commit(t, &rec, image_manifest, sizeof(image_manifest) - 1, &e), &e);
        image_record_done(&rec);
}

static inline void open_with_image(struct engine *eng, struct test_dir *d)
{
        test_dir_init(d);
        open_engine(eng, d);
        make_image(eng);
}
