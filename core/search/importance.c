#include "core/search/importance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/special.h"
#include "core/search/forest.h"

static int compare_numbers(const void *a, const void *b)
{
    double p = *(const double *)a, q = *(const double *)b;

    return p < q ? -1 : p > q;
}

/* ---- PED-ANOVA ----------------------------------------------------------------------------- */

enum { CELLS_MAX = 50, TRIALS_OF_PART = 2 }; /* fewer trials of a part are no density */

/* Added to each density, so that one can be divided by the other. */
static const double nearly_zero = 1e-12;

/* A dimension in cells: where they are, and how many trials fall into each. */
struct cells {
    const struct axis *axis;
    size_t n;
    double low, high; /* of numbers, in logarithms where the axis is so */
};

static double scale_of(const struct axis *x, double coordinate)
{
    return x->log ? fmath_log(coordinate) : coordinate;
}

/* Integers of a logarithm: as many cells as doublings. */
static size_t count_cells(const struct axis *x)
{
    size_t n = CELLS_MAX;

    if (x->kind == AXIS_CATEGORY)
        return x->n;
    if (x->kind == AXIS_STEPS && !x->log)
        n = x->n;
    if (x->kind == AXIS_STEPS && x->log)
        n = (size_t)ceil(fmath_log(x->max - x->min + 1.0) / fmath_log(2.0)) + 1;
    return n < CELLS_MAX ? n : CELLS_MAX;
}

static struct cells cells_of(const struct axis *x)
{
    return (struct cells){x, count_cells(x), scale_of(x, x->min), scale_of(x, x->max)};
}

/* Halfway goes to the lower cell. */
static size_t cell_of(const struct cells *c, double coordinate)
{
    double k = coordinate;

    if (c->axis->kind != AXIS_CATEGORY) {
        double width = (c->high - c->low) / (double)(c->n - 1);

        k = ceil((scale_of(c->axis, coordinate) - c->low) / width - 0.5);
    }
    return k <= 0.0 ? 0 : k < (double)(c->n - 1) ? (size_t)k : c->n - 1;
}

/* The cell in which a sum of counts is reached (right: passed), or the last that has any. */
static size_t cell_at(const size_t *counts, size_t n, size_t sum, bool right)
{
    size_t so_far = 0, last = 0;

    for (size_t i = 0; i < n; i++) {
        if (counts[i] == 0)
            continue;
        so_far += counts[i];
        last = i;
        if (right ? so_far > sum : so_far >= sum)
            break;
    }
    return last;
}

/* Scott's bandwidth in cells; at least one that keeps nine tenths of a kernel in its cell. */
static double bandwidth(const size_t *counts, size_t n)
{
    double mean = 0.0, squares = 0.0, total = 0.0, spread, quartiles;
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        mean += (double)counts[i] * (double)i;
        sum += counts[i];
    }
    total = (double)sum;
    mean /= total;
    for (size_t i = 0; i < n; i++)
        squares += (double)counts[i] * ((double)i - mean) * ((double)i - mean);
    spread = sqrt(squares / (total > 2.0 ? total - 1.0 : 1.0));
    quartiles =
        (double)cell_at(counts, n, sum * 3 / 4, true) - (double)cell_at(counts, n, sum / 4, false);
    spread = quartiles / 1.34 < spread ? quartiles / 1.34 : spread;
    spread *= 1.059 * fmath_exp(-0.2 * fmath_log(total));
    return spread > 0.5 / 1.64 ? spread : 0.5 / 1.64;
}

/* The mass of a normal distribution in cell i, of that in all n cells. */
static double mass(double mu, double sigma, size_t i, size_t n)
{
    double low = (-0.5 - mu) / sigma, high = ((double)n - 0.5 - mu) / sigma;
    double from = ((double)i - 0.5 - mu) / sigma, to = ((double)i + 0.5 - mu) / sigma;

    return fmath_exp(special_log_normal_mass(from, to) - special_log_normal_mass(low, high));
}

