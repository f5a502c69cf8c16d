/*
 * Whole trainings against scikit-learn: tests/reference/trainings.py made trainings.inc. It drew
 * the same initial weights and batches from the same streams; its float64 numbers beside our
 * float32. All but adam's agree within 1e-6: scikit-learn's epsilon is another one in early steps.
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
#include "core/train/train.h"

#include "tests/core/train/trainings.inc"

enum { STRIDE = 16, MOST_TARGETS = 3, N_TRAININGS = sizeof k_trainings / sizeof *k_trainings };

static struct spec spec_of(size_t i)
{
    struct spec s = k_trainings[i].spec;

    s.loss = k_trainings[i].task == TASK_REGRESSION ? LOSS_MSE : LOSS_CROSS_ENTROPY;
    s.init = INIT_AUTO;
    s.beta1 = 0.9;
    s.beta2 = 0.999;
    s.epochs = K_EPOCHS;
    for (size_t l = 0; l < s.n_hidden; l++)
        s.activation[l] = k_trainings[i].activation;
    return s;
}

static const double *targets_of(size_t i)
{
    return k_trainings[i].n_outputs == 1 ? k_1_target : k_3_targets;
}

static const int32_t *classes_of(size_t i)
{
    return k_trainings[i].n_outputs == 2 ? k_2_classes : k_3_classes;
}

/* All rows are training rows. */
static struct fold_data data_of(size_t i, const float *x, const float *y)
{
    static const double zero[MOST_TARGETS] = {0.0}, one[MOST_TARGETS] = {1.0, 1.0, 1.0};
    struct fold_data d = {
        .task = k_trainings[i].task,
        .n_train = K_ROWS,
        .n_features = K_INPUTS,
        .stride = STRIDE,
        .n_outputs = k_trainings[i].n_outputs,
        .x = x,
        .weight = k_trainings[i].weighted ? k_weight : NULL,
    };

    if (d.task == TASK_CLASSIFICATION) {
        d.classes = classes_of(i);
    } else {
        d.y = y;
        d.target = targets_of(i);
        d.target_mean = zero;
        d.target_scale = one;
    }
    return d;
}

/* Trains and returns the largest relative error of a loss; *epoch: where. */
static double follow(size_t i, const struct kernel *k, size_t *epoch)
{
    _Alignas(MEM_ALIGN) static float x[K_ROWS * STRIDE];
    static float y[K_ROWS * MOST_TARGETS];
    bool regression = k_trainings[i].task == TASK_REGRESSION;
    const struct metric *decides = metric_find(regression ? "r2" : "accuracy");
    struct fold_data d = data_of(i, x, y);
    struct spec s = spec_of(i);
    struct train *t = NULL;
    double worst = 0.0;

    for (size_t row = 0; row < K_ROWS; row++)
        memcpy(x + row * STRIDE, k_x + row * K_INPUTS, K_INPUTS * sizeof *x);
    for (size_t j = 0; regression && j < K_ROWS * d.n_outputs; j++)
        y[j] = (float)d.target[j];
    assert_int_equal(train_create(&s, &d, k, decides, K_SEED, K_REPEAT, K_FOLD, &t, NULL), ERR_OK);
    assert_int_equal(train_run_to(t, K_EPOCHS, NULL, NULL), TRAIN_COMPLETED);
    for (size_t e = 0; e < K_EPOCHS; e++) {
        double error = fabs(train_result(t)->train_loss[e] / k_trainings[i].loss[e] - 1.0);

        if (!(error <= worst)) {
            worst = error;
            *epoch = e + 1;
        }
    }
    train_destroy(t);
    return worst;
}

static void every_epoch_has_scikit_learns_loss(void **state)
{
    const struct kernel *k;
    double worst = 0.0;

    (void)state;
    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    for (size_t i = 0; i < N_TRAININGS; i++) {
        size_t epoch = 0;
        double error = follow(i, k, &epoch);

        worst = fmax(worst, error);
        if (!(error < 1e-4))
            fail_msg("%s: relative error %g in epoch %zu", k_trainings[i].name, error, epoch);
    }
    print_message("%d trainings, worst relative error of a loss %g\n", (int)N_TRAININGS, worst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_epoch_has_scikit_learns_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
