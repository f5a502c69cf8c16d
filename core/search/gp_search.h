/*
 * Where a Gaussian process expects the largest improvement: the best of many points, made better
 * by climbing along the numbers and by trying the steps and categories.
 */
#ifndef SWEEPD_CORE_SEARCH_GP_SEARCH_H
#define SWEEPD_CORE_SEARCH_GP_SEARCH_H

#include "core/search/gp_model.h"
#include "core/search/rows.h"

struct gp_search {
    const struct rows *space;
    const struct gp *gp;
    double best; /* that is to be improved upon */
    struct arena *scratch;
    double *memory;         /* of the climb */
    double *slope, *slope2; /* (d) */
    double *rows;           /* (GP_LANES, d) */
};

/** Borrows space, process and scratch, which is reset at will; lives as long as a. */
enum err gp_search_create(const struct rows *space, const struct gp *gp, double best,
                          struct arena *a, struct arena *scratch, struct gp_search *out,
                          struct error *e);

/** The logarithm of the expected improvement at n rows (n, d); minus infinity where no point is
 *  allowed. */
enum err gp_search_values(struct gp_search *s, size_t n, const double *rows, double *values,
                          struct error *e);

/** Moves a row to a better one near by; *value was and is that of the row. */
enum err gp_search_improve(struct gp_search *s, double *row, double *value, struct error *e);

#endif
