/* Element-wise functions against libm, softmax, and the choice of a kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/linalg/denormal.h"
#include "core/linalg/kernel.h"
#include "core/linalg/shuffle.h"

enum { STEP = 20011, CHUNK = 1000 }; /* every STEP-th of all 2^32 floats */

static float float_of(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Distance in units of the last place that a float of this size has. */
static double ulps(float got, double want)
{
    int exponent;

    if (isinf(want) || fabs(want) > (double)FLT_MAX)
        return isinf(got) || fabsf(got) == FLT_MAX ? 0.0 : 1e9;
    if (fabs(want) < (double)FLT_MIN) /* flushed to zero, or left denormal */
        return fabsf(got) <= FLT_MIN ? 0.0 : 1e9;
    (void)frexp(want, &exponent);
    return fabs((double)got - want) / ldexp(1.0, exponent - FLT_MANT_DIG);
}

static double exact_logistic(double x)
{
    return x < 0 ? exp(x) / (1.0 + exp(x)) : 1.0 / (1.0 + exp(-x));
}

static double exact_softplus(double x)
{
    return (x > 0 ? x : 0.0) + log1p(exp(-fabs(x)));
}

static double exact_leaky_relu(double x)
{
    return x > 0 ? x : 0.01 * x;
}

static double exact_elu(double x)
{
    return x > 0 ? x : expm1(x);
}

static double exact_selu(double x)
{
    return 1.0507009873554804934193349852946 *
           (x > 0 ? x : 1.6732632423543772848170429916717 * expm1(x));
}

static double exact_softsign(double x)
{
    return x / (1.0 + fabs(x));
}

static double exact_silu(double x)
{
    return x * exact_logistic(x);
}

static double exact_gelu(double x)
{
    return 0.5 * x * erfc(-x / sqrt(2.0));
}

static double exact_hard_sigmoid(double x)
{
    return fmin(fmax(x + 3.0, 0.0), 6.0) / 6.0;
}

struct function {
    enum kernel_function f;
    double (*exact)(double);
    double bound; /* ulp */
};

static const struct function functions[] = {
    {KERNEL_EXP, exp, 2},
    {KERNEL_LOG, log, 2},
    {KERNEL_TANH, tanh, 6},
    {KERNEL_LOGISTIC, exact_logistic, 6},
    {KERNEL_SOFTPLUS, exact_softplus, 6},
    {KERNEL_ERF, erf, 6},
    {KERNEL_SINE, sin, 6},
    {KERNEL_LEAKY_RELU, exact_leaky_relu, 6},
    {KERNEL_ELU, exact_elu, 6},
    {KERNEL_SELU, exact_selu, 6},
    {KERNEL_SOFTSIGN, exact_softsign, 6},
};

enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

/* Fills x with the next floats of the sweep; returns how many. */
static size_t next_chunk(uint64_t *bits, float x[CHUNK])
{
    size_t n = 0;

    for (; n < CHUNK && *bits <= UINT32_MAX; *bits += STEP)
        x[n++] = float_of((uint32_t)*bits);
    return n;
}

static const struct kernel *fastest(void)
{
    const struct kernel *k;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    return k;
}

static void functions_are_within_their_bounds_of_libm(void **state)
{
    const struct kernel *k = fastest();
    float x[CHUNK], y[CHUNK];

    (void)state;
    for (size_t f = 0; f < N_FUNCTIONS; f++) {
        double worst = 0.0;
        uint64_t bits = 0;

        for (size_t n; (n = next_chunk(&bits, x)) > 0;) {
            k->map(functions[f].f, n, x, y);
            for (size_t i = 0; i < n; i++) {
                double want = functions[f].exact((double)x[i]);

                assert_int_equal(isnan(y[i]) != 0, isnan(want) != 0);
                if (!isnan(want) && ulps(y[i], want) > worst)
                    worst = ulps(y[i], want);
            }
        }
        print_message("function %d: %.2f ulp\n", (int)functions[f].f, worst);
        assert_true(worst <= functions[f].bound);
    }
}

/* All NaNs are one. */
static void assert_same_bits(size_t n, const float *a, const float *b)
{
    for (size_t i = 0; i < n; i++)
        assert_true((isnan(a[i]) && isnan(b[i])) || memcmp(a + i, b + i, sizeof *a) == 0);
}

/* Where two terms cancel, what counts is the error beside the larger one. */
static const struct {
    enum kernel_function f;
    double (*exact)(double);
    double bound, beside; /* |error| <= bound (beside + |x|) */
} cancelling[] = {
    {KERNEL_GELU, exact_gelu, 2e-7, 0.0},
    {KERNEL_SILU, exact_silu, 2e-7, 0.0},
    {KERNEL_HARD_SIGMOID, exact_hard_sigmoid, 2e-7, 1.0},
};

static void activations_that_cancel_are_right_beside_their_terms(void **state)
{
    const struct kernel *k = fastest();
    float x[CHUNK], y[CHUNK];

    (void)state;
    for (size_t f = 0; f < sizeof cancelling / sizeof *cancelling; f++) {
        uint64_t bits = 1;

        for (size_t n; (n = next_chunk(&bits, x)) > 0;) {
            k->map(cancelling[f].f, n, x, y);
            for (size_t i = 0; i < n; i++) {
                double at = (double)x[i], error = fabs((double)y[i] - cancelling[f].exact(at));

                if (isfinite(x[i]) &&
                    error > cancelling[f].bound * (cancelling[f].beside + fabs(at)) + 1e-37)
                    fail_msg("function %d of %g: %g", (int)cancelling[f].f, at, (double)y[i]);
            }
        }
    }
}

/* Central differences of libm's functions; `at` is what the derivative is computed from. */
static void slopes_are_the_functions_derivatives(void **state)
{
    static const struct function smooth[] = {
        {KERNEL_TANH, tanh, 0},
        {KERNEL_LOGISTIC, exact_logistic, 0},
        {KERNEL_ELU, exact_elu, 0},
        {KERNEL_SELU, exact_selu, 0},
        {KERNEL_GELU, exact_gelu, 0},
        {KERNEL_SILU, exact_silu, 0},
        {KERNEL_SINE, sin, 0},
        {KERNEL_SOFTPLUS, exact_softplus, 0},
        {KERNEL_SOFTSIGN, exact_softsign, 0},
        {KERNEL_LEAKY_RELU, exact_leaky_relu, 0},
        {KERNEL_HARD_SIGMOID, exact_hard_sigmoid, 0},
    };
    const struct kernel *k = fastest();
    const double H = 1e-5;

    (void)state;
    for (size_t i = 0; i < sizeof smooth / sizeof *smooth; i++) {
        for (int step = -1234; step < 1234; step++) {
            float x = 0.0101f * (float)step + 0.0007f, y = x, d = 2.0f;
            double want = (smooth[i].exact((double)x + H) - smooth[i].exact((double)x - H)) / H;

            if (!kernel_slope_needs_sums(smooth[i].f))
                k->map(smooth[i].f, 1, &x, &y);
            k->slope(smooth[i].f, 1, &y, &d);
            if (fabs((double)d - want) > 2e-6)
                fail_msg("slope %d at %g: %g, not %g", (int)smooth[i].f, (double)x, (double)d,
                         want);
        }
    }
}

/* Far from zero the sine's digits come from 190 digits of pi: Kahan's and other hard cases. */
static void the_cosine_behind_the_sine_is_right_however_far_away(void **state)
{
    const struct kernel *k = fastest();
    float x[CHUNK];
    double worst = 0.0;
    uint64_t bits = 2;

    (void)state;
    for (size_t n; (n = next_chunk(&bits, x)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            float d = 1.0f;

            if (!isfinite(x[i]))
                continue;
            k->slope(KERNEL_SINE, 1, x + i, &d);
            worst = fmax(worst, ulps(d, cos((double)x[i])));
        }
    }
    print_message("cosine: %.2f ulp\n", worst);
    assert_true(worst <= 6.0);
}

static void functions_have_the_same_bits_in_every_kernel(void **state)
{
    const struct kernel *k, *reference;
    float x[CHUNK], y[CHUNK], z[CHUNK];

    (void)state;
    assert_int_equal(kernel_choose("reference", &reference, NULL), ERR_OK);
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        for (int f = 0; kernel_supported(k) && f <= KERNEL_ERF; f++) {
            uint64_t bits = i;

            for (size_t n; (n = next_chunk(&bits, x)) > 0;) {
                k->map((enum kernel_function)f, n, x, y);
                reference->map((enum kernel_function)f, n, x, z);
                assert_same_bits(n, y, z);
                for (size_t j = 0; j < n; j++)
                    y[j] = z[j] = 1.0f;
                k->slope((enum kernel_function)f, n, x, y);
                reference->slope((enum kernel_function)f, n, x, z);
                assert_same_bits(n, y, z);
            }
        }
    }
}