/* A kernel for each cell that has trials, weighing as many, and one for all cells. */
static void estimate(const struct cells *c, const size_t *counts, double *density)
{
    bool is_category = c->axis->kind == AXIS_CATEGORY;
    double weight = 1.0, sigma = is_category ? 0.0 : bandwidth(counts, c->n), n = (double)c->n;
    size_t kernels = 1;

    for (size_t i = 0; i < c->n; i++) {
        weight += (double)counts[i];
        kernels += counts[i] > 0;
    }
    for (size_t i = 0; i < c->n; i++) {
        double prior = 1.0 / (double)kernels, of_row = 1.0 + n * prior;

        density[i] = is_category ? 1.0 / n : mass((n - 1.0) / 2.0, n, i, c->n);
        for (size_t k = 0; k < c->n; k++)
            if (counts[k] > 0)
                density[i] +=
                    (double)counts[k] * (is_category ? (prior + (k == i ? 1.0 : 0.0)) / of_row
                                                     : mass((double)k, sigma, i, c->n));
        density[i] = density[i] / weight + nearly_zero;
    }
}

/* How far the densities of two sets of trials are from each other. */
static enum err divergence(const struct cells *c, const size_t *best, const size_t *all,
                           double *out, struct error *e)
{
    CLEANUP(mem_free) double *p = calloc(2 * c->n, sizeof *p);
    double *q, sum = 0.0;

    if (!p)
        return error_no_memory(e);
    q = p + c->n;
    estimate(c, best, p);
    estimate(c, all, q);
    for (size_t i = 0; i < c->n; i++)
        sum += q[i] * (p[i] / q[i] - 1.0) * (p[i] / q[i] - 1.0);
    *out = sum;
    return ERR_OK;
}

static enum err judge_dimension(const struct axes *axes, size_t j,
                                const struct importance_trials *t, double cut, size_t n_best,
                                double *out, struct error *e)
{
    struct cells c = cells_of(&axes->axis[j]);
    CLEANUP(mem_free) size_t *best = calloc(2 * c.n, sizeof *best);
    size_t *all, used = 0, used_best = 0;
    double far = 0.0, gamma = (double)n_best / (double)t->n, alpha, beta;

    if (!best)
        return error_no_memory(e);
    all = best + c.n;
    for (size_t i = 0; i < t->n; i++) {
        double x = t->x[i * axes->n + j];

        if (isnan(x))
            continue;
        all[cell_of(&c, x)]++;
        used++;
        if (t->loss[i] <= cut) {
            best[cell_of(&c, x)]++;
            used_best++;
        }
    }
    *out = 0.0;
    if (used < TRIALS_OF_PART || used_best == 0)
        return ERR_OK;
    TRY(divergence(&c, best, all, &far, e));
    alpha = (double)used_best / (double)n_best;
    beta = (double)used / (double)t->n;
    *out = alpha * alpha / beta * far * gamma * gamma;
    return ERR_OK;
}

enum err importance_ped_anova(const struct axes *axes, const struct importance_trials *t,
                              double *out, struct error *e)
{
    CLEANUP(mem_free) double *sorted = calloc(t->n + 1, sizeof *sorted);
    size_t n_best = 0;
    double cut;

    if (!sorted)
        return error_no_memory(e);
    memset(out, 0, axes->n * sizeof *out);
    if (t->n < 2)
        return ERR_OK;
    memcpy(sorted, t->loss, t->n * sizeof *sorted);
    qsort(sorted, t->n, sizeof *sorted, compare_numbers);
    cut = sorted[(size_t)ceil(0.1 * (double)t->n) - 1];
    while (n_best < t->n && sorted[n_best] <= cut)
        n_best++;
    for (size_t j = 0; j < axes->n; j++)
        if (axes->axis[j].kind != AXIS_FIXED)
            TRY(judge_dimension(axes, j, t, cut, n_best, &out[j], e));
    return ERR_OK;
}

/* ---- fANOVA -------------------------------------------------------------------------------- */

/* A coordinate of a number's axis as its share of the uniform distribution: 0 to 1. */
static double quantile_of(const struct axis *x, double coordinate)
{
    double low = x->min, high = x->max;

    if (x->kind == AXIS_STEPS) {
        low -= 0.5 * x->step;
        high += 0.5 * x->step;
    }
    if (x->log)
        return (fmath_log(coordinate) - fmath_log(low)) / (fmath_log(high) - fmath_log(low));
    return (coordinate - low) / (high - low);
}

/* The columns of a forest: dimensions that have more than one value. */
struct table {
    size_t n, d;
    size_t *dimension;  /* (d) of the axes */
    size_t *categories; /* (d) */
    double *x, *y;      /* (n, d), (n) */
};

