/* Trainings: they learn, they can be parked, and they end in words when they cannot go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/train.h"
#include "tests/core/train/folds.h"

static const struct spec standard = {
    .n_hidden = 1,
    .width = {16},
    .activation = {ACTIVATION_TANH},
    .loss = LOSS_CROSS_ENTROPY,
    .optimizer = OPTIMIZER_ADAM,
    .learning_rate = 0.01,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .epsilon = 1e-8,
    .batch_size = 32,
    .epochs = 30,
};

static struct train *create(const struct spec *s, const struct fold_data *d)
{
    const char *decides = d->task == TASK_CLASSIFICATION ? "accuracy" : "r2";
    const struct kernel *k;
    struct train *t = NULL;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    assert_int_equal(train_create(s, d, k, metric_find(decides), 3, 1, 1, &t, NULL), ERR_OK);
    return t;
}

static double validation(const struct train *t, const char *metric)
{
    return train_result(t)->validation[metric_index(metric_find(metric))];
}

static void exclusive_or_is_learnt_without_a_fault(void **state)
{
    struct fold_data *d = folds_xor();
    struct spec s = standard;
    struct train *t;

    (void)state;
    s.epochs = 200;
    t = create(&s, d);
    assert_int_equal(train_run_to(t, 200, NULL, NULL), TRAIN_COMPLETED);
    assert_true(validation(t, "accuracy") == 1.0);
    assert_true(validation(t, "log_loss") < 0.1);
    train_destroy(t);
    folds_destroy(d);
}

static void a_linear_model_finds_a_linear_function_in_its_own_unit(void **state)
{
    struct fold_data *d = folds_linear(200, 5, 2);
    float predicted[50 * 2];
    struct spec s = standard;
    struct train *t;

    (void)state;
    s.n_hidden = 0;
    s.loss = LOSS_MSE;
    t = create(&s, d);
    assert_int_equal(train_run_to(t, 30, NULL, NULL), TRAIN_COMPLETED);
    assert_true(validation(t, "r2") > 0.99);
    assert_true(validation(t, "rmse") < 10.0);
    train_predictions(t, predicted);
    for (size_t i = 0; i < 100; i++)
        assert_true(fabs((double)predicted[i] - d->target[200 * 2 + i]) < 40.0);
    assert_true(isnan(validation(t, "accuracy")));
    train_destroy(t);
    folds_destroy(d);
}

/* A batch of all rows, in one block or in several, or given by its number: one and the same. */
static void full_batches_learn_and_need_no_name(void **state)
{
    struct fold_data *d = folds_blobs(700, 6, 3, true);
    struct spec s = standard;
    uint64_t hash = 0;

    (void)state;
    s.optimizer = OPTIMIZER_SGD;
    s.momentum = 0.9;
    s.learning_rate = 0.1;
    for (size_t i = 0; i < 3; i++) {
        static const size_t sizes[] = {0, 700, 5000};
        struct train *t;

        s.batch_size = sizes[i];
        t = create(&s, d);
        assert_int_equal(train_run_to(t, 30, NULL, NULL), TRAIN_COMPLETED);
        assert_true(validation(t, "accuracy") > 0.9);
        assert_true(i == 0 || train_result(t)->weights_hash == hash);
        hash = train_result(t)->weights_hash;
        train_destroy(t);
    }
    folds_destroy(d);
}

static void assert_same_results(const struct train *a, const struct train *b)
{
    const struct train_result *r = train_result(a), *s = train_result(b);
    size_t bytes = r->epochs_run * sizeof(double);

    assert_int_equal(r->epochs_run, s->epochs_run);
    assert_true(r->weights_hash == s->weights_hash);
    assert_memory_equal(r->train_loss, s->train_loss, bytes);
    assert_memory_equal(r->validation_loss, s->validation_loss, bytes);
    assert_memory_equal(r->validation_score, s->validation_score, bytes);
    assert_memory_equal(r->train, s->train, r->n_metrics * sizeof(double));
    assert_memory_equal(r->validation, s->validation, r->n_metrics * sizeof(double));
}

