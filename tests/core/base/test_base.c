#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/fmath.h"
#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/base/value.h"

/* ---- random streams ---------------------------------------------------------------------- */

/* The known answers of Random123's kat_vectors for philox4x32 with 10 rounds. */
static void philox_gives_the_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } KNOWN[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    uint32_t out[4];

    (void)state;
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        rng_philox(KNOWN[i].counter, KNOWN[i].key, out);
        assert_memory_equal(out, KNOWN[i].out, sizeof out);
    }
}

static void streams_with_different_names_differ(void **state)
{
    struct rng r[6];

    (void)state;
    rng_init(&r[0], 1, 1, 1, RNG_TEST, 0);
    rng_init(&r[1], 2, 1, 1, RNG_TEST, 0);
    rng_init(&r[2], 1, 2, 1, RNG_TEST, 0);
    rng_init(&r[3], 1, 1, 2, RNG_TEST, 0);
    rng_init(&r[4], 1, 1, 1, RNG_INIT, 0);
    rng_init(&r[5], 1, 1, 1, RNG_TEST, 1);
    for (size_t i = 1; i < 6; i++) {
        struct rng first = r[0];

        assert_true(rng_u64(&first) != rng_u64(&r[i]));
    }
}

static void a_bounded_number_is_uniform(void **state)
{
    enum { DRAWS = 70000, KINDS = 7 };
    size_t counts[KINDS] = {0};
    struct rng r;

    (void)state;
    rng_init(&r, 5, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; i < DRAWS; i++)
        counts[rng_below(&r, KINDS)]++;
    for (size_t i = 0; i < KINDS; i++) /* five standard deviations of a count */
        assert_true(fabs((double)counts[i] - DRAWS / KINDS) < 5 * sqrt(DRAWS / KINDS));
}

