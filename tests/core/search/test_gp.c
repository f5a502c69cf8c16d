#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "core/base/fmath.h"
#include "core/base/rng.h"
#include "core/search/gp_model.h"

enum { POINTS = 45, DIMENSIONS = 6, LOOKS = 5 };

static const struct {
    size_t n, reals, categories;
    double scale, noise, weights[DIMENSIONS];
    double x[POINTS * DIMENSIONS], y[POINTS], looks[LOOKS * DIMENSIONS];
    double mean[LOOKS], variance[LOOKS], ei[LOOKS];
    double loss, gradient[DIMENSIONS + 2], fitted;
} cases[] = {
#include "tests/core/search/gp_cases.inc"
};

enum { CASES = sizeof cases / sizeof *cases };

static struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 16, &a, &e), ERR_OK);
    return a;
}

static struct gp_data data_of(size_t c, bool *category)
{
    size_t d = cases[c].reals + cases[c].categories;

    for (size_t i = 0; i < d; i++)
        category[i] = i >= cases[c].reals;
    return (struct gp_data){
        .n = cases[c].n, .d = d, .category = category, .x = cases[c].x, .y = cases[c].y};
}

static struct gp_kernel kernel_of(size_t c, double *weights)
{
    for (size_t i = 0; i < DIMENSIONS; i++)
        weights[i] = cases[c].weights[i];
    return (struct gp_kernel){weights, cases[c].scale, cases[c].noise};
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fmax(1.0, fabs(b))))
        fail_msg("%.17g, expected %.17g", a, b);
}

static void the_posterior_and_log_ei_are_optunas(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        double weights[DIMENSIONS], mean[LOOKS], variance[LOOKS], best = -(double)INFINITY;
        bool category[DIMENSIONS];
        struct gp_data data = data_of(c, category);
        struct gp_kernel kernel = kernel_of(c, weights);
        struct arena *a = make_arena();
        struct error e;
        struct gp g;

        assert_int_equal(gp_create(&data, &kernel, a, &g, &e), ERR_OK);
        gp_posterior(&g, LOOKS, cases[c].looks, mean, variance);
        for (size_t i = 0; i < data.n; i++)
            best = fmax(best, data.y[i]);
        for (size_t i = 0; i < LOOKS; i++) {
            assert_near(mean[i], cases[c].mean[i], 1e-8);
            assert_near(variance[i], cases[c].variance[i], 1e-8);
            assert_near(gp_log_ei(mean[i], variance[i], best), cases[c].ei[i], 1e-8);
        }
        arena_destroy(a);
    }
}

static void the_objective_of_a_fit_and_its_gradient_are_optunas(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        double weights[DIMENSIONS], gradient[DIMENSIONS + 2];
        bool category[DIMENSIONS];
        struct gp_data data = data_of(c, category);
        struct gp_kernel kernel = kernel_of(c, weights);
        struct arena *a = make_arena();
        double *room = arena_alloc(a, gp_room(&data), sizeof *room);

        assert_near(gp_loss(&data, &kernel, gradient, room), cases[c].loss, 1e-8);
        for (size_t i = 0; i < data.d + 2; i++)
            assert_near(gradient[i], cases[c].gradient[i], 1e-8);
        arena_destroy(a);
    }
}

/* Both stop where the gradient is below 0.01: near enough to the same place. */
static void a_fit_ends_no_higher_than_optunas(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        double gradient[DIMENSIONS + 2], loss;
        bool category[DIMENSIONS];
        struct gp_data data = data_of(c, category);
        struct gp_kernel kernel;
        struct arena *a = make_arena();
        double *room = arena_alloc(a, gp_room(&data), sizeof *room);
        struct error e;

        assert_int_equal(gp_fit(&data, a, &kernel, &e), ERR_OK);
        loss = gp_loss(&data, &kernel, gradient, room);
        if (loss > cases[c].fitted + 1e-3)
            fail_msg("case %zu: %.9g, Optuna's %.9g", c, loss, cases[c].fitted);
        arena_destroy(a);
    }
}

static void slopes_are_those_of_finite_differences(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        double weights[DIMENSIONS], by_mean[DIMENSIONS], by_variance[DIMENSIONS], m[2], v[2];
        bool category[DIMENSIONS];
        struct gp_data data = data_of(c, category);
        struct gp_kernel kernel = kernel_of(c, weights);
        struct arena *a = make_arena();
        struct error e;
        struct gp g;

        assert_int_equal(gp_create(&data, &kernel, a, &g, &e), ERR_OK);
        for (size_t i = 0; i < cases[c].reals; i++) {
            double x[2 * DIMENSIONS];

            for (size_t k = 0; k < 2 * data.d; k++)
                x[k] = cases[c].looks[data.d + k % data.d];
            gp_posterior_slope(&g, x, &m[0], &v[0], by_mean, by_variance);
            x[i] -= 1e-5;
            x[data.d + i] += 1e-5;
            gp_posterior(&g, 2, x, m, v);
            assert_near(by_mean[i], (m[1] - m[0]) / 2e-5, 1e-6);
            assert_near(by_variance[i], (v[1] - v[0]) / 2e-5, 1e-6);
        }
        arena_destroy(a);
    }
}

/* Where the terms of log(z Phi(z) + phi(z)) cancel: z^2 h / phi = 1 - 3/z^2 + 15/z^4 - … */
static void log_ei_has_no_seams_and_no_end(void **state)
{
    static const double seams[] = {-1.0, -200.0};
    double before = gp_log_ei(0.0, 1.0, -30.0);

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_near(gp_log_ei(seams[i] * (1.0 + 1e-13), 1.0, 0.0),
                    gp_log_ei(seams[i] * (1.0 - 1e-13), 1.0, 0.0), 1e-12);
    assert_near(before, fmath_log(30.0), 1e-12);
    for (double best = -29.0; best < 1e9; best = best < 300.0 ? best + 0.25 : best * 1.5) {
        double by_mean, by_variance, now = gp_log_ei(0.0, 1.0, best), step = 1e-6;

        assert_true(isfinite(now) && now < before);
        before = now;
        if (best > 1e3)
            continue;
        gp_log_ei_slope(0.0, 1.0, best, &by_mean, &by_variance);
        assert_near(by_mean,
                    (gp_log_ei(step, 1.0, best) - gp_log_ei(-step, 1.0, best)) / (2 * step), 1e-4);
        assert_near(by_variance,
                    (gp_log_ei(0, 1 + step, best) - gp_log_ei(0, 1 - step, best)) / (2 * step),
                    1e-4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_posterior_and_log_ei_are_optunas),
        cmocka_unit_test(the_objective_of_a_fit_and_its_gradient_are_optunas),
        cmocka_unit_test(a_fit_ends_no_higher_than_optunas),
        cmocka_unit_test(slopes_are_those_of_finite_differences),
        cmocka_unit_test(log_ei_has_no_seams_and_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
