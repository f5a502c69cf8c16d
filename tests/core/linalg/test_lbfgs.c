/* L-BFGS on functions whose minima are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "core/linalg/lbfgs.h"

enum { MOST = 8 };

struct problem {
    double (*f)(const double *x, double *g);
    int evaluations, left; /* left: evaluations that are wanted */
    bool was_not_finite;
    double last[MOST];
    size_t n;
};

static double memory[(5 + 2 * LBFGS_MEMORY) * MOST];

static bool evaluate(void *ctx, const double *x, double *loss, double *g)
{
    struct problem *p = ctx;

    if (p->left-- == 0)
        return false;
    *loss = p->f(x, g);
    p->evaluations++;
    p->was_not_finite |= !isfinite(*loss);
    for (size_t i = 0; i < p->n; i++)
        p->last[i] = x[i];
    return true;
}

static struct problem start(struct lbfgs *o, size_t n, double (*f)(const double *, double *),
                            const double *x)
{
    assert_true(n <= MOST && lbfgs_doubles(n) <= sizeof memory / sizeof memory[0]);
    lbfgs_start(o, n, memory);
    for (size_t i = 0; i < n; i++)
        o->x[i] = x[i];
    return (struct problem){.f = f, .left = 1000, .n = n};
}

/* Minimum 0 at (1, 1). */
static double rosenbrock(const double *x, double *g)
{
    double a = 1.0 - x[0], b = x[1] - x[0] * x[0];

    g[0] = -2.0 * a - 400.0 * x[0] * b;
    g[1] = 200.0 * b;
    return a * a + 100.0 * b * b;
}

static double slope(const double *g, const double *d)
{
    return g[0] * d[0] + g[1] * d[1];
}

static void rosenbrocks_valley_is_walked_by_steps_that_are_strong_wolfe(void **state)
{
    struct lbfgs o;
    struct problem p = start(&o, 2, rosenbrock, (double[]){-1.2, 1.0});
    int iterations = 0;

    (void)state;
    for (; iterations < 60 && fmax(fabs(o.x[0] - 1.0), fabs(o.x[1] - 1.0)) > 1e-8; iterations++) {
        double from[2] = {o.x[0], o.x[1]}, g[2], before = rosenbrock(from, g), was, is, after;

        assert_true(lbfgs_iterate(&o, false, evaluate, &p));
        was = slope(g, o.d);
        after = rosenbrock(o.x, g);
        is = slope(g, o.d);
        assert_true(o.step > 0.0 && o.loss == after);
        assert_true(p.last[0] == o.x[0] && p.last[1] == o.x[1]);
        assert_true(after <= before + 1e-4 * o.step * was);
        assert_true(fabs(is) <= 0.9 * fabs(was));
    }
    print_message("%d iterations, %d evaluations\n", iterations, p.evaluations);
    assert_true(iterations < 60);
}

/* Minimum at 1, 1/2, ... 1/8, curvatures from 1 to 128. */
static double bowl(const double *x, double *g)
{
    double sum = 0.0;

    for (int i = 0; i < MOST; i++) {
        double away = x[i] - 1.0 / (i + 1), curvature = (double)(1 << i);

        g[i] = curvature * away;
        sum += 0.5 * curvature * away * away;
    }
    return sum;
}

static void a_quadratic_ends_at_its_minimum_and_then_rests(void **state)
{
    struct lbfgs o;
    struct problem p = start(&o, MOST, bowl, (double[MOST]){0.0});
    int evaluations;

    (void)state;
    for (int i = 0; i < 60; i++)
        assert_true(lbfgs_iterate(&o, false, evaluate, &p));
    for (int i = 0; i < MOST; i++)
        assert_true(fabs(o.x[i] - 1.0 / (i + 1)) < 1e-8);
    assert_true(o.step == 0.0 && o.stalled);
    evaluations = p.evaluations;
    assert_true(lbfgs_iterate(&o, false, evaluate, &p));
    assert_int_equal(p.evaluations, evaluations);
    assert_true(lbfgs_iterate(&o, true, evaluate, &p)); /* another function, for all it knows */
    assert_true(p.evaluations > evaluations);
}

