#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/search/space.h"

static struct dimension range(const char *name, double min, double max)
{
    return (struct dimension){.name = name, .kind = SPACE_RANGE, .min = min, .max = max};
}

static struct space *make(const struct dimension *d, size_t n)
{
    struct space *s;
    struct error e;

    if (space_create(d, n, &s, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return s;
}

static void levels_of_a_log_range_are_round_numbers(void **state)
{
    struct dimension d = range("learning_rate", 1e-4, 1e-1);
    const double expected[] = {1e-4, 1e-3, 1e-2, 1e-1};
    struct space *s;

    (void)state;
    d.log = true;
    d.points = 4;
    s = make(&d, 1);
    assert_int_equal(space_levels(s, 0, SPACE_GRID), 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(space_level(s, 0, SPACE_GRID, i).real == expected[i]);
    assert_true(space_levels(s, 0, SPACE_DRAW) == SPACE_INFINITE);
    space_destroy(s);
}

static void integer_levels_that_coincide_are_one(void **state)
{
    struct dimension d = range("layers", 1, 3);
    struct space *s;

    (void)state;
    d.integer = true;
    d.points = 10;
    s = make(&d, 1);
    assert_int_equal(space_levels(s, 0, SPACE_GRID), 3);
    assert_int_equal(space_level(s, 0, SPACE_GRID, 0).integer, 1);
    assert_int_equal(space_level(s, 0, SPACE_GRID, 2).integer, 3);
    space_destroy(s);
}

static void steps_include_both_ends_and_read_as_written(void **state)
{
    struct dimension d = range("dropout", 0, 0.4);
    const double expected[] = {0, 0.1, 0.2, 0.3, 0.4};
    struct space *s;

    (void)state;
    d.step = 0.1;
    s = make(&d, 1);
    assert_int_equal(space_levels(s, 0, SPACE_DRAW), 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(space_level(s, 0, SPACE_DRAW, i).real == expected[i]);
    space_destroy(s);
}

static void broken_ranges_are_refused_by_name(void **state)
{
    struct dimension backwards = range("a", 2, 1), log_zero = range("b", 0, 1);
    struct dimension short_step = range("c", 0, 1), both = range("d", 0, 1),
                     single = range("e", 0, 1);
    const struct dimension *broken[] = {&backwards, &log_zero, &short_step, &both, &single};
    const char *messages[] = {"a: min 2 is above max 1",
                              "b: a range with scale log needs min above 0",
                              ("c: step 0.3 does not reach max (the last step is at 0.9); both "
                               "ends are included"),
                              "d: step and points exclude each other",
                              "e: points must be at least 2: both ends are included"};

    (void)state;
    log_zero.log = true;
    short_step.step = 0.3;
    both.step = 0.5;
    both.points = 3;
    single.points = 1;
    for (size_t i = 0; i < 5; i++) {
        struct space *s = NULL;
        struct error e;

        assert_int_equal(space_create(broken[i], 1, &s, &e), ERR_INVALID);
        assert_string_equal(e.message, messages[i]);
        assert_string_equal(e.field, broken[i]->name);
    }
}

static void dimensions_that_depend_in_a_circle_are_refused(void **state)
{
    struct dimension d[2] = {range("a", 1, 2), range("b", 1, 2)};
    struct space *s = NULL;
    struct error e;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        d[i].integer = true;
        d[i].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 1 - i, .least = 1};
    }
    assert_int_equal(space_create(d, 2, &s, &e), ERR_INVALID);
}

static void a_child_may_stand_before_its_parent(void **state)
{
    struct dimension d[2] = {range("width_2", 8, 16), range("layers", 1, 2)};
    struct arena *a;
    struct space *s;
    struct error e;
    size_t with = 0;

    (void)state;
    d[0].integer = d[1].integer = true;
    d[0].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 1, .least = 2};
    s = make(d, 2);
    assert_int_equal(arena_create(4096, &a, &e), ERR_OK);
    for (uint32_t t = 1; t <= 200; t++) {
        struct params p;
        struct rng r;

        rng_init(&r, 5, 0, 0, RNG_SEARCH, t);
        assert_int_equal(space_draw(s, &r, a, &p, &e), ERR_OK);
        assert_int_equal(params_get(&p, "width_2") != NULL, params_get(&p, "layers")->integer == 2);
        assert_int_equal(space_check(s, &p, &e), ERR_OK);
        with += p.n == 2;
    }
    assert_in_range(with, 60, 140);
    arena_destroy(a);
    space_destroy(s);
}

static void a_gate_counts_the_layers_of_an_architecture(void **state)
{
    static const int64_t two[] = {64, 32};
    static const struct value nets[] = {{.kind = VALUE_LIST, .list = {0, NULL}},
                                        {.kind = VALUE_LIST, .list = {2, two}}};
    struct dimension d[2] = {
        {.name = "hidden", .kind = SPACE_CHOICE, .n_values = 2, .values = nets}, range("x", 0, 1)};
    struct value values[2] = {nets[0], {0}};
    struct space *s;

    (void)state;
    d[1].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 0, .least = 2};
    s = make(d, 2);
    assert_false(space_is_active(s, 1, values));
    values[0] = nets[1];
    assert_true(space_is_active(s, 1, values));
    space_destroy(s);
}

