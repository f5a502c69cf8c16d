/*
 * Quantiles of numbers.
 */
#ifndef SWEEPD_CORE_DATA_SORTED_H
#define SWEEPD_CORE_DATA_SORTED_H

#include <stddef.h>

/** Sorts numbers, none of which is NaN. */
void sorted_make(double *x, size_t n);

/**
 * The quantile k / of, 0 <= k <= of, of n >= 1 sorted numbers: at place (n - 1) k / of, between two
 * of them on the straight line.
 *
 * Source  numpy.quantile's default; Hyndman and Fan 1996, definition 7
 */
double sorted_quantile(const double *x, size_t n, size_t k, size_t of);

#endif
