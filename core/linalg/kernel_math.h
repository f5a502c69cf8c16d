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
 * Bounds, tested against libm over all exponents: exp and log 2 ulp; tanh, logistic, erf, sine
 * and the other activations 6 ulp.
 */
#ifndef SWEEPD_CORE_LINALG_KERNEL_MATH_H
#define SWEEPD_CORE_LINALG_KERNEL_MATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

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
 * x = k ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite); returns e^r - 1 by a polynomial of
 * degree 7. Source  coefficients: Cephes expf (Moshier)
 */
INLINE vf vf_exp_part(vf x, vi *k)
{
    const float MAGIC = 0x1.8p23f; /* adding it rounds to an integer in the low bits */
    vf t = vf_fma(x, vf_set(1.44269504088896341f), vf_set(MAGIC)), n = t - vf_set(MAGIC), r, p;

    r = vf_fma(n, vf_set(-0.693359375f), x);
    r = vf_fma(n, vf_set(2.12194440e-4f), r);
    p = vf_fma(r, vf_set(1.9875691500e-4f), vf_set(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set(5.0000001201e-1f));
    *k = (vi)((vu)vf_bits(t) - (vu)vf_bits(vf_set(MAGIC)));
    return vf_fma(p, r * r, r);
}

/* The power of two is applied in halves, for results next to overflow and underflow. */
INLINE vf vf_exp(vf x)
{
    vi k, half;
    vf p = vf_exp_part(vf_min(vf_set(89.0f), vf_max(vf_set(-104.0f), x)), &k) + vf_set(1.0f);

    half = k >> 1;
    return p * vf_power_of_two(half) * vf_power_of_two((vi)((vu)k - (vu)half));
}

/*
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)), log m by a polynomial in m - 1. For x that
 * are positive, finite and not denormal; of a NaN it makes any number. `shift` is added to k.
 * Source  coefficients: Cephes logf (Moshier)
 */
INLINE vf vf_log_part(vf x, vf shift)
{
    vi bits = vf_bits(x);
    vf m = vf_from_bits((bits & 0x007fffff) | 0x3f000000); /* [1/2, 1) */
    vf small = vf_set(0.707106781186547524f), k, f, z, p, y;

    k = vf_from_bits((vi)((((vu)bits >> 23) & 0xffu) | 0x4b000000u)) - vf_set(0x1p23f + 126.0f);
    k = k + shift - vf_less(m, small, vf_set(1.0f), vf_set(0.0f));
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
    return vf_fma(k, vf_set(0.693359375f), y);
}

INLINE vf vf_log(vf x)
{
    vf tiny = vf_set(FLT_MIN), zero = vf_set(0.0f);
    vf shift = vf_less(x, tiny, vf_set(-23.0f), zero);
    vf y = vf_log_part(vf_less(x, tiny, x * vf_set(0x1p23f), x), shift);

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

/* max(x, 0) + log(1 + e^-|x|); the quotient gives back what rounding 1 + e has lost, and a NaN. */
INLINE vf vf_softplus(vf x)
{
    vf e = vf_exp(-vf_abs(x)), u = vf_set(1.0f) + e;

    return vf_relu(x) + (vf_log_part(u, vf_set(0.0f)) + (e - (u - vf_set(1.0f))) / u);
}

/* e^x - 1 for x <= 0, without the cancellation next to 0: 2^k (e^r - 1) + (2^k - 1). */
INLINE vf vf_expm1_negative(vf x)
{
    vi k;
    vf p = vf_exp_part(vf_max(vf_set(-25.0f), x), &k), two = vf_power_of_two(k);

    return vf_fma(two, p, two - vf_set(1.0f));
}

/*
 * A rational function of degree 13 over 8; beyond the clamp, one is the nearest float.
 * Source  coefficients: Eigen, generic_fast_erf_float
 */
INLINE vf vf_erf(vf x)
{
    const float END = 4.0f;
    vf c = vf_min(vf_set(END), vf_max(vf_set(-END), x)), z = c * c, p, q;

    p = vf_fma(z, vf_set(-2.72614225801306e-10f), vf_set(2.77068142495902e-08f));
    p = vf_fma(p, z, vf_set(-2.10102402082508e-06f));
    p = vf_fma(p, z, vf_set(-5.69250639462346e-05f));
    p = vf_fma(p, z, vf_set(-7.34990630326855e-04f));
    p = vf_fma(p, z, vf_set(-2.95459980854025e-03f));
    p = vf_fma(p, z, vf_set(-1.60960333262415e-02f));
    q = vf_fma(z, vf_set(-1.45660718464996e-05f), vf_set(-2.13374055278905e-04f));
    q = vf_fma(q, z, vf_set(-1.68282697438203e-03f));
    q = vf_fma(q, z, vf_set(-7.37332916720468e-03f));
    q = vf_fma(q, z, vf_set(-1.42647390514189e-02f));
    p = c * p / q;
    p = vf_min(vf_set(1.0f), vf_max(vf_set(-1.0f), p));
    /* c p could underflow next to 0 */
    return vf_less(vf_abs(x), vf_set(1e-4f), x * vf_set(1.12837916709551257f), p);
}

/*
 * The angle of a float beyond FAR_AWAY, in [-pi/2, pi/2] with the same sine: x / 2 pi modulo 1 in
 * 64 bits of fixed point, from as many digits of 1 / 2 pi as matter to x (Payne and Hanek 1983).
 * `quarter` adds a quarter turn, for the cosine.
 */
static float reduce_far(float x, bool quarter)
{
    static const uint32_t digits[] = {0,          0x28be60db, 0x9391054a, 0x7f09d5f4,
                                      0x7d4d3770, 0x36d8a566, 0x4f10e410, 0x7f9458ea};
    const uint64_t HALF = (uint64_t)1 << 63, QUARTER = (uint64_t)1 << 62;
    uint32_t bits, mantissa, window[3];
    uint64_t turn;
    size_t exponent, word, shift;

    memcpy(&bits, &x, sizeof bits);
    mantissa = (bits & 0x7fffff) << 8 | 0x80000000;
    exponent = (bits >> 23 & 0xff) - 126; /* |x| = mantissa 2^(exponent - 32) */
    word = exponent / 32;
    shift = exponent % 32;
    for (size_t i = 0; i < 3; i++) {
        uint64_t pair = (uint64_t)digits[word + i] << 32 | digits[word + i + 1];

        window[i] = (uint32_t)(pair >> (32 - shift));
    }
    turn = ((uint64_t)(mantissa * window[0]) << 32) + (uint64_t)mantissa * window[1] +
           ((uint64_t)mantissa * window[2] >> 32);
    turn = bits >> 31 ? -turn : turn;
    turn += quarter ? QUARTER : 0;
    if (turn + QUARTER >= HALF) /* in the left half of the circle: mirrored into the right one */
        turn = HALF - turn;
    return (float)((double)(int64_t)turn * 0x1.921fb54442d18p-62);
}

/* Beyond it the reduction by three constants begins to lose digits. */
#define FAR_AWAY 0x1p17f

/* Replaces the angles of those lanes of x that are far away. */
static __attribute__((noinline)) void reduce_lanes(size_t n, const float *x, bool quarter,
                                                   float *angle)
{
    for (size_t i = 0; i < n; i++)
        if (fabsf(x[i]) >= FAR_AWAY)
            angle[i] = fabsf(x[i]) <= FLT_MAX ? reduce_far(x[i], quarter) : NAN;
}

INLINE bool vf_any_far(vf x)
{
    vi far = (vi)(vf_abs(x) >= vf_set(FAR_AWAY));
    uint32_t lane[sizeof far / sizeof(uint32_t)], any = 0;

    memcpy(lane, &far, sizeof far);
    for (size_t i = 0; i < sizeof lane / sizeof *lane; i++)
        any |= lane[i];
    return any != 0;
}

/*
 * sin(x), or cos(x) = sin(x + pi/2) for `quarter`. x = m pi + r with m an integer (less a half for
 * the cosine), pi in three parts whose products the fma subtracts exactly; then a polynomial of
 * degree 9, odd in r.
 * Source  coefficients: SLEEF, sinf (Shibata and Petrogalli 2020)
 */
INLINE vf vf_wave(vf x, const bool quarter)
{
    const float MAGIC = 0x1.8p23f;
    vf shift = vf_set(quarter ? 0.5f : 0.0f);
    vf t = vf_fma(x, vf_set(0.318309886183790672f), shift) + vf_set(MAGIC);
    vf m = t - vf_set(MAGIC) - shift, r, z, p;
    vi odd = (vi)((vu)vf_bits(t) << 31);

    r = vf_fma(m, vf_set(-0x1.921fb6p1f), x);
    r = vf_fma(m, vf_set(0x1.777a5cp-24f), r);
    r = vf_fma(m, vf_set(0x1.ee59dap-49f), r);
    r = vf_from_bits(vf_bits(r) ^ odd);
    if (__builtin_expect(vf_any_far(x), 0)) {
        float from[sizeof x / sizeof(float)], to[sizeof x / sizeof(float)];

        memcpy(from, &x, sizeof x);
        memcpy(to, &r, sizeof r);
        reduce_lanes(sizeof x / sizeof(float), from, quarter, to);
        memcpy(&r, to, sizeof r);
    }
    z = r * r;
    p = vf_fma(z, vf_set(2.6083159809786593541503e-06f), vf_set(-0.0001981069071916863322258f));
    p = vf_fma(p, z, vf_set(0.00833307858556509017944336f));
    p = vf_fma(p, z, vf_set(-0.166666597127914428710938f));
    return vf_fma(z * r, p, r);
}

/* Klambauer et al. 2017, equation 2: the scale, and its product with alpha. */
#define SELU_SCALE 1.0507009873554804934f
#define SELU_SCALE_ALPHA 1.7580993408473768600f

/* Gauss's distribution function; next to -infinity it keeps its absolute error, not its digits. */
INLINE vf vf_normal_share(vf x)
{
    return vf_set(0.5f) * (vf_set(1.0f) + vf_erf(x * vf_set(0.707106781186547524f)));
}

INLINE vf vf_apply(enum kernel_function f, vf x)
{
    vf zero = vf_set(0.0f), one = vf_set(1.0f);

    switch (f) {
    case KERNEL_IDENTITY:
        return x;
    case KERNEL_RELU:
        return vf_relu(x);
    case KERNEL_TANH:
        return vf_tanh(x);
    case KERNEL_LOGISTIC:
        return vf_logistic(x);
    case KERNEL_LEAKY_RELU:
        return vf_less(zero, x, x, x * vf_set(0.01f));
    case KERNEL_ELU:
        return vf_less(zero, x, x, vf_expm1_negative(vf_min(zero, x)));
    case KERNEL_SELU:
        return vf_less(zero, x, x * vf_set(SELU_SCALE),
                       vf_expm1_negative(vf_min(zero, x)) * vf_set(SELU_SCALE_ALPHA));
    case KERNEL_SOFTPLUS:
        return vf_softplus(x);
    case KERNEL_SOFTSIGN:
        return x / (one + vf_abs(x));
    case KERNEL_HARD_SIGMOID:
        return vf_min(vf_set(6.0f), vf_max(zero, x + vf_set(3.0f))) / vf_set(6.0f);
    case KERNEL_GELU:
        return x * vf_normal_share(x);
    case KERNEL_SILU:
        return x * vf_logistic(x);
    case KERNEL_SINE:
        return vf_wave(x, false);
    case KERNEL_EXP:
        return vf_exp(x);
    case KERNEL_LOG:
        return vf_log(x);
    case KERNEL_ERF:
        return vf_erf(x);
    }
    return x;
}

/* Phi(x) + x phi(x). */
INLINE vf vf_gelu_slope(vf x)
{
    vf density = vf_exp(x * x * vf_set(-0.5f)) * vf_set(0.398942280401432678f);

    return vf_fma(x, density, vf_normal_share(x));
}

/* s + x s (1 - s) with the logistic s. */
INLINE vf vf_silu_slope(vf x)
{
    vf s = vf_logistic(x);

    return vf_fma(x * s, vf_set(1.0f) - s, s);
}

/* The gradient d times f'; y is f's value, for the three before the last three its argument. */
INLINE vf vf_slope(enum kernel_function f, vf y, vf d)
{
    vf zero = vf_set(0.0f), one = vf_set(1.0f), rest;

    switch (f) {
    case KERNEL_RELU:
        return vf_less(zero, y, d, zero);
    case KERNEL_TANH:
        return d * vf_fma(-y, y, one);
    case KERNEL_LOGISTIC:
        return d * vf_fma(-y, y, y);
    case KERNEL_LEAKY_RELU:
        return vf_less(zero, y, d, d * vf_set(0.01f));
    case KERNEL_ELU:
        return vf_less(zero, y, d, d * (y + one));
    case KERNEL_SELU:
        return d * vf_less(zero, y, vf_set(SELU_SCALE), y + vf_set(SELU_SCALE_ALPHA));
    case KERNEL_SOFTPLUS: /* 1 - e^-y is the logistic of the sums */
        return d * -vf_expm1_negative(-y);
    case KERNEL_SOFTSIGN:
        rest = one - vf_abs(y);
        return d * (rest * rest);
    case KERNEL_HARD_SIGMOID:
        return vf_less(zero, y, vf_less(y, one, d / vf_set(6.0f), zero), zero);
    case KERNEL_GELU:
        return d * vf_gelu_slope(y);
    case KERNEL_SILU:
        return d * vf_silu_slope(y);
    case KERNEL_SINE:
        return d * vf_wave(y, true);
    case KERNEL_IDENTITY:
    case KERNEL_EXP: /* the last three follow no layer */
    case KERNEL_LOG:
    case KERNEL_ERF:
        return d;
    }
    return d;
}

/* What an update is made of, in every lane; see kernel.h. */
struct constants {
    bool has_l1;
    vf scale, l1, l2, keep;
    vf rate, rate_now, momentum, beta1, gain1, beta2, gain2, root, epsilon;
};

/* Biases know neither penalty nor decay. */
INLINE struct constants constants_of(const struct kernel_update *u, float scale, bool bias)
{
    return (struct constants){
        .has_l1 = !bias && u->l1 != 0.0f,
        .scale = vf_set(scale),
        .l1 = vf_set(u->l1),
        .l2 = vf_set(bias ? 0.0f : u->l2),
        .keep = vf_set(bias ? 1.0f : u->keep),
        .rate = vf_set(u->rate),
        .rate_now = vf_set(u->rate_now),
        .momentum = vf_set(u->momentum),
        .beta1 = vf_set(u->beta1),
        .gain1 = vf_set(u->gain1),
        .beta2 = vf_set(u->beta2),
        .gain2 = vf_set(u->gain2),
        .root = vf_set(u->root),
        .epsilon = vf_set(u->epsilon),
    };
}

INLINE vf vf_step_adam(const struct constants *c, vf g, vf w, vf *a, vf *b)
{
    *a = vf_fma(c->beta1, *a, c->gain1 * g);
    *b = vf_fma(c->beta2, *b, c->gain2 * g * g);
    return vf_fma(-c->rate, *a / vf_fma(c->root, vf_sqrt(*b), c->epsilon), c->keep * w);
}

INLINE vf vf_step_nadam(const struct constants *c, vf g, vf w, vf *a, vf *b)
{
    *a = vf_fma(c->beta1, *a, c->gain1 * g);
    *b = vf_fma(c->beta2, *b, c->gain2 * g * g);
    return w - vf_fma(c->rate_now, g, c->rate * *a) / vf_fma(c->root, vf_sqrt(*b), c->epsilon);
}

INLINE vf vf_step_adadelta(const struct constants *c, vf g, vf w, vf *a, vf *b)
{
    vf d;

    *a = vf_fma(c->beta2, *a, c->gain2 * g * g);
    d = vf_sqrt(*b + c->epsilon) / vf_sqrt(*a + c->epsilon) * g;
    *b = vf_fma(c->beta2, *b, c->gain2 * d * d);
    return vf_fma(-c->rate, d, w);
}

/* One weight's update (kernel.h, enum kernel_rule); returns the new weight. */
INLINE vf vf_step(const enum kernel_rule rule, const struct constants *c, vf g, vf w, vf *a, vf *b)
{
    vf zero = vf_set(0.0f);

    g = vf_fma(c->l2, w, c->scale * g);
    if (c->has_l1)
        g = g + vf_less(zero, w, c->l1, vf_less(w, zero, -c->l1, zero));
    switch (rule) {
    case KERNEL_SGD:
        return vf_fma(-c->rate, g, w);
    case KERNEL_MOMENTUM:
        *a = vf_fma(c->momentum, *a, g);
        return vf_fma(-c->rate, *a, w);
    case KERNEL_NESTEROV:
        *a = vf_fma(c->momentum, *a, g);
        return vf_fma(-c->rate, vf_fma(c->momentum, *a, g), w);
    case KERNEL_ADAM:
        return vf_step_adam(c, g, w, a, b);
    case KERNEL_NADAM:
        return vf_step_nadam(c, g, w, a, b);
    case KERNEL_RMSPROP:
        *a = vf_fma(c->beta2, *a, c->gain2 * g * g);
        return vf_fma(-c->rate, g / (vf_sqrt(*a) + c->epsilon), w);
    case KERNEL_ADADELTA:
        return vf_step_adadelta(c, g, w, a, b);
    }
    return w;
}

#endif
