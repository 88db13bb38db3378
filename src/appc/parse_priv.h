/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that image and pod manifests share. All return 0 or -1; @ret holds what was read so
 * far, also then.
 */
#pragma once

#include "appc/app.h"
#include "appc/doc_priv.h"
#include "appc/isolator.h"

/*
 * Member "isolators" of @d. @strict: a name nobody knows is an error (apps); else it is ignored
 * (pods).
 */
int appc_isolators_read(const struct doc *d, bool strict, struct appc_isolators *ret,
                        struct err *e);

/* @d is the app object itself. */
int appc_app_read(const struct doc *d, struct appc_app **ret, struct err *e);

/* Members of a port object; @ret is zeroed, name may stay NULL when not @named. */
int appc_port_read(const struct doc *d, bool named, struct appc_port *ret, struct err *e);
void appc_port_done(struct appc_port *p);

/* acKind and acVersion of a whole document. */
int appc_head_read(const struct doc *d, const char *kind, char **ret_version, struct err *e);

/* Labels with the rules of the specification: no "name", a known os with an arch it has. */
int appc_labels_read(const struct doc *d, struct kv_list *ret, struct err *e);
/* Annotations, with the formats of "created", "homepage" and "documentation". */
int appc_annotations_read(const struct doc *d, struct kv_list *ret, struct err *e);
