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

#define FILTER " WHERE t.experiment_id = ?1 AND (?2 IS NULL OR t.state = ?2)"
#define FROM " FROM trial AS t" FILTER
#define FROM_PARAM                                                                                 \
    " FROM trial AS t"                                                                             \
    "  LEFT JOIN trial_param AS p"                                                                 \
    "    ON p.experiment_id = t.experiment_id AND p.trial = t.trial AND p.name = ?5" FILTER

/* What does not exist comes last in either direction; by number among equals. */
/* clang-format off */
#define ORDER_BY(expression, from, direction, op)                                                  \
    "SELECT t.trial, " expression from                                                             \
        BOOKMARK_BEHIND(expression, op, "t.trial", ">", "?3", "?4")                                \
        " ORDER BY " expression " IS NULL, " expression " " direction ", t.trial"
/* clang-format on */

/* SQLite sorts the whole of a list in another way than the first few of it. */
#define SORT(name, ascending, descending)                                                          \
    {                                                                                              \
        name, {ascending, descending}, {ascending " LIMIT ?", descending " LIMIT ?"}               \
    }
#define BY(name, expression, from)                                                                 \
    SORT(name, ORDER_BY(expression, from, "ASC", ">"), ORDER_BY(expression, from, "DESC", "<"))
#define COLUMN(name, expression) BY(name, expression, FROM)

struct sort {
    const char *name;               /* NULL: any hyperparameter's, which is bound as ?5 */
    const char *whole[2], *page[2]; /* ascending, descending; a page binds its limit last */
};

/* One value in place of class and key: numbers come before texts. */
#define RANK "coalesce(t.rank_key, 'class ' || t.rank_class)"
#define BY_RANK(op)                                                                                \
    "SELECT t.trial, " RANK FROM BOOKMARK_BEHIND(RANK, op, "t.trial", op, "?3", "?4")

static const struct sort sorts[] = {
    COLUMN("trial", "t.trial"),
    SORT("rank", BY_RANK(">") " ORDER BY t.rank_class, t.rank_key, t.trial",
         BY_RANK("<") " ORDER BY t.rank_class DESC, t.rank_key DESC, t.trial DESC"),
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

static const struct sort by_param = BY(NULL, "p.value", FROM_PARAM);

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

/* Steps through a bound statement of numbers and keys, at most `room`; where there is one behind
 * them the key of the last is kept. */
static enum err collect(struct stmt *q, size_t room, struct arena *a, struct trial_order *out,
                        struct error *e)
{
    struct bookmark last = {0};
    bool row;

    out->n = 0;
    TRY(stmt_next(q, &row, e));
    while (row && out->n < room) {
        out->trials[out->n++] = stmt_i64(q);
        if (out->n == room)
            last = (struct bookmark){out->trials[out->n - 1], stmt_key(q, a)};
        TRY(stmt_next(q, &row, e));
    }
    if (row)
        out->next = last;
    return ERR_OK;
}

static enum err read_order(struct reader *r, const struct trial_query *query,
                           const struct sort *sort, size_t room, struct arena *a,
                           struct trial_order *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool descending = query->sort && query->sort[0] == '-', is_page = query->page > 0;

    TRY(stmt_begin(r, (is_page ? sort->page : sort->whole)[descending], &q, e));
    stmt_bind_i64(&q, query->experiment);
    stmt_bind_text(&q, query->state);
    stmt_bind_bookmark(&q, &query->after);
    if (!sort->name)
        stmt_bind_text(&q, query->sort + descending);
    if (is_page)
        stmt_bind_i64(&q, (int64_t)room + 1); /* whether there is one behind it */
    return collect(&q, room, a, out, e);
}

static enum err count(struct reader *r, const struct trial_query *query, int64_t *out,
                      struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, "SELECT count(*)" FROM, &q, e));
    stmt_bind_i64(&q, query->experiment);
    stmt_bind_text(&q, query->state);
    TRY(stmt_next(&q, &row, e));
    *out = stmt_i64(&q);
    return ERR_OK;
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

/* Of the first page of the leaderboard as it is ranked no other trial need be looked at. */
static bool is_top(const struct trial_query *query)
{
    return query->sort && strcmp(query->sort, "rank") == 0 && !query->state && query->after.id == 0;
}

static enum err rank(struct reader *r, const struct trial_query *query, int64_t highest,
                     struct arena *a, struct trial_order *out, struct error *e)
{
    int64_t *rank_of;

    out->ranks = arena_alloc(a, out->n + 1, sizeof *out->ranks);
    if (!out->ranks)
        return error_no_memory(e);
    if (is_top(query)) {
        for (size_t i = 0; i < out->n; i++)
            out->ranks[i] = (int64_t)i + 1;
        return ERR_OK;
    }
    rank_of = arena_alloc(a, (size_t)highest + 1, sizeof *rank_of);
    if (!rank_of)
        return error_no_memory(e);
    TRY(read_ranks(r, query->experiment, highest, rank_of, e));
    for (size_t i = 0; i < out->n; i++)
        out->ranks[i] = rank_of[out->trials[i]];
    return ERR_OK;
}

static enum err read_all(struct reader *r, const struct trial_query *query, const struct sort *sort,
                         struct arena *a, struct trial_order *out, struct error *e)
{
    int64_t n = 0, highest = 0;
    size_t room;

    TRY(measure(r, query->experiment, &n, &highest, e));
    if (n > 0 && !sort->name)
        TRY(check_param(r, query->experiment, query->sort + (query->sort[0] == '-'), e));
    room = (size_t)(query->page > 0 && query->page < n ? query->page : n);
    out->trials = arena_alloc(a, room + 1, sizeof *out->trials);
    if (!out->trials)
        return error_no_memory(e);
    TRY(read_order(r, query, sort, room, a, out, e));
    out->total = n;
    if (query->state)
        TRY(count(r, query, &out->total, e));
    return rank(r, query, highest, a, out, e);
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
