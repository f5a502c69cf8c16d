/*
 * Element-wise functions for every kernel, from + - * /, fma and comparisons, which IEEE 754
 * rounds exactly: the same bits for any number of lanes. The file that includes this has defined
 *
 *     vf, vi, vu          floats, int32s and uint32s: a vector of them, or one
 *     vf_set(x)           x in every lane
 *     vf_fma(a, b, c)     a b + c, rounded once: the only multiply-add there is
 *     vf_max(a, b)        a > b ? a : b, so that a NaN in b comes through
 *     vf_min(a, b)        a < b ? a : b
 *     vf_less(a, b, x, y) a < b ? x : y
 *     vf_bits(x)          the floats' bits as vi; vf_from_bits(i): the way back
 *
 * Bounds, tested against libm over all exponents: exp and log 2 ulp, tanh, logistic and softplus
 * 6 ulp.
 */
#ifndef SWEEPD_CORE_LINALG_KERNEL_MATH_H
#define SWEEPD_CORE_LINALG_KERNEL_MATH_H

#include <float.h>
#include <math.h>

#define INLINE static inline __attribute__((always_inline))

INLINE vf vf_abs(vf x)
{
    return vf_from_bits(vf_bits(x) & 0x7fffffff);
}

/* relu as a maximum whose NaN comes through, so that a network that diverges shows it. */
INLINE vf vf_relu(vf x)
{
    return vf_max(vf_set(0.0f), x);
}

/* 2^k for -126 <= k <= 127; unsigned, since a NaN's k is anything. */
INLINE vf vf_power_of_two(vi k)
{
    return vf_from_bits((vi)(((vu)k + 127u) << 23));
}

/*
 * x = k ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite), e^r by a polynomial of degree 7. The power
 * of two is applied in halves, for results next to overflow and underflow.
 * Source  coefficients: Cephes expf (Moshier)
 */
