/*
 * Cholesky's factor of a symmetric positive matrix in double, and what is solved with it. A matrix
 * of n rows has rows of cholesky_stride(n) numbers, of which the first n count.
 *
 * Every number is one chain in a fixed order, whatever the instruction set.
 */
#ifndef SWEEPD_CORE_LINALG_CHOLESKY_H
#define SWEEPD_CORE_LINALG_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

enum { CHOLESKY_LANES = 8 };

/** Numbers in a row: n, rounded up to whole vectors. */
size_t cholesky_stride(size_t n);

/**
 * a = L L^T. Reads the upper half and the diagonal, leaves L in the lower half and zeros above.
 * False where a is not positive, and then a holds nothing.
 */
bool cholesky_factor(size_t n, double *a);

/** b = L^-1 b; b = L^-T b. */
void cholesky_solve(size_t n, const double *l, double *b);
void cholesky_solve_transposed(size_t n, const double *l, double *b);

/** cholesky_solve of eight at a time: lane k of all rows of b is one of them. */
void cholesky_solve_lanes(size_t n, const double *l, double (*b)[CHOLESKY_LANES]);

/** out = (L L^T)^-1, its upper half and the diagonal; scratch: a matrix. */
void cholesky_inverse(size_t n, const double *l, double *scratch, double *out);

#endif
