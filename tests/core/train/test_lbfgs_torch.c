/*
 * L-BFGS against PyTorch: tests/reference/lbfgs.py made lbfgs.inc. The trajectory in double, by the
 * oracle's loss and gradient; a training in float32 by the minimum that it reaches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/linalg/lbfgs.h"
#include "core/train/train.h"
#include "tests/core/nn/oracle.h"

/* ---- functions of two numbers: those of lbfgs.py ------------------------------------------- */

static double valley(const double *x, double *g)
{
    double a = 1.0 - x[0], b = x[1] - x[0] * x[0];

    g[0] = -2.0 * a - 400.0 * x[0] * b;
    g[1] = 200.0 * b;
    return a * a + 100.0 * b * b;
}

static double wall(const double *x, double *g)
{
    double up = exp(8.0 * x[0] + 3.0 * x[1]), down = exp(-x[0]), across = x[0] - 2.0 * x[1];

    g[0] = 8.0 * up - down + 2.0 * across;
    g[1] = 3.0 * up - 4.0 * across;
    return up + down + across * across;
}

static double far(const double *x, double *g)
{
    double a = 1.0 + x[0] * x[0] / 100.0, away = x[1] - x[0], b = 1.0 + away * away;

    g[0] = x[0] / 50.0 / a - 2.0 * away / b;
    g[1] = 2.0 * away / b;
    return 1.0 + log(a) + log(b);
}

static double waves(const double *x, double *g)
{
    g[0] = 3.0 * cos(3.0 * x[0]) + x[0] / 10.0;
    g[1] = -2.0 * sin(2.0 * x[1]) + x[1] / 10.0;
    return sin(3.0 * x[0]) + cos(2.0 * x[1]) + (x[0] * x[0] + x[1] * x[1]) / 20.0;
}

#include "tests/core/train/lbfgs.inc"

enum { STRIDE = 16, EPOCHS = 1000 };
enum { N_TRAJECTORIES = sizeof l_trajectories / sizeof *l_trajectories };
enum { N_FUNCTIONS = sizeof l_functions / sizeof *l_functions };

static bool evaluate_function(void *ctx, const double *x, double *loss, double *gradient)
{
    const size_t *i = ctx;

    *loss = l_functions[*i].f(x, gradient);
    return true;
}

static void every_function_is_walked_by_pytorchs_steps(void **state)
{
    double memory[(5 + 2 * LBFGS_MEMORY) * 2], worst = 0.0;

    (void)state;
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        struct lbfgs o;

        lbfgs_start(&o, 2, memory);
        memcpy(o.x, l_functions[i].start, 2 * sizeof *o.x);
        for (size_t k = 0; k < l_functions[i].iterations; k++) {
            assert_true(lbfgs_iterate(&o, false, evaluate_function, &i));
            worst = fmax(worst, fabs(o.loss / l_functions[i].value[k] - 1.0));
            worst = fmax(worst, fabs(o.step / l_functions[i].step[k] - 1.0));
            if (!(worst < 1e-6))
                fail_msg("function %zu, iteration %zu: %.15g by %.15g", i, k + 1, o.loss, o.step);
        }
    }
    print_message("%d functions, worst relative error of a value or step %g\n", (int)N_FUNCTIONS,
                  worst);
}

/* Of two classes the second holds all but the first. */
static int class_of(size_t i, size_t row)
{
    return l_classes[row] > 0 && l_trajectories[i].n_outputs == 2 ? 1 : l_classes[row];
}

/* ---- networks in double
 * ------------------------------------------------------------------------------ */

static struct oracle oracle_of(size_t i)
{
    const struct spec *s = &l_trajectories[i].spec;
    bool regression = l_trajectories[i].task == TASK_REGRESSION;
    size_t n = l_trajectories[i].n_outputs, last = s->n_hidden;
    struct oracle o = {
        .shape = {.n_inputs = L_INPUTS, .n_layers = last + 1},
        .loss = regression ? LOSS_MSE : LOSS_CROSS_ENTROPY,
        .output = loss_output(l_trajectories[i].task, n),
        .n = n,
        .l2 = s->l2,
        .rows = L_ROWS,
    };

    for (size_t l = 0; l < last; l++) {
        o.shape.width[l] = s->width[l];
        o.shape.activation[l] = l_trajectories[i].activation;
    }
    o.shape.width[last] = loss_width(o.output, n);
    o.shape.activation[last] = ACTIVATION_IDENTITY;
    for (size_t row = 0; row < L_ROWS; row++) {
        memcpy(o.x[row], l_x + row * L_INPUTS, L_INPUTS * sizeof *l_x);
        memcpy(o.y[row], l_y + row * L_TARGETS, L_TARGETS * sizeof *l_y);
        o.classes[row] = class_of(i, row);
        o.weight[row] = 1.0;
    }
    return o;
}

static bool evaluate(void *ctx, const double *x, double *loss, double *gradient)
{
    const struct oracle *o = ctx;

    *loss = oracle_loss(o, x);
    oracle_gradient(o, x, gradient);
    return true;
}

