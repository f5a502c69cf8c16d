#include "server/store/store_dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/store/dataset_rows.h"
#include "server/store/private.h"
#include "server/store/stmt.h"

enum { NAMED_USERS = 3 }; /* experiments that a refusal names before it counts the rest */

/* ---- insert -------------------------------------------------------------------------------- */

static enum err insert_row(struct reader *r, const struct dataset_record *d, const struct table *t,
                           struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    char hash[DATASET_HASH_BYTES], decimal[2] = {t->decimal ? t->decimal : '.', '\0'};

    dataset_rows_hash(t, hash);
    TRY(stmt_begin(r,
                   "INSERT INTO dataset (name, owner, sha256, options, report, content_hash, task,"
                   "   task_reason, rows, features, bytes, duplicate_rows, rows_without_target,"
                   "   max_categories, format, delimiter, decimal, header, created_at_ms)"
                   " VALUES (coalesce(?1, 'dataset-' || (1 + coalesce("
                   "             (SELECT seq FROM sqlite_sequence WHERE name = 'dataset'), 0))),"
                   "   ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
                   "   ?18, ?19)",
                   &q, e));
    stmt_bind_text(&q, d->name);
    stmt_bind_text(&q, d->owner);
    stmt_bind_text(&q, d->sha256);
    stmt_bind_text(&q, d->options);
    stmt_bind_text(&q, d->report);
    stmt_bind_text(&q, hash);
    stmt_bind_text(&q, table_task_name(t->task));
    stmt_bind_text(&q, t->task_reason);
    stmt_bind_i64(&q, (int64_t)t->n_rows);
    stmt_bind_i64(&q, (int64_t)table_features(t));
    stmt_bind_i64(&q, d->bytes);
    stmt_bind_i64(&q, (int64_t)t->duplicate_rows);
    stmt_bind_i64(&q, (int64_t)t->rows_without_target);
    stmt_bind_i64(&q, (int64_t)t->max_categories);
    stmt_bind_text(&q, t->format);
    stmt_bind_text(&q, t->delimiter);
    stmt_bind_text(&q, decimal);
    stmt_bind_i64(&q, t->header);
    stmt_bind_i64(&q, d->created_at_ms);
    return stmt_run(&q, e);
}

static enum err name_taken(const char *name, struct error *e)
{
    if (!name)
        return error_set(e, ERR_CONFLICT, "the next data set's own name is taken: give a name");
    (void)error_set(e, ERR_CONFLICT, "the name \"%s\" is taken by another data set", name);
    (void)error_field(e, "name");
    return ERR_CONFLICT;
}

enum err store_dataset_insert(struct store *s, const struct dataset_record *record,
                              const struct table *table, int64_t *out_id, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    enum err failed;
    int64_t id;

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    failed = insert_row(&s->writer, record, table, e);
    if (failed == ERR_CONFLICT)
        return name_taken(record->name, e);
    TRY(failed);
    id = sqlite3_last_insert_rowid(s->writer.db);
    TRY(dataset_rows_insert(&s->writer, id, table, e));
    TRY(txn_commit(&txn, e));
    if (out_id)
        *out_id = id;
    return ERR_OK;
}

/* ---- records ------------------------------------------------------------------------------- */

#define SELECT_DATASET                                                                             \
    "SELECT id, name, owner, sha256, options, report, content_hash, task, rows, features, bytes,"  \
    "       created_at_ms"                                                                         \
    "  FROM dataset"

static void read_record(struct stmt *q, struct arena *a, struct dataset_record *d)
{
    d->id = stmt_i64(q);
    d->name = stmt_text(q, a);
    d->owner = stmt_text(q, a);
    d->sha256 = stmt_text(q, a);
    d->options = stmt_text(q, a);
    d->report = stmt_text(q, a);
    d->content_hash = stmt_text(q, a);
    d->task = stmt_text(q, a);
    d->rows = stmt_i64(q);
    d->features = stmt_i64(q);
    d->bytes = stmt_i64(q);
    d->created_at_ms = stmt_i64(q);
}

