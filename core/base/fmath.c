#include "core/base/fmath.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ln 2 in two parts: the high one has 21 trailing zero bits, so k * LN2_HIGH is exact. */
static const double LN2_HIGH = 6.93147180369123816490e-01;
static const double LN2_LOW = 1.90821492927058770002e-10;

static double scale_by_power_of_two(double x, int k)
{
    uint64_t bits = (uint64_t)(1023 + k) << 52;
    double power;

    memcpy(&power, &bits, sizeof power);
    return x * power;
}

/*
 * x = k ln 2 + r with |r| <= ln 2 / 2. e^r comes from the rational form in which
 * r (e^r + 1) / (e^r - 1) = 2 + r^2 P(r^2) and P is a minimax polynomial of degree 4.
 * Source  constants: FreeBSD msun e_exp.c (Sun Microsystems, freely usable).
 */
double fmath_exp(double x)
{
    static const double P[] = {1.66666666666666019037e-01, -2.77777777770155933842e-03,
                               6.61375632143793436117e-05, -1.65339022054652515390e-06,
                               4.13813679705723846039e-08};
    double k, high, low, r, t, c, y;

    if (isnan(x))
        return x;
    if (x > 709.782712893383973096)
        return (double)INFINITY;
    if (x < -745.13321910194110842)
        return 0.0;
    k = floor(x * 1.44269504088896338700 + 0.5);
    high = x - k * LN2_HIGH;
    low = k * LN2_LOW;
    r = high - low;
    t = r * r;
    c = r - t * (P[0] + t * (P[1] + t * (P[2] + t * (P[3] + t * P[4]))));
    y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    if (k < -1021.0) /* in two steps, for results below the smallest normal number */
        return scale_by_power_of_two(scale_by_power_of_two(y, (int)k + 1000), -1000);
    if (k > 1023.0)
        return scale_by_power_of_two(y, (int)k - 1) * 2.0;
    return scale_by_power_of_two(y, (int)k);
}

/*
 * x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); log(1 + f) = 2 atanh(s), s = f / (2 + f),
 * and the series in s^2 is replaced by a minimax polynomial of degree 7.
 * Source  constants: FreeBSD msun e_log.c (Sun Microsystems, freely usable).
 */
double fmath_log(double x)
{
    static const double L[] = {6.666666666666735130e-01, 3.999999999940941908e-01,
                               2.857142874366239149e-01, 2.222219843214978396e-01,
                               1.818357216161805012e-01, 1.531383769920937332e-01,
                               1.479819860511658591e-01};
    uint64_t bits;
    int k = 0;
    double f, s, z, series, half_square;

    if (isnan(x) || x < 0.0)
        return (double)NAN;
    if (x == 0.0)
        return -(double)INFINITY;
    if (isinf(x))
        return x;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    memcpy(&bits, &x, sizeof bits);
    k += (int)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    memcpy(&x, &bits, sizeof x);
    if (x > 1.41421356237309514547) {
        x *= 0.5;
        k++;
    }
    f = x - 1.0;
    s = f / (2.0 + f);
    z = s * s;
    series = z * (L[0] + z * (L[1] + z * (L[2] + z * (L[3] + z * (L[4] + z * (L[5] + z * L[6]))))));
    half_square = 0.5 * f * f;
    return k * LN2_HIGH - ((half_square - (s * (half_square + series) + k * LN2_LOW)) - f);
}

/* The nearest quarter turn is taken off exactly; what is left is below an eighth of a turn,
 * where the Taylor series of sine and cosine need nine terms. */
double fmath_cos_turns(double t)
{
    double quarter = floor(4.0 * t + 0.5);
    double a = 6.283185307179586476925 * (t - 0.25 * quarter);
    double z = a * a, even = 1.0, odd = 1.0;

    for (int n = 16; n >= 2; n -= 2) {
        even = 1.0 - z * even / (double)(n * (n - 1));
        odd = 1.0 - z * odd / (double)(n * (n + 1));
    }
    odd *= a;
    switch ((int)quarter & 3) {
    case 0:
        return even;
    case 1:
        return -odd;
    case 2:
        return -even;
    default:
        return odd;
    }
}

double fmath_tanh(double x)
{
    double a = fabs(x), e, y;

    if (a > 22.0)
        return x < 0 ? -1.0 : 1.0;
    if (a < 0.25) { /* the quotient below would cancel: continued fraction of tanh */
        double z = x * x, d = 1.0;

        for (int n = 19; n >= 1; n -= 2)
            d = n + z / d;
        return x / d;
    }
    e = fmath_exp(-2.0 * a);
    y = (1.0 - e) / (1.0 + e);
    return x < 0 ? -y : y;
}

double fmath_logistic(double x)
{
    double e;

    if (x >= 0)
        return 1.0 / (1.0 + fmath_exp(-x));
    e = fmath_exp(x);
    return e / (1.0 + e);
}
