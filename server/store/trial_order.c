/*
 * The order of trials: their numbers, sorted and ranked. SQL text is constant: every sort is a pair
 * of statements made by the compiler, and a hyperparameter's name is bound.
 */
#include "server/store/store_trial.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "server/store/private.h"
#include "server/store/stmt.h"

#define SELECT_NUMBERS "SELECT t.trial FROM trial AS t"
#define JOIN_PARAM                                                                                 \
    "  LEFT JOIN trial_param AS p"                                                                 \
    "    ON p.experiment_id = t.experiment_id AND p.trial = t.trial AND p.name = ?3"
#define FILTER " WHERE t.experiment_id = ?1 AND (?2 IS NULL OR t.state = ?2)"

/* What does not exist comes last in either direction; by number among equals. */
#define ORDER_BY(expression, direction)                                                            \
    " ORDER BY " expression " IS NULL, " expression " " direction ", t.trial"

#define COLUMN(name, expression)                                                                   \
    {                                                                                              \
        name, SELECT_NUMBERS FILTER ORDER_BY(expression, "ASC"),                                   \
            SELECT_NUMBERS FILTER ORDER_BY(expression, "DESC")                                     \
    }

struct sort {
    const char *name; /* NULL: any hyperparameter's, which is bound as ?3 */
    const char *ascending, *descending;
};

static const struct sort sorts[] = {
    {"trial", SELECT_NUMBERS FILTER " ORDER BY t.trial",
     SELECT_NUMBERS FILTER " ORDER BY t.trial DESC"},
    {"rank", SELECT_NUMBERS FILTER " ORDER BY t.rank_class, t.rank_key, t.trial",
     SELECT_NUMBERS FILTER " ORDER BY t.rank_class DESC, t.rank_key DESC, t.trial DESC"},
    COLUMN("state", "t.state"),
    COLUMN("reason", "t.reason"),
    COLUMN("score", "t.score"),
    COLUMN("score_std", "t.score_std"),
    COLUMN("score_sem", "t.score_sem"),
    COLUMN("train_mean", "t.train_mean"),
    COLUMN("folds_done", "t.folds_done"),
    COLUMN("layers", "t.layers"),
    COLUMN("width", "t.width"),
    COLUMN("hidden", "t.hidden"),
    COLUMN("activation", "t.activation"),
    COLUMN("learning_rate", "t.learning_rate"),
    COLUMN("optimizer", "t.optimizer"),
    COLUMN("batch_size", "t.batch_size"),
    COLUMN("epochs", "t.epochs"),
    COLUMN("weight_count", "t.weight_count"),
    COLUMN("seconds", "t.seconds"),
    COLUMN("started_at", "t.started_at_ms"),
    COLUMN("finished_at", "t.finished_at_ms"),
};

static const struct sort by_param = {NULL,
                                     SELECT_NUMBERS JOIN_PARAM FILTER ORDER_BY("p.value", "ASC"),
                                     SELECT_NUMBERS JOIN_PARAM FILTER ORDER_BY("p.value", "DESC")};

const char *const store_trial_sorts[] = {
    "trial",      "rank",          "state",       "reason",     "score",  "score_std",
    "score_sem",  "train_mean",    "folds_done",  "layers",     "width",  "hidden",
    "activation", "learning_rate", "optimizer",   "batch_size", "epochs", "weight_count",
    "seconds",    "started_at",    "finished_at", NULL,
};

_Static_assert(sizeof store_trial_sorts / sizeof *store_trial_sorts ==
                   sizeof sorts / sizeof *sorts + 1,
               "a name for every sort");

/* Column or hyperparameter; a column's name wins, since its value is the effective one. */
static const struct sort *find_sort(const char *name)
{
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        if (strcmp(sorts[i].name, name) == 0)
            return &sorts[i];
    return &by_param;
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* How many trials there are and the highest number; tells no trials from no experiment. */
static enum err measure(struct reader *r, int64_t experiment, int64_t *n, int64_t *highest,
                        struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT (SELECT count(*) FROM trial WHERE experiment_id = ?1),"
                   "       (SELECT max(trial) FROM trial WHERE experiment_id = ?1)"
                   "  FROM experiment"
                   " WHERE id = ?1",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    if (!row)
        return error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " does not exist", experiment);
    *n = stmt_i64(&q);
    *highest = stmt_i64(&q);
    return ERR_OK;
}

