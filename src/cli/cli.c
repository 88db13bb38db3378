/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit.h"
#include "cli/help.h"
#include "util/auto.h"
#include "util/log.h"

struct cli_globals cli_globals = {
        .dir = "/var/lib/carob",
        .insecure_options = "none",
        .local_config = "/etc/carob",
        .system_config = "/usr/lib/carob",
        .user_config = "",
};

static const char *const insecure_names[] = {
        "none",         "image", "tls",     "ondisk",    "http",    "pubkey",
        "capabilities", "paths", "seccomp", "all-fetch", "all-run", "all",
};

static int set_insecure(void *dest, const char *value, struct err *e)
{
        const char *p = value;

        while (*p) {
                size_t len = strcspn(p, ","), i;

                for (i = 0; i < ARRAY_LEN(insecure_names); i++)
                        if (strlen(insecure_names[i]) == len &&
                            strncmp(p, insecure_names[i], len) == 0)
                                break;
                if (i == ARRAY_LEN(insecure_names))
                        return err_set(e, ERR_USAGE, 0, "unknown security feature \"%.*s\"",
                                       (int)len, p);
                p += len + (p[len] == ',');
        }
        *(const char **)dest = value;
        return 0;
}

const struct opt cli_global_opts[] = {
        { OPT_FLAG, 0, "debug", "[=false]", "say more on stderr about what is done",
          &cli_globals.debug, NULL, NULL },
        { OPT_TEXT, 0, "dir", "/var/lib/carob", "data directory", &cli_globals.dir, NULL, NULL },
        { OPT_CALL, 0, "insecure-options", "none",
          "comma-separated security features to switch off: none, image, tls, ondisk, http, "
          "pubkey, capabilities, paths, seccomp, all-fetch, all-run, all",
          &cli_globals.insecure_options, set_insecure, NULL },
        { OPT_TEXT, 0, "local-config", "/etc/carob", "configuration of this machine",
          &cli_globals.local_config, NULL, NULL },
        { OPT_TEXT, 0, "system-config", "/usr/lib/carob", "configuration of the distribution",
          &cli_globals.system_config, NULL, NULL },
        { OPT_FLAG, 0, "trust-keys-from-https", "[=false]",
          "trust signing keys fetched over https without asking",
          &cli_globals.trust_keys_from_https, NULL, NULL },
        { OPT_TEXT, 0, "user-config", "", "configuration of the user", &cli_globals.user_config,
          NULL, NULL },
        { .type = OPT_END },
};

void cli_globals_add(struct strv *argv)
{
        const struct cli_globals *g = &cli_globals;

        strv_addf(argv, "--dir=%s", g->dir);
        strv_addf(argv, "--system-config=%s", g->system_config);
        strv_addf(argv, "--local-config=%s", g->local_config);
        strv_addf(argv, "--user-config=%s", g->user_config);
        strv_addf(argv, "--insecure-options=%s", g->insecure_options);
        if (g->trust_keys_from_https)
                strv_add(argv, "--trust-keys-from-https");
        if (g->debug)
                strv_add(argv, "--debug");
}

const char *cli_program(void)
{
        return strcmp(program_invocation_short_name, "rkt") == 0 ? "rkt" : "carob";
}

/* "image list": what errors are prefixed with is the last word, as rkt does. */
static const char *last_word(const char *name)
{
        const char *space = strrchr(name, ' ');

        return space ? space + 1 : name;
}

static int usage_hint(const struct cmd *cmd, const struct err *e)
{
        log_error("%s", e->text);
        if (cmd)
                (void)fprintf(stderr, "Run \"%s %s --help\" for its options.\n", cli_program(),
                              cmd->name);
        else
                (void)fprintf(stderr, "Run \"%s help\" for the commands and options.\n",
                              cli_program());
        return cli_exit_status(e);
}

static int check_count(const struct cmd *cmd, size_t n, struct err *e)
{
        if (n < (size_t)cmd->min_args)
                return err_set(e, ERR_USAGE, 0, "missing argument: %s %s %s", cli_program(),
                               cmd->name, cmd->usage);
        if (cmd->max_args != CMD_ANY && n > (size_t)cmd->max_args)
                return err_set(e, ERR_USAGE, 0, "too many arguments: %s %s %s", cli_program(),
                               cmd->name, cmd->usage);
        return 0;
}

static int run_main(const struct cmd *cmd, char *const *args, size_t n)
{
        struct err e;
        int r = cmd->main(args, n, &e);

        if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
                r = err_set(&e, ERR_INTERNAL, errno, "cannot write the output");
        if (r >= 0)
                return r;
        if (e.text[0])
                log_error("%s", e.text);
        return cli_exit_status(&e);
}

void cli_tables(const struct cmd *cmd, const struct opt *tables[static CMD_TABLES])
{
        size_t n = 0;

        tables[n++] = cli_global_opts;
        if (cmd && cmd->opts)
                tables[n++] = cmd->opts;
        for (const struct opt_group *g = cmd ? cmd->groups : NULL; g && g->title; g++)
                tables[n++] = g->opts;
        tables[n] = NULL;
}

static int run_command(const struct cmd *cmd, char *const *words, size_t n)
{
        const struct opt *tables[CMD_TABLES];
        struct opt_rules rules = { .tables = tables, .arg = cmd->arg, .app_args = cmd->app_args };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        struct err e;

        cli_tables(cmd, tables);
        log_init(last_word(cmd->name), cli_globals.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
        if (cmd->raw)
                return run_main(cmd, words, n);
        if (opt_parse(&rules, words, n, &r, &e) < 0)
                return usage_hint(cmd, &e);
        if (r.help) {
                help_command(stdout, cmd);
                return 0;
        }
        if (check_count(cmd, r.args.n, &e) < 0)
                return usage_hint(cmd, &e);
        if (cli_globals.debug)
                log_init(last_word(cmd->name), LOG_LEVEL_DEBUG);
        return run_main(cmd, r.args.v, r.args.n);
}

int cli_main(int argc, char *argv[])
{
        const struct opt *const tables[] = { cli_global_opts, NULL };
        const struct opt_rules rules = { .tables = tables, .stop_at_arg = true };
        AUTO(opt_result_done) struct opt_result r = OPT_RESULT_NULL;
        const struct cmd *cmd = NULL;
        const char *group = NULL;
        size_t n = argc > 0 ? (size_t)argc - 1 : 0, used = 0;
        struct err e;

        log_init(cli_program(), LOG_LEVEL_INFO);
        if (opt_parse(&rules, argv + 1, n, &r, &e) < 0)
                return usage_hint(NULL, &e);
        if (r.help) {
                help_program(stdout);
                return 0;
        }
        if (r.used == n) {
                help_program(stdout);
                return CLI_EXIT_NO_WORDS;
        }
        if (cli_find_command(argv + 1 + r.used, n - r.used, &cmd, &group, &used, &e) < 0)
                return usage_hint(NULL, &e);
        if (!cmd) {
                help_group(stdout, group);
                return 0;
        }
        used += r.used;
        return run_command(cmd, argv + 1 + used, n - used);
}
