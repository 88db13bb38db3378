/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places where a test may have a program killed. With -Dtest_hooks=true, CAROB_TEST_STOP_AT=<step> makes the
 * named place raise SIGKILL (or SIGSTOP with "<step>:stop"); built without it, the calls are nothing.
 */
#pragma once

#ifdef CAROB_TEST_HOOKS
void test_hook(const char *step);
#else
static inline void test_hook(const char *step)
{
        (void)step;
}
#endif
