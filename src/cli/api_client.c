/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/api_client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "grpc/utf8.h"
#include "grpc/wire_check.h"
#include "util/auto.h"
#include "util/log.h"
#include "util/mem.h"
#include "v1alpha/api.pb-c.h"

/* Whoever listens there may be anybody: he shall not keep us from doing without him. */
#define ANSWER_TIME (5 * NSEC_PER_SEC)

void api_client_done(struct api_client *c)
{
        c->grpc = grpc_client_free(c->grpc);
        (void)own_service_end(&c->own);
        c->address = NULL;
}

/* As the service tells its own (api/svc_info.c), so that the two can be compared. */
static char *real_dir(void)
{
        char real[PATH_MAX];
        const char *dir = realpath(cli_globals.dir, real) ? real : cli_globals.dir;

        return grpc_utf8_clean(dir, strlen(dir));
}

bool api_client_serves_dir(struct api_client *c)
{
        AUTO(grpc_message_freep) ProtobufCMessage *reply = NULL;
        V1alpha__GetInfoRequest request = V1ALPHA__GET_INFO_REQUEST__INIT;
        AUTO_FREE char *dir = real_dir();
        const V1alpha__GetInfoResponse *got;
        struct err e;

        if (!c->address)
                return true;
        if (grpc_client_unary(c->grpc, "/v1alpha.PublicAPI/GetInfo", &request.base,
                              &v1alpha__get_info_response__descriptor, ANSWER_TIME, &reply,
                              &e) < 0) {
                log_debug("%s does not say what it serves: %s", c->address, e.text);
                return false;
        }
        got = (const V1alpha__GetInfoResponse *)reply;
        return got->info && got->info->global_flags &&
               strcmp(got->info->global_flags->dir, dir) == 0;
}

/* The remedy, where it is plain. */
static int nobody_listens(struct err *e)
{
        AUTO_FREE char *why = xstrdup(e->text);

        if (e->num != ECONNREFUSED && e->num != ENOENT)
                return -1;
        return err_set(e, ERR_UNAVAILABLE, 0,
                       "%s: start the service with \"%s api-service\", or name another --address",
                       why, cli_program());
}

static int open_address(struct api_client *c, const char *address,
                        const struct api_client_options *o, struct err *e)
{
        if (grpc_client_connect(&c->grpc, address, &o->grpc, e) < 0)
                return -1;
        c->address = address;
        return 0;
}

static int open_own(struct api_client *c, const struct api_client_options *o, struct err *e)
{
        int fd;

        if (own_service_start(&c->own, &o->own, &fd, e) < 0)
                return -1;
        return grpc_client_adopt_fd_consume(&c->grpc, fd, &o->grpc, e);
}

int api_client_open(struct api_client *c, const struct api_client_options *o, struct err *e)
{
        if (o->address && strcmp(o->address, API_CLIENT_OWN) == 0)
                return open_own(c, o, e);
        if (o->address)
                return open_address(c, o->address, o, e) < 0 ? nobody_listens(e) : 0;
        if (open_address(c, API_CLIENT_ADDRESS, o, e) < 0) {
                log_debug("%s", e->text);
        } else {
                if (api_client_serves_dir(c))
                        return 0;
                log_debug("the service at %s does not serve %s", c->address, cli_globals.dir);
                api_client_done(c);
        }
        return open_own(c, o, e);
}

int api_client_failed(struct api_client *c, const char *call, struct err *e)
{
        enum grpc_code code = grpc_client_status(c->grpc);
        int status;

        if (c->address || code != GRPC_UNAVAILABLE)
                return err_wrap(e, "%s: %s", call, grpc_code_name(code));
        /* Why it ended, it has said itself. */
        c->grpc = grpc_client_free(c->grpc);
        status = own_service_end(&c->own);
        return err_set(e, ERR_UNAVAILABLE, 0,
                       "%s: carob-api, started for this, ended with status %d", call, status);
}
