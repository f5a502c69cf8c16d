#include "core/search/space.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"

struct space {
    struct arena *arena; /* everything below lives in it */
    size_t n;
    struct dimension *dimensions;
    size_t *order;
    struct value **levels; /* (n): those of a range with points, else NULL */
    uint64_t *n_levels;    /* (n): how many of them differ */
    bool (*allows)(void *ctx, const struct params *point); /* NULL: all points */
    void *ctx;
};

double space_round(double x)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%.12g", x); /* exactly rounded in glibc, as is strtod */
    return strtod(text, NULL);
}

static double clip(double x, double min, double max)
{
    return x < min ? min : x > max ? max : x;
}

static struct value number(const struct dimension *d, double x)
{
    if (d->integer)
        return (struct value){.kind = VALUE_INT, .integer = (int64_t)x};
    return (struct value){.kind = VALUE_REAL, .real = x};
}

/* ---- creation ------------------------------------------------------------------------------ */

static enum err invalid(const struct dimension *d, struct error *e, const char *what)
{
    error_set(e, ERR_INVALID, "%s: %s", d->name, what);
    return error_field(e, d->name);
}

/* step k of a range, as a user would write it. */
static double step_value(const struct dimension *d, uint64_t k)
{
    double x = d->min + (double)k * d->step;

    return d->integer ? x : clip(space_round(x), d->min, d->max);
}

static enum err check_step(const struct dimension *d, struct error *e)
{
    double steps;

    if (d->step == 0)
        return ERR_OK;
    if (d->log)
        return invalid(d, e, "step goes with scale linear; with log give points");
    if (d->points > 0)
        return invalid(d, e, "step and points exclude each other");
    if (!(d->step > 0) || (d->integer && floor(d->step) != d->step))
        return invalid(d, e,
                       d->integer ? "step must be an integer above 0" : "step must be above 0");
    steps = (d->max - d->min) / d->step;
    if (steps > 1e9)
        return invalid(d, e, "the range has more than 1e9 steps");
    if (fabs(steps - floor(steps + 0.5)) > 1e-9 * (steps + 1)) {
        char last[32], step[32];

        buf_format_double(d->step, step);
        buf_format_double(step_value(d, (uint64_t)steps), last);
        error_set(e, ERR_INVALID,
                  "%s: step %s does not reach max (the last step is at %s); both ends are included",
                  d->name, step, last);
        return error_field(e, d->name);
    }
    return ERR_OK;
}

static enum err check_range(const struct dimension *d, struct error *e)
{
    char low[32], high[32];

    if (!isfinite(d->min) || !isfinite(d->max))
        return invalid(d, e, "min and max must be finite");
    if (d->min > d->max) {
        buf_format_double(d->min, low);
        buf_format_double(d->max, high);
        error_set(e, ERR_INVALID, "%s: min %s is above max %s", d->name, low, high);
        return error_field(e, d->name);
    }
    if (d->integer && (floor(d->min) != d->min || floor(d->max) != d->max ||
                       fabs(d->min) > 0x1p53 || fabs(d->max) > 0x1p53))
        return invalid(d, e, "min and max must be integers");
    if (d->log && d->min <= 0)
        return invalid(d, e, "a range with scale log needs min above 0");
    if (d->points == 1 && d->min < d->max)
        return invalid(d, e, "points must be at least 2: both ends are included");
    if (d->points > SPACE_POINTS_MAX)
        return invalid(d, e, "points is above 10000");
    return check_step(d, e);
}

static enum err check_choice(const struct dimension *d, struct error *e)
{
    if (d->n_values == 0 || (d->kind == SPACE_FIXED && d->n_values > 1))
        return invalid(d, e, "needs a value");
    if (d->n_values > SPACE_CHOICES_MAX)
        return invalid(d, e, "has more than 1000 choices");
    for (size_t i = 0; i < d->n_values; i++)
        for (size_t j = 0; j < i; j++)
            if (value_equal(&d->values[i], &d->values[j]))
                return invalid(d, e, "a value stands in the list twice");
    return ERR_OK;
}

