#include "core/search/tpe.h"

#include <math.h>
#include <stdlib.h>

#include "core/search/parzen.h"
#include "core/search/sobol.h"

enum {
    STARTUP = 10,    /* results before it learns */
    CANDIDATES = 24, /* of which the best is proposed */
    BEST_MOST = 25   /* trials among the best */
};

struct tpe {
    struct sampler base;
    struct sobol_design design;
    struct arena *scratch; /* of one proposal */
};

static void destroy(struct sampler *s)
{
    struct tpe *t = (struct tpe *)s;

    sobol_design_finish(&t->design);
    arena_destroy(t->scratch);
    free(t);
}

static enum err create(const struct space *s, const struct sampler_settings *settings,
                       struct sampler **out, struct error *e)
{
    struct tpe *t = calloc(1, sizeof *t);
    enum err failed;

    if (!t)
        return error_no_memory(e);
    failed = sobol_design_create(s, settings->seed, &t->design, e);
    if (!failed)
        failed = arena_create(1 << 16, &t->scratch, e);
    if (failed) {
        destroy(&t->base);
        return failed;
    }
    *out = &t->base;
    return ERR_OK;
}

/* ---- the best and the others ----------------------------------------------------------------- */

struct scored {
    double loss;
    size_t trial; /* from 1 */
};

static int by_loss(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* Points of trials, oldest first. */
struct cut {
    size_t n_best, n_others;
    const double **best, **others;
};

/* A tenth of the trials with a loss, rounded up, are the best. Others are also those that failed
 * and those without a result. */
static enum err cut(const struct history *h, size_t n_scored, struct arena *a, struct cut *out,
                    struct error *e)
{
    struct scored *scored = arena_alloc(a, n_scored + 1, sizeof *scored), last;
    size_t n = 0, n_best = (n_scored + 9) / 10;

    out->best = arena_alloc(a, h->n + 1, sizeof *out->best);
    out->others = arena_alloc(a, h->n + 1, sizeof *out->others);
    if (!scored || !out->best || !out->others)
        return error_no_memory(e);
    for (size_t trial = 1; trial <= h->n; trial++)
        if (past_has_loss(history_past(h, trial)))
            scored[n++] = (struct scored){history_past(h, trial).loss, trial};
    qsort(scored, n, sizeof *scored, by_loss);
    n_best = n_best < BEST_MOST ? n_best : BEST_MOST;
    last = scored[n_best - 1];
    for (size_t trial = 1; trial <= h->n; trial++) {
        struct past p = history_past(h, trial);
        struct scored this = {p.loss, trial};

        if (past_has_loss(p) && by_loss(&this, &last) <= 0)
            out->best[out->n_best++] = history_x(h, trial);
        else
            out->others[out->n_others++] = history_x(h, trial);
    }
    return ERR_OK;
}

/* ---- proposed -------------------------------------------------------------------------------- */

struct choice {
    bool found;
    double ratio;
    struct params point;
};

/* Draws candidates from the density of the best and keeps the one with the largest ratio. */
static enum err choose(struct history *h, const struct parzen *best, const struct parzen *others,
                       struct rng *r, struct arena *a, struct choice *out, struct error *e)
{
    double x[SPACE_DIMENSIONS_MAX];

    for (int i = 0; i < CANDIDATES; i++) {
        struct params point;
        double density, other;

        parzen_draw(best, r, x);
        TRY(axes_point(&h->axes, x, a, &point, e));
        if (!space_allows(h->axes.space, &point) || history_has(h, &point))
            continue;
        axes_coordinates(&h->axes, &point, x);
        density = parzen_log_density(best, x);
        if (parzen_log_density_below(others, x,
                                     out->found ? density - out->ratio : (double)INFINITY, &other))
            *out = (struct choice){.found = true, .ratio = density - other, .point = point};
    }
    return ERR_OK;
}

static enum err learn(struct tpe *t, size_t n_scored, struct rng *r, struct arena *a,
                      struct choice *out, struct error *e)
{
    struct history *h = &t->base.history;
    struct parzen *best, *others;
    struct cut c = {0};

    TRY(cut(h, n_scored, a, &c, e));
    TRY(parzen_create(&h->axes, PARZEN_BY_GRID, c.n_best, c.best, a, &best, e));
    TRY(parzen_create(&h->axes, PARZEN_BY_GRID, c.n_others, c.others, a, &others, e));
    return choose(h, best, others, r, a, out, e);
}

static enum err propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                        struct error *e)
{
    struct tpe *t = (struct tpe *)s;
    size_t n_scored = history_count_losses(&s->history);
    size_t startup = s->settings.startup > 0 ? s->settings.startup : STARTUP;
    struct choice c = {0};
    struct rng r;

    if (n_scored < startup)
        return sobol_design_propose(&t->design, &s->history, a, out, exhausted, e);
    *exhausted = untried_none(&t->design.untried, &s->history);
    if (*exhausted)
        return ERR_OK;
    arena_reset(t->scratch);
    rng_init(&r, s->settings.seed, 0, 0, RNG_SEARCH, (uint32_t)s->history.n + 1);
    TRY(learn(t, n_scored, &r, t->scratch, &c, e));
    if (c.found)
        return params_copy(&c.point, a, out, e);
    return untried_draw(&t->design.untried, &s->history, &r, a, out, e);
}

const struct sampler_kind tpe_sampler = {
    .name = "tpe",
    .summary = "tree-structured Parzen estimator: draws near the best trials and away from the "
               "others; joint, conditional, none twice",
    .learns = true,
    .levels = SPACE_DRAW,
    .create = create,
    .destroy = destroy,
    .propose = propose,
};
