#include "server/store/store_fold.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "server/store/private.h"
#include "server/store/stmt.h"

/* About what the row, its index entries and one metric's row take beside their text. */
enum { ROW_BYTES = 250, METRIC_BYTES = 50 };

/* ---- insert -------------------------------------------------------------------------------- */

static void bind_key(struct stmt *q, const struct fold_record *f)
{
    stmt_bind_i64(q, f->experiment);
    stmt_bind_i64(q, f->trial);
    stmt_bind_i64(q, f->repeat);
    stmt_bind_i64(q, f->fold);
}

/* What must be the same when a fold is stored twice. */
static void bind_result(struct stmt *q, const struct fold_record *f)
{
    stmt_bind_text(q, f->state);
    stmt_bind_i64(q, f->epochs);
    stmt_bind_i64(q, f->epochs_run);
    stmt_bind_text(q, f->error);
    stmt_bind_text(q, f->warnings ? f->warnings : "[]");
    stmt_bind_text(q, f->weights_hash);
    stmt_bind_text(q, f->curves.train_loss);
    stmt_bind_text(q, f->curves.validation_loss);
    stmt_bind_text(q, f->curves.validation_score);
    stmt_bind_text(q, f->curves.learning_rate);
    stmt_bind_text(q, f->curves.layers);
}

/* *is_new is false where the fold has a row already. */
static enum err insert_row(struct reader *r, const struct fold_record *f, bool *is_new,
                           struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO fold (experiment_id, trial, repeat, fold, state, epochs,"
                   "   epochs_run, error, warnings, weights_hash, train_loss, validation_loss,"
                   "   validation_score, learning_rate, layer_statistics, seconds, engine, kernel,"
                   "   finished_at_ms, reused_experiment, reused_trial, cut)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
                   "   ?16, ?17, ?18, ?19, ?20, ?21, ?22)"
                   " ON CONFLICT (experiment_id, trial, repeat, fold) DO NOTHING",
                   &q, e));
    bind_key(&q, f);
    bind_result(&q, f);
    stmt_bind_f64(&q, f->seconds);
    stmt_bind_text(&q, f->engine);
    stmt_bind_text(&q, f->kernel);
    stmt_bind_i64(&q, f->finished_at_ms);
    stmt_bind_i64_or_null(&q, f->reused_experiment, 0);
    stmt_bind_i64_or_null(&q, f->reused_trial, 0);
    stmt_bind_i64_or_null(&q, f->cut, 0);
    TRY(stmt_run(&q, e));
    *is_new = stmt_changes(&q) > 0;
    return ERR_OK;
}

static enum err insert_metrics(struct reader *r, const struct fold_record *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "INSERT INTO fold_metric (experiment_id, trial, repeat, fold, position, metric,"
                   "   train, validation)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                   &q, e));
    for (size_t i = 0; i < f->n_metrics; i++) {
        bind_key(&q, f);
        stmt_bind_i64(&q, (int64_t)i);
        stmt_bind_text(&q, f->metrics[i].metric);
        stmt_bind_f64(&q, f->metrics[i].train);
        stmt_bind_f64(&q, f->metrics[i].validation);
        TRY(stmt_run(&q, e));
    }
    return ERR_OK;
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) : 0;
}

static size_t count_bytes(const struct fold_record *f)
{
    return ROW_BYTES + METRIC_BYTES * f->n_metrics + text_bytes(f->error) +
           text_bytes(f->warnings) + text_bytes(f->curves.train_loss) +
           text_bytes(f->curves.validation_loss) + text_bytes(f->curves.validation_score) +
           text_bytes(f->curves.learning_rate) + text_bytes(f->curves.layers);
}

