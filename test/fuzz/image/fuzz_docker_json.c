/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.json, repositories and a layer's json of docker archives. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>

#include "image/import/docker_json.h"
#include "util/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(docker_images_done) struct docker_images d = DOCKER_IMAGES_NULL;
        AUTO(buf_done) struct buf out = BUF_NULL(1024 * 1024);
        AUTO(strv_done) struct strv ids = STRV_NULL;
        AUTO_FREE char *parent = NULL;
        struct err e;

        if (size < 1)
                return 0;
        if (data[0] == 'm' && docker_manifest_parse(data + 1, size - 1, &d, &e) == 0) {
                for (size_t i = 0; i < d.n; i++) {
                        if (!d.v[i].config)
                                abort();
                }
        }
        if (data[0] == 'r' && docker_repositories_parse(data + 1, size - 1, &d, &e) == 0) {
                for (size_t i = 0; i < d.n; i++) {
                        if (d.v[i].layers.n != 1 || d.v[i].tags.n != 1)
                                abort();
                }
        }
        if (data[0] == 'j') {
                (void)docker_v1_parent(data + 1, size - 1, &parent, &e);
                strv_add(&ids, "sha256:0");
                (void)docker_v1_config(data + 1, size - 1, &ids, &out, &e);
        }
        return 0;
}
