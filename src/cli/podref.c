/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/podref.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/results.h"
#include "pod/view.h"
#include "util/auto.h"
#include "util/fs.h"
#include "util/json.h"
#include "util/log.h"

static void warn(const char *text)
{
        log_warning("%s", text);
}

int podref_open(struct engine *ret, enum engine_mode mode, struct err *e)
{
        if (*cli_globals.dir == '\0')
                return err_set(e, ERR_USAGE, 0, "--dir is empty");
        if (engine_open(ret, cli_globals.dir, mode, e) < 0)
                return -1;
        ret->warn = warn;
        return 0;
}

int podref_resolve(struct engine *eng, const char *text, struct uuid *ret, struct err *e)
{
        if (*text == '\0')
                return err_set(e, ERR_USAGE, 0, "cannot find the pod: its UUID is empty");
        if (pod_resolve(&eng->pods, POD_DIRS_ALL, text, ret, e) < 0)
                return err_wrap(e, "cannot find the pod");
        return 0;
}

int podref_add_file(const char *path, struct strv *to, struct err *e)
{
        AUTO(buf_done) struct buf text = BUF_NULL(4096);
        int r;

        if (!path)
                return 0;
        r = fs_read_user_file(path, &text);
        if (r < 0)
                return err_set(e, r == -ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, -r,
                               "cannot read the pod's UUID from %s", path);
        while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
                text.data[--text.len] = '\0';
        if (!uuid_is_valid(buf_str(&text)))
                return err_set(e, ERR_BAD_DATA, 0, "%s holds no UUID", path);
        strv_add(to, buf_str(&text));
        return 0;
}

int podref_save_file(const char *path, const char *uuid, struct err *e)
{
        int r;

        if (!path)
                return 0;
        r = fs_write_file(AT_FDCWD, path, uuid, strlen(uuid), 0644);
        if (r < 0)
                return err_set(e, ERR_INTERNAL, -r, "cannot write the pod's UUID to %s", path);
        return 0;
}

int podref_print(const char *uuid, enum output_format format, struct err *e)
{
        AUTO_JSON struct json_object *o = NULL;

        if (format == OUTPUT_TEXT) {
                (void)printf("%s\n", uuid);
                return 0;
        }
        o = json_object_new_object();
        json_add_string(o, "uuid", uuid);
        return output_json(o, format, e);
}

int podref_collect(char *const *args, size_t n, const char *uuid_file, struct strv *ret,
                   struct err *e)
{
        if (uuid_file && n > 0)
                return err_set(e, ERR_USAGE, 0, "name pods, or --uuid-file, not both");
        if (!uuid_file && n == 0)
                return err_set(e, ERR_USAGE, 0,
                               "name a pod, or a file that has its UUID with "
                               "--uuid-file");
        for (size_t i = 0; i < n; i++)
                strv_add(ret, args[i]);
        return podref_add_file(uuid_file, ret, e);
}

int podref_each(char *const *args, size_t n, const char *uuid_file, podref_fn fn,
                struct results *results, const char *failure, struct err *e)
{
        AUTO(engine_done) struct engine eng = ENGINE_NULL;
        AUTO(strv_done) struct strv pods = STRV_NULL;
        int r;

        if (podref_collect(args, n, uuid_file, &pods, e) < 0 ||
            podref_open(&eng, ENGINE_READ, e) < 0)
                return -1;
        for (size_t i = 0; i < pods.n; i++)
                if (fn(&eng, pods.v[i], e) < 0)
                        results_fail(results, pods.v[i], e);
        r = results_end(results, failure, e);
        results_done(results);
        return r;
}

int podref_one(struct engine *eng, char *const *args, size_t n, const char *uuid_file,
               struct uuid *ret, struct err *e)
{
        AUTO(strv_done) struct strv names = STRV_NULL;

        if (podref_collect(args, n, uuid_file, &names, e) < 0)
                return -1;
        return podref_resolve(eng, names.v[0], ret, e);
}