static void draws_follow_the_scale_and_keep_the_ends(void **state)
{
    struct dimension d[3] = {range("rate", 1e-4, 1e-1), range("width", 1, 1000), range("x", -1, 3)};
    size_t small_rate = 0, small_width = 0, left = 0, draws = 4000;
    struct arena *a;
    struct space *s;
    struct error e;

    (void)state;
    d[0].log = d[1].log = d[1].integer = true;
    s = make(d, 3);
    assert_int_equal(arena_create(4096, &a, &e), ERR_OK);
    for (uint32_t t = 1; t <= draws; t++) {
        struct params p;
        struct rng r;

        arena_reset(a);
        rng_init(&r, 11, 0, 0, RNG_SEARCH, t);
        assert_int_equal(space_draw(s, &r, a, &p, &e), ERR_OK);
        assert_int_equal(space_check(s, &p, &e), ERR_OK);
        small_rate += p.items[0].value.real < sqrt(1e-4 * 1e-1);
        small_width += p.items[1].value.integer <= 31; /* log(31.5/0.5) / log(1000.5/0.5) = 0.545 */
        left += p.items[2].value.real < 1;
    }
    assert_in_range(small_rate, draws / 2 - 130, draws / 2 + 130); /* four standard deviations */
    assert_in_range(small_width, (size_t)(0.545 * (double)draws) - 130,
                    (size_t)(0.545 * (double)draws) + 130);
    assert_in_range(left, draws / 2 - 130, draws / 2 + 130);
    arena_destroy(a);
    space_destroy(s);
}

static void a_point_with_foreign_missing_or_unused_values_is_refused(void **state)
{
    struct dimension d[2] = {range("layers", 1, 2), range("width_2", 8, 16)};
    struct param items[] = {{"layers", {.kind = VALUE_INT, .integer = 1}},
                            {"width_2", {.kind = VALUE_INT, .integer = 8}}};
    struct params p = {.n = 2, .items = items};
    struct space *s;
    struct error e;

    (void)state;
    d[0].integer = d[1].integer = true;
    d[1].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 0, .least = 2};
    s = make(d, 2);
    assert_int_equal(space_check(s, &p, &e), ERR_INVALID);
    assert_string_equal(e.message, "width_2: is not used at this point");
    items[0].value.integer = 2;
    assert_int_equal(space_check(s, &p, &e), ERR_OK);
    items[1].value.integer = 17;
    assert_int_equal(space_check(s, &p, &e), ERR_INVALID);
    p.n = 1;
    assert_int_equal(space_check(s, &p, &e), ERR_INVALID);
    assert_string_equal(e.message, "width_2: is missing");
    p.n = 2;
    items[0].value.integer = 1;
    items[1].name = "wdith";
    assert_int_equal(space_check(s, &p, &e), ERR_INVALID);
    space_destroy(s);
}

static void keys_do_not_depend_on_the_order_or_the_kind_of_number(void **state)
{
    struct dimension d[2] = {range("a", 0, 4), range("b", 0, 4)};
    struct param one[] = {{"a", {.kind = VALUE_REAL, .real = 2}},
                          {"b", {.kind = VALUE_REAL, .real = 3}}};
    struct param two[] = {{"b", {.kind = VALUE_INT, .integer = 3}},
                          {"a", {.kind = VALUE_INT, .integer = 2}}};
    struct buf x = {0}, y = {0};
    struct space *s = make(d, 2);

    (void)state;
    space_key(s, &(struct params){2, one}, &x);
    space_key(s, &(struct params){2, two}, &y);
    assert_string_equal(buf_text(&x), buf_text(&y));
    buf_finish(&x);
    buf_finish(&y);
    space_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_of_a_log_range_are_round_numbers),
        cmocka_unit_test(integer_levels_that_coincide_are_one),
        cmocka_unit_test(steps_include_both_ends_and_read_as_written),
        cmocka_unit_test(broken_ranges_are_refused_by_name),
        cmocka_unit_test(dimensions_that_depend_in_a_circle_are_refused),
        cmocka_unit_test(a_child_may_stand_before_its_parent),
        cmocka_unit_test(a_gate_counts_the_layers_of_an_architecture),
        cmocka_unit_test(draws_follow_the_scale_and_keep_the_ends),
        cmocka_unit_test(a_point_with_foreign_missing_or_unused_values_is_refused),
        cmocka_unit_test(keys_do_not_depend_on_the_order_or_the_kind_of_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
