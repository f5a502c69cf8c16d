#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/linalg/cholesky.h"
#include "core/linalg/eigen.h"

/* Random numbers times their transpose, and a little more on the diagonal; rows of `stride`. */
static double *positive(size_t n, size_t stride, uint32_t seed)
{
    double *a = mem_calloc(n * stride, sizeof *a), *b = mem_calloc(n * n, sizeof *b);
    struct rng r;

    rng_init(&r, seed, 0, 0, RNG_TEST, 1);
    for (size_t i = 0; i < n * n; i++)
        b[i] = rng_normal(&r);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            a[i * stride + j] = i == j ? 0.1 : 0.0;
            for (size_t k = 0; k < n; k++)
                a[i * stride + j] += b[i * n + k] * b[j * n + k];
        }
    free(b);
    return a;
}

static const size_t sizes[] = {1, 2, 3, 4, 5, 8, 13, 40};

static void a_factor_times_its_transpose_is_the_matrix(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        size_t n = sizes[c], stride = cholesky_stride(n);
        double *a = positive(n, stride, c), *l = positive(n, stride, c);

        assert_true(cholesky_factor(n, l));
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0;

                for (size_t k = 0; k < n; k++)
                    sum += l[i * stride + k] * l[j * stride + k];
                assert_true(fabs(sum - a[i * stride + j]) < 1e-12 * (double)n);
                assert_true(j <= i || l[i * stride + j] == 0.0);
            }
        free(a);
        free(l);
    }
}

static void what_is_solved_is_the_right_side_again(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        size_t n = sizes[c], stride = cholesky_stride(n);
        double *a = positive(n, stride, c), *l = positive(n, stride, c);
        double *x = mem_calloc(n, sizeof *x), (*lanes)[8] = mem_calloc(n, sizeof *lanes);

        assert_true(cholesky_factor(n, l));
        for (size_t i = 0; i < n; i++) {
            x[i] = (double)(i % 5) - 1.5;
            for (size_t k = 0; k < 8; k++)
                lanes[i][k] = k == 6 ? x[i] : (double)k;
        }
        cholesky_solve(n, l, x);
        cholesky_solve_lanes(n, l, lanes);
        for (size_t i = 0; i < n; i++)
            assert_true(lanes[i][6] == x[i]); /* the same chain */
        cholesky_solve_transposed(n, l, x);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;

            for (size_t k = 0; k < n; k++)
                sum += a[i * stride + k] * x[k];
            assert_true(fabs(sum - ((double)(i % 5) - 1.5)) < 1e-8);
        }
        free(a);
        free(l);
        free(x);
        free(lanes);
    }
}

static void an_inverse_times_the_matrix_is_one(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        size_t n = sizes[c], stride = cholesky_stride(n);
        double *a = positive(n, stride, c), *l = positive(n, stride, c);
        double *scratch = mem_calloc(n * stride, sizeof *scratch);
        double *inverse = mem_calloc(n * stride, sizeof *inverse);

        assert_true(cholesky_factor(n, l));
        cholesky_inverse(n, l, scratch, inverse);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0;

                for (size_t k = 0; k < n; k++)
                    sum += a[i * stride + k] *
                           (k <= j ? inverse[k * stride + j] : inverse[j * stride + k]);
                assert_true(fabs(sum - (i == j ? 1.0 : 0.0)) < 1e-9);
            }
        free(a);
        free(l);
        free(scratch);
        free(inverse);
    }
}

static void a_matrix_that_is_not_positive_has_no_factor(void **state)
{
    double zero[4] = {0, 0, 0, 0}, nan[4] = {(double)NAN, 0, 0, 0};
    double negative[8] = {1, 2, 0, 0, 2, 1, 0, 0};

    (void)state;
    assert_false(cholesky_factor(1, zero));
    assert_false(cholesky_factor(1, nan));
    assert_false(cholesky_factor(2, negative));
}

static void eigenvectors_are_orthonormal_and_give_the_matrix_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
        size_t n = sizes[c];
        double *a = positive(n, n, c), *copy = positive(n, n, c);
        double *values = mem_calloc(n, sizeof *values), *v = mem_calloc(n * n, sizeof *v);

        eigen_symmetric(n, copy, values, v);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double product = 0, back = 0;

                for (size_t k = 0; k < n; k++) {
                    product += v[i * n + k] * v[j * n + k];
                    back += values[k] * v[k * n + i] * v[k * n + j];
                }
                assert_true(fabs(product - (i == j ? 1.0 : 0.0)) < 1e-13);
                assert_true(fabs(back - a[i * n + j]) < 1e-13 * 100 * (double)n);
            }
        free(a);
        free(copy);
        free(values);
        free(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_factor_times_its_transpose_is_the_matrix),
        cmocka_unit_test(what_is_solved_is_the_right_side_again),
        cmocka_unit_test(an_inverse_times_the_matrix_is_one),
        cmocka_unit_test(a_matrix_that_is_not_positive_has_no_factor),
        cmocka_unit_test(eigenvectors_are_orthonormal_and_give_the_matrix_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
