/* SPDX-License-Identifier: Apache-2.0 */
#include "util/time.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

nsec time_from_timespec(struct timespec ts)
{
        nsec t;

        if (__builtin_mul_overflow((nsec)ts.tv_sec, NSEC_PER_SEC, &t) ||
            __builtin_add_overflow(t, (nsec)ts.tv_nsec, &t))
                return ts.tv_sec < 0 ? INT64_MIN : INT64_MAX;
        return t;
}

static nsec clock_read(clockid_t clock)
{
        struct timespec ts = { 0 };

        (void)clock_gettime(clock, &ts);
        return time_from_timespec(ts);
}

nsec time_now(void)
{
        return clock_read(CLOCK_REALTIME);
}

nsec time_now_coarse(void)
{
        return clock_read(CLOCK_REALTIME_COARSE);
}

nsec time_monotonic(void)
{
        return clock_read(CLOCK_MONOTONIC);
}

/* Split into whole seconds and a fraction that is never negative. */
static time_t split(nsec t, nsec *ret_fraction)
{
        nsec seconds = t / NSEC_PER_SEC, fraction = t % NSEC_PER_SEC;

        if (fraction < 0) {
                fraction += NSEC_PER_SEC;
                seconds--;
        }
        *ret_fraction = fraction;
        return (time_t)seconds;
}

static void look_up(struct time_go *g, time_t second)
{
        char zone[16] = "", offset[16] = "";
        struct tm tm = { 0 };

        (void)localtime_r(&second, &tm);
        (void)strftime(g->date, sizeof(g->date), "%Y-%m-%d %H:%M:%S", &tm);
        (void)strftime(offset, sizeof(offset), "%z", &tm);
        (void)strftime(zone, sizeof(zone), "%Z", &tm);
        (void)snprintf(g->zone, sizeof(g->zone), " %s %s", offset, zone);
        g->second = second;
}

void time_format_go_next(struct time_go *g, nsec t, nsec unit_ns, char ret[static TIME_TEXT_MAX])
{
        nsec fraction;
        time_t second = split(t, &fraction);
        size_t n;

        if (g->date[0] == '\0' || g->second != second)
                look_up(g, second);
        n = strlen(g->date);
        memcpy(ret, g->date, n);
        fraction -= fraction % unit_ns;
        if (fraction > 0) {
                ret[n++] = '.';
                for (nsec digit = NSEC_PER_SEC / 10; fraction > 0; digit /= 10) {
                        ret[n++] = (char)('0' + fraction / digit);
                        fraction %= digit;
                }
        }
        memcpy(ret + n, g->zone, strlen(g->zone) + 1);
}

void time_format_go(nsec t, nsec unit_ns, char ret[static TIME_TEXT_MAX])
{
        struct time_go g = { 0 };

        time_format_go_next(&g, t, unit_ns, ret);
}

/* The pure part of gmtime: days since the epoch to a civil date, cheap enough for every log line. */
static void civil_from_days(int64_t days, int *ret_y, int *ret_m, int *ret_d)
{
        int64_t z = days + 719468;
        int64_t era = (z >= 0 ? z : z - 146096) / 146097;
        int64_t doe = z - era * 146097;
        int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        int64_t mp = (5 * doy + 2) / 153;

        *ret_d = (int)(doy - (153 * mp + 2) / 5 + 1);
        *ret_m = (int)(mp < 10 ? mp + 3 : mp - 9);
        *ret_y = (int)(yoe + era * 400 + (*ret_m <= 2));
}

static int64_t days_from_civil(int y, int m, int d)
{
        int64_t yy = y - (m <= 2);
        int64_t era = (yy >= 0 ? yy : yy - 399) / 400;
        int64_t yoe = yy - era * 400;
        int64_t doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
        int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

        return era * 146097 + doe - 719468;
}

void time_format_rfc3339(nsec t, char ret[static TIME_TEXT_MAX])
{
        nsec fraction;
        int64_t seconds = split(t, &fraction);
        int64_t days = seconds / 86400, rest = seconds % 86400;
        int y, m, d;

        if (rest < 0) {
                rest += 86400;
                days--;
        }
        civil_from_days(days, &y, &m, &d);
        (void)snprintf(ret, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09" PRId64 "Z", y, m, d,
                       (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60), fraction);
}

/* Exactly @n digits at *s. */
static bool digits(const char **s, const char *end, int n, int *ret)
{
        int v = 0;

        if (end - *s < n)
                return false;
        for (int i = 0; i < n; i++, (*s)++) {
                if (**s < '0' || **s > '9')
                        return false;
                v = v * 10 + (**s - '0');
        }
        *ret = v;
        return true;
}

static bool literal(const char **s, const char *end, char c)
{
        if (*s == end || **s != c)
                return false;
        (*s)++;
        return true;
}

static bool zone_offset(const char **s, const char *end, int *ret_seconds)
{
        int hours, minutes, sign;

        if (*s == end)
                return false;
        if (**s == 'Z' || **s == 'z') {
                (*s)++;
                *ret_seconds = 0;
                return true;
        }
        sign = **s == '-' ? -1 : 1;
        if (**s != '+' && **s != '-')
                return false;
        (*s)++;
        if (!digits(s, end, 2, &hours) || !literal(s, end, ':') || !digits(s, end, 2, &minutes) ||
            hours > 23 || minutes > 59)
                return false;
        *ret_seconds = sign * (hours * 3600 + minutes * 60);
        return true;
}

