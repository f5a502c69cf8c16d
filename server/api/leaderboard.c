#include "server/api/leaderboard.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "server/api/sheet.h"
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

/* None where the network is not ours. */
static struct value weights(const struct trial_record *t)
{
    return t->network.optimizer ? cell_integer(t->network.weight_count) : cell_text(NULL);
}

void leaderboard_cells(const struct leaderboard_columns *c, const struct trial_record *t,
                       struct value *out)
{
    *out++ = cell_integer(t->trial);
    *out++ = cell_integer(t->rank);
    *out++ = cell_text(t->state);
    *out++ = cell_text(t->reason);
    *out++ = cell_real(t->score);
    *out++ = cell_real(t->score_std);
    *out++ = cell_real(t->score_sem);
    *out++ = cell_integer(t->folds_done);
    *out++ = weights(t);
    for (size_t i = 0; i < c->n_dimensions; i++) {
        const struct value *v = params_get(&t->params, c->names[N_FIRST + i]);

        *out++ = v ? *v : cell_text(NULL);
    }
    *out = cell_real(t->seconds);
}

/* ---- the table for a terminal ---------------------------------------------------------------- */

/* The first columns, as people read them: the score with its spread, whatever tells rows apart. */
enum { TRIAL, RANK, STATE, REASON, SCORE, FOLDS, WEIGHTS, N_TEXT };
static const char *const TEXT_NAMES[N_TEXT] = {"trial", "rank",  "state",  "reason",
                                               "score", "folds", "weights"};

/* "0.9772 ± 0.0069"; large numbers have their digits before the point. */
static const char *score_text(const struct trial_record *t, struct arena *a)
{
    double size = fabs(t->score);
    int places = size < 10 ? 4 : size < 1000 ? 2 : 0;

    if (isnan(t->score))
        return NULL;
    if (isnan(t->score_std))
        return arena_printf(a, "%.*f", places, t->score);
    return arena_printf(a, "%.*f ± %.*f", places, t->score, places, t->score_std);
}

/* A trial's cells on a terminal: N_TEXT, the dimensions, seconds. */
static struct value *make_text_cells(const struct leaderboard_columns *c,
                                     const struct trial_record *t, struct arena *a)
{
    struct value *exact = arena_alloc(a, c->n, sizeof *exact);
    struct value *cells = arena_alloc(a, N_TEXT + c->n_dimensions + 1, sizeof *cells);

    if (!exact || !cells)
        return NULL;
    leaderboard_cells(c, t, exact);
    cells[TRIAL] = cell_integer(t->trial);
    cells[RANK] = cell_integer(t->rank);
    cells[STATE] = cell_text(t->state);
    cells[REASON] = cell_text(t->reason);
    cells[SCORE] = cell_text(score_text(t, a));
    cells[FOLDS] = cell_integer(t->folds_done);
    cells[WEIGHTS] = weights(t);
    memcpy(cells + N_TEXT, exact + N_FIRST, c->n_dimensions * sizeof *cells);
    if (!isnan(t->seconds))
        cells[N_TEXT + c->n_dimensions] = cell_text(arena_printf(a, "%7.2f", t->seconds));
    return cells;
}

/* Scores end in the same column. */
static void align_scores(struct value *const *rows, size_t n_rows, struct arena *a)
{
    size_t longest = 0;

    for (size_t r = 0; r < n_rows; r++)
        if (rows[r][SCORE].kind == VALUE_TEXT && strlen(rows[r][SCORE].text) > longest)
            longest = strlen(rows[r][SCORE].text);
    for (size_t r = 0; r < n_rows; r++)
        if (rows[r][SCORE].kind == VALUE_TEXT)
            rows[r][SCORE] = cell_text(arena_printf(a, "%*s", (int)longest, rows[r][SCORE].text));
}

static bool all_equal(struct value *const *rows, size_t n_rows, size_t column)
{
    for (size_t r = 1; r < n_rows; r++)
        if (!value_equal(&rows[0][column], &rows[r][column]))
            return false;
    return true;
}

/* Keeps the columns that tell rows apart and those that every leaderboard has; the others, if they
 * hold a value, are said once, in *same. Returns how many it kept. */
static size_t keep_telling(const char **names, size_t n, struct value **rows, size_t n_rows,
                           struct buf *same)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool is_empty = n_rows > 0 && rows[0][i].kind == VALUE_NONE;
        bool always = i <= STATE || i == SCORE || i + 1 == n;

        if ((is_empty || (!always && n_rows > 1)) && all_equal(rows, n_rows, i)) {
            if (!is_empty) {
                buf_printf(same, "%s %s ", same->length > 0 ? "," : "same in all rows:", names[i]);
                value_text(&rows[0][i], same);
            }
            continue;
        }
        for (size_t r = 0; r < n_rows; r++)
            rows[r][kept] = rows[r][i];
        names[kept++] = names[i];
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

static enum err write_table(const struct leaderboard_columns *c, struct value **rows, size_t n_rows,
                            struct arena *a, struct buf *out, struct error *e)
{
    CLEANUP(buf_finish) struct buf same = {0};
    size_t n = N_TEXT + c->n_dimensions + 1;
    const char **names = arena_alloc(a, n, sizeof *names);

    if (!names)
        return error_no_memory(e);
    memcpy(names, TEXT_NAMES, sizeof TEXT_NAMES);
    memcpy(names + N_TEXT, c->names + N_FIRST, (c->n_dimensions + 1) * sizeof *names);
    align_scores(rows, n_rows, a);
    n = keep_telling(names, n, rows, n_rows, &same);
    TRY(write_rows(names, n, rows, n_rows, out, e));
    TRY(buf_check(&same, e));
    if (same.length > 0)
        buf_printf(out, "%s\n", buf_text(&same));
    return ERR_OK;
}

enum err leaderboard_text(struct reader *r, const struct trial_query *query, struct arena *a,
                          struct buf *out, struct error *e)
{
    struct leaderboard_columns columns;
    struct trial_list list;
    struct value **rows;

    TRY(store_trial_list(r, query, a, &list, e));
    TRY(leaderboard_columns(r, query->experiment, a, &columns, e));
    rows = arena_alloc(a, list.n + 1, sizeof *rows);
    if (!rows)
        return error_no_memory(e);
    for (size_t i = 0; i < list.n; i++) {
        rows[i] = make_text_cells(&columns, &list.items[i], a);
        if (!rows[i])
            return error_no_memory(e);
    }
    return write_table(&columns, rows, list.n, a, out, e);
}
