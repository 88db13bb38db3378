/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "util/log.h"

static void show(const struct image_import_progress *p, void *arg)
{
        double done = (double)p->done_bytes / (1024 * 1024);
        double total = (double)p->total_bytes / (1024 * 1024);

        (void)arg;
        if (p->skipped)
                (void)fprintf(stderr, "\r\033[K%s: present\n", p->what);
        else if (p->total_bytes == 0)
                (void)fprintf(stderr, "\r\033[K%s: %.1f MiB", p->what, done);
        else
                (void)fprintf(stderr, "\r\033[K%s: %.1f of %.1f MiB%s", p->what, done, total,
                              p->done_bytes >= p->total_bytes ? "\n" : "");
        (void)fflush(stderr);
}

static void warn(const char *text, void *arg)
{
        (void)arg;
        log_warning("%s", text);
}

struct image_import_options progress_import_options(void)
{
        return (struct image_import_options){
                .progress = isatty(STDERR_FILENO) ? show : NULL,
                .warn = warn,
        };
}