static enum err table_make(const struct axes *axes, const struct importance_trials *t,
                           struct arena *a, struct table *out, struct error *e)
{
    *out = (struct table){.n = t->n};
    out->dimension = arena_alloc(a, axes->n + 1, sizeof *out->dimension);
    out->categories = arena_alloc(a, axes->n + 1, sizeof *out->categories);
    if (!out->dimension || !out->categories)
        return error_no_memory(e);
    for (size_t j = 0; j < axes->n; j++)
        if (axes->axis[j].kind != AXIS_FIXED) {
            out->categories[out->d] = axes->axis[j].kind == AXIS_CATEGORY ? axes->axis[j].n : 0;
            out->dimension[out->d++] = j;
        }
    out->x = arena_alloc(a, mem_size(t->n, out->d + 1), sizeof *out->x);
    out->y = arena_alloc(a, t->n + 1, sizeof *out->y);
    return out->x && out->y ? ERR_OK : error_no_memory(e);
}

static void fill_rows(const struct axes *axes, const struct importance_trials *t,
                      const struct table *f)
{
    struct rng r;

    rng_init(&r, 0, 0, 0, RNG_IMPORTANCE, IMPORTANCE_TREES); /* after those of the trees */
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < f->d; k++) {
            double coordinate = t->x[i * axes->n + f->dimension[k]], u = rng_f64(&r);
            size_t n = f->categories[k];

            f->x[i * f->d + k] =
                !isnan(coordinate)
                    ? (n > 0 ? coordinate : quantile_of(&axes->axis[f->dimension[k]], coordinate))
                : n > 0 ? floor(u * (double)n)
                        : u;
        }
}

/* Losses with mean 0 and variance 1; false where they are all equal. */
static bool standardize(const struct importance_trials *t, double *y)
{
    double mean = 0.0, squares = 0.0, scale;

    for (size_t i = 0; i < t->n; i++)
        mean += t->loss[i] / (double)t->n;
    for (size_t i = 0; i < t->n; i++)
        squares += (t->loss[i] - mean) * (t->loss[i] - mean) / (double)t->n;
    scale = sqrt(squares);
    for (size_t i = 0; i < t->n; i++)
        y[i] = (t->loss[i] - mean) / scale;
    return scale > 1e-14 * fabs(mean) && isfinite(scale);
}

/* The q-quantile of sorted numbers, between neighbours in proportion. */
static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;

    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static struct importance_share sum_up(double *shares, size_t n)
{
    struct importance_share out = {0};

    for (size_t i = 0; i < n; i++)
        out.mean += shares[i] / (double)n;
    qsort(shares, n, sizeof *shares, compare_numbers);
    out.low = quantile(shares, n, 0.1);
    out.high = quantile(shares, n, 0.9);
    return out;
}

/* The shares of each column in each tree that has any variance. */
static enum err ask_trees(const struct forest *f, const struct table *t, struct arena *a,
                          struct importance_share *out, struct error *e)
{
    double *explained = arena_alloc(a, t->d, sizeof *explained);
    double *shares = arena_alloc(a, mem_size(t->d, f->n_trees), sizeof *shares);
    size_t n = 0;

    if (!explained || !shares)
        return error_no_memory(e);
    for (size_t i = 0; i < f->n_trees; i++) {
        double total;

        TRY(forest_variance(&f->trees[i], t->categories, t->d, &total, explained, e));
        if (!(total > 0.0))
            continue;
        for (size_t k = 0; k < t->d; k++)
            shares[k * f->n_trees + n] = explained[k] / total;
        n++;
    }
    for (size_t k = 0; k < t->d && n > 0; k++)
        out[t->dimension[k]] = sum_up(shares + k * f->n_trees, n);
    return ERR_OK;
}

static void destroy_forest(struct forest **f)
{
    forest_destroy(*f);
}

enum err importance_fanova(const struct axes *axes, const struct importance_trials *t,
                           struct importance_share *out, double *r2, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(destroy_forest) struct forest *f = NULL;
    struct table table;

    memset(out, 0, axes->n * sizeof *out);
    *r2 = (double)NAN;
    TRY(arena_create((size_t)1 << 16, &a, e));
    TRY(table_make(axes, t, a, &table, e));
    if (t->n < 2 || table.d == 0 || !standardize(t, table.y))
        return ERR_OK;
    fill_rows(axes, t, &table);
    TRY(forest_grow(&(struct forest_data){table.n, table.d, table.categories, table.x, table.y},
                    IMPORTANCE_TREES, t->n < IMPORTANCE_SAMPLE ? t->n : IMPORTANCE_SAMPLE, 0, &f,
                    e));
    *r2 = f->r2;
    return ask_trees(f, &table, a, out, e);
}