static enum err count_in_trial(struct reader *r, const struct fold_record *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "UPDATE trial"
                   "   SET folds_done = folds_done + 1, bytes = bytes + ?3,"
                   "       state = CASE WHEN ?4 IS NULL OR state = 'pruned' THEN state ELSE 'running' END,"
                   "       started_at_ms = coalesce(started_at_ms, ?4)"
                   " WHERE experiment_id = ?1 AND trial = ?2"
                   "   AND state IN ('queued', 'running', 'pruned')",
                   &q, e));
    stmt_bind_i64(&q, f->experiment);
    stmt_bind_i64(&q, f->trial);
    stmt_bind_i64(&q, (int64_t)count_bytes(f));
    stmt_bind_i64_or_null(&q, f->started_at_ms, 0);
    TRY(stmt_run(&q, e));
    if (stmt_changes(&q) == 0)
        return error_set(e, ERR_CONFLICT, "trial %" PRId64 " of experiment %" PRId64 " has ended",
                         f->trial, f->experiment);
    return ERR_OK;
}

/* A fold that was trained to its end takes the place of itself as it was cut. */
static enum err forget_cut(struct reader *r, const struct fold_record *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt forget = {0}, count = {0};

    TRY(stmt_begin(r,
                   "DELETE FROM fold"
                   " WHERE experiment_id = ?1 AND trial = ?2 AND repeat = ?3 AND fold = ?4"
                   "   AND cut = 1",
                   &forget, e));
    bind_key(&forget, f);
    TRY(stmt_run(&forget, e));
    if (stmt_changes(&forget) == 0)
        return ERR_OK;
    TRY(stmt_begin(r,
                   "UPDATE trial SET folds_done = folds_done - 1"
                   " WHERE experiment_id = ?1 AND trial = ?2",
                   &count, e));
    stmt_bind_i64(&count, f->experiment);
    stmt_bind_i64(&count, f->trial);
    return stmt_run(&count, e);
}

/* ---- compare ------------------------------------------------------------------------------- */

static enum err differs(const struct fold_record *f, struct error *e)
{
    return error_set(e, ERR_CONFLICT,
                     "fold %" PRId64 " of repeat %" PRId64 " of trial %" PRId64
                     " of experiment %" PRId64 " is stored with another result",
                     f->fold, f->repeat, f->trial, f->experiment);
}

static bool is_same(double stored, double x)
{
    return isfinite(x) ? stored == x : isnan(stored); /* whatever is not finite is stored as NULL */
}

static enum err compare_metrics(struct reader *r, const struct fold_record *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t i = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT metric, train, validation FROM fold_metric"
                   " WHERE experiment_id = ?1 AND trial = ?2 AND repeat = ?3 AND fold = ?4"
                   " ORDER BY position",
                   &q, e));
    bind_key(&q, f);
    TRY(stmt_next(&q, &row, e));
    for (; row && i < f->n_metrics; i++) {
        const char *metric = stmt_peek_text(&q);
        double train = stmt_f64(&q), validation = stmt_f64(&q);

        if (!metric || strcmp(metric, f->metrics[i].metric) != 0 ||
            !is_same(train, f->metrics[i].train) || !is_same(validation, f->metrics[i].validation))
            return differs(f, e);
        TRY(stmt_next(&q, &row, e));
    }
    return row || i < f->n_metrics ? differs(f, e) : ERR_OK;
}

/* Folds from before schema 2 have no statistics of layers. */
static enum err compare(struct reader *r, const struct fold_record *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT state IS ?5 AND epochs IS ?6 AND epochs_run IS ?7 AND error IS ?8"
                   "       AND warnings IS ?9 AND weights_hash IS ?10 AND train_loss IS ?11"
                   "       AND validation_loss IS ?12 AND validation_score IS ?13"
                   "       AND learning_rate IS ?14"
                   "       AND (layer_statistics IS ?15 OR layer_statistics IS NULL)"
                   "       AND cut IS ?16"
                   "  FROM fold"
                   " WHERE experiment_id = ?1 AND trial = ?2 AND repeat = ?3 AND fold = ?4",
                   &q, e));
    bind_key(&q, f);
    bind_result(&q, f);
    stmt_bind_i64_or_null(&q, f->cut, 0);
    TRY(stmt_next(&q, &row, e));
    if (!row || !stmt_i64(&q))
        return differs(f, e);
    return compare_metrics(r, f, e);
}

