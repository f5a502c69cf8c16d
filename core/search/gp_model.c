#include "core/search/gp_model.h"

#include <math.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/special.h"
#include "core/linalg/lbfgs.h"
#include "core/search/space.h"

enum { FIT_ITERATIONS = 100, NOISE_TRIES = 8 };

static const double GRADIENT_SMALL = 1e-2; /* where a fit ends: Optuna's */
static const double VARIANCE_LEAST = 1e-12;

/* ---- the kernel ------------------------------------------------------------------------------ */

static double square_distance(const struct gp_data *data, const double *a, const double *b,
                              size_t i)
{
    double d = a[i] - b[i];

    return data->category[i] ? (d != 0.0 ? 1.0 : 0.0) : d * d;
}

/* The kernel without its scale; *slope: by the weighted square distance. */
static double matern(const struct gp_data *data, const double *weight, const double *a,
                     const double *b, double *slope)
{
    double sum = 0.0, r, e;

    for (size_t i = 0; i < data->d; i++)
        sum += weight[i] * square_distance(data, a, b, i);
    r = sqrt(5.0 * sum);
    e = fmath_exp(-r);
    *slope = -5.0 / 6.0 * (1.0 + r) * e;
    return e * (5.0 / 3.0 * sum + r + 1.0);
}

/* ---- the fit --------------------------------------------------------------------------------- */

/* Parts of the room, matrices of n rows but for alpha. */
struct fit_room {
    double *l, *slope, *inverse, *scratch, *alpha;
};

size_t gp_room(const struct gp_data *data)
{
    size_t matrix = data->n * cholesky_stride(data->n);

    return 4 * matrix + data->n;
}

static struct fit_room part(const struct gp_data *data, double *room)
{
    size_t matrix = data->n * cholesky_stride(data->n);

    return (struct fit_room){.l = room,
                             .slope = room + matrix,
                             .inverse = room + 2 * matrix,
                             .scratch = room + 3 * matrix,
                             .alpha = room + 4 * matrix};
}

/* The values' covariance in the upper half of l; kernels without their scale in the lower half of
 * `slope`, their slopes in its upper half. */
static void set_covariance(const struct gp_data *data, const struct gp_kernel *k, double *l,
                           double *slope)
{
    size_t n = data->n, d = data->d, stride = cholesky_stride(n);

    for (size_t i = 0; i < n; i++) {
        l[i * stride + i] = k->scale + k->noise;
        for (size_t j = i + 1; j < n; j++) {
            double s, value = matern(data, k->weight, data->x + i * d, data->x + j * d, &s);

            l[i * stride + j] = k->scale * value;
            if (slope) {
                slope[i * stride + j] = s;
                slope[j * stride + i] = value;
            }
        }
    }
}

/* The gradient of the likelihood: sums over pairs of (inverse - alpha alpha^T) times the slopes. */
static void add_pairs(const struct gp_data *data, const struct gp_kernel *k,
                      const struct fit_room *r, double *gradient)
{
    size_t n = data->n, d = data->d, stride = cholesky_stride(n);

    for (size_t i = 0; i < n; i++) {
        double own = 0.5 * (r->inverse[i * stride + i] - r->alpha[i] * r->alpha[i]);

        gradient[d] += own * k->scale;
        gradient[d + 1] += own * (k->noise - GP_NOISE_LEAST);
        for (size_t j = i + 1; j < n; j++) {
            const double *a = data->x + i * d, *b = data->x + j * d;
            double w = k->scale * (r->inverse[i * stride + j] - r->alpha[i] * r->alpha[j]);

            gradient[d] += w * r->slope[j * stride + i];
            w *= r->slope[i * stride + j];
            for (size_t c = 0; c < d; c++)
                gradient[c] += w * k->weight[c] * square_distance(data, a, b, c);
        }
    }
}

/* -(0.1 / w + 0.1 w) for the weights, Gamma(2, 1) for the scale, Gamma(1.1, 30) for the noise. */
static double add_prior(size_t d, const struct gp_kernel *k, double *gradient)
{
    double loss = 0.0;

    for (size_t c = 0; c < d; c++) {
        loss += 0.1 / k->weight[c] + 0.1 * k->weight[c];
        gradient[c] += 0.1 * k->weight[c] - 0.1 / k->weight[c];
    }
    gradient[d] += k->scale - 1.0;
    gradient[d + 1] += (30.0 - 0.1 / k->noise) * (k->noise - GP_NOISE_LEAST);
    return loss + k->scale - fmath_log(k->scale) + 30.0 * k->noise - 0.1 * fmath_log(k->noise);
}

