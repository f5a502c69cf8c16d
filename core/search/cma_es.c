#include "core/search/cma_es.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/cma_model.h"
#include "core/search/rows.h"
#include "core/search/untried.h"

enum {
    DRAWS = 200,       /* until a point is allowed and new */
    DRAWS_INSIDE = 100 /* those among them that are not clipped */
};

static const double SIGMA = 1.0 / 6.0, CENTRE = 0.5; /* of the unit cube */
static const double SMOOTHING = 0.3; /* of the categories' probabilities in a generation */

struct sampler_cma {
    struct sampler base;
    struct arena *arena;
    struct untried untried;
    struct axes axes;
    struct rows rows;
    size_t n_numbers, *numbers; /* places in a row of what the distribution is over */
    size_t *n_steps;            /* (n_numbers) */
    double **chances;           /* (rows.d) of a category's values; NULL: a number */
    struct cma cma;
    struct arena *cma_arena;
    size_t n_learnt; /* trials: whole generations */
};

static void destroy(struct sampler *s)
{
    struct sampler_cma *c = (struct sampler_cma *)s;

    untried_finish(&c->untried);
    arena_destroy(c->arena);
    arena_destroy(c->cma_arena);
    free(c);
}

/* ---- created --------------------------------------------------------------------------------- */

static double limit_of(const void *ctx, size_t i, size_t k)
{
    const struct sampler_cma *c = ctx;
    size_t dimension = c->rows.dims[c->numbers[i]];
    const struct axis *x = &c->axes.axis[dimension];

    return axes_share(&c->axes, dimension, x->min + ((double)k + 0.5) * x->step);
}

static enum err restart(struct sampler_cma *c, const double *mean, struct error *e)
{
    struct cma_steps steps = {.n = c->n_steps, .limit = limit_of, .ctx = c};

    arena_reset(c->cma_arena);
    return cma_create(c->n_numbers, mean, SIGMA, &steps, c->cma_arena, &c->cma, e);
}

/* Names what is no number that every trial uses. */
static enum err refuse(const struct sampler_cma *c, size_t n_unfit, struct error *e)
{
    char names[256] = "";
    size_t length = 0;

    for (size_t i = 0; i < c->rows.d && length < sizeof names; i++) {
        const struct dimension *d = space_dimension(c->axes.space, c->rows.dims[i]);
        const char *why = c->rows.category[i]      ? "a category"
                          : c->rows.conditional[i] ? "conditional"
                                                   : NULL;

        if (why)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s (%s)",
                                       length > 0 ? ", " : "", d->name, why);
    }
    if (n_unfit == 0)
        return error_set(e, ERR_INVALID, "sampler \"cma_es\" searches numbers: the space has none");
    return error_set(
        e, ERR_INVALID,
        "sampler \"cma_es\" searches numbers that every trial uses, but %zu of the %zu "
        "dimensions searched are not such: %s; sampler \"tpe\" is made for these",
        n_unfit, c->rows.d, names);
}

static enum err check(struct sampler_cma *c, struct error *e)
{
    size_t n_unfit = 0;

    for (size_t i = 0; i < c->rows.d; i++)
        n_unfit += c->rows.category[i] || c->rows.conditional[i];
    return 2 * n_unfit > c->rows.d || c->n_numbers == 0 ? refuse(c, n_unfit, e) : ERR_OK;
}

static enum err set_even_chances(struct sampler_cma *c, size_t i, struct error *e)
{
    size_t n = c->axes.axis[c->rows.dims[i]].n;

    c->chances[i] = arena_alloc(c->arena, n, sizeof *c->chances[i]);
    if (!c->chances[i])
        return error_no_memory(e);
    for (size_t k = 0; k < n; k++)
        c->chances[i][k] = 1.0 / (double)n;
    return ERR_OK;
}

static enum err set_up(struct sampler_cma *c, const struct space *s, struct error *e)
{
    double mean[SPACE_DIMENSIONS_MAX];

    TRY(arena_create(4096, &c->arena, e));
    TRY(arena_create(4096, &c->cma_arena, e));
    TRY(untried_create(s, &c->untried, e));
    TRY(axes_create(s, c->arena, &c->axes, e));
    TRY(rows_create(&c->axes, c->arena, &c->rows, e));
    c->numbers = arena_alloc(c->arena, c->rows.d + 1, sizeof *c->numbers);
    c->n_steps = arena_alloc(c->arena, c->rows.d + 1, sizeof *c->n_steps);
    c->chances = arena_alloc(c->arena, c->rows.d + 1, sizeof *c->chances);
    if (!c->numbers || !c->n_steps || !c->chances)
        return error_no_memory(e);
    for (size_t i = 0; i < c->rows.d; i++) {
        if (c->rows.category[i]) {
            TRY(set_even_chances(c, i, e));
            continue;
        }
        mean[c->n_numbers] = CENTRE;
        c->n_steps[c->n_numbers] = c->axes.axis[c->rows.dims[i]].n;
        c->numbers[c->n_numbers++] = i;
    }
    TRY(check(c, e));
    return restart(c, mean, e);
}

