#include "server/store/store_tell.h"

#include <string.h>

#include "server/store/private.h"
#include "server/store/stmt.h"

/* Runs constant SQL about one trial. */
static enum err change(struct reader *r, const char *sql, int64_t experiment, int64_t trial,
                       int64_t number, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r, sql, &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    stmt_bind_i64(&q, number);
    return stmt_run(&q, e);
}

enum err store_tell_hand_out(struct store *s, int64_t experiment, int64_t trial, int64_t lease,
                             int64_t at_ms, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(store_trial_set_state(s, experiment, trial, "running", at_ms, e));
    TRY(change(&s->writer,
               "UPDATE trial SET lease = ?3, folds_done = 0"
               " WHERE experiment_id = ?1 AND trial = ?2",
               experiment, trial, lease, e));
    if (lease > 1)
        TRY(change(&s->writer,
                   "DELETE FROM trial_report"
                   " WHERE experiment_id = ?1 AND trial = ?2 AND ?3 > 1",
                   experiment, trial, lease, e));
    return txn_commit(&txn, e);
}

static enum err put_report(struct reader *r, int64_t experiment, int64_t trial,
                           const struct tell_report *report, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO trial_report (experiment_id, trial, step, value, at_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)"
                   " ON CONFLICT (experiment_id, trial, step)"
                   " DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    stmt_bind_i64(&q, report->step);
    stmt_bind_f64(&q, report->value);
    stmt_bind_i64(&q, report->at_ms);
    return stmt_run(&q, e);
}

static enum err put_stop(struct reader *r, int64_t experiment, int64_t trial,
                         const struct tell_stop *stop, int64_t at_ms, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO trial_stop (experiment_id, trial, step, reason, error, loss, at_ms)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    stmt_bind_i64(&q, stop->step);
    stmt_bind_text(&q, stop->reason);
    stmt_bind_text(&q, stop->error);
    stmt_bind_f64(&q, stop->loss);
    stmt_bind_i64(&q, at_ms);
    return stmt_run(&q, e);
}

enum err store_tell_report(struct store *s, int64_t experiment, int64_t trial,
                           const struct tell_report *report, const struct tell_stop *stop,
                           int64_t n_folds, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(store_trial_set_state(s, experiment, trial, "running", report->at_ms, e));
    TRY(put_report(&s->writer, experiment, trial, report, e));
    if (stop)
        TRY(put_stop(&s->writer, experiment, trial, stop, report->at_ms, e));
    if (n_folds > 0)
        TRY(change(&s->writer,
                   "UPDATE trial"
                   "   SET folds_done = (SELECT count(*) FROM trial_report AS r"
                   "                      WHERE r.experiment_id = ?1 AND r.trial = ?2"
                   "                        AND r.step BETWEEN 1 AND ?3)"
                   " WHERE experiment_id = ?1 AND trial = ?2",
                   experiment, trial, n_folds, e));
    return txn_commit(&txn, e);
}

enum err store_tell_reports(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                            size_t *n, struct tell_report **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct tell_report *items = NULL;
    size_t capacity = 0, found = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT step, value, at_ms FROM trial_report"
                   " WHERE experiment_id = ?1 AND trial = ?2"
                   " ORDER BY step",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        items = stmt_grow(a, items, found, &capacity, sizeof *items);
        if (!items)
            return error_no_memory(e);
        items[found].step = stmt_i64(&q);
        items[found].value = stmt_f64(&q);
        items[found++].at_ms = stmt_i64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = items;
    return ERR_OK;
}

enum err store_tell_stop(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                         bool *found, struct tell_stop *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct tell_stop stop;

    TRY(stmt_begin(r,
                   "SELECT step, reason, error, loss FROM trial_stop"
                   " WHERE experiment_id = ?1 AND trial = ?2",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    TRY(stmt_next(&q, found, e));
    if (!*found)
        return ERR_OK;
    stop.step = stmt_i64(&q);
    stop.reason = stmt_text(&q, a);
    stop.error = stmt_text(&q, a);
    stop.loss = stmt_f64(&q);
    TRY(stmt_check(&q, e));
    *out = stop;
    return ERR_OK;
}

enum err store_tell_finish(struct store *s, int64_t experiment, int64_t trial,
                           const struct trial_finish *finish, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, e));
    TRY(store_trial_finish(s, experiment, trial, finish, e));
    TRY(change(&s->writer,
               "UPDATE trial SET folds_done = folds_planned"
               " WHERE experiment_id = ?1 AND trial = ?2 AND (?3 OR folds_planned = 1)",
               experiment, trial, strcmp(finish->state, "completed") == 0, e));
    return txn_commit(&txn, e);
}
