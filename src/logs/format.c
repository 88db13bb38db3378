/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/format.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const stream_names[] = {
        [LOGS_STDOUT] = "stdout",
        [LOGS_STDERR] = "stderr",
};
static_assert(sizeof(stream_names) / sizeof(stream_names[0]) == LOGS_STREAM_MAX, "a name each");

enum { TIME_LEN = 30 };

const char *logs_stream_name(enum logs_stream stream)
{
        return stream == LOGS_STDERR ? stream_names[LOGS_STDERR] : stream_names[LOGS_STDOUT];
}

void logs_format_prefix(nsec time, enum logs_stream stream, char ret[static LOGS_PREFIX_LEN])
{
        char text[TIME_TEXT_MAX];

        time_format_rfc3339(time, text);
        memcpy(ret, text, TIME_LEN);
        ret[TIME_LEN] = ' ';
        memcpy(ret + TIME_LEN + 1, logs_stream_name(stream), 6);
        ret[LOGS_PREFIX_TAG - 1] = ' ';
        ret[LOGS_PREFIX_TAG] = 'F';
        ret[LOGS_PREFIX_TAG + 1] = ' ';
}

int logs_file_name(const char *app, unsigned number, char ret[static NAME_MAX + 1])
{
        size_t len = strlen(app);

        ret[0] = '\0';
        if (len > LOGS_APP_MAX)
                return -ENAMETOOLONG;
        if (number == 0)
                (void)snprintf(ret, NAME_MAX + 1, "%s.log", app);
        else if (number == LOGS_FILE_NEW)
                (void)snprintf(ret, NAME_MAX + 1, "%s.log.new", app);
        else
                (void)snprintf(ret, NAME_MAX + 1, "%s.log.%u", app, number);
        return 0;
}

/* The bytes up to the next blank, which is skipped; false when there is none. */
static bool take_word(const char **s, const char *end, const char **ret_word, size_t *ret_len)
{
        const char *blank = memchr(*s, ' ', (size_t)(end - *s));

        if (!blank)
                return false;
        *ret_word = *s;
        *ret_len = (size_t)(blank - *s);
        *s = blank + 1;
        return true;
}

static bool parse_stream(const char *word, size_t len, enum logs_stream *ret)
{
        for (unsigned i = 0; i < LOGS_STREAM_MAX; i++)
                if (strlen(stream_names[i]) == len && memcmp(word, stream_names[i], len) == 0) {
                        *ret = (enum logs_stream)i;
                        return true;
                }
        return false;
}

int logs_format_parse(const char *line, size_t len, struct logs_entry *ret)
{
        struct logs_entry entry = { 0 };
        const char *end = line + len, *word;
        size_t n;

        while (line < end && *line == '\0')
                line++;
        if (line == end || !take_word(&line, end, &word, &n) ||
            time_parse_rfc3339(word, n, &entry.time) < 0)
                return -EINVAL;
        if (!take_word(&line, end, &word, &n) || !parse_stream(word, n, &entry.stream))
                return -EINVAL;
        if (!take_word(&line, end, &word, &n) || n == 0 || (n > 1 && word[1] != ':') ||
            (word[0] != 'P' && word[0] != 'F'))
                return -EINVAL;
        entry.partial = word[0] == 'P';
        entry.text = line;
        entry.len = (size_t)(end - line);
        *ret = entry;
        return 0;
}
