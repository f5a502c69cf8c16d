/*
 * A dimension as numbers, for samplers that reckon with distances. Each value has a coordinate:
 *
 *     a range             the number itself
 *     numbers in a list   their rank from 0, in ascending order
 *     all else in a list  their index from 0: a category, where only equal and unequal count
 *
 * A dimension that a point does not use has coordinate NaN.
 */
#ifndef SWEEPD_CORE_SEARCH_AXIS_H
#define SWEEPD_CORE_SEARCH_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/search/space.h"

enum axis_kind {
    AXIS_FIXED,    /* one value */
    AXIS_CATEGORY, /* coordinates 0 .. n-1 without order */
    AXIS_STEPS,    /* min, min + step, … max */
    AXIS_REAL      /* anything from min to max */
};

struct axis {
    enum axis_kind kind;
    bool log;        /* uniform in the logarithm; min > 0 (integers: of the half-integer bounds) */
    size_t n;        /* category, steps: how many; else 0 */
    double min, max; /* coordinates, both included */
    double step;     /* steps: between neighbours */
    const double *ranked; /* numbers in a list, ascending (n); else NULL */
    const size_t *index;  /* their places in the list; else NULL */
};

struct axes {
    size_t n; /* space_count() */
    const struct space *space;
    const struct axis *axis; /* (n) */
};

/** All dimensions of a space, which is borrowed; lives as long as a. */
enum err axes_create(const struct space *s, struct arena *a, struct axes *out, struct error *e);

/** The coordinate of a value of dimension i; NaN for none. */
double axes_coordinate(const struct axes *s, size_t i, const struct value *v);

/** The value nearest to a coordinate; reals are rounded as a draw rounds them. */
struct value axes_value(const struct axes *s, size_t i, double coordinate);

/** The coordinates of a point: (n). */
void axes_coordinates(const struct axes *s, const struct params *point, double *x);

/**
 * The point with these coordinates, parents first: dimensions that are then not used are left out
 * whatever x says; one that is used must have a coordinate.
 */
enum err axes_point(const struct axes *s, const double *x, struct arena *a, struct params *out,
                    struct error *e);

/**
 * The coordinate below which a share u of the dimension's uniform distribution lies: 0 <= u < 1.
 * Steps and categories get equal shares, but steps of a logarithm their share of it.
 */
double axes_quantile(const struct axes *s, size_t i, double u);

/**
 * Where a coordinate lies between the ends of a range or a list of numbers, from 0 to 1 and in the
 * logarithm where the axis is one. Steps begin half a step before the first and end half a step
 * behind the last: the coordinate half way between two of them gives the limit between their
 * shares.
 */
double axes_share(const struct axes *s, size_t i, double coordinate);

#endif