static void special_values_are_what_mathematics_says(void **state)
{
    float x[4] = {0.0f, -1.0f, INFINITY, NAN}, y[4];
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        if (!kernel_supported(k))
            continue;
        k->map(KERNEL_LOG, 4, x, y);
        assert_true(isinf(y[0]) && y[0] < 0 && isnan(y[1]) && isinf(y[2]) && isnan(y[3]));
        k->map(KERNEL_RELU, 4, x, y);
        assert_true(y[0] == 0.0f && y[1] == 0.0f && isinf(y[2]) && isnan(y[3]));
        k->map(KERNEL_SOFTPLUS, 4, x, y);
        assert_true(isinf(y[2]) && isnan(y[3]));
        for (int f = 0; f <= KERNEL_ERF; f++) { /* a network that diverges shows it */
            k->map((enum kernel_function)f, 4, x, y);
            assert_true(isnan(y[3]));
        }
    }
}

/* Rows of logits of any size; the row's stride is that of a network. */
static void run_softmax(const struct kernel *k, size_t rows, size_t n, const float *z, float *out,
                        float *top, float *log_sum)
{
    k->softmax(rows, n, z, kernel_stride(n), NULL, out, top, log_sum);
}

static void softmax_has_the_same_bits_in_every_kernel(void **state)
{
    enum { ROWS = 43, MOST = 50 };
    size_t floats = ROWS * kernel_stride(MOST);
    float *z = mem_calloc(floats, sizeof *z), *p = mem_calloc(floats, sizeof *p);
    float *q = mem_calloc(floats, sizeof *q), top[2][ROWS], log_sum[2][ROWS];
    const struct kernel *k, *reference;
    struct rng r;

    (void)state;
    assert_true(z && p && q);
    assert_int_equal(kernel_choose("reference", &reference, NULL), ERR_OK);
    rng_init(&r, 7, 0, 0, RNG_TEST, 0);
    for (size_t n = 2; n <= MOST; n++) {
        size_t stride = kernel_stride(n);

        for (size_t i = 0; i < ROWS * stride; i++)
            z[i] = 20.0f * (float)rng_normal(&r);
        run_softmax(reference, ROWS, n, z, p, top[0], log_sum[0]);
        for (size_t i = 0; (k = kernel_at(i)); i++) {
            if (!kernel_supported(k))
                continue;
            run_softmax(k, ROWS, n, z, q, top[1], log_sum[1]);
            for (size_t row = 0; row < ROWS; row++)
                assert_memory_equal(p + row * stride, q + row * stride, n * sizeof *p);
            for (size_t row = 0; row < ROWS; row++)
                assert_true(top[0][row] == top[1][row] && log_sum[0][row] == log_sum[1][row]);
        }
    }
    free(z);
    free(p);
    free(q);
}