static enum err create(const struct space *s, const struct sampler_settings *settings,
                       struct sampler **out, struct error *e)
{
    struct sampler_cma *c = calloc(1, sizeof *c);
    enum err failed;

    (void)settings;
    if (!c)
        return error_no_memory(e);
    failed = set_up(c, s, e);
    if (failed) {
        destroy(&c->base);
        return failed;
    }
    *out = &c->base;
    return ERR_OK;
}

static size_t generation(const struct sampler *s)
{
    return ((const struct sampler_cma *)s)->cma.population;
}

/* ---- draws ----------------------------------------------------------------------------------- */

static double draw_category(const double *chances, size_t n, struct rng *r)
{
    double at = rng_f64(r);
    size_t k = 0;

    for (; k + 1 < n && at >= chances[k]; k++)
        at -= chances[k];
    return (double)k;
}

/* Draw number `draw` of a trial: x for the distribution, the row for the trial. False where it lies
 * outside of the space and others are to be drawn. */
static bool draw_row(const struct sampler_cma *c, int draw, struct rng *r, double *x, double *row)
{
    cma_draw(&c->cma, r, x);
    for (size_t i = 0; i < c->rows.d; i++)
        if (c->chances[i])
            row[i] = draw_category(c->chances[i], c->axes.axis[c->rows.dims[i]].n, r);
    for (size_t k = 0; k < c->n_numbers; k++) {
        size_t i = c->numbers[k], dimension = c->rows.dims[i];
        const struct axis *axis = &c->axes.axis[dimension];

        if (axis->kind == AXIS_STEPS) {
            row[i] = axes_share(&c->axes, dimension,
                                axis->min + (double)cma_step(&c->cma, k, x[k]) * axis->step);
            continue;
        }
        if (draw < DRAWS_INSIDE && !(x[k] >= 0.0 && x[k] <= 1.0))
            return false;
        x[k] = x[k] > 0.0 ? (x[k] < 1.0 ? x[k] : 1.0) : 0.0;
        row[i] = x[k];
    }
    return true;
}

static void start_stream(const struct sampler_cma *c, size_t trial, struct rng *r)
{
    rng_init(r, c->base.settings.seed, 0, 0, RNG_SEARCH, (uint32_t)trial);
}

/* ---- learnt ---------------------------------------------------------------------------------- */

struct member {
    double loss; /* infinity: failed */
    size_t trial;
    double *x, *row;
};

static int by_loss(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

static bool same(size_t n, const double *a, const double *b)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
            return false;
    return true;
}

/* What stood behind a trial's point: the first of the trial's draws that gives it. Steps have many
 * numbers for one value, and which one it was is in no history. */
static enum err redraw(const struct sampler_cma *c, size_t trial, struct arena *a, double *x,
                       double *row, bool *found, struct error *e)
{
    double coordinates[SPACE_DIMENSIONS_MAX];
    struct params point;
    struct rng r;

    *found = false;
    start_stream(c, trial, &r);
    for (int draw = 0; draw < DRAWS && !*found; draw++) {
        if (!draw_row(c, draw, &r, x, row))
            continue;
        arena_reset(a);
        TRY(rows_point(&c->rows, row, a, &point, e));
        axes_coordinates(&c->axes, &point, coordinates);
        *found = same(c->axes.n, coordinates, history_x(&c->base.history, trial));
    }
    return ERR_OK;
}

/* A point from elsewhere; a number that it does not use is at the mean. */
static void inject(const struct sampler_cma *c, size_t trial, double *x, double *row)
{
    const double *coordinates = history_x(&c->base.history, trial);

    rows_row(&c->rows, coordinates, row);
    for (size_t k = 0; k < c->n_numbers; k++) {
        size_t i = c->numbers[k];

        x[k] = isnan(coordinates[c->rows.dims[i]]) ? c->cma.mean[k] : row[i];
    }
    cma_shorten(&c->cma, x);
}

