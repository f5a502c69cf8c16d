#include "core/linalg/lbfgs.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_TRIES = 25 }; /* of a line search, beside the first */

static const double DECREASE = 1e-4, CURVATURE = 0.9; /* c1, c2 */
/* Of a loss, relative: float32 weights and outputs, where what is left is a thousandth of what the
 * outputs are sums of. */
static const double ROUNDING = 1e-4;
static const double SMALLEST_BRACKET = 1e-9; /* as the largest change of a number */

size_t lbfgs_doubles(size_t n)
{
    return (5 + 2 * (size_t)LBFGS_MEMORY) * n;
}

void lbfgs_start(struct lbfgs *o, size_t n, double *memory)
{
    *o = (struct lbfgs){
        .n = n,
        .x = memory,
        .d = memory + n,
        .g = memory + 2 * n,
        .trial = memory + 3 * n,
        .trial_g = memory + 4 * n,
    };
    for (size_t i = 0; i < LBFGS_MEMORY; i++) {
        o->s[i] = memory + (5 + 2 * i) * n;
        o->y[i] = memory + (6 + 2 * i) * n;
    }
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void swap(double **a, double **b)
{
    double *was = *a;

    *a = *b;
    *b = was;
}

/* ---- the direction -------------------------------------------------------------------------- */

static void add(size_t n, double factor, const double *a, double *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] += factor * a[i];
}

/* Algorithm 7.4: d = -H g by two loops over the pairs. Returns the slope along d. */
static double set_direction(struct lbfgs *o)
{
    size_t n = o->n, newest = o->n_pairs - 1;
    double alpha[LBFGS_MEMORY] = {0}, scale;

    for (size_t i = 0; i < n; i++)
        o->d[i] = -o->g[i];
    for (size_t i = o->n_pairs; i-- > 0;) {
        alpha[i] = o->rho[i] * dot(n, o->s[i], o->d);
        add(n, -alpha[i], o->y[i], o->d);
    }
    if (o->n_pairs > 0) {
        scale = 1.0 / (o->rho[newest] * dot(n, o->y[newest], o->y[newest]));
        for (size_t i = 0; i < n; i++)
            o->d[i] *= scale;
    }
    for (size_t i = 0; i < o->n_pairs; i++)
        add(n, alpha[i] - o->rho[i] * dot(n, o->y[i], o->d), o->s[i], o->d);
    return dot(n, o->g, o->d);
}

/* Takes the pair of a step to `trial`, unless its curvature is none; the oldest makes room. */
static void remember(struct lbfgs *o)
{
    bool full = o->n_pairs == LBFGS_MEMORY;
    size_t n = o->n, slot = full ? 0 : o->n_pairs;
    double *s = o->s[slot], *y = o->y[slot], curvature;

    for (size_t i = 0; i < n; i++) {
        o->x[i] = o->trial[i] - o->x[i]; /* neither is needed any more */
        o->g[i] = o->trial_g[i] - o->g[i];
    }
    curvature = dot(n, o->x, o->g);
    if (!(curvature > DBL_EPSILON * dot(n, o->g, o->g)))
        return;
    memcpy(s, o->x, n * sizeof *s);
    memcpy(y, o->g, n * sizeof *y);
    for (size_t i = slot; full && i + 1 < LBFGS_MEMORY; i++) {
        o->s[i] = o->s[i + 1];
        o->y[i] = o->y[i + 1];
        o->rho[i] = o->rho[i + 1];
    }
    slot = full ? LBFGS_MEMORY - 1 : slot;
    o->s[slot] = s;
    o->y[slot] = y;
    o->rho[slot] = 1.0 / curvature;
    o->n_pairs = slot + 1;
}

/* ---- the line search ------------------------------------------------------------------------ */

struct point {
    double t, loss, slope;
};

struct search {
    struct lbfgs *o;
    lbfgs_evaluate *evaluate;
    void *ctx;
    struct point origin;
    double last; /* the t of the last evaluation */
    int tries;
};

enum outcome { FOUND, BRACKETED, UNWANTED };

static bool probe(struct search *s, double t, struct point *out)
{
    struct lbfgs *o = s->o;

    for (size_t i = 0; i < o->n; i++)
        o->trial[i] = o->x[i] + t * o->d[i];
    out->t = s->last = t;
    if (!s->evaluate(s->ctx, o->trial, &out->loss, o->trial_g))
        return false;
    out->slope = dot(o->n, o->trial_g, o->d);
    if (!isfinite(out->loss) || !isfinite(out->slope))
        out->loss = (double)INFINITY;
    return true;
}

static double clamp(double t, double least, double most)
{
    return t < least ? least : t > most ? most : t;
}

/* The minimum of the cubic through two points and their slopes: equation 3.59. */
static double interpolate(const struct point *a, const struct point *b, double least, double most)
{
    const struct point *left = a->t <= b->t ? a : b, *right = a->t <= b->t ? b : a;
    double width = right->t - left->t;
    double d1 =
        left->slope + right->slope - 3.0 * (left->loss - right->loss) / (left->t - right->t);
    double square = d1 * d1 - left->slope * right->slope, d2, t;

    if (!(square >= 0.0))
        return (least + most) / 2.0;
    d2 = sqrt(square);
    t = right->t - width * ((right->slope + d2 - d1) / (right->slope - left->slope + 2.0 * d2));
    return isfinite(t) ? clamp(t, least, most) : (least + most) / 2.0;
}

static bool is_too_high(const struct search *s, const struct point *p)
{
    return p->loss > s->origin.loss + DECREASE * p->t * s->origin.slope;
}

static bool is_flat_enough(const struct search *s, const struct point *p)
{
    return fabs(p->slope) <= -CURVATURE * s->origin.slope;
}

