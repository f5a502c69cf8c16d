#include "server/api/leaderboard.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "server/schema/table_text.h"

static const char *const FIRST[] = {"trial",     "rank",      "state",      "reason",      "score",
                                    "score_std", "score_sem", "folds_done", "weight_count"};
enum { N_FIRST = sizeof FIRST / sizeof *FIRST };

enum err leaderboard_columns(struct reader *r, int64_t experiment, struct arena *a,
                             struct leaderboard_columns *out, struct error *e)
{
    const char **dimensions, **names;
    size_t n;

    TRY(store_trial_dimensions(r, experiment, a, &n, &dimensions, e));
    names = arena_alloc(a, N_FIRST + n + 1, sizeof *names);
    if (!names)
        return error_no_memory(e);
    memcpy(names, FIRST, sizeof FIRST);
    if (n > 0)
        memcpy(names + N_FIRST, dimensions, n * sizeof *names);
    names[N_FIRST + n] = "seconds";
    *out = (struct leaderboard_columns){N_FIRST + n + 1, n, names};
    return ERR_OK;
}

static struct value integer(int64_t x)
{
    return (struct value){.kind = VALUE_INT, .integer = x};
}

static struct value real(double x)
{
    return (struct value){.kind = isnan(x) ? VALUE_NONE : VALUE_REAL, .real = x};
}

static struct value text(const char *s)
{
    return (struct value){.kind = s ? VALUE_TEXT : VALUE_NONE, .text = s};
}

/* A trial's cells, (c->n). */
static struct value *make_cells(const struct leaderboard_columns *c, const struct trial_record *t,
                                struct arena *a)
{
    struct value *cells = arena_alloc(a, c->n, sizeof *cells), *cell = cells;

    if (!cells)
        return NULL;
    *cell++ = integer(t->trial);
    *cell++ = integer(t->rank);
    *cell++ = text(t->state);
    *cell++ = text(t->reason);
    *cell++ = real(t->score);
    *cell++ = real(t->score_std);
    *cell++ = real(t->score_sem);
    *cell++ = integer(t->folds_done);
    *cell++ = integer(t->network.weight_count);
    for (size_t i = 0; i < c->n_dimensions; i++, cell++) {
        const struct value *v = params_get(&t->params, c->names[N_FIRST + i]);

        if (v)
            *cell = *v;
    }
    *cell = real(t->seconds);
    return cells;
}

void leaderboard_csv_header(const struct leaderboard_columns *c, struct buf *out)
{
    table_csv_header(out, c->names, c->n);
}

enum err leaderboard_csv_row(const struct leaderboard_columns *c, const struct trial_record *t,
                             struct arena *a, struct buf *out, struct error *e)
{
    const struct value *cells = make_cells(c, t, a);

    if (!cells)
        return error_no_memory(e);
    table_csv_row(out, cells, c->n);
    return ERR_OK;
}

/* Keeps the columns that hold a value in some row; returns how many. */
static size_t keep_telling(const struct leaderboard_columns *c, struct value **rows, size_t n_rows,
                           const char **names)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n; i++) {
        bool tells = n_rows == 0;

        for (size_t r = 0; r < n_rows; r++)
            tells |= rows[r][i].kind != VALUE_NONE;
        if (!tells)
            continue;
        for (size_t r = 0; r < n_rows; r++)
            rows[r][kept] = rows[r][i];
        names[kept++] = c->names[i];
    }
    return kept;
}

static enum err write_rows(const char *const *names, size_t n, struct value *const *rows,
                           size_t n_rows, struct buf *out, struct error *e)
{
    CLEANUP(table_text_finish) struct table_text t = {0};

    TRY(table_text_begin(&t, names, n, e));
    for (size_t i = 0; i < n_rows; i++)
        table_text_row(&t, rows[i]);
    return table_text_write(&t, out, e);
}

enum err leaderboard_text(struct reader *r, const struct trial_query *query, int64_t offset,
                          int64_t limit, struct arena *a, struct buf *out, struct error *e)
{
    struct leaderboard_columns columns;
    struct trial_list list;
    struct value **rows;
    const char **names;

    TRY(store_trial_list(r, query, offset, limit, a, &list, e));
    TRY(leaderboard_columns(r, query->experiment, a, &columns, e));
    names = arena_alloc(a, columns.n, sizeof *names);
    rows = arena_alloc(a, list.n + 1, sizeof *rows);
    if (!names || !rows)
        return error_no_memory(e);
    for (size_t i = 0; i < list.n; i++) {
        rows[i] = make_cells(&columns, &list.items[i], a);
        if (!rows[i])
            return error_no_memory(e);
    }
    return write_rows(names, keep_telling(&columns, rows, list.n, names), rows, list.n, out, e);
}
