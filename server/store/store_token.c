#include "server/store/store_token.h"

#include <inttypes.h>
#include <string.h>

#include "server/store/private.h"
#include "server/store/stmt.h"

enum err store_token_insert(struct store *s, const struct token_record *x, int64_t *out_id,
                            struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    int64_t id;

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "INSERT INTO token (label, scope, digest, created_at_ms, expires_at_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)",
                   &q, e));
    stmt_bind_text(&q, x->label);
    stmt_bind_text(&q, x->scope);
    stmt_bind_blob(&q, x->digest, sizeof x->digest);
    stmt_bind_i64(&q, x->created_at_ms);
    stmt_bind_i64_or_null(&q, x->expires_at_ms, 0);
    TRY(stmt_run(&q, e));
    id = sqlite3_last_insert_rowid(s->writer.db);
    TRY(txn_commit(&txn, e));
    *out_id = id;
    return ERR_OK;
}

static void read_token(struct stmt *q, struct arena *a, struct token_record *x)
{
    const void *digest;
    size_t n;

    *x = (struct token_record){.id = stmt_i64(q)};
    x->label = stmt_text(q, a);
    x->scope = stmt_text(q, a);
    digest = stmt_peek_blob(q, &n);
    if (n == sizeof x->digest)
        memcpy(x->digest, digest, n);
    x->created_at_ms = stmt_i64(q);
    x->expires_at_ms = stmt_i64(q);
    x->revoked_at_ms = stmt_i64(q);
    x->last_used_at_ms = stmt_i64(q);
}

enum err store_token_list(struct reader *r, struct arena *a, size_t *n, struct token_record **out,
                          struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct token_record *items = NULL;
    size_t count = 0, capacity = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT id, label, scope, digest, created_at_ms, expires_at_ms, revoked_at_ms,"
                   "       last_used_at_ms"
                   "  FROM token"
                   " ORDER BY id",
                   &q, e));
    TRY(stmt_next(&q, &row, e));
    while (row) {
        items = stmt_grow(a, items, count, &capacity, sizeof *items);
        if (!items)
            return error_no_memory(e);
        read_token(&q, a, &items[count++]);
        TRY(stmt_next(&q, &row, e));
    }
    *n = count;
    *out = items;
    return ERR_OK;
}

enum err store_token_revoke(struct store *s, const char *label, int64_t id, int64_t at_ms,
                            struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "UPDATE token"
                   "   SET revoked_at_ms = ?3"
                   " WHERE revoked_at_ms IS NULL AND (label = ?1 OR (?1 IS NULL AND id = ?2))",
                   &q, e));
    stmt_bind_text(&q, label);
    stmt_bind_i64(&q, id);
    stmt_bind_i64(&q, at_ms);
    TRY(stmt_run(&q, e));
    if (stmt_changes(&q) == 0 && label)
        return error_set(e, ERR_NOT_FOUND, "there is no token \"%.80s\" that could be revoked",
                         label);
    if (stmt_changes(&q) == 0)
        return error_set(e, ERR_NOT_FOUND, "there is no token %" PRId64 " that could be revoked",
                         id);
    return txn_commit(&txn, e);
}

enum err store_token_touch(struct store *s, int64_t id, int64_t at_ms, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    TRY(stmt_begin(&s->writer, "UPDATE token SET last_used_at_ms = ?2 WHERE id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    stmt_bind_i64(&q, at_ms);
    TRY(stmt_run(&q, e));
    return txn_commit(&txn, e);
}
