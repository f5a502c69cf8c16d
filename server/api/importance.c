/*
 * GET …/importance: which dimensions of the space mattered for the score, as far as the trials that
 * have completed can tell.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/importance.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/sheet.h"

enum { TRIALS_AT_ONCE = 500, TRIALS_MAX = 10000 /* of more, these many stand for all */ };

struct answer {
    struct experiment_record experiment;
    const struct table *table;
    struct space *space;
    struct axes axes;
    struct importance_trials trials;
    double *x, *loss;
    double *ped_anova;               /* (axes.n) shares of their sum */
    struct importance_share *fanova; /* (axes.n) */
    double r2;
    bool has_ped_anova, has_fanova;
    char reason[256]; /* why something is missing; empty if nothing is */
};

static enum err make_room(struct answer *w, size_t n, struct arena *a, struct error *e)
{
    w->x = arena_alloc(a, mem_size(n + 1, w->axes.n + 1), sizeof *w->x);
    w->loss = arena_alloc(a, n + 1, sizeof *w->loss);
    w->ped_anova = arena_alloc(a, w->axes.n + 1, sizeof *w->ped_anova);
    w->fanova = arena_alloc(a, w->axes.n + 1, sizeof *w->fanova);
    return w->x && w->loss && w->ped_anova && w->fanova ? ERR_OK : error_no_memory(e);
}

static void take_trial(struct answer *w, const struct trial_record *t, bool maximize)
{
    size_t i = w->trials.n;

    if (!isfinite(t->score))
        return;
    axes_coordinates(&w->axes, &t->params, w->x + i * w->axes.n);
    w->loss[i] = maximize ? -t->score : t->score;
    w->trials.n++;
}

/* Every k-th where there are too many. */
static void thin(struct trial_order *order)
{
    size_t n = order->n < TRIALS_MAX ? order->n : TRIALS_MAX;

    for (size_t i = 0; i < n; i++) {
        order->trials[i] = order->trials[i * order->n / n];
        order->ranks[i] = order->ranks[i * order->n / n];
    }
    order->n = n;
}

static enum err read_trials(struct call *c, struct answer *w, struct error *e)
{
    struct trial_query query = {.experiment = w->experiment.id, .state = "completed"};
    bool maximize = strcmp(w->experiment.direction, "maximize") == 0;
    CLEANUP(arena_end) struct arena *page = NULL;
    struct trial_record *records;
    struct trial_order order;

    TRY(arena_create(1 << 16, &page, e));
    TRY(store_trial_order(c->reader, &query, c->q->arena, &order, e));
    thin(&order);
    TRY(make_room(w, order.n, c->q->arena, e));
    records = arena_alloc(c->q->arena, TRIALS_AT_ONCE, sizeof *records);
    if (!records)
        return error_no_memory(e);
    for (size_t done = 0; done < order.n; done += TRIALS_AT_ONCE) {
        size_t n = order.n - done < TRIALS_AT_ONCE ? order.n - done : TRIALS_AT_ONCE;

        TRY(store_trial_fetch(c->reader, w->experiment.id, &order, done, n, page, records, e));
        for (size_t i = 0; i < n; i++)
            take_trial(w, &records[i], maximize);
        arena_reset(page);
    }
    w->trials.x = w->x;
    w->trials.loss = w->loss;
    return ERR_OK;
}

/* ---- what can be told -------------------------------------------------------------------- */

static bool is_searched(const struct answer *w, size_t i)
{
    return w->axes.axis[i].kind != AXIS_FIXED;
}

static void normalize(struct answer *w)
{
    double sum = 0.0;

    for (size_t i = 0; i < w->axes.n; i++)
        sum += w->ped_anova[i];
    for (size_t i = 0; i < w->axes.n && sum > 0.0; i++)
        w->ped_anova[i] /= sum;
}

static enum err judge(struct answer *w, struct error *e)
{
    size_t n_searched = 0;

