#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/search/points.h"
#include "core/search/require.h"
#include "core/search/sampler.h"

#define INT(x)                                                                                     \
    {                                                                                              \
        .kind = VALUE_INT, .integer = (x)                                                          \
    }
#define TEXT(x)                                                                                    \
    {                                                                                              \
        .kind = VALUE_TEXT, .text = (x)                                                            \
    }

static const struct value layers[] = {INT(1), INT(2)};
static const struct value widths[] = {INT(16), INT(32), INT(64)};
static const struct value words[] = {TEXT("relu"), TEXT("tanh")};
static const char *const derived[] = {"weights", NULL};

static struct space *make_space(void)
{
    struct dimension d[] = {
        {.name = "layers", .kind = SPACE_CHOICE, .n_values = 2, .values = layers},
        {.name = "width_1", .kind = SPACE_CHOICE, .n_values = 3, .values = widths},
        {.name = "width_2", .kind = SPACE_CHOICE, .n_values = 3, .values = widths},
        {.name = "activation_1", .kind = SPACE_CHOICE, .n_values = 2, .values = words},
        {.name = "activation_2", .kind = SPACE_CHOICE, .n_values = 2, .values = words},
    };
    struct space *s;
    struct error e;

    d[2].gate = d[4].gate = (struct gate){.kind = GATE_AT_LEAST, .parent = 0, .least = 2};
    assert_int_equal(space_create(d, 5, &s, &e), ERR_OK);
    return s;
}

static struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 16, &a, &e), ERR_OK);
    return a;
}

/* Ten weights for each unit. */
static double derive(void *ctx, size_t which, const struct params *point)
{
    const struct value *second = params_get(point, "width_2");

    (void)ctx;
    assert_int_equal(which, 0);
    return 10 * (value_number(params_get(point, "width_1")) + (second ? value_number(second) : 0));
}

static bool allows(void *ctx, const struct params *point)
{
    return require_holds(ctx, point, derive, NULL);
}

/* How many of the 3 * 2 + 9 * 4 points of the space a comparison leaves. */
static uint64_t count(const char *text)
{
    struct space *s = make_space();
    struct arena *a = make_arena();
    struct points *points;
    struct require r;
    struct error e;
    uint64_t n;

    if (require_parse(text, s, derived, a, &r, &e) != ERR_OK)
        fail_msg("%s", e.message);
    space_restrict(s, allows, &r);
    assert_int_equal(points_create(s, SPACE_GRID, &points, &e), ERR_OK);
    assert_int_equal(points_allowed(points, 1000, &n, &e), ERR_OK);
    points_destroy(points);
    space_destroy(s);
    arena_destroy(a);
    return n;
}

static void comparisons_leave_the_points_that_obey_them(void **state)
{
    (void)state;
    assert_int_equal(count("layers >= 1"), 42);
    assert_int_equal(count("width_1 >= width_2"), 6 + 6 * 4); /* one layer has no second width */
    assert_int_equal(count("width_2<width_1"), 6 + 3 * 4);
    assert_int_equal(count("weights <= 640"), 6 + 4 * 4);
    assert_int_equal(count("2 * width_2 == width_1"), 6 + 2 * 4);
    assert_int_equal(count("width_1 + width_2 - 8 > 72"), 6 + 3 * 4);
    assert_int_equal(count("-width_1 < -16"), 4 + 6 * 4);
    assert_int_equal(count("activation_1 == activation_2"), 6 + 9 * 2);
    assert_int_equal(count("activation_1 != relu"), 3 + 9 * 2);
    assert_int_equal(count("\"tanh\" == activation_1"), 3 + 9 * 2);
    assert_int_equal(count("width_1 != 32"), 4 + 6 * 4);
}

