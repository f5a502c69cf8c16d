/* Backpropagation: the oracle against central differences, the network against the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/core/nn/pair.h"

enum { SEED = 31337, MOST_DEPTH = 4 };

static const struct {
    enum loss loss;
    enum output output;
    size_t n;
} losses[] = {
    {LOSS_CROSS_ENTROPY, OUTPUT_SOFTMAX, 5}, {LOSS_CROSS_ENTROPY, OUTPUT_SIGMOID, 2},
    {LOSS_MSE, OUTPUT_IDENTITY, 3},          {LOSS_MSE, OUTPUT_SOFTMAX, 4},
    {LOSS_MSE, OUTPUT_SIGMOID, 2},
};

enum { N_LOSSES = sizeof losses / sizeof *losses };

typedef void check(struct pair *p, const char *what);

/* Runs a check for every activation, loss, penalty and depth. */
static void for_all(const struct kernel *k, check *run)
{
    const struct optimizer_state plain = {.kind = OPTIMIZER_SGD};
    uint32_t stream = 0;

    print_message("seed %d\n", SEED);
    for (int a = ACTIVATION_IDENTITY; a <= ACTIVATION_RELU; a++) {
        for (size_t i = 0; i < 2 * N_LOSSES * (MOST_DEPTH + 1); i++) {
            size_t loss = i / 2 % N_LOSSES, depth = i / 2 / N_LOSSES;
            struct pair p = {.oracle = {.loss = losses[loss].loss, .l2 = i % 2 ? 0.3 : 0.0}};
            char what[80];
            struct rng r;

            (void)snprintf(what, sizeof what, "activation %d, loss %zu, depth %zu, l2 %g", a, loss,
                           depth, p.oracle.l2);
            rng_init(&r, SEED, 0, 0, RNG_TEST, stream++);
            pair_shape(&p.oracle, depth, (enum activation)a, losses[loss].output, losses[loss].n);
            pair_make(&p, k, &plain, &r);
            run(&p, what);
            pair_finish(&p);
        }
    }
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

/* The plain gradient knows no penalty: l2 belongs to the update. */
static void check_gradient(struct pair *p, const char *what)
{
    double want[PAIR_MOST_WEIGHTS], got[PAIR_MOST_WEIGHTS], distance;

    p->oracle.l2 = 0.0;
    oracle_gradient(&p->oracle, p->w, want);
    pair_run(p, NULL);
    pair_read(p, MLP_GRADIENTS, got);
    distance = oracle_distance(p->n_weights, got, want);
    if (distance >= 2e-6)
        fail_msg("%s: relative error %g", what, distance);
}

/* A plain step of rate one moves the weights by the whole gradient, penalty included. */
static void check_step(struct pair *p, const char *what)
{
    struct optimizer_state s = {.kind = OPTIMIZER_SGD, .l2 = p->oracle.l2};
    double want[PAIR_MOST_WEIGHTS], got[PAIR_MOST_WEIGHTS], distance;
    struct kernel_update u;

    oracle_gradient(&p->oracle, p->w, want);
    optimizer_step(&s, 1.0, &u);
    pair_run(p, &u);
    pair_read(p, MLP_WEIGHTS, got);
    for (size_t i = 0; i < p->n_weights; i++)
        want[i] = p->w[i] - want[i];
    distance = oracle_distance(p->n_weights, got, want);
    if (distance >= 1e-6)
        fail_msg("%s: relative error %g", what, distance);
}

static const struct kernel *reference(void)
{
    const struct kernel *k;

    assert_int_equal(kernel_choose("reference", &k, NULL), ERR_OK);
    return k;
}

static void backpropagation_agrees_with_central_differences(void **state)
{
    (void)state;
    for_all(reference(), check_differences);
}

static void every_kernel_computes_the_gradient_of_the_loss(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++)
        if (kernel_supported(k))
            for_all(k, check_gradient);
}

static void a_step_includes_the_penalty_but_not_for_biases(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++)
        if (kernel_supported(k))
            for_all(k, check_step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backpropagation_agrees_with_central_differences),
        cmocka_unit_test(every_kernel_computes_the_gradient_of_the_loss),
        cmocka_unit_test(a_step_includes_the_penalty_but_not_for_biases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
