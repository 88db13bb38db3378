/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <sys/resource.h>

#include "api/filter.h"
#include "util/mem.h"

#define ZEROS   "00000000000000000000000000000000000000000000000000000000000000"
#define IMAGE_A "sha512-aa" ZEROS
#define IMAGE_B "sha512-ab" ZEROS
#define IMAGE_C "sha512-cc" ZEROS
#define RECORDS "data/images/records/"

static void write_record(struct node *n, const char *dir, const char *id, const char *name,
                         int imported_s)
{
        AUTO_FREE char *record = xasprintf(
                "{\"id\":\"%s\",\"format\":\"oci\",\"format_version\":\"1.0.0\",\"name\":\"%s\","
                "\"version\":\"1.0\",\"layers\":[\"1\"],\"size\":1,\"imported_at\":%d000000000}",
                id, name, imported_s);
        AUTO_FREE char *manifest = xasprintf(
                "{\"acKind\":\"ImageManifest\",\"acVersion\":\"0.8.11\",\"name\":\"%s\"}", name);
        AUTO_FREE char *to = xasprintf("%s/record.json", dir);
        AUTO_FREE char *to_manifest = xasprintf("%s/manifest", dir);

        node_mkdirs(n, dir);
        node_write(n, to, record);
        node_write(n, to_manifest, manifest);
}

/* As an import does it: made elsewhere, and there by one rename. */
static void import(struct node *n, const char *id, const char *name, int imported_s)
{
        AUTO_FREE char *to = xasprintf(RECORDS "%s", id);

        write_record(n, "data/tmp", id, name, imported_s);
        node_mkdirs(n, "data/images/records");
        assert_int_equal(renameat(n->dir.fd, "data/tmp", n->dir.fd, to), 0);
}

/* "name name ..." in the order of the index. */
static void assert_images(struct node *n, const char *expected)
{
        AUTO(buf_done) struct buf names = BUF_NULL(10000);

        node_sync_images(n);
        for (size_t k = 0; k < image_index_count(n->images); k++) {
                struct text name = image_encoded_name(&image_index_at(n->images, k)->encoded);

                assert_int_equal(buf_printf(&names, "%s%.*s", k ? " " : "", (int)name.len, name.s),
                                 0);
        }
        assert_string_equal(buf_str(&names), expected);
}

static enum err_kind find_kind(struct node *n, const char *prefix, const char *part_of_text)
{
        const struct image_entry *image;
        struct err e;

        node_sync_images(n);
        assert_int_equal(image_index_find(n->images, prefix, &image, &e), -1);
        assert_non_null(strstr(e.text, part_of_text));
        return e.kind;
}

static void oldest_import_comes_first_then_the_id(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        assert_images(&n, "");
        import(&n, IMAGE_A, "new", 300);
        import(&n, IMAGE_C, "old-c", 100);
        import(&n, IMAGE_B, "old-b", 100);
        assert_images(&n, "old-b old-c new");
        assert_int_equal(image_index_before(n.images, 100 * NSEC_PER_SEC, IMAGE_B), 0);
        assert_int_equal(image_index_before(n.images, 100 * NSEC_PER_SEC, IMAGE_C), 1);
        assert_int_equal(image_index_before(n.images, 200 * NSEC_PER_SEC, IMAGE_A), 2);
}

static void images_that_were_there_before_are_found(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        import(&n, IMAGE_A, "a", 1);
        import(&n, IMAGE_B, "b", 2);
        node_start(&n, 0);
        assert_images(&n, "a b");
}

static void images_come_and_go_by_rename(void **state)
{
        AUTO_NODE n;
        uint64_t generation;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "a", 1);
        assert_images(&n, "a");
        generation = image_index_generation(n.images);
        assert_images(&n, "a");
        assert_int_equal(image_index_generation(n.images), generation);
        assert_int_equal(renameat(n.dir.fd, RECORDS IMAGE_A, n.dir.fd, "gone"), 0);
        assert_images(&n, "");
        assert_true(image_index_generation(n.images) > generation);
        assert_null(image_index_get(n.images, IMAGE_A));
        assert_int_equal(renameat(n.dir.fd, "gone", n.dir.fd, RECORDS IMAGE_A), 0);
        assert_images(&n, "a");
}