/* Two calls of one stream, the first of which may end inside one of its blocks. */
static void drop_twice(const struct kernel *k, size_t rows, size_t n, float *mask, struct rng *r)
{
    size_t stride = kernel_stride(n);

    rng_init(r, 12, 3, 4, RNG_DROPOUT, 5);
    k->drop(r, 0x40000000, 4.0f / 3.0f, rows, n, stride, mask);
    k->drop(r, 0xc0000000, 4.0f, rows, n, stride, mask + rows * stride);
}

static void dropout_is_that_of_the_stream_in_every_kernel(void **state)
{
    enum { ROWS = 13, MOST = 1100 };
    size_t most = 2 * ROWS * kernel_stride(MOST);
    float *want = mem_calloc(most, sizeof *want), *got = mem_calloc(most, sizeof *got);
    const struct kernel *k, *reference;

    (void)state;
    assert_true(want && got);
    assert_int_equal(kernel_choose("reference", &reference, NULL), ERR_OK);
    for (size_t n = 1; n <= MOST; n += 1 + n * n / 40) {
        size_t floats = 2 * ROWS * kernel_stride(n);
        struct rng r, after;

        memset(want, 0, floats * sizeof *want);
        drop_twice(reference, ROWS, n, want, &after);
        for (size_t i = 0; (k = kernel_at(i)); i++) {
            if (!kernel_supported(k))
                continue;
            memset(got, 0, floats * sizeof *got);
            drop_twice(k, ROWS, n, got, &r);
            assert_memory_equal(want, got, floats * sizeof *got);
            for (struct rng next = after; next.used < 4 || next.counter[0] == after.counter[0];)
                assert_true(rng_u32(&r) == rng_u32(&next));
        }
    }
    free(want);
    free(got);
}