static void faults_say_what_was_expected_and_where(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "\"\": expected a name or a number at character 1"},
        {"width_1", "\"width_1\": expected <, <=, >, >=, == or != at character 8"},
        {"width_1 >", "\"width_1 >\": expected a name or a number at character 10"},
        {"width_1 = 3", "\"width_1 = 3\": expected <, <=, >, >=, == or != at character 9"},
        {"width_1 > 1e999", "\"width_1 > 1e999\": expected a number that is not too large at character 11"},
        {"width_1 > 3 4", "\"width_1 > 3 4\": expected the end at character 13"},
        {"2 * 3 > 4", "\"2 * 3 > 4\": expected a name behind * at character 6"},
        {"width_3 > 3", "\"width_3 > 3\": \"width_3\" is not in the space; known: layers, width_1, "
                        "width_2, activation_1, activation_2, weights"},
        {"activation_1 > 3", "\"activation_1 > 3\": activation_1 is not a number: it can be "
                             "compared by == and != with one of its values or another dimension"},
        {"activation_1 == silu", "\"activation_1 == silu\": \"silu\" is not in the space; known: "
                                 "layers, width_1, width_2, activation_1, activation_2, weights"},
        {"activation_1 == \"silu", "\"activation_1 == \"silu\": expected \" after the word at "
                                   "character 22"},
    };
    struct space *s = make_space();
    struct arena *a = make_arena();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct require r;
        struct error e;

        assert_int_equal(require_parse(cases[i].text, s, derived, a, &r, &e), ERR_INVALID);
        assert_string_equal(e.message, cases[i].message);
    }
    space_destroy(s);
    arena_destroy(a);
}

static void every_sampler_obeys(void **state)
{
    (void)state;
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++) {
        struct sampler_settings settings = {.seed = 3};
        struct space *s = make_space();
        struct arena *a = make_arena();
        struct sampler *sampler;
        struct require r;
        struct error e;
        uint32_t n = 0;

        assert_int_equal(require_parse("width_1 > width_2", s, derived, a, &r, &e), ERR_OK);
        space_restrict(s, allows, &r);
        if (sampler_create(*k, s, &settings, &sampler, &e) == ERR_OK) {
            bool exhausted = false;

            while (!exhausted) {
                struct params p;

                assert_int_equal(sampler_propose(sampler, a, &p, &exhausted, &e), ERR_OK);
                if (exhausted)
                    break;
                assert_true(space_allows(s, &p));
                sampler_tell(
                    sampler, ++n,
                    (struct past){PAST_COMPLETED, value_number(params_get(&p, "width_1"))});
            }
            assert_int_equal(n, 6 + 3 * 4);
            sampler_destroy(sampler);
        }
        space_destroy(s);
        arena_destroy(a);
    }
}

static bool never(void *ctx, const struct params *point)
{
    (void)ctx;
    (void)point;
    return false;
}

/* As many values are drawn at most, in however many points. */
static void where_points_have_hundreds_of_values_fewer_are_drawn(void **state)
{
    enum { MANY = 511 };
    static char names[MANY][16];
    static struct dimension d[MANY];
    const struct sampler_settings settings = {.seed = 1};
    struct arena *a = make_arena();
    struct sampler *sampler;
    struct params p;
    struct space *s;
    struct error e;
    bool exhausted;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "d%d", i);
        d[i] = (struct dimension){.name = names[i], .kind = SPACE_RANGE, .max = 1};
    }
    assert_int_equal(space_create(d, MANY, &s, &e), ERR_OK);
    space_restrict(s, never, NULL);
    assert_int_equal(sampler_create(sampler_find("random"), s, &settings, &sampler, &e), ERR_OK);
    assert_int_equal(sampler_propose(sampler, a, &p, &exhausted, &e), ERR_INVALID);
    assert_string_equal(e.message, "of 4096 points drawn none fulfils \"require\": it leaves too little "
                                   "of the space");
    sampler_destroy(sampler);
    space_destroy(s);
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_leave_the_points_that_obey_them),
        cmocka_unit_test(faults_say_what_was_expected_and_where),
        cmocka_unit_test(every_sampler_obeys),
        cmocka_unit_test(where_points_have_hundreds_of_values_fewer_are_drawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
