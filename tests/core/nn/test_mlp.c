/* Networks: shape, initial weights, and the loss at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/nn/loss.h"
#include "core/nn/mlp.h"

enum { WIDE = 200 };

static struct mlp *create(const struct mlp_shape *s, const struct kernel *k)
{
    struct mlp_plan plan = {.rows = 4};
    struct mlp *m = NULL;

    assert_int_equal(mlp_create(s, &plan, k, &m, NULL), ERR_OK);
    return m;
}

static const struct kernel *fastest(void)
{
    const struct kernel *k;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    return k;
}

static float *initial(const struct mlp_shape *s, const struct kernel *k, enum init i, uint32_t fold)
{
    struct mlp *m = create(s, k);
    float *w = calloc(mlp_weight_count(s), sizeof *w);

    assert_non_null(w);
    mlp_init(m, i, 11, 1, fold);
    mlp_read(m, MLP_WEIGHTS, w);
    mlp_destroy(m);
    return w;
}

static void weights_are_counted_with_biases(void **state)
{
    struct mlp_shape s = {.n_inputs = 64, .n_layers = 3, .width = {64, 64, 10}};

    (void)state;
    assert_int_equal(mlp_weight_count(&s), 8970); /* API.md's example */
}

static void initial_weights_do_not_depend_on_the_kernel(void **state)
{
    struct mlp_shape s = {.n_inputs = 19, .n_layers = 3, .width = {33, 70, 3}};
    size_t bytes = mlp_weight_count(&s) * sizeof(float);
    const struct kernel *k;

    (void)state;
    for (int i = INIT_STANDARD_NORMAL; i < INIT_COUNT; i++) {
        float *want = initial(&s, fastest(), (enum init)i, 1);
        float *other = initial(&s, fastest(), (enum init)i, 2);

        for (size_t j = 0; (k = kernel_at(j)); j++) {
            float *got;

            if (!kernel_supported(k))
                continue;
            got = initial(&s, k, (enum init)i, 1);
            assert_memory_equal(got, want, bytes);
            free(got);
        }
        assert_int_equal(memcmp(other, want, bytes) != 0, i != INIT_ZEROS);
        free(other);
        free(want);
    }
}

/* Mean square of the first layer's weights, and its largest one; checks that biases are zero. */
static double spread(enum init i, enum activation a, double *largest)
{
    struct mlp_shape s = {.n_inputs = WIDE, .n_layers = 1, .width = {WIDE / 2}, .activation = {a}};
    float *w = initial(&s, fastest(), i, 1);
    size_t n = WIDE * WIDE / 2;
    double sum = 0.0;

    *largest = 0.0;
    for (size_t k = 0; k < n; k++) {
        sum += (double)w[k] * (double)w[k];
        *largest = fmax(*largest, fabs((double)w[k]));
    }
    for (size_t k = n; k < mlp_weight_count(&s); k++)
        assert_true(w[k] == 0.0f);
    free(w);
    return sum / (double)n;
}

