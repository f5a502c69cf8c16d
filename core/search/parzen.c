#include "core/search/parzen.h"

#include <math.h>

#include "core/base/fmath.h"
#include "core/base/special.h"

enum {
    FULL_WEIGHT = 25, /* the newest points, each of weight one */
    COARSE_MOST = 12  /* steps of an axis whose kernels do not go by their neighbours */
};

/* A part of a sum that is smaller than this share of the broad kernel's cannot change it. */
static const double NEGLIGIBLE = 1e-20;

/* One dimension's factors of all kernels. Numbers are logarithms where the axis is one. A kernel
 * whose point does not use the dimension has the broad kernel's. Kernels with the same factor
 * everywhere, as there are many where values are few, are of one class. */
struct factors {
    double low, high;   /* numbers: half a step beyond the ends */
    double *mu;         /* (n) category: the choice, NaN where not used */
    double *narrow;     /* (n) numbers: 1 / sigma */
    double *height;     /* (n) numbers: 1 / the mass between low and high, and 1 / sigma if real */
    double hit, miss;   /* category: the share of the point's choice, of each other one */
    double broad;       /* category: each choice's share of the broad kernel */
    size_t n_classes;   /* category: of each choice, and the broad one; steps: the broad one last */
    uint32_t *class_of; /* (n) */
    uint32_t *member;   /* (n_classes) steps: a kernel of the class */
    double *looked_up;  /* (n_classes) at one x; negative: not yet */
};

struct parzen {
    const struct axes *axes;
    enum parzen_widths widths;
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

/* Ascending, equal ones in their order: by merging runs of 1, 2, 4, … `spare` has room for all. */
static struct ranked *sort(struct ranked *x, struct ranked *spare, size_t n)
{
    for (size_t run = 1; run < n; run *= 2) {
        struct ranked *from = x;

        for (size_t at = 0; at < n; at += 2 * run) {
            size_t i = at, middle = at + run < n ? at + run : n;
            size_t j = middle, end = middle + run < n ? middle + run : n;

            for (size_t k = at; k < end; k++)
                spare[k] = j == end || (i < middle && x[i].mu <= x[j].mu) ? x[i++] : x[j++];
        }
        x = spare;
        spare = from;
    }
    return x;
}

static size_t count_free(const struct axes *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        n += s->axis[i].kind != AXIS_FIXED;
    return n;
}

/* Of n points on a coarse grid: a fifth of the range, less the more of them there are. Elsewhere
 * 0. */
static double grid_width(const struct parzen *p, const struct axis *x, double range, size_t n)
{
    double exponent = -1.0 / (double)(count_free(p->axes) + 4);

    if (p->widths != PARZEN_BY_GRID || x->kind != AXIS_STEPS || x->n > COARSE_MOST)
        return 0.0;
    return 0.2 * range * fmath_exp(exponent * fmath_log(n > 0 ? (double)n : 1.0));
}

/* A kernel is as broad as the farther of its neighbours is away, between a hundredth of the range
 * (more while there are few kernels) and all of it. The ends count as neighbours of a lone point
 * only. given: the width of all, or 0. */
static void set_widths(struct factors *f, const struct ranked *sorted, size_t n, double given)
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
        if (given > 0.0)
            sigma = given;
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

/* Points of steps: those with equal mu and sigma are neighbours. */
static void classify(struct factors *f, const struct ranked *sorted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t kernel = sorted[i].kernel, last = f->n_classes > 0 ? f->member[f->n_classes - 1] : 0;

        if (f->n_classes == 0 || f->mu[kernel] != f->mu[last] ||
            f->narrow[kernel] != f->narrow[last])
            f->member[f->n_classes++] = (uint32_t)kernel;
        f->class_of[kernel] = (uint32_t)f->n_classes - 1;
    }
}

