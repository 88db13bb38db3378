/* SPDX-License-Identifier: Apache-2.0 */
/* What a person may write to mean an image. Pure: neither store nor files are looked at. */
#pragma once

#include <stdbool.h>

#include "util/err.h"
#include "util/strv.h"

enum image_ref_kind {
        IMAGE_REF_ID,   /* sha512-<hex>, possibly short */
        IMAGE_REF_NAME, /* name[:tag][,label=value]... or name@sha256:<hex> */
        IMAGE_REF_PATH, /* file:///x, /x, ./x, ../x, or what ends as archives do (.aci, .tar.gz ...) */
        IMAGE_REF_URL, /* http://, https://, docker:// */
};

enum { IMAGE_REF_TEXT_MAX = 4096 };

struct image_ref {
        enum image_ref_kind kind;
        /*
         * Owned, as all here. ID: lower case, at most 71 characters. PATH: the path itself. URL: as
         * given. NAME: the name alone.
         */
        char *text;
        char *tag;    /* NAME: text after ':', or the label "version"; NULL: none */
        char *digest; /* NAME: "sha256:<hex>" of the manifest; NULL: none */
        struct strv
                label_names; /* NAME: other labels, in order, unique; same index as label_values */
        struct strv label_values;
};

#define IMAGE_REF_NULL ((struct image_ref){ 0 })

void image_ref_done(struct image_ref *r);

/*
 * Parse @s. A registry port in a name (`quay.io:443/x`) becomes `_` as it does when such an image
 * is imported. A word that is both a fine name and an existing file in the working directory is a
 * NAME: callers that want files (`fetch`) look at the disk themselves. Errors: ERR_USAGE with a
 * text that quotes the word and says what is wrong. *ret is written on success only.
 */
int image_ref_parse(const char *s, struct image_ref *ret, struct err *e);

/*
 * A reference as registries and archives write it: "[host[:port]/]path[:tag][@digest]", or a tag
 * alone. Name by the rules of docker2aci: with @docker_hub, a missing host becomes
 * "registry-1.docker.io" and a path of one component gets "library/" (that is what a docker
 * archive's "busybox:latest" means); a host "docker.io" or "index.docker.io" always does. Otherwise
 * the name stays as it is.
 */
struct image_docker_ref {
        char *index;      /* host, or NULL; owned as all here */
        char *repository; /* "library/busybox" */
        char *tag;        /* never NULL: "latest" by default */
        char *name;       /* the appc name: index/repository, sanitised to an ACIdentifier */
};
#define IMAGE_DOCKER_REF_NULL ((struct image_docker_ref){ 0 })
void image_docker_ref_done(struct image_docker_ref *r);
/* Errors: ERR_BAD_DATA: nothing usable in @s. */
int image_docker_ref_parse(const char *s, bool docker_hub, struct image_docker_ref *ret,
                           struct err *e);

/*
 * A file's name without what says it is an archive (".tar.gz", ".aci" ...); heap string, never
 * NULL.
 */
char *image_ref_strip_suffix(const char *file);
