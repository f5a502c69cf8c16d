#include "core/search/parzen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/special.h"

enum { FULL_WEIGHT = 25 }; /* the newest points, each of weight one */

/* A part of a sum that is smaller than this share of the broad kernel's cannot change it. */
static const double NEGLIGIBLE = 1e-20;

/* One dimension's factors of all kernels. Numbers are logarithms where the axis is one. */
struct factors {
    double low, high; /* numbers: half a step beyond the ends */
    double *mu;       /* (n) NaN: the point does not use it; category: the choice */
    double *narrow;   /* (n) numbers: 1 / sigma */
    double *height;   /* (n) numbers: 1 / the mass between low and high, and 1 / sigma if real */
    double hit, miss; /* category: the share of the point's choice, of each other one */
    double broad;     /* category: each choice's share of the broad kernel */
};

struct parzen {
    const struct axes *axes;
    size_t n;                /* kernels, the broad one last */
    double *weight;          /* (n) */
    double *cumulative;      /* (n) sums of weights; the last is one */
    struct factors *factors; /* (axes->n) */
};

/* ---- estimated ------------------------------------------------------------------------------- */

/* The oldest weigh 1/n, then in even steps up to one. */
static double weight_of(size_t i, size_t n)
{
    size_t ramp = n > FULL_WEIGHT ? n - FULL_WEIGHT : 0;
    double first = 1.0 / (double)n;

    if (i >= ramp)
        return 1.0;
    return ramp == 1 ? first : first + (1.0 - first) * (double)i / (double)(ramp - 1);
}

static void weigh(struct parzen *p)
{
    double total = 0.0, sum = 0.0;

    for (size_t i = 0; i < p->n; i++)
        total += i + 1 < p->n ? weight_of(i, p->n - 1) : 1.0;
    for (size_t i = 0; i < p->n; i++) {
        double weight = (i + 1 < p->n ? weight_of(i, p->n - 1) : 1.0) / total;

        sum += weight;
        p->weight[i] = weight;
        p->cumulative[i] = sum;
    }
    p->cumulative[p->n - 1] = 1.0;
}

struct ranked {
    double mu;
    size_t kernel;
};

static int by_mu(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->mu != y->mu)
        return x->mu < y->mu ? -1 : 1;
    return x->kernel < y->kernel ? -1 : x->kernel > y->kernel;
}

/* A kernel is as broad as the farther of its neighbours is away, between a hundredth of the range
 * (more while there are few kernels) and all of it. The ends count as neighbours of a lone point
 * only. */
static void set_widths(struct factors *f, const struct ranked *sorted, size_t n)
{
    double range = f->high - f->low;
    double least = range / (n + 2 < 100 ? (double)(n + 2) : 100.0);

    for (size_t i = 0; i < n; i++) {
        double left = sorted[i].mu - (i > 0 ? sorted[i - 1].mu : f->low);
        double right = (i + 1 < n ? sorted[i + 1].mu : f->high) - sorted[i].mu;
        double sigma = left > right ? left : right;

        if (n >= 2 && i == 0)
            sigma = right;
        if (n >= 2 && i + 1 == n)
            sigma = left;
        sigma = sigma < least ? least : sigma > range ? range : sigma;
        f->narrow[sorted[i].kernel] = 1.0 / sigma;
    }
}

/* The share of a standard normal distribution between a < b; 0 far out. Tails that cannot change
 * what is left of one are not computed. */
static double normal_mass(double a, double b)
{
    const double FAR = 8.3;

    if (a > 0.0)
        return normal_mass(-b, -a);
    if (b < 0.0)
        return a < b - 38.0 ? special_normal_cdf(b) : special_normal_cdf(b) - special_normal_cdf(a);
    return 1.0 - (a < -FAR ? 0.0 : special_normal_cdf(a)) -
           (b > FAR ? 0.0 : special_normal_cdf(-b));
}

static double mass(const struct factors *f, size_t kernel, double low, double high)
{
    double mu = f->mu[kernel], narrow = f->narrow[kernel];

    return normal_mass((low - mu) * narrow, (high - mu) * narrow);
}

static enum err estimate_number(struct parzen *p, const struct axis *x, struct factors *f,
                                struct arena *a, struct error *e)
{
    double half = x->kind == AXIS_STEPS ? 0.5 * x->step : 0.0;
    struct ranked *sorted = arena_alloc(a, p->n, sizeof *sorted);
    size_t used = 0;

