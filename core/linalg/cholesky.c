#include "core/linalg/cholesky.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 4 };

/* Compiled to whatever vectors there are: each lane is a chain of its own, so bits do not depend
 * on them. */
typedef double vd __attribute__((vector_size(32), aligned(8), may_alias));

size_t cholesky_stride(size_t n)
{
    return (n + WIDTH - 1) / WIDTH * WIDTH;
}

/* to[begin .. end) -= factor * from, in whole vectors: numbers of the same vector below begin are
 * changed too, which nobody reads. */
static void subtract(double *to, const double *from, double factor, size_t begin, size_t end)
{
    vd f = {factor, factor, factor, factor};

    for (size_t i = begin / WIDTH * WIDTH; i < end; i += WIDTH)
        *(vd *)(to + i) -= f * *(const vd *)(from + i);
}

/* The transposed factor, row by row, in the upper half; below it is of no meaning. */
static bool factor_upper(size_t n, size_t stride, double *a)
{
    for (size_t k = 0; k < n; k++) {
        double *row = a + k * stride, root = sqrt(row[k]);

        if (!(root > 0.0) || !isfinite(root))
            return false;
        for (size_t j = k; j < n; j++)
            row[j] = j == k ? root : row[j] / root;
        for (size_t i = k + 1; i < n; i++)
            subtract(a + i * stride, row, row[i], i, n);
    }
    return true;
}

bool cholesky_factor(size_t n, double *a)
{
    size_t stride = cholesky_stride(n);

    if (!factor_upper(n, stride, a))
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < stride; j++) {
            if (j < n)
                a[j * stride + i] = a[i * stride + j];
            a[i * stride + j] = 0.0;
        }
    return true;
}

void cholesky_solve(size_t n, const double *l, double *b)
{
    size_t stride = cholesky_stride(n);

    for (size_t i = 0; i < n; i++) {
        double sum = b[i];

        for (size_t j = 0; j < i; j++)
            sum -= l[i * stride + j] * b[j];
        b[i] = sum / l[i * stride + i];
    }
}

void cholesky_solve_transposed(size_t n, const double *l, double *b)
{
    size_t stride = cholesky_stride(n);

    for (size_t i = n; i-- > 0;) {
        b[i] /= l[i * stride + i];
        for (size_t j = 0; j < i; j++)
            b[j] -= l[i * stride + j] * b[i];
    }
}

void cholesky_solve_lanes(size_t n, const double *l, double (*b)[CHOLESKY_LANES])
{
    size_t stride = cholesky_stride(n);

    for (size_t i = 0; i < n; i++) {
        vd low = *(vd *)b[i], high = *(vd *)(b[i] + WIDTH);
        double d = l[i * stride + i];
        vd divisor = {d, d, d, d};

        for (size_t j = 0; j < i; j++) {
            double x = l[i * stride + j];
            vd f = {x, x, x, x};

            low -= f * *(vd *)b[j];
            high -= f * *(vd *)(b[j] + WIDTH);
        }
        *(vd *)b[i] = low / divisor;
        *(vd *)(b[i] + WIDTH) = high / divisor;
    }
}

/* M = L^-1 by rows, then M^T M as a sum over rows. */
void cholesky_inverse(size_t n, const double *l, double *scratch, double *out)
{
    size_t stride = cholesky_stride(n);

    memset(scratch, 0, n * stride * sizeof *scratch);
    memset(out, 0, n * stride * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        double *row = scratch + i * stride, d = l[i * stride + i];

        row[i] = 1.0;
        for (size_t j = 0; j < i; j++)
            subtract(row, scratch + j * stride, l[i * stride + j], 0, j + 1);
        for (size_t j = 0; j <= i; j++)
            row[j] /= d;
    }
    for (size_t k = 0; k < n; k++) {
        const double *row = scratch + k * stride;

        for (size_t i = 0; i <= k; i++)
            subtract(out + i * stride, row, -row[i], i, k + 1);
    }
}
