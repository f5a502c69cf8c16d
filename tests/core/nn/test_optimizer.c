/* Optimizers: 50 steps of a network beside the oracle's in double precision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "tests/core/nn/pair.h"

enum { STEPS = 50 };

/* The largest relative distance of the weights on the way. */
static double follow(struct optimizer_state s, double rate)
{
    static double w[PAIR_MOST_WEIGHTS], a[PAIR_MOST_WEIGHTS], b[PAIR_MOST_WEIGHTS];
    static double g[PAIR_MOST_WEIGHTS], got[PAIR_MOST_WEIGHTS];
    struct pair p = {.oracle = {.loss = LOSS_CROSS_ENTROPY, .l1 = s.l1, .l2 = s.l2}};
    const struct kernel *k;
    double worst = 0.0;
    struct rng r;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    rng_init(&r, 5, 0, 0, RNG_TEST, 0);
    pair_shape(&p.oracle, 2, ACTIVATION_TANH, OUTPUT_SOFTMAX, 3);
    pair_make(&p, k, &s, &r);
    optimizer_start(&s);
    for (size_t i = 0; i < p.n_weights; i++) {
        w[i] = p.w[i];
        a[i] = b[i] = 0.0;
    }
    for (int t = 1; t <= STEPS; t++) {
        struct kernel_update u;
        double distance;

        optimizer_step(&s, rate, &u);
        pair_run(&p, &u);
        oracle_gradient(&p.oracle, w, g);
        oracle_decay(&p.oracle, rate * s.weight_decay, w);
        oracle_step(&s, rate, t, p.n_weights, g, w, a, b);
        pair_read(&p, MLP_WEIGHTS, got);
        distance = oracle_distance(p.n_weights, got, w);
        worst = distance > worst ? distance : worst;
    }
    pair_finish(&p);
    print_message("worst relative distance in %d steps: %g\n", STEPS, worst);
    return worst;
}

static void plain_gradient_descent_follows_the_oracle(void **state)
{
    (void)state;
    assert_true(follow((struct optimizer_state){.kind = OPTIMIZER_SGD}, 0.3) < 1e-5);
    assert_true(follow((struct optimizer_state){.kind = OPTIMIZER_SGD, .l2 = 0.1}, 0.3) < 1e-5);
}

static void momentum_and_nesterov_follow_the_oracle(void **state)
{
    struct optimizer_state s = {.kind = OPTIMIZER_SGD, .momentum = 0.9, .l2 = 0.01};

    (void)state;
    assert_true(follow(s, 0.05) < 1e-5);
    s.nesterov = true;
    assert_true(follow(s, 0.05) < 1e-5);
}

static void adam_follows_the_oracle(void **state)
{
    struct optimizer_state s = {
        .kind = OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

    (void)state;
    assert_true(follow(s, 0.01) < 1e-5);
    s.l2 = 0.1;
    s.beta1 = 0.5;
    s.beta2 = 0.9;
    s.epsilon = 1e-3;
    assert_true(follow(s, 0.01) < 1e-5);
}

static void the_other_optimizers_follow_the_oracle(void **state)
{
    static const struct {
        enum optimizer kind;
        double rate, epsilon, decay;
    } others[] = {
        {OPTIMIZER_ADAMW, 0.01, 1e-8, 0.1},    {OPTIMIZER_NADAM, 0.01, 1e-8, 0.0},
        {OPTIMIZER_ADAGRAD, 0.05, 1e-10, 0.0}, {OPTIMIZER_RMSPROP, 0.01, 1e-8, 0.0},
        {OPTIMIZER_ADADELTA, 1.0, 1e-6, 0.0},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof others / sizeof *others; i++) {
        struct optimizer_state s = {
            .kind = others[i / 2].kind,
            .beta1 = 0.9,
            .beta2 = 0.999,
            .rho = 0.95,
            .epsilon = others[i / 2].epsilon,
            .weight_decay = others[i / 2].decay,
            .l1 = i % 2 ? 0.001 : 0.0,
            .l2 = i % 2 ? 0.01 : 0.0,
        };

        assert_true(follow(s, others[i / 2].rate) < 1e-5);
    }
}

/* The first step of Adam is the learning rate times the gradient's sign: Kingma and Ba 2015,
 * section 2.1. */
static void adams_first_step_is_the_learning_rate(void **state)
{
    struct optimizer_state s = {
        .kind = OPTIMIZER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-12};
    static double got[PAIR_MOST_WEIGHTS];
    struct pair p = {.oracle = {.loss = LOSS_MSE}};
    const struct kernel *k;
    struct kernel_update u;
    struct rng r;

    (void)state;
    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    rng_init(&r, 6, 0, 0, RNG_TEST, 0);
    pair_shape(&p.oracle, 1, ACTIVATION_TANH, OUTPUT_IDENTITY, 2);
    pair_make(&p, k, &s, &r);
    optimizer_start(&s);
    optimizer_step(&s, 0.001, &u);
    pair_run(&p, &u);
    pair_read(&p, MLP_WEIGHTS, got);
    for (size_t i = 0; i < p.n_weights; i++)
        assert_true(fabs(fabs(got[i] - p.w[i]) - 0.001) < 1e-6);
    pair_finish(&p);
}

static void arrays_are_kept_only_where_the_rule_needs_them(void **state)
{
    (void)state;
    assert_int_equal(optimizer_arrays(&(struct optimizer_state){.kind = OPTIMIZER_SGD}), 0);
    assert_int_equal(
        optimizer_arrays(&(struct optimizer_state){.kind = OPTIMIZER_SGD, .momentum = 0.9}), 1);
    for (int kind = OPTIMIZER_ADAM; kind <= OPTIMIZER_ADADELTA; kind++) {
        struct optimizer_state s = {.kind = (enum optimizer)kind};
        bool one = s.kind == OPTIMIZER_ADAGRAD || s.kind == OPTIMIZER_RMSPROP;

        assert_int_equal(optimizer_arrays(&s), one ? 1 : 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_gradient_descent_follows_the_oracle),
        cmocka_unit_test(momentum_and_nesterov_follow_the_oracle),
        cmocka_unit_test(adam_follows_the_oracle),
        cmocka_unit_test(the_other_optimizers_follow_the_oracle),
        cmocka_unit_test(adams_first_step_is_the_learning_rate),
        cmocka_unit_test(arrays_are_kept_only_where_the_rule_needs_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