static void a_parked_training_goes_on_as_if_nothing_had_been(void **state)
{
    struct fold_data *d = folds_blobs(300, 7, 3, false);
    struct train *once = create(&standard, d), *parked = create(&standard, d);

    (void)state;
    assert_int_equal(train_run_to(once, 30, NULL, NULL), TRAIN_COMPLETED);
    assert_int_equal(train_run_to(parked, 10, NULL, NULL), TRAIN_RUNNING);
    assert_int_equal(train_result(parked)->epochs_run, 10);
    assert_false(isnan(validation(parked, "accuracy")));
    assert_int_equal(train_run_to(parked, 11, NULL, NULL), TRAIN_RUNNING);
    assert_int_equal(train_run_to(parked, 1000, NULL, NULL), TRAIN_COMPLETED);
    assert_same_results(once, parked);
    train_destroy(once);
    train_destroy(parked);
    folds_destroy(d);
}

static void fewer_epochs_are_a_prefix_of_more(void **state)
{
    struct fold_data *d = folds_blobs(300, 7, 3, false);
    struct train *more = create(&standard, d), *fewer;
    struct spec s = standard;

    (void)state;
    s.epochs = 12;
    fewer = create(&s, d);
    assert_int_equal(train_run_to(more, 12, NULL, NULL), TRAIN_RUNNING);
    assert_int_equal(train_run_to(fewer, 12, NULL, NULL), TRAIN_COMPLETED);
    assert_same_results(more, fewer);
    train_destroy(more);
    train_destroy(fewer);
    folds_destroy(d);
}

static void curves_show_each_epoch(void **state)
{
    struct fold_data *d = folds_blobs(300, 7, 3, true);
    struct train *t = create(&standard, d);
    const struct train_result *r = train_result(t);

    (void)state;
    (void)train_run_to(t, 30, NULL, NULL);
    assert_true(r->train_loss[29] < r->train_loss[0]);
    assert_true(r->validation_score[29] == validation(t, "accuracy"));
    assert_true(fabs(r->validation_loss[29] - validation(t, "log_loss")) < 1e-6);
    for (size_t i = 0; i < 30; i++)
        assert_true(r->learning_rate[i] == 0.01);
    train_destroy(t);
    folds_destroy(d);
}

static void divergence_is_a_result_with_its_epoch(void **state)
{
    struct fold_data *d = folds_linear(100, 5, 1);
    struct spec s = standard;
    const struct train_result *r;
    char reason[64];
    struct train *t;

    (void)state;
    s.loss = LOSS_MSE;
    s.optimizer = OPTIMIZER_SGD;
    s.activation[0] = ACTIVATION_RELU;
    s.learning_rate = 1e6;
    t = create(&s, d);
    r = train_result(t);
    assert_int_equal(train_run_to(t, 30, NULL, NULL), TRAIN_DIVERGED);
    assert_true(r->epochs_run >= 1 && r->epochs_run < 30);
    (void)snprintf(reason, sizeof reason, "loss is not finite in epoch %zu", r->epochs_run);
    assert_non_null(strstr(r->reason, reason));
    assert_true(isnan(r->validation[0]) && isnan(validation(t, "r2")));
    assert_int_equal(train_run_to(t, 30, NULL, NULL), TRAIN_DIVERGED);
    train_destroy(t);
    folds_destroy(d);
}

/* Wanted for so many batches. */
static bool count_down(void *ctx)
{
    return (*(size_t *)ctx)-- > 0;
}

static void a_training_that_is_not_wanted_ends_before_its_next_batch(void **state)
{
    struct fold_data *d = folds_blobs(100, 3, 2, false);
    struct train *t = create(&standard, d);
    size_t batches = (d->n_train + standard.batch_size - 1) / standard.batch_size;
    size_t left = 2 * batches + 1;

    (void)state;
    assert_int_equal(train_run_to(t, 30, count_down, &left), TRAIN_CANCELLED);
    assert_int_equal(train_result(t)->epochs_run, 2);
    assert_int_equal(left, SIZE_MAX);
    assert_int_equal(train_run_to(t, 30, count_down, &left), TRAIN_CANCELLED);
    assert_int_equal(left, SIZE_MAX);
    train_destroy(t);
    folds_destroy(d);
}

