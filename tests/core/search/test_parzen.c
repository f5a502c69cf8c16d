#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "core/base/fmath.h"
#include "core/search/parzen.h"

enum { POINTS = 6, DIMENSIONS = 4, ROWS = 185 };

struct written {
    double min, max, step;
    bool log;
    size_t choices;
};

static const struct {
    size_t n_dimensions;
    struct written dimensions[DIMENSIONS];
    size_t n_best, n_others;
    double rows[ROWS * DIMENSIONS], points[POINTS * DIMENSIONS], ratios[POINTS];
} cases[] = {
#include "tests/core/search/tpe_cases.inc"
};

static const struct value words[] = {{.kind = VALUE_TEXT, .text = "p"},
                                     {.kind = VALUE_TEXT, .text = "q"},
                                     {.kind = VALUE_TEXT, .text = "r"}};

static const char *const names[DIMENSIONS] = {"a", "b", "c", "d"};

static struct dimension dimension_of(const struct written *w, const char *name)
{
    bool integer = w->step == 1.0;

    if (w->choices > 0)
        return (struct dimension){
            .name = name, .kind = SPACE_CHOICE, .n_values = w->choices, .values = words};
    return (struct dimension){.name = name,
                              .kind = SPACE_RANGE,
                              .integer = integer,
                              .log = w->log,
                              .min = w->min,
                              .max = w->max,
                              .step = integer ? 0 : w->step};
}

static struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 16, &a, &e), ERR_OK);
    return a;
}

static struct parzen *estimate(const struct axes *axes, enum parzen_widths widths, size_t n,
                               const double *rows, struct arena *a)
{
    const double *x[ROWS];
    struct parzen *p;
    struct error e;

    for (size_t i = 0; i < n; i++)
        x[i] = rows + i * axes->n;
    assert_int_equal(parzen_create(axes, widths, n, x, a, &p, &e), ERR_OK);
    return p;
}

static void check_case(size_t c)
{
    struct dimension d[DIMENSIONS];
    struct arena *a = make_arena();
    struct parzen *best, *others;
    size_t n = cases[c].n_dimensions;
    struct space *space;
    struct axes axes;
    struct error e;

    for (size_t i = 0; i < n; i++)
        d[i] = dimension_of(&cases[c].dimensions[i], names[i]);
    assert_int_equal(space_create(d, n, &space, &e), ERR_OK);
    assert_int_equal(axes_create(space, a, &axes, &e), ERR_OK);
    best = estimate(&axes, PARZEN_BY_NEIGHBOURS, cases[c].n_best, cases[c].rows, a);
    others = estimate(&axes, PARZEN_BY_NEIGHBOURS, cases[c].n_others,
                      cases[c].rows + cases[c].n_best * n, a);
    for (size_t i = 0; i < POINTS; i++) {
        const double *x = cases[c].points + i * n;
        double got = parzen_log_density(best, x) - parzen_log_density(others, x);

        if (!(fabs(got - cases[c].ratios[i]) <= 1e-9))
            fail_msg("case %zu, point %zu: %.15g, Optuna %.15g", c, i, got, cases[c].ratios[i]);
    }
    space_destroy(space);
    arena_destroy(a);
}

static void density_ratios_are_optunas(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        check_case(c);
}

/* The densities of all values of a finite axis sum to one on every branch of a conditional space,
 * whether a kernel's point uses the dimension or not. */
static void densities_sum_to_one_on_every_branch(void **state)
{
    static const struct value layers[] = {{.kind = VALUE_INT, .integer = 1},
                                          {.kind = VALUE_INT, .integer = 2}};
    static const double rows[][3] = {
        {0, 4, (double)NAN}, {1, 3, 7}, {1, 1, 2}, {0, 9, (double)NAN}, {1, 8, 8}};
    struct dimension d[] = {
        {.name = "layers", .kind = SPACE_CHOICE, .n_values = 2, .values = layers},
        {.name = "width_1", .kind = SPACE_RANGE, .integer = true, .min = 1, .max = 9, .log = true},
        {.name = "width_2", .kind = SPACE_RANGE, .integer = true, .min = 1, .max = 9},
    };
    struct arena *a = make_arena();
    struct space *space;
    struct parzen *p;
    struct axes axes;
    struct error e;
    double sum = 0;

    (void)state;
    d[2].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 0, .least = 2};
    assert_int_equal(space_create(d, 3, &space, &e), ERR_OK);
    assert_int_equal(axes_create(space, a, &axes, &e), ERR_OK);
    p = estimate(&axes, PARZEN_BY_GRID, 5, rows[0], a);
    for (double first = 1; first <= 9; first++) {
        sum += fmath_exp(parzen_log_density(p, (double[]){0, first, (double)NAN}));
        for (double second = 1; second <= 9; second++)
            sum += fmath_exp(parzen_log_density(p, (double[]){1, first, second}));
    }
    assert_true(fabs(sum - 1) < 1e-12);
    space_destroy(space);
    arena_destroy(a);
}