    f->narrow = arena_alloc(a, p->n, sizeof *f->narrow);
    f->height = arena_alloc(a, p->n, sizeof *f->height);
    if (!sorted || !f->narrow || !f->height)
        return error_no_memory(e);
    f->low = x->log ? fmath_log(x->min - half) : x->min - half;
    f->high = x->log ? fmath_log(x->max + half) : x->max + half;
    for (size_t i = 0; i + 1 < p->n; i++) {
        if (x->log)
            f->mu[i] = fmath_log(f->mu[i]); /* NaN stays */
        if (!isnan(f->mu[i]))
            sorted[used++] = (struct ranked){.mu = f->mu[i], .kernel = i};
    }
    qsort(sorted, used, sizeof *sorted, by_mu);
    set_widths(f, sorted, used);
    f->mu[p->n - 1] = 0.5 * (f->low + f->high);
    f->narrow[p->n - 1] = 1.0 / (f->high - f->low);
    for (size_t i = 0; i < p->n; i++) {
        if (isnan(f->mu[i]))
            continue;
        f->height[i] = 1.0 / mass(f, i, f->low, f->high);
        if (x->kind == AXIS_REAL)
            f->height[i] *= f->narrow[i];
    }
    return ERR_OK;
}

/* A share of 1/kernels for each choice and one more for the point's own. */
static void estimate_category(const struct parzen *p, const struct axis *x, struct factors *f)
{
    size_t used = 0;
    double share, total;

    for (size_t i = 0; i + 1 < p->n; i++)
        used += !isnan(f->mu[i]);
    share = 1.0 / (double)(used + 1);
    total = 1.0 + share * (double)x->n;
    f->hit = (1.0 + share) / total;
    f->miss = share / total;
    f->broad = 1.0 / (double)x->n;
}

static enum err estimate(struct parzen *p, size_t n, const double *const *x, struct arena *a,
                         struct error *e)
{
    for (size_t j = 0; j < p->axes->n; j++) {
        const struct axis *axis = &p->axes->axis[j];
        struct factors *f = &p->factors[j];

        f->mu = arena_alloc(a, p->n, sizeof *f->mu);
        if (!f->mu)
            return error_no_memory(e);
        for (size_t i = 0; i < n; i++)
            f->mu[i] = x[i][j];
        f->mu[n] = (double)NAN;
        if (axis->kind == AXIS_CATEGORY)
            estimate_category(p, axis, f);
        else if (axis->kind != AXIS_FIXED)
            TRY(estimate_number(p, axis, f, a, e));
    }
    return ERR_OK;
}

enum err parzen_create(const struct axes *axes, size_t n, const double *const *x, struct arena *a,
                       struct parzen **out, struct error *e)
{
    struct parzen *p = arena_alloc(a, 1, sizeof *p);

    if (!p)
        return error_no_memory(e);
    p->axes = axes;
    p->n = n + 1;
    p->weight = arena_alloc(a, p->n, sizeof *p->weight);
    p->cumulative = arena_alloc(a, p->n, sizeof *p->cumulative);
    p->factors = arena_alloc(a, axes->n + 1, sizeof *p->factors);
    if (!p->weight || !p->cumulative || !p->factors)
        return error_no_memory(e);
    weigh(p);
    *out = p;
    return estimate(p, n, x, a, e);
}

/* ---- looked up ------------------------------------------------------------------------------- */

/* What is asked of one dimension, as its kernels count: x, or the ends of its step. */
struct question {
    const struct axis *axis;
    const struct factors *factors;
    double x, low, high;
};

static struct question ask(const struct axis *axis, const struct factors *f, double x)
{
    double half = 0.5 * axis->step;
    struct question q = {.axis = axis, .factors = f, .x = x, .low = x - half, .high = x + half};

    if (axis->log && axis->kind == AXIS_REAL)
        q.x = fmath_log(x);
    if (axis->log && axis->kind == AXIS_STEPS) {
        q.low = fmath_log(q.low);
        q.high = fmath_log(q.high);
    }
    return q;
}

/* The dimensions that x uses: categories, then reals, then steps, which are slow. */
struct questions {
    size_t n_categories, n_quick, n;
    struct question q[SPACE_DIMENSIONS_MAX];
};

static size_t ask_kind(const struct parzen *p, const double *x, enum axis_kind kind,
                       struct question *q)
{
    size_t n = 0;

    for (size_t j = 0; j < p->axes->n; j++)
        if (!isnan(x[j]) && p->axes->axis[j].kind == kind)
            q[n++] = ask(&p->axes->axis[j], &p->factors[j], x[j]);
    return n;
}

