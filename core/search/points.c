#include "core/search/points.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { TABLE_MAX = 1 << 20 }; /* combinations times dimensions */

/* "More than can be counted" in sums and products below. */
#define MANY (SPACE_INFINITE - 1)

/* The values of all parents that fix which dimensions are used; an unused parent has digit 0. */
struct points {
    const struct space *space;
    enum space_levels which;
    size_t n;        /* dimensions */
    bool *is_parent; /* (n) */
    size_t n_combinations;
    uint32_t *digits; /* (n_combinations, n): parents' digits, 0 for all else */
    bool *active;     /* (n_combinations, n) */
    uint64_t *behind; /* (n_combinations, n + 1): points of the dimensions from d on */
    uint64_t count;
};

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) || sum > MANY ? MANY : sum;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) || product > MANY ? MANY : product;
}

static void find_parents(struct points *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct gate *g = &space_dimension(p->space, i)->gate;

        if (g->kind == GATE_AT_LEAST || g->kind == GATE_ONE_OF)
            p->is_parent[g->parent] = true;
    }
}

static enum err count_combinations(struct points *p, struct error *e)
{
    uint64_t n = 1;

    for (size_t i = 0; i < p->n; i++)
        if (p->is_parent[i])
            n = multiply(n, space_levels(p->space, i, p->which));
    if (multiply(n, p->n + 1) > TABLE_MAX)
        return error_set(e, ERR_INVALID,
                         "the dimensions that others depend on have too many combinations");
    p->n_combinations = (size_t)n;
    return ERR_OK;
}

/* The next digits of the parents in declared order, the last fastest; false after the last. */
static bool advance(const struct points *p, uint32_t *digits)
{
    for (size_t i = p->n; i-- > 0;) {
        if (!p->is_parent[i])
            continue;
        if (++digits[i] < space_levels(p->space, i, p->which))
            return true;
        digits[i] = 0;
    }
    return false;
}

/* Which dimensions are used; false where an unused parent has a digit: the same as digit 0. */
static bool evaluate(const struct points *p, const uint32_t *digits, bool *active)
{
    const size_t *order = space_order(p->space);
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};

    for (size_t k = 0; k < p->n; k++) {
        size_t i = order[k];

        active[i] = space_is_active(p->space, i, values);
        if (!active[i] && digits[i] > 0)
            return false;
        if (active[i] && p->is_parent[i])
            values[i] = space_level(p->space, i, p->which, digits[i]);
    }
    return true;
}

/* Fills one combination's row of `behind`; false where one of its dimensions has no end. */
static bool sum_up(const struct points *p, const bool *active, uint64_t *behind)
{
    behind[p->n] = 1;
    for (size_t i = p->n; i-- > 0;) {
        uint64_t levels = space_levels(p->space, i, p->which);

        if (active[i] && levels == SPACE_INFINITE)
            return false;
        behind[i] = active[i] && !p->is_parent[i] ? multiply(levels, behind[i + 1]) : behind[i + 1];
    }
    return true;
}

static void enumerate(struct points *p)
{
    uint32_t digits[SPACE_DIMENSIONS_MAX] = {0};
    size_t c = 0;

    do {
        bool *active = p->active + c * p->n;
        uint64_t *behind = p->behind + c * (p->n + 1);

        if (!evaluate(p, digits, active))
            continue;
        if (!sum_up(p, active, behind)) {
            p->count = SPACE_INFINITE;
            return;
        }
        memcpy(p->digits + c * p->n, digits, p->n * sizeof *digits);
        p->count = add(p->count, behind[0]);
        c++;
    } while (advance(p, digits));
    p->n_combinations = c;
}

enum err points_create(const struct space *s, enum space_levels which, struct points **out,
                       struct error *e)
{
    struct points *p = calloc(1, sizeof *p);
    enum err failed;