/*
 * Where the loss is higher by no more than its own rounding, the slopes decide: the approximate
 * condition of Hager and Zhang 2005, equation 4.1. On a parabola a point that is flat enough is
 * also low enough; one that is not is so by rounding.
 */
static bool is_level(const struct search *s, const struct point *p)
{
    return is_too_high(s, p) && is_flat_enough(s, p) &&
           p->loss <= s->origin.loss + ROUNDING * fabs(s->origin.loss);
}

/* Algorithm 3.5: goes out from `t` until a good point lies between the two ends, or at ends[1]. */
static enum outcome bracket(struct search *s, double t, struct point ends[2])
{
    struct point before = s->origin, now;

    if (!probe(s, t, &now))
        return UNWANTED;
    for (s->tries = 0; s->tries < MOST_TRIES; s->tries++) {
        ends[0] = before;
        ends[1] = now;
        if (is_level(s, &now))
            return FOUND;
        if (is_too_high(s, &now) || (s->tries > 1 && now.loss >= before.loss))
            return BRACKETED;
        if (is_flat_enough(s, &now))
            return FOUND;
        if (now.slope >= 0.0)
            return BRACKETED;
        t = interpolate(&before, &now, now.t + 0.01 * (now.t - before.t), 10.0 * now.t);
        before = now;
        if (!probe(s, t, &now))
            return UNWANTED;
    }
    ends[0] = s->origin;
    ends[1] = now;
    return BRACKETED;
}

/* Where to look between the ends: by the cubic, but not twice running next to an end. */
static double choose(const struct point ends[2], bool *was_near)
{
    double least = fmin(ends[0].t, ends[1].t), most = fmax(ends[0].t, ends[1].t);
    double t = interpolate(&ends[0], &ends[1], least, most), margin = 0.1 * (most - least);
    bool near = fmin(most - t, t - least) < margin;

    if (near && (*was_near || t >= most || t <= least)) {
        t = fabs(t - most) < fabs(t - least) ? most - margin : least + margin;
        near = false;
    }
    *was_near = near;
    return t;
}

static double largest(size_t n, const double *a)
{
    double most = 0.0;

    for (size_t i = 0; i < n; i++)
        most = fabs(a[i]) > most ? fabs(a[i]) : most;
    return most;
}

/* Algorithm 3.6: closes in on a good point between the ends; ends with it, or the lower end. */
static bool zoom(struct search *s, struct point ends[2], struct point *out)
{
    double reach = largest(s->o->n, s->o->d);
    bool near = false, found = false;

    for (; !found && s->tries < MOST_TRIES; s->tries++) {
        int low = ends[0].loss <= ends[1].loss ? 0 : 1, high = 1 - low;
        struct point now;

        if (fabs(ends[1].t - ends[0].t) * reach < SMALLEST_BRACKET)
            break;
        if (!probe(s, choose(ends, &near), &now))
            return false;
        if (is_level(s, &now)) {
            *out = now;
            return true;
        }
        if (is_too_high(s, &now) || now.loss >= ends[low].loss) {
            ends[high] = now;
            continue;
        }
        found = is_flat_enough(s, &now);
        if (!found && now.slope * (ends[high].t - ends[low].t) >= 0.0)
            ends[high] = ends[low];
        ends[low] = now;
    }
    *out = ends[0].loss <= ends[1].loss ? ends[0] : ends[1];
    return true;
}

/* Finds the step from t on; the last evaluation is the one there. */
static bool search_line(struct search *s, double t, struct point *out)
{
    struct point ends[2];

    switch (bracket(s, t, ends)) {
    case UNWANTED:
        return false;
    case FOUND:
        *out = ends[1];
        return true;
    case BRACKETED:
        break;
    }
    return zoom(s, ends, out) && (out->t == s->last || probe(s, out->t, out));
}

/* ---- an iteration --------------------------------------------------------------------------- */

/* The first step's length: torch's. */
static double first_step(const struct lbfgs *o)
{
    double sum = 0.0;

    for (size_t i = 0; i < o->n; i++)
        sum += fabs(o->g[i]);
    return sum > 1.0 ? 1.0 / sum : 1.0;
}

/* No lower point was found: next time from the gradient alone, or not at all. */
static void give_up(struct lbfgs *o)
{
    o->stalled = o->n_pairs == 0;
    o->n_pairs = 0;
}

static void move(struct lbfgs *o, const struct point *to)
{
    o->step = to->t;
    if (to->t == 0.0) {
        give_up(o);
        return;
    }
    remember(o);
    swap(&o->x, &o->trial);
    swap(&o->g, &o->trial_g);
    o->loss = to->loss;
}

bool lbfgs_iterate(struct lbfgs *o, bool afresh, lbfgs_evaluate *evaluate, void *ctx)
{
    struct search s = {.o = o, .evaluate = evaluate, .ctx = ctx};
    struct point to;
    double slope;

    o->step = 0.0;
    if (!o->known || afresh) {
        if (!evaluate(ctx, o->x, &o->loss, o->g))
            return false;
        o->known = true;
        o->stalled = false;
    }
    if (o->stalled || !isfinite(o->loss))
        return true;
    slope = set_direction(o);
    if (!(slope < 0.0) && o->n_pairs > 0) {
        o->n_pairs = 0;
        slope = set_direction(o);
    }
    if (!(slope < 0.0)) {
        o->stalled = true;
        return true;
    }
    s.origin = (struct point){0.0, o->loss, slope};
    if (!search_line(&s, o->n_pairs > 0 ? 1.0 : first_step(o), &to))
        return false;
    move(o, &to);
    return true;
}