static bool fraction_part(const char **s, const char *end, nsec *ret)
{
        nsec unit = NSEC_PER_SEC / 10, v = 0;
        const char *from = *s;

        for (; *s < end && **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
                v += (**s - '0') * unit;
        *ret = v;
        return *s > from;
}

int time_parse_rfc3339(const char *s, size_t len, nsec *ret)
{
        static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        const char *end = s + len;
        int y, mo, d, h, mi, sec, offset;
        nsec fraction = 0;

        if (!digits(&s, end, 4, &y) || !literal(&s, end, '-') || !digits(&s, end, 2, &mo) ||
            !literal(&s, end, '-') || !digits(&s, end, 2, &d) || s == end ||
            (*s != 'T' && *s != 't'))
                return -EINVAL;
        s++;
        if (!digits(&s, end, 2, &h) || !literal(&s, end, ':') || !digits(&s, end, 2, &mi) ||
            !literal(&s, end, ':') || !digits(&s, end, 2, &sec))
                return -EINVAL;
        if (literal(&s, end, '.') && !fraction_part(&s, end, &fraction))
                return -EINVAL;
        if (!zone_offset(&s, end, &offset) || s != end)
                return -EINVAL;
        if (y < 1970 || y > 2261 || mo < 1 || mo > 12 || d < 1 || d > month_days[mo - 1] ||
            h > 23 || mi > 59 || sec > 60)
                return -EINVAL;
        *ret = (days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - offset) *
                       NSEC_PER_SEC +
               fraction;
        return 0;
}

static nsec duration_unit(const char **s)
{
        static const struct {
                const char *name;
                nsec unit;
        } units[] = {
                { "ns", 1 },           { "us", NSEC_PER_USEC },    { "ms", NSEC_PER_MSEC },
                { "s", NSEC_PER_SEC }, { "m", 60 * NSEC_PER_SEC }, { "h", 3600 * NSEC_PER_SEC },
        };

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                size_t n = strlen(units[i].name);

                if (strncmp(*s, units[i].name, n) == 0 && !isalpha((unsigned char)(*s)[n])) {
                        *s += n;
                        return units[i].unit;
                }
        }
        return 0;
}

int time_parse_duration(const char *s, nsec *ret)
{
        nsec total = 0;

        if (*s == '\0')
                return -EINVAL;
        if (strcmp(s, "0") == 0) {
                *ret = 0;
                return 0;
        }
        while (*s) {
                int64_t whole = 0;
                nsec fraction = 0, unit;
                const char *from = s;

                for (; *s >= '0' && *s <= '9'; s++)
                        if (__builtin_mul_overflow(whole, 10, &whole) ||
                            __builtin_add_overflow(whole, *s - '0', &whole))
                                return -ERANGE;
                if (s == from)
                        return -EINVAL;
                if (*s == '.') {
                        s++;
                        if (!fraction_part(&s, s + strlen(s), &fraction))
                                return -EINVAL;
                }
                unit = duration_unit(&s);
                if (unit == 0)
                        return -EINVAL;
                if (__builtin_mul_overflow(whole, unit, &whole) ||
                    __builtin_add_overflow(total, whole, &total) ||
                    __builtin_add_overflow(total, (nsec)((__int128)fraction * unit / NSEC_PER_SEC),
                                           &total))
                        return -ERANGE;
        }
        *ret = total;
        return 0;
}

void time_format_ago(nsec t, nsec now, char ret[static TIME_TEXT_MAX])
{
        static const struct {
                int64_t below; /* seconds */
                int64_t per;
                const char *one, *many;
        } steps[] = {
                { 1, 1, "now", "now" },
                { 2, 1, "1 second", NULL },
                { 60, 1, NULL, "seconds" },
                { 120, 60, "1 minute", NULL },
                { 3600, 60, NULL, "minutes" },
                { 7200, 3600, "1 hour", NULL },
                { 86400, 3600, NULL, "hours" },
                { 2 * 86400, 86400, "1 day", NULL },
                { 7 * 86400, 86400, NULL, "days" },
                { 14 * 86400, 7 * 86400, "1 week", NULL },
                { 30 * 86400, 7 * 86400, NULL, "weeks" },
                { 60 * 86400, 30 * 86400, "1 month", NULL },
                { 365 * 86400, 30 * 86400, NULL, "months" },
                { 2 * 365 * 86400, 365 * 86400, "1 year", NULL },
                { 37 * INT64_C(365) * 86400, 365 * 86400, NULL, "years" },
        };
        int64_t age = (now - t) / NSEC_PER_SEC;
        const char *tail = age < 0 ? "from now" : "ago";

        if (t <= 0) {
                (void)snprintf(ret, TIME_TEXT_MAX, "a long while ago");
                return;
        }
        age = age < 0 ? -age : age;
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                if (age >= steps[i].below)
                        continue;
                if (i == 0)
                        (void)snprintf(ret, TIME_TEXT_MAX, "now");
                else if (steps[i].one)
                        (void)snprintf(ret, TIME_TEXT_MAX, "%s %s", steps[i].one, tail);
                else
                        (void)snprintf(ret, TIME_TEXT_MAX, "%" PRId64 " %s %s", age / steps[i].per,
                                       steps[i].many, tail);
                return;
        }
        (void)snprintf(ret, TIME_TEXT_MAX, "a long while %s", tail);
}