/* Follows a trajectory and returns the largest relative error of objective and step. */
static double follow(size_t i)
{
    static double memory[(5 + 2 * LBFGS_MEMORY) * L_WEIGHTS];
    size_t n = l_trajectories[i].n_weights;
    struct oracle oracle = oracle_of(i);
    double worst = 0.0;
    struct lbfgs o;

    assert_true(lbfgs_doubles(n) <= sizeof memory / sizeof *memory);
    assert_int_equal(mlp_weight_count(&oracle.shape), n);
    lbfgs_start(&o, n, memory);
    memcpy(o.x, l_trajectories[i].start, n * sizeof *o.x);
    for (size_t k = 0; k < l_trajectories[i].iterations; k++) {
        assert_true(lbfgs_iterate(&o, false, evaluate, &oracle));
        worst = fmax(worst, fabs(o.loss / l_trajectories[i].objective[k] - 1.0));
        worst = fmax(worst, fabs(o.step / l_trajectories[i].step[k] - 1.0));
    }
    return fmax(worst, oracle_distance(n, o.x, l_trajectories[i].end));
}

static void every_iteration_in_double_is_pytorchs(void **state)
{
    double worst = 0.0;

    (void)state;
    for (size_t i = 0; i < N_TRAJECTORIES; i++) {
        double error = follow(i);

        worst = fmax(worst, error);
        if (!(error < 1e-6))
            fail_msg("%s: relative error %g", l_trajectories[i].name, error);
    }
    print_message("%d trajectories, worst relative error of an objective or step %g\n",
                  (int)N_TRAJECTORIES, worst);
}

/* ---- networks in float32
 * ----------------------------------------------------------------------------- */

static struct spec spec_of(size_t i)
{
    struct spec s = l_trajectories[i].spec;

    s.loss = l_trajectories[i].task == TASK_REGRESSION ? LOSS_MSE : LOSS_CROSS_ENTROPY;
    s.optimizer = OPTIMIZER_LBFGS;
    s.init = INIT_AUTO;
    s.epochs = EPOCHS;
    for (size_t l = 0; l < s.n_hidden; l++)
        s.activation[l] = l_trajectories[i].activation;
    return s;
}

/* Trains on all rows and returns the loss at the end. */
static double train(size_t i, const float *x, const float *y, const double *target,
                    const int32_t *classes)
{
    static const double zero[L_TARGETS] = {0.0}, one[L_TARGETS] = {1.0, 1.0};
    bool regression = l_trajectories[i].task == TASK_REGRESSION;
    struct fold_data d = {
        .task = l_trajectories[i].task,
        .n_train = L_ROWS,
        .n_features = L_INPUTS,
        .stride = STRIDE,
        .n_outputs = l_trajectories[i].n_outputs,
        .x = x,
        .classes = regression ? NULL : classes,
        .y = regression ? y : NULL,
        .target = regression ? target : NULL,
        .target_mean = zero,
        .target_scale = one,
    };
    const struct metric *decides = metric_find(regression ? "r2" : "accuracy");
    struct spec s = spec_of(i);
    const struct kernel *k;
    struct train *t = NULL;
    double loss;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    assert_int_equal(train_create(&s, &d, k, decides, L_SEED, L_REPEAT, L_FOLD, &t, NULL), ERR_OK);
    assert_int_equal(train_run_to(t, EPOCHS, NULL, NULL), TRAIN_COMPLETED);
    loss = train_result(t)->train_loss[EPOCHS - 1];
    train_destroy(t);
    return loss;
}

static double reach(size_t i)
{
    _Alignas(MEM_ALIGN) float x[L_ROWS * STRIDE] = {0};
    double target[L_ROWS * L_TARGETS];
    float y[L_ROWS * L_TARGETS];
    int32_t classes[L_ROWS];
    bool regression = l_trajectories[i].task == TASK_REGRESSION;
    size_t n = l_trajectories[i].n_outputs;

    for (size_t row = 0; row < L_ROWS; row++) {
        for (size_t j = 0; j < L_INPUTS; j++)
            x[row * STRIDE + j] = (float)l_x[row * L_INPUTS + j];
        for (size_t j = 0; regression && j < n; j++) {
            target[row * n + j] = l_y[row * L_TARGETS + j];
            y[row * n + j] = (float)target[row * n + j];
        }
        classes[row] = class_of(i, row);
    }
    return train(i, x, y, target, classes);
}

/*
 * Float32 ends where the objective is lower nowhere by more than its rounding: as far from the
 * minimum as the root of that. Without penalties the curve is the objective. With l2 it is a part
 * of it, which changes with the distance itself.
 */
static void a_training_in_float32_reaches_pytorchs_minimum(void **state)
{
    double worst[2] = {0.0, 0.0};

    (void)state;
    for (size_t i = 0; i < N_TRAJECTORIES; i++) {
        double want = l_trajectories[i].minimum_loss, error;
        bool penalized = l_trajectories[i].spec.l2 > 0.0;

        if (l_trajectories[i].minimum == 0.0)
            continue;
        error = fabs(reach(i) - want) / l_trajectories[i].minimum;
        worst[penalized] = fmax(worst[penalized], error);
        if (!(error < (penalized ? 1e-3 : 1e-5)))
            fail_msg("%s: relative error %g", l_trajectories[i].name, error);
    }
    print_message("worst relative error of a minimum %g, with l2 %g\n", worst[0], worst[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_is_walked_by_pytorchs_steps),
        cmocka_unit_test(every_iteration_in_double_is_pytorchs),
        cmocka_unit_test(a_training_in_float32_reaches_pytorchs_minimum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