enum err store_fold_insert(struct store *s, const struct fold_record *record, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0};
    enum err failed;
    bool is_new;

    TRY(txn_begin(s, TXN_RELAXED, &txn, e));
    if (!record->cut)
        TRY(forget_cut(&s->writer, record, e));
    failed = insert_row(&s->writer, record, &is_new, e);
    if (failed == ERR_NOT_FOUND)
        return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " has no trial %" PRId64,
                         record->experiment, record->trial);
    TRY(failed);
    if (!is_new)
        return compare(&s->writer, record, e);
    TRY(insert_metrics(&s->writer, record, e));
    TRY(count_in_trial(&s->writer, record, e));
    return txn_commit(&txn, e);
}

/* ---- lists --------------------------------------------------------------------------------- */

#define FOLD_COLUMNS                                                                               \
    "f.experiment_id, f.trial, f.repeat, f.fold, f.state, f.epochs, f.epochs_run, f.seconds,"      \
    " f.error, f.warnings, f.weights_hash, f.engine, f.kernel, f.finished_at_ms,"                  \
    " f.reused_experiment, f.reused_trial, f.cut"
#define SELECT_FOLD "SELECT " FOLD_COLUMNS " FROM fold AS f"

static void read_record(struct stmt *q, struct arena *a, struct fold_record *f)
{
    f->experiment = stmt_i64(q);
    f->trial = stmt_i64(q);
    f->repeat = stmt_i64(q);
    f->fold = stmt_i64(q);
    f->state = stmt_text(q, a);
    f->epochs = stmt_i64(q);
    f->epochs_run = stmt_i64(q);
    f->seconds = stmt_f64(q);
    f->error = stmt_text(q, a);
    f->warnings = stmt_text(q, a);
    f->weights_hash = stmt_text(q, a);
    f->engine = stmt_text(q, a);
    f->kernel = stmt_text(q, a);
    f->finished_at_ms = stmt_i64(q);
    f->reused_experiment = stmt_i64(q);
    f->reused_trial = stmt_i64(q);
    f->cut = stmt_i64(q) != 0;
}

static void read_texts(struct stmt *q, struct arena *a, struct fold_curves *c)
{
    c->train_loss = stmt_text(q, a);
    c->validation_loss = stmt_text(q, a);
    c->validation_score = stmt_text(q, a);
    c->learning_rate = stmt_text(q, a);
    c->layers = stmt_text(q, a);
}

static void read_curves(struct stmt *q, struct arena *a, struct fold_record *f)
{
    f->repeat = stmt_i64(q);
    f->fold = stmt_i64(q);
    f->state = stmt_text(q, a);
    f->epochs = stmt_i64(q);
    f->epochs_run = stmt_i64(q);
    f->cut = stmt_i64(q) != 0;
    read_texts(q, a, &f->curves);
}

static enum err fetch_metrics(struct reader *r, struct arena *a, struct fold_record *f,
                              struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    size_t capacity = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT metric, train, validation FROM fold_metric"
                   " WHERE experiment_id = ?1 AND trial = ?2 AND repeat = ?3 AND fold = ?4"
                   " ORDER BY position",
                   &q, e));
    bind_key(&q, f);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        struct fold_metric *m;

        f->metrics = stmt_grow(a, f->metrics, f->n_metrics, &capacity, sizeof *f->metrics);
        if (!f->metrics)
            return error_no_memory(e);
        m = &f->metrics[f->n_metrics++];
        m->metric = stmt_text(&q, a);
        m->train = stmt_f64(&q);
        m->validation = stmt_f64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

/* The rows of a bound statement, each read by `read`. */
static enum err collect(struct stmt *q,
                        void (*read)(struct stmt *, struct arena *, struct fold_record *),
                        struct arena *a, size_t *n, struct fold_record **out, struct error *e)
{
    struct fold_record *items = NULL;
    size_t capacity = 0, found = 0;
    bool row;

    TRY(stmt_next(q, &row, e));
    while (row) {
        items = stmt_grow(a, items, found, &capacity, sizeof *items);
        if (!items)
            return error_no_memory(e);
        read(q, a, &items[found++]);
        TRY(stmt_next(q, &row, e));
    }
    *n = found;
    *out = items;
    return ERR_OK;
}

