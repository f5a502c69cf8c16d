#include "core/search/gp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/search/gp_search.h"
#include "core/search/sobol.h"

enum {
    STARTUP = 10, /* results before it learns */
    LOOKS = 2048, /* quasi-random points that are looked at */
    STARTS = 10,  /* of a local search: the best, eight drawn among the good, the incumbent */
    POINTS_BEST = 200,
    POINTS_NEWEST = 200 /* of more results only so many are used */
};

struct sampler_gp {
    struct sampler base;
    struct sobol_design design;
    struct arena *arena; /* the kernel's */
    struct gp_kernel kernel;
    size_t fitted_n, fitted_last; /* fitted to so many results, the last of this trial */
};

static void destroy(struct sampler *s)
{
    struct sampler_gp *g = (struct sampler_gp *)s;

    sobol_design_finish(&g->design);
    arena_destroy(g->arena);
    free(g);
}

static enum err create(const struct space *s, const struct sampler_settings *settings,
                       struct sampler **out, struct error *e)
{
    struct sampler_gp *g = calloc(1, sizeof *g);
    enum err failed;

    if (!g)
        return error_no_memory(e);
    failed = sobol_design_create(s, settings->seed, &g->design, e);
    if (!failed)
        failed = arena_create(4096, &g->arena, e);
    if (failed) {
        destroy(&g->base);
        return failed;
    }
    *out = &g->base;
    return ERR_OK;
}

/* ---- what was seen --------------------------------------------------------------------------- */

struct seen {
    double loss;
    size_t trial; /* from 1 */
};