/* The chances move towards the shares of the better half, weighted; none is lost for good. */
static void update_chances(struct sampler_cma *c, const struct member *members)
{
    for (size_t i = 0; i < c->rows.d; i++) {
        size_t n = c->axes.axis[c->rows.dims[i]].n;
        double least = 1.0 / (double)(n * c->cma.population), sum = 0.0;

        if (!c->chances[i])
            continue;
        for (size_t k = 0; k < n; k++) {
            double share = 0.0;

            for (size_t m = 0; m < c->cma.parents; m++)
                share += members[m].row[i] == (double)k ? c->cma.weights[m] : 0.0;
            c->chances[i][k] += SMOOTHING * (share - c->chances[i][k]);
            if (c->chances[i][k] < least)
                c->chances[i][k] = least;
            sum += c->chances[i][k];
        }
        for (size_t k = 0; k < n; k++)
            c->chances[i][k] /= sum;
    }
}

/* Takes in the trials of a generation; where none has a loss nothing is learnt from it. */
static enum err learn(struct sampler_cma *c, struct arena *a, struct arena *scratch,
                      struct error *e)
{
    size_t n = c->cma.population, d = c->rows.d;
    struct member *members = arena_alloc(a, n, sizeof *members);
    const double **x = arena_alloc(a, n, sizeof *x);
    double *room = arena_alloc(a, 2 * n, d * sizeof *room);

    if (!members || !x || !room)
        return error_no_memory(e);
    for (size_t m = 0; m < n; m++) {
        size_t trial = c->n_learnt + m + 1;
        struct past p = history_past(&c->base.history, trial);
        struct member *this = &members[m];
        bool found;

        *this = (struct member){past_has_loss(p) ? p.loss : (double)INFINITY, trial,
                                room + 2 * m * d, room + (2 * m + 1) * d};
        TRY(redraw(c, trial, scratch, this->x, this->row, &found, e));
        if (!found)
            inject(c, trial, this->x, this->row);
    }
    qsort(members, n, sizeof *members, by_loss);
    for (size_t m = 0; m < n; m++)
        x[m] = members[m].x;
    if (isfinite(members[0].loss)) {
        update_chances(c, members);
        cma_update(&c->cma, x);
    }
    c->n_learnt += n;
    return ERR_OK;
}

/* Where the distribution has come to its end, another begins somewhere else. */
static enum err renew(struct sampler_cma *c, struct error *e)
{
    double mean[SPACE_DIMENSIONS_MAX];
    struct rng r;

    rng_init(&r, c->base.settings.seed, 1, 0, RNG_SEARCH, (uint32_t)c->n_learnt);
    for (size_t k = 0; k < c->n_numbers; k++)
        mean[k] = rng_f64(&r);
    return restart(c, mean, e);
}

static bool is_complete(const struct history *h, size_t first, size_t n)
{
    for (size_t trial = first; trial < first + n; trial++)
        if (trial > h->n || history_past(h, trial).state == PAST_PENDING)
            return false;
    return true;
}

static enum err catch_up(struct sampler_cma *c, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(arena_end) struct arena *scratch = NULL;

    if (!is_complete(&c->base.history, c->n_learnt + 1, c->cma.population))
        return ERR_OK;
    TRY(arena_create(4096, &a, e));
    TRY(arena_create(4096, &scratch, e));
    while (is_complete(&c->base.history, c->n_learnt + 1, c->cma.population)) {
        arena_reset(a);
        TRY(learn(c, a, scratch, e));
        if (!cma_is_alive(&c->cma))
            TRY(renew(c, e));
    }
    return ERR_OK;
}

/* ---- the proposal ---------------------------------------------------------------------------- */

static enum err propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                        struct error *e)
{
    struct sampler_cma *c = (struct sampler_cma *)s;
    CLEANUP(arena_end) struct arena *scratch = NULL;
    double x[SPACE_DIMENSIONS_MAX], row[SPACE_DIMENSIONS_MAX];
    struct params point;
    struct rng r;

    TRY(catch_up(c, e));
    *exhausted = untried_none(&c->untried, &s->history);
    if (*exhausted)
        return ERR_OK;
    TRY(arena_create(4096, &scratch, e));
    start_stream(c, s->history.n + 1, &r);
    for (int draw = 0; draw < DRAWS; draw++) {
        if (!draw_row(c, draw, &r, x, row))
            continue;
        arena_reset(scratch);
        TRY(rows_point(&c->rows, row, scratch, &point, e));
        if (space_allows(c->axes.space, &point) && !history_has(&s->history, &point))
            return params_copy(&point, a, out, e);
    }
    return untried_draw(&c->untried, &s->history, &r, a, out, e);
}

const struct sampler_kind cma_es_sampler = {
    .name = "cma_es",
    .summary = "CMA-ES with margin: whole generations from a normal distribution that follows the "
               "better half; for long searches over numbers",
    .learns = true,
    .levels = SPACE_DRAW,
    .create = create,
    .destroy = destroy,
    .generation = generation,
    .propose = propose,
};
