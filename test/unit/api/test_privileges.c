/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "api/privileges.h"

static void users_are_found_by_name_and_number(void **state)
{
        AUTO(privileges_done) struct privileges nobody = PRIVILEGES_NULL;
        AUTO(privileges_done) struct privileges number = PRIVILEGES_NULL;
        AUTO(privileges_done) struct privileges group = PRIVILEGES_NULL;
        AUTO(privileges_done) struct privileges nameless = PRIVILEGES_NULL;
        const struct passwd *user = getpwnam("nobody");
        char text[64];
        struct err e;

        (void)state;
        if (!user || !getgrnam("daemon"))
                skip();
        assert_ok(privileges_find("nobody", &nobody, &e), &e);
        assert_int_equal(nobody.uid, user->pw_uid);
        assert_int_equal(nobody.gid, user->pw_gid);
        assert_true(nobody.n_groups >= 1);
        (void)snprintf(text, sizeof(text), "%u", (unsigned)user->pw_uid);
        assert_ok(privileges_find(text, &number, &e), &e);
        assert_int_equal(number.uid, nobody.uid);
        assert_int_equal(number.gid, nobody.gid);
        assert_ok(privileges_find("nobody:daemon", &group, &e), &e);
        assert_int_equal(group.gid, getgrnam("daemon")->gr_gid);
        assert_int_equal(group.n_groups, 1);
        assert_int_equal(group.groups[0], group.gid);
        assert_ok(privileges_find("64242:64243", &nameless, &e), &e);
        assert_int_equal(nameless.uid, 64242);
        assert_int_equal(nameless.gid, 64243);
}

static void who_is_not_there_or_no_less_is_refused(void **state)
{
        struct privileges p = PRIVILEGES_NULL;
        struct err e;

        (void)state;
        assert_err(privileges_find("root", &p, &e), &e, ERR_USAGE, "--user=root: that is root");
        assert_err(privileges_find("0:0", &p, &e), &e, ERR_USAGE, "--user=0:0: that is root");
        assert_err(privileges_find("no-such-user", &p, &e), &e, ERR_NOT_FOUND,
                   "--user=no-such-user: there is no user \"no-such-user\"");
        assert_err(privileges_find("1:no-such-group", &p, &e), &e, ERR_NOT_FOUND,
                   "--user=1:no-such-group: there is no group \"no-such-group\"");
        assert_err(
                privileges_find("64242", &p, &e), &e, ERR_USAGE,
                "--user=64242: user 64242 has no name here: say which group, --user=64242:GROUP");
        assert_err(privileges_find("a:", &p, &e), &e, ERR_USAGE,
                   "--user=a:: neither USER nor USER:GROUP");
        assert_err(privileges_find(":a", &p, &e), &e, ERR_USAGE,
                   "--user=:a: neither USER nor USER:GROUP");
        assert_null(p.groups);
}

static bool status_has(const char *line)
{
        AUTO(buf_done) struct buf text = BUF_NULL(16384);

        return fs_read_file(AT_FDCWD, "/proc/self/status", &text) == 0 &&
               strstr(buf_str(&text), line);
}

static bool has_no_capability(void)
{
        return status_has("CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
                          "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
                          "CapAmb:\t0000000000000000\n");
}

/* 0: as it should be; the line that was not, else. */
static int drop_to_somebody(void)
{
        const gid_t groups[] = { 64243, 64244 };
        const struct privileges p = { 64242, 64243, (gid_t *)groups, 2 };
        struct err e;

        if (privileges_drop(&p, &e) < 0)
                return __LINE__;
        if (!status_has("Uid:\t64242\t64242\t64242\t64242\nGid:\t64243\t64243\t64243\t64243\n"))
                return __LINE__;
        if (!status_has("Groups:\t64243 64244 \n") || !has_no_capability())
                return __LINE__;
        if (setuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
                return __LINE__;
        /* Once more is no error, and somebody else is. */
        if (privileges_drop(&p, &e) < 0)
                return __LINE__;
        if (privileges_drop(&(struct privileges){ .uid = 1, .gid = 1 }, &e) == 0 ||
            e.kind != ERR_PERMISSION ||
            strcmp(e.text, "--user takes root, and we are user 64242") != 0)
                return __LINE__;
        return 0;
}

static int drop_as_root(void)
{
        struct err e;

        if (privileges_drop(NULL, &e) < 0 || geteuid() != 0 || !has_no_capability())
                return __LINE__;
        return setuid(1) == 0 ? __LINE__ : 0;
}

static void in_child(int (*fn)(void))
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(fn() & 0xff);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void nothing_is_left_of_root(void **state)
{
        (void)state;
        if (geteuid() != 0)
                skip();
        in_child(drop_to_somebody);
        in_child(drop_as_root);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(users_are_found_by_name_and_number),
                cmocka_unit_test(who_is_not_there_or_no_less_is_refused),
                cmocka_unit_test(nothing_is_left_of_root),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