/* The importer does so with a broken record. */
static void an_exchange_is_followed(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "before", 1);
        assert_images(&n, "before");
        write_record(&n, "tmp", IMAGE_A, "after", 2);
        assert_int_equal(renameat2(n.dir.fd, "tmp", n.dir.fd, RECORDS IMAGE_A, RENAME_EXCHANGE), 0);
        assert_images(&n, "after");
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "later", 3); /* the new one is watched */
        assert_images(&n, "later");
        write_record(&n, "tmp", IMAGE_A, "nobody", 4); /* the old one is not */
        assert_images(&n, "later");
}

static void what_is_written_in_place_is_seen(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, RECORDS IMAGE_A);
        assert_images(&n, "");
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "a", 1);
        assert_images(&n, "a");
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "b", 1);
        assert_images(&n, "b");
}

static void what_clients_are_not_told_changes_nothing(void **state)
{
        AUTO_NODE n;
        uint64_t generation;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "a", 1);
        assert_images(&n, "a");
        generation = image_index_generation(n.images);
        node_write(&n, RECORDS IMAGE_A "/last-used", "");
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "a", 1);
        assert_images(&n, "a");
        assert_int_equal(image_index_generation(n.images), generation);
}

static void a_broken_record_is_left_out_until_it_is_repaired(void **state)
{
        AUTO_NODE n;
        struct image_index_stats stats;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "a", 1);
        import(&n, IMAGE_B, "b", 2);
        assert_images(&n, "a b");
        node_write(&n, RECORDS IMAGE_A "/record.json", "{");
        assert_images(&n, "b");
        assert_int_equal(find_kind(&n, IMAGE_A, IMAGE_A "\": record.json: "), ERR_BAD_DATA);
        image_index_stats(n.images, &stats);
        assert_int_equal(stats.broken, 1);
        assert_int_equal(unlinkat(n.dir.fd, RECORDS IMAGE_B "/manifest", 0), 0);
        assert_images(&n, "");
        write_record(&n, RECORDS IMAGE_A, IMAGE_A, "a", 1);
        write_record(&n, RECORDS IMAGE_B, IMAGE_B, "b", 2);
        assert_images(&n, "a b");
        image_index_stats(n.images, &stats);
        assert_int_equal(stats.broken, 0);
        assert_int_equal(stats.images, 2);
}

static void what_is_no_record_is_no_image(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_init(&n);
        node_mkdirs(&n, RECORDS "lost+found");
        node_write(&n, RECORDS IMAGE_A, "a file");
        assert_int_equal(symlinkat("/etc", n.dir.fd, RECORDS IMAGE_B), 0);
        assert_images(&n, "");
        assert_int_equal(find_kind(&n, IMAGE_A, "not a directory"), ERR_BAD_DATA);
        assert_int_equal(find_kind(&n, IMAGE_B, "not a directory"), ERR_BAD_DATA);
        assert_int_equal(unlinkat(n.dir.fd, RECORDS IMAGE_A, 0), 0);
        import(&n, IMAGE_A, "a", 1);
        assert_images(&n, "a");
}

static void directories_above_come_go_and_are_replaced(void **state)
{
        AUTO_NODE n;

        (void)state;
        node_dir(&n);
        node_start(&n, 0);
        assert_images(&n, "");
        import(&n, IMAGE_A, "a", 1);
        assert_images(&n, "a");
        assert_int_equal(renameat(n.dir.fd, "data/images/records", n.dir.fd, "old-records"), 0);
        assert_images(&n, "");
        import(&n, IMAGE_B, "b", 1);
        assert_images(&n, "b");
        assert_int_equal(renameat(n.dir.fd, "data/images", n.dir.fd, "old-images"), 0);
        assert_images(&n, "");
        import(&n, IMAGE_C, "c", 1);
        assert_images(&n, "c");
        assert_int_equal(renameat(n.dir.fd, "data", n.dir.fd, "old-data"), 0);
        assert_images(&n, "");
        import(&n, IMAGE_A, "again", 1);
        assert_images(&n, "again");
        node_remove(&n, "data/images");
        assert_images(&n, "");
        assert_int_equal(renameat(n.dir.fd, "old-images", n.dir.fd, "data/images"), 0);
        assert_images(&n, "b");
}

