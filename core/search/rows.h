/*
 * Points as rows of numbers for samplers that reckon in a unit cube: one number for each searched
 * dimension, its share of the axis from 0 to 1 (axes_share), or the index of a category.
 *
 * A dimension that a point does not use has a constant in its row: the middle for numbers, a
 * category of its own for others. So branches of a conditional space differ by the dimension that
 * is their gate, and points of one branch not at all by what they do not use.
 */
#ifndef SWEEPD_CORE_SEARCH_ROWS_H
#define SWEEPD_CORE_SEARCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/search/axis.h"

struct rows {
    const struct axes *axes;
    size_t d;
    const size_t *dims;      /* (d) dimensions with more than one value that some point uses */
    const bool *category;    /* (d) */
    const bool *conditional; /* (d) some point does not use it */
    bool gated;              /* one or more are conditional */
};

/** The axes are borrowed; lives as long as a. */
enum err rows_create(const struct axes *axes, struct arena *a, struct rows *out, struct error *e);

/** The row of coordinates. */
void rows_row(const struct rows *s, const double *coordinates, double *row);

/** A row from shares u of all the space's dimensions, steps and categories made whole. */
void rows_quantile(const struct rows *s, const double *u, double *row);

/** The coordinate of number c of a row; the first category for an unused one. */
double rows_coordinate(const struct rows *s, size_t c, double x);

/** The point of a row, whose numbers for dimensions that are not used are ignored. */
enum err rows_point(const struct rows *s, const double *row, struct arena *a, struct params *out,
                    struct error *e);

/** The row with its constants where its point does not use a dimension: seen, used: (d). */
void rows_see(const struct rows *s, const double *row, double *seen, bool *used);

#endif