/* The heights of steps, and the broad kernel's class. */
static void finish_steps(struct factors *f, size_t n, const struct ranked *sorted, size_t used)
{
    size_t broad = n - 1;

    classify(f, sorted, used);
    f->member[f->n_classes++] = (uint32_t)broad;
    for (size_t c = 0; c < f->n_classes; c++)
        f->height[f->member[c]] = 1.0 / mass(f, f->member[c], f->low, f->high);
    f->class_of[broad] = (uint32_t)f->n_classes - 1;
    for (size_t i = 0; i < broad; i++) {
        if (isnan(f->mu[i]))
            f->class_of[i] = f->class_of[broad];
        f->height[i] = f->height[f->member[f->class_of[i]]];
    }
}

static void finish_reals(struct factors *f, size_t n)
{
    for (size_t i = n; i-- > 0;)
        if (isnan(f->mu[i]))
            f->height[i] = f->height[n - 1];
        else
            f->height[i] = 1.0 / mass(f, i, f->low, f->high) * f->narrow[i];
}

/* Where the axis is a logarithm, mu is one from here on. */
static void set_ends(struct factors *f, const struct axis *x, size_t n)
{
    double half = x->kind == AXIS_STEPS ? 0.5 * x->step : 0.0;

    f->low = x->log ? fmath_log(x->min - half) : x->min - half;
    f->high = x->log ? fmath_log(x->max + half) : x->max + half;
    for (size_t i = 0; x->log && i + 1 < n; i++)
        f->mu[i] = fmath_log(f->mu[i]); /* NaN stays */
    f->mu[n - 1] = 0.5 * (f->low + f->high);
    f->narrow[n - 1] = 1.0 / (f->high - f->low);
}

static enum err estimate_number(struct parzen *p, const struct axis *x, struct factors *f,
                                struct arena *a, struct error *e)
{
    struct ranked *points = arena_alloc(a, 2 * p->n, sizeof *points);
    size_t used = 0, broad = p->n - 1;

