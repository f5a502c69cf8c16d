/* Writing trials; reading them is in trial_list.c. */
#include "server/store/store_trial.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/store/event_number.h"
#include "server/store/private.h"
#include "server/store/stmt.h"
#include "server/store/trial_row.h"

/* About what the row, its index entries and one hyperparameter's row take beside their text. */
enum { ROW_BYTES = 400, PARAM_BYTES = 60 };

/* ---- proposals ----------------------------------------------------------------------------- */

static enum err insert_row(struct reader *r, int64_t experiment, const struct trial_proposal *p,
                           const char *params, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO trial (experiment_id, trial, state, folds_planned, bytes,"
                   "   configuration_key, params, layers, width, hidden, activation,"
                   "   learning_rate, optimizer, batch_size, epochs, weight_count, bracket)"
                   " VALUES (?1, ?2, 'queued', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
                   "   ?14, ?15, ?16)",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, p->trial);
    stmt_bind_i64(&q, p->folds_planned);
    stmt_bind_i64(&q, (int64_t)(ROW_BYTES + strlen(params) + PARAM_BYTES * p->params->n));
    stmt_bind_text(&q, p->configuration_key);
    stmt_bind_text(&q, params);
    TRY(trial_row_bind_network(&q, &p->network, e));
    stmt_bind_i64_or_null(&q, p->bracket, 0);
    return stmt_run(&q, e);
}

static enum err insert_params(struct reader *r, int64_t experiment, const struct trial_proposal *p,
                              struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO trial_param (experiment_id, trial, position, name, kind, value)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   &q, e));
    for (size_t i = 0; i < p->params->n; i++) {
        stmt_bind_i64(&q, experiment);
        stmt_bind_i64(&q, p->trial);
        stmt_bind_i64(&q, (int64_t)i);
        stmt_bind_text(&q, p->params->items[i].name);
        TRY(trial_row_bind_value(&q, &p->params->items[i].value, e));
        TRY(stmt_run(&q, e));
    }
    return ERR_OK;
}

static enum err insert_one(struct reader *r, int64_t experiment, const struct trial_proposal *p,
                           struct error *e)
{
    CLEANUP(buf_finish) struct buf json = {0};
    enum err failed;

    params_json(p->params, &json);
    TRY(buf_check(&json, e));
    failed = insert_row(r, experiment, p, buf_text(&json), e);
    if (failed == ERR_CONFLICT)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " has a trial %" PRId64 " already",
                         experiment, p->trial);
    if (failed == ERR_NOT_FOUND)
        return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " does not exist", experiment);
    TRY(failed);
    return insert_params(r, experiment, p, e);
}

enum err store_trial_insert(struct store *s, int64_t experiment, const struct trial_proposal *items,
                            size_t n, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    for (size_t i = 0; i < n; i++)
        TRY(insert_one(&s->writer, experiment, &items[i], e));
    return txn_commit(&txn, e);
}

enum err store_trial_is_known(struct reader *r, const char *configuration_key, int64_t experiment,
                              int64_t trial, bool *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "SELECT 1 FROM trial"
                   " WHERE configuration_key = ?1 AND folds_done > 0"
                   "   AND (experiment_id <> ?2 OR trial <> ?3)"
                   " LIMIT 1",
                   &q, e));
    stmt_bind_text(&q, configuration_key);
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    return stmt_next(&q, out, e);
}

/* ---- states -------------------------------------------------------------------------------- */