static int by_loss(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;

    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

static int by_trial(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;

    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* All results in the order of trials; a failed one has the worst loss. */
static size_t collect(const struct history *h, struct seen *out)
{
    double worst = -(double)INFINITY;
    size_t n = 0;

    for (size_t trial = 1; trial <= h->n; trial++) {
        struct past p = history_past(h, trial);

        if (past_has_loss(p) && p.loss > worst)
            worst = p.loss;
    }
    for (size_t trial = 1; trial <= h->n; trial++) {
        struct past p = history_past(h, trial);

        if (p.state != PAST_PENDING)
            out[n++] = (struct seen){past_has_loss(p) ? p.loss : worst, trial};
    }
    return n;
}

/* Of many the best ones and the newest, in the order of trials. */
static size_t thin_out(struct seen *seen, size_t n)
{
    if (n <= POINTS_BEST + POINTS_NEWEST)
        return n;
    qsort(seen, n, sizeof *seen, by_loss);
    qsort(seen + POINTS_BEST, n - POINTS_BEST, sizeof *seen, by_trial);
    memmove(seen + POINTS_BEST, seen + n - POINTS_NEWEST, POINTS_NEWEST * sizeof *seen);
    qsort(seen, POINTS_BEST + POINTS_NEWEST, sizeof *seen, by_trial);
    return POINTS_BEST + POINTS_NEWEST;
}

/* Larger is better, mean zero, variance one. */
static void standardise(size_t n, const struct seen *seen, double *y)
{
    double mean = 0.0, square = 0.0, sigma;

    for (size_t i = 0; i < n; i++)
        mean += seen[i].loss / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (seen[i].loss - mean) * (seen[i].loss - mean);
    sigma = sqrt(square / (double)n);
    for (size_t i = 0; i < n; i++)
        y[i] = sigma > 0.0 ? (mean - seen[i].loss) / sigma : 0.0;
}

/* Data of the results, with room for `more` points behind them. */
static enum err set_data(const struct history *h, const struct rows *space, size_t n,
                         const struct seen *seen, size_t more, struct arena *a, struct gp_data *out,
                         struct error *e)
{
    double *x = arena_alloc(a, n + more, (space->d + 1) * sizeof *x);
    double *y = arena_alloc(a, n + more, sizeof *y);

    if (!x || !y)
        return error_no_memory(e);
    for (size_t i = 0; i < n; i++)
        rows_row(space, history_x(h, seen[i].trial), x + i * space->d);
    standardise(n, seen, y);
    *out = (struct gp_data){.n = n, .d = space->d, .category = space->category, .x = x, .y = y};
    return ERR_OK;
}

/* ---- the process ----------------------------------------------------------------------------- */

/* To how many of n results the kernel is fitted: a fortieth to a twentieth is left out. */
static size_t fitted_of(size_t n)
{
    size_t step = 1;

    while (40 * step <= n)
        step *= 2;
    return n / step * step;
}

static enum err fit(struct sampler_gp *g, const struct rows *space, size_t n,
                    const struct seen *all, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    size_t m = fitted_of(n);
    struct seen *seen;
    struct gp_data data;

    if (g->fitted_n == m && g->fitted_last == all[m - 1].trial)
        return ERR_OK;
    TRY(arena_create(1 << 16, &a, e));
    seen = arena_alloc(a, m, sizeof *seen);
    if (!seen)
        return error_no_memory(e);
    memcpy(seen, all, m * sizeof *seen);
    g->fitted_n = 0;
    TRY(set_data(&g->base.history, space, thin_out(seen, m), seen, 0, a, &data, e));
    arena_reset(g->arena);
    TRY(gp_fit(&data, g->arena, &g->kernel, e));
    g->fitted_n = m;
    g->fitted_last = all[m - 1].trial;
    return ERR_OK;
}

static size_t count_pending(const struct history *h)
{
    size_t n = 0;

    for (size_t trial = 1; trial <= h->n; trial++)
        n += history_past(h, trial).state == PAST_PENDING;
    return n;
}

/* Takes the process's mean at the points that have no result yet as theirs. */
static enum err believe(const struct history *h, const struct rows *space, double *x, double *y,
                        struct arena *a, struct gp *g, struct error *e)
{
    struct gp_data data = g->data;

    for (size_t trial = 1; trial <= h->n; trial++) {
        double variance;

        if (history_past(h, trial).state != PAST_PENDING)
            continue;
        rows_row(space, history_x(h, trial), x + data.n * data.d);
        gp_posterior(g, 1, x + data.n * data.d, y + data.n, &variance);
        data.n++;
    }
    return data.n == g->data.n ? ERR_OK : gp_create(&data, &g->kernel, a, g, e);
}

/* The process given all results; *incumbent: the row of the best one. */
static enum err make_process(struct sampler_gp *g, const struct rows *space, struct arena *a,
                             struct gp *out, const double **incumbent, struct error *e)
{
    const struct history *h = &g->base.history;
    struct seen *seen = arena_alloc(a, h->n + 1, sizeof *seen);
    struct gp_data data;
    size_t n, best = 0;

    if (!seen)
        return error_no_memory(e);
    n = collect(h, seen);
    TRY(fit(g, space, n, seen, e));
    n = thin_out(seen, n);
    TRY(set_data(h, space, n, seen, count_pending(h), a, &data, e));
    for (size_t i = 1; i < n; i++)
        if (data.y[i] > data.y[best])
            best = i;
    *incumbent = data.x + best * data.d;
    TRY(gp_create(&data, &g->kernel, a, out, e));
    return believe(h, space, (double *)data.x, (double *)data.y, a, out, e);
}

/* ---- the proposal ---------------------------------------------------------------------------- */

struct look {
    double value;
    double *row;
    size_t index;
};

struct looks {
    size_t n;
    struct look *items;
};

static int by_value(const void *a, const void *b)
{
    const struct look *x = a, *y = b;

    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Quasi-random points, scrambled by the trial's own stream. */
static void set_random_rows(const struct sampler_gp *g, const struct rows *space, struct rng *r,
                            double *rows)
{
    size_t n = g->base.history.axes.n;
    uint32_t seeds[SPACE_DIMENSIONS_MAX];
    double u[SPACE_DIMENSIONS_MAX];

    for (size_t i = 0; i < n; i++)
        seeds[i] = rng_u32(r);
    for (uint32_t k = 0; k < LOOKS; k++) {
        for (size_t i = 0; i < n; i++)
            u[i] = ((double)sobol_scramble(sobol_bits(&g->design.sequence, i, k), seeds[i]) + 0.5) *
                   0x1p-32;
        rows_quantile(space, u, rows + k * space->d);
    }
}

/* All points of a small space. */
static enum err set_all_rows(const struct sampler_gp *g, const struct rows *space, size_t n,
                             struct arena *scratch, double *rows, struct error *e)
{
    double coordinates[SPACE_DIMENSIONS_MAX];
    struct params point;

    for (size_t k = 0; k < n; k++) {
        arena_reset(scratch);
        TRY(points_at(g->design.untried.points, k, scratch, &point, e));
        axes_coordinates(space->axes, &point, coordinates);
        rows_row(space, coordinates, rows + k * space->d);
    }
    return ERR_OK;
}

static bool is_small(const struct sampler_gp *g)
{
    const struct points *points = g->design.untried.points;

    return points && points_count(points) <= LOOKS;
}

/* What is looked at, the best first. */
static enum err look_around(struct sampler_gp *g, struct gp_search *search, struct rng *r,
                            struct arena *a, struct looks *out, struct error *e)
{
    size_t d = search->space->d, n = LOOKS;
    double *rows = arena_alloc(a, LOOKS, (d + 1) * sizeof *rows);
    double *values = arena_alloc(a, LOOKS, sizeof *values);

    out->items = arena_alloc(a, LOOKS, sizeof *out->items);
    if (!rows || !values || !out->items)
        return error_no_memory(e);
    if (is_small(g)) {
        n = (size_t)points_count(g->design.untried.points);
        TRY(set_all_rows(g, search->space, n, search->scratch, rows, e));
    } else {
        set_random_rows(g, search->space, r, rows);
    }
    TRY(gp_search_values(search, n, rows, values, e));
    for (size_t k = 0; k < n; k++)
        out->items[k] = (struct look){values[k], rows + k * d, k};
    qsort(out->items, n, sizeof *out->items, by_value);
    out->n = n;
    return ERR_OK;
}

/* Draws one of the looks that were not drawn yet, with a chance as its expected improvement; none
 * where no other has a chance. */
static size_t spin(const struct looks *l, const bool *drawn, struct rng *r)
{
    double most = l->items[0].value, total = 0.0, at;
    size_t last = l->n;

    for (size_t k = 0; k < l->n; k++)
        total += drawn[k] ? 0.0 : fmath_exp(l->items[k].value - most);
    at = rng_f64(r) * total;
    for (size_t k = 0; k < l->n; k++) {
        double share = drawn[k] ? 0.0 : fmath_exp(l->items[k].value - most);

        if (!(share > 0.0))
            continue;
        last = k;
        at -= share;
        if (at < 0.0)
            break;
    }
    return last;
}

/* Improves some of the looks and the incumbent; out: the best first. */
static enum err improve(struct gp_search *search, const struct looks *looks,
                        const double *incumbent, struct rng *r, struct arena *a, struct looks *out,
                        struct error *e)
{
    size_t d = search->space->d;
    bool drawn[LOOKS] = {false};

    out->n = 0;
    out->items = arena_alloc(a, STARTS, sizeof *out->items);
    if (!out->items)
        return error_no_memory(e);
    for (size_t i = 0; i < STARTS; i++) {
        bool is_last = i + 1 == STARTS;
        size_t k = i == 0 ? 0 : is_last ? looks->n : spin(looks, drawn, r);
        double *row = arena_alloc(a, d + 1, sizeof *row), value;

        if (!row)
            return error_no_memory(e);
        if (k == looks->n && !is_last)
            continue;
        if (!is_last)
            drawn[k] = true;
        memcpy(row, is_last ? incumbent : looks->items[k].row, d * sizeof *row);
        TRY(gp_search_values(search, 1, row, &value, e));
        TRY(gp_search_improve(search, row, &value, e));
        out->items[out->n++] = (struct look){value, row, i};
    }
    qsort(out->items, out->n, sizeof *out->items, by_value);
    return ERR_OK;
}

/* The first of the rows whose point is allowed and new. */
static enum err first_new(struct sampler_gp *g, const struct rows *space, const struct looks *looks,
                          struct arena *a, struct params *out, bool *found, struct error *e)
{
    struct history *h = &g->base.history;

    for (size_t k = 0; k < looks->n && !*found; k++) {
        TRY(rows_point(space, looks->items[k].row, a, out, e));
        *found = space_allows(h->axes.space, out) && !history_has(h, out);
    }
    return ERR_OK;
}

static enum err learn(struct sampler_gp *g, struct rng *r, struct arena *a, struct arena *scratch,
                      struct params *out, bool *found, struct error *e)
{
    struct looks looks, better = {0};
    struct gp_search search;
    struct rows space;
    struct gp process;
    const double *incumbent = NULL;
    double best = -(double)INFINITY;

    TRY(rows_create(&g->base.history.axes, a, &space, e));
    TRY(make_process(g, &space, a, &process, &incumbent, e));
    for (size_t i = 0; i < process.data.n; i++)
        best = process.data.y[i] > best ? process.data.y[i] : best;
    TRY(gp_search_create(&space, &process, best, a, scratch, &search, e));
    TRY(look_around(g, &search, r, a, &looks, e));
    if (!is_small(g))
        TRY(improve(&search, &looks, incumbent, r, a, &better, e));
    TRY(first_new(g, &space, &better, a, out, found, e));
    return *found ? ERR_OK : first_new(g, &space, &looks, a, out, found, e);
}

static enum err propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                        struct error *e)
{
    struct sampler_gp *g = (struct sampler_gp *)s;
    CLEANUP(arena_end) struct arena *work = NULL;
    CLEANUP(arena_end) struct arena *scratch = NULL;
    size_t startup = s->settings.startup > 0 ? s->settings.startup : STARTUP;
    struct params point;
    bool found = false;
    struct rng r;

    if (history_count_losses(&s->history) < startup)
        return sobol_design_propose(&g->design, &s->history, a, out, exhausted, e);
    *exhausted = untried_none(&g->design.untried, &s->history);
    if (*exhausted)
        return ERR_OK;
    TRY(arena_create(1 << 20, &work, e));
    TRY(arena_create(4096, &scratch, e));
    rng_init(&r, s->settings.seed, 0, 0, RNG_SEARCH, (uint32_t)s->history.n + 1);
    TRY(learn(g, &r, work, scratch, &point, &found, e));
    if (found)
        return params_copy(&point, a, out, e);
    return untried_draw(&g->design.untried, &s->history, &r, a, out, e);
}

const struct sampler_kind gp_sampler = {
    .name = "gp",
    .summary = "Gaussian process: proposes where it expects the largest improvement; best for few "
               "dimensions and up to 400 trials; none twice",
    .learns = true,
    .levels = SPACE_DRAW,
    .create = create,
    .destroy = destroy,
    .propose = propose,
};
