#include "server/store/store_unseal.h"

#include <inttypes.h>

#include "server/store/private.h"
#include "server/store/stmt.h"

/* ---- asked for ----------------------------------------------------------------------------- */

enum err store_unseal_insert(struct store *s, const struct unseal_record *record, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    enum err failed;

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "INSERT INTO unseal (experiment_id, trial, state, train_rows, test_rows,"
                   "   requested_at_ms)"
                   " VALUES (?1, ?2, 'queued', ?3, ?4, ?5)"
                   " ON CONFLICT (experiment_id) DO NOTHING",
                   &q, e));
    stmt_bind_i64(&q, record->experiment);
    stmt_bind_i64(&q, record->trial);
    stmt_bind_i64(&q, record->train_rows);
    stmt_bind_i64(&q, record->test_rows);
    stmt_bind_i64(&q, record->requested_at_ms);
    failed = stmt_run(&q, e);
    if (failed == ERR_NOT_FOUND)
        return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " has no trial %" PRId64,
                         record->experiment, record->trial);
    TRY(failed);
    if (stmt_changes(&q) == 0)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " was unsealed before",
                         record->experiment);
    return txn_commit(&txn, e);
}

/* ---- read ---------------------------------------------------------------------------------- */

static void read_record(struct stmt *q, struct arena *a, struct unseal_record *x)
{
    x->experiment = stmt_i64(q);
    x->trial = stmt_i64(q);
    x->state = stmt_text(q, a);
    x->train_rows = stmt_i64(q);
    x->test_rows = stmt_i64(q);
    x->requested_at_ms = stmt_i64(q);
    x->epochs = stmt_i64(q);
    x->epochs_run = stmt_i64(q);
    x->seconds = stmt_f64(q);
    x->weights_hash = stmt_text(q, a);
    x->engine = stmt_text(q, a);
    x->kernel = stmt_text(q, a);
    x->error = stmt_text(q, a);
    x->warnings = stmt_text(q, a);
    x->finished_at_ms = stmt_i64(q);
}

static enum err fetch_scores(struct reader *r, struct arena *a, struct unseal_record *x,
                             struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t capacity = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT metric, train, test, standard_error FROM unseal_score"
                   " WHERE experiment_id = ?1"
                   " ORDER BY position",
                   &q, e));
    stmt_bind_i64(&q, x->experiment);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        struct unseal_score *score;

        x->scores = stmt_grow(a, x->scores, x->n_scores, &capacity, sizeof *x->scores);
        if (!x->scores)
            return error_no_memory(e);
        score = &x->scores[x->n_scores++];
        score->metric = stmt_text(&q, a);
        score->train = stmt_f64(&q);
        score->test = stmt_f64(&q);
        score->standard_error = stmt_f64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

enum err store_unseal_get(struct reader *r, int64_t experiment, struct arena *a,
                          struct unseal_record *out, bool *found, struct error *e)
{
    CLEANUP(snapshot_end) struct snapshot snapshot = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    struct unseal_record x = {0};
    bool row;

    TRY(snapshot_begin(r, &snapshot, e));
    TRY(stmt_begin(r,
                   "SELECT experiment_id, trial, state, train_rows, test_rows, requested_at_ms,"
                   "       epochs, epochs_run, seconds, weights_hash, engine, kernel, error,"
                   "       warnings, finished_at_ms"
                   "  FROM unseal"
                   " WHERE experiment_id = ?1",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    if (row) {
        read_record(&q, a, &x);
        TRY(stmt_check(&q, e));
        TRY(fetch_scores(r, a, &x, e));
        *out = x;
    }
    *found = row;
    return ERR_OK;
}

enum err store_unseal_unfinished(struct reader *r, struct arena *a, size_t *n, int64_t **out,
                                 struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t capacity = 0, found = 0;
    int64_t *ids = NULL;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT experiment_id FROM unseal"
                   " WHERE state IN ('queued', 'running')"
                   " ORDER BY experiment_id",
                   &q, e));
    TRY(stmt_next(&q, &row, e));
    while (row) {
        ids = stmt_grow(a, ids, found, &capacity, sizeof *ids);
        if (!ids)
            return error_no_memory(e);
        ids[found++] = stmt_i64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = ids;
    return ERR_OK;
}

/* ---- on its way ---------------------------------------------------------------------------- */

static enum err not_found(int64_t experiment, struct error *e)
{
    return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " is not being unsealed", experiment);
}

enum err store_unseal_start(struct store *s, int64_t experiment, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "UPDATE unseal SET state = 'running'"
                   " WHERE experiment_id = ?1 AND state IN ('queued', 'running')",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_run(&q, e));
    return stmt_changes(&q) > 0 ? txn_commit(&txn, e) : not_found(experiment, e);
}

static enum err finish_record(struct reader *r, const struct unseal_record *x, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "UPDATE unseal"
                   "   SET state = ?2, epochs = ?3, epochs_run = ?4, seconds = ?5,"
                   "       weights_hash = ?6, engine = ?7, kernel = ?8, error = ?9, warnings = ?10,"
                   "       finished_at_ms = ?11"
                   " WHERE experiment_id = ?1 AND state IN ('queued', 'running')",
                   &q, e));
    stmt_bind_i64(&q, x->experiment);
    stmt_bind_text(&q, x->state);
    stmt_bind_i64(&q, x->epochs);
    stmt_bind_i64(&q, x->epochs_run);
    stmt_bind_f64(&q, x->seconds);
    stmt_bind_text(&q, x->weights_hash);
    stmt_bind_text(&q, x->engine);
    stmt_bind_text(&q, x->kernel);
    stmt_bind_text(&q, x->error);
    stmt_bind_text(&q, x->warnings ? x->warnings : "[]");
    stmt_bind_i64(&q, x->finished_at_ms);
    TRY(stmt_run(&q, e));
    return stmt_changes(&q) > 0 ? ERR_OK : not_found(x->experiment, e);
}

static enum err insert_scores(struct reader *r, const struct unseal_record *x, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO unseal_score (experiment_id, position, metric, train, test,"
                   "   standard_error)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   &q, e));
    for (size_t i = 0; i < x->n_scores; i++) {
        stmt_bind_i64(&q, x->experiment);
        stmt_bind_i64(&q, (int64_t)i);
        stmt_bind_text(&q, x->scores[i].metric);
        stmt_bind_f64(&q, x->scores[i].train);
        stmt_bind_f64(&q, x->scores[i].test);
        stmt_bind_f64(&q, x->scores[i].standard_error);
        TRY(stmt_run(&q, e));
    }
    return ERR_OK;
}

enum err store_unseal_finish(struct store *s, const struct unseal_record *record, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(finish_record(&s->writer, record, e));
    TRY(insert_scores(&s->writer, record, e));
    return txn_commit(&txn, e);
}

enum err store_unseal_abandon(struct store *s, int64_t experiment, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(stmt_begin(&s->writer,
                   "DELETE FROM unseal"
                   " WHERE experiment_id = ?1 AND state IN ('queued', 'running')",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_run(&q, e));
    return txn_commit(&txn, e);
}