    w->r2 = (double)NAN;
    for (size_t i = 0; i < w->axes.n; i++)
        n_searched += is_searched(w, i);
    if (n_searched == 0) {
        (void)snprintf(w->reason, sizeof w->reason, "every hyperparameter is fixed");
        return ERR_OK;
    }
    if (w->trials.n < IMPORTANCE_TRIALS_MIN) {
        (void)snprintf(w->reason, sizeof w->reason,
                       "%zu completed trials are too few to tell: at least %d are needed",
                       w->trials.n, IMPORTANCE_TRIALS_MIN);
        return ERR_OK;
    }
    TRY(importance_fanova(&w->axes, &w->trials, w->fanova, &w->r2, e));
    if (isnan(w->r2)) {
        (void)snprintf(w->reason, sizeof w->reason, "all scores are equal");
        return ERR_OK;
    }
    TRY(importance_ped_anova(&w->axes, &w->trials, w->ped_anova, e));
    normalize(w);
    w->has_ped_anova = true;
    w->has_fanova = w->r2 >= IMPORTANCE_R2_MIN;
    if (!w->has_fanova)
        (void)snprintf(w->reason, sizeof w->reason,
                       "a forest foretells %.2g of the score's variance (r2), below %.2g: the "
                       "trials are too few, or scores differ mostly by chance",
                       w->r2 > 0.0 ? w->r2 : 0.0, IMPORTANCE_R2_MIN);
    return ERR_OK;
}

/* ---- written ----------------------------------------------------------------------------- */

static double weight(const struct answer *w, size_t i)
{
    return w->has_fanova ? w->fanova[i].mean : w->has_ped_anova ? w->ped_anova[i] : 0.0;
}

/* The searched dimensions, what matters most first; else in order of the space. */
static size_t sort_dimensions(const struct answer *w, size_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < w->axes.n; i++) {
        size_t at = n;

        if (!is_searched(w, i))
            continue;
        for (; at > 0 && weight(w, out[at - 1]) < weight(w, i); at--)
            out[at] = out[at - 1];
        out[at] = i;
        n++;
    }
    return n;
}

/* One dimension; NaN where something is missing. */
struct dimension_row {
    const char *name;
    double fanova, fanova_low, fanova_high, ped_anova;
};

/* clang-format off */
static const struct field row_fields[] = {
    FIELD("name", TEXT, dimension_row, name, .summary = "of the dimension"),
    FIELD("fanova", REAL, dimension_row, fanova, .nullable = true,
          .summary = "share of the score's variance that it explains alone"),
    FIELD("fanova_low", REAL, dimension_row, fanova_low, .nullable = true),
    FIELD("fanova_high", REAL, dimension_row, fanova_high, .nullable = true),
    FIELD("ped_anova", REAL, dimension_row, ped_anova, .nullable = true,
          .summary = "how much it matters among the best trials, a share of all dimensions'"),
    {.key = NULL},
};
/* clang-format on */

static struct dimension_row make_row(const struct answer *w, size_t i)
{
    const struct importance_share *f = &w->fanova[i];
    const double none = (double)NAN;

    return (struct dimension_row){
        .name = space_dimension(w->space, i)->name,
        .fanova = w->has_fanova ? f->mean : none,
        .fanova_low = w->has_fanova ? f->low : none,
        .fanova_high = w->has_fanova ? f->high : none,
        .ped_anova = w->has_ped_anova ? w->ped_anova[i] : none,
    };
}

static void write_dimensions(const void *in, struct json *j, const char *key)
{
    const struct answer *w = in;
    size_t order[SPACE_DIMENSIONS_MAX], n = sort_dimensions(w, order);

    json_array(j, key);
    for (size_t i = 0; i < n; i++) {
        struct dimension_row row = make_row(w, order[i]);

        json_object_inline(j, NULL);
        field_encode(row_fields, &row, j);
        json_end(j);
    }
    json_end(j);
}

static void write_reason(const void *in, struct json *j, const char *key)
{
    const struct answer *w = in;

    json_string(j, key, w->reason[0] ? w->reason : NULL);
}

