#include "server/store/store_columns.h"

#include <stdlib.h>
#include <string.h>

#include "server/store/store_event.h"
#include "server/store/stmt.h"
#include "server/store/trial_row.h"

enum { NEAR = 64 }; /* trials: reading over so many that are not wanted is cheaper than a look-up */

/* ---- rows ---------------------------------------------------------------------------------- */

#define ROWS                                                                                       \
    "SELECT trial, state, reason, score, score_std, score_sem, train_mean, folds_done,"            \
    "       weight_count, seconds, change"                                                         \
    "  FROM trial"

/* Adds the rows of a bound statement; change becomes the last one's, if it has one. */
static enum err add_rows(struct stmt *q, struct arena *a, size_t *capacity, struct columns *c,
                         struct error *e)
{
    bool row;

    TRY(stmt_next(q, &row, e));
    while (row) {
        struct column_row *x;

        c->rows = stmt_grow(a, c->rows, c->n, capacity, sizeof *c->rows);
        if (!c->rows)
            return error_no_memory(e);
        x = &c->rows[c->n++];
        x->trial = stmt_i64(q);
        x->state = stmt_text(q, a);
        x->reason = stmt_text(q, a);
        x->score = stmt_f64(q);
        x->score_std = stmt_f64(q);
        x->score_sem = stmt_f64(q);
        x->train_mean = stmt_f64(q);
        x->folds_done = stmt_i64(q);
        x->weight_count = stmt_i64_or(q, -1);
        x->seconds = stmt_f64(q);
        c->change = stmt_i64_or(q, c->change);
        TRY(stmt_next(q, &row, e));
    }
    return ERR_OK;
}

/* In order of their ends, so that what the limit cuts off comes with the next call. */
static enum err add_ended(struct reader *r, int64_t experiment, int64_t since, int64_t limit,
                          struct arena *a, size_t *capacity, struct columns *c, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r, ROWS " WHERE experiment_id = ?1 AND change > ?2 ORDER BY change LIMIT ?3", &q,
                   e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, since);
    stmt_bind_i64(&q, limit);
    return add_rows(&q, a, capacity, c, e);
}

static enum err add_open(struct reader *r, int64_t experiment, struct arena *a, size_t *capacity,
                         struct columns *c, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r, ROWS " WHERE experiment_id = ?1 AND state IN ('queued', 'running')", &q, e));
    stmt_bind_i64(&q, experiment);
    return add_rows(&q, a, capacity, c, e);
}

static int compare_trials(const void *a, const void *b)
{
    int64_t x = ((const struct column_row *)a)->trial, y = ((const struct column_row *)b)->trial;

    return (x > y) - (x < y);
}

/* ---- hyperparameters ----------------------------------------------------------------------- */

/* Where they are put, with the place of the last one: the next is most often beside it. */
struct target {
    struct columns *c;
    struct arena *a;
    size_t capacity, next;
};

static enum err add_column(struct target *t, const char *name, struct error *e)
{
    struct columns *c = t->c;
    struct column_param *p;

    c->params = stmt_grow(t->a, c->params, c->n_params, &t->capacity, sizeof *c->params);
    if (!c->params)
        return error_no_memory(e);
    p = &c->params[c->n_params];
    p->name = arena_strdup(t->a, name);
    p->values = arena_alloc(t->a, c->n, sizeof *p->values);
    if (!p->name || !p->values)
        return error_no_memory(e);
    for (size_t i = 0; i < c->n; i++)
        p->values[i] = (struct value){.kind = VALUE_NONE};
    c->n_params++;
    return ERR_OK;
}

static enum err find_column(struct target *t, const char *name, size_t *out, struct error *e)
{
    size_t n = t->c->n_params;

    for (size_t i = 0; i < n; i++) {
        size_t at = (t->next + i) % n;

        if (strcmp(t->c->params[at].name, name) == 0) {
            t->next = at + 1;
            *out = at;
            return ERR_OK;
        }
    }
    TRY(add_column(t, name, e));
    t->next = *out = n;
    t->next++;
    return ERR_OK;
}

static enum err read_param(struct target *t, struct stmt *q, size_t row, struct error *e)
{
    const char *name = stmt_peek_text(q);
    size_t column;

    TRY(find_column(t, name ? name : "", &column, e));
    return trial_row_read_value(q, t->a, &t->c->params[column].values[row], e);
}

/* Those of the rows [from, to), whose trials are near each other. */
static enum err read_params(struct reader *r, int64_t experiment, size_t from, size_t to,
                            struct target *t, struct error *e)
{
    const struct column_row *rows = t->c->rows;
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r,
                   "SELECT trial, name, kind, value FROM trial_param"
                   " WHERE experiment_id = ?1 AND trial BETWEEN ?2 AND ?3"
                   " ORDER BY trial, position",
                   &q, e));
    stmt_bind_i64(&q, experiment);
    stmt_bind_i64(&q, rows[from].trial);
    stmt_bind_i64(&q, rows[to - 1].trial);
    TRY(stmt_next(&q, &row, e));
    while (row) {
        int64_t trial = stmt_i64(&q);

        while (rows[from].trial < trial)
            from++;
        if (rows[from].trial == trial)
            TRY(read_param(t, &q, from, e));
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

static enum err read_all_params(struct reader *r, int64_t experiment, struct columns *c,
                                struct arena *a, struct error *e)
{
    struct target t = {.c = c, .a = a};

    for (size_t from = 0, to; from < c->n; from = to) {
        for (to = from + 1; to < c->n && c->rows[to].trial - c->rows[to - 1].trial <= NEAR;)
            to++;
        TRY(read_params(r, experiment, from, to, &t, e));
    }
    return ERR_OK;
}

/* ---- all together -------------------------------------------------------------------------- */

enum err store_columns_read(struct reader *r, int64_t experiment, int64_t since, int64_t limit,
                            struct arena *a, struct columns *out, struct error *e)
{
    CLEANUP(snapshot_end) struct snapshot snapshot = {0};
    struct columns c = {.change = since};
    size_t capacity = 0;
    int64_t last;

    TRY(snapshot_begin(r, &snapshot, e));
    TRY(add_ended(r, experiment, since, limit, a, &capacity, &c, e));
    c.more = (int64_t)c.n == limit;
    if (!c.more) {
        TRY(store_event_last(r, experiment, &last, e));
        c.change = last > since ? last : since;
        TRY(add_open(r, experiment, a, &capacity, &c, e));
    }
    if (c.n > 0)
        qsort(c.rows, c.n, sizeof *c.rows, compare_trials);
    TRY(read_all_params(r, experiment, &c, a, e));
    *out = c;
    return ERR_OK;
}
