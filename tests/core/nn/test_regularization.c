/* Dropout and batch normalization: gradients against the oracle, running statistics, prediction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/nn/dropout.h"
#include "core/nn/norm.h"
#include "tests/core/nn/pair.h"

enum { SEED = 4242, MOST_DEPTH = 4 };

static const struct {
    enum loss loss;
    enum output output;
    size_t n;
} losses[] = {
    {LOSS_CROSS_ENTROPY, OUTPUT_SOFTMAX, 5}, {LOSS_CROSS_ENTROPY, OUTPUT_SIGMOID, 2},
    {LOSS_MSE, OUTPUT_IDENTITY, 3},          {LOSS_HUBER, OUTPUT_IDENTITY, 3},
    {LOSS_MSE, OUTPUT_SOFTMAX, 4},
};

enum { N_LOSSES = sizeof losses / sizeof *losses };

typedef void check(struct pair *p, const char *what);

static const struct kernel *fastest(void)
{
    const struct kernel *k;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    return k;
}

/* Differences across a kink are no derivative: draws problems until all kinks are far away. */
static void draw_smooth(struct pair *p, const struct kernel *k, struct rng *r)
{
    const struct optimizer_state adam = {.kind = OPTIMIZER_ADAM};

    pair_make(p, k, &adam, r);
    while (oracle_kink(&p->oracle, p->w) < 1e-3) {
        pair_finish(p);
        pair_make(p, k, &adam, r);
    }
}

static void run_one(const struct kernel *k, int a, size_t loss, size_t depth, bool dropout,
                    bool norm, check *run)
{
    struct pair p = {.oracle = {.loss = losses[loss].loss, .delta = 0.7}};
    char what[100];
    struct rng r;

    (void)snprintf(what, sizeof what, "activation %d, loss %zu, depth %zu, dropout %d, norm %d", a,
                   loss, depth, dropout, norm);
    rng_init(&r, SEED, 0, (uint32_t)loss, RNG_TEST, (uint32_t)(100 * (size_t)a + depth));
    pair_shape(&p.oracle, depth, (enum activation)a, losses[loss].output, losses[loss].n);
    p.oracle.shape.batch_norm = norm;
    for (size_t l = 0; dropout && l < depth; l++)
        p.oracle.shape.dropout[l] = 0.2 + 0.1 * (double)l;
    draw_smooth(&p, k, &r);
    run(&p, what);
    pair_finish(&p);
}

static void for_all(const struct kernel *k, check *run)
{
    print_message("seed %d\n", SEED);
    for (int a = 0; a < ACTIVATION_COUNT; a++)
        for (size_t loss = 0; loss < N_LOSSES; loss++)
            for (size_t depth = 1; depth <= MOST_DEPTH; depth++)
                for (int both = 1; both < 4; both++)
                    run_one(k, a, loss, depth, both & 1, both & 2, run);
}

static void check_differences(struct pair *p, const char *what)
{
    double g[PAIR_MOST_WEIGHTS], differences[PAIR_MOST_WEIGHTS], distance;

    oracle_gradient(&p->oracle, p->w, g);
    oracle_differences(&p->oracle, p->w, differences);
    distance = oracle_distance(p->n_weights, g, differences);
    if (distance >= 1e-7)
        fail_msg("%s: relative error %g", what, distance);
}

/* float32 loses digits where a column hardly varies: hence the wider limit. */
static void check_gradient(struct pair *p, const char *what)
{
    double want[PAIR_MOST_WEIGHTS], got[PAIR_MOST_WEIGHTS], distance;

    oracle_gradient(&p->oracle, p->w, want);
    pair_run(p, NULL);
    pair_read(p, MLP_GRADIENTS, got);
    distance = oracle_distance(p->n_weights, got, want);
    if (distance >= 2e-5)
        fail_msg("%s: relative error %g", what, distance);
}

static const struct kernel *kernel_named(const char *name)
{
    const struct kernel *k;

    assert_int_equal(kernel_choose(name, &k, NULL), ERR_OK);
    return k;
}

