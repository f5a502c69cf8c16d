#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "core/base/special.h"

static void assert_close(double got, double want, double tolerance, double at)
{
    double error = fabs(got - want);

    if (!(error <= tolerance * fabs(want)))
        fail_msg("at %.17g: %.17g, expected %.17g, off by %.2g", at, got, want, error / fabs(want));
}

static void the_complement_of_the_error_function_is_libms(void **state)
{
    (void)state;
    for (double x = -6.0; x < 26.0; x += 0.00317)
        assert_close(special_erfc(x), erfc(x), 1e-14, x);
    assert_true(special_erfc(30.0) == 0.0 && special_erfc(-30.0) == 2.0);
    assert_true(isnan(special_erfc((double)NAN)));
}

static void scaled_it_does_not_vanish(void **state)
{
    (void)state;
    for (double x = 0.0; x < 8.0; x += 0.00317) {
        long double wide = (long double)x;

        assert_close(special_erfcx(x), (double)(expl(wide * wide) * erfcl(wide)), 1e-14, x);
    }
    assert_close(special_erfcx(1e6), 0.56418958354747419217 / 1e6, 1e-14, 1e6); /* mpmath */
}

static void log1p_and_log_gamma_are_libms(void **state)
{
    (void)state;
    for (double x = -0.99; x < 5.0; x += 0.00117)
        assert_close(special_log1p(x), log1p(x), 1e-14, x);
    assert_close(special_log1p(1e-20), 1e-20, 1e-15, 1e-20);
    for (double x = 0.01; x < 200.0; x += 0.0371)
        assert_true(fabs(special_log_gamma(x) - lgamma(x)) <= 2e-14 * fmax(1.0, fabs(lgamma(x))));
}

static void logarithms_of_normal_probabilities_hold_far_out(void **state)
{
    (void)state;
    for (double z = -8.0; z < 8.0; z += 0.013) {
        long double y = (long double)z * sqrtl(0.5L);
        long double want = z > 0.0 ? log1pl(-0.5L * erfcl(y)) : logl(0.5L * erfcl(-y));

        assert_close(special_log_normal_cdf(z), (double)want, 1e-13, z);
    }
    /* scipy.special.log_ndtr, 1.17.1 */
    assert_close(special_log_normal_cdf(-40.0), -804.6084420137538, 1e-14, -40.0);
    assert_close(special_log_normal_cdf(-100.0), -5005.524208694205, 1e-14, -100.0);
    assert_close(special_log_normal_mass(-1.0, 2.0), log(0.81859461412036387), 1e-14, 0);
    assert_close(special_log_normal_mass(30.0, 31.0), special_log_normal_mass(-31.0, -30.0), 0, 0);
    assert_close(special_log_normal_mass(-31.0, -30.0), -454.32124395634525, 1e-13, 0);
    assert_close(special_log_normal_mass(1.0, 1.0 + 1e-6), log(0.24197072451914337e-6) - 0.5e-6,
                 1e-9, 0);
}

/* scipy.stats.t.cdf, 1.17.1 */
static void students_distribution_is_scipys(void **state)
{
    static const struct {
        double t, nu, p;
    } cases[] = {
#include "tests/core/base/student_cases.inc"
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_close(special_student_cdf(cases[i].t, cases[i].nu), cases[i].p, 1e-12, cases[i].t);
    assert_true(special_student_cdf((double)-INFINITY, 3.0) == 0.0);
    assert_true(special_student_cdf((double)INFINITY, 3.0) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_complement_of_the_error_function_is_libms),
        cmocka_unit_test(scaled_it_does_not_vanish),
        cmocka_unit_test(log1p_and_log_gamma_are_libms),
        cmocka_unit_test(logarithms_of_normal_probabilities_hold_far_out),
        cmocka_unit_test(students_distribution_is_scipys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
