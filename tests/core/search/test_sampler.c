#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/keyset.h"
#include "core/search/permute.h"
#include "core/search/points.h"
#include "core/search/sampler.h"
#include "tests/core/search/fixture.h"

static struct sampler *start(const char *name, const struct space *s, uint64_t seed, bool shuffle)
{
    struct sampler_settings settings = {.seed = seed, .shuffle = shuffle};
    struct sampler *sampler;
    struct error e;

    if (sampler_create(sampler_find(name), s, &settings, &sampler, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return sampler;
}

static const struct value layers[] = {INT(1), INT(2)};
static const struct value widths[] = {INT(32), INT(64), INT(128)};
static const struct value words[] = {TEXT("relu"), TEXT("tanh")};

/* The example of API.md. */
static struct space *digits(void)
{
    static const struct value epochs[] = {INT(30)};
    struct dimension d[] = {
        choice("layers", layers, 2),
        choice("width", widths, 3),
        choice("activation", words, 2),
        {.name = "learning_rate",
         .kind = SPACE_RANGE,
         .log = true,
         .min = 1e-4,
         .max = 1e-1,
         .points = 4},
        {.name = "epochs", .kind = SPACE_FIXED, .n_values = 1, .values = epochs},
    };

    return make(d, 5);
}

static void a_grid_goes_in_declared_order_with_the_last_key_fastest(void **state)
{
    struct space *s = digits();
    struct sampler *g = start("grid", s, 7, false);
    struct arena *a = make_arena();
    struct params p;

    (void)state;
    assert_string_equal(next(g, a, &p), "{\"layers\": 1, \"width\": 32, \"activation\": \"relu\", "
                                        "\"learning_rate\": 0.0001, \"epochs\": 30}");
    assert_string_equal(next(g, a, &p), "{\"layers\": 1, \"width\": 32, \"activation\": \"relu\", "
                                        "\"learning_rate\": 0.001, \"epochs\": 30}");
    for (int i = 3; i < 48; i++)
        assert_string_not_equal(next(g, a, &p), "");
    assert_string_equal(next(g, a, &p), "{\"layers\": 2, \"width\": 128, \"activation\": \"tanh\", "
                                        "\"learning_rate\": 0.1, \"epochs\": 30}");
    assert_string_equal(next(g, a, &p), "");
    sampler_destroy(g);
    space_destroy(s);
    arena_destroy(a);
}

static void points_that_differ_only_in_unused_dimensions_are_one_trial(void **state)
{
    static const struct value few[] = {INT(8), INT(16)};
    struct dimension d[] = {choice("layers", layers, 2), choice("width_1", few, 2),
                            choice("width_2", few, 2)};
    const char *expected[] = {"{\"layers\": 1, \"width_1\": 8}",
                              "{\"layers\": 1, \"width_1\": 16}",
                              "{\"layers\": 2, \"width_1\": 8, \"width_2\": 8}",
                              "{\"layers\": 2, \"width_1\": 8, \"width_2\": 16}",
                              "{\"layers\": 2, \"width_1\": 16, \"width_2\": 8}",
                              "{\"layers\": 2, \"width_1\": 16, \"width_2\": 16}",
                              ""};
    struct arena *a = make_arena();
    struct sampler *g;
    struct params p;
    struct space *s;

    (void)state;
    for (size_t k = 1; k <= 2; k++)
        d[k].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 0, .least = (int64_t)k};
    s = make(d, 3);
    g = start("grid", s, 1, false);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(next(g, a, &p), expected[i]);
    sampler_destroy(g);
    space_destroy(s);
    arena_destroy(a);
}

/* A parent that stands last: the first of the equal points is kept, in its place. */
static void of_equal_points_the_first_is_kept(void **state)
{
    static const struct value momenta[] = {INT(0), INT(9)};
    static const struct value optimizers[] = {TEXT("adam"), TEXT("sgd")};
    struct dimension d[] = {choice("momentum", momenta, 2), choice("optimizer", optimizers, 2)};
    const char *expected[] = {"{\"optimizer\": \"adam\"}",
                              "{\"momentum\": 0, \"optimizer\": \"sgd\"}",
                              "{\"momentum\": 9, \"optimizer\": \"sgd\"}", ""};
    struct arena *a = make_arena();
    struct sampler *g;
    struct params p;
    struct space *s;

    (void)state;
    d[0].gate =
        (struct gate){.kind = GATE_ONE_OF, .parent = 1, .n_values = 1, .values = &optimizers[1]};
    s = make(d, 2);
    g = start("grid", s, 1, false);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(next(g, a, &p), expected[i]);
    sampler_destroy(g);
    space_destroy(s);
    arena_destroy(a);
}

static void a_grid_of_1e12_points_is_counted_and_addressed_at_once(void **state)
{
    struct dimension d[4];
    struct arena *a = make_arena();
    struct points *points;
    struct params p;
    struct space *s;
    struct error e;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        d[i] = (struct dimension){.name = (const char *[]){"a", "b", "c", "d"}[i],
                                  .kind = SPACE_RANGE,
                                  .integer = true,
                                  .min = 0,
                                  .max = 999};
    s = make(d, 4);
    assert_int_equal(points_create(s, SPACE_GRID, &points, &e), ERR_OK);
    assert_int_equal(points_count(points), 1000000000000);
    assert_int_equal(points_at(points, 123456789012, a, &p, &e), ERR_OK);
    assert_int_equal(p.items[0].value.integer, 123);
    assert_int_equal(p.items[1].value.integer, 456);
    assert_int_equal(p.items[2].value.integer, 789);
    assert_int_equal(p.items[3].value.integer, 12);
    points_destroy(points);
    space_destroy(s);
    arena_destroy(a);
}

static void a_grid_of_reals_without_levels_is_refused_by_name(void **state)
{
    struct dimension d[] = {choice("layers", layers, 2),
                            {.name = "learning_rate", .kind = SPACE_RANGE, .min = 0, .max = 1}};
    struct sampler_settings settings = {.seed = 1};
    struct space *s = make(d, 2);
    struct sampler *g = NULL;
    struct error e;

    (void)state;
    assert_int_equal(sampler_create(sampler_find("grid"), s, &settings, &g, &e), ERR_INVALID);
    assert_string_equal(e.field, "learning_rate");
    space_destroy(s);
}

static void a_mixed_grid_has_the_same_points_in_an_order_by_seed(void **state)
{
    struct space *s = digits();
    struct sampler *plain = start("grid", s, 7, false);
    struct sampler *mixed = start("grid", s, 7, true), *again = start("grid", s, 7, true);
    struct sampler *other = start("grid", s, 8, true);
    struct arena *a = make_arena();
    struct keyset seen = {0};
    size_t same_place = 0, same_as_other = 0;
    struct params p;
    struct error e;

    (void)state;
    for (int i = 0; i < 48; i++) {
        const char *one = next(mixed, a, &p);

        assert_int_equal(space_check(s, &p, &e), ERR_OK);
        assert_int_equal(keyset_add(&seen, one, &e), ERR_OK);
        assert_string_equal(one, next(again, a, &p));
        same_place += strcmp(one, next(plain, a, &p)) == 0;
        same_as_other += strcmp(one, next(other, a, &p)) == 0;
    }
    assert_int_equal(seen.n, 48);
    assert_string_equal(next(mixed, a, &p), "");
    assert_in_range(same_place, 0, 8);
    assert_in_range(same_as_other, 0, 8);
    keyset_finish(&seen);
    sampler_destroy(plain);
    sampler_destroy(mixed);
    sampler_destroy(again);
    sampler_destroy(other);
    space_destroy(s);
    arena_destroy(a);
}

static void a_permutation_reaches_every_place_once(void **state)
{
    const uint64_t sizes[] = {1, 2, 3, 5, 16, 17, 100, 1000, 4097};

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        uint64_t n = sizes[k];
        bool *hit = calloc(n, sizeof *hit);

        for (uint64_t i = 0; i < n; i++) {
            uint64_t j = permute_index(3, n, i);

            assert_true(j < n);
            assert_false(hit[j]);
            hit[j] = true;
        }
        free(hit);
    }
    assert_true(permute_index(3, UINT64_C(1) << 62, 0) < UINT64_C(1) << 62);
}