static void normal_weights_have_the_spread_of_their_name(void **state)
{
    static const struct {
        enum init init;
        double variance;
    } normal[] = {
        {INIT_STANDARD_NORMAL, 1.0},
        {INIT_HE_NORMAL, 2.0 / WIDE},
        {INIT_LECUN_NORMAL, 1.0 / WIDE},
        {INIT_GLOROT_NORMAL, 2.0 / (WIDE + WIDE / 2)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof normal / sizeof *normal; i++) {
        double largest, variance = spread(normal[i].init, ACTIVATION_RELU, &largest);

        assert_true(fabs(variance / normal[i].variance - 1.0) < 0.03);
        /* Of 20,000 normal numbers the largest is near 4 deviations. */
        assert_true(largest > 3.5 * sqrt(variance) && largest < 5.5 * sqrt(variance));
    }
}

static void uniform_weights_fill_the_interval_of_their_name(void **state)
{
    static const struct {
        enum init init;
        double fan;
    } uniform[] = {{INIT_GLOROT_UNIFORM, WIDE + WIDE / 2}, {INIT_HE_UNIFORM, WIDE}};

    (void)state;
    for (size_t i = 0; i < sizeof uniform / sizeof *uniform; i++) {
        double bound = sqrt(6.0 / uniform[i].fan), largest;

        assert_true(
            fabs(spread(uniform[i].init, ACTIVATION_TANH, &largest) / (bound * bound / 3.0) - 1.0) <
            0.03);
        assert_true(largest <= bound * (1.0 + 1e-7) && largest > 0.99 * bound);
    }
}

static void zeros_are_zero(void **state)
{
    double largest;

    (void)state;
    assert_true(spread(INIT_ZEROS, ACTIVATION_TANH, &largest) == 0.0 && largest == 0.0);
}

/* The largest distance of w's rows (or columns) from being orthonormal. */
static double skew(const float *w, size_t inputs, size_t outputs)
{
    size_t fewer = inputs < outputs ? inputs : outputs, more = inputs + outputs - fewer;
    double worst = 0.0;

    for (size_t a = 0; a < fewer; a++) {
        for (size_t b = 0; b <= a; b++) {
            double sum = a == b ? -1.0 : 0.0;

            for (size_t k = 0; k < more; k++)
                sum += inputs > outputs ? (double)w[k * outputs + a] * (double)w[k * outputs + b]
                                        : (double)w[a * outputs + k] * (double)w[b * outputs + k];
            worst = fmax(worst, fabs(sum));
        }
    }
    return worst;
}

static void orthogonal_weights_keep_lengths(void **state)
{
    static const size_t sizes[][2] = {{1, 1}, {7, 1}, {1, 7}, {20, 33}, {33, 20}, {100, 100}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct mlp_shape s = {.n_inputs = sizes[i][0], .n_layers = 1, .width = {sizes[i][1]}};
        float *w = initial(&s, fastest(), INIT_ORTHOGONAL, 1);

        assert_true(skew(w, sizes[i][0], sizes[i][1]) < 1e-6);
        free(w);
    }
}

static void auto_goes_by_the_activation(void **state)
{
    static const enum init want[ACTIVATION_COUNT] = {
        [ACTIVATION_IDENTITY] = INIT_GLOROT_UNIFORM,
        [ACTIVATION_SIGMOID] = INIT_GLOROT_UNIFORM,
        [ACTIVATION_TANH] = INIT_GLOROT_UNIFORM,
        [ACTIVATION_RELU] = INIT_HE_NORMAL,
        [ACTIVATION_LEAKY_RELU] = INIT_HE_NORMAL,
        [ACTIVATION_ELU] = INIT_HE_NORMAL,
        [ACTIVATION_SELU] = INIT_LECUN_NORMAL,
        [ACTIVATION_GELU] = INIT_HE_NORMAL,
        [ACTIVATION_SILU] = INIT_HE_NORMAL,
        [ACTIVATION_SOFTPLUS] = INIT_HE_NORMAL,
        [ACTIVATION_SOFTSIGN] = INIT_GLOROT_UNIFORM,
        [ACTIVATION_HARD_SIGMOID] = INIT_GLOROT_UNIFORM,
        [ACTIVATION_SINE] = INIT_GLOROT_UNIFORM,
    };

    (void)state;
    for (size_t a = 0; a < ACTIVATION_COUNT; a++) {
        double largest, chosen = spread(want[a], (enum activation)a, &largest);

        assert_int_equal(init_choose(INIT_AUTO, (enum activation)a), want[a]);
        assert_int_equal(init_choose(INIT_ZEROS, (enum activation)a), INIT_ZEROS);
        assert_true(spread(INIT_AUTO, (enum activation)a, &largest) == chosen);
    }
}

static void written_weights_are_read_back(void **state)
{
    struct mlp_shape s = {.n_inputs = 3, .n_layers = 2, .width = {21, 2}};
    float w[3 * 21 + 21 + 21 * 2 + 2], back[sizeof w / sizeof *w];
    struct mlp *m = create(&s, fastest());
    uint64_t hash = mlp_hash(m);

    (void)state;
    for (size_t i = 0; i < sizeof w / sizeof *w; i++)
        w[i] = (float)i;
    mlp_write(m, w);
    mlp_read(m, MLP_WEIGHTS, back);
    assert_memory_equal(w, back, sizeof w);
    assert_true(mlp_hash(m) != hash);
    mlp_destroy(m);
}

static void a_network_beyond_memory_is_an_error(void **state)
{
    struct mlp_shape s = {.n_inputs = SIZE_MAX / 64, .n_layers = 2, .width = {SIZE_MAX / 64, 1}};
    struct mlp_plan plan = {.rows = 1};
    struct error e = {0};
    struct mlp *m = NULL;

    (void)state;
    assert_true(mlp_bytes(&s, &plan, fastest()) == SIZE_MAX);
    assert_int_equal(mlp_create(&s, &plan, fastest(), &m, &e), ERR_NO_MEMORY);
    assert_null(m);
}

/* One row's loss by the float32 path. */
static float loss_of(enum output o, const float *z, int32_t right, float *dz)
{
    _Alignas(64) float logits[16] = {0}, slope[16] = {0};
    float work[LOSS_WORK], loss, scale = 1.0f;
    size_t n = o == OUTPUT_SIGMOID ? 2 : 3;
    struct loss_rows r = {
        LOSS_CROSS_ENTROPY, o, 1, n, logits, 16, &right, NULL, &scale, work, 0.0f};

    memcpy(logits, z, loss_width(o, n) * sizeof *z);
    loss_gradient(fastest(), &r, slope, &loss);
    *dz = slope[o == OUTPUT_SIGMOID ? 0 : right];
    return loss;
}

static void cross_entropy_is_stable_however_sure_the_network_is(void **state)
{
    float far[] = {100.0f, -100.0f, 0.0f}, sure[] = {20.0f}, dz;

    (void)state;
    assert_true(fabsf(loss_of(OUTPUT_SOFTMAX, far, 1, &dz) - 200.0f) < 1e-4f && dz == -1.0f);
    assert_true(loss_of(OUTPUT_SOFTMAX, far, 0, &dz) == 0.0f && dz == 0.0f);
    assert_true(fabsf(loss_of(OUTPUT_SIGMOID, far, 0, &dz) - 100.0f) < 1e-4f && dz == 1.0f);
    /* e^-20 = 2.061153622e-9: neither the loss nor its slope has lost its digits. */
    assert_true(fabsf(loss_of(OUTPUT_SIGMOID, sure, 1, &dz) / 2.061153622e-9f - 1.0f) < 1e-6f);
    assert_true(fabsf(dz / -2.061153618e-9f - 1.0f) < 1e-6f);
}

/* Errors 0.5, -3 and 0, by hand. */
static void losses_of_errors_are_means_over_outputs(void **state)
{
    static const struct {
        enum loss loss;
        double value, slope[3]; /* three times each */
    } want[] = {
        {LOSS_MSE, 9.25, {1.0, -6.0, 0.0}},
        {LOSS_MAE, 3.5, {1.0, -1.0, 0.0}},
        {LOSS_HUBER, 0.125 + 2.5, {0.5, -1.0, 0.0}},
    };
    _Alignas(64) float z[16] = {1.5f, -1.0f, 2.0f}, dz[16];
    float y[] = {1.0f, 2.0f, 2.0f}, scale = 1.0f, work[LOSS_WORK], loss;

    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct loss_rows r = {.loss = want[i].loss,
                              .output = OUTPUT_IDENTITY,
                              .rows = 1,
                              .n = 3,
                              .z = z,
                              .stride = 16,
                              .y = y,
                              .scale = &scale,
                              .work = work,
                              .delta = 1.0f};

        loss_gradient(fastest(), &r, dz, &loss);
        assert_true(fabs((double)loss - want[i].value / 3.0) < 1e-6);
        for (size_t j = 0; j < 3; j++)
            assert_true(fabs((double)dz[j] - want[i].slope[j] / 3.0) < 1e-6);
    }
}