double gp_loss(const struct gp_data *data, const struct gp_kernel *k, double *gradient,
               double *room)
{
    size_t n = data->n, stride = cholesky_stride(n);
    struct fit_room r = part(data, room);
    double loss = 0.0;

    set_covariance(data, k, r.l, r.slope);
    if (!cholesky_factor(n, r.l))
        return (double)INFINITY;
    memcpy(r.alpha, data->y, n * sizeof *r.alpha);
    cholesky_solve(n, r.l, r.alpha);
    for (size_t i = 0; i < n; i++)
        loss += fmath_log(r.l[i * stride + i]) + 0.5 * r.alpha[i] * r.alpha[i];
    cholesky_solve_transposed(n, r.l, r.alpha);
    cholesky_inverse(n, r.l, r.scratch, r.inverse);
    memset(gradient, 0, (data->d + 2) * sizeof *gradient);
    add_pairs(data, k, &r, gradient);
    return loss + add_prior(data->d, k, gradient);
}

struct fit {
    const struct gp_data *data;
    struct gp_kernel *kernel;
    double *room;
};

static void set_kernel(const struct fit *f, const double *logs)
{
    size_t d = f->data->d;

    for (size_t c = 0; c < d; c++)
        f->kernel->weight[c] = fmath_exp(logs[c]);
    f->kernel->scale = fmath_exp(logs[d]);
    f->kernel->noise = fmath_exp(logs[d + 1]) + GP_NOISE_LEAST;
}

static bool evaluate(void *ctx, const double *x, double *loss, double *gradient)
{
    const struct fit *f = ctx;

    set_kernel(f, x);
    *loss = gp_loss(f->data, f->kernel, gradient, f->room);
    return true;
}

static double largest(size_t n, const double *x)
{
    double most = 0.0;

    for (size_t i = 0; i < n; i++)
        most = fabs(x[i]) > most ? fabs(x[i]) : most;
    return most;
}

enum err gp_fit(const struct gp_data *data, struct arena *a, struct gp_kernel *out, struct error *e)
{
    CLEANUP(arena_end) struct arena *scratch = NULL;
    struct fit f = {.data = data, .kernel = out};
    size_t n = data->d + 2;
    struct lbfgs o;
    double *memory;

    TRY(arena_create(1 << 16, &scratch, e));
    memory = arena_alloc(scratch, lbfgs_doubles(n), sizeof *memory);
    f.room = arena_alloc(scratch, gp_room(data), sizeof *f.room);
    out->weight = arena_alloc(a, data->d + 1, sizeof *out->weight);
    if (!memory || !f.room || !out->weight)
        return error_no_memory(e);
    lbfgs_start(&o, n, memory);
    for (int i = 0; i < FIT_ITERATIONS; i++) {
        (void)lbfgs_iterate(&o, false, evaluate, &f);
        if (o.stalled || !isfinite(o.loss) || largest(n, o.g) < GRADIENT_SMALL)
            break;
    }
    set_kernel(&f, o.x);
    return ERR_OK;
}

/* ---- the posterior --------------------------------------------------------------------------- */

/* Noise is added where points are so close together that rounding leaves no factor. */
static bool factor(struct gp *g)
{
    for (int i = 0; i < NOISE_TRIES; i++) {
        set_covariance(&g->data, &g->kernel, g->l, NULL);
        if (cholesky_factor(g->data.n, g->l))
            return true;
        g->kernel.noise *= 10.0;
    }
    return false;
}

enum err gp_create(const struct gp_data *data, const struct gp_kernel *kernel, struct arena *a,
                   struct gp *out, struct error *e)
{
    size_t n = data->n;

    *out = (struct gp){.data = *data, .kernel = *kernel};
    out->l = arena_alloc(a, n * cholesky_stride(n), sizeof *out->l);
    out->alpha = arena_alloc(a, n, sizeof *out->alpha);
    out->k = arena_alloc(a, n, sizeof *out->k);
    out->slope = arena_alloc(a, n, sizeof *out->slope);
    out->v = arena_alloc(a, n, sizeof *out->v);
    out->lanes = arena_alloc(a, n, sizeof *out->lanes);
    if (!out->l || !out->alpha || !out->k || !out->slope || !out->v || !out->lanes)
        return error_no_memory(e);
    if (!factor(out))
        return error_set(e, ERR_INTERNAL, "the Gaussian process has no covariance");
    memcpy(out->alpha, data->y, n * sizeof *out->alpha);
    cholesky_solve(n, out->l, out->alpha);
    cholesky_solve_transposed(n, out->l, out->alpha);
    return ERR_OK;
}

