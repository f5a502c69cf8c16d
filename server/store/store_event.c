#include "server/store/store_event.h"

#include "server/store/private.h"
#include "server/store/stmt.h"

enum err store_event_append(struct store *s, const struct event_record *record, int64_t *out_seq,
                            struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    int64_t seq;

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "INSERT INTO event (experiment_id, kind, trial, payload, at_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)",
                   &q, e));
    stmt_bind_i64(&q, record->experiment);
    stmt_bind_text(&q, record->kind);
    stmt_bind_i64_or_null(&q, record->trial, 0);
    stmt_bind_text(&q, record->payload);
    stmt_bind_i64(&q, record->at_ms);
    TRY(stmt_run(&q, e));
    seq = sqlite3_last_insert_rowid(s->writer.db);
    TRY(txn_commit(&txn, e));
    if (out_seq)
        *out_seq = seq;
    return ERR_OK;
}

static void read_record(struct stmt *q, struct arena *a, struct event_record *x)
{
    x->seq = stmt_i64(q);
    x->experiment = stmt_i64(q);
    x->kind = stmt_text(q, a);
    x->trial = stmt_i64(q);
    x->payload = stmt_text(q, a);
    x->at_ms = stmt_i64(q);
}

enum err store_event_list(struct reader *r, int64_t experiment, int64_t after, int64_t limit,
                          struct arena *a, size_t *n, struct event_record **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct event_record *items = NULL;
    size_t capacity = 0, found = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT seq, experiment_id, kind, trial, payload, at_ms"
                   "  FROM event"
                   " WHERE experiment_id = ?1 AND seq > ?2"
                   " ORDER BY seq LIMIT ?3",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, after);
    stmt_bind_i64(&q, limit);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        items = stmt_grow(a, items, found, &capacity, sizeof *items);
        if (!items)
            return error_no_memory(e);
        read_record(&q, a, &items[found++]);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = items;
    return ERR_OK;
}

enum err store_event_last(struct reader *r, int64_t experiment, int64_t *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, "SELECT max(seq) FROM event WHERE experiment_id = ?1", &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    *out = stmt_i64(&q);
    return ERR_OK;
}