    f->narrow = arena_alloc(a, p->n, sizeof *f->narrow);
    f->height = arena_alloc(a, p->n, sizeof *f->height);
    if (!points || !f->narrow || !f->height)
        return error_no_memory(e);
    set_ends(f, x, p->n);
    for (size_t i = 0; i < broad; i++)
        if (!isnan(f->mu[i]))
            points[used++] = (struct ranked){.mu = f->mu[i], .kernel = i};
    points = sort(points, points + p->n, used);
    set_widths(f, points, used, grid_width(p, x, f->high - f->low, used));
    if (x->kind == AXIS_STEPS)
        finish_steps(f, p->n, points, used);
    else
        finish_reals(f, p->n);
    for (size_t i = 0; i < broad; i++)
        if (isnan(f->mu[i])) {
            f->mu[i] = f->mu[broad];
            f->narrow[i] = f->narrow[broad];
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
    f->n_classes = x->n + 1;
    for (size_t i = 0; i < p->n; i++)
        f->class_of[i] = (uint32_t)(isnan(f->mu[i]) ? x->n : (size_t)f->mu[i]);
}

static enum err estimate(struct parzen *p, size_t n, const double *const *x, struct arena *a,
                         struct error *e)
{
    for (size_t j = 0; j < p->axes->n; j++) {
        const struct axis *axis = &p->axes->axis[j];
        struct factors *f = &p->factors[j];
        size_t most = p->n + (axis->kind == AXIS_CATEGORY ? axis->n : 0);

        f->mu = arena_alloc(a, p->n, sizeof *f->mu);
        f->class_of = arena_alloc(a, p->n, sizeof *f->class_of);
        f->member = arena_alloc(a, p->n, sizeof *f->member);
        f->looked_up = arena_alloc(a, most, sizeof *f->looked_up);
        if (!f->mu || !f->class_of || !f->member || !f->looked_up)
            return error_no_memory(e);
        f->n_classes = 0;
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

enum err parzen_create(const struct axes *axes, enum parzen_widths widths, size_t n,
                       const double *const *x, struct arena *a, struct parzen **out,
                       struct error *e)
{
    struct parzen *p = arena_alloc(a, 1, sizeof *p);

    if (!p)
        return error_no_memory(e);
    p->axes = axes;
    p->widths = widths;
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

/* The dimensions that x uses: first those of which all classes are looked up at once, as they are
 * few; then reals; then steps with many classes. */
struct questions {
    size_t n_quick, n_reals, n; /* n_reals: with those before */
    struct question q[SPACE_DIMENSIONS_MAX];
};

enum speed { QUICK, REAL, SLOW };

static enum speed speed_of(const struct parzen *p, size_t j)
{
    enum axis_kind kind = p->axes->axis[j].kind;

    if (kind == AXIS_REAL)
        return REAL;
    return kind == AXIS_CATEGORY || 4 * p->factors[j].n_classes <= p->n ? QUICK : SLOW;
}

static double look_up(const struct question *q, size_t class)
{
    const struct factors *f = q->factors;

    if (q->axis->kind == AXIS_CATEGORY)
        return class + 1 == f->n_classes ? f->broad : q->x == (double)class ? f->hit : f->miss;
    return mass(f, f->member[class], q->low, q->high) * f->height[f->member[class]];
}

static size_t ask_speed(const struct parzen *p, const double *x, enum speed speed,
                        struct question *q)
{
    size_t n = 0;

    for (size_t j = 0; j < p->axes->n; j++) {
        struct factors *f = &p->factors[j];

        if (isnan(x[j]) || p->axes->axis[j].kind == AXIS_FIXED || speed_of(p, j) != speed)
            continue;
        q[n] = ask(&p->axes->axis[j], f, x[j]);
        for (size_t c = 0; c < f->n_classes; c++)
            f->looked_up[c] = speed == QUICK ? look_up(&q[n], c) : -1.0;
        n++;
    }
    return n;
}

static void ask_all(const struct parzen *p, const double *x, struct questions *s)
{
    s->n_quick = ask_speed(p, x, QUICK, s->q);
    s->n_reals = s->n_quick + ask_speed(p, x, REAL, s->q + s->n_quick);
    s->n = s->n_reals + ask_speed(p, x, SLOW, s->q + s->n_reals);
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

    for (size_t j = 0; j < s->n_quick; j++) {
        const struct factors *f = s->q[j].factors;

        product *= f->looked_up[f->class_of[kernel]];
    }
    for (size_t j = s->n_quick; j < s->n_reals; j++) {
        const struct factors *f = s->q[j].factors;
        double z = (s->q[j].x - f->mu[kernel]) * f->narrow[kernel];

        squares += z * z;
        product *= f->height[kernel];
    }
    if (s->n_reals > s->n_quick) {
        if (is_below(product, squares, least))
            return 0.0;
        product *= fmath_exp(-0.5 * squares);
    }
    for (size_t j = s->n_reals; j < s->n && product >= least; j++) {
        const struct factors *f = s->q[j].factors;
        size_t class = f->class_of[kernel];

        if (f->looked_up[class] < 0.0)
            f->looked_up[class] = look_up(&s->q[j], class);
        product *= f->looked_up[class];
    }
    return product;
}

/* The newest kernels come first: they weigh most, and most of them are where candidates are. */
bool parzen_log_density_below(const struct parzen *p, const double *x, double limit, double *out)
{
    const double ROUNDING = 1e-9;
    struct questions s;
    double broad, sum = 0.0, most = fmath_exp(limit + ROUNDING);

    ask_all(p, x, &s);
    broad = product(p, &s, p->n - 1, 0.0);
    for (size_t i = p->n - 1; i-- > 0 && sum <= most;) {
        double part = product(p, &s, i, NEGLIGIBLE * broad);

        sum += part >= NEGLIGIBLE * broad ? part : 0.0;
    }
    if (sum > most)
        return false;
    *out = fmath_log(sum + broad);
    return *out < limit;
}

double parzen_log_density(const struct parzen *p, const double *x)
{
    double density = 0.0;

    (void)parzen_log_density_below(p, x, (double)INFINITY, &density); /* it is below */
    return density;
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
    size_t kernel = 0;

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
            x[j] = draw_number(f, kernel, share);
        if (axis->log && axis->kind != AXIS_FIXED)
            x[j] = fmath_exp(x[j]);
    }
}
