/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user typed -> the id of an image. A name is looked for in record.json alone, one small
 * file per image; the manifest is read only where labels have to be compared.
 */
#include "image/view.h"

#include <errno.h>
#include <string.h>

#include "image/view_priv.h"
#include "util/auto.h"
#include "util/mem.h"

static int resolve_id(int records, const char *prefix, char ret_id[static IMAGE_ID_LEN + 1],
                      struct err *e)
{
        AUTO(strv_done) struct strv ids = STRV_NULL;
        const char *found = NULL;
        size_t n = 0;

        if (image_record_ids(records, &ids, e) < 0)
                return -1;
        for (size_t i = 0; i < ids.n; i++) {
                if (strncmp(ids.v[i], prefix, strlen(prefix)) != 0)
                        continue;
                found = ids.v[i];
                n++;
        }
        if (n == 0)
                return err_set(e, ERR_NOT_FOUND, 0, "no image IDs found");
        if (n > 1)
                return err_set(e, ERR_AMBIGUOUS, 0, "ambiguous image ID \"%s\": %zu images match",
                               prefix, n);
        memcpy(ret_id, found, IMAGE_ID_LEN + 1);
        return 0;
}

enum fit { FIT_NONE, FIT_TAIL, FIT_EXACT };

static enum fit name_fits(const char *name, const char *wanted)
{
        size_t n = strlen(name), m = strlen(wanted);

        if (strcmp(name, wanted) == 0)
                return FIT_EXACT;
        return n > m && name[n - m - 1] == '/' && strcmp(name + n - m, wanted) == 0 ? FIT_TAIL
                                                                                    : FIT_NONE;
}

static bool labels_fit(int records, const char *id, const struct image_ref *ref)
{
        AUTO(image_view_done) struct image_view v = { 0 };
        struct err ignored;

        if (ref->label_names.n == 0)
                return true;
        if (image_view_read_at(records, id, &v, &ignored) < 0)
                return false;
        for (size_t i = 0; i < ref->label_names.n; i++) {
                const char *value = kv_list_get(&v.parsed->labels, ref->label_names.v[i]);

                if (!value || strcmp(value, ref->label_values.v[i]) != 0)
                        return false;
        }
        return true;
}

/* The best so far of one kind of fit. */
struct candidate {
        char id[IMAGE_ID_LEN + 1]; /* "": none yet */
        nsec at;
        struct strv names; /* all different names that fit */
};

static void candidate_done(struct candidate *c)
{
        strv_done(&c->names);
}

static void candidate_consider(struct candidate *c, const char *id, const char *name, nsec at)
{
        if (!strv_contains(&c->names, name))
                strv_add(&c->names, name);
        if (c->id[0] && (at < c->at || (at == c->at && strcmp(id, c->id) <= 0)))
                return;
        memcpy(c->id, id, IMAGE_ID_LEN + 1);
        c->at = at;
}

struct search {
        int records;
        const struct image_ref *ref; /* borrowed */
        struct candidate exact, tail;
};

static void search_done(struct search *s)
{
        candidate_done(&s->exact);
        candidate_done(&s->tail);
}

static void consider_name(struct search *s, const struct image_record *r, const char *name,
                          const char *version, nsec at)
{
        enum fit fit = name_fits(name, s->ref->text);

        if (fit == FIT_NONE ||
            (s->ref->tag && strcmp(s->ref->tag, version ? version : "latest") != 0))
                return;
        if (labels_fit(s->records, r->id, s->ref))
                candidate_consider(fit == FIT_EXACT ? &s->exact : &s->tail, r->id, name, at);
}

