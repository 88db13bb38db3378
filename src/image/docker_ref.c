/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References as registries write them. Grammar: distribution/reference; naming: docker2aci, which
 * calls docker.io by the name of its registry host, "registry-1.docker.io".
 */
#include "image/ref.h"

#include <string.h>

#include "appc/names.h"
#include "util/auto.h"
#include "util/mem.h"

static const char hub[] = "registry-1.docker.io";

void image_docker_ref_done(struct image_docker_ref *r)
{
        free(r->index);
        free(r->repository);
        free(r->tag);
        free(r->name);
        *r = IMAGE_DOCKER_REF_NULL;
}

static bool is_hub(const char *host)
{
        return strcmp(host, "docker.io") == 0 || strcmp(host, "index.docker.io") == 0 ||
               strcmp(host, hub) == 0;
}

/*
 * distribution/reference: the first component is a host when it has a dot or a port, or is
 * "localhost".
 */
static bool is_host(const char *component)
{
        return strpbrk(component, ".:") || strcmp(component, "localhost") == 0;
}

/* False: there is no path, or nothing in it that a name could be made of. */
static bool split_host(char *path, bool docker_hub, struct image_docker_ref *r)
{
        char *slash = strchr(path, '/');
        AUTO_FREE char *usable = NULL;
        const char *repo = path;

        if (slash) {
                *slash = '\0';
                if (is_host(path)) {
                        r->index = xstrdup(is_hub(path) ? hub : path);
                        repo = slash + 1;
                }
                *slash = '/';
        }
        usable = appc_identifier_sanitize(repo);
        if (!usable)
                return false;
        if (!r->index && docker_hub)
                r->index = xstrdup(hub);
        if (r->index && strcmp(r->index, hub) == 0 && !strchr(repo, '/'))
                r->repository = xasprintf("library/%s", repo);
        else
                r->repository = xstrdup(repo);
        return true;
}

int image_docker_ref_parse(const char *s, bool docker_hub, struct image_docker_ref *ret,
                           struct err *e)
{
        AUTO(image_docker_ref_done) struct image_docker_ref r = IMAGE_DOCKER_REF_NULL;
        AUTO_FREE char *path = NULL, *raw = NULL;
        char *at, *slash, *colon;

        if (strlen(s) > IMAGE_REF_TEXT_MAX)
                return err_set(e, ERR_BAD_DATA, 0, "image reference is too long");
        path = xstrdup(s);
        at = strchr(path, '@');
        if (at)
                *at = '\0';
        slash = strrchr(path, '/');
        colon = strchr(slash ? slash : path, ':');
        if (colon)
                *colon = '\0';
        r.tag = xstrdup(colon && colon[1] ? colon + 1 : "latest");
        if (split_host(path, docker_hub, &r)) {
                raw = r.index ? xasprintf("%s/%s", r.index, r.repository) : xstrdup(r.repository);
                r.name = appc_identifier_sanitize(raw);
        }
        if (!r.name)
                return err_set(e, ERR_BAD_DATA, 0, "image reference \"%.200s\" has no usable name",
                               s);
        *ret = r;
        r = IMAGE_DOCKER_REF_NULL;
        return 0;
}