static enum err copy_value(struct arena *a, struct value *v, struct error *e)
{
    if (v->kind == VALUE_TEXT && !(v->text = arena_strdup(a, v->text)))
        return error_no_memory(e);
    if (v->kind == VALUE_LIST && v->list.n > 0) {
        int64_t *items = arena_alloc(a, v->list.n, sizeof *items);

        if (!items)
            return error_no_memory(e);
        memcpy(items, v->list.items, v->list.n * sizeof *items);
        v->list.items = items;
    }
    return ERR_OK;
}

static enum err copy_values(struct arena *a, const struct value **values, size_t n, struct error *e)
{
    struct value *copy = arena_alloc(a, n, sizeof *copy);

    if (!copy)
        return error_no_memory(e);
    for (size_t i = 0; i < n; i++) {
        copy[i] = (*values)[i];
        TRY(copy_value(a, &copy[i], e));
    }
    *values = copy;
    return ERR_OK;
}

/* Level i of `points` levels, the ends exact. */
static double spread(const struct dimension *d, size_t i)
{
    double t, x;

    if (i == 0)
        return d->min;
    if (i == d->points - 1)
        return d->max;
    t = (double)i / (double)(d->points - 1);
    if (d->log) {
        double low = fmath_log(d->min);

        x = fmath_exp(low + t * (fmath_log(d->max) - low));
    } else {
        x = d->min + t * (d->max - d->min);
    }
    x = d->integer ? floor(x + 0.5) : space_round(x);
    return clip(x, d->min, d->max);
}

/* Levels that coincide, as neighbouring integers do, are one. */
static enum err spread_points(struct space *s, size_t i, struct error *e)
{
    const struct dimension *d = &s->dimensions[i];
    struct value *levels = arena_alloc(s->arena, d->points, sizeof *levels);
    uint64_t n = 0;

    if (!levels)
        return error_no_memory(e);
    for (size_t k = 0; k < d->points; k++) {
        struct value level = number(d, spread(d, k));

        if (n == 0 || !value_equal(&level, &levels[n - 1]))
            levels[n++] = level;
    }
    s->levels[i] = levels;
    s->n_levels[i] = n;
    return ERR_OK;
}

static enum err add_dimension(struct space *s, size_t i, struct error *e)
{
    struct dimension *d = &s->dimensions[i];

    for (size_t j = 0; j < i; j++)
        if (strcmp(s->dimensions[j].name, d->name) == 0)
            return invalid(d, e, "stands in the space twice");
    if (!(d->name = arena_strdup(s->arena, d->name)))
        return error_no_memory(e);
    TRY(d->kind == SPACE_RANGE ? check_range(d, e) : check_choice(d, e));
    if (d->kind != SPACE_RANGE)
        TRY(copy_values(s->arena, &d->values, d->n_values, e));
    else if (d->points > 0)
        TRY(spread_points(s, i, e));
    if (d->gate.kind == GATE_ONE_OF)
        TRY(copy_values(s->arena, &d->gate.values, d->gate.n_values, e));
    return ERR_OK;
}

static bool has_parent(const struct dimension *d)
{
    return d->gate.kind == GATE_AT_LEAST || d->gate.kind == GATE_ONE_OF;
}

/* Sorts by depth, each depth in declared order; a dimension never placed hangs in a circle. */
static enum err order_dimensions(struct space *s, struct error *e)
{
    bool placed[SPACE_DIMENSIONS_MAX] = {false};
    size_t n = 0, before;

    do {
        bool ready[SPACE_DIMENSIONS_MAX];

        before = n;
        for (size_t i = 0; i < s->n; i++) {
            const struct dimension *d = &s->dimensions[i];

            ready[i] = !placed[i] && (!has_parent(d) || placed[d->gate.parent]);
        }
        for (size_t i = 0; i < s->n; i++) {
            if (!ready[i])
                continue;
            placed[i] = true;
            s->order[n++] = i;
        }
    } while (n > before);
    if (n < s->n)
        return error_set(e, ERR_INVALID, "dimensions depend on each other in a circle");
    return ERR_OK;
}