    if (!p)
        return error_no_memory(e);
    p->space = s;
    p->which = which;
    p->n = space_count(s);
    p->is_parent = calloc(p->n + 1, sizeof *p->is_parent);
    if (!p->is_parent) {
        points_destroy(p);
        return error_no_memory(e);
    }
    find_parents(p);
    failed = count_combinations(p, e);
    if (!failed) {
        p->digits = calloc(p->n_combinations * p->n + 1, sizeof *p->digits);
        p->active = calloc(p->n_combinations * p->n + 1, sizeof *p->active);
        p->behind = calloc(p->n_combinations * (p->n + 1), sizeof *p->behind);
        if (!p->digits || !p->active || !p->behind)
            failed = error_no_memory(e);
    }
    if (failed) {
        points_destroy(p);
        return failed;
    }
    enumerate(p);
    *out = p;
    return ERR_OK;
}

void points_destroy(struct points *p)
{
    if (!p)
        return;
    free(p->is_parent);
    free(p->digits);
    free(p->active);
    free(p->behind);
    free(p);
}

uint64_t points_count(const struct points *p)
{
    return p->count;
}

/* A walk to one point: the combinations that agree with the digits found so far. */
struct walk {
    const struct points *p;
    size_t n_live;
    size_t *live;
    uint64_t index; /* among the points behind the prefix */
};

static uint64_t behind(const struct walk *w, size_t k, size_t d)
{
    return w->p->behind[w->live[k] * (w->p->n + 1) + d];
}

/* Which level of parent d the index falls on. The levels' sums are taken in one pass. */
static uint32_t choose_parent(struct walk *w, size_t d)
{
    const struct points *p = w->p;
    uint32_t digit = 0;
    size_t n = 0;

    for (;; digit++) {
        uint64_t sum = 0;

        for (size_t k = 0; k < w->n_live; k++)
            if (p->digits[w->live[k] * p->n + d] == digit)
                sum = add(sum, behind(w, k, d + 1));
        if (w->index < sum)
            break;
        w->index -= sum;
    }
    for (size_t k = 0; k < w->n_live; k++)
        if (p->digits[w->live[k] * p->n + d] == digit)
            w->live[n++] = w->live[k];
    w->n_live = n;
    return digit;
}

/* Digit 0 also stands for "not used"; every other digit means that d is used. */
static uint64_t choose_level(struct walk *w, size_t d)
{
    const struct points *p = w->p;
    uint64_t first = 0, each = 0, digit;
    size_t n = 0;

    for (size_t k = 0; k < w->n_live; k++) {
        first = add(first, behind(w, k, d + 1));
        if (p->active[w->live[k] * p->n + d])
            each = add(each, behind(w, k, d + 1));
    }
    if (w->index < first)
        return 0;
    w->index -= first;
    assert(each > 0); /* the walk's index is below what is behind it */
    digit = 1 + w->index / each;
    w->index %= each;
    for (size_t k = 0; k < w->n_live; k++)
        if (p->active[w->live[k] * p->n + d])
            w->live[n++] = w->live[k];
    w->n_live = n;
    return digit;
}

enum err points_at(const struct points *p, uint64_t index, struct arena *a, struct params *out,
                   struct error *e)
{
    CLEANUP(mem_free) size_t *live = malloc(p->n_combinations * sizeof *live);
    struct walk w = {.p = p, .n_live = p->n_combinations, .live = live, .index = index};
    uint64_t digits[SPACE_DIMENSIONS_MAX];
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};

    if (!live)
        return error_no_memory(e);
    for (size_t k = 0; k < p->n_combinations; k++)
        live[k] = k;
    for (size_t d = 0; d < p->n; d++)
        digits[d] = p->is_parent[d] ? choose_parent(&w, d) : choose_level(&w, d);
    for (size_t d = 0; d < p->n; d++)
        if (p->active[live[0] * p->n + d])
            values[d] = space_level(p->space, d, p->which, digits[d]);
    return space_point(p->space, values, a, out, e);
}

enum err points_allowed(const struct points *p, uint64_t most, uint64_t *out, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    bool restricted = space_is_restricted(p->space);
    uint64_t n = 0;

    *out = restricted ? SPACE_INFINITE : p->count;
    if (!restricted || p->count > most)
        return ERR_OK;
    TRY(arena_create(4096, &a, e));
    for (uint64_t i = 0; i < p->count; i++) {
        struct params point;

        arena_reset(a);
        TRY(points_at(p, i, a, &point, e));
        n += space_allows(p->space, &point);
    }
    *out = n;
    return ERR_OK;
}