static void cma_es_says_which_dimensions_it_cannot_search(void **state)
{
    static const struct value optimizers[] = {TEXT("adam"), TEXT("sgd")};
    struct dimension d[] = {choice("optimizer", optimizers, 2),
                            {.name = "momentum", .kind = SPACE_RANGE, .min = 0, .max = 0.9},
                            {.name = "l2", .kind = SPACE_RANGE, .min = 0, .max = 1}};
    struct sampler_settings settings = {.seed = 1};
    struct space *s;
    struct sampler *sampler = NULL;
    struct error e;

    (void)state;
    d[1].gate =
        (struct gate){.kind = GATE_ONE_OF, .parent = 0, .n_values = 1, .values = &optimizers[1]};
    s = make(d, 3);
    assert_int_equal(sampler_create(sampler_find("cma_es"), s, &settings, &sampler, &e),
                     ERR_INVALID);
    assert_string_equal(e.message,
                        "sampler \"cma_es\" searches numbers that every trial uses, but 2 of the 3 "
                        "dimensions searched are not such: optimizer (a category), momentum "
                        "(conditional); sampler \"tpe\" is made for these");
    space_destroy(s);
}

static void a_gate_that_no_value_closes_makes_nothing_conditional(void **state)
{
    static const struct value optimizers[] = {TEXT("adam"), TEXT("sgd")};
    struct dimension d[] = {choice("optimizer", optimizers, 2),
                            {.name = "rate", .kind = SPACE_RANGE, .min = 0, .max = 0.9},
                            {.name = "l2", .kind = SPACE_RANGE, .min = 0, .max = 1}};
    struct sampler_settings settings = {.seed = 1};
    struct space *s;
    struct sampler *sampler;

    (void)state;
    d[1].gate =
        (struct gate){.kind = GATE_ONE_OF, .parent = 0, .n_values = 2, .values = optimizers};
    s = make(d, 3);
    sampler = try_start(sampler_find("cma_es"), s, &settings);
    assert_non_null(sampler);
    sampler_destroy(sampler);
    space_destroy(s);
}