static double at_least_zero(double x)
{
    return x > 0.0 ? x : 0.0;
}

void gp_posterior(const struct gp *g, size_t n, const double *x, double *mean, double *variance)
{
    size_t d = g->data.d;
    double square[GP_LANES] = {0};

    for (size_t k = 0; k < n; k++)
        mean[k] = 0.0;
    for (size_t i = 0; i < g->data.n; i++)
        for (size_t k = 0; k < GP_LANES; k++) {
            const double *at = x + (k < n ? k : 0) * d; /* idle lanes repeat the first */
            double slope;

            if (k >= n) {
                g->lanes[i][k] = g->lanes[i][0];
                continue;
            }
            g->lanes[i][k] =
                g->kernel.scale * matern(&g->data, g->kernel.weight, at, g->data.x + i * d, &slope);
            mean[k] += g->lanes[i][k] * g->alpha[i];
        }
    cholesky_solve_lanes(g->data.n, g->l, g->lanes);
    for (size_t i = 0; i < g->data.n; i++)
        for (size_t k = 0; k < n; k++)
            square[k] += g->lanes[i][k] * g->lanes[i][k];
    for (size_t k = 0; k < n; k++)
        variance[k] = at_least_zero(g->kernel.scale - square[k]);
}

void gp_posterior_slope(const struct gp *g, const double *x, double *mean, double *variance,
                        double *mean_slope, double *variance_slope)
{
    size_t n = g->data.n, d = g->data.d;
    double square = 0.0;

    *mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        g->k[i] = g->kernel.scale *
                  matern(&g->data, g->kernel.weight, x, g->data.x + i * d, &g->slope[i]);
        *mean += g->k[i] * g->alpha[i];
    }
    memcpy(g->v, g->k, n * sizeof *g->v);
    cholesky_solve(n, g->l, g->v);
    for (size_t i = 0; i < n; i++)
        square += g->v[i] * g->v[i];
    *variance = at_least_zero(g->kernel.scale - square);
    cholesky_solve_transposed(n, g->l, g->v);
    for (size_t c = 0; c < d; c++) {
        double by_mean = 0.0, by_variance = 0.0;

        for (size_t i = 0; i < n && !g->data.category[c]; i++) {
            double dk = g->slope[i] * (x[c] - g->data.x[i * d + c]);

            by_mean += dk * g->alpha[i];
            by_variance += dk * g->v[i];
        }
        mean_slope[c] = 2.0 * g->kernel.scale * g->kernel.weight[c] * by_mean;
        variance_slope[c] = -4.0 * g->kernel.scale * g->kernel.weight[c] * by_variance;
    }
}

/* ---- expected improvement -------------------------------------------------------------------- */

static const double HALF_LOG_2_PI = 0.91893853320467274178;
static const double SQRT_HALF_PI = 1.25331413731550025121, SQRT_HALF = 0.70710678118654752440;

/* log(z Phi(z) + phi(z)), after Ament and others 2023, equation 9; far out by the series of
 * z^2 h(z) / phi(z), where 1 + sqrt(pi / 2) z erfcx(-z / sqrt 2) has lost its digits. */
static double log_h(double z)
{
    double s = 1.0 / (z * z);

    if (z > -1.0)
        return fmath_log(0.5 * z * special_erfc(-SQRT_HALF * z) +
                         fmath_exp(-0.5 * z * z - HALF_LOG_2_PI));
    if (z > -200.0)
        return -0.5 * z * z - HALF_LOG_2_PI +
               fmath_log(1.0 + SQRT_HALF_PI * z * special_erfcx(-SQRT_HALF * z));
    return -0.5 * z * z - HALF_LOG_2_PI - 2.0 * fmath_log(-z) +
           special_log1p(s * (-3.0 + s * (15.0 - 105.0 * s)));
}

double gp_log_ei(double mean, double variance, double best)
{
    double sigma = sqrt(variance + VARIANCE_LEAST);

    return log_h((mean - best) / sigma) + fmath_log(sigma);
}

void gp_log_ei_slope(double mean, double variance, double best, double *by_mean,
                     double *by_variance)
{
    double sigma = sqrt(variance + VARIANCE_LEAST), z = (mean - best) / sigma, h = log_h(z);

    *by_mean = fmath_exp(special_log_normal_cdf(z) - h) / sigma;
    *by_variance = fmath_exp(-0.5 * z * z - HALF_LOG_2_PI - h) / (2.0 * sigma * sigma);
}
