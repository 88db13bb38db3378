/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/podref.h"
#include "cli/results.h"
#include "engine/gc.h"
#include "util/auto.h"
#include "util/log.h"

static struct engine_gc gc = {
        .grace = 30 * 60 * NSEC_PER_SEC,
        .expire_prepared = 24 * 3600 * NSEC_PER_SEC,
};

static struct results results = { .key = "uuid" };

static const char *const words[] = {
        [ENGINE_GC_MARKED] = "marked",   [ENGINE_GC_REMOVED] = "removed", [ENGINE_GC_KEPT] = "kept",
        [ENGINE_GC_SKIPPED] = "skipped", [ENGINE_GC_FAILED] = "failed",
};

static void tell(enum engine_gc_what what, const char *uuid, const char *text)
{
        switch (what) {
        case ENGINE_GC_MARKED:
                log_info("pod \"%s\" is garbage now", uuid);
                break;
        case ENGINE_GC_REMOVED:
                log_info("pod \"%s\" removed", uuid);
                break;
        case ENGINE_GC_KEPT:
                log_info("pod \"%s\" kept: still within its grace period", uuid);
                break;
        case ENGINE_GC_SKIPPED:
                log_info("pod \"%s\" skipped: %s", uuid, text);
                break;
        case ENGINE_GC_FAILED:
                log_error("pod \"%s\" not removed: %s", uuid, text);
                break;
        }
}

static void note(void *arg, enum engine_gc_what what, const char *uuid, const char *text)
{
        (void)arg;
        tell(what, uuid, text);
        results_add(&results, uuid, words[what], NULL);
}

static int gc_main(char *const *args, size_t n, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        int r;

        (void)args;
        (void)n;
        gc.now = time_now();
        gc.note = note;
        if (podref_open(&eng, ENGINE_WRITE, e) < 0 || engine_gc(&eng, &gc, &results.failed, e) < 0)
                return -1;
        r = results_end(&results, "pod(s) could not be collected", e);
        results_done(&results);
        return r;
}

static const struct opt gc_opts[] = {
        { OPT_DURATION, 0, "grace-period", "30m", "keep pods so long after they were marked",
          &gc.grace, NULL, NULL },
        { OPT_DURATION, 0, "expire-prepared", "24h", "drop prepared pods older than this",
          &gc.expire_prepared, NULL, NULL },
        { OPT_FLAG, 0, "mark-only", "[=false]", "mark exited and aborted pods, delete nothing",
          &gc.mark_only, NULL, NULL },
        OUTPUT_FORMAT_OPT(&results.format),
        { .type = OPT_END },
};

const struct cmd cmd_gc = {
        .name = "gc",
        .usage = "",
        .summary = "Collect pods that have ended",
        .opts = gc_opts,
        .main = gc_main,
};
