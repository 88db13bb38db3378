/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/launch_opts.h"

#include <string.h>

#include "cli/cli.h"
#include "pod/launch.h"
#include "util/parse.h"

struct engine_launch launch_request = {
        .net = POD_NET_NONE, .log_bytes = -1, .log_files = -1, .log_driver = -1
};

static int set_net(void *dest, const char *value, struct err *e)
{
        if (pod_net_parse(value, dest) == 0)
                return 0;
        return err_set(
                e, ERR_UNSUPPORTED, 0,
                "network \"%s\" comes with a later release; now there are none (loopback only) "
                "and host",
                value);
}

static int set_hostname(void *dest, const char *value, struct err *e)
{
        size_t len = strlen(value);

        if (len == 0 || len > 64 ||
            strspn(value, "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != len ||
            strchr("-.", value[0]) || strchr("-.", value[len - 1]))
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no host name", value);
        *(const char **)dest = value;
        return 0;
}

static int set_log_size(void *dest, const char *value, struct err *e)
{
        return pod_log_size_parse(value, dest, e);
}

static int set_log_driver(void *dest, const char *value, struct err *e)
{
        enum pod_log_driver driver;
        int *to = dest;

        if (pod_log_driver_parse(value, &driver, e) < 0)
                return -1;
        *to = (int)driver;
        return 0;
}

static int set_log_files(void *dest, const char *value, struct err *e)
{
        int64_t n;
        int *to = dest;

        if (parse_i64(value, 1, POD_LOG_FILES_MAX, &n) < 0)
                return err_set(e, ERR_USAGE, 0, "\"%s\" is no number from 1 to %d", value,
                               POD_LOG_FILES_MAX);
        *to = (int)n;
        return 0;
}

static int refuse_dns(void *dest, const char *value, struct err *e)
{
        (void)dest;
        if (strcmp(value, "none") == 0 || strcmp(value, "host") == 0)
                return 0;
        return err_set(e, ERR_UNSUPPORTED, 0,
                       "\"%s\": name service settings come with networks, in a later release",
                       value);
}

static int set_ipc(void *dest, const char *value, struct err *e)
{
        (void)dest;
        if (strcmp(value, "auto") == 0 || strcmp(value, "private") == 0 || *value == '\0')
                return 0;
        return err_set(e, ERR_UNSUPPORTED, 0,
                       "\"%s\": the apps of a pod share an IPC namespace of their own", value);
}

static int must_be_false(void *dest, const char *value, struct err *e)
{
        (void)dest;
        if (strcmp(value, "false") == 0)
                return 0;
        return err_set(e, ERR_UNSUPPORTED, 0, "comes with a later release");
}

int launch_opts_complete(struct err *e)
{
        const struct engine_config_dirs dirs = {
                .system = cli_globals.system_config,
                .local = cli_globals.local_config,
                .user = cli_globals.user_config,
        };

        launch_request.debug = cli_globals.debug;
        return engine_launch_configure(&launch_request, &dirs, e) < 0 ||
                               engine_launch_check(&launch_request, e) < 0
                       ? -1
                       : 0;
}

const struct opt launch_opts[] = {
        { OPT_CALL, 0, "net", "none|host",
          "network of the pod; none (loopback only) is the default until networks of its own are "
          "built",
          &launch_request.net, set_net, "default" },
        { OPT_CALL, 0, "hostname", "NAME", "host name in the pod; default: carob-UUID",
          &launch_request.hostname, set_hostname, NULL },
        { OPT_FLAG, 0, "detach", "[=false]",
          "return when the apps are started, and print the pod's UUID", &launch_request.detach,
          NULL, NULL },
        { OPT_FLAG, 'i', "interactive", "[=false]",
          "hand standard input to the only app of the pod", &launch_request.interactive, NULL,
          NULL },
        { OPT_CALL, 0, "log-driver", "file|journald",
          "where the apps' output goes; journald: to the log files as ever, and to the journal",
          &launch_request.log_driver, set_log_driver, NULL },
        { OPT_CALL, 0, "log-max-size", "SIZE",
          "begin a new log file when one has SIZE bytes (16Mi); 0: never",
          &launch_request.log_bytes, set_log_size, NULL },
        { OPT_CALL, 0, "log-max-files", "N",
          "keep N log files of each app (4), the oldest goes first", &launch_request.log_files,
          set_log_files, NULL },
        { OPT_CALL, 0, "dns", "", NULL, NULL, refuse_dns, NULL },
        { OPT_CALL, 0, "dns-search", "", NULL, NULL, refuse_dns, NULL },
        { OPT_CALL, 0, "dns-opt", "", NULL, NULL, refuse_dns, NULL },
        { OPT_CALL, 0, "dns-domain", "", NULL, NULL, refuse_dns, NULL },
        { OPT_CALL, 0, "hosts-entry", "", NULL, NULL, refuse_dns, NULL },
        { OPT_CALL, 0, "ipc", "private", NULL, NULL, set_ipc, NULL },
        { OPT_CALL, 0, "private-users", "", NULL, NULL, must_be_false, "true" },
        { OPT_CALL, 0, "mds-register", "", NULL, NULL, must_be_false, "true" },
        { .type = OPT_END },
};
