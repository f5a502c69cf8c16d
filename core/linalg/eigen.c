#include "core/linalg/eigen.h"

#include <float.h>
#include <math.h>

enum { SWEEPS_MAX = 60 }; /* convergence is quadratic: ten are many */

/* The rotation that makes a[p][q] zero. */
static void angle(double pp, double qq, double pq, double *c, double *s)
{
    double tau = (qq - pp) / (2.0 * pq), t;

    t = tau >= 0.0 ? 1.0 / (tau + sqrt(1.0 + tau * tau)) : -1.0 / (-tau + sqrt(1.0 + tau * tau));
    *c = 1.0 / sqrt(1.0 + t * t);
    *s = t * *c;
}

static void rotate(double *x, double *y, double c, double s)
{
    double was = *x;

    *x = c * was - s * *y;
    *y = s * was + c * *y;
}

static void rotate_all(size_t n, double *a, double *vectors, size_t p, size_t q)
{
    double c, s;

    angle(a[p * n + p], a[q * n + q], a[p * n + q], &c, &s);
    for (size_t k = 0; k < n; k++)
        rotate(&a[k * n + p], &a[k * n + q], c, s);
    for (size_t k = 0; k < n; k++)
        rotate(&a[p * n + k], &a[q * n + k], c, s);
    for (size_t k = 0; k < n; k++)
        rotate(&vectors[p * n + k], &vectors[q * n + k], c, s);
    a[p * n + q] = a[q * n + p] = 0.0;
}

/* Whether an element is nothing beside its diagonal's. */
static int is_small(const double *a, size_t n, size_t p, size_t q)
{
    double x = a[p * n + q];

    return x == 0.0 || fabs(x) <= 0.01 * DBL_EPSILON * sqrt(fabs(a[p * n + p] * a[q * n + q]));
}

void eigen_symmetric(size_t n, double *a, double *values, double *vectors)
{
    size_t n_rotated = 1;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            vectors[i * n + j] = i == j ? 1.0 : 0.0;
    for (int sweep = 0; sweep < SWEEPS_MAX && n_rotated > 0; sweep++) {
        n_rotated = 0;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++)
                if (!is_small(a, n, p, q)) {
                    rotate_all(n, a, vectors, p, q);
                    n_rotated++;
                }
    }
    for (size_t i = 0; i < n; i++)
        values[i] = a[i * n + i];
}
