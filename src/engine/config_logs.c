/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/config_logs.h"

#include <string.h>

#include "pod/launch.h"

enum member { DRIVER, MAX_SIZE, MAX_FILES, MEMBERS };

static const char *const members[] = {
        [DRIVER] = "driver", [MAX_SIZE] = "maxSize", [MAX_FILES] = "maxFiles", [MEMBERS] = NULL
};

/* A number of bytes, or what the command line takes. */
static int get_size(struct json_object *o, int64_t *ret, struct err *e)
{
        struct json_object *size = json_object_object_get(o, members[MAX_SIZE]);
        const char *text;

        if (size && json_object_get_type(size) == json_type_int) {
                text = json_object_to_json_string(size);
        } else {
                if (json_get_string_opt(o, members[MAX_SIZE], &text, e) < 0)
                        return err_set(e, ERR_BAD_DATA, 0, "%s: neither a number nor a string",
                                       members[MAX_SIZE]);
                if (!text)
                        return 0;
        }
        return pod_log_size_parse(text, ret, e) < 0 ? err_wrap(e, "%s", members[MAX_SIZE]) : 0;
}

int engine_config_logs_parse(struct json_object *o, struct engine_config_logs *ret, struct err *e)
{
        struct engine_config_logs l = ENGINE_CONFIG_LOGS_NULL;
        enum pod_log_driver driver;
        int64_t files = -1;
        const char *name;

        if (engine_config_check_members(o, members, e) < 0 ||
            json_get_string_opt(o, members[DRIVER], &name, e) < 0 ||
            json_get_int_opt(o, members[MAX_FILES], 1, POD_LOG_FILES_MAX, &files, e) < 0)
                return -1;
        if (get_size(o, &l.max_bytes, e) < 0) {
                e->kind = ERR_BAD_DATA;
                return -1;
        }
        if (name && pod_log_driver_parse(name, &driver, e) < 0) {
                e->kind = ERR_BAD_DATA;
                return err_wrap(e, "%s", members[DRIVER]);
        }
        if (name)
                l.driver = (int)driver;
        l.max_files = (int)files;
        *ret = l;
        return 0;
}

struct merging {
        struct engine_config_logs all;
        int said_in[MEMBERS]; /* the directory's number; -1: nowhere */
};

/* Whether the file's value counts: 1; 0: it has none; -1: another one of the same directory has said it. */
static int takes(struct merging *m, const struct engine_config_file *file, enum member member,
                 bool said, struct err *e)
{
        if (!said)
                return 0;
        if (m->said_in[member] == (int)file->dir)
                return err_set(e, ERR_BAD_DATA, 0, "%s: another file of this directory has it too",
                               members[member]);
        m->said_in[member] = (int)file->dir;
        return 1;
}

static int merge(const struct engine_config_file *file, void *arg, struct err *e)
{
        struct merging *m = arg;
        struct engine_config_logs l;
        int size, files, driver;

        if (engine_config_logs_parse(file->o, &l, e) < 0 ||
            (size = takes(m, file, MAX_SIZE, l.max_bytes >= 0, e)) < 0 ||
            (files = takes(m, file, MAX_FILES, l.max_files >= 0, e)) < 0 ||
            (driver = takes(m, file, DRIVER, l.driver >= 0, e)) < 0)
                return -1;
        if (size)
                m->all.max_bytes = l.max_bytes;
        if (files)
                m->all.max_files = l.max_files;
        if (driver)
                m->all.driver = l.driver;
        return 0;
}

int engine_config_logs_read(const struct engine_config_dirs *dirs, struct engine_config_logs *ret,
                            struct err *e)
{
        struct merging m = { .all = ENGINE_CONFIG_LOGS_NULL, .said_in = { -1, -1, -1 } };

        if (engine_config_read(dirs, "logs", merge, &m, e) < 0)
                return -1;
        *ret = m.all;
        return 0;
}