static enum err check_gates(const struct space *s, struct error *e)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct dimension *d = &s->dimensions[i];

        if (!has_parent(d))
            continue;
        if (d->gate.parent >= s->n || d->gate.parent == i)
            return invalid(d, e, "depends on a dimension that does not exist");
        if (space_levels(s, d->gate.parent, SPACE_DRAW) == SPACE_INFINITE)
            return invalid(d, e, "depends on a dimension with infinitely many values");
    }
    return ERR_OK;
}

static enum err fill(struct space *s, const struct dimension *dimensions, struct error *e)
{
    TRY(arena_create(4096, &s->arena, e));
    s->dimensions = arena_alloc(s->arena, s->n + 1, sizeof *s->dimensions);
    s->order = arena_alloc(s->arena, s->n + 1, sizeof *s->order);
    s->levels = arena_alloc(s->arena, s->n + 1, sizeof *s->levels);
    s->n_levels = arena_alloc(s->arena, s->n + 1, sizeof *s->n_levels);
    if (!s->dimensions || !s->order || !s->levels || !s->n_levels)
        return error_no_memory(e);
    for (size_t i = 0; i < s->n; i++) {
        s->dimensions[i] = dimensions[i];
        TRY(add_dimension(s, i, e));
    }
    TRY(check_gates(s, e));
    return order_dimensions(s, e);
}

enum err space_create(const struct dimension *dimensions, size_t n, struct space **out,
                      struct error *e)
{
    struct space *s;
    enum err failed;

    if (n > SPACE_DIMENSIONS_MAX)
        return error_set(e, ERR_INVALID, "%zu dimensions are more than %d", n,
                         SPACE_DIMENSIONS_MAX);
    s = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(e);
    s->n = n;
    failed = fill(s, dimensions, e);
    if (failed) {
        space_destroy(s);
        return failed;
    }
    *out = s;
    return ERR_OK;
}

void space_destroy(struct space *s)
{
    if (!s)
        return;
    arena_destroy(s->arena);
    free(s);
}

/* ---- looking ------------------------------------------------------------------------------- */

size_t space_count(const struct space *s)
{
    return s->n;
}

const struct dimension *space_dimension(const struct space *s, size_t i)
{
    return &s->dimensions[i];
}
const size_t *space_order(const struct space *s)
{
    return s->order;
}

uint64_t space_levels(const struct space *s, size_t dimension, enum space_levels which)
{
    const struct dimension *d = &s->dimensions[dimension];

    if (d->kind != SPACE_RANGE)
        return d->n_values;
    if (which == SPACE_GRID && d->points > 0)
        return s->n_levels[dimension];
    if (d->step > 0)
        return (uint64_t)((d->max - d->min) / d->step + 0.5) + 1;
    if (d->integer)
        return (uint64_t)(d->max - d->min) + 1;
    return d->min == d->max ? 1 : SPACE_INFINITE;
}

struct value space_level(const struct space *s, size_t dimension, enum space_levels which,
                         uint64_t index)
{
    const struct dimension *d = &s->dimensions[dimension];

    if (d->kind != SPACE_RANGE)
        return d->values[index];
    if (which == SPACE_GRID && d->points > 0)
        return s->levels[dimension][index];
    if (d->step > 0)
        return number(d, step_value(d, index));
    return number(d, d->min + (double)index);
}

/* A list counts by its length. */
static double size_of(const struct value *v)
{
    return v->kind == VALUE_LIST ? (double)v->list.n : value_number(v);
}

bool space_is_active(const struct space *s, size_t dimension, const struct value *values)
{
    const struct gate *g = &s->dimensions[dimension].gate;

    switch (g->kind) {
    case GATE_ALWAYS:
        return true;
    case GATE_NEVER:
        return false;
    case GATE_AT_LEAST:
        return size_of(&values[g->parent]) >= (double)g->least; /* false for NaN: no parent */
    case GATE_ONE_OF:
        for (size_t i = 0; i < g->n_values; i++)
            if (value_equal(&values[g->parent], &g->values[i]))
                return true;
        return false;
    }
    return false;
}

/* ---- points -------------------------------------------------------------------------------- */