/* (x^2 + 3 y^2) / 2 */
static double ellipse(const double *x, double *g)
{
    g[0] = x[0];
    g[1] = 3.0 * x[1];
    return 0.5 * (x[0] * x[0] + 3.0 * x[1] * x[1]);
}

/* From (1, 1): g = (1, 3), so t = 1/4 leads to (3/4, 1/4) with g = (3/4, 3/4). s = (-1, -3) / 4,
 * y = (-1, -9) / 4, s y = 7/4, y y = 41/8, and the two loops give H g = (98.25, 84.75) / 287. */
static void the_first_two_iterations_are_those_by_hand(void **state)
{
    struct lbfgs o;
    struct problem p = start(&o, 2, ellipse, (double[]){1.0, 1.0});

    (void)state;
    assert_true(lbfgs_iterate(&o, false, evaluate, &p));
    assert_true(o.step == 0.25 && o.x[0] == 0.75 && o.x[1] == 0.25 && o.loss == 0.375);
    assert_true(lbfgs_iterate(&o, false, evaluate, &p));
    assert_true(o.step == 1.0);
    assert_true(fabs(o.x[0] - (0.75 - 98.25 / 287.0)) < 1e-15);
    assert_true(fabs(o.x[1] - (0.25 - 84.75 / 287.0)) < 1e-15);
    assert_int_equal(p.evaluations, 3);
}

/* Minimum at 0.01; nothing at 0 and below. */
static double barrier(const double *x, double *g)
{
    g[0] = 100.0 - 1.0 / x[0];
    return x[0] > 0.0 ? 100.0 * x[0] - log(x[0]) : (double)NAN;
}

static void a_step_to_where_the_function_is_not_finite_is_shortened(void **state)
{
    struct lbfgs o;
    struct problem p = start(&o, 1, barrier, (double[]){2.0});

    (void)state;
    for (int i = 0; i < 40; i++)
        assert_true(lbfgs_iterate(&o, false, evaluate, &p) && isfinite(o.loss));
    assert_true(p.was_not_finite);
    assert_true(fabs(o.x[0] - 0.01) < 1e-8);
}

static void a_start_that_is_not_finite_moves_nothing(void **state)
{
    struct lbfgs o;
    struct problem p = start(&o, 1, barrier, (double[]){-1.0});

    (void)state;
    assert_true(lbfgs_iterate(&o, false, evaluate, &p));
    assert_true(isnan(o.loss) && o.x[0] == -1.0 && o.step == 0.0);
}

/* A valley of condition 1e3 above a floor that is known to five digits only. */
static double rough(const double *x, double *g)
{
    double exact = 1.0;

    for (size_t i = 0; i < 4; i++) {
        double stiffness = pow(10.0, -(double)i);

        g[i] = 2.0 * stiffness * x[i];
        exact += stiffness * x[i] * x[i];
    }
    return exact + 1e-5 * sin(1e9 * (x[0] + x[1] + x[2] + x[3]));
}

static void a_loss_that_is_rounded_does_not_end_it(void **state)
{
    static const double x[] = {0.3, -0.4, 0.5, 0.6};
    struct lbfgs o;
    struct problem p = start(&o, 4, rough, x);

    (void)state;
    for (int i = 0; i < 40; i++)
        assert_true(lbfgs_iterate(&o, false, evaluate, &p));
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(o.x[i]) < 1e-4);
}

static void an_evaluation_that_is_not_wanted_ends_it(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 3; wanted++) {
        struct lbfgs o;
        struct problem p = start(&o, 2, rosenbrock, (double[]){-1.2, 1.0});

        p.left = wanted;
        while (lbfgs_iterate(&o, false, evaluate, &p))
            assert_true(p.evaluations <= wanted);
        assert_int_equal(p.evaluations, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rosenbrocks_valley_is_walked_by_steps_that_are_strong_wolfe),
        cmocka_unit_test(a_quadratic_ends_at_its_minimum_and_then_rests),
        cmocka_unit_test(the_first_two_iterations_are_those_by_hand),
        cmocka_unit_test(a_step_to_where_the_function_is_not_finite_is_shortened),
        cmocka_unit_test(a_start_that_is_not_finite_moves_nothing),
        cmocka_unit_test(a_loss_that_is_rounded_does_not_end_it),
        cmocka_unit_test(an_evaluation_that_is_not_wanted_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