/* clang-format off */
static const struct field answer_fields[] = {
    FIELD("experiment", INT, answer, experiment.id, .summary = "its id"),
    FIELD("metric", TEXT, answer, experiment.metric, .summary = "that decides"),
    FIELD("trials", INT, answer, trials.n, .summary = "that were looked at"),
    FIELD("r2", REAL, answer, r2, .nullable = true,
          .summary = "share of the score's variance that a forest foretells"),
    {.key = "reason", .type = FIELD_OTHER, .document = field_document_text, .write = write_reason,
     .nullable = true, .summary = "why something is missing"},
    {.key = "dimensions", .type = FIELD_OTHER, .fields = row_fields, .shape = FIELD_LIST,
     .write = write_dimensions, .summary = "what matters most first"},
    {.key = NULL},
};
/* clang-format on */

const struct schema experiment_importance_schema = {
    .name = "Importance",
    .fields = answer_fields,
    .summary = "How much each hyperparameter mattered for the score."};

/* ---- as a table -------------------------------------------------------------------------- */

static const char *const NAMES[] = {"name", "fanova", "fanova_low", "fanova_high", "ped_anova"};
enum { N_COLUMNS = sizeof NAMES / sizeof *NAMES };

/* Rows that are there already. */
struct listing {
    size_t n, done;
    struct value *cells; /* (n, N_COLUMNS) */
};

static enum err read_rows(void *ctx, struct reader *r, size_t most, struct arena *a,
                          struct value *out, size_t *n, struct error *e)
{
    struct listing *l = ctx;

    (void)r;
    (void)a;
    (void)e;
    *n = l->n - l->done < most ? l->n - l->done : most;
    memcpy(out, l->cells + l->done * N_COLUMNS, *n * N_COLUMNS * sizeof *out);
    l->done += *n;
    return ERR_OK;
}

static enum err write_cells(const struct answer *w, struct arena *a, struct listing *l,
                            struct error *e)
{
    size_t order[SPACE_DIMENSIONS_MAX];
    struct value *cell;

    l->n = sort_dimensions(w, order);
    l->cells = cell = arena_alloc(a, (l->n + 1) * N_COLUMNS, sizeof *cell);
    if (!cell)
        return error_no_memory(e);
    for (size_t i = 0; i < l->n; i++) {
        struct dimension_row row = make_row(w, order[i]);
        const char *name = arena_strdup(a, row.name);

        if (!name)
            return error_no_memory(e);
        *cell++ = cell_text(name);
        *cell++ = cell_real(row.fanova);
        *cell++ = cell_real(row.fanova_low);
        *cell++ = cell_real(row.fanova_high);
        *cell++ = cell_real(row.ped_anova);
    }
    return ERR_OK;
}

static enum err send_table(struct call *c, const struct answer *w, struct error *e)
{
    CLEANUP(sheet_end) struct sheet s = {.n_columns = N_COLUMNS, .names = NAMES, .read = read_rows};
    struct listing *l;

    TRY(sheet_begin(&s, e));
    s.ctx = l = arena_alloc(s.arena, 1, sizeof *l);
    if (!l)
        return error_no_memory(e);
    TRY(write_cells(w, s.arena, l, e));
    return sheet_send(c, &s, 0, e);
}

static enum err make_answer(struct call *c, struct answer *w, struct error *e)
{
    TRY(call_space(c, &w->experiment, &w->table, &w->space, e));
    TRY(axes_create(w->space, c->q->arena, &w->axes, e));
    TRY(read_trials(c, w, e));
    call_release(c);
    return judge(w, e);
}

enum err experiment_importance(struct call *c, struct error *e)
{
    struct answer w = {0};
    enum err failed;
    int64_t id;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &w.experiment, e));
    failed = make_answer(c, &w, e);
    if (failed == ERR_OK)
        failed = c->form == FORM_JSON ? call_object(c, 200, answer_fields, &w, e)
                                      : send_table(c, &w, e);
    space_destroy(w.space);
    jobs_release_table(c->api->jobs, w.table);
    return failed;
}
