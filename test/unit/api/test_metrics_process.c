/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_process.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "test.h"

static void descriptors_are_counted(void **state)
{
        AUTO(metrics_process_done) struct metrics_process p = METRICS_PROCESS_NULL;
        struct metrics_process_values before, after;
        struct rlimit limit;
        int ends[2];

        (void)state;
        metrics_process_open(&p);
        metrics_process_read(&p, &before);
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        metrics_process_read(&p, &after);
        close(ends[0]);
        close(ends[1]);
        assert_int_equal(after.open_fds, before.open_fds + 2);
        assert_true(before.open_fds >= 2);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(after.max_fds,
                         limit.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)limit.rlim_cur);
}

static void memory_is_measured(void **state)
{
        enum { SIZE = 64 << 20 };
        AUTO(metrics_process_done) struct metrics_process p = METRICS_PROCESS_NULL;
        struct metrics_process_values before, after;
        void *block;

        (void)state;
        metrics_process_open(&p);
        metrics_process_read(&p, &before);
        block = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(block != MAP_FAILED);
        memset(block, 1, SIZE);
        metrics_process_read(&p, &after);
        assert_int_equal(munmap(block, SIZE), 0);
        assert_true(before.resident_bytes > 0);
        assert_true(after.resident_bytes >= before.resident_bytes + SIZE / 2);
        assert_true(after.virtual_bytes >= before.virtual_bytes + SIZE);
        assert_true(after.cpu >= before.cpu);
        assert_true(after.cpu > 0);
        assert_true(after.started > 1600000000 * NSEC_PER_SEC);
}

static void without_proc_little_is_known(void **state)
{
        struct metrics_process p = METRICS_PROCESS_NULL;
        struct metrics_process_values v;

        (void)state;
        metrics_process_read(&p, &v);
        assert_int_equal(v.open_fds, -1);
        assert_int_equal(v.resident_bytes, -1);
        assert_int_equal(v.virtual_bytes, -1);
        assert_true(v.cpu > 0);
        metrics_process_done(&p);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(descriptors_are_counted),
                cmocka_unit_test(memory_is_measured),
                cmocka_unit_test(without_proc_little_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
