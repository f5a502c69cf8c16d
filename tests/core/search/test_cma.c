#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "core/search/cma_model.h"

enum { DIMENSIONS = 6, SAMPLES = 1200 };

static const struct {
    size_t d, steps[DIMENSIONS], generations;
    double samples[SAMPLES], mean[DIMENSIONS], sigma, c[DIMENSIONS * DIMENSIONS];
    double p_sigma[DIMENSIONS], p_c[DIMENSIONS], scale[DIMENSIONS];
} cases[] = {
#include "tests/core/search/cma_cases.inc"
};

static double limit_of(const void *ctx, size_t i, size_t k)
{
    const size_t *n = ctx;

    return (double)(k + 1) / (double)n[i];
}

static void start(size_t d, const size_t *n_steps, struct arena *a, struct cma *out)
{
    struct cma_steps steps = {.n = n_steps, .limit = limit_of, .ctx = n_steps};
    double mean[DIMENSIONS];
    struct error e;

    for (size_t i = 0; i < d; i++)
        mean[i] = 0.5;
    assert_int_equal(cma_create(d, mean, 1.0 / 6.0, &steps, a, out, &e), ERR_OK);
}

static void assert_near(const char *what, size_t c, size_t n, const double *a, const double *b)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= 1e-9 * fmax(1.0, fabs(b[i]))))
            fail_msg("case %zu: %s %zu is %.17g, expected %.17g", c, what, i, a[i], b[i]);
}

static void states_after_given_samples_are_those_of_the_package(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const double *x[32], *sample = cases[c].samples;
        size_t d = cases[c].d;
        struct arena *a;
        struct error e;
        struct cma m;

        assert_int_equal(arena_create(4096, &a, &e), ERR_OK);
        start(d, cases[c].steps, a, &m);
        for (size_t g = 0; g < cases[c].generations; g++) {
            for (size_t k = 0; k < m.population; k++, sample += d)
                x[k] = sample;
            cma_update(&m, x);
        }
        assert_near("mean", c, d, m.mean, cases[c].mean);
        assert_near("sigma", c, 1, &m.sigma, &cases[c].sigma);
        assert_near("C", c, d * d, m.c, cases[c].c);
        assert_near("p_sigma", c, d, m.p_sigma, cases[c].p_sigma);
        assert_near("p_c", c, d, m.p_c, cases[c].p_c);
        assert_near("scale", c, d, m.scale, cases[c].scale);
        arena_destroy(a);
    }
}

/* Ten draws in a thousand lie beyond three of their standard errors if all is well. */
static void draws_have_the_mean_and_the_covariance(void **state)
{
    enum { N = 20000 };
    static const size_t steps[3] = {0, 0, 0};
    double sum[3] = {0}, squares[9] = {0}, x[3];
    struct arena *a;
    struct error e;
    struct cma m;
    struct rng r;

    (void)state;
    assert_int_equal(arena_create(4096, &a, &e), ERR_OK);
    start(3, steps, a, &m);
    for (uint32_t g = 0; g < 5; g++) {
        const double *x_of[8];
        double points[8][3];

        rng_init(&r, g, 0, 0, RNG_TEST, 1);
        for (size_t k = 0; k < m.population; k++) {
            cma_draw(&m, &r, points[k]);
            x_of[k] = points[k];
        }
        cma_update(&m, x_of);
    }
    rng_init(&r, 9, 0, 0, RNG_TEST, 1);
    for (size_t k = 0; k < N; k++) {
        cma_draw(&m, &r, x);
        for (size_t i = 0; i < 3; i++) {
            x[i] = (x[i] - m.mean[i]) / m.sigma;
            sum[i] += x[i];
        }
        for (size_t i = 0; i < 9; i++)
            squares[i] += x[i / 3] * x[i % 3];
    }
    for (size_t i = 0; i < 9; i++)
        assert_true(fabs(squares[i] / N - m.c[i]) <
                    5 * sqrt(2.0 / N * m.c[i / 3 * 4] * m.c[i % 3 * 4]));
    for (size_t i = 0; i < 3; i++)
        assert_true(fabs(sum[i] / N) < 5 * sqrt(m.c[i * 4] / N));
    arena_destroy(a);
}

static void every_step_keeps_its_chance(void **state)
{
    static const size_t steps[2] = {5, 0};
    size_t hits[5] = {0};
    struct arena *a;
    struct error e;
    struct cma m;
    struct rng r;

    (void)state;
    assert_int_equal(arena_create(4096, &a, &e), ERR_OK);
    start(2, steps, a, &m);
    rng_init(&r, 4, 0, 0, RNG_TEST, 1);
    for (int g = 0; g < 30; g++) { /* each point of a generation the same: it shrinks to it */
        const double *x[6];
        double same[2] = {0.5, 0.5};

        for (size_t k = 0; k < m.population; k++)
            x[k] = same;
        cma_update(&m, x);
    }
    for (int k = 0; k < 20000; k++) {
        double x[2];

        cma_draw(&m, &r, x);
        hits[cma_step(&m, 0, x[0])]++;
    }
    assert_in_range(hits[2], 17000, 20000);
    assert_in_range(hits[1] + hits[3], 20000 / 12 * 8 / 10, 20000); /* a margin of 1/12 */
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_after_given_samples_are_those_of_the_package),
        cmocka_unit_test(draws_have_the_mean_and_the_covariance),
        cmocka_unit_test(every_step_keeps_its_chance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
