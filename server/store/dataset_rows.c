#include "server/store/dataset_rows.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/stmt.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "chunks and hashes are little-endian");

enum { CHUNK_BYTES = 4 << 20, SOURCE_ROWS = -1 /* stands for a column's position */ };

/* The numbers of one column, whatever their type. */
struct numbers {
    const char *storage; /* as in dataset_chunk.storage */
    void *data;          /* NULL: a column without values */
    size_t size;         /* bytes of each */
};

static struct numbers numbers_of(const struct column *c)
{
    if (c->values)
        return (struct numbers){"f64", c->values, sizeof *c->values};
    return (struct numbers){"i32", c->codes, sizeof *c->codes};
}

static struct numbers source_rows(const struct table *t)
{
    return (struct numbers){"u32", t->source_row, sizeof *t->source_row};
}

/* ---- hash ---------------------------------------------------------------------------------- */

static void hash_bytes(struct sha256_ctx *h, const void *bytes, size_t n)
{
    if (n > 0)
        sha256_update(h, n, bytes);
}

static void hash_count(struct sha256_ctx *h, size_t n)
{
    uint64_t x = n;

    hash_bytes(h, &x, sizeof x);
}

static void hash_text(struct sha256_ctx *h, const char *text)
{
    hash_count(h, strlen(text));
    hash_bytes(h, text, strlen(text));
}

static void hash_column(struct sha256_ctx *h, const struct column *c, size_t n_rows)
{
    struct numbers x = numbers_of(c);

    hash_text(h, c->name);
    hash_text(h, table_role_name(c->role));
    hash_text(h, table_type_name(c->type));
    hash_count(h, c->label_bytes);
    hash_bytes(h, c->label_text, c->label_bytes);
    hash_count(h, x.data ? n_rows : 0);
    hash_bytes(h, x.data, x.data ? n_rows * x.size : 0);
}

void dataset_rows_hash(const struct table *t, char out[DATASET_HASH_BYTES])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx h;

    sha256_init(&h);
    hash_text(&h, table_task_name(t->task));
    hash_count(&h, t->n_rows);
    hash_count(&h, t->n_columns);
    for (size_t i = 0; i < t->n_columns; i++)
        hash_column(&h, &t->columns[i], t->n_rows);
    hash_count(&h, t->n_targets);
    for (size_t i = 0; i < t->n_targets; i++)
        hash_count(&h, t->targets[i]);
    sha256_digest(&h, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- in ------------------------------------------------------------------------------------ */

static enum err insert_chunks(struct reader *r, int64_t id, int64_t position, struct numbers x,
                              size_t n_rows, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t bytes = x.data ? n_rows * x.size : 0;

    TRY(stmt_begin(r,
                   "INSERT INTO dataset_chunk (dataset_id, position, chunk, storage, data)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)",
                   &q, e));
    for (size_t at = 0; at < bytes; at += CHUNK_BYTES) {
        stmt_bind_i64(&q, id);
        stmt_bind_i64(&q, position);
        stmt_bind_i64(&q, (int64_t)(at / CHUNK_BYTES));
        stmt_bind_text(&q, x.storage);
        stmt_bind_blob(&q, (const char *)x.data + at,
                       bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES);
        TRY(stmt_run(&q, e));
    }
    return ERR_OK;
}

static int64_t target_position(const struct table *t, size_t column)
{
    for (size_t i = 0; i < t->n_targets; i++)
        if (t->targets[i] == column)
            return (int64_t)i;
    return -1;
}

static enum err insert_column(struct reader *r, int64_t id, const struct table *t, size_t i,
                              struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    const struct column *c = &t->columns[i];

    TRY(stmt_begin(r,
                   "INSERT INTO dataset_column (dataset_id, position, name, role, type,"
                   "   target_position, has_values, labels, n_labels, missing, distinct_values,"
                   "   min, max, mean, std)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                   &q, e));
    stmt_bind_i64(&q, id);
    stmt_bind_i64(&q, (int64_t)i);
    stmt_bind_text(&q, c->name);
    stmt_bind_text(&q, table_role_name(c->role));
    stmt_bind_text(&q, table_type_name(c->type));
    stmt_bind_i64_or_null(&q, target_position(t, i), -1);
    stmt_bind_i64(&q, numbers_of(c).data != NULL);
    if (c->label_text)
        stmt_bind_blob(&q, c->label_text, c->label_bytes);
    else
        stmt_bind_null(&q);
    stmt_bind_i64(&q, (int64_t)c->n_labels);
    stmt_bind_i64(&q, (int64_t)c->missing);
    stmt_bind_i64(&q, (int64_t)c->distinct);
    stmt_bind_f64(&q, c->min);
    stmt_bind_f64(&q, c->max);
    stmt_bind_f64(&q, c->mean);
    stmt_bind_f64(&q, c->std);
    return stmt_run(&q, e);
}

static enum err insert_warnings(struct reader *r, int64_t id, const struct table *t,
                                struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO dataset_warning (dataset_id, position, sentence)"
                   " VALUES (?1, ?2, ?3)",
                   &q, e));
    for (size_t i = 0; i < t->n_warnings; i++) {
        stmt_bind_i64(&q, id);
        stmt_bind_i64(&q, (int64_t)i);
        stmt_bind_text(&q, t->warnings[i]);
        TRY(stmt_run(&q, e));
    }
    return ERR_OK;
}

enum err dataset_rows_insert(struct reader *r, int64_t id, const struct table *t, struct error *e)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        TRY(insert_column(r, id, t, i, e));
        TRY(insert_chunks(r, id, (int64_t)i, numbers_of(&t->columns[i]), t->n_rows, e));
    }
    TRY(insert_chunks(r, id, SOURCE_ROWS, source_rows(t), t->n_rows, e));
    return insert_warnings(r, id, t, e);
}