/* The one record of a bound statement. */
static enum err read_one(struct stmt *q, struct arena *a, struct dataset_record *out, bool *found,
                         struct error *e)
{
    struct dataset_record d = {0};

    TRY(stmt_next(q, found, e));
    if (!*found)
        return ERR_OK;
    read_record(q, a, &d);
    TRY(stmt_check(q, e));
    *out = d;
    return ERR_OK;
}

enum err store_dataset_get(struct reader *r, int64_t id, struct arena *a,
                           struct dataset_record *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool found;

    TRY(stmt_begin(r, SELECT_DATASET " WHERE id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    TRY(read_one(&q, a, out, &found, e));
    if (!found)
        return error_set(e, ERR_NOT_FOUND, "data set %" PRId64 " does not exist", id);
    return ERR_OK;
}

enum err store_dataset_find(struct reader *r, const char *name, struct arena *a,
                            struct dataset_record *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool found;

    TRY(stmt_begin(r, SELECT_DATASET " WHERE name = ?1", &q, e));
    stmt_bind_text(&q, name);
    TRY(read_one(&q, a, out, &found, e));
    if (!found)
        return error_set(e, ERR_NOT_FOUND, "data set \"%s\" does not exist", name);
    return ERR_OK;
}

enum err store_dataset_named(struct reader *r, const char *text, struct arena *a,
                             struct dataset_record *out, struct error *e)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 18 || text[digits] != '\0')
        return store_dataset_find(r, text, a, out, e);
    return store_dataset_get(r, strtoll(text, NULL, 10), a, out, e);
}

enum err store_dataset_find_same(struct reader *r, const char *sha256, const char *name,
                                 const char *options, struct arena *a, struct dataset_record *out,
                                 struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool found;

    TRY(stmt_begin(r,
                   SELECT_DATASET " WHERE sha256 = ?1 AND (?2 IS NULL OR name = ?2)"
                                  "   AND options = ?3"
                                  " ORDER BY id LIMIT 1",
                   &q, e));
    stmt_bind_text(&q, sha256);
    stmt_bind_text(&q, name);
    stmt_bind_text(&q, options);
    TRY(read_one(&q, a, out, &found, e));
    if (!found)
        return error_set(e, ERR_NOT_FOUND, "no data set was made from these bytes so far");
    return ERR_OK;
}

static enum err read_page(struct reader *r, int64_t after, int64_t limit, struct arena *a,
                          struct dataset_list *list, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t capacity = 0;
    bool row;

    TRY(stmt_begin(r, SELECT_DATASET " WHERE id > ?1 ORDER BY id LIMIT ?2", &q, e));
    stmt_bind_i64(&q, after);
    stmt_bind_i64(&q, limit + 1); /* one more, to know whether there is a next page */
    TRY(stmt_next(&q, &row, e));
    while (row && (int64_t)list->n < limit) {
        list->items = stmt_grow(a, list->items, list->n, &capacity, sizeof *list->items);
        if (!list->items)
            return error_no_memory(e);
        read_record(&q, a, &list->items[list->n++]);
        TRY(stmt_next(&q, &row, e));
    }
    list->next = row && list->n > 0 ? list->items[list->n - 1].id : -1;
    return ERR_OK;
}

enum err store_dataset_list(struct reader *r, int64_t after, int64_t limit, struct arena *a,
                            struct dataset_list *out, struct error *e)
{
    struct dataset_list list = {0};

    TRY(db_i64(r, "SELECT count(*) FROM dataset", &list.total, e));
    TRY(read_page(r, after, limit, a, &list, e));
    *out = list;
    return ERR_OK;
}

