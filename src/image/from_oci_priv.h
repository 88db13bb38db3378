/* SPDX-License-Identifier: Apache-2.0 */
/* The "config" member of an image configuration -> appc app. */
#pragma once

#include "appc/kv.h"
#include "util/err.h"
#include "util/json.h"

/*
 * @config: the member, or NULL. *ret_app: new reference. Adds appc.io/docker/{entrypoint,cmd} to
 * @annotations.
 */
int image_from_oci_app(struct json_object *config, struct kv_list *annotations,
                       struct json_object **ret_app, struct err *e);
