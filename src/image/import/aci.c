/* SPDX-License-Identifier: Apache-2.0 */
/*
 * App container images (appc specification, aci.md): one tar with `manifest` and `rootfs`, in any
 * order. Its id is known at its end only, so it is unpacked in the same pass that hashes it.
 */
#include "image/import/import_priv.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appc/image_manifest.h"
#include "image/layer.h"
#include "image/txn.h"
#include "util/auto.h"
#include "util/limits.h"
#include "util/mem.h"
#include "util/test_hook.h"

static void on_progress(uint64_t done, uint64_t total, void *arg)
{
        import_progress(arg, "image", done, total, false);
}

/*
 * An image id as the store writes it: 64 hex digits of a SHA-512 that may be given whole. NULL:
 * only a prefix.
 */
static char *full_id(const char *id)
{
        AUTO_FREE char *cut = xstrndup(id, IMAGE_ID_LEN);

        return image_id_is_valid(cut) ? TAKE_PTR(cut) : NULL;
}

static int commit(struct import *im, struct image_txn *txn, const char *id, const char *layer,
                  const struct buf *manifest, struct err *e)
{
        AUTO(appc_image_manifest_freep) struct appc_image_manifest *m = NULL;
        AUTO(image_record_done) struct image_record record = IMAGE_RECORD_NULL;

        if (appc_image_manifest_parse(manifest->data, manifest->len, &m, e) < 0)
                return err_wrap(e, "%s: manifest", im->file);
        record.id = xstrdup(id);
        record.format = APPC_FORMAT_APPC;
        record.format_version = xstrdup(m->ac_version);
        record.name = xstrdup(m->name);
        record.version = xstrdup_null(kv_list_get(&m->labels, "version"));
        strv_add(&record.layers, layer);
        for (size_t i = 0; i < m->n_dependencies; i++) {
                char *dep = m->dependencies[i].id ? full_id(m->dependencies[i].id) : NULL;

                if (dep)
                        strv_add_consume(&record.dependencies, dep);
        }
        test_hook("import:commit");
        if (image_txn_commit(txn, &record, manifest->data, manifest->len, e) < 0)
                return err_wrap(e, "%s", im->file);
        return 0;
}

static int run(struct import *im, const struct import_source *s, struct err *e)
{
        AUTO(buf_done) struct buf manifest = BUF_NULL(LIMIT_MANIFEST_BYTES);
        AUTO(image_txn_freep) struct image_txn *txn = NULL;
        AUTO_CLOSE int fd = -1;
        const struct layer_unpack u = {
                .blob = &s->blob,
                .tar = { .mode = UNTAR_ACI, .require_end = true, .user_xattr = geteuid() != 0 },
                .digests = DECOMPRESS_SHA512,
                .progress = on_progress,
                .progress_arg = im,
        };
        char id[IMAGE_ID_LEN + 1], layer[IMAGE_LAYER_NAME_MAX], key[IMAGE_DIGEST_MAX];
        struct layer_result r;
        unsigned token;
        bool there;

        if (image_txn_begin(&txn, im->store, IMAGE_LOCK_WAIT, e) < 0 ||
            image_txn_stage_layer(txn, &fd, &token, e) < 0)
                return err_wrap(e, "%s", im->file);
        test_hook("import:unpack");
        if (layer_unpack(&u, fd, &manifest, &r, e) < 0)
                return -1;
        import_warn_skipped(im, "image", &r.tar);
        import_id_from_sha512(r.stream.sha512, id);
        /*
         * Not the digest's own name: as a layer of an OCI image the same tar would be unpacked
         * differently.
         */
        (void)snprintf(key, sizeof(key), "acisha512:%s", r.stream.sha512);
        if (image_txn_has_image(txn, id, &there, e) < 0 ||
            (there && image_txn_add_name(txn, id, NULL, NULL, e) < 0))
                return err_wrap(e, "%s", im->file);
        if (!there) {
                if (image_txn_finish_layer(txn, token, key, r.tar.bytes, layer, e) < 0)
                        return err_wrap(e, "%s", im->file);
                if (commit(im, txn, id, layer, &manifest, e) < 0)
                        return -1;
        }
        import_add_id(im, id);
        return 0;
}

const struct import_format import_aci = { "ACI", run };
