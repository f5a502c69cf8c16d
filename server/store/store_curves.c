#include "server/store/store_curves.h"

#include "server/store/private.h"
#include "server/store/stmt.h"
#include "server/store/txn.h"

/* They are ASCII: as many bytes as characters. */
#define BYTES                                                                                      \
    "coalesce(length(f.train_loss), 0) + coalesce(length(f.validation_loss), 0)"                   \
    " + coalesce(length(f.validation_score), 0) + coalesce(length(f.learning_rate), 0)"            \
    " + coalesce(length(f.layer_statistics), 0)"
#define HAS_CURVES                                                                                 \
    "coalesce(f.train_loss, f.validation_loss, f.validation_score, f.learning_rate,"               \
    "         f.layer_statistics) IS NOT NULL"

static void bind_trials(struct stmt *q, int64_t experiment, int64_t first, int64_t last)
{
    stmt_bind_i64(q, experiment);
    stmt_bind_i64(q, first);
    stmt_bind_i64(q, last);
}

enum err store_curves_use(struct reader *r, int64_t experiment, int64_t first, int64_t last,
                          struct curves_use *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT count(*), coalesce(sum(" BYTES "), 0)"
                   "  FROM fold AS f"
                   " WHERE f.experiment_id = ?1 AND f.trial BETWEEN ?2 AND ?3 AND " HAS_CURVES,
                   &q, e));
    bind_trials(&q, experiment, first, last);
    TRY(stmt_next(&q, &row, e));
    out->folds = stmt_i64(&q);
    out->bytes = stmt_i64(&q);
    return ERR_OK;
}

/* What a trial takes was counted with them. */
static enum err count_out(struct reader *r, int64_t experiment, int64_t first, int64_t last,
                          struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "UPDATE trial"
                   "   SET bytes = max(0, bytes - (SELECT coalesce(sum(" BYTES "), 0)"
                   "                                 FROM fold AS f"
                   "                                WHERE f.experiment_id = trial.experiment_id"
                   "                                  AND f.trial = trial.trial))"
                   " WHERE experiment_id = ?1 AND trial BETWEEN ?2 AND ?3",
                   &q, e));
    bind_trials(&q, experiment, first, last);
    return stmt_run(&q, e);
}

static enum err drop(struct reader *r, int64_t experiment, int64_t first, int64_t last,
                     struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "UPDATE fold AS f"
                   "   SET train_loss = NULL, validation_loss = NULL, validation_score = NULL,"
                   "       learning_rate = NULL, layer_statistics = NULL"
                   " WHERE f.experiment_id = ?1 AND f.trial BETWEEN ?2 AND ?3 AND " HAS_CURVES,
                   &q, e));
    bind_trials(&q, experiment, first, last);
    return stmt_run(&q, e);
}

static enum err note_time(struct reader *r, int64_t experiment, int64_t at_ms, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "UPDATE experiment SET curves_pruned_at_ms = coalesce(curves_pruned_at_ms, ?2)"
                   " WHERE id = ?1",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, at_ms);
    return stmt_run(&q, e);
}

enum err store_curves_drop(struct store *s, int64_t experiment, int64_t first, int64_t last,
                           int64_t at_ms, struct curves_use *out, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    struct curves_use use;

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(store_curves_use(&s->writer, experiment, first, last, &use, e));
    if (use.folds > 0) {
        TRY(count_out(&s->writer, experiment, first, last, e));
        TRY(drop(&s->writer, experiment, first, last, e));
        TRY(note_time(&s->writer, experiment, at_ms, e));
        TRY(db_give_back(&s->writer, e));
    }
    TRY(txn_commit(&txn, e));
    *out = use;
    return ERR_OK;
}
