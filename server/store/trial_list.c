/* Reading trials; writing them is in store_trial.c. */
#include "server/store/store_trial.h"

#include <inttypes.h>
#include <string.h>

#include "server/store/private.h"
#include "server/store/stmt.h"
#include "server/store/trial_row.h"

/* ---- one trial ----------------------------------------------------------------------------- */

static enum err read_row(struct stmt *q, struct arena *a, struct trial_record *t, struct error *e)
{
    t->trial = stmt_i64(q);
    t->state = stmt_text(q, a);
    t->reason = stmt_text(q, a);
    t->error = stmt_text(q, a);
    t->params_json = stmt_text(q, a);
    t->configuration_key = stmt_text(q, a);
    t->folds_planned = stmt_i64(q);
    t->folds_done = stmt_i64(q);
    t->score = stmt_f64(q);
    t->score_std = stmt_f64(q);
    t->score_sem = stmt_f64(q);
    t->train_mean = stmt_f64(q);
    t->seconds = stmt_f64(q);
    t->warnings = stmt_text(q, a);
    t->reused_experiment = stmt_i64(q);
    t->reused_trial = stmt_i64(q);
    t->started_at_ms = stmt_i64(q);
    t->finished_at_ms = stmt_i64(q);
    t->search_loss = stmt_f64(q);
    t->race_folds = stmt_i64(q);
    t->race_epoch = stmt_i64(q);
    t->bracket = stmt_i64(q);
    t->lease = stmt_i64(q);
    return trial_row_read_network(q, a, &t->network, e);
}

static enum err fetch_row(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                          struct trial_record *t, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT trial, state, reason, error, params, configuration_key, folds_planned,"
                   "       folds_done, score, score_std, score_sem, train_mean, seconds, warnings,"
                   "       reused_experiment, reused_trial, started_at_ms, finished_at_ms,"
                   "       search_loss, race_folds, race_epoch, bracket, lease,"
                   "       layers, hidden, activation, learning_rate, optimizer, batch_size,"
                   "       epochs, weight_count"
                   "  FROM trial"
                   " WHERE experiment_id = ?1 AND trial = ?2",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " has no trial %" PRId64,
                         experiment, trial);
    return read_row(&q, a, t, e);
}

static enum err fetch_params(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                             struct params *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t capacity = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT name, kind, value FROM trial_param"
                   " WHERE experiment_id = ?1 AND trial = ?2"
                   " ORDER BY position",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        struct param *p;

        out->items = stmt_grow(a, out->items, out->n, &capacity, sizeof *out->items);
        if (!out->items)
            return error_no_memory(e);
        p = &out->items[out->n++];
        p->name = stmt_text(&q, a);
        TRY(trial_row_read_value(&q, a, &p->value, e));
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

static enum err fetch_scores(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                             struct trial_record *t, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct trial_score *scores = NULL;
    size_t capacity = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT metric, mean, std, train_mean FROM trial_score"
                   " WHERE experiment_id = ?1 AND trial = ?2"
                   " ORDER BY position",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        struct trial_score *x;

        scores = stmt_grow(a, scores, t->n_scores, &capacity, sizeof *scores);
        if (!scores)
            return error_no_memory(e);
        x = &scores[t->n_scores++];
        x->metric = stmt_text(&q, a);
        x->mean = stmt_f64(&q);
        x->std = stmt_f64(&q);
        x->train_mean = stmt_f64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    t->scores = scores;
    return ERR_OK;
}

static enum err fetch_one(struct reader *r, int64_t experiment, int64_t trial, int64_t rank,
                          struct arena *a, struct trial_record *out, struct error *e)
{
    struct trial_record t = {.rank = rank};

    TRY(fetch_row(r, experiment, trial, a, &t, e));
    TRY(fetch_params(r, experiment, trial, a, &t.params, e));
    TRY(fetch_scores(r, experiment, trial, a, &t, e));
    *out = t;
    return ERR_OK;
}

/* One more than the trials before it in the order of the leaderboard. */
static enum err compute_rank(struct reader *r, int64_t experiment, int64_t trial, int64_t *out,
                             struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT 1 + count(*)"
                   "  FROM trial AS t"
                   "  JOIN trial AS o ON o.experiment_id = t.experiment_id"
                   "   AND (o.rank_class < t.rank_class"
                   "        OR (o.rank_class = t.rank_class"
                   "            AND (o.rank_key < t.rank_key"
                   "                 OR (o.rank_key IS t.rank_key AND o.trial < t.trial))))"
                   " WHERE t.experiment_id = ?1 AND t.trial = ?2",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    TRY(stmt_next(&q, &row, e));
    *out = stmt_i64(&q);
    return ERR_OK;
}

enum err store_trial_get(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                         struct trial_record *out, struct error *e)
{
    CLEANUP(snapshot_end) struct snapshot snapshot = {0};
    int64_t rank;

    TRY(snapshot_begin(r, &snapshot, e));
    TRY(compute_rank(r, experiment, trial, &rank, e));
    return fetch_one(r, experiment, trial, rank, a, out, e);
}

enum err store_trial_best(struct reader *r, int64_t experiment, struct arena *a,
                          struct trial_record *out, bool *found, struct error *e)
{
    CLEANUP(snapshot_end) struct snapshot snapshot = {0};
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(snapshot_begin(r, &snapshot, e));
    TRY(stmt_begin(r,
                   "SELECT trial FROM trial"
                   " WHERE experiment_id = ?1 AND rank_class = 0"
                   " ORDER BY rank_key, trial LIMIT 1",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    if (row)
        TRY(fetch_one(r, experiment, stmt_i64(&q), 1, a, out, e));
    *found = row;
    return ERR_OK;
}

/* ---- pages --------------------------------------------------------------------------------- */

enum err store_trial_fetch(struct reader *r, int64_t experiment, const struct trial_order *order,
                           size_t offset, size_t n, struct arena *a, struct trial_record *items,
                           struct error *e)
{
    for (size_t i = 0; i < n; i++)
        TRY(fetch_one(r, experiment, order->trials[offset + i], order->ranks[offset + i], a,
                      &items[i], e));
    return ERR_OK;
}

enum err store_trial_list(struct reader *r, const struct trial_query *query, struct arena *a,
                          struct trial_list *out, struct error *e)
{
    CLEANUP(snapshot_end) struct snapshot snapshot = {0};
    struct trial_list list = {0};
    struct trial_order order;

    TRY(snapshot_begin(r, &snapshot, e));
    TRY(store_trial_order(r, query, a, &order, e));
    list.total = order.total;
    list.next = order.next;
    list.n = order.n < (size_t)query->page ? order.n : (size_t)query->page;
    list.items = arena_alloc(a, list.n + 1, sizeof *list.items);
    if (!list.items)
        return error_no_memory(e);
    TRY(store_trial_fetch(r, query->experiment, &order, 0, list.n, a, list.items, e));
    *out = list;
    return ERR_OK;
}

enum err store_trial_dimensions(struct reader *r, int64_t experiment, struct arena *a, size_t *n,
                                const char ***out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t capacity = 0, found = 0;
    const char **names = NULL;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT name FROM trial_param"
                   " WHERE experiment_id = ?1"
                   " GROUP BY name"
                   " ORDER BY max(position), name",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        names = stmt_grow(a, names, found, &capacity, sizeof *names);
        if (!names)
            return error_no_memory(e);
        names[found++] = stmt_text(&q, a);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = names;
    return ERR_OK;
}
