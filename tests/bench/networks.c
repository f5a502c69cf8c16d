#include "tests/bench/networks.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/nn/loss.h"
#include "core/nn/mlp.h"
#include "core/nn/optimizer.h"
#include "core/train/hyper.h"
#include "tests/bench/peak.h"

enum { SEED = 1, BATCH = 32, INPUTS = 64, WIDTH = 64, CLASSES = 10, ROUNDS = 5, STEPS = 400 };

struct network {
    struct mlp *mlp;
    struct optimizer_state optimizer;
    float *x, *work;
    int32_t classes[BATCH];
    float scale[BATCH], loss[BATCH];
};

static struct optimizer_state settings(enum optimizer o)
{
    return (struct optimizer_state){
        .kind = o,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .rho = 0.99,
        .epsilon = 1e-8,
        .l2 = 1e-4,
        .weight_decay = o == OPTIMIZER_ADAMW ? 0.01 : 0.0,
    };
}

static struct network network_make(const struct kernel *k, enum activation a, enum optimizer o)
{
    struct mlp_shape shape = {
        .n_inputs = INPUTS,
        .n_layers = 3,
        .width = {WIDTH, WIDTH, CLASSES},
        .activation = {a, a, ACTIVATION_IDENTITY},
    };
    struct network n = {.optimizer = settings(o)};
    struct mlp_plan plan = {.rows = BATCH, .n_arrays = optimizer_arrays(&n.optimizer)};
    struct error e = {0};
    struct rng r;

    if (mlp_create(&shape, &plan, k, &n.mlp, &e) != ERR_OK) {
        (void)fprintf(stderr, "%s\n", e.message);
        exit(1);
    }
    n.x = mem_calloc(BATCH * kernel_stride(INPUTS), sizeof *n.x);
    n.work = mem_calloc(BATCH * LOSS_WORK, sizeof *n.work);
    rng_init(&r, SEED, 0, 0, RNG_TEST, 0);
    for (size_t i = 0; n.x && i < BATCH * kernel_stride(INPUTS); i++)
        n.x[i] = (float)rng_normal(&r);
    for (size_t i = 0; i < BATCH; i++) {
        n.classes[i] = (int32_t)rng_below(&r, CLASSES);
        n.scale[i] = 1.0f / BATCH;
    }
    mlp_init(n.mlp, INIT_AUTO, SEED, 1, 1);
    optimizer_start(&n.optimizer);
    return n;
}

static void network_finish(struct network *n)
{
    mlp_destroy(n->mlp);
    free(n->x);
    free(n->work);
}

static void step(const struct kernel *k, struct network *n, size_t number)
{
    struct loss_rows rows = {
        .loss = LOSS_CROSS_ENTROPY,
        .output = OUTPUT_SOFTMAX,
        .rows = BATCH,
        .n = CLASSES,
        .stride = mlp_stride(n->mlp),
        .classes = n->classes,
        .scale = n->scale,
        .work = n->work,
    };
    struct kernel_update update;

    optimizer_step(&n->optimizer, 1e-3, &update);
    mlp_forward_training(n->mlp, BATCH, n->x, kernel_stride(INPUTS), number, true);
    rows.z = mlp_outputs(n->mlp);
    loss_gradient(k, &rows, mlp_output_gradient(n->mlp), n->loss);
    mlp_backward(n->mlp, BATCH, n->x, kernel_stride(INPUTS), true, &update);
}

/* Seconds of a step. */
static double measure(const struct kernel *k, enum activation a, enum optimizer o)
{
    struct network n = network_make(k, a, o);
    double began;

    if (!n.x || !n.work)
        exit(1);
    for (size_t i = 1; i <= STEPS / 10; i++)
        step(k, &n, i);
    began = peak_seconds();
    for (size_t i = 1; i <= STEPS; i++)
        step(k, &n, i);
    began = (peak_seconds() - began) / (double)STEPS;
    network_finish(&n);
    return began;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

void networks_print(const struct kernel *k)
{
    double by_activation[ACTIVATION_COUNT], by_optimizer[OPTIMIZER_COUNT];

    for (int a = 0; a < ACTIVATION_COUNT; a++)
        by_activation[a] = 1e30;
    for (int o = 0; o < OPTIMIZER_LBFGS; o++)
        by_optimizer[o] = 1e30;
    for (int i = 0; i < ROUNDS; i++) { /* interleaved: noise comes in phases */
        for (int a = 0; a < ACTIVATION_COUNT; a++)
            by_activation[a] =
                smaller(by_activation[a], measure(k, (enum activation)a, OPTIMIZER_ADAM));
        for (int o = 0; o < OPTIMIZER_LBFGS; o++)
            by_optimizer[o] =
                smaller(by_optimizer[o], measure(k, ACTIVATION_RELU, (enum optimizer)o));
    }
    printf("\n%s: a step of %d-%d-%d-%d, batch %d, takes %.1f us with relu and adam; beside it\n",
           k->name, INPUTS, WIDTH, WIDTH, CLASSES, BATCH, 1e6 * by_activation[ACTIVATION_RELU]);
    for (int a = 0; a < ACTIVATION_COUNT; a++)
        printf("%s%s %.2f", a ? ", " : "  ", hyper_activation_name((enum activation)a),
               by_activation[a] / by_activation[ACTIVATION_RELU]);
    printf("\n");
    for (int o = 0; o < OPTIMIZER_LBFGS; o++)
        printf("%s%s %.2f", o ? ", " : "  ", hyper_optimizer_name((enum optimizer)o),
               by_optimizer[o] / by_optimizer[OPTIMIZER_ADAM]);
    printf("\n");
}