static void ask_all(const struct parzen *p, const double *x, struct questions *s)
{
    s->n_categories = ask_kind(p, x, AXIS_CATEGORY, s->q);
    s->n_quick = s->n_categories + ask_kind(p, x, AXIS_REAL, s->q + s->n_categories);
    s->n = s->n_quick + ask_kind(p, x, AXIS_STEPS, s->q + s->n_quick);
}

/* The kernel that a dimension's factor comes from. */
static size_t source(const struct question *q, size_t kernel, size_t broad)
{
    return isnan(q->factors->mu[kernel]) ? broad : kernel;
}

/* True where product e^(-squares / 2) is surely below: by powers of two, to spare the exponential
 * of the many kernels that are far away. */
static bool is_below(double product, double squares, double least)
{
    return least > 0.0 && 0.5 * squares > (ilogb(product / least) + 1) * 0.69314718056;
}

/* A kernel's weight times its density at x without the reals' constant; any number below `least`
 * where it is below that. Factors of categories and steps are at most one. */
static double product(const struct parzen *p, const struct questions *s, size_t kernel,
                      double least)
{
    double product = p->weight[kernel], squares = 0.0;
    size_t broad = p->n - 1;

    for (size_t j = 0; j < s->n_categories; j++) {
        const struct question *q = &s->q[j];
        const struct factors *f = q->factors;
        size_t i = source(q, kernel, broad);

        product *= i == broad ? f->broad : q->x == f->mu[i] ? f->hit : f->miss;
    }
    for (size_t j = s->n_categories; j < s->n_quick; j++) {
        const struct question *q = &s->q[j];
        size_t i = source(q, kernel, broad);
        double z = (q->x - q->factors->mu[i]) * q->factors->narrow[i];

        squares += z * z;
        product *= q->factors->height[i];
    }
    if (is_below(product, squares, least))
        return 0.0;
    product *= fmath_exp(-0.5 * squares);
    for (size_t j = s->n_quick; j < s->n && product >= least; j++) {
        const struct question *q = &s->q[j];
        size_t i = source(q, kernel, broad);

        product *= mass(q->factors, i, q->low, q->high) * q->factors->height[i];
    }
    return product;
}

double parzen_log_density(const struct parzen *p, const double *x)
{
    struct questions s;
    double broad, sum = 0.0;

    ask_all(p, x, &s);
    broad = product(p, &s, p->n - 1, 0.0);
    for (size_t i = 0; i + 1 < p->n; i++) {
        double part = product(p, &s, i, NEGLIGIBLE * broad);

        sum += part >= NEGLIGIBLE * broad ? part : 0.0;
    }
    return fmath_log(sum + broad);
}

/* ---- drawn ----------------------------------------------------------------------------------- */

/* From the normal distribution between low and high, by its quantiles, counted from the nearer
 * end. */
static double draw_number(const struct factors *f, size_t i, double u)
{
    double mu = f->mu[i], sigma = 1.0 / f->narrow[i], x;
    double below = special_normal_cdf((f->low - mu) / sigma);
    double above = special_normal_cdf((mu - f->high) / sigma);
    double p = below + u * (1.0 - below - above);

    if (p <= 0.5)
        x = mu + sigma * fmath_normal_quantile(p);
    else
        x = mu - sigma * fmath_normal_quantile(above + (1.0 - u) * (1.0 - below - above));
    return x < f->low ? f->low : x > f->high ? f->high : x;
}

static double draw_category(const struct axis *axis, const struct factors *f, double mu, double u)
{
    double hit = isnan(mu) ? 0.0 : f->hit - f->miss;

    if (u < hit)
        return mu;
    return floor((u - hit) / (1.0 - hit) * (double)axis->n);
}

void parzen_draw(const struct parzen *p, struct rng *r, double *x)
{
    double u = rng_f64(r);
    size_t kernel = 0, broad = p->n - 1;

    while (u >= p->cumulative[kernel])
        kernel++;
    for (size_t j = 0; j < p->axes->n; j++) {
        const struct axis *axis = &p->axes->axis[j];
        const struct factors *f = &p->factors[j];
        double share = rng_f64(r);

        if (axis->kind == AXIS_FIXED)
            x[j] = axis->min;
        else if (axis->kind == AXIS_CATEGORY)
            x[j] = draw_category(axis, f, f->mu[kernel], share);
        else
            x[j] = draw_number(f, isnan(f->mu[kernel]) ? broad : kernel, share);
        if (axis->log && axis->kind != AXIS_FIXED)
            x[j] = fmath_exp(x[j]);
    }
}
