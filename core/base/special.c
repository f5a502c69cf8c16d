#include "core/base/special.h"

#include <math.h>
#include <stddef.h>

#include "core/base/fmath.h"

static const double SQRT_HALF = 0.70710678118654752440;

/* Horner's rule, the highest power first. */
static double polynomial(double x, const double *c, size_t n)
{
    double sum = c[0];

    for (size_t i = 1; i < n; i++)
        sum = fma(sum, x, c[i]);
    return sum;
}

#define POLYNOMIAL(x, c) polynomial(x, c, sizeof(c) / sizeof *(c))

/* ---- the error function ---------------------------------------------------------------------- *
 * Source  Cody: Rational Chebyshev approximations for the error function. Math. Comp. 23, 1969 */

static double erf_near_zero(double x)
{
    static const double p[] = {1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
                               3.77485237685302021e2, 3.20937758913846947e3};
    static const double q[] = {1.0, 2.36012909523441209e1, 2.44024637934444173e2,
                               1.28261652607737228e3, 2.84423683343917062e3};

    return x * POLYNOMIAL(x * x, p) / POLYNOMIAL(x * x, q);
}

/* e^(x^2) erfc(x) for 0.46875 <= x <= 4. */
static double erfcx_middle(double x)
{
    static const double p[] = {
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
        6.61191906371416295e1,  2.98635138197400131e2,  8.81952221241769090e2,
        1.71204761263407058e3,  2.05107837782607147e3,  1.23033935479799725e3};
    static const double q[] = {1.0,
                               1.57449261107098347e1,
                               1.17693950891312499e2,
                               5.37181101862009858e2,
                               1.62138957456669019e3,
                               3.29079923573345963e3,
                               4.36261909014324716e3,
                               3.43936767414372164e3,
                               1.23033935480374942e3};

    return POLYNOMIAL(x, p) / POLYNOMIAL(x, q);
}

static double erfcx_far(double x)
{
    static const double p[] = {1.63153871373020978e-2, 3.05326634961232344e-1,
                               3.60344899949804439e-1, 1.25781726111229246e-1,
                               1.60837851487422766e-2, 6.58749161529837803e-4};
    static const double q[] = {1.0,
                               2.56852019228982242e0,
                               1.87295284992346725e0,
                               5.27905102951428412e-1,
                               6.05183413124413191e-2,
                               2.33520497626869185e-3};
    const double INVERSE_SQRT_PI = 0.56418958354775628695;
    double t = 1.0 / (x * x);

    return (INVERSE_SQRT_PI - t * POLYNOMIAL(t, p) / POLYNOMIAL(t, q)) / x;
}

/* e^(-x^2): what the rounding of the square took is put back. */
static double exp_minus_square(double x)
{
    double square = x * x, rest = fma(x, x, -square);

    return fmath_exp(-square) * (1.0 - rest);
}

double special_erfcx(double x)
{
    if (x < 0.46875)
        return fmath_exp(x * x) * (1.0 - erf_near_zero(x));
    return x <= 4.0 ? erfcx_middle(x) : erfcx_far(x);
}

double special_erfc(double x)
{
    if (fabs(x) < 0.46875)
        return 1.0 - erf_near_zero(x);
    if (x < 0.0)
        return 2.0 - special_erfc(-x);
    return x < 27.0 ? exp_minus_square(x) * special_erfcx(x) : x * 0.0; /* NaN stays NaN */
}

/* ---- the normal distribution ----------------------------------------------------------------- */

/* log(u) is right for the rounded sum u = 1 + x; what the rounding took is put back.
 * Source  Goldberg 1991, theorem 4 */
double special_log1p(double x)
{
    double u = 1.0 + x;

    return u == 1.0 ? x : fmath_log(u) * (x / (u - 1.0));
}

double special_normal_cdf(double z)
{
    return 0.5 * special_erfc(-z * SQRT_HALF);
}

double special_log_normal_cdf(double z)
{
    if (z > 0.0)
        return special_log1p(-0.5 * special_erfc(z * SQRT_HALF));
    return fmath_log(0.5 * special_erfcx(-z * SQRT_HALF)) - 0.5 * z * z;
}

double special_log_normal_mass(double a, double b)
{
    double high, low;

    if (a > 0.0)
        return special_log_normal_mass(-b, -a);
    if (b > 0.0)
        return special_log1p(-special_normal_cdf(a) - special_normal_cdf(-b));
    high = special_log_normal_cdf(b);
    low = special_log_normal_cdf(a);
    return high + special_log1p(-fmath_exp(low - high));
}

/* ---- the gamma and beta functions ------------------------------------------------------------ */

/* Stirling's series from 10 on, where eight terms are enough; below by Gamma(x+1) = x Gamma(x). */
double special_log_gamma(double x)
{
    static const double c[] = {-3617.0 / 122400.0, 1.0 / 156.0,  -691.0 / 360360.0, 1.0 / 1188.0,
                               -1.0 / 1680.0,      1.0 / 1260.0, -1.0 / 360.0,      1.0 / 12.0};
    const double HALF_LOG_TWO_PI = 0.91893853320467274178;
    double product = 1.0;

    for (; x < 10.0; x += 1.0)
        product *= x;
    return (x - 0.5) * fmath_log(x) - x + HALF_LOG_TWO_PI + POLYNOMIAL(1.0 / (x * x), c) / x -
           fmath_log(product);
}

/* The continued fraction of the incomplete beta function, which converges fast for
 * x < (a + 1) / (a + b + 2), by Lentz's method. Source  DLMF 8.17.22 */
static double beta_fraction(double x, double a, double b)
{
    const double TINY = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0), f;

    d = 1.0 / (fabs(d) < TINY ? TINY : d);
    f = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double change;

        d = 1.0 + even * d;
        c = 1.0 + even / c;
        d = 1.0 / (fabs(d) < TINY ? TINY : d);
        c = fabs(c) < TINY ? TINY : c;
        f *= d * c;
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        d = 1.0 / (fabs(d) < TINY ? TINY : d);
        c = fabs(c) < TINY ? TINY : c;
        change = d * c;
        f *= change;
        if (fabs(change - 1.0) < 1e-16)
            break;
    }
    return f;
}

/* The regularized incomplete beta function I_x(a, b); y = 1 - x. */
static double beta_share(double x, double y, double a, double b)
{
    double front;

    if (x <= 0.0)
        return 0.0;
    if (y <= 0.0)
        return 1.0;
    front = fmath_exp(special_log_gamma(a + b) - special_log_gamma(a) - special_log_gamma(b) +
                      a * fmath_log(x) + b * fmath_log(y));
    if (x < (a + 1.0) / (a + b + 2.0))
        return front * beta_fraction(x, a, b) / a;
    return 1.0 - front * beta_fraction(y, b, a) / b;
}

/* Source  DLMF 8.17; Abramowitz and Stegun 26.7.1 */
double special_student_cdf(double t, double nu)
{
    double tail;

    if (isinf(t))
        return t > 0.0 ? 1.0 : 0.0;
    tail = 0.5 * beta_share(nu / (nu + t * t), t * t / (nu + t * t), 0.5 * nu, 0.5);
    return t > 0.0 ? 1.0 - tail : tail;
}
