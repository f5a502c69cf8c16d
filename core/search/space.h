/*
 * The space that is searched: named dimensions, each with its values, and gates that say when a
 * dimension is used. The space knows nothing of what a dimension means; server/schema builds it
 * from the table of hyperparameters.
 *
 * A point is a `struct params` with the active dimensions in declared order.
 */
#ifndef SWEEPD_CORE_SEARCH_SPACE_H
#define SWEEPD_CORE_SEARCH_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/value.h"

enum { SPACE_DIMENSIONS_MAX = 512, SPACE_POINTS_MAX = 10000, SPACE_CHOICES_MAX = 1000 };

enum space_kind { SPACE_FIXED, SPACE_CHOICE, SPACE_RANGE };

/* When a dimension is used. A dimension whose parent is not used is not used either. */
enum gate_kind {
    GATE_ALWAYS,
    GATE_NEVER,    /* asked for, but no trial uses it */
    GATE_AT_LEAST, /* the parent's number, or its list's length, is `least` or more */
    GATE_ONE_OF    /* the parent's value is one of `values` */
};

struct gate {
    enum gate_kind kind;
    size_t parent; /* index of a dimension with finitely many values, declared before or after */
    int64_t least;
    size_t n_values;
    const struct value *values;
};

struct dimension {
    const char *name;
    enum space_kind kind;
    size_t n_values; /* fixed: 1; choice: 1 or more, all different */
    const struct value *values;
    bool integer;    /* range: of integers */
    bool log;        /* range: uniform in the logarithm; min > 0 */
    double min, max; /* range: both included, min <= max */
    double step;     /* range: 0, or min + k step, which meets max; not with log */
    size_t points;   /* range: levels that a grid takes from it; 0: none named */
    struct gate gate;
};

struct space;

/**
 * Copies the dimensions.
 *
 * Errors  ERR_INVALID naming the dimension in the message and in e->field
 */
enum err space_create(const struct dimension *dimensions, size_t n, struct space **out,
                      struct error *e);
void space_destroy(struct space *s);

size_t space_count(const struct space *s);
const struct dimension *space_dimension(const struct space *s, size_t i);

/* Which values of a range count. */
enum space_levels {
    SPACE_GRID, /* those that a grid takes: `points`, `step`, or all integers */
    SPACE_DRAW  /* those that a draw can give: `step`, or all integers; `points` is ignored */
};

/** How many values a dimension has; SPACE_INFINITE for a range of reals without levels. */
uint64_t space_levels(const struct space *s, size_t dimension, enum space_levels which);

#define SPACE_INFINITE UINT64_MAX

/** The level with this index, in ascending or declared order. */
struct value space_level(const struct space *s, size_t dimension, enum space_levels which,
                         uint64_t index);

/** Whether a dimension is used, given the values of all that are not gated out (else NONE). */
bool space_is_active(const struct space *s, size_t dimension, const struct value *values);

/** Dimensions in an order in which parents come before their children: space_count() of them. */
const size_t *space_order(const struct space *s);

/**
 * Draws a point: parents first, then the active children. Reals are rounded to 12 significant
 * digits, so that a person can copy them.
 *
 * Source  log-integers: floor(exp(U(log(min - 1/2), log(max + 1/2))) + 1/2), clipped
 */
enum err space_draw(const struct space *s, struct rng *r, struct arena *a, struct params *out,
                    struct error *e);

/**
 * A point from values by dimension; those whose kind is VALUE_NONE are left out. Names and values
 * are borrowed from the space.
 */
enum err space_point(const struct space *s, const struct value *values, struct arena *a,
                     struct params *out, struct error *e);

/** ERR_INVALID unless the point has the active dimensions, each with a value of its own. */
enum err space_check(const struct space *s, const struct params *point, struct error *e);

/**
 * Keeps points out: those for which `allows` is false. Samplers do not propose them.
 *
 * allows  a pure function of the point; ctx lives as long as the space
 */
void space_restrict(struct space *s, bool (*allows)(void *ctx, const struct params *point),
                    void *ctx);

bool space_is_restricted(const struct space *s);

bool space_allows(const struct space *s, const struct params *point);

/** Appends a text that is equal for equal points, whatever the order of their params. */
void space_key(const struct space *s, const struct params *point, struct buf *out);

/** x rounded to 12 significant decimal digits. */
double space_round(double x);

#endif
