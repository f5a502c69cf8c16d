#include "core/data/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/rng.h"

static void check(const char *text, char mark, double expected)
{
    double x = 12345;

    if (number_parse(text, strlen(text), mark, &x) != NUMBER_FINITE || x != expected)
        fail_msg("\"%s\": expected %.17g, got %.17g", text, expected, x);
}

static void numbers_are_read_as_people_write_them(void **state)
{
    (void)state;
    check("1.5", '.', 1.5);
    check("+1.5", '.', 1.5);
    check("-.5", '.', -0.5);
    check("3.", '.', 3);
    check("1,5", ',', 1.5);
    check("1.5D+03", '.', 1500);
    check("1d-2", '.', 0.01);
    check("1,5e2", ',', 150);
    check("2E5", '.', 200000);
    check("007", '.', 7);
    check("0.1", '.', 0.1);
    check("123456789012345678901234567890", '.', 123456789012345678901234567890.0);
    check("4.9e-324", '.', 4.9e-324);
    check("1e-999", '.', 0);
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {"",    "-",     ".",   "e5",  "1e",    "1e+", "0x10",
                                        "1.5", "1,2,3", "1 2", "abc", "1_000", "12%", "nan",
                                        "--1", "1e5.5", "+-1", "1d",  "1f",    "0b1", "1,5,"};
    double x;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (number_parse(texts[i], strlen(texts[i]), ',', &x) != NUMBER_NONE)
            fail_msg("\"%s\" was read as a number", texts[i]);
}

static void infinities_are_told_apart(void **state)
{
    static const char *const texts[] = {"inf", "-Inf", "+INFINITY", "infinity", "1e999", "-1e400"};
    double x;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(number_parse(texts[i], strlen(texts[i]), '.', &x), NUMBER_INFINITE);
}

/* strtod of glibc rounds exactly; the fast path must agree to the last bit. */
static void numbers_are_rounded_as_strtod_rounds(void **state)
{
    uint64_t seed = 7;
    struct rng r;
    char text[64];

    (void)state;
    print_message("seed %d\n", (int)seed);
    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    for (int i = 0; i < 200000; i++) {
        uint64_t digits = rng_u64(&r) >> rng_below(&r, 64);

        switch (i % 4) {
        case 0:
            (void)snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits,
                           (int)rng_below(&r, 60) - 30);
            break;
        case 1:
            (void)snprintf(text, sizeof text, "%llu.%u", (unsigned long long)digits, rng_u32(&r));
            break;
        case 2:
            (void)snprintf(text, sizeof text, "%.17g", rng_normal(&r));
            break;
        default:
            (void)snprintf(text, sizeof text, "-0.000%llu", (unsigned long long)digits);
            break;
        }
        check(text, '.', strtod(text, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_people_write_them),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(infinities_are_told_apart),
        cmocka_unit_test(numbers_are_rounded_as_strtod_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
