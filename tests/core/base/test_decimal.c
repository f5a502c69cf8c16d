#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/rng.h"
#include "core/linalg/denormal.h"

static void check(double x, int digits)
{
    char expected[64], text[DECIMAL_BYTES];
    size_t n = decimal_write(x, digits, text);

    (void)snprintf(expected, sizeof expected, "%.*g", digits, x);
    if (strcmp(text, expected) != 0 || n != strlen(expected))
        fail_msg("%a with %d digits: %s, expected %s", x, digits, text, expected);
}

static void check_all_digits(double x)
{
    for (int digits = 1; digits <= DECIMAL_DIGITS_MAX; digits++) {
        check(x, digits);
        check(-x, digits);
    }
}

static void special_numbers_are_as_printf_writes_them(void **state)
{
    static const double X[] = {0.0,       1.0,     0.1,         0.001,         1e-4,
                               9.9999e-5, 1e-5,    123456789.0, 999999999.5,   9999.5,
                               1e22,      1e23,    1e300,       DBL_MAX,       DBL_MIN,
                               5e-324,    1.0 / 3, 2.0 / 3,     0.99999999995, 4294967295.0};

    (void)state;
    for (size_t i = 0; i < sizeof X / sizeof *X; i++)
        check_all_digits(X[i]);
}

/* Numbers that lie exactly between two texts go to the even one. */
static void ties_are_rounded_as_printf_rounds_them(void **state)
{
    (void)state;
    for (int i = 0; i < 4096; i++)
        check_all_digits(i / 64.0);
    for (int i = 0; i < 2048; i++)
        check_all_digits(100000 + i + 0.5);
}

static void numbers_next_to_powers_of_ten_are_as_printf_writes_them(void **state)
{
    (void)state;
    for (int k = -40; k <= 40; k++) {
        double x = pow(10.0, k);

        for (int i = -3; i <= 3; i++)
            check_all_digits(x * (1.0 + i * DBL_EPSILON));
        check_all_digits(nextafter(x, 0.0));
        check_all_digits(x * 0.9999999995);
        check_all_digits(x * 9.99995);
    }
}

static double random_number(struct rng *r)
{
    uint64_t bits = rng_u64(r);
    double x;

    memcpy(&x, &bits, sizeof x);
    return isfinite(x) ? x : 1.0;
}

static void random_numbers_are_as_printf_writes_them(void **state)
{
    struct rng r;

    (void)state;
    rng_init(&r, 20240611, 0, 0, RNG_TEST, 0);
    print_message("seed 20240611\n");
    for (int i = 0; i < 20000; i++) {
        double u = (double)rng_f32(&r);

        check_all_digits(random_number(&r));            /* any exponent */
        check_all_digits(ldexp(u, i % 80 - 60));        /* few digits in binary */
        check_all_digits(u / 3 * pow(10, i % 24 - 18)); /* what curves hold */
        check_all_digits(i % 1000 / 1000.0);            /* scores */
    }
}

static void workers_that_flush_denormals_write_them_all_the_same(void **state)
{
    static const double X[] = {5e-324, DBL_MIN / 3, 0.0, 1e-300, 0.25};
    char expected[5][64], text[5][DECIMAL_BYTES];
    unsigned before;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        (void)snprintf(expected[i], sizeof expected[i], "%.9g", X[i]);
    before = denormal_flush();
    for (size_t i = 0; i < 5; i++)
        (void)decimal_write(X[i], 9, text[i]);
    denormal_restore(before);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(text[i], expected[i]);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(special_numbers_are_as_printf_writes_them),
        cmocka_unit_test(ties_are_rounded_as_printf_rounds_them),
        cmocka_unit_test(numbers_next_to_powers_of_ten_are_as_printf_writes_them),
        cmocka_unit_test(random_numbers_are_as_printf_writes_them),
        cmocka_unit_test(workers_that_flush_denormals_write_them_all_the_same),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
