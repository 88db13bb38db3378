/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "engine/config.h"
#include "util/limits.h"

static void put(const struct test_dir *d, const char *path, const char *text)
{
        assert_int_equal(fs_write_file(d->fd, path, text, strlen(text), 0644), 0);
}

static void make_dirs(const struct test_dir *d)
{
        assert_int_equal(fs_mkdirs(d->fd, "system/logs.d", 0755), 0);
        assert_int_equal(fs_mkdirs(d->fd, "local/logs.d", 0755), 0);
        assert_int_equal(fs_mkdirs(d->fd, "user/logs.d", 0755), 0);
}

struct paths {
        char system[80], local[80], user[80];
        struct engine_config_dirs dirs;
};

static void make_paths(const struct test_dir *d, struct paths *p)
{
        (void)snprintf(p->system, sizeof(p->system), "%s/system", d->path);
        (void)snprintf(p->local, sizeof(p->local), "%s/local", d->path);
        (void)snprintf(p->user, sizeof(p->user), "%s/user", d->path);
        p->dirs = (struct engine_config_dirs){ p->system, p->local, p->user };
}

/* The values of "n", with the number of the directory: "0a 0b 1c". */
static int note(const struct engine_config_file *file, void *arg, struct err *e)
{
        struct buf *b = arg;
        const char *n;

        if (json_get_string(file->o, "n", &n, e) < 0)
                return -1;
        return buf_printf(b, "%s%u%s", b->len ? " " : "", file->dir, n);
}

#define FILE_OF(n) "{\"carobKind\":\"logs\",\"carobVersion\":\"v1\",\"n\":\"" n "\"}"

static void files_come_weakest_first_and_by_name(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(buf_done) struct buf b = BUF_NULL(1024);
        struct paths p;
        struct err e;
        (void)state;

        test_dir_init(&d);
        make_dirs(&d);
        make_paths(&d, &p);
        put(&d, "system/logs.d/b.json", FILE_OF("b"));
        put(&d, "system/logs.d/a.json", "{\"rktKind\":\"logs\",\"rktVersion\":\"v1\",\"n\":\"a\"}");
        put(&d, "user/logs.d/a.json", FILE_OF("u"));
        put(&d, "local/target", FILE_OF("l"));
        assert_int_equal(symlinkat("../target", d.fd, "local/logs.d/link.json"), 0);
        put(&d, "local/logs.d/.hidden.json", "x");
        put(&d, "local/logs.d/a.json~", "x");
        put(&d, "local/logs.d/README", "x");
        assert_ok(engine_config_read(&p.dirs, "logs", note, &b, &e), &e);
        assert_string_equal(buf_str(&b), "0a 0b 1l 2u");
}

static void no_directories_are_no_configuration(void **state)
{
        const struct engine_config_dirs none = { NULL, "", "/nonexistent" };
        AUTO(buf_done) struct buf b = BUF_NULL(1024);
        struct err e;
        (void)state;

        assert_ok(engine_config_read(&none, "logs", note, &b, &e), &e);
        assert_int_equal(b.len, 0);
}

static void what_is_wrong_is_said_with_the_file(void **state)
{
        static const struct {
                const char *text, *wrong;
        } cases[] = {
                { "{\"carobVersion\":\"v1\"}", "carobKind is missing" },
                { "{\"carobKind\":\"logs\"}", "carobVersion is missing" },
                { "{\"carobKind\":\"auth\",\"carobVersion\":\"v1\"}",
                  "a file of kind \"auth\" among those of kind \"logs\"" },
                { "{\"carobKind\":\"logs\",\"rktKind\":\"auth\",\"carobVersion\":\"v1\"}",
                  "carobKind is \"logs\", and rktKind \"auth\"" },
                { "{\"carobKind\":\"logs\",\"carobVersion\":\"v2\"}",
                  "version \"v2\" is not known, only v1" },
                { "{\"carobKind\":7,\"carobVersion\":\"v1\"}", NULL },
                { "{\"carobKind\":\"logs\",\"carobVersion\":\"v1\"} x", NULL },
                { "[]", NULL },
                { "", NULL },
        };
        (void)state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_TEST_DIR struct test_dir d;
                AUTO(buf_done) struct buf b = BUF_NULL(1024);
                char path[160], want[300];
                struct paths p;
                struct err e;

                test_dir_init(&d);
                make_dirs(&d);
                make_paths(&d, &p);
                put(&d, "local/logs.d/x.json", cases[i].text);
                assert_int_equal(engine_config_read(&p.dirs, "logs", note, &b, &e), -1);
                assert_int_equal(e.kind, ERR_BAD_DATA);
                (void)snprintf(path, sizeof(path), "%s/local/logs.d/x.json: ", d.path);
                assert_memory_equal(e.text, path, strlen(path));
                if (cases[i].wrong) {
                        (void)snprintf(want, sizeof(want), "%s%s", path, cases[i].wrong);
                        assert_string_equal(e.text, want);
                }
        }
}

