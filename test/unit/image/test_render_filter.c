/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include <sys/xattr.h>

#include "image/render_priv.h"

/* Up to three layers, top first, and where the result goes. */
struct layers {
        struct test_dir dir;
        int fd[3];
        int to;
};

static void layers_done(struct layers *l)
{
        for (int i = 0; i < 3; i++)
                closep(&l->fd[i]);
        closep(&l->to);
        test_dir_done(&l->dir);
}

static int sub_dir(struct layers *l, const char *name)
{
        int fd;

        assert_int_equal(fs_mkdir(l->dir.fd, name, 0755), 0);
        fd = fs_open_dir(l->dir.fd, name);
        assert_true(fd >= 0);
        return fd;
}

static void layers_init(struct layers *l, const char *top, const char *middle, const char *bottom)
{
        test_dir_init(&l->dir);
        l->fd[0] = sub_dir(l, "top");
        l->fd[1] = sub_dir(l, "middle");
        l->fd[2] = sub_dir(l, "bottom");
        l->to = sub_dir(l, "to");
        assert_int_equal(fill_layer(l->fd[0], top, 't'), 0);
        assert_int_equal(fill_layer(l->fd[1], middle, 'm'), 0);
        assert_int_equal(fill_layer(l->fd[2], bottom, 'b'), 0);
}

static void filter(struct layers *l, const char *paths)
{
        AUTO(strv_done) struct strv list = STRV_NULL;
        AUTO_FREE char *copy = xstrdup(paths);
        char *rest = copy, *p;

        while ((p = strsep(&rest, " ")))
                strv_add(&list, p);
        assert_int_equal(image_filter_tree(l->fd, 3, &list, l->to), 0);
}

/* 't', 'm', 'b': the file's content; 'd': directory; 'l': symlink; '-': nothing there. */
static char at(struct layers *l, const char *path)
{
        AUTO_CLOSE int fd = -1;
        struct stat st;
        char c;

        if (fstatat(l->to, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return '-';
        if (S_ISDIR(st.st_mode))
                return 'd';
        if (S_ISLNK(st.st_mode))
                return 'l';
        fd = openat(l->to, path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, &c, 1), 1);
        return c;
}

#define AUTO_LAYERS AUTO(layers_done)
#define LAYERS_NULL                                                                                \
        {                                                                                          \
                .dir = { .fd = -1 }, .fd = { -1, -1, -1 }, .to = -1                                \
        }

static void the_topmost_file_is_linked(void **state)
{
        AUTO_LAYERS struct layers l = LAYERS_NULL;

        (void)state;
        layers_init(&l, "a", "a b", "a b c d");
        filter(&l, "/a /b /c /nope");
        assert_int_equal(at(&l, "a"), 't');
        assert_int_equal(at(&l, "b"), 'm');
        assert_int_equal(at(&l, "c"), 'b');
        assert_int_equal(at(&l, "d"), '-');
}

static void a_listed_directory_comes_empty_with_its_parents(void **state)
{
        AUTO_LAYERS struct layers l = LAYERS_NULL;

        (void)state;
        layers_init(&l, "", "x/y/ x/y/z x/w", "");
        filter(&l, "/x/y/");
        assert_int_equal(at(&l, "x/y"), 'd');
        assert_int_equal(at(&l, "x/y/z"), '-');
        assert_int_equal(at(&l, "x/w"), '-');
}

static void directories_merge_downwards_until_something_covers_them(void **state)
{
        AUTO_LAYERS struct layers l = LAYERS_NULL;

        (void)state;
        layers_init(&l, "d/ d/t e/", "d/ d/m e f/", "d/ d/b e/ e/b f/ f/b");
        filter(&l, "/d/t /d/m /d/b /e/b /f/b");
        assert_int_equal(at(&l, "d/t"), 't');
        assert_int_equal(at(&l, "d/m"), 'm');
        assert_int_equal(at(&l, "d/b"), 'b');
        assert_int_equal(at(&l, "e/b"), '-'); /* a file in the middle ended the directory */
        assert_int_equal(at(&l, "f/b"), 'b');
}

static void whiteouts_and_opaque_directories_hide_what_is_below(void **state)
{
        AUTO_LAYERS struct layers l = LAYERS_NULL;
        AUTO_CLOSE int opaque = -1;
        char value[2];

        (void)state;
        layers_init(&l, "a~ d/ d/x~", "b o/ o/m", "a b d/ d/x d/y o/ o/b");
        opaque = fs_open_dir(l.fd[1], "o");
        if (fsetxattr(opaque, "trusted.overlay.opaque", "y", 1, 0) < 0)
                skip();
        filter(&l, "/a /b /d/x /d/y /o/m /o/b");
        assert_int_equal(at(&l, "a"), '-');
        assert_int_equal(at(&l, "b"), 'm');
        assert_int_equal(at(&l, "d/x"), '-');
        assert_int_equal(at(&l, "d/y"), 'b');
        assert_int_equal(at(&l, "o/m"), 'm');
        assert_int_equal(at(&l, "o/b"), '-');
        closep(&opaque);
        opaque = fs_open_dir(l.to, "o");
        assert_int_equal(fgetxattr(opaque, "trusted.overlay.opaque", value, 2), -1);
}

static void symlinks_are_taken_but_never_followed(void **state)
{
        AUTO_LAYERS struct layers l = LAYERS_NULL;

        (void)state;
        layers_init(&l, "lib@/etc up@../../..", "", "lib/ lib/x");
        filter(&l, "/lib /lib/passwd /lib/x /up/etc/passwd /../etc /./lib");
        assert_int_equal(at(&l, "lib"), 'l');
        assert_int_equal(at(&l, "up"), '-');
        assert_int_equal(count_in(l.to), 1);
}

static void modes_owners_and_times_are_kept(void **state)
{
        AUTO_LAYERS struct layers l = LAYERS_NULL;
        const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
        struct stat st;

        (void)state;
        layers_init(&l, "", "", "d/ d//e/ d/f d/e/g");
        assert_int_equal(fchmodat(l.fd[2], "d", 01750, 0), 0);
        assert_int_equal(utimensat(l.fd[2], "d/e", times, 0), 0);
        assert_int_equal(utimensat(l.fd[2], "d", times, 0), 0);
        assert_int_equal(fchmod(l.fd[0], 0711), 0);
        filter(&l, "/d/f //d//./e/g");
        assert_int_equal(fstatat(l.to, "d", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 01750);
        assert_int_equal(st.st_mtim.tv_sec, 2000);
        assert_int_equal(fstatat(l.to, "d/e", &st, 0), 0);
        assert_int_equal(st.st_mtim.tv_sec, 2000);
        assert_int_equal(fstat(l.to, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0711);
        assert_int_equal(at(&l, "d/e/g"), 'b');
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_topmost_file_is_linked),
                cmocka_unit_test(a_listed_directory_comes_empty_with_its_parents),
                cmocka_unit_test(directories_merge_downwards_until_something_covers_them),
                cmocka_unit_test(whiteouts_and_opaque_directories_hide_what_is_below),
                cmocka_unit_test(symlinks_are_taken_but_never_followed),
                cmocka_unit_test(modes_owners_and_times_are_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