INLINE vf vf_exp(vf x)
{
    const float MAGIC = 0x1.8p23f; /* adding it rounds to an integer in the low bits */
    vf t, n, r, p;
    vi k, half;

    x = vf_min(vf_set(89.0f), vf_max(vf_set(-104.0f), x));
    t = vf_fma(x, vf_set(1.44269504088896341f), vf_set(MAGIC));
    n = t - vf_set(MAGIC);
    r = vf_fma(n, vf_set(-0.693359375f), x);
    r = vf_fma(n, vf_set(2.12194440e-4f), r);
    p = vf_fma(r, vf_set(1.9875691500e-4f), vf_set(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set(5.0000001201e-1f));
    p = vf_fma(p, r * r, r) + vf_set(1.0f);
    k = (vi)((vu)vf_bits(t) - (vu)vf_bits(vf_set(MAGIC)));
    half = k >> 1;
    return p * vf_power_of_two(half) * vf_power_of_two((vi)((vu)k - (vu)half));
}

/*
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)), log m by a polynomial in m - 1.
 * Source  coefficients: Cephes logf (Moshier)
 */
INLINE vf vf_log(vf x)
{
    vf tiny = vf_set(FLT_MIN), zero = vf_set(0.0f);
    vf shift = vf_less(x, tiny, vf_set(-23.0f), zero);
    vf scaled = vf_less(x, tiny, x * vf_set(0x1p23f), x);
    vi bits = vf_bits(scaled);
    vf m = vf_from_bits((bits & 0x007fffff) | 0x3f000000); /* [1/2, 1) */
    vf small = vf_set(0.707106781186547524f), k, f, z, p, y;

    k = vf_from_bits((vi)((((vu)bits >> 23) & 0xffu) | 0x4b000000u)) - vf_set(0x1p23f + 126.0f);
    k = k + shift - vf_less(m, small, vf_set(1.0f), zero);
    f = vf_less(m, small, m + m, m) - vf_set(1.0f);
    z = f * f;
    p = vf_fma(f, vf_set(7.0376836292e-2f), vf_set(-1.1514610310e-1f));
    p = vf_fma(p, f, vf_set(1.1676998740e-1f));
    p = vf_fma(p, f, vf_set(-1.2420140846e-1f));
    p = vf_fma(p, f, vf_set(1.4249322787e-1f));
    p = vf_fma(p, f, vf_set(-1.6668057665e-1f));
    p = vf_fma(p, f, vf_set(2.0000714765e-1f));
    p = vf_fma(p, f, vf_set(-2.4999993993e-1f));
    p = vf_fma(p, f, vf_set(3.3333331174e-1f));
    y = vf_fma(k, vf_set(-2.12194440e-4f), p * (z * f));
    y = f + vf_fma(z, vf_set(-0.5f), y);
    y = vf_fma(k, vf_set(0.693359375f), y);
    y = vf_less(vf_set(FLT_MAX), x, x, y); /* infinity stays */
    y = vf_less(zero, x, y, vf_less(x, zero, vf_set(NAN), vf_set(-INFINITY)));
    return vf_less(x, vf_set(INFINITY), y, x); /* NaN is not less than anything */
}

/*
 * A rational function of degree 13 over 6; beyond the clamp, one is the nearest float.
 * Source  coefficients: Eigen, generic_fast_tanh_float
 */
INLINE vf vf_tanh(vf x)
{
    const float END = 7.90531110763549805f;
    vf c = vf_min(vf_set(END), vf_max(vf_set(-END), x)), z = c * c, p, q;

    p = vf_fma(z, vf_set(-2.76076847742355e-16f), vf_set(2.00018790482477e-13f));
    p = vf_fma(p, z, vf_set(-8.60467152213735e-11f));
    p = vf_fma(p, z, vf_set(5.12229709037114e-08f));
    p = vf_fma(p, z, vf_set(1.48572235717979e-05f));
    p = vf_fma(p, z, vf_set(6.37261928875436e-04f));
    p = vf_fma(p, z, vf_set(4.89352455891786e-03f));
    q = vf_fma(z, vf_set(1.19825839466702e-06f), vf_set(1.18534705686654e-04f));
    q = vf_fma(q, z, vf_set(2.26843463243900e-03f));
    q = vf_fma(q, z, vf_set(4.89352518554385e-03f));
    return vf_less(vf_abs(x), vf_set(4e-4f), x, c * p / q); /* c p could underflow there */
}

INLINE vf vf_logistic(vf x)
{
    return vf_set(1.0f) / (vf_set(1.0f) + vf_exp(-x));
}

/* max(x, 0) + log(1 + e^-|x|); the quotient gives back what rounding 1 + e has lost. */
INLINE vf vf_softplus(vf x)
{
    vf e = vf_exp(-vf_abs(x)), u = vf_set(1.0f) + e;

    return vf_relu(x) + (vf_log(u) + (e - (u - vf_set(1.0f))) / u);
}

INLINE vf vf_apply(enum kernel_function f, vf x)
{
    switch (f) {
    case KERNEL_IDENTITY:
        return x;
    case KERNEL_RELU:
        return vf_relu(x);
    case KERNEL_TANH:
        return vf_tanh(x);
    case KERNEL_LOGISTIC:
        return vf_logistic(x);
    case KERNEL_SOFTPLUS:
        return vf_softplus(x);
    case KERNEL_EXP:
        return vf_exp(x);
    case KERNEL_LOG:
        return vf_log(x);
    }
    return x;
}

/* The gradient d times f', computed from f's value y. */
INLINE vf vf_slope(enum kernel_function f, vf y, vf d)
{
    switch (f) {
    case KERNEL_RELU:
        return vf_less(vf_set(0.0f), y, d, vf_set(0.0f));
    case KERNEL_TANH:
        return d * vf_fma(-y, y, vf_set(1.0f));
    case KERNEL_LOGISTIC:
        return d * vf_fma(-y, y, y);
    case KERNEL_IDENTITY:
    case KERNEL_SOFTPLUS: /* the last three follow no layer */
    case KERNEL_EXP:
    case KERNEL_LOG:
        return d;
    }
    return d;
}

/* One weight's update (kernel.h, enum kernel_rule); returns the new weight. */
INLINE vf vf_step_sgd(vf g, vf w, vf rate)
{
    return vf_fma(-rate, g, w);
}

INLINE vf vf_step_momentum(vf g, vf w, vf rate, vf momentum, bool nesterov, vf *a)
{
    *a = vf_fma(momentum, *a, g);
    return vf_fma(-rate, nesterov ? vf_fma(momentum, *a, g) : *a, w);
}

INLINE vf vf_step_adam(vf g, vf w, const vf c[7], vf *a, vf *b)
{
    vf rate = c[0], beta1 = c[1], gain1 = c[2], beta2 = c[3], gain2 = c[4];

    *a = vf_fma(beta1, *a, gain1 * g);
    *b = vf_fma(beta2, *b, gain2 * g * g);
    return vf_fma(-rate, *a / vf_fma(c[5], vf_sqrt(*b), c[6]), w);
}

#endif