/* ---- the table ----------------------------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text ? text : "");
}

/* What the row of `dataset` itself knows about the table. */
static enum err read_table_facts(struct stmt *q, struct table *t, struct error *e)
{
    const char *task = stmt_peek_text(q), *reason = stmt_peek_text(q), *decimal;

    if (!task || !table_task_find(task, &t->task))
        return error_set(e, ERR_IO, "the data set's task is damaged");
    if (reason)
        TRY(table_set_reason(t, reason, e));
    t->duplicate_rows = (size_t)stmt_i64(q);
    t->rows_without_target = (size_t)stmt_i64(q);
    t->max_categories = (size_t)stmt_i64(q);
    copy_text(t->format, sizeof t->format, stmt_peek_text(q));
    copy_text(t->delimiter, sizeof t->delimiter, stmt_peek_text(q));
    decimal = stmt_peek_text(q);
    t->decimal = decimal ? decimal[0] : '.';
    t->header = stmt_i64(q) != 0;
    return stmt_check(q, e);
}

/* Makes a table of the right shape from the row of `dataset`. */
static enum err create_table(struct reader *r, int64_t id, struct table **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t n_rows, n_columns;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT rows,"
                   "       (SELECT count(*) FROM dataset_column AS c WHERE c.dataset_id = d.id),"
                   "       task, task_reason, duplicate_rows, rows_without_target, max_categories,"
                   "       format, delimiter, decimal, header"
                   "  FROM dataset AS d"
                   " WHERE id = ?1",
                   &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return error_set(e, ERR_NOT_FOUND, "data set %" PRId64 " does not exist", id);
    n_rows = (size_t)stmt_i64(&q);
    n_columns = (size_t)stmt_i64(&q);
    TRY(table_create(n_rows, n_columns, out, e));
    return read_table_facts(&q, *out, e);
}

static enum err load(struct reader *r, int64_t id, struct table **t, struct error *e)
{
    TRY(create_table(r, id, t, e));
    TRY(dataset_rows_load(r, id, *t, e));
    if ((*t)->task == TASK_CLASSIFICATION)
        TRY(table_count_classes(*t, e));
    return ERR_OK;
}

enum err store_dataset_load(struct reader *r, int64_t id, struct table **out, struct error *e)
{
    double deadline = db_lift_deadline(r);
    struct table *t = NULL;
    enum err failed = load(r, id, &t, e);

    r->deadline = deadline;
    if (failed) {
        table_destroy(t);
        return failed;
    }
    *out = t;
    return ERR_OK;
}

/* ---- delete -------------------------------------------------------------------------------- */

static enum err refuse_used(struct reader *r, int64_t id, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    CLEANUP(buf_finish) struct buf names = {0};
    size_t n = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT id, substr(name, 1, 60) FROM experiment WHERE dataset_id = ?1"
                   " ORDER BY id",
                   &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    for (; row; n++) {
        int64_t experiment = stmt_i64(&q);

        if (n < NAMED_USERS)
            buf_printf(&names, "%s%" PRId64 " \"%s\"", n ? ", " : "", experiment,
                       stmt_peek_text(&q));
        TRY(stmt_next(&q, &row, e));
    }
    if (n == 0)
        return ERR_OK;
    if (n > NAMED_USERS)
        buf_printf(&names, " and %zu more", n - NAMED_USERS);
    return error_set(e, ERR_CONFLICT, "data set %" PRId64 " is used by experiment %s", id,
                     buf_text(&names));
}

static enum err delete_row(struct reader *r, int64_t id, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r, "DELETE FROM dataset WHERE id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_run(&q, e));
    if (stmt_changes(&q) == 0)
        return error_set(e, ERR_NOT_FOUND, "data set %" PRId64 " does not exist", id);
    return ERR_OK;
}

enum err store_dataset_delete(struct store *s, int64_t id, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(refuse_used(&s->writer, id, e));
    TRY(delete_row(&s->writer, id, e));
    TRY(db_give_back(&s->writer, e));
    return txn_commit(&txn, e);
}
