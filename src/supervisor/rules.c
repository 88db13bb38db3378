/* SPDX-License-Identifier: Apache-2.0 */
#include "supervisor/rules.h"

void rules_init(struct rules *r, size_t n_apps, nsec grace)
{
        *r = (struct rules){ .phase = RULES_STARTING, .alive = n_apps, .grace = grace };
}

unsigned rules_started(struct rules *r)
{
        if (r->phase == RULES_STARTING)
                r->phase = RULES_RUNNING;
        return 0;
}

static void decide(struct rules *r, int exit_code, int signal)
{
        if (r->decided)
                return;
        r->decided = true;
        r->exit_code = exit_code;
        r->signal = signal;
}

static unsigned kill_now(struct rules *r)
{
        r->phase = RULES_KILLING;
        r->deadline = 0;
        return RULES_KILL;
}

static unsigned one_less(struct rules *r)
{
        if (r->alive > 0 && --r->alive > 0)
                return 0;
        if (r->phase == RULES_ENDED)
                return 0;
        r->phase = RULES_ENDED;
        r->deadline = 0;
        return RULES_END;
}

unsigned rules_stop(struct rules *r, bool force, nsec grace, nsec now)
{
        nsec deadline = now + (grace < 0 ? r->grace : grace);

        if (r->phase >= RULES_KILLING)
                return 0;
        if (force || grace == 0)
                return kill_now(r);
        if (r->phase == RULES_STOPPING) {
                r->deadline = deadline < r->deadline ? deadline : r->deadline;
                return 0;
        }
        r->phase = RULES_STOPPING;
        r->deadline = deadline;
        return RULES_TERM;
}

unsigned rules_app_ended(struct rules *r, int exit_code, int signal, nsec now)
{
        unsigned end;

        if (exit_code != 0)
                decide(r, exit_code, signal);
        end = one_less(r);
        if (end || exit_code == 0)
                return end;
        return rules_stop(r, false, -1, now);
}

unsigned rules_app_dropped(struct rules *r)
{
        return one_less(r);
}

unsigned rules_fail(struct rules *r)
{
        decide(r, RULES_OUR_FAILURE, 0);
        return r->phase >= RULES_KILLING ? 0 : kill_now(r);
}

unsigned rules_tick(struct rules *r, nsec now)
{
        if (r->deadline == 0 || now < r->deadline)
                return 0;
        return kill_now(r);
}
