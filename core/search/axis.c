#include "core/search/axis.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/fmath.h"

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_REAL;
}

static bool all_numbers(const struct dimension *d)
{
    for (size_t i = 0; i < d->n_values; i++)
        if (!is_number(&d->values[i]))
            return false;
    return true;
}

/* Insertion sort: lists are short. */
static enum err rank(const struct dimension *d, struct arena *a, struct axis *x, struct error *e)
{
    double *ranked = arena_alloc(a, d->n_values, sizeof *ranked);
    size_t *index = arena_alloc(a, d->n_values, sizeof *index);

    if (!ranked || !index)
        return error_no_memory(e);
    for (size_t i = 0; i < d->n_values; i++) {
        double number = value_number(&d->values[i]);
        size_t at = i;

        for (; at > 0 && ranked[at - 1] > number; at--) {
            ranked[at] = ranked[at - 1];
            index[at] = index[at - 1];
        }
        ranked[at] = number;
        index[at] = i;
    }
    x->ranked = ranked;
    x->index = index;
    return ERR_OK;
}

static enum err make_list(const struct dimension *d, struct arena *a, struct axis *x,
                          struct error *e)
{
    x->n = d->n_values;
    x->max = (double)(d->n_values - 1);
    x->step = 1.0;
    if (d->n_values == 1)
        x->kind = AXIS_FIXED;
    else if (!all_numbers(d))
        x->kind = AXIS_CATEGORY;
    else {
        x->kind = AXIS_STEPS;
        return rank(d, a, x, e);
    }
    return ERR_OK;
}

static void make_range(const struct space *s, size_t i, const struct dimension *d, struct axis *x)
{
    uint64_t levels = space_levels(s, i, SPACE_DRAW);

    x->min = d->min;
    x->max = d->max;
    x->log = d->log;
    x->kind = levels == 1 ? AXIS_FIXED : levels == SPACE_INFINITE ? AXIS_REAL : AXIS_STEPS;
    if (x->kind != AXIS_REAL) {
        x->n = (size_t)levels;
        x->step = d->step > 0.0 ? d->step : 1.0;
    }
}

enum err axes_create(const struct space *s, struct arena *a, struct axes *out, struct error *e)
{
    size_t n = space_count(s);
    struct axis *axis = arena_alloc(a, n + 1, sizeof *axis);

    if (!axis)
        return error_no_memory(e);
    for (size_t i = 0; i < n; i++) {
        const struct dimension *d = space_dimension(s, i);

        if (d->kind == SPACE_RANGE)
            make_range(s, i, d, &axis[i]);
        else
            TRY(make_list(d, a, &axis[i], e));
    }
    *out = (struct axes){.n = n, .space = s, .axis = axis};
    return ERR_OK;
}

double axes_coordinate(const struct axes *s, size_t i, const struct value *v)
{
    const struct dimension *d = space_dimension(s->space, i);
    const struct axis *x = &s->axis[i];

    if (v->kind == VALUE_NONE)
        return (double)NAN;
    if (d->kind == SPACE_RANGE)
        return value_number(v);
    for (size_t k = 0; k < d->n_values; k++) {
        size_t at = x->index ? x->index[k] : k;

        if (value_equal(&d->values[at], v))
            return (double)k;
    }
    return (double)NAN;
}

/* The nearest step, counted from 0. */
static uint64_t nearest(const struct axis *x, double coordinate)
{
    double k = floor((coordinate - x->min) / x->step + 0.5), most = (double)(x->n - 1);

    return k > 0.0 ? (uint64_t)(k < most ? k : most) : 0; /* 0 for NaN too */
}

struct value axes_value(const struct axes *s, size_t i, double coordinate)
{
    const struct axis *x = &s->axis[i];
    double real;

    switch (x->kind) {
    case AXIS_FIXED:
        return space_level(s->space, i, SPACE_DRAW, 0);
    case AXIS_CATEGORY:
        return space_level(s->space, i, SPACE_DRAW, nearest(x, coordinate));
    case AXIS_STEPS:
        if (x->index)
            return space_level(s->space, i, SPACE_DRAW, x->index[nearest(x, coordinate)]);
        return space_level(s->space, i, SPACE_DRAW, nearest(x, coordinate));
    case AXIS_REAL:
        break;
    }
    real = space_round(coordinate);
    real = real < x->min ? x->min : real > x->max ? x->max : real;
    return (struct value){.kind = VALUE_REAL, .real = real};
}

void axes_coordinates(const struct axes *s, const struct params *point, double *x)
{
    static const struct value none = {.kind = VALUE_NONE};

    for (size_t i = 0; i < s->n; i++) {
        const struct value *v = params_get(point, space_dimension(s->space, i)->name);

        x[i] = axes_coordinate(s, i, v ? v : &none);
    }
}

enum err axes_point(const struct axes *s, const double *x, struct arena *a, struct params *out,
                    struct error *e)
{
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};
    const size_t *order = space_order(s->space);

    for (size_t k = 0; k < s->n; k++)
        if (space_is_active(s->space, order[k], values))
            values[order[k]] = axes_value(s, order[k], x[order[k]]);
    return space_point(s->space, values, a, out, e);
}

/* The ends of a range's uniform distribution. */
static void ends(const struct axis *x, double *low, double *high)
{
    double beyond = x->kind == AXIS_STEPS ? 0.5 * x->step : 0.0;

    *low = x->min - beyond;
    *high = x->max + beyond;
    if (x->log) {
        *low = fmath_log(*low);
        *high = fmath_log(*high);
    }
}

double axes_quantile(const struct axes *s, size_t i, double u)
{
    const struct axis *x = &s->axis[i];
    double low, high;

    if (x->kind == AXIS_FIXED)
        return x->min;
    if (!x->log)
        return x->kind == AXIS_REAL ? x->min + u * (x->max - x->min)
                                    : x->min + floor(u * (double)x->n) * x->step;
    ends(x, &low, &high);
    u = fmath_exp(low + u * (high - low));
    return x->kind == AXIS_STEPS ? floor(u + 0.5) : u;
}

double axes_share(const struct axes *s, size_t i, double coordinate)
{
    const struct axis *x = &s->axis[i];
    double low, high;

    if (x->kind == AXIS_FIXED)
        return 0.5;
    ends(x, &low, &high);
    return ((x->log ? fmath_log(coordinate) : coordinate) - low) / (high - low);
}