static void an_id_is_found_by_its_beginning(void **state)
{
        AUTO_NODE n;
        const struct image_entry *image;
        struct err e;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "a", 1);
        import(&n, IMAGE_B, "b", 2);
        import(&n, IMAGE_C, "c", 3);
        node_sync_images(&n);
        assert_ok(image_index_find(n.images, "sha512-aa", &image, &e), &e);
        assert_string_equal(image->id, IMAGE_A);
        assert_ok(image_index_find(n.images, IMAGE_C, &image, &e), &e);
        assert_string_equal(image->id, IMAGE_C);
        assert_ok(image_index_find(n.images, IMAGE_B ZEROS, &image, &e), &e); /* a whole SHA-512 */
        assert_string_equal(image->id, IMAGE_B);
        assert_ptr_equal(image, image_index_get(n.images, IMAGE_B));
        assert_int_equal(find_kind(&n, "sha512-0a", "image \"sha512-0a\" is not in the store"),
                         ERR_NOT_FOUND);
        assert_int_equal(find_kind(&n, "", "no image id given"), ERR_USAGE);
        assert_int_equal(find_kind(&n, "sha512-a", "sha512-a"), ERR_USAGE);
        assert_int_equal(find_kind(&n, "sha512-AA", "lower-case"), ERR_USAGE);
        assert_int_equal(find_kind(&n, "a", "image id \"a\""), ERR_USAGE);
        assert_int_equal(find_kind(&n, IMAGE_B ZEROS "000", "not"), ERR_USAGE);
        import(&n,
               "sha512-aa1"
               "1"
               "000000000000000000000000000000000000000000000000000000000000",
               "d", 4);
        assert_int_equal(find_kind(&n, "sha512-aa", "ambiguous, 2 images match"), ERR_AMBIGUOUS);
}

static void names_are_looked_up(void **state)
{
        AUTO_NODE n;
        const struct lookup_node *node;
        size_t count;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "coreos.com/etcd", 1);
        import(&n, IMAGE_B, "k8s.io/etcd", 2);
        assert_images(&n, "coreos.com/etcd k8s.io/etcd");
        node = image_index_by_name(n.images, text_of("k8s.io/etcd"), &count);
        assert_int_equal(count, 1);
        assert_string_equal(((const struct image_entry *)node->item)->id, IMAGE_B);
        (void)image_index_by_base_name(n.images, text_of("etcd"), &count);
        assert_int_equal(count, 2);
        assert_null(image_index_by_name(n.images, text_of("etcd"), NULL));
        write_record(&n, RECORDS IMAGE_B, IMAGE_B, "other", 2);
        assert_images(&n, "coreos.com/etcd other");
        (void)image_index_by_base_name(n.images, text_of("etcd"), &count);
        assert_int_equal(count, 1);
}

static void a_list_is_made_once_per_change(void **state)
{
        AUTO_NODE n;
        AUTO(grpc_blob_unrefp) struct grpc_blob *one = NULL, *two = NULL, *brief = NULL;
        V1alpha__ListImagesResponse *list;
        struct err e;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "a", 1);
        import(&n, IMAGE_B, "b", 2);
        node_sync_images(&n);
        one = image_index_list(n.images, true, &e);
        two = image_index_list(n.images, true, &e);
        brief = image_index_list(n.images, false, &e);
        assert_ptr_equal(one, two);
        assert_true(brief->len < one->len);
        list = v1alpha__list_images_response__unpack(NULL, one->len, one->data);
        assert_non_null(list);
        assert_int_equal(list->n_images, 2);
        assert_string_equal(list->images[1]->id, IMAGE_B);
        assert_true(list->images[1]->manifest.len > 0);
        v1alpha__list_images_response__free_unpacked(list, NULL);
        import(&n, IMAGE_C, "c", 3);
        node_sync_images(&n);
        (void)grpc_blob_unref(two);
        two = image_index_list(n.images, true, &e);
        assert_true(two->len > one->len);
}

static size_t descriptors(void)
{
        DIR *dir = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        (void)closedir(dir);
        return n;
}