static void cma_es_needs_whole_generations(void **state)
{
    struct dimension d[] = {{.name = "a", .kind = SPACE_RANGE, .min = 0, .max = 1},
                            {.name = "b", .kind = SPACE_RANGE, .min = 0, .max = 1}};
    struct sampler_settings settings = {.seed = 1, .concurrency = 100};
    struct space *s = make(d, 2);
    struct sampler *sampler = try_start(sampler_find("cma_es"), s, &settings);

    (void)state;
    assert_int_equal(sampler_needs(sampler, 6), 0); /* 4 + floor(3 ln 2) in a generation */
    assert_int_equal(sampler_needs(sampler, 7), 6);
    assert_int_equal(sampler_needs(sampler, 12), 6);
    assert_int_equal(sampler_needs(sampler, 13), 12);
    sampler_destroy(sampler);
    space_destroy(s);
}

static void conditional_children_of_an_infinite_space_do_not_repeat_the_finite_part(void **state)
{
    static const struct value optimizers[] = {TEXT("adam"), TEXT("sgd")};
    struct dimension d[] = {choice("optimizer", optimizers, 2),
                            {.name = "momentum", .kind = SPACE_RANGE, .min = 0, .max = 0.9}};
    struct arena *a = make_arena();
    struct sampler *sampler;
    struct space *s;
    struct params p;
    size_t adam = 0;

    (void)state;
    d[1].gate =
        (struct gate){.kind = GATE_ONE_OF, .parent = 0, .n_values = 1, .values = &optimizers[1]};
    s = make(d, 2);
    sampler = start("random", s, 1, false);
    for (int t = 0; t < 50; t++) {
        assert_string_not_equal(next(sampler, a, &p), "");
        adam += p.n == 1;
    }
    assert_int_equal(adam, 1);
    sampler_destroy(sampler);
    space_destroy(s);
    arena_destroy(a);
}

/* The numbers are part of every stored search: they never change. */
static void the_first_random_proposals_are_fixed_for_all_time(void **state)
{
    struct space *s = digits();
    struct sampler *sampler = start("random", s, 7, false);
    struct arena *a = make_arena();
    struct params p;

    (void)state;
    assert_string_equal(next(sampler, a, &p),
                        "{\"layers\": 2, \"width\": 128, \"activation\": \"tanh\", "
                        "\"learning_rate\": 0.00616226481145, \"epochs\": 30}");
    assert_string_equal(next(sampler, a, &p),
                        "{\"layers\": 1, \"width\": 32, \"activation\": \"tanh\", "
                        "\"learning_rate\": 0.003463915582, \"epochs\": 30}");
    sampler_destroy(sampler);
    sampler = start("grid", s, 7, true);
    assert_string_equal(next(sampler, a, &p),
                        "{\"layers\": 1, \"width\": 32, \"activation\": \"tanh\", "
                        "\"learning_rate\": 0.001, \"epochs\": 30}");
    sampler_destroy(sampler);
    space_destroy(s);
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_goes_in_declared_order_with_the_last_key_fastest),
        cmocka_unit_test(points_that_differ_only_in_unused_dimensions_are_one_trial),
        cmocka_unit_test(of_equal_points_the_first_is_kept),
        cmocka_unit_test(a_grid_of_1e12_points_is_counted_and_addressed_at_once),
        cmocka_unit_test(a_grid_of_reals_without_levels_is_refused_by_name),
        cmocka_unit_test(a_mixed_grid_has_the_same_points_in_an_order_by_seed),
        cmocka_unit_test(a_permutation_reaches_every_place_once),
        cmocka_unit_test(cma_es_says_which_dimensions_it_cannot_search),
        cmocka_unit_test(a_gate_that_no_value_closes_makes_nothing_conditional),
        cmocka_unit_test(cma_es_needs_whole_generations),
        cmocka_unit_test(conditional_children_of_an_infinite_space_do_not_repeat_the_finite_part),
        cmocka_unit_test(the_first_random_proposals_are_fixed_for_all_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