static void scan(struct search *s, const struct strv *ids)
{
        for (size_t i = 0; i < ids->n; i++) {
                AUTO(image_record_done) struct image_record r = IMAGE_RECORD_NULL;
                const char *digest = s->ref->digest;
                struct err ignored;

                if (image_record_read(s->records, ids->v[i], &r, &ignored) < 0)
                        continue;
                if (digest && (!r.manifest_digest || strcmp(digest, r.manifest_digest) != 0))
                        continue;
                consider_name(s, &r, r.name, r.version, r.imported_at);
                for (size_t k = 0; k < r.n_names; k++)
                        consider_name(s, &r, r.names[k].name, r.names[k].version, r.names[k].at);
        }
}

static void describe_labels(const struct image_ref *ref, struct buf *out)
{
        const char *comma = "";

        if (ref->tag) {
                (void)buf_printf(out, "version=%s", ref->tag);
                comma = ", ";
        }
        for (size_t i = 0; i < ref->label_names.n; i++) {
                (void)buf_printf(out, "%s%s=%s", comma, ref->label_names.v[i],
                                 ref->label_values.v[i]);
                comma = ", ";
        }
}

static int name_not_found(const struct image_ref *ref, struct err *e)
{
        AUTO(buf_done) struct buf labels = BUF_NULL(300);

        describe_labels(ref, &labels);
        return err_set(e, ERR_NOT_FOUND, 0,
                       "cannot find image satisfying name: \"%.300s\"%s%s and labels: [%s] in the "
                       "local store",
                       ref->text, ref->digest ? ", digest: " : "", ref->digest ? ref->digest : "",
                       buf_str(&labels));
}

static int name_ambiguous(const struct image_ref *ref, struct strv *names, struct err *e)
{
        AUTO(buf_done) struct buf list = BUF_NULL(600);

        strv_sort(names);
        for (size_t i = 0; i < names->n; i++)
                if (buf_printf(&list, "%s%s", i ? ", " : "", names->v[i]) < 0)
                        break;
        return err_set(e, ERR_AMBIGUOUS, 0, "image name \"%.200s\" is ambiguous: it may be %s",
                       ref->text, buf_str(&list));
}

static int resolve_name(int records, const struct image_ref *ref, bool only_exact,
                        char ret_id[static IMAGE_ID_LEN + 1], struct err *e)
{
        AUTO(strv_done) struct strv ids = STRV_NULL;
        AUTO(search_done) struct search s = { .records = records, .ref = ref };
        const struct candidate *best = &s.exact;

        if (image_record_ids(records, &ids, e) < 0)
                return -1;
        scan(&s, &ids);
        if (!s.exact.id[0] && !only_exact) {
                if (s.tail.names.n > 1)
                        return name_ambiguous(ref, &s.tail.names, e);
                best = &s.tail;
        }
        if (!best->id[0])
                return name_not_found(ref, e);
        memcpy(ret_id, best->id, IMAGE_ID_LEN + 1);
        return 0;
}

int image_resolve_at(int records_fd, const struct image_ref *ref, bool exact,
                     char ret_id[static IMAGE_ID_LEN + 1], struct err *e)
{
        if (ref->kind == IMAGE_REF_ID)
                return resolve_id(records_fd, ref->text, ret_id, e);
        if (ref->kind == IMAGE_REF_NAME)
                return resolve_name(records_fd, ref, exact, ret_id, e);
        return err_set(e, ERR_USAGE, 0, "\"%.200s\" does not name an image in the store",
                       ref->text);
}

int image_resolve(int data_fd, const struct image_ref *ref, char ret_id[static IMAGE_ID_LEN + 1],
                  struct err *e)
{
        AUTO_CLOSE int records = image_records_open(data_fd);

        return image_resolve_at(records, ref, false, ret_id, e);
}

int image_resolve_text(int data_fd, const char *text, char ret_id[static IMAGE_ID_LEN + 1],
                       struct err *e)
{
        AUTO(image_ref_done) struct image_ref ref = IMAGE_REF_NULL;

        return image_ref_parse(text, &ref, e) < 0 ? -1 : image_resolve(data_fd, &ref, ret_id, e);
}