static void no_descriptor_stays_open(void **state)
{
        AUTO_NODE n;
        size_t before;

        (void)state;
        node_init(&n);
        node_sync_images(&n);
        before = descriptors();
        import(&n, IMAGE_A, "a", 1);
        import(&n, IMAGE_B, "b", 2);
        node_write(&n, RECORDS IMAGE_A "/manifest", "broken");
        assert_images(&n, "b");
        assert_int_equal(descriptors(), before);
}

/* Without descriptors nothing can be read: that is said at once, and everything is right again when there are some. */
static void a_lack_of_descriptors_is_told_and_passes(void **state)
{
        AUTO_NODE n;
        struct rlimit limit, none;
        struct err e;
        int r = 0;

        (void)state;
        node_init(&n);
        import(&n, IMAGE_A, "a", 1);
        assert_images(&n, "a");
        import(&n, IMAGE_B, "b", 2);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        node_sync_images(&n);
        r = image_index_check(n.images, &e);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(r, -1);
        assert_int_equal(e.kind, ERR_NO_SPACE);
        for (int i = 0; i < 10000 && image_index_check(n.images, &e) < 0; i++) {
                (void)uv_run(&n.loop, UV_RUN_NOWAIT);
                (void)usleep(1000);
        }
        assert_images(&n, "a b");
}

/* Half of the watches is for pods: what has none is counted, and comes and goes all the same. */
static void too_few_watches_are_said_and_records_still_come_and_go(void **state)
{
        enum { BUDGET = 40, MANY = 30 };
        AUTO_NODE n;
        struct image_index_stats stats;

        (void)state;
        node_dir(&n);
        node_mkdirs(&n, "data/pods/run");
        node_start(&n, BUDGET);
        for (int k = 0; k < MANY; k++) {
                AUTO_FREE char *id = xasprintf("sha512-%064d", k);

                import(&n, id, "x", k);
        }
        import(&n, IMAGE_A, "a", MANY);
        node_sync_images(&n);
        assert_int_equal(image_index_count(n.images), MANY + 1);
        assert_true(watch_room(index_watch(n.index)) >= BUDGET / 2);
        image_index_stats(n.images, &stats);
        assert_true(stats.unwatched > MANY - BUDGET / 2 && stats.unwatched < MANY);
        assert_int_equal(renameat(n.dir.fd, RECORDS IMAGE_A, n.dir.fd, "gone"), 0);
        node_sync_images(&n);
        assert_int_equal(image_index_count(n.images), MANY);
}

static void a_call_waits_for_what_was_there_when_it_came(void **state)
{
        enum { MANY = 200 };
        AUTO_NODE n;
        struct image_index_stats stats;

        (void)state;
        node_init(&n);
        node_sync_images(&n);
        for (int k = 0; k < MANY; k++) {
                AUTO_FREE char *id = xasprintf("sha512-%064d", k);

                import(&n, id, "x", k);
        }
        assert_false(image_index_sync(n.images));
        node_sync_images(&n);
        assert_int_equal(image_index_count(n.images), MANY);
        image_index_stats(n.images, &stats);
        assert_int_equal(stats.pending, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(oldest_import_comes_first_then_the_id),
                cmocka_unit_test(images_that_were_there_before_are_found),
                cmocka_unit_test(images_come_and_go_by_rename),
                cmocka_unit_test(an_exchange_is_followed),
                cmocka_unit_test(what_is_written_in_place_is_seen),
                cmocka_unit_test(what_clients_are_not_told_changes_nothing),
                cmocka_unit_test(a_broken_record_is_left_out_until_it_is_repaired),
                cmocka_unit_test(what_is_no_record_is_no_image),
                cmocka_unit_test(directories_above_come_go_and_are_replaced),
                cmocka_unit_test(an_id_is_found_by_its_beginning),
                cmocka_unit_test(names_are_looked_up),
                cmocka_unit_test(a_list_is_made_once_per_change),
                cmocka_unit_test(no_descriptor_stays_open),
                cmocka_unit_test(a_lack_of_descriptors_is_told_and_passes),
                cmocka_unit_test(too_few_watches_are_said_and_records_still_come_and_go),
                cmocka_unit_test(a_call_waits_for_what_was_there_when_it_came),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