/* Steps through a bound statement of numbers, at most `room`. */
static enum err collect(struct stmt *q, size_t room, size_t *n, int64_t *numbers, struct error *e)
{
    bool row;

    *n = 0;
    TRY(stmt_next(q, &row, e));
    while (row && *n < room) {
        numbers[(*n)++] = stmt_i64(q);
        TRY(stmt_next(q, &row, e));
    }
    return ERR_OK;
}

static enum err read_order(struct reader *r, const struct trial_query *query,
                           const struct sort *sort, size_t room, struct trial_order *out,
                           struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool descending = query->sort && query->sort[0] == '-';

    TRY(stmt_begin(r, descending ? sort->descending : sort->ascending, &q, e));
    stmt_bind_i64(&q, query->experiment);
    stmt_bind_text(&q, query->state);
    if (!sort->name)
        stmt_bind_text(&q, query->sort + descending);
    return collect(&q, room, &out->n, out->trials, e);
}

/* rank_of (highest + 1) by trial; one scan of the index on rank. */
static enum err read_ranks(struct reader *r, int64_t experiment, int64_t highest, int64_t *rank_of,
                           struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    int64_t rank = 0;
    bool row;

    TRY(stmt_begin(r,
                   "SELECT trial FROM trial INDEXED BY trial_by_rank"
                   " WHERE experiment_id = ?1"
                   " ORDER BY rank_class, rank_key, trial",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        int64_t trial = stmt_i64(&q);

        if (trial <= highest)
            rank_of[trial] = ++rank;
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

static enum err check_param(struct reader *r, int64_t experiment, const char *name, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, "SELECT 1 FROM trial_param WHERE experiment_id = ?1 AND name = ?2 LIMIT 1",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_text(&q, name);
    TRY(stmt_next(&q, &row, e));
    if (row)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID,
                    "sort \"%s\": neither a column (rank, score, …) nor a hyperparameter of "
                    "experiment %" PRId64,
                    name, experiment);
    (void)error_field(e, "sort");
    return ERR_INVALID;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static enum err read_all(struct reader *r, const struct trial_query *query, const struct sort *sort,
                         struct arena *a, struct trial_order *out, struct error *e)
{
    int64_t n = 0, highest = 0, *rank_of;

    TRY(measure(r, query->experiment, &n, &highest, e));
    if (n > 0 && !sort->name)
        TRY(check_param(r, query->experiment, query->sort + (query->sort[0] == '-'), e));
    out->trials = arena_alloc(a, (size_t)n + 1, sizeof *out->trials);
    out->ranks = arena_alloc(a, (size_t)n + 1, sizeof *out->ranks);
    rank_of = arena_alloc(a, (size_t)highest + 1, sizeof *rank_of);
    if (!out->trials || !out->ranks || !rank_of)
        return error_no_memory(e);
    TRY(read_order(r, query, sort, (size_t)n, out, e));
    TRY(read_ranks(r, query->experiment, highest, rank_of, e));
    for (size_t i = 0; i < out->n; i++)
        out->ranks[i] = rank_of[out->trials[i]];
    return ERR_OK;
}

enum err store_trial_order(struct reader *r, const struct trial_query *query, struct arena *a,
                           struct trial_order *out, struct error *e)
{
    CLEANUP(snapshot_end) struct snapshot snapshot = {0};
    const char *name = query->sort ? query->sort : "trial";
    struct trial_order order = {0};

    TRY(snapshot_begin(r, &snapshot, e));
    TRY(read_all(r, query, find_sort(name + (name[0] == '-')), a, &order, e));
    *out = order;
    return ERR_OK;
}
