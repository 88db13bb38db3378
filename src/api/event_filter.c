/* SPDX-License-Identifier: Apache-2.0 */
#include "api/event_filter.h"

#include <assert.h>
#include <inttypes.h>

#include "api/filter_priv.h"
#include "api/request_time.h"

static_assert(V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED < 32, "a bit for every type");

static int types_init(uint32_t *ret, const V1alpha__EventFilter *wanted, struct err *e)
{
        const int32_t last = V1ALPHA__EVENT_TYPE__EVENT_TYPE_IMAGE_REMOVED;

        *ret = wanted->n_types == 0 ? UINT32_MAX : 0;
        for (size_t i = 0; i < wanted->n_types; i++) {
                int32_t type = (int32_t)wanted->types[i];

                if (type <= 0 || type > last)
                        return err_set(e, ERR_USAGE, 0, "types: %" PRId32 " is no type of event",
                                       type);
                *ret |= UINT32_C(1) << type;
        }
        return 0;
}

int event_filter_init(struct event_filter *ret, const V1alpha__EventFilter *wanted, struct err *e)
{
        struct event_filter f = { .since_before = UINT64_MAX };
        V1alpha__EventFilter everything;

        v1alpha__event_filter__init(&everything);
        if (!wanted)
                wanted = &everything;
        if (filter_check_values(wanted->n_types + wanted->n_ids + wanted->n_names, e) < 0 ||
            types_init(&f.types, wanted, e) < 0 ||
            request_time("since_time", wanted->since_time, &f.since, e) < 0 ||
            request_time("until_time", wanted->until_time, &f.until, e) < 0)
                return -1;
        if (f.until == 0)
                f.until = INT64_MAX;
        text_set_init(&f.ids, wanted->ids, wanted->n_ids);
        text_set_init(&f.names, wanted->names, wanted->n_names);
        *ret = f;
        return 0;
}

void event_filter_done(struct event_filter *f)
{
        text_set_done(&f->ids);
        text_set_done(&f->names);
}

bool event_filter_passes(const struct event_filter *f, const struct event *event)
{
        return event_filter_wants_type(f, event) && event_filter_wants_time(f, event) &&
               text_set_passes(&f->ids, text_of(event->id)) &&
               text_set_passes(&f->names, text_of(event->from));
}
