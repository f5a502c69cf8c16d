/*
 * Eigenvalues and eigenvectors of a symmetric matrix in double, by Jacobi's rotations in a fixed
 * order: the same bits on every machine.
 *
 * Source  Golub and Van Loan: Matrix Computations, 4th edition, section 8.5
 */
#ifndef SWEEPD_CORE_LINALG_EIGEN_H
#define SWEEPD_CORE_LINALG_EIGEN_H

#include <stddef.h>

/**
 * a        (n, n) symmetric and finite; destroyed
 * values   (n) in no order
 * vectors  (n, n) row i belongs to value i; rows are orthonormal
 */
void eigen_symmetric(size_t n, double *a, double *values, double *vectors);

#endif