static void normal_numbers_have_mean_0_and_deviation_1(void **state)
{
    enum { DRAWS = 200000 };
    double sum = 0, squares = 0, fourth = 0;
    struct rng r;

    (void)state;
    rng_init(&r, 6, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; i < DRAWS; i++) {
        double x = rng_normal(&r);

        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    assert_true(fabs(sum / DRAWS) < 5 / sqrt(DRAWS));
    assert_true(fabs(squares / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
    assert_true(fabs(fourth / DRAWS - 3) < 5 * sqrt(96.0 / DRAWS));
}

static void a_shuffle_is_a_permutation(void **state)
{
    uint32_t items[100], seen[100] = {0};
    struct rng r;
    size_t moved = 0;

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        items[i] = i;
    rng_init(&r, 7, 0, 0, RNG_TEST, 0);
    rng_shuffle(&r, items, 100);
    for (uint32_t i = 0; i < 100; i++) {
        seen[items[i]]++;
        moved += items[i] != i;
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

/* ---- functions --------------------------------------------------------------------------- */

static double ulps(double x, double exact)
{
    return x == exact ? 0 : fabs(x - exact) / (nextafter(fabs(exact), HUGE_VAL) - fabs(exact));
}

static void functions_are_as_exact_as_promised(void **state)
{
    struct rng r;

    (void)state;
    rng_init(&r, 8, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; i < 200000; i++) {
        double x = (rng_f64(&r) - 0.5) * 1400, y = exp(x), z = x / (i % 2 ? 30 : 1000);
        double t = rng_f64(&r);

        assert_true(ulps(fmath_exp(x), exp(x)) <= 2);
        assert_true(ulps(fmath_log(y), log(y)) <= 2);
        assert_true(ulps(fmath_log(1 + z / 100), log(1 + z / 100)) <= 2);
        assert_true(fabs(fmath_cos_turns(t) - (double)cosl(2 * acosl(-1) * (long double)t)) < 1e-15);
    }
}

static void functions_keep_their_limits(void **state)
{
    (void)state;
    assert_true(fmath_exp(0) == 1 && fmath_exp(-800) == 0 && isinf(fmath_exp(800)));
    assert_true(fmath_exp(709.7) < DBL_MAX && fmath_exp(-745) > 0);
    assert_true(fmath_log(1) == 0 && isinf(fmath_log(0)) && isnan(fmath_log(-1)));
    assert_true(ulps(fmath_log(5e-324), log(5e-324)) <= 2);
    assert_true(isnan(fmath_exp((double)NAN)) && isnan(fmath_log((double)NAN)));
}

/* ---- memory and text --------------------------------------------------------------------- */

static void a_size_that_does_not_fit_is_refused(void **state)
{
    struct arena *a;

    (void)state;
    assert_true(mem_size(SIZE_MAX / 2, 3) == SIZE_MAX);
    assert_null(mem_calloc(SIZE_MAX / 2, 3));
    assert_int_equal(arena_create(100, &a, NULL), ERR_OK);
    assert_null(arena_alloc(a, SIZE_MAX, 2));
    assert_null(arena_alloc(a, SIZE_MAX - 8, 1));
    arena_destroy(a);
}

static void an_arena_gives_zeroed_aligned_memory_again_after_a_reset(void **state)
{
    struct arena *a;

    (void)state;
    assert_int_equal(arena_create(256, &a, NULL), ERR_OK);
    for (size_t round = 0; round < 3; round++) {
        for (size_t n = 1; n < 1000; n += 37) {
            unsigned char *p = arena_alloc(a, n, 1);

            assert_non_null(p);
            assert_int_equal((uintptr_t)p % (n >= MEM_ALIGN ? MEM_ALIGN : 16), 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xff, n);
        }
        arena_reset(a);
    }
    arena_destroy(a);
}

static void doubles_are_written_short_and_read_back_exactly(void **state)
{
    char text[32];
    struct rng r;

    (void)state;
    buf_format_double(0.1, text);
    assert_string_equal(text, "0.1");
    buf_format_double(0.1 + 0.2, text);
    assert_string_equal(text, "0.30000000000000004");
    buf_format_double(1e-5, text);
    assert_string_equal(text, "1e-05");
    rng_init(&r, 9, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; i < 20000; i++) {
        uint64_t bits = rng_u64(&r);
        double x;

        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        buf_format_double(x, text);
        assert_true(strtod(text, NULL) == x);
    }
}

/* ---- values ------------------------------------------------------------------------------ */

static void values_are_written_as_json_and_as_text(void **state)
{
    static const int64_t WIDTHS[] = {64, 32};
    struct param items[] = {
        {"a", {.kind = VALUE_INT, .integer = -3}},
        {"b", {.kind = VALUE_REAL, .real = 0.25}},
        {"c", {.kind = VALUE_TEXT, .text = "say \"hi\"\n"}},
        {"d", {.kind = VALUE_BOOL, .boolean = true}},
        {"e", {.kind = VALUE_LIST, .list = {2, WIDTHS}}},
        {"f", {.kind = VALUE_NONE}},
    };
    struct params p = {6, items};
    struct buf out = {0};

    (void)state;
    params_json(&p, &out);
    assert_string_equal(out.data, "{\"a\": -3, \"b\": 0.25, \"c\": \"say \\\"hi\\\"\\n\", "
                                  "\"d\": true, \"e\": [64, 32], \"f\": null}");
    buf_clear(&out);
    value_text(params_get(&p, "e"), &out);
    assert_string_equal(out.data, "64,32");
    assert_null(params_get(&p, "g"));
    buf_finish(&out);
}

static void a_copy_of_params_lives_without_its_source(void **state)
{
    int64_t widths[] = {5, 6};
    char name[] = "hidden", word[] = "relu";
    struct param items[] = {
        {name, {.kind = VALUE_LIST, .list = {2, widths}}},
        {"activation", {.kind = VALUE_TEXT, .text = word}},
    };
    struct params p = {2, items}, copy;
    struct arena *a;

    (void)state;
    assert_int_equal(arena_create(64, &a, NULL), ERR_OK);
    assert_int_equal(params_copy(&p, a, &copy, NULL), ERR_OK);
    name[0] = word[0] = 'X';
    widths[0] = 0;
    assert_int_equal(params_get(&copy, "hidden")->list.items[0], 5);
    assert_string_equal(params_get(&copy, "activation")->text, "relu");
    arena_destroy(a);
}

static void one_and_one_point_zero_are_the_same_number(void **state)
{
    struct value i = {.kind = VALUE_INT, .integer = 1}, r = {.kind = VALUE_REAL, .real = 1.0};
    struct value b = {.kind = VALUE_BOOL, .boolean = true};

    (void)state;
    assert_true(value_equal(&i, &r));
    assert_false(value_equal(&i, &b));
}

static void an_error_is_prefixed_with_its_place_and_cut_when_too_long(void **state)
{
    struct error e;
    char large[1000];

    (void)state;
    (void)error_set(&e, ERR_INVALID, "%d is above %d", 3, 1);
    assert_int_equal(error_prefix(&e, "trial %d", 7), ERR_INVALID);
    assert_string_equal(e.message, "trial 7: 3 is above 1");
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    (void)error_set(&e, ERR_IO, "%s", large);
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
}

static void what_is_cut_in_the_middle_of_a_character_is_still_utf8(void **state)
{
    struct error e;
    struct buf b = {0};

    (void)state;
    (void)error_set(&e, ERR_INVALID, "\"%.2s\": no", "aé");
    assert_string_equal(e.message, "\"a?\": no");
    (void)error_prefix(&e, "%.3s", "€€");
    (void)error_prefix(&e, "%.5s", "€€");
    assert_string_equal(e.message, "€??: €: \"a?\": no");
    value_json_string("\"a\xc3\" \xf0\x9f\x98 \xf0\x9f\x98\x80\xff", &b);
    assert_string_equal(buf_text(&b), "\"\\\"a\uFFFD\\\" \uFFFD\uFFFD\uFFFD 😀\uFFFD\"");
    buf_finish(&b);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(philox_gives_the_known_answers),
        cmocka_unit_test(streams_with_different_names_differ),
        cmocka_unit_test(a_bounded_number_is_uniform),
        cmocka_unit_test(normal_numbers_have_mean_0_and_deviation_1),
        cmocka_unit_test(a_shuffle_is_a_permutation),
        cmocka_unit_test(functions_are_as_exact_as_promised),
        cmocka_unit_test(functions_keep_their_limits),
        cmocka_unit_test(a_size_that_does_not_fit_is_refused),
        cmocka_unit_test(an_arena_gives_zeroed_aligned_memory_again_after_a_reset),
        cmocka_unit_test(doubles_are_written_short_and_read_back_exactly),
        cmocka_unit_test(values_are_written_as_json_and_as_text),
        cmocka_unit_test(a_copy_of_params_lives_without_its_source),
        cmocka_unit_test(one_and_one_point_zero_are_the_same_number),
        cmocka_unit_test(an_error_is_prefixed_with_its_place_and_cut_when_too_long),
        cmocka_unit_test(what_is_cut_in_the_middle_of_a_character_is_still_utf8),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
