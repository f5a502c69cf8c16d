#include "server/store/stmt.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- the cache ----------------------------------------------------------------------------- */

/* The slot of a text, or the empty one where it belongs; NULL if the cache is full. */
static struct cached *find_slot(struct reader *r, const char *sql)
{
    size_t start = (size_t)(((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

    for (size_t i = 0; i < DB_CACHE_SLOTS; i++) {
        struct cached *c = &r->cache[(start + i) & (DB_CACHE_SLOTS - 1)];

        if (!c->sql || c->sql == sql)
            return c;
    }
    return NULL;
}

static enum err prepare(struct reader *r, const char *sql, unsigned flags, sqlite3_stmt **out,
                        struct error *e)
{
    int rc = sqlite3_prepare_v3(r->db, sql, -1, flags, out, NULL);

    return rc == SQLITE_OK ? ERR_OK : db_error(r, rc, e);
}

enum err stmt_begin(struct reader *r, const char *sql, struct stmt *q, struct error *e)
{
    struct cached *c = find_slot(r, sql);

    *q = (struct stmt){.reader = r};
    if (!c || c->in_use)
        return prepare(r, sql, 0, &q->raw, e);
    if (!c->raw)
        TRY(prepare(r, sql, SQLITE_PREPARE_PERSISTENT, &c->raw, e));
    c->sql = sql;
    c->in_use = true;
    q->cached = c;
    q->raw = c->raw;
    return ERR_OK;
}

void stmt_end(struct stmt *q)
{
    if (q->cached) {
        (void)sqlite3_reset(q->raw); /* repeats an error that was reported */
        (void)sqlite3_clear_bindings(q->raw);
        q->cached->in_use = false;
    } else {
        (void)sqlite3_finalize(q->raw);
    }
    *q = (struct stmt){0};
}

void stmt_again(struct stmt *q)
{
    (void)sqlite3_reset(q->raw); /* repeats an error that was reported */
    q->n_bound = q->n_read = 0;
}

/* ---- parameters ---------------------------------------------------------------------------- */

static void note(struct stmt *q, int rc)
{
    if (rc != SQLITE_OK && q->failed == SQLITE_OK)
        q->failed = rc;
}

void stmt_bind_i64(struct stmt *q, int64_t x)
{
    note(q, sqlite3_bind_int64(q->raw, ++q->n_bound, x));
}

void stmt_bind_i64_or_null(struct stmt *q, int64_t x, int64_t null)
{
    if (x == null)
        stmt_bind_null(q);
    else
        stmt_bind_i64(q, x);
}

void stmt_bind_f64(struct stmt *q, double x)
{
    if (isfinite(x))
        note(q, sqlite3_bind_double(q->raw, ++q->n_bound, x));
    else
        stmt_bind_null(q);
}

void stmt_bind_text(struct stmt *q, const char *text)
{
    note(q, sqlite3_bind_text(q->raw, ++q->n_bound, text, -1, SQLITE_STATIC));
}

void stmt_bind_text_copy(struct stmt *q, const char *text)
{
    note(q, sqlite3_bind_text(q->raw, ++q->n_bound, text, -1, SQLITE_TRANSIENT));
}

void stmt_bind_blob(struct stmt *q, const void *bytes, size_t n)
{
    /* A null pointer would bind NULL where an empty blob is meant. */
    note(q, sqlite3_bind_blob64(q->raw, ++q->n_bound, bytes ? bytes : "", n, SQLITE_STATIC));
}

void stmt_bind_null(struct stmt *q)
{
    note(q, sqlite3_bind_null(q->raw, ++q->n_bound));
}

static void bind_key(struct stmt *q, const struct value *key)
{
    if (key->kind == VALUE_INT)
        stmt_bind_i64(q, key->integer);
    else if (key->kind == VALUE_REAL)
        stmt_bind_f64(q, key->real);
    else
        stmt_bind_text(q, key->kind == VALUE_TEXT ? key->text : NULL);
}

void stmt_bind_bookmark(struct stmt *q, const struct bookmark *k)
{
    static const struct bookmark none;

    k = k ? k : &none;
    stmt_bind_i64_or_null(q, k->id, 0);
    bind_key(q, &k->key);
}

/* ---- steps --------------------------------------------------------------------------------- */

enum err stmt_check(const struct stmt *q, struct error *e)
{
    return q->failed == SQLITE_OK ? ERR_OK : db_error(q->reader, q->failed, e);
}

enum err stmt_next(struct stmt *q, bool *row, struct error *e)
{
    int rc;

    assert(sqlite3_bind_parameter_count(q->raw) == q->n_bound);
    TRY(stmt_check(q, e));
    rc = sqlite3_step(q->raw);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_error(q->reader, rc, e);
    *row = rc == SQLITE_ROW;
    q->n_read = 0;
    return ERR_OK;
}

enum err stmt_run(struct stmt *q, struct error *e)
{
    bool row;

    TRY(stmt_next(q, &row, e));
    stmt_again(q);
    return ERR_OK;
}

int64_t stmt_changes(const struct stmt *q)
{
    return sqlite3_changes64(q->reader->db);
}

/* ---- columns ------------------------------------------------------------------------------- */

int stmt_peek_type(const struct stmt *q)
{
    return sqlite3_column_type(q->raw, q->n_read);
}

int64_t stmt_i64(struct stmt *q)
{
    return sqlite3_column_int64(q->raw, q->n_read++);
}

int64_t stmt_i64_or(struct stmt *q, int64_t null)
{
    bool is_null = stmt_peek_type(q) == SQLITE_NULL;
    int64_t x = stmt_i64(q);

    return is_null ? null : x;
}

double stmt_f64(struct stmt *q)
{
    bool is_null = stmt_peek_type(q) == SQLITE_NULL;
    double x = sqlite3_column_double(q->raw, q->n_read++);

    return is_null ? (double)NAN : x;
}

const char *stmt_peek_text(struct stmt *q)
{
    bool is_null = stmt_peek_type(q) == SQLITE_NULL;
    const char *text = (const char *)sqlite3_column_text(q->raw, q->n_read++);

    if (!text && !is_null)
        note(q, SQLITE_NOMEM);
    return text;
}

const char *stmt_text(struct stmt *q, struct arena *a)
{
    const char *text = stmt_peek_text(q);
    const char *copy = text ? arena_strdup(a, text) : NULL;

    if (text && !copy)
        note(q, SQLITE_NOMEM);
    return copy;
}

const void *stmt_peek_blob(struct stmt *q, size_t *n)
{
    const void *bytes = sqlite3_column_blob(q->raw, q->n_read);

    *n = (size_t)sqlite3_column_bytes(q->raw, q->n_read++);
    return bytes;
}

struct value stmt_key(struct stmt *q, struct arena *a)
{
    switch (stmt_peek_type(q)) {
    case SQLITE_INTEGER:
        return (struct value){.kind = VALUE_INT, .integer = stmt_i64(q)};
    case SQLITE_FLOAT:
        return (struct value){.kind = VALUE_REAL, .real = stmt_f64(q)};
    case SQLITE_TEXT:
        return (struct value){.kind = VALUE_TEXT, .text = stmt_text(q, a)};
    }
    (void)stmt_i64(q); /* NULL */
    return (struct value){.kind = VALUE_NONE};
}

/* ---- snapshots ----------------------------------------------------------------------------- */

enum err snapshot_begin(struct reader *r, struct snapshot *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    if (!sqlite3_get_autocommit(r->db))
        return ERR_OK;
    TRY(stmt_begin(r, "BEGIN", &q, e));
    TRY(stmt_run(&q, e));
    out->reader = r;
    return ERR_OK;
}

void snapshot_end(struct snapshot *s)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    if (!s->reader || sqlite3_get_autocommit(s->reader->db))
        return;
    /* Nothing was written: an end that fails leaves nothing behind. */
    if (stmt_begin(s->reader, "ROLLBACK", &q, NULL) == ERR_OK)
        (void)stmt_run(&q, NULL);
    s->reader = NULL;
}

/* ---- lists --------------------------------------------------------------------------------- */

void *stmt_grow(struct arena *a, void *items, size_t n, size_t *capacity, size_t size)
{
    size_t wanted = *capacity ? 2 * *capacity : 8;
    void *grown;

    if (n < *capacity)
        return items;
    grown = arena_alloc(a, wanted, size);
    if (!grown)
        return NULL;
    if (n > 0)
        memcpy(grown, items, n * size);
    *capacity = wanted;
    return grown;
}
