/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes, manifests and oci-layout of OCI layouts. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>

#include "image/import/oci_json.h"
#include "util/auto.h"
#include "util/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct oci_descriptor *d)
{
        if (!d->media_type || !digest_is_oci_sha256(d->digest) ||
            (d->os && (!d->arch || !d->variant)))
                abort();
        (void)oci_media_kind(d->media_type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(oci_index_done) struct oci_index x = OCI_INDEX_NULL;
        AUTO(oci_manifest_done) struct oci_manifest m = OCI_MANIFEST_NULL;
        char version[16];
        struct err e;

        if (size < 1)
                return 0;
        if (data[0] == 'i' && oci_index_parse(data + 1, size - 1, &x, &e) == 0) {
                for (size_t i = 0; i < x.n; i++)
                        check(&x.d[i]);
        }
        if (data[0] == 'm' && oci_manifest_parse(data + 1, size - 1, &m, &e) == 0) {
                check(&m.config);
                for (size_t i = 0; i < m.n_layers; i++)
                        check(&m.layers[i]);
        }
        if (data[0] == 'l')
                (void)oci_layout_version(data + 1, size - 1, version, &e);
        return 0;
}
