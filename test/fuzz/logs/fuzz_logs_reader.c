/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log file of any bytes: reading ends, pieces stay under their limit, and a tail of N is the last N lines of
 * the whole.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "logs/scan.h"
#include "logs/source.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t count_lines(struct source *s)
{
        struct logs_line line;
        struct err e;
        int64_t n = 0;

        while (source_next(s, &line, &e) > 0) {
                assert(line.len <= LOGS_LINE_MAX);
                n += !line.partial;
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct scan_range all = { 0 };
        struct logs_budget budget = { .max = size > 0 && data[0] % 2 ? LOGS_BUDGET_DEFAULT : 0 };
        struct source s;
        struct err e;
        struct source_tail tail;
        int r;
        int64_t lines;

        source_init(&s, "app", &budget);
        s.files = xcalloc(1, sizeof(*s.files));
        s.n_files = s.cap_files = 1;
        s.files[0] = SCAN_NULL;
        s.files[0].fd = memfd_create("log", MFD_CLOEXEC);
        s.files[0].end = (off_t)size;
        if (s.files[0].fd < 0 || write(s.files[0].fd, data, size) != (ssize_t)size)
                abort();
        lines = count_lines(&s);
        source_tail_init(&tail, &s, 3);
        while ((r = source_tail_step(&tail, &s, &all, 1, &e)) > 0)
                ;
        assert(r == 0 && tail.pos >= 0 && tail.pos <= (off_t)size);
        source_rewind(&s, tail.file, tail.pos);
        source_tail_done(&tail);
        assert(count_lines(&s) <= lines);
        source_done(&s);
        assert(budget.used == 0);
        return 0;
}
