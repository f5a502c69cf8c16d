/* Backpropagation: the oracle against central differences, the network against the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
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
    {LOSS_MSE, OUTPUT_SIGMOID, 2},           {LOSS_MAE, OUTPUT_IDENTITY, 3},
    {LOSS_MAE, OUTPUT_SOFTMAX, 4},           {LOSS_MAE, OUTPUT_SIGMOID, 2},
    {LOSS_HUBER, OUTPUT_IDENTITY, 3},        {LOSS_HUBER, OUTPUT_SOFTMAX, 4},
    {LOSS_HUBER, OUTPUT_SIGMOID, 2},
};

static const struct {
    double l1, l2;
} penalties[] = {{0.0, 0.0}, {0.0, 0.3}, {0.05, 0.0}, {0.02, 0.1}};

enum {
    N_LOSSES = sizeof losses / sizeof *losses,
    N_PENALTIES = sizeof penalties / sizeof *penalties
};

typedef void check(struct pair *p, const char *what);

/* Differences across a kink are no derivative: draws problems until all kinks are far away. */
static void draw_smooth(struct pair *p, const struct kernel *k, struct rng *r)
{
    const struct optimizer_state plain = {.kind = OPTIMIZER_SGD};

    pair_make(p, k, &plain, r);
    while (oracle_kink(&p->oracle, p->w) < 1e-3) {
        pair_finish(p);
        pair_make(p, k, &plain, r);
    }
}

static void run_one(const struct kernel *k, check *run, size_t width, size_t a, size_t loss,
                    size_t penalty, size_t depth)
{
    struct pair p = {.oracle = {.loss = losses[loss].loss,
                                .delta = 0.25,
                                .l1 = penalties[penalty].l1,
                                .l2 = penalties[penalty].l2}};
    char what[80];
    struct rng r;

    (void)snprintf(what, sizeof what, "activation %zu, loss %zu, penalty %zu, depth %zu", a, loss,
                   penalty, depth);
    rng_init(&r, SEED, 0, 0, RNG_TEST,
             (uint32_t)(((a * N_LOSSES + loss) * N_PENALTIES + penalty) * 10 + depth));
    pair_shape(&p.oracle, depth, (enum activation)a, losses[loss].output, losses[loss].n);
    for (size_t l = 0; l < depth; l++)
        p.oracle.shape.width[l] = width + l;
    draw_smooth(&p, k, &r);
    run(&p, what);
    pair_finish(&p);
}

/* Runs a check for every activation, loss, penalty and depth. */
static void for_all(const struct kernel *k, check *run, size_t width)
{
    print_message("seed %d\n", SEED);
    for (size_t a = 0; a < ACTIVATION_COUNT; a++)
        for (size_t loss = 0; loss < N_LOSSES; loss++)
            for (size_t penalty = 0; penalty < N_PENALTIES; penalty++)
                for (size_t depth = a == 0 ? 0 : 1; depth <= MOST_DEPTH; depth++)
                    run_one(k, run, width, a, loss, penalty, depth);
}

static void check_differences(struct pair *p, const char *what)
{
    double g[PAIR_MOST_WEIGHTS], differences[PAIR_MOST_WEIGHTS], distance;

    p->oracle.rows = 6;
    oracle_gradient(&p->oracle, p->w, g);
    oracle_differences(&p->oracle, p->w, differences);
    distance = oracle_distance(p->n_weights, g, differences);
    if (distance >= 1e-7)
        fail_msg("%s: relative error %g", what, distance);
}

static double norm(size_t n, const double *x)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* The plain gradient knows no penalty: that belongs to the update. */
static void check_gradient(struct pair *p, const char *what)
{
    double want[PAIR_MOST_WEIGHTS], got[PAIR_MOST_WEIGHTS], distance;

    p->oracle.l1 = p->oracle.l2 = 0.0;
    oracle_gradient(&p->oracle, p->w, want);
    pair_run(p, NULL);
    pair_read(p, MLP_GRADIENTS, got);
    distance = oracle_distance(p->n_weights, got, want);
    /* Where probabilities are nearly 0 or 1, it is their rounding that counts. */
    if (distance >= 2e-6 + 2e-6 / norm(p->n_weights, want))
        fail_msg("%s: relative error %g", what, distance);
}

/* A plain step of rate one moves the weights by the whole gradient, penalty included. */
static void check_step(struct pair *p, const char *what)
{
    struct optimizer_state s = {.kind = OPTIMIZER_SGD, .l1 = p->oracle.l1, .l2 = p->oracle.l2};
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
    for_all(reference(), check_differences, 3);
}

static void every_kernel_computes_the_gradient_of_the_loss(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++)
        if (kernel_supported(k))
            for_all(k, check_gradient, 7);
}

static void a_step_includes_the_penalty_but_not_for_biases(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++)
        if (kernel_supported(k))
            for_all(k, check_step, 7);
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
