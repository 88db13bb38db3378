/* SPDX-License-Identifier: Apache-2.0 */
/* The small languages inside option values. Pure; errors are ERR_USAGE and quote the text. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "appc/isolator.h"
#include "appc/kv.h"
#include "appc/pod_manifest.h"
#include "util/err.h"
#include "util/strv.h"

/*
 * "NAME,kind=host,source=/path[,readOnly=true][,recursive=false]" or "NAME,kind=empty[,readOnly=..][,mode=0755][,uid=0][,gid=0]".
 * %XX stands for a byte, so that a path may hold a comma. *ret's strings are owned (appc_volume_arg_done).
 */
int volume_arg_parse(const char *text, struct appc_volume *ret, struct err *e);
void volume_arg_done(struct appc_volume *v);

/* "volume=NAME,target=PATH": an absolute path, or the name of one of the app's mount points. Both are heap strings. */
int mount_arg_parse(const char *text, char **ret_volume, char **ret_target, struct err *e);

/* "NAME=VALUE" put into @to, replacing an earlier one. The value may be empty. */
enum kv_arg_kind { KV_ARG_ENV, KV_ARG_IDENTIFIER, KV_ARG_FREE };
int kv_arg_parse(const char *text, enum kv_arg_kind kind, struct kv_list *to, struct err *e);
/* Lines of NAME=VALUE; empty lines and those that begin with '#' are skipped. Errors name the line. */
int env_file_parse(const char *text, size_t len, struct kv_list *to, struct err *e);

/* "mode=retain|remove[,errno=NAME],call,call,..." */
int seccomp_arg_parse(const char *text, struct appc_isolators *to, struct err *e);
/* "CAP_NAME,..." in any case, with or without CAP_; appended. */
int caps_arg_parse(const char *text, struct strv *to, struct err *e);
/* "1000,1001" */
int gids_arg_parse(const char *text, gid_t **ret, size_t *ret_n, struct err *e);
