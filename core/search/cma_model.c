#include "core/search/cma_model.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/special.h"
#include "core/linalg/eigen.h"

static const double TINY = 1e-8;             /* of the package: an eigenvalue below zero */
static const double SMALLEST_SPREAD = 1e-11; /* numbers have twelve digits */
static const double LARGEST_CONDITION = 1e14;

size_t cma_population(size_t d)
{
    return 4 + (size_t)floor(3.0 * fmath_log((double)d));
}

static double square(double x)
{
    return x * x;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* ---- created --------------------------------------------------------------------------------- */

/* Of raw weights: sum of squares over square of the sum, the other way round. */
static double effective(size_t begin, size_t end, const double *w)
{
    double sum = 0.0, squares = 0.0;

    for (size_t i = begin; i < end; i++) {
        sum += w[i];
        squares += square(w[i]);
    }
    return square(sum) / squares;
}

/* Equations 49 to 53 of the tutorial. */
static void set_weights(struct cma *c)
{
    double n = (double)c->d, positive = 0.0, negative = 0.0, mu_minus, most;

    for (size_t i = 0; i < c->population; i++)
        c->weights[i] = fmath_log(((double)c->population + 1.0) / 2.0) - fmath_log((double)(i + 1));
    c->mu_eff = effective(0, c->parents, c->weights);
    mu_minus = effective(c->parents, c->population, c->weights);
    c->c_1 = 2.0 / (square(n + 1.3) + c->mu_eff);
    c->c_mu = smaller(1.0 - c->c_1 - 1e-8,
                      2.0 * (c->mu_eff - 2.0 + 1.0 / c->mu_eff) / (square(n + 2.0) + c->mu_eff));
    most = smaller(1.0 + c->c_1 / c->c_mu, smaller(1.0 + 2.0 * mu_minus / (c->mu_eff + 2.0),
                                                   (1.0 - c->c_1 - c->c_mu) / (n * c->c_mu)));
    for (size_t i = 0; i < c->population; i++)
        *(c->weights[i] > 0.0 ? &positive : &negative) += fabs(c->weights[i]);
    for (size_t i = 0; i < c->population; i++)
        c->weights[i] *= c->weights[i] >= 0.0 ? 1.0 / positive : most / negative;
}

/* Equations 55 and 56. */
static void set_rates(struct cma *c)
{
    double n = (double)c->d;

    c->c_sigma = (c->mu_eff + 2.0) / (n + c->mu_eff + 5.0);
    c->d_sigma = 1.0 + 2.0 * larger(0.0, sqrt((c->mu_eff - 1.0) / (n + 1.0)) - 1.0) + c->c_sigma;
    c->c_c = (4.0 + c->mu_eff / n) / (n + 4.0 + 2.0 * c->mu_eff / n);
    c->chi = sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
    c->margin = 1.0 / (n * (double)c->population);
}

static bool allocate(struct cma *c, struct arena *a)
{
    size_t d = c->d;

    c->weights = arena_alloc(a, c->population, sizeof *c->weights);
    c->mean = arena_alloc(a, d, sizeof *c->mean);
    c->p_sigma = arena_alloc(a, d, sizeof *c->p_sigma);
    c->p_c = arena_alloc(a, d, sizeof *c->p_c);
    c->c = arena_alloc(a, d * d, sizeof *c->c);
    c->scale = arena_alloc(a, d, sizeof *c->scale);
    c->root = arena_alloc(a, d, sizeof *c->root);
    c->axes = arena_alloc(a, d * d, sizeof *c->axes);
    c->work = arena_alloc(a, (c->population + 2 + d) * d, sizeof *c->work);
    return c->weights && c->mean && c->p_sigma && c->p_c && c->c && c->scale && c->root &&
           c->axes && c->work;
}

static void decompose(struct cma *c);

enum err cma_create(size_t d, const double *mean, double sigma, const struct cma_steps *steps,
                    struct arena *a, struct cma *out, struct error *e)
{
    *out = (struct cma){.d = d, .population = cma_population(d), .steps = *steps, .sigma = sigma};
    out->parents = out->population / 2;
    if (!allocate(out, a))
        return error_no_memory(e);
    set_weights(out);
    set_rates(out);
    for (size_t i = 0; i < d; i++) {
        out->mean[i] = mean[i];
        out->c[i * d + i] = out->scale[i] = 1.0;
    }
    decompose(out);
    return ERR_OK;
}

/* ---- the covariance's own axes --------------------------------------------------------------- */

static void decompose(struct cma *c)
{
    size_t d = c->d;
    double *copy = c->work;
    bool changed = false;

    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            copy[i * d + j] = (c->c[i * d + j] + c->c[j * d + i]) / 2.0;
    memcpy(c->c, copy, d * d * sizeof *copy);
    eigen_symmetric(d, copy, c->root, c->axes);
    for (size_t i = 0; i < d; i++) {
        changed |= c->root[i] < 0.0;
        c->root[i] = sqrt(c->root[i] < 0.0 ? TINY : c->root[i]);
    }
    for (size_t i = 0; i < d && changed; i++)
        for (size_t j = 0; j < d; j++) {
            c->c[i * d + j] = 0.0;
            for (size_t k = 0; k < d; k++)
                c->c[i * d + j] += c->axes[k * d + i] * square(c->root[k]) * c->axes[k * d + j];
        }
}

/* out = C^(-1/2) y; out is not y. */
static void whiten(const struct cma *c, const double *y, double *out)
{
    size_t d = c->d;

    memset(out, 0, d * sizeof *out);
    for (size_t k = 0; k < d; k++) {
        double along = 0.0;

        for (size_t i = 0; i < d; i++)
            along += c->axes[k * d + i] * y[i];
        for (size_t i = 0; i < d; i++)
            out[i] += c->axes[k * d + i] * (along / c->root[k]);
    }
}

static double norm(size_t n, const double *x)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

void cma_draw(const struct cma *c, struct rng *r, double *x)
{
    memcpy(x, c->mean, c->d * sizeof *x);
    for (size_t k = 0; k < c->d; k++) {
        double along = c->sigma * c->root[k] * rng_normal(r);

        for (size_t i = 0; i < c->d; i++)
            x[i] += along * c->axes[k * c->d + i];
    }
}

void cma_shorten(const struct cma *c, double *x)
{
    double n = (double)c->d, most = sqrt(n) + 2.0 * n / (n + 2.0), length;
    double *y = c->work, *white = c->work + c->d;

    for (size_t i = 0; i < c->d; i++)
        y[i] = (x[i] - c->mean[i]) / c->sigma;
    whiten(c, y, white);
    length = norm(c->d, white);
    for (size_t i = 0; i < c->d && length > most; i++)
        x[i] = c->mean[i] + c->sigma * y[i] * (most / length);
}

bool cma_is_alive(const struct cma *c)
{
    double least = c->root[0], most = c->root[0];

    for (size_t i = 0; i < c->d; i++) {
        least = smaller(least, c->root[i]);
        most = larger(most, c->root[i]);
        if (!isfinite(c->mean[i]) || !isfinite(c->root[i]))
            return false;
    }
    return isfinite(c->sigma) && c->sigma * most > SMALLEST_SPREAD &&
           square(most) < LARGEST_CONDITION * square(least);
}

/* ---- the steps' margin ----------------------------------------------------------------------- */

static double limit(const struct cma *c, size_t i, size_t k)
{
    return c->steps.limit(c->steps.ctx, i, k);
}

/* How many limits are below x. */
static size_t place(const struct cma *c, size_t i, double x)
{
    size_t low = 0, high = c->steps.n[i] - 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (limit(c, i, middle) < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t cma_step(const struct cma *c, size_t i, double x)
{
    return place(c, i, (x - c->mean[i]) * c->scale[i] + c->mean[i]);
}

/* How many standard deviations from the mean a tail of probability p begins. */
static double reach(double p)
{
    return -fmath_normal_quantile(p);
}

/* The mean at an end: its step's neighbour keeps the margin. Section 4.3 of Hamano and others. */
static void hold_end(struct cma *c, size_t i, double up, double spread)
{
    double distance = spread * reach(c->margin);

    c->mean[i] = up + (c->mean[i] > up ? distance : c->mean[i] < up ? -distance : 0.0);
}

/* The mean between two limits: mean and scale are set so that the tails have their corrected
 * probabilities. Section 4.4. */
static void hold_middle(struct cma *c, size_t i, const double limits[2], const double tails[2])
{
    double middle = 1.0 - (tails[0] + tails[1]), p[2], far[2];
    double low = larger(tails[0], c->margin / 2.0), high = larger(tails[1], c->margin / 2.0);
    double excess = (1.0 - low - high - middle) / (low + middle + high - 1.5 * c->margin);

    if (!(limits[1] > limits[0]))
        return; /* of two steps, and the mean between them */
    p[0] = low + excess * (low - c->margin / 2.0);
    p[1] = high + excess * (high - c->margin / 2.0);
    for (int k = 0; k < 2; k++)
        far[k] = reach(smaller(larger(p[k], 1e-10), 0.5 - 1e-10));
    c->scale[i] =
        (limits[1] - limits[0]) / ((far[0] + far[1]) * c->sigma * sqrt(c->c[i * c->d + i]));
    c->mean[i] = (limits[0] * far[1] + limits[1] * far[0]) / (far[0] + far[1]);
}

static void keep_margin(struct cma *c, size_t i)
{
    size_t last = c->steps.n[i] - 2, at = place(c, i, c->mean[i]);
    double limits[2] = {limit(c, i, at > 0 ? at - 1 : 0), limit(c, i, at < last ? at : last)};
    double spread = c->sigma * c->scale[i] * sqrt(c->c[i * c->d + i]), tails[2];

    tails[0] = special_normal_cdf((limits[0] - c->mean[i]) / spread);
    tails[1] = special_normal_cdf((c->mean[i] - limits[1]) / spread);
    if (larger(tails[0], tails[1]) <= 0.5)
        hold_middle(c, i, limits, tails);
    else if (smaller(tails[0], tails[1]) < c->margin)
        hold_end(c, i, limits[1], spread);
}

/* ---- a generation ---------------------------------------------------------------------------- */

/* Equations 43 and 44: the path of the mean and, by its length, the step size. Returns whether the
 * path is short enough for the covariance's path to move. */
static bool update_sigma(struct cma *c, const double *y_mean, double *white)
{
    double rate = c->c_sigma, length, usual;

    whiten(c, y_mean, white);
    for (size_t i = 0; i < c->d; i++)
        c->p_sigma[i] =
            (1.0 - rate) * c->p_sigma[i] + sqrt(rate * (2.0 - rate) * c->mu_eff) * white[i];
    length = norm(c->d, c->p_sigma);
    c->sigma *= fmath_exp(rate / c->d_sigma * (length / c->chi - 1.0));
    usual = sqrt(1.0 - fmath_exp(2.0 * (double)(c->generation + 1) * fmath_log(1.0 - rate)));
    return length / usual < (1.4 + 2.0 / ((double)c->d + 1.0)) * c->chi;
}

/* Equations 45 to 47. y: (population, d) steps from the mean in units of sigma. */
static void update_covariance(struct cma *c, bool moves, const double *y_mean, const double *y,
                              double *white)
{
    size_t d = c->d;
    double rate = c->c_c, sum = 0.0, keep;

    for (size_t i = 0; i < d; i++)
        c->p_c[i] = (1.0 - rate) * c->p_c[i] +
                    (moves ? sqrt(rate * (2.0 - rate) * c->mu_eff) * y_mean[i] : 0.0);
    for (size_t k = 0; k < c->population; k++)
        sum += c->weights[k];
    keep = 1.0 + (moves ? 0.0 : c->c_1 * rate * (2.0 - rate)) - c->c_1 - c->c_mu * sum;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            c->c[i * d + j] = keep * c->c[i * d + j] + c->c_1 * c->p_c[i] * c->p_c[j];
    for (size_t k = 0; k < c->population; k++) {
        double w = c->weights[k];

        if (w < 0.0) {
            whiten(c, y + k * d, white);
            w *= (double)d / (square(norm(d, white)) + TINY);
        }
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++)
                c->c[i * d + j] += c->c_mu * w * y[k * d + i] * y[k * d + j];
    }
}

void cma_update(struct cma *c, const double *const *x)
{
    size_t d = c->d;
    double *y = c->work, *y_mean = y + c->population * d, *white = y_mean + d;
    bool moves;

    c->generation++;
    memset(y_mean, 0, d * sizeof *y_mean);
    for (size_t k = 0; k < c->population; k++)
        for (size_t i = 0; i < d; i++) {
            y[k * d + i] = (x[k][i] - c->mean[i]) / c->sigma;
            if (k < c->parents)
                y_mean[i] += c->weights[k] * y[k * d + i];
        }
    for (size_t i = 0; i < d; i++)
        c->mean[i] += c->sigma * y_mean[i];
    moves = update_sigma(c, y_mean, white);
    update_covariance(c, moves, y_mean, y, white);
    for (size_t i = 0; i < d; i++)
        if (c->steps.n[i] > 0)
            keep_margin(c, i);
    decompose(c);
}
