#include "core/search/gp_search.h"

#include <math.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/linalg/lbfgs.h"

enum { CLIMB_STEPS = 50, ROUNDS = 20, EXHAUSTIVE_MOST = 16 };

static const double CLIMB_SMALL = 1e-2; /* the slope where a climb ends: Optuna's */

static enum err is_allowed(struct gp_search *s, const double *row, bool *yes, struct error *e)
{
    struct params point;

    *yes = true;
    if (!space_is_restricted(s->space->axes->space))
        return ERR_OK;
    arena_reset(s->scratch);
    TRY(rows_point(s->space, row, s->scratch, &point, e));
    *yes = space_allows(s->space->axes->space, &point);
    return ERR_OK;
}

/* ---- the search ------------------------------------------------------------------------------ */

enum err gp_search_create(const struct rows *space, const struct gp *gp, double best,
                          struct arena *a, struct arena *scratch, struct gp_search *out,
                          struct error *e)
{
    size_t d = space->d + 1;

    *out = (struct gp_search){.space = space, .gp = gp, .best = best, .scratch = scratch};
    out->memory = arena_alloc(a, lbfgs_doubles(d), sizeof *out->memory);
    out->slope = arena_alloc(a, d, sizeof *out->slope);
    out->slope2 = arena_alloc(a, d, sizeof *out->slope2);
    out->rows = arena_alloc(a, GP_LANES * d, sizeof *out->rows);
    if (!out->memory || !out->slope || !out->slope2 || !out->rows)
        return error_no_memory(e);
    return ERR_OK;
}

static enum err values_of_lanes(struct gp_search *s, size_t n, const double *rows, double *values,
                                struct error *e)
{
    size_t d = s->space->d;
    double mean[GP_LANES], variance[GP_LANES];
    bool used[SPACE_DIMENSIONS_MAX];

    for (size_t k = 0; k < n; k++)
        rows_see(s->space, rows + k * d, s->rows + k * d, used);
    gp_posterior(s->gp, n, s->rows, mean, variance);
    for (size_t k = 0; k < n; k++) {
        bool allowed;

        TRY(is_allowed(s, rows + k * d, &allowed, e));
        values[k] = allowed ? gp_log_ei(mean[k], variance[k], s->best) : -(double)INFINITY;
    }
    return ERR_OK;
}

enum err gp_search_values(struct gp_search *s, size_t n, const double *rows, double *values,
                          struct error *e)
{
    for (size_t k = 0; k < n; k += GP_LANES)
        TRY(values_of_lanes(s, n - k < GP_LANES ? n - k : GP_LANES, rows + k * s->space->d,
                            values + k, e));
    return ERR_OK;
}

/* ---- the climb along the real numbers -------------------------------------------------------- */

/* A number x from 0 to 1 is (1 - cos(2 pi t)) / 2, so that the climb needs no bounds; t is in units
 * of the length scale over pi, where all directions are about equally steep. */
struct climb {
    struct gp_search *search;
    const double *row;
    double *at; /* (d) the row that is looked at */
    size_t n, dims[SPACE_DIMENSIONS_MAX];
    double unit[SPACE_DIMENSIONS_MAX];
};

static double wrap(double t)
{
    return t - floor(t);
}

static double share_of(double t)
{
    return 0.5 * (1.0 - fmath_cos_turns(wrap(t)));
}