static void a_diverged_output_is_a_diverged_loss(void **state)
{
    _Alignas(64) float z[16] = {NAN}, dz[16];
    float y = 1.0f, scale = 1.0f, work[LOSS_WORK], loss;

    (void)state;
    for (int i = LOSS_MSE; i < LOSS_COUNT; i++) {
        struct loss_rows r = {.loss = (enum loss)i,
                              .output = OUTPUT_IDENTITY,
                              .rows = 1,
                              .n = 1,
                              .z = z,
                              .stride = 16,
                              .y = &y,
                              .scale = &scale,
                              .work = work,
                              .delta = 1.0f};

        loss_gradient(fastest(), &r, dz, &loss);
        assert_true(isnan(loss) && isnan(dz[0]));
    }
}

static void a_loss_of_nan_is_nan(void **state)
{
    float z[] = {NAN, 1.0f, 2.0f}, infinite[] = {INFINITY, 0.0f, 0.0f}, dz;

    (void)state;
    assert_true(isnan(loss_of(OUTPUT_SOFTMAX, z, 1, &dz)));
    assert_true(isnan(loss_of(OUTPUT_SIGMOID, z, 1, &dz)));
    assert_false(isfinite(loss_of(OUTPUT_SOFTMAX, infinite, 1, &dz)));
}

