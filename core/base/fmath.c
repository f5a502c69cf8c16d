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

/* p[0] + p[1] x + … + p[7] x^7 over the same of q. */
static double ratio_of_degree_7(const double *p, const double *q, double x)
{
    double above = p[7], below = q[7];

    for (int k = 6; k >= 0; k--) {
        above = above * x + p[k];
        below = below * x + q[k];
    }
    return above / below;
}

/*
 * Rational approximations in the middle, |p - 1/2| <= 0.425, and in two ranges of
 * r = sqrt(-log of the tail) outside, below and above 5.
 * Source  Wichura 1988, Applied Statistics 37, algorithm AS 241, routine PPND16
 */
double fmath_normal_quantile(double p)
{
    static const double A[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double B[] = {1.0,
                               4.2313330701600911252e+1,
                               6.8718700749205790830e+2,
                               5.3941960214247511077e+3,
                               2.1213794301586595867e+4,
                               3.9307895800092710610e+4,
                               2.8729085735721942674e+4,
                               5.2264952788528545610e+3};
    static const double C[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double D[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double E[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double F[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    double q = p - 0.5, tail = q < 0 ? p : 1.0 - p, r, x;

    if (fabs(q) <= 0.425)
        return q * ratio_of_degree_7(A, B, 0.180625 - q * q);
    if (isnan(p) || tail < 0)
        return (double)NAN;
    if (tail == 0)
        return q < 0 ? -(double)INFINITY : (double)INFINITY;
    r = sqrt(-fmath_log(tail));
    x = r <= 5.0 ? ratio_of_degree_7(C, D, r - 1.6) : ratio_of_degree_7(E, F, r - 5.0);
    return q < 0 ? -x : x;
}