/* What is drawn has the density that is told: counts of 200,000 draws within five deviations. */
static void draws_have_the_density(void **state)
{
    static const double rows[][2] = {{0, 2}, {2, 3}, {2, 7}, {2, 3}};
    static const int DRAWS = 200000;
    struct dimension d[] = {
        {.name = "word", .kind = SPACE_CHOICE, .n_values = 3, .values = words},
        {.name = "width", .kind = SPACE_RANGE, .integer = true, .min = 1, .max = 9, .log = true},
    };
    struct arena *a = make_arena();
    int counts[3][10] = {{0}};
    struct space *space;
    struct parzen *p;
    struct axes axes;
    struct error e;
    struct rng r;

    (void)state;
    assert_int_equal(space_create(d, 2, &space, &e), ERR_OK);
    assert_int_equal(axes_create(space, a, &axes, &e), ERR_OK);
    p = estimate(&axes, PARZEN_BY_GRID, 4, rows[0], a);
    rng_init(&r, 11, 0, 0, RNG_TEST, 1);
    for (int i = 0; i < DRAWS; i++) {
        double x[2];
        struct value v;

        parzen_draw(p, &r, x);
        v = axes_value(&axes, 1, x[1]);
        counts[(int)x[0]][v.integer]++;
    }
    for (int word = 0; word < 3; word++)
        for (int width = 1; width <= 9; width++) {
            double share = fmath_exp(parzen_log_density(p, (double[]){word, width}));
            double deviation = sqrt(DRAWS * share * (1 - share));

            assert_true(fabs(counts[word][width] - DRAWS * share) < 5 * deviation);
        }
    space_destroy(space);
    arena_destroy(a);
}

static double normal_between(double low, double high)
{
    return 0.5 * (erf(high / sqrt(2)) - erf(low / sqrt(2)));
}

/* The mass of k of 0 … n - 1 under a kernel around mu. */
static double mass_at(double k, double n, double mu, double sigma)
{
    return normal_between((k - 0.5 - mu) / sigma, (k + 0.5 - mu) / sigma) /
           normal_between((-0.5 - mu) / sigma, (n - 0.5 - mu) / sigma);
}

/* Of each of 0 … n_steps - 1, estimated from six times 5. */
static void densities_of_equal_points(double n_steps, enum parzen_widths widths, double *out)
{
    static const double rows[] = {5, 5, 5, 5, 5, 5};
    struct dimension d = {
        .name = "width", .kind = SPACE_RANGE, .integer = true, .max = n_steps - 1};
    struct arena *a = make_arena();
    struct space *space;
    struct parzen *p;
    struct axes axes;
    struct error e;

    assert_int_equal(space_create(&d, 1, &space, &e), ERR_OK);
    assert_int_equal(axes_create(space, a, &axes, &e), ERR_OK);
    p = estimate(&axes, widths, 6, rows, a);
    for (double k = 0; k < n_steps; k++)
        *out++ = fmath_exp(parzen_log_density(p, &k));
    space_destroy(space);
    arena_destroy(a);
}

/* Of ten steps kernels are 0.2 n^(-1/5) of the range wide, whatever the distances; of more, as by
 * neighbours. */
static void on_a_coarse_grid_equal_points_speak_for_those_beside_them(void **state)
{
    const double sigma = 0.2 * 10 * pow(6, -0.2);
    double coarse[10], fine[13], neighbours[13];

    (void)state;
    densities_of_equal_points(10, PARZEN_BY_GRID, coarse);
    for (int k = 0; k < 10; k++) {
        double expected = (6 * mass_at(k, 10, 5, sigma) + mass_at(k, 10, 4.5, 10)) / 7;

        assert_true(fabs(coarse[k] - expected) < 1e-12);
    }
    densities_of_equal_points(13, PARZEN_BY_GRID, fine);
    densities_of_equal_points(13, PARZEN_BY_NEIGHBOURS, neighbours);
    assert_memory_equal(fine, neighbours, sizeof fine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(density_ratios_are_optunas),
        cmocka_unit_test(densities_sum_to_one_on_every_branch),
        cmocka_unit_test(draws_have_the_density),
        cmocka_unit_test(on_a_coarse_grid_equal_points_speak_for_those_beside_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
