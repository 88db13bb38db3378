/* SPDX-License-Identifier: Apache-2.0 */
/* What processes of the supervisor's kind do while they wait: occupy as little memory as can be. */
#pragma once

/*
 * Sleep for ever, for a process that needs nothing any more and has all signals blocked: gives all memory back but
 * one page of code that is shared with the supervisor.
 */
_Noreturn void idle_for_ever(void);

/*
 * Give back the pages of our program file: the kernel brings those that the next event needs back from its cache, some
 * microseconds each. What starting a pod takes is 600 KiB of them, what waiting takes is a few.
 */
void idle_forget_code(void);