static void backpropagation_agrees_with_central_differences(void **state)
{
    (void)state;
    for_all(kernel_named("reference"), check_differences);
}

static void the_network_computes_the_gradient_of_the_loss(void **state)
{
    (void)state;
    for_all(kernel_named(NULL), check_gradient);
}

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) < 1e-6))
        fail_msg("%.9g is not %.9g", got, want);
}

/* (1, 2, 3, 4): mean 2.5, biased variance 1.25, unbiased 5/3. */
static void running_statistics_take_a_tenth_of_each_batch(void **state)
{
    float gamma = 3.0f, beta = 1.0f, mean = 0.0f, variance = 1.0f, inverse;
    struct norm b = {1, 1, &gamma, &beta, &mean, &variance, &inverse};
    float h[] = {1.0f, 2.0f, 3.0f, 4.0f}, u[4], z = 2.0f;

    (void)state;
    norm_forward(&b, 4, h, u);
    assert_near((double)h[0], -1.5 / sqrt(1.25 + 1e-5));
    assert_near((double)u[3], 1.0 + 3.0 * 1.5 / sqrt(1.25 + 1e-5));
    assert_near((double)mean, 0.25);
    assert_near((double)variance, 0.9 + 0.1 * 5.0 / 3.0);
    norm_predict(&b, 1, &z, u);
    assert_near((double)u[0], 1.0 + 3.0 * 1.75 / sqrt(0.9 + 0.5 / 3.0 + 1e-5));
}

static void dropout_leaves_out_its_share_and_keeps_the_mean(void **state)
{
    enum { N = 40000 };
    static float less[N], more[N];
    double sum = 0.0;
    struct rng r;

    (void)state;
    rng_init(&r, 1, 1, 1, RNG_DROPOUT, dropout_index(0, 1));
    dropout_draw(fastest(), &r, 0.25, N / 100, 100, 100, less);
    rng_init(&r, 1, 1, 1, RNG_DROPOUT, dropout_index(0, 1));
    dropout_draw(fastest(), &r, 0.5, N / 100, 100, 100, more);
    for (size_t i = 0; i < N; i++) {
        assert_true(less[i] == 0.0f || less[i] == (float)(4.0 / 3.0));
        assert_true(less[i] > 0.0f || more[i] == 0.0f); /* the same luck for every rate */
        sum += (double)less[i];
    }
    assert_true(fabs(sum / N - 1.0) < 0.02);
    assert_true(dropout_index(1, 1) != dropout_index(0, 2));
}

static void predictions_know_no_dropout(void **state)
{
    struct mlp_plan plan = {.rows = 4};
    _Alignas(64) float x[4 * 16] = {1.0f, -2.0f, 0.5f};
    struct mlp_shape s = {.n_inputs = 16, .n_layers = 2, .width = {9, 3}};
    struct mlp *m[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        s.dropout[0] = i ? 0.5 : 0.0;
        assert_int_equal(mlp_create(&s, &plan, kernel_named(NULL), m + i, NULL), ERR_OK);
        mlp_init(m[i], INIT_GLOROT_UNIFORM, 3, 1, 1);
        mlp_forward(m[i], 4, x, 16);
    }
    assert_memory_equal(mlp_outputs(m[0]), mlp_outputs(m[1]), 4 * mlp_stride(m[0]) * sizeof *x);
    mlp_forward_training(m[1], 4, x, 16, 1, true);
    assert_memory_not_equal(mlp_outputs(m[0]), mlp_outputs(m[1]), 3 * sizeof *x);
    mlp_destroy(m[0]);
    mlp_destroy(m[1]);
}

enum { BLOCK_ROWS = 5 };