static void every_kernel_shuffles_as_rng_shuffle_does(void **state)
{
    enum { MOST = 3000 };
    static uint32_t want[MOST], got[MOST];
    const struct kernel *k;

    (void)state;
    for (size_t n = 0; n <= MOST; n += 1 + n / 3) {
        struct rng r;

        for (size_t i = 0; i < n; i++)
            want[i] = (uint32_t)i;
        rng_init(&r, 12, 3, 4, RNG_SHUFFLE, (uint32_t)n);
        rng_shuffle(&r, want, n);
        for (size_t j = 0; (k = kernel_at(j)); j++) {
            if (!kernel_supported(k))
                continue;
            for (size_t i = 0; i < n; i++)
                got[i] = (uint32_t)i;
            rng_init(&r, 12, 3, 4, RNG_SHUFFLE, (uint32_t)n);
            shuffle(k, &r, got, n);
            assert_memory_equal(want, got, n * sizeof *got);
        }
    }
}

static void products_of_elements_have_the_same_bits_in_every_kernel(void **state)
{
    enum { N = 5 * KERNEL_PAD };
    _Alignas(MEM_ALIGN) float a[N], b[N], want[N], got[N];
    const struct kernel *k;
    struct rng r;

    (void)state;
    rng_init(&r, 8, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; i < N; i++) {
        a[i] = (float)rng_normal(&r);
        b[i] = (float)rng_normal(&r);
        want[i] = a[i] * b[i];
    }
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        if (!kernel_supported(k))
            continue;
        memcpy(got, a, sizeof got);
        k->multiply(N, got, b, got);
        assert_memory_equal(want, got, sizeof got);
    }
}

static void softmax_survives_huge_logits(void **state)
{
    _Alignas(MEM_ALIGN) float z[16] = {3e38f, -3e38f, 3e38f}, p[16], top, log_sum;
    const struct kernel *k = fastest();

    (void)state;
    run_softmax(k, 1, 3, z, p, &top, &log_sum);
    assert_true(p[0] == 0.5f && p[1] == 0.0f && p[2] == 0.5f);
    assert_true(top == 3e38f && fabsf(log_sum - 0.693147f) < 1e-6f);
}

static void panels_give_each_element_a_place_of_its_own(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        for (size_t columns = 1; columns < 200; columns += 7) {
            struct panels p = panels_make(k, 5, columns);
            unsigned char *taken = calloc(panels_floats(&p), 1);

            assert_non_null(taken);
            for (size_t row = 0; row < 5; row++) {
                for (size_t column = 0; column < columns; column++) {
                    size_t at = panels_index(&p, row, column);

                    assert_true(at < panels_floats(&p));
                    assert_false(taken[at]);
                    taken[at] = 1;
                    assert_true(panels_index(&p, row, column + panels_run(&p, column) - 1) ==
                                at + panels_run(&p, column) - 1);
                }
            }
            free(taken);
        }
    }
}

static void a_kernel_is_chosen_by_name_or_by_processor(void **state)
{
    const struct kernel *k = NULL;
    struct error e = {0};

    (void)state;
    assert_int_equal(kernel_choose("reference", &k, &e), ERR_OK);
    assert_string_equal(k->name, "reference");
    assert_int_equal(kernel_choose("", &k, &e), ERR_OK);
    assert_ptr_equal(k, fastest());
    assert_int_equal(kernel_choose("abacus", &k, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "kernel \"abacus\": not on this machine; known: "));
    assert_non_null(strstr(e.message, "reference"));
}

static void flushing_denormals_ends_where_it_was_asked_to(void **state)
{
    volatile float tiny = 1e-30f, small = 1e-10f;
    float inside, outside;
    unsigned before = denormal_flush();

    (void)state;
    inside = tiny * small;
    denormal_restore(before);
    outside = tiny * small;
    assert_true(outside > 0.0f);
#if defined(__x86_64__) || defined(__aarch64__)
    assert_true(inside == 0.0f);
#else
    assert_true(inside == outside);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_within_their_bounds_of_libm),
        cmocka_unit_test(activations_that_cancel_are_right_beside_their_terms),
        cmocka_unit_test(slopes_are_the_functions_derivatives),
        cmocka_unit_test(the_cosine_behind_the_sine_is_right_however_far_away),
        cmocka_unit_test(functions_have_the_same_bits_in_every_kernel),
        cmocka_unit_test(special_values_are_what_mathematics_says),
        cmocka_unit_test(softmax_has_the_same_bits_in_every_kernel),
        cmocka_unit_test(dropout_is_that_of_the_stream_in_every_kernel),
        cmocka_unit_test(every_kernel_shuffles_as_rng_shuffle_does),
        cmocka_unit_test(products_of_elements_have_the_same_bits_in_every_kernel),
        cmocka_unit_test(softmax_survives_huge_logits),
        cmocka_unit_test(panels_give_each_element_a_place_of_its_own),
        cmocka_unit_test(a_kernel_is_chosen_by_name_or_by_processor),
        cmocka_unit_test(flushing_denormals_ends_where_it_was_asked_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