/* Why an open trial was not found: it has ended, or does not exist. */
static enum err explain_missing(struct reader *r, int64_t experiment, int64_t trial,
                                struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    const char *state;
    bool row;

    TRY(stmt_begin(r, "SELECT state FROM trial WHERE experiment_id = ?1 AND trial = ?2", &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " has no trial %" PRId64,
                         experiment, trial);
    state = stmt_peek_text(&q);
    return error_set(e, ERR_CONFLICT, "trial %" PRId64 " of experiment %" PRId64 " has ended: %s",
                     trial, experiment, state);
}

/* Runs a bound statement that changes one trial that has not ended. */
static enum err change_open(struct stmt *q, int64_t experiment, int64_t trial, struct error *e)
{
    TRY(stmt_run(q, e));
    return stmt_changes(q) > 0 ? ERR_OK : explain_missing(q->reader, experiment, trial, e);
}

enum err store_trial_set_state(struct store *s, int64_t experiment, int64_t trial,
                               const char *state, int64_t at_ms, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    TRY(stmt_begin(
        &s->writer,
        "UPDATE trial"
        "   SET state = ?3,"
        "       started_at_ms = CASE WHEN ?3 = 'running' THEN coalesce(started_at_ms, ?4)"
        "                            ELSE started_at_ms END"
        " WHERE experiment_id = ?1 AND trial = ?2 AND state IN ('queued', 'running')",
        &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    stmt_bind_text(&q, state);
    stmt_bind_i64(&q, at_ms);
    TRY(change_open(&q, experiment, trial, e));
    return txn_commit(&txn, e);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void bind_finish(struct stmt *q, int64_t experiment, int64_t trial,
                        const struct trial_finish *f)
{
    stmt_bind_i64(q, experiment);
    stmt_bind_i64(q, trial);
    stmt_bind_text(q, f->state);
    stmt_bind_text(q, f->reason);
    stmt_bind_text(q, f->error);
    stmt_bind_f64(q, f->score);
    stmt_bind_f64(q, f->score_std);
    stmt_bind_f64(q, f->score_sem);
    stmt_bind_f64(q, f->train_mean);
    stmt_bind_f64(q, f->seconds);
    stmt_bind_text(q, f->warnings ? f->warnings : "[]");
    stmt_bind_i64_or_null(q, f->reused_experiment, 0);
    stmt_bind_i64_or_null(q, f->reused_trial, 0);
    stmt_bind_i64(q, f->at_ms);
    stmt_bind_f64(q, f->search_loss);
    stmt_bind_i64_or_null(q, f->race_folds, 0);
    stmt_bind_f64(q, f->race_p);
    stmt_bind_text(q, f->was_pruned ? "pruned" : NULL);
    stmt_bind_i64_or_null(q, f->race_epoch, 0);
}

static enum err finish_row(struct store *s, int64_t experiment, int64_t trial,
                           const struct trial_finish *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(&s->writer,
                   "UPDATE trial"
                   "   SET state = ?3, reason = ?4, error = ?5, score = ?6, score_std = ?7,"
                   "       score_sem = ?8, train_mean = ?9, seconds = ?10, warnings = ?11,"
                   "       reused_experiment = ?12, reused_trial = ?13, finished_at_ms = ?14,"
                   "       change = ?20,"
                   "       search_loss = CASE WHEN race_folds IS NULL AND ?16 IS NOT NULL"
                   "                          THEN ?15 ELSE search_loss END,"
                   "       race_epoch = CASE WHEN race_folds IS NULL THEN ?19 ELSE race_epoch END,"
                   "       race_folds = coalesce(race_folds, ?16),"
                   "       race_p = CASE WHEN ?16 IS NOT NULL THEN ?17 END,"
                   "       rank_class = CASE WHEN ?3 <> 'completed' THEN 2"
                   "                         WHEN ?6 IS NULL THEN 1 ELSE 0 END,"
                   "       rank_key = CASE WHEN ?3 <> 'completed' THEN NULL"
                   "                       WHEN (SELECT direction FROM experiment"
                   "                              WHERE id = ?1) = 'maximize' THEN -?6"
                   "                       ELSE ?6 END"
                   " WHERE experiment_id = ?1 AND trial = ?2"
                   "   AND state IN ('queued', 'running', ?18)",
                   &q, e));
    bind_finish(&q, experiment, trial, f);
    stmt_bind_i64(&q, event_number_take(s, 1));
    return change_open(&q, experiment, trial, e);
}

static enum err insert_scores(struct reader *r, int64_t experiment, int64_t trial,
                              const struct trial_finish *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO trial_score (experiment_id, trial, position, metric, mean, std,"
                   "   train_mean)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                   &q, e));
    for (size_t i = 0; i < f->n_scores; i++) {
        stmt_bind_i64(&q, experiment);
        stmt_bind_i64(&q, trial);
        stmt_bind_i64(&q, (int64_t)i);
        stmt_bind_text(&q, f->scores[i].metric);
        stmt_bind_f64(&q, f->scores[i].mean);
        stmt_bind_f64(&q, f->scores[i].std);
        stmt_bind_f64(&q, f->scores[i].train_mean);
        TRY(stmt_run(&q, e));
    }
    return ERR_OK;
}

enum err store_trial_finish(struct store *s, int64_t experiment, int64_t trial,
                            const struct trial_finish *finish, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    TRY(finish_row(s, experiment, trial, finish, e));
    TRY(insert_scores(&s->writer, experiment, trial, finish, e));
    return txn_commit(&txn, e);
}

/* The highest number of the trials that have not ended; 0 if all have. */
static enum err last_open(struct reader *r, int64_t experiment, int64_t *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT max(trial) FROM trial"
                   " WHERE experiment_id = ?1 AND state IN ('queued', 'running')",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    *out = stmt_i64(&q);
    return ERR_OK;
}

enum err store_trial_cancel_rest(struct store *s, int64_t experiment, const char *reason,
                                 const char *error, int64_t at_ms, int64_t *n, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    int64_t changed, last;

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    TRY(last_open(&s->writer, experiment, &last, e));
    TRY(stmt_begin(&s->writer,
                   "UPDATE trial"
                   "   SET state = 'cancelled', reason = ?2, error = ?3, finished_at_ms = ?4,"
                   "       change = ?5 + trial - 1"
                   " WHERE experiment_id = ?1 AND state IN ('queued', 'running')",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_text(&q, reason);
    stmt_bind_text(&q, error);
    stmt_bind_i64(&q, at_ms);
    stmt_bind_i64(&q, event_number_take(s, last));
    TRY(stmt_run(&q, e));
    changed = stmt_changes(&q);
    TRY(txn_commit(&txn, e));
    *n = changed;
    return ERR_OK;
}
