#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/search/sobol.h"

static const struct {
    size_t dimension;
    uint32_t bits[64];
} expected[] = {
#include "tests/core/search/sobol_points.inc"
};

static struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 16, &a, &e), ERR_OK);
    return a;
}

static void unscrambled_points_are_scipys(void **state)
{
    struct arena *a = make_arena();
    struct sobol s;
    struct error e;

    (void)state;
    assert_int_equal(sobol_create(SPACE_DIMENSIONS_MAX, a, &s, &e), ERR_OK);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        for (uint32_t k = 0; k < 64; k++)
            assert_int_equal(sobol_bits(&s, expected[i].dimension, k), expected[i].bits[k]);
    arena_destroy(a);
}

/* Of 2^k points in a row from the first on, each of 2^k equal intervals has one, whatever the seed.
 */
static void scrambling_keeps_one_point_in_every_interval(void **state)
{
    static const uint32_t seeds[] = {0, 1, 0x9e3779b9u, UINT32_MAX};
    struct arena *a = make_arena();
    struct sobol s;
    struct error e;

    (void)state;
    assert_int_equal(sobol_create(40, a, &s, &e), ERR_OK);
    for (size_t d = 0; d < 40; d++)
        for (size_t i = 0; i < 4; i++) {
            bool taken[256] = {false};

            for (uint32_t k = 0; k < 256; k++) {
                uint32_t at = sobol_scramble(sobol_bits(&s, d, k), seeds[i]) >> 24;

                assert_false(taken[at]);
                taken[at] = true;
            }
        }
    arena_destroy(a);
}

static void scrambling_depends_on_the_seed(void **state)
{
    size_t same = 0;

    (void)state;
    for (uint32_t k = 0; k < 1000; k++)
        same += sobol_scramble(k << 22, 1) >> 22 == sobol_scramble(k << 22, 2) >> 22;
    assert_true(same < 20);
}

/* 64 points in two dimensions: each of the 8 x 8 squares has one, but for gaps that scrambled
 * dimensions far from each other have; the first two have none. */
static void proposals_fill_the_square_evenly(void **state)
{
    static const struct dimension d[] = {
        {.name = "x", .kind = SPACE_RANGE, .min = 0, .max = 1},
        {.name = "y", .kind = SPACE_RANGE, .min = 1e-4, .max = 1, .log = true},
    };
    struct sampler_settings settings = {.seed = 5};
    struct arena *a = make_arena();
    struct sampler *s;
    struct space *space;
    struct error e;
    bool taken[8][8] = {{false}};

    (void)state;
    assert_int_equal(space_create(d, 2, &space, &e), ERR_OK);
    assert_int_equal(sampler_create(&sobol_sampler, space, &settings, &s, &e), ERR_OK);
    for (int i = 0; i < 64; i++) {
        struct params p;
        bool exhausted;
        int column, row;

        assert_int_equal(sampler_propose(s, a, &p, &exhausted, &e), ERR_OK);
        assert_false(exhausted);
        column = (int)(p.items[0].value.real * 8);
        row = (int)((log10(p.items[1].value.real) + 4) * 2);
        assert_false(taken[column][row]);
        taken[column][row] = true;
    }
    sampler_destroy(s);
    space_destroy(space);
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unscrambled_points_are_scipys),
        cmocka_unit_test(scrambling_keeps_one_point_in_every_interval),
        cmocka_unit_test(scrambling_depends_on_the_seed),
        cmocka_unit_test(proposals_fill_the_square_evenly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