static void validation_rows_do_not_reach_the_weights(void **state)
{
    struct fold_data *d = folds_blobs(200, 5, 3, false);
    struct train *honest = create(&standard, d), *noisy = create(&standard, d);
    float *x = (float *)d->x + d->n_train * d->stride;

    (void)state;
    (void)train_run_to(honest, 30, NULL, NULL);
    for (size_t i = 0; i < d->n_validation * d->stride; i++)
        x[i] *= -3.0f;
    (void)train_run_to(noisy, 30, NULL, NULL);
    assert_true(train_result(honest)->weights_hash == train_result(noisy)->weights_hash);
    assert_true(validation(honest, "log_loss") != validation(noisy, "log_loss"));
    train_destroy(honest);
    train_destroy(noisy);
    folds_destroy(d);
}

static void rows_of_weight_zero_do_not_count(void **state)
{
    struct fold_data *d = folds_blobs(60, 4, 2, true);
    struct spec s = standard;
    double loss[2];

    (void)state;
    s.batch_size = 0;
    s.epochs = 1;
    for (size_t i = 30; i < 60; i++)
        ((float *)d->weight)[i] = 0.0f;
    for (int i = 0; i < 2; i++) {
        struct train *t = create(&s, d);

        (void)train_run_to(t, 1, NULL, NULL);
        loss[i] = train_result(t)->train_loss[0];
        train_destroy(t);
        for (size_t row = 30; row < 60; row++) /* wrong now, and still without weight */
            ((int32_t *)d->classes)[row] ^= 1;
    }
    assert_true(loss[0] == loss[1]);
    folds_destroy(d);
}

static void cross_entropy_is_refused_for_regression(void **state)
{
    struct fold_data *d = folds_linear(20, 2, 1);
    const struct kernel *k;
    struct error e = {0};
    struct train *t = NULL;

    (void)state;
    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    assert_int_equal(train_create(&standard, d, k, metric_find("r2"), 1, 1, 1, &t, &e),
                     ERR_INVALID);
    assert_non_null(strstr(e.message, "cross_entropy"));
    assert_null(t);
    folds_destroy(d);
}

static void a_larger_training_is_more_work_and_memory(void **state)
{
    struct spec s = standard, wide = standard;

    (void)state;
    wide.width[0] = 512;
    assert_int_equal(train_weight_count(&s, TASK_CLASSIFICATION, 4, 3), 4 * 16 + 16 + 16 * 3 + 3);
    assert_int_equal(train_weight_count(&s, TASK_CLASSIFICATION, 4, 2), 4 * 16 + 16 + 16 + 1);
    assert_int_equal(train_weight_count(&s, TASK_REGRESSION, 4, 2), 4 * 16 + 16 + 16 * 2 + 2);
    assert_true(train_work(&wide, TASK_REGRESSION, 4, 1, 100, 25) >
                train_work(&s, TASK_REGRESSION, 4, 1, 100, 25));
    assert_true(train_bytes(&wide, TASK_REGRESSION, 4, 1, 125) >
                train_bytes(&s, TASK_REGRESSION, 4, 1, 125));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exclusive_or_is_learnt_without_a_fault),
        cmocka_unit_test(a_linear_model_finds_a_linear_function_in_its_own_unit),
        cmocka_unit_test(full_batches_learn_and_need_no_name),
        cmocka_unit_test(a_parked_training_goes_on_as_if_nothing_had_been),
        cmocka_unit_test(fewer_epochs_are_a_prefix_of_more),
        cmocka_unit_test(curves_show_each_epoch),
        cmocka_unit_test(divergence_is_a_result_with_its_epoch),
        cmocka_unit_test(a_training_that_is_not_wanted_ends_before_its_next_batch),
        cmocka_unit_test(validation_rows_do_not_reach_the_weights),
        cmocka_unit_test(rows_of_weight_zero_do_not_count),
        cmocka_unit_test(cross_entropy_is_refused_for_regression),
        cmocka_unit_test(a_larger_training_is_more_work_and_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