/* Uniform in 0 .. n-1; n may be above 2^32. */
static uint64_t draw_below(struct rng *r, uint64_t n)
{
    uint64_t k;

    if (n <= UINT32_MAX)
        return rng_below(r, (uint32_t)n);
    k = (uint64_t)(rng_f64(r) * (double)n);
    return k < n ? k : n - 1;
}

static struct value draw_log(const struct dimension *d, struct rng *r)
{
    double half = d->integer ? 0.5 : 0;
    double low = fmath_log(d->min - half), high = fmath_log(d->max + half);
    double x = fmath_exp(low + rng_f64(r) * (high - low));

    x = d->integer ? floor(x + 0.5) : space_round(x);
    return number(d, clip(x, d->min, d->max));
}

static struct value draw(const struct space *s, size_t i, struct rng *r)
{
    const struct dimension *d = &s->dimensions[i];
    uint64_t levels = space_levels(s, i, SPACE_DRAW);

    if (levels == 1)
        return space_level(s, i, SPACE_DRAW, 0);
    if (d->kind == SPACE_RANGE && d->log)
        return draw_log(d, r);
    if (levels != SPACE_INFINITE)
        return space_level(s, i, SPACE_DRAW, draw_below(r, levels));
    return number(d, clip(space_round(d->min + rng_f64(r) * (d->max - d->min)), d->min, d->max));
}

enum err space_draw(const struct space *s, struct rng *r, struct arena *a, struct params *out,
                    struct error *e)
{
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};

    for (size_t k = 0; k < s->n; k++) {
        size_t i = s->order[k];

        if (space_is_active(s, i, values))
            values[i] = draw(s, i, r);
    }
    return space_point(s, values, a, out, e);
}

enum err space_point(const struct space *s, const struct value *values, struct arena *a,
                     struct params *out, struct error *e)
{
    struct params p = {.items = arena_alloc(a, s->n + 1, sizeof *p.items)};

    if (!p.items)
        return error_no_memory(e);
    for (size_t i = 0; i < s->n; i++)
        if (values[i].kind != VALUE_NONE)
            p.items[p.n++] = (struct param){.name = s->dimensions[i].name, .value = values[i]};
    *out = p;
    return ERR_OK;
}

static bool belongs(const struct dimension *d, const struct value *v)
{
    double x = value_number(v);

    if (d->kind != SPACE_RANGE) {
        for (size_t i = 0; i < d->n_values; i++)
            if (value_equal(&d->values[i], v))
                return true;
        return false;
    }
    if ((v->kind != VALUE_INT && v->kind != VALUE_REAL) || !(x >= d->min && x <= d->max))
        return false;
    if (d->integer && floor(x) != x)
        return false;
    return d->step == 0 || step_value(d, (uint64_t)((x - d->min) / d->step + 0.5)) == x;
}

enum err space_check(const struct space *s, const struct params *point, struct error *e)
{
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};
    size_t used = 0;

    for (size_t k = 0; k < s->n; k++) {
        const struct dimension *d = &s->dimensions[s->order[k]];
        const struct value *v = params_get(point, d->name);

        if (!space_is_active(s, s->order[k], values)) {
            if (v)
                return invalid(d, e, "is not used at this point");
            continue;
        }
        if (!v)
            return invalid(d, e, "is missing");
        if (!belongs(d, v))
            return invalid(d, e, "has a value that is not in its dimension");
        values[s->order[k]] = *v;
        used++;
    }
    if (used < point->n)
        return error_set(e, ERR_INVALID, "the point has values that are not in the space");
    return ERR_OK;
}

void space_restrict(struct space *s, bool (*allows)(void *ctx, const struct params *point),
                    void *ctx)
{
    s->allows = allows;
    s->ctx = ctx;
}

bool space_is_restricted(const struct space *s)
{
    return s->allows != NULL;
}

bool space_allows(const struct space *s, const struct params *point)
{
    return !s->allows || s->allows(s->ctx, point);
}

void space_key(const struct space *s, const struct params *point, struct buf *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct value *v = params_get(point, s->dimensions[i].name);

        if (v)
            value_json(v, out);
        buf_putc(out, ';');
    }
}