static void check_evaluation(struct rng *r, enum output o, enum loss loss, size_t n)
{
    enum { ROWS = 37, STRIDE = 16 };
    static _Alignas(64) float z[ROWS * STRIDE], dz[ROWS * STRIDE],
        work[ROWS * (STRIDE + LOSS_WORK)];
    float y[ROWS * STRIDE], scale[ROWS], want[2][ROWS * STRIDE], got[2][ROWS * STRIDE];
    int32_t classes[ROWS];
    struct loss_rows rows = {loss, o, ROWS, n, z, STRIDE, classes, y, scale, work, 0.7f};

    for (size_t i = 0; i < ROWS * STRIDE; i++) {
        z[i] = 3.0f * (float)rng_normal(r);
        y[i] = (float)rng_normal(r);
    }
    for (size_t i = 0; i < ROWS; i++) {
        classes[i] = (int32_t)rng_below(r, (uint32_t)n);
        scale[i] = rng_f32(r);
    }
    loss_gradient(fastest(), &rows, dz, want[0]);
    loss_predict(fastest(), o, ROWS, n, z, STRIDE, work, want[1]);
    loss_evaluate(fastest(), &rows, got[0], got[1]);
    assert_memory_equal(got[0], want[0], ROWS * sizeof **got);
    assert_memory_equal(got[1], want[1], ROWS * n * sizeof **got);
}

static void evaluating_gives_the_bits_of_training(void **state)
{
    struct rng r;

    (void)state;
    rng_init(&r, 17, 0, 0, RNG_TEST, 0);
    for (int loss = 0; loss < LOSS_COUNT; loss++) {
        check_evaluation(&r, OUTPUT_SIGMOID, (enum loss)loss, 2);
        check_evaluation(&r, OUTPUT_SOFTMAX, (enum loss)loss, 5);
        if (loss != LOSS_CROSS_ENTROPY)
            check_evaluation(&r, OUTPUT_IDENTITY, (enum loss)loss, 3);
    }
}

static void the_output_follows_from_the_task(void **state)
{
    (void)state;
    assert_int_equal(loss_output(TASK_REGRESSION, 2), OUTPUT_IDENTITY);
    assert_int_equal(loss_output(TASK_CLASSIFICATION, 2), OUTPUT_SIGMOID);
    assert_int_equal(loss_output(TASK_CLASSIFICATION, 3), OUTPUT_SOFTMAX);
    assert_int_equal(loss_width(OUTPUT_SIGMOID, 2), 1);
    assert_int_equal(loss_width(OUTPUT_IDENTITY, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_counted_with_biases),
        cmocka_unit_test(initial_weights_do_not_depend_on_the_kernel),
        cmocka_unit_test(normal_weights_have_the_spread_of_their_name),
        cmocka_unit_test(uniform_weights_fill_the_interval_of_their_name),
        cmocka_unit_test(zeros_are_zero),
        cmocka_unit_test(orthogonal_weights_keep_lengths),
        cmocka_unit_test(auto_goes_by_the_activation),
        cmocka_unit_test(written_weights_are_read_back),
        cmocka_unit_test(a_network_beyond_memory_is_an_error),
        cmocka_unit_test(cross_entropy_is_stable_however_sure_the_network_is),
        cmocka_unit_test(losses_of_errors_are_means_over_outputs),
        cmocka_unit_test(a_diverged_output_is_a_diverged_loss),
        cmocka_unit_test(a_loss_of_nan_is_nan),
        cmocka_unit_test(evaluating_gives_the_bits_of_training),
        cmocka_unit_test(the_output_follows_from_the_task),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