/* The t in [0, 1/2] of a share, by halving; not at the ends, where the slope by t is zero. */
static double turns_of(double share)
{
    double low = 1e-3, high = 0.5 - 1e-3;

    for (int i = 0; i < 50; i++) {
        double middle = 0.5 * (low + high);

        if (share_of(middle) < share)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

static void set_row(const struct climb *c, const double *t)
{
    memcpy(c->at, c->row, c->search->space->d * sizeof *c->at);
    for (size_t k = 0; k < c->n; k++)
        c->at[c->dims[k]] = share_of(t[k] * c->unit[k]);
}

static bool climb_evaluate(void *ctx, const double *t, double *loss, double *gradient)
{
    static const double PI = 3.14159265358979323846;
    const struct climb *c = ctx;
    struct gp_search *s = c->search;
    double mean, variance, by_mean, by_variance;

    set_row(c, t);
    gp_posterior_slope(s->gp, c->at, &mean, &variance, s->slope, s->slope2);
    *loss = -gp_log_ei(mean, variance, s->best);
    gp_log_ei_slope(mean, variance, s->best, &by_mean, &by_variance);
    for (size_t k = 0; k < c->n; k++) {
        double slope = by_mean * s->slope[c->dims[k]] + by_variance * s->slope2[c->dims[k]];
        double sine = fmath_cos_turns(wrap(t[k] * c->unit[k] - 0.25));

        gradient[k] = -slope * PI * sine * c->unit[k];
    }
    return true;
}

/* Which numbers there are to climb along: real ones that the point uses. */
static void set_dimensions(struct climb *c, const bool *used)
{
    const struct rows *s = c->search->space;

    for (size_t i = 0; i < s->d; i++) {
        double scale = 1.0 / sqrt(c->search->gp->kernel.weight[i]);

        if (s->axes->axis[s->dims[i]].kind != AXIS_REAL || !used[i])
            continue;
        c->dims[c->n] = i;
        c->unit[c->n++] = 0.3 * (scale < 1.0 ? scale : 1.0);
    }
}

static double largest(size_t n, const double *x)
{
    double most = 0.0;

    for (size_t i = 0; i < n; i++)
        most = fabs(x[i]) > most ? fabs(x[i]) : most;
    return most;
}

static enum err climb(struct gp_search *s, double *row, double *value, struct error *e)
{
    double at[SPACE_DIMENSIONS_MAX], seen[SPACE_DIMENSIONS_MAX], better;
    struct climb c = {.search = s, .row = seen, .at = at};
    bool used[SPACE_DIMENSIONS_MAX];
    struct lbfgs o;

    rows_see(s->space, row, seen, used);
    set_dimensions(&c, used);
    if (c.n == 0)
        return ERR_OK;
    lbfgs_start(&o, c.n, s->memory);
    for (size_t k = 0; k < c.n; k++)
        o.x[k] = turns_of(row[c.dims[k]]) / c.unit[k];
    for (int i = 0; i < CLIMB_STEPS; i++) {
        (void)lbfgs_iterate(&o, false, climb_evaluate, &c);
        if (o.stalled || !isfinite(o.loss) || largest(c.n, o.g) < CLIMB_SMALL)
            break;
    }
    memcpy(at, row, s->space->d * sizeof *at);
    for (size_t k = 0; k < c.n; k++)
        at[c.dims[k]] = share_of(o.x[k] * c.unit[k]);
    TRY(gp_search_values(s, 1, at, &better, e));
    if (better > *value) {
        *value = better;
        memcpy(row, at, s->space->d * sizeof *at);
    }
    return ERR_OK;
}

/* ---- steps and categories -------------------------------------------------------------------- */

/* Other values of dimension c that are worth a try: all, or those 1, 2, 4, ... steps away. */
static size_t alternatives(const struct rows *s, size_t c, double now, double *out)
{
    const struct axis *x = &s->axes->axis[s->dims[c]];
    double at = s->category[c] ? now : floor((rows_coordinate(s, c, now) - x->min) / x->step + 0.5);
    double last = (double)(x->n - 1);
    size_t n = 0;

    if (s->category[c] || x->n <= EXHAUSTIVE_MOST) {
        for (double k = 0.0; k <= last; k += 1.0)
            if (k != at)
                out[n++] = k;
    } else {
        for (double step = 1.0; step <= last; step *= 2.0)
            for (int sign = -1; sign <= 1; sign += 2)
                if (at + sign * step >= 0.0 && at + sign * step <= last)
                    out[n++] = at + sign * step;
    }
    for (size_t k = 0; k < n && !s->category[c]; k++)
        out[k] = axes_share(s->axes, s->dims[c], x->min + out[k] * x->step);
    return n;
}

static enum err try_others(struct gp_search *s, size_t c, double *row, double *value, bool *moved,
                           struct error *e)
{
    double others[SPACE_CHOICES_MAX], values[GP_LANES], rows[GP_LANES * SPACE_DIMENSIONS_MAX];
    size_t d = s->space->d, n = alternatives(s->space, c, row[c], others);
    double best = row[c];

    *moved = false;
    for (size_t begin = 0; begin < n; begin += GP_LANES) {
        size_t m = n - begin < GP_LANES ? n - begin : GP_LANES;

        for (size_t k = 0; k < m; k++) {
            memcpy(rows + k * d, row, d * sizeof *rows);
            rows[k * d + c] = others[begin + k];
        }
        TRY(gp_search_values(s, m, rows, values, e));
        for (size_t k = 0; k < m; k++)
            if (values[k] > *value) {
                *value = values[k];
                best = others[begin + k];
                *moved = true;
            }
    }
    row[c] = best;
    return ERR_OK;
}

enum err gp_search_improve(struct gp_search *s, double *row, double *value, struct error *e)
{
    const struct rows *space = s->space;
    bool stepped = true; /* a climb alone has come to its end */

    for (int round = 0; round < ROUNDS && stepped; round++) {
        stepped = false;
        TRY(climb(s, row, value, e));
        for (size_t c = 0; c < space->d; c++) {
            bool now = space->axes->axis[space->dims[c]].kind != AXIS_REAL;

            for (int i = 0; i < ROUNDS && now; i++) {
                TRY(try_others(s, c, row, value, &now, e));
                stepped |= now;
            }
        }
    }
    return ERR_OK;
}