/* ---- out ----------------------------------------------------------------------------------- */

static enum err damaged(int64_t id, struct error *e)
{
    return error_set(e, ERR_IO, "the rows of data set %" PRId64 " are damaged", id);
}

static enum err read_kind(struct stmt *q, int64_t id, struct column *c, struct error *e)
{
    const char *role = stmt_peek_text(q);
    const char *type = stmt_peek_text(q);

    TRY(stmt_check(q, e));
    if (!role || !type || !table_role_find(role, &c->role) || !table_type_find(type, &c->type))
        return damaged(id, e);
    return ERR_OK;
}

static enum err read_labels(struct stmt *q, struct table *t, size_t column, struct error *e)
{
    size_t bytes;
    bool is_null = stmt_peek_type(q) == SQLITE_NULL;
    const char *text = stmt_peek_blob(q, &bytes);
    size_t n = (size_t)stmt_i64(q);

    return is_null ? ERR_OK : table_set_labels(t, column, text ? text : "", bytes, n, e);
}

/* One row of dataset_column, in the order of its SELECT. */
static enum err read_column(struct stmt *q, int64_t id, struct table *t, size_t i, size_t *targets,
                            struct error *e)
{
    struct column *c = &t->columns[i];
    const char *name = stmt_peek_text(q);
    int64_t target;

    TRY(stmt_check(q, e));
    TRY(table_set_name(t, i, name ? name : "", e));
    TRY(read_kind(q, id, c, e));
    target = stmt_i64_or(q, -1);
    if (target >= (int64_t)t->n_columns)
        return damaged(id, e);
    if (target >= 0)
        targets[target] = i;
    if (stmt_i64(q))
        TRY(table_set_type(t, i, c->type, e));
    TRY(read_labels(q, t, i, e));
    c->missing = (size_t)stmt_i64(q);
    c->distinct = (size_t)stmt_i64(q);
    c->min = stmt_f64(q);
    c->max = stmt_f64(q);
    c->mean = stmt_f64(q);
    c->std = stmt_f64(q);
    return ERR_OK;
}

static enum err load_columns(struct reader *r, int64_t id, struct table *t, size_t *targets,
                             struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t i = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT name, role, type, target_position, has_values, labels, n_labels,"
                   "       missing, distinct_values, min, max, mean, std"
                   "  FROM dataset_column"
                   " WHERE dataset_id = ?1"
                   " ORDER BY position",
                   &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    for (; row && i < t->n_columns; i++) {
        TRY(read_column(&q, id, t, i, targets, e));
        TRY(stmt_next(&q, &row, e));
    }
    return row || i < t->n_columns ? damaged(id, e) : ERR_OK;
}

/* The chunks of one column, one after another, must fill it exactly. */
static enum err load_chunks(struct reader *r, int64_t id, int64_t position, struct numbers x,
                            size_t n_rows, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t bytes = n_rows * x.size, at = 0, n;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT storage, data FROM dataset_chunk"
                   " WHERE dataset_id = ?1 AND position = ?2"
                   " ORDER BY chunk",
                   &q, e));
    stmt_bind_i64(&q, id);
    stmt_bind_i64(&q, position);
    TRY(stmt_next(&q, &row, e));
    for (; row; at += n) {
        const char *storage = stmt_peek_text(&q);
        const void *data = stmt_peek_blob(&q, &n);

        if (!storage || strcmp(storage, x.storage) != 0 || !data || n > bytes - at)
            return damaged(id, e);
        memcpy((char *)x.data + at, data, n);
        TRY(stmt_next(&q, &row, e));
    }
    return at == bytes ? ERR_OK : damaged(id, e);
}

static enum err load_source_rows(struct reader *r, int64_t id, struct table *t, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, "SELECT 1 FROM dataset_chunk WHERE dataset_id = ?1 AND position = ?2", &q,
                   e));
    stmt_bind_i64(&q, id);
    stmt_bind_i64(&q, SOURCE_ROWS);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return ERR_OK;
    t->source_row = malloc(mem_size(t->n_rows, sizeof *t->source_row));
    if (!t->source_row)
        return error_no_memory(e);
    return load_chunks(r, id, SOURCE_ROWS, source_rows(t), t->n_rows, e);
}

static enum err load_warnings(struct reader *r, int64_t id, struct table *t, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(
        r, "SELECT sentence FROM dataset_warning WHERE dataset_id = ?1 ORDER BY position", &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        TRY(table_warn(t, e, "%s", stmt_peek_text(&q)));
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

static size_t count_targets(const struct table *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_columns; i++)
        n += t->columns[i].role == ROLE_TARGET;
    return n;
}

enum err dataset_rows_load(struct reader *r, int64_t id, struct table *t, struct error *e)
{
    CLEANUP(mem_free) size_t *targets = calloc(t->n_columns + 1, sizeof *targets);

    if (!targets)
        return error_no_memory(e);
    TRY(load_columns(r, id, t, targets, e));
    TRY(table_set_targets(t, targets, count_targets(t), e));
    for (size_t i = 0; i < t->n_columns; i++) {
        struct numbers x = numbers_of(&t->columns[i]);

        if (x.data)
            TRY(load_chunks(r, id, (int64_t)i, x, t->n_rows, e));
    }
    TRY(load_source_rows(r, id, t, e));
    return load_warnings(r, id, t, e);
}