/* A network with all it can have, its gradient by the outputs, and three steps of training. */
static uint64_t step_thrice(const struct kernel *k, bool norm, bool blocks, bool observed)
{
    struct mlp_shape s = {.n_inputs = 7,
                          .n_layers = 3,
                          .width = {19, 12, 3},
                          .activation = {ACTIVATION_TANH, ACTIVATION_GELU},
                          .dropout = {0.3, 0.5},
                          .batch_norm = norm};
    struct optimizer_state adam = {.kind = OPTIMIZER_ADAMW,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .epsilon = 1e-8,
                                   .weight_decay = 0.1,
                                   .l1 = 0.01,
                                   .l2 = 0.1};
    struct mlp_plan plan = {
        .rows = 2 * BLOCK_ROWS, .n_arrays = optimizer_arrays(&adam), .gradients = true};
    size_t rows = blocks ? BLOCK_ROWS : 2 * BLOCK_ROWS;
    _Alignas(64) float x[2 * BLOCK_ROWS * 16] = {0};
    struct mlp_statistics statistics[3];
    struct mlp *m;
    uint64_t hash;
    struct rng r;

    rng_init(&r, SEED, 0, 0, RNG_TEST, 1);
    for (size_t i = 0; i < 2 * BLOCK_ROWS; i++)
        for (size_t j = 0; j < 7; j++)
            x[i * 16 + j] = (float)rng_normal(&r);
    assert_int_equal(mlp_create(&s, &plan, k, &m, NULL), ERR_OK);
    mlp_init(m, INIT_GLOROT_UNIFORM, 3, 1, 1);
    optimizer_start(&adam);
    for (size_t step = 1; step <= 3; step++) {
        struct kernel_update u;

        optimizer_step(&adam, 0.01, &u);
        for (size_t from = 0; from < 2 * BLOCK_ROWS; from += rows) {
            bool last = from + rows == 2 * BLOCK_ROWS;

            mlp_forward_training(m, rows, x + from * 16, 16, step, from == 0);
            mlp_observe(m, rows, from == 0);
            for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < 3; j++)
                    mlp_output_gradient(m)[i * mlp_stride(m) + j] =
                        mlp_outputs(m)[i * mlp_stride(m) + j] - x[(from + i) * 16 + j];
            mlp_backward(m, rows, x + from * 16, 16, from == 0, last && !observed ? &u : NULL);
        }
        if (observed)
            mlp_step_observed(m, &u, statistics);
    }
    hash = mlp_hash(m);
    mlp_destroy(m);
    return hash;
}

static void kernels_blocks_and_statistics_do_not_change_the_bits(void **state)
{
    uint64_t plain = step_thrice(kernel_named("reference"), false, false, false);
    uint64_t normalized = step_thrice(kernel_named("reference"), true, false, false);
    const struct kernel *k;

    (void)state;
    assert_true(plain != normalized);
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        if (!kernel_supported(k))
            continue;
        for (int j = 0; j < 4; j++)
            assert_true(step_thrice(k, false, j & 1, j & 2) == plain);
        assert_true(step_thrice(k, true, false, false) == normalized);
        assert_true(step_thrice(k, true, false, true) == normalized);
    }
}

/* One input x, hidden units f(w x), rows x = 1 and -1. */
static double idle_of(enum activation a, size_t n, const float *w, struct mlp_statistics *out)
{
    struct mlp_shape s = {.n_inputs = 1, .n_layers = 2, .width = {n, 1}, .activation = {a}};
    struct mlp_plan plan = {.rows = 2, .gradients = true};
    _Alignas(64) float x[2 * 16] = {[0] = 1.0f, [16] = -1.0f};
    struct kernel_update u = {.rule = KERNEL_SGD, .rate = 0.5f};
    struct mlp *m;

    assert_int_equal(mlp_create(&s, &plan, kernel_named(NULL), &m, NULL), ERR_OK);
    mlp_write(m, w);
    mlp_forward_training(m, 2, x, 16, 1, true);
    mlp_observe(m, 2, true);
    mlp_output_gradient(m)[0] = 1.0f;
    mlp_output_gradient(m)[mlp_stride(m)] = 0.0f;
    mlp_backward(m, 2, x, 16, true, NULL);
    mlp_step_observed(m, &u, out);
    mlp_destroy(m);
    return out[0].idle;
}

