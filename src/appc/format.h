/* SPDX-License-Identifier: Apache-2.0 */
/* What an image was before it was imported. */
#pragma once

enum appc_base_format {
        APPC_FORMAT_NONE, /* not known */
        APPC_FORMAT_APPC,
        APPC_FORMAT_DOCKER,
        APPC_FORMAT_OCI,
        APPC_FORMAT_MAX,
};

const char *appc_format_name(enum appc_base_format f); /* "none", "appc", "docker", "oci" */
/* Returns 0, or -EINVAL with *ret untouched. "none" is not accepted: nobody writes it. */
int appc_format_parse(const char *s, enum appc_base_format *ret);
