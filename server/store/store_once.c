#include "server/store/store_once.h"

#include "server/store/private.h"
#include "server/store/stmt.h"

static enum err forget_old(struct reader *r, int64_t now_ms, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r, "DELETE FROM idempotency WHERE at_ms <= ?1", &q, e));
    stmt_bind_i64(&q, now_ms - STORE_ONCE_MS);
    return stmt_run(&q, e);
}

static enum err insert(struct reader *r, const struct once_record *x, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO idempotency (owner, key, digest, request, status, location, body,"
                   "   at_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                   &q, e));
    stmt_bind_text(&q, x->owner);
    stmt_bind_text(&q, x->key);
    stmt_bind_text(&q, x->digest);
    stmt_bind_text(&q, x->request);
    stmt_bind_i64(&q, x->status);
    stmt_bind_text(&q, x->location);
    stmt_bind_text(&q, x->body);
    stmt_bind_i64(&q, x->at_ms);
    return stmt_run(&q, e);
}

enum err store_once_insert(struct store *s, const struct once_record *record, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(forget_old(&s->writer, record->at_ms, e));
    TRY(insert(&s->writer, record, e));
    return txn_commit(&txn, e);
}

enum err store_once_get(struct reader *r, const char *owner, const char *key, int64_t now_ms,
                        struct arena *a, struct once_record *out, bool *found, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct once_record x = {0};

    TRY(stmt_begin(r,
                   "SELECT owner, key, digest, request, status, location, body, at_ms"
                   "  FROM idempotency"
                   " WHERE owner = ?1 AND key = ?2 AND at_ms > ?3",
                   &q, e));
    stmt_bind_text(&q, owner);
    stmt_bind_text(&q, key);
    stmt_bind_i64(&q, now_ms - STORE_ONCE_MS);
    TRY(stmt_next(&q, found, e));
    if (!*found)
        return ERR_OK;
    x.owner = stmt_text(&q, a);
    x.key = stmt_text(&q, a);
    x.digest = stmt_text(&q, a);
    x.request = stmt_text(&q, a);
    x.status = stmt_i64(&q);
    x.location = stmt_text(&q, a);
    x.body = stmt_text(&q, a);
    x.at_ms = stmt_i64(&q);
    TRY(stmt_check(&q, e));
    *out = x;
    return ERR_OK;
}