static void statistics_are_those_of_a_network_worked_out_by_hand(void **state)
{
    /* Weights and biases of two units, then of the output. */
    const float dead[] = {2.0f, 1.0f, 0.0f, -3.0f, 1.5f, 1.0f, 0.0f};
    const float steep[] = {9.0f, 1.0f, 0.0f, 0.0f, 1.5f, 1.0f, 0.0f};
    struct mlp_statistics s[2];

    (void)state;
    /* relu: the second unit sees 1 - 3 and -1 - 3. The first row has y = (2, 0), so the output's
     * gradient is (2, 0, 1) and the hidden one (1.5, 0, 1.5, 0); updates are half of that. */
    assert_true(idle_of(ACTIVATION_RELU, 2, dead, s) == 0.5);
    assert_near(s[1].gradient_norm, sqrt(5.0));
    assert_near(s[0].gradient_norm, sqrt(4.5));
    assert_near(s[0].update_ratio, 0.5 * sqrt(4.5 / 14.0));
    assert_true(isnan(s[1].idle));
    assert_true(idle_of(ACTIVATION_TANH, 2, steep, s) == 0.5);
    assert_true(idle_of(ACTIVATION_SIGMOID, 2, steep, s) == 0.5);
    assert_true(isnan(idle_of(ACTIVATION_GELU, 2, steep, s)));
}

static void what_was_kept_comes_back(void **state)
{
    struct mlp_shape s = {.n_inputs = 3, .n_layers = 2, .width = {5, 2}, .batch_norm = true};
    struct mlp_plan plan = {.rows = 4, .gradients = true, .keep = true};
    _Alignas(64) float x[4 * 16] = {[0] = 1.0f, [17] = 2.0f, [34] = -1.0f};
    struct mlp *m;
    uint64_t first, second;

    (void)state;
    assert_int_equal(mlp_create(&s, &plan, kernel_named(NULL), &m, NULL), ERR_OK);
    mlp_init(m, INIT_GLOROT_UNIFORM, 3, 1, 1);
    first = mlp_hash(m);
    mlp_keep(m);
    mlp_forward_training(m, 4, x, 16, 1, true); /* moves the running statistics alone */
    second = mlp_hash(m);
    assert_true(first != second);
    mlp_swap_kept(m);
    assert_true(mlp_hash(m) == first);
    mlp_swap_kept(m);
    assert_true(mlp_hash(m) == second);
    mlp_destroy(m);
}

static void the_first_layer_with_a_fault_is_found(void **state)
{
    struct mlp_shape s = {.n_inputs = 1, .n_layers = 2, .width = {1, 1}};
    const float weights[] = {1e30f, 0.0f, 1e30f, 0.0f};
    struct mlp_plan plan = {.rows = 1};
    _Alignas(64) float x[16] = {1.0f};
    struct mlp *m;

    (void)state;
    assert_int_equal(mlp_create(&s, &plan, kernel_named(NULL), &m, NULL), ERR_OK);
    mlp_write(m, weights);
    mlp_forward(m, 1, x, 16);
    assert_int_equal(mlp_find_fault(m, 1).layer, 2);
    assert_string_equal(mlp_find_fault(m, 1).what, "values");
    x[0] = 1e-30f;
    mlp_forward(m, 1, x, 16);
    assert_int_equal(mlp_find_fault(m, 1).layer, 0);
    mlp_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_statistics_take_a_tenth_of_each_batch),
        cmocka_unit_test(dropout_leaves_out_its_share_and_keeps_the_mean),
        cmocka_unit_test(predictions_know_no_dropout),
        cmocka_unit_test(kernels_blocks_and_statistics_do_not_change_the_bits),
        cmocka_unit_test(statistics_are_those_of_a_network_worked_out_by_hand),
        cmocka_unit_test(what_was_kept_comes_back),
        cmocka_unit_test(the_first_layer_with_a_fault_is_found),
        cmocka_unit_test(backpropagation_agrees_with_central_differences),
        cmocka_unit_test(the_network_computes_the_gradient_of_the_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