static void what_is_no_file_is_refused_and_not_waited_for(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(buf_done) struct buf b = BUF_NULL(1024);
        struct paths p;
        char want[200];
        struct err e;
        (void)state;

        test_dir_init(&d);
        make_dirs(&d);
        make_paths(&d, &p);
        assert_int_equal(mkfifoat(d.fd, "local/logs.d/pipe.json", 0600), 0);
        (void)snprintf(want, sizeof(want), "%s/local/logs.d/pipe.json: not a regular file", d.path);
        assert_err(engine_config_read(&p.dirs, "logs", note, &b, &e), &e, ERR_BAD_DATA, want);
        assert_int_equal(unlinkat(d.fd, "local/logs.d/pipe.json", 0), 0);
        assert_int_equal(symlinkat("nowhere", d.fd, "local/logs.d/link.json"), 0);
        assert_int_equal(engine_config_read(&p.dirs, "logs", note, &b, &e), -1);
        assert_non_null(strstr(e.text, "link.json: cannot be read: No such file"));
        assert_int_equal(unlinkat(d.fd, "local/logs.d/link.json", 0), 0);
        assert_int_equal(unlinkat(d.fd, "local/logs.d", AT_REMOVEDIR), 0);
        put(&d, "local/logs.d", "");
        assert_int_equal(engine_config_read(&p.dirs, "logs", note, &b, &e), -1);
        assert_non_null(strstr(e.text, "local/logs.d: Not a directory"));
}

static void files_that_are_too_large_are_refused(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(buf_done) struct buf b = BUF_NULL(1024);
        struct paths p;
        char *text = malloc(LIMIT_CONFIG_FILE_BYTES + 2);
        struct err e;
        (void)state;

        test_dir_init(&d);
        make_dirs(&d);
        make_paths(&d, &p);
        assert_non_null(text);
        memset(text, ' ', LIMIT_CONFIG_FILE_BYTES + 1);
        text[LIMIT_CONFIG_FILE_BYTES + 1] = '\0';
        memcpy(text, FILE_OF("a"), strlen(FILE_OF("a")));
        put(&d, "local/logs.d/a.json", text);
        assert_int_equal(engine_config_read(&p.dirs, "logs", note, &b, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
        text[LIMIT_CONFIG_FILE_BYTES] = '\0';
        put(&d, "local/logs.d/a.json", text);
        assert_ok(engine_config_read(&p.dirs, "logs", note, &b, &e), &e);
        free(text);
}

static void so_are_too_many(void **state)
{
        AUTO_TEST_DIR struct test_dir d;
        AUTO(buf_done) struct buf b = BUF_NULL(64 * 1024);
        struct paths p;
        char name[64];
        struct err e;
        (void)state;

        test_dir_init(&d);
        make_dirs(&d);
        make_paths(&d, &p);
        for (unsigned i = 0; i < LIMIT_CONFIG_FILES; i++) {
                (void)snprintf(name, sizeof(name), "local/logs.d/%u.json", i);
                put(&d, name, FILE_OF("a"));
        }
        assert_ok(engine_config_read(&p.dirs, "logs", note, &b, &e), &e);
        put(&d, "local/logs.d/more.json", FILE_OF("a"));
        assert_int_equal(engine_config_read(&p.dirs, "logs", note, &b, &e), -1);
        assert_int_equal(e.kind, ERR_LIMIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(files_come_weakest_first_and_by_name),
                cmocka_unit_test(no_directories_are_no_configuration),
                cmocka_unit_test(what_is_wrong_is_said_with_the_file),
                cmocka_unit_test(what_is_no_file_is_refused_and_not_waited_for),
                cmocka_unit_test(files_that_are_too_large_are_refused),
                cmocka_unit_test(so_are_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