/* The records of a bound statement, with their metrics. */
static enum err collect_records(struct stmt *q, struct arena *a, size_t *n,
                                struct fold_record **out, struct error *e)
{
    struct fold_record *items;
    size_t found;

    TRY(collect(q, read_record, a, &found, &items, e));
    for (size_t i = 0; i < found; i++)
        TRY(fetch_metrics(q->reader, a, &items[i], e));
    *n = found;
    *out = items;
    return ERR_OK;
}

enum err store_fold_list(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                         size_t *n, struct fold_record **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   SELECT_FOLD " WHERE f.experiment_id = ?1 AND f.trial = ?2"
                               " ORDER BY f.repeat, f.fold",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    return collect_records(&q, a, n, out, e);
}

enum err store_fold_scores(struct reader *r, int64_t experiment, const char *metric,
                           struct arena *a, size_t *n, struct fold_score **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct fold_score *items = NULL, *f;
    size_t capacity = 0, found = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT f.trial, f.repeat, f.fold, f.cut, m.validation"
                   "  FROM fold AS f"
                   "  LEFT JOIN fold_metric AS m ON m.experiment_id = f.experiment_id"
                   "   AND m.trial = f.trial AND m.repeat = f.repeat AND m.fold = f.fold"
                   "   AND m.metric = ?2 AND f.state = 'completed'"
                   " WHERE f.experiment_id = ?1"
                   " ORDER BY f.trial, f.repeat, f.fold",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_text(&q, metric);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        items = stmt_grow(a, items, found, &capacity, sizeof *items);
        if (!items)
            return error_no_memory(e);
        f = &items[found++];
        f->trial = stmt_i64(&q);
        f->repeat = stmt_i64(&q);
        f->fold = stmt_i64(&q);
        f->cut = stmt_i64(&q) != 0;
        f->score = stmt_f64(&q);
        TRY(stmt_next(&q, &row, e));
    }
    *n = found;
    *out = items;
    return ERR_OK;
}

enum err store_fold_curves(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                           size_t *n, struct fold_record **out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r,
                   "SELECT repeat, fold, state, epochs, epochs_run, cut, train_loss, validation_loss,"
                   "       validation_score, learning_rate, layer_statistics"
                   "  FROM fold"
                   " WHERE experiment_id = ?1 AND trial = ?2"
                   " ORDER BY repeat, fold",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, trial);
    return collect(&q, read_curves, a, n, out, e);
}

/* ---- what was trained before ---------------------------------------------------------------- */

enum err store_fold_find(struct reader *r, const struct fold_content *content, struct arena *a,
                         struct fold_record *out, bool *found, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    struct fold_record f = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT " FOLD_COLUMNS ", f.train_loss, f.validation_loss, f.validation_score,"
                   "       f.learning_rate, f.layer_statistics"
                   "  FROM trial AS t"
                   "  JOIN fold AS f ON f.experiment_id = t.experiment_id AND f.trial = t.trial"
                   "   AND f.repeat = ?2 AND f.fold = ?3"
                   " WHERE t.configuration_key = ?1 AND f.engine = ?4"
                   "   AND (f.state = 'completed' OR f.epochs_run > 0) AND f.cut IS NULL"
                   "   AND (f.train_loss IS NOT NULL OR f.epochs_run = 0)"
                   "   AND (t.experiment_id <> ?5 OR t.trial <> ?6)"
                   " ORDER BY t.experiment_id, t.trial"
                   " LIMIT 1",
                   &q, e));
    stmt_bind_text(&q, content->configuration_key);
    stmt_bind_i64(&q, content->repeat);
    stmt_bind_i64(&q, content->fold);
    stmt_bind_text(&q, content->engine);
    stmt_bind_i64(&q, content->experiment);
    stmt_bind_i64(&q, content->trial);
    TRY(stmt_next(&q, &row, e));
    *found = row;
    if (!row)
        return ERR_OK;
    read_record(&q, a, &f);
    read_texts(&q, a, &f.curves);
    TRY(stmt_check(&q, e));
    TRY(fetch_metrics(r, a, &f, e));
    *out = f;
    return ERR_OK;
}
