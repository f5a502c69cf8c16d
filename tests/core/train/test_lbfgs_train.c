/* Trainings by L-BFGS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/train/train.h"
#include "tests/core/train/folds.h"

enum { EPOCHS = 30 };

static const struct spec standard = {
    .n_hidden = 1,
    .width = {12},
    .activation = {ACTIVATION_TANH},
    .loss = LOSS_MSE,
    .optimizer = OPTIMIZER_LBFGS,
    .epochs = EPOCHS,
};

static struct train *create_with(const struct spec *s, const struct fold_data *d,
                                 const struct kernel *k)
{
    const char *decides = d->task == TASK_CLASSIFICATION ? "accuracy" : "r2";
    struct train *t = NULL;

    assert_int_equal(train_create(s, d, k, metric_find(decides), 3, 1, 1, &t, NULL), ERR_OK);
    return t;
}

static struct train *create(const struct spec *s, const struct fold_data *d)
{
    const struct kernel *k;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    return create_with(s, d, k);
}

static double last_loss(const struct train *t)
{
    const struct train_result *r = train_result(t);

    return r->train_loss[r->epochs_run - 1];
}

/* All that changes the function or the way through it. */
static struct spec everything(void)
{
    struct spec s = standard;

    s.loss = LOSS_CROSS_ENTROPY;
    s.n_hidden = 2;
    s.width[1] = 7;
    s.activation[1] = ACTIVATION_RELU;
    s.dropout[0] = 0.2;
    s.batch_norm = true;
    s.l1 = 1e-4;
    s.l2 = 1e-3;
    s.early_stopping = 20;
    s.early_stopping_fraction = 0.2;
    return s;
}

static void the_loss_ends_far_below_adams(void **state)
{
    struct fold_data *d = folds_linear(300, 5, 2);
    struct spec adam = standard;
    struct train *ours = create(&standard, d), *theirs;

    (void)state;
    adam.optimizer = OPTIMIZER_ADAM;
    adam.learning_rate = 0.01;
    adam.beta1 = 0.9;
    adam.beta2 = 0.999;
    adam.epsilon = 1e-8;
    adam.batch_size = 32;
    theirs = create(&adam, d);
    assert_int_equal(train_run_to(ours, EPOCHS, NULL, NULL), TRAIN_COMPLETED);
    assert_int_equal(train_run_to(theirs, EPOCHS, NULL, NULL), TRAIN_COMPLETED);
    print_message("lbfgs %g, adam %g\n", last_loss(ours), last_loss(theirs));
    assert_true(last_loss(ours) < last_loss(theirs) / 5.0);
    train_destroy(ours);
    train_destroy(theirs);
    folds_destroy(d);
}

/* Without dropout no epoch ends higher than the one before. */
static void curves_show_the_iterate_and_its_step(void **state)
{
    struct fold_data *d = folds_linear(300, 5, 1);
    struct train *t = create(&standard, d);
    const struct train_result *r = train_result(t);

    (void)state;
    (void)train_run_to(t, EPOCHS, NULL, NULL);
    for (size_t i = 1; i < EPOCHS; i++)
        assert_true(r->train_loss[i] <= r->train_loss[i - 1]);
    assert_true(r->learning_rate[0] > 0.0);
    for (size_t i = 0; i < 2 * EPOCHS; i++) {
        assert_true(r->layers[i].gradient_norm > 0.0);
        assert_true((r->layers[i].update_ratio > 0.0) == (r->learning_rate[i / 2] > 0.0));
    }
    /* The target's unit is 100: the metric is that of the same weights. */
    assert_true(fabs(r->train[metric_index(metric_find("mse"))] / (1e4 * last_loss(t)) - 1.0) <
                1e-4);
    train_destroy(t);
    folds_destroy(d);
}

static void assert_same(const struct train *a, const struct train *b)
{
    const struct train_result *r = train_result(a), *s = train_result(b);
    size_t bytes = r->epochs_run * sizeof(double);

    assert_int_equal(r->epochs_run, s->epochs_run);
    assert_true(r->weights_hash == s->weights_hash);
    assert_memory_equal(r->train_loss, s->train_loss, bytes);
    assert_memory_equal(r->validation_loss, s->validation_loss, bytes);
    assert_memory_equal(r->learning_rate, s->learning_rate, bytes);
    assert_memory_equal(r->train, s->train, r->n_metrics * sizeof(double));
    assert_memory_equal(r->validation, s->validation, r->n_metrics * sizeof(double));
}

static void a_parked_training_goes_on_as_if_nothing_had_been(void **state)
{
    struct fold_data *d = folds_blobs(300, 7, 3, true);
    struct spec specs[2] = {standard, everything()};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct train *once = create(&specs[i], d), *parked = create(&specs[i], d);

        (void)train_run_to(once, EPOCHS, NULL, NULL);
        assert_int_equal(train_run_to(parked, 10, NULL, NULL), TRAIN_RUNNING);
        (void)train_run_to(parked, 11, NULL, NULL);
        (void)train_run_to(parked, EPOCHS, NULL, NULL);
        assert_true(train_result(once)->epochs_run > 11);
        assert_same(once, parked);
        train_destroy(once);
        train_destroy(parked);
    }
    folds_destroy(d);
}

static void every_kernel_finds_the_same_bits(void **state)
{
    struct fold_data *d = folds_blobs(300, 7, 3, true);
    struct spec s = everything();
    const struct kernel *reference, *k;
    struct train *want;

    (void)state;
    assert_int_equal(kernel_choose("reference", &reference, NULL), ERR_OK);
    want = create_with(&s, d, reference);
    (void)train_run_to(want, EPOCHS, NULL, NULL);
    for (size_t i = 0; (k = kernel_at(i)); i++) {
        struct train *got;

        if (!kernel_supported(k))
            continue;
        got = create_with(&s, d, k);
        (void)train_run_to(got, EPOCHS, NULL, NULL);
        assert_same(want, got);
        train_destroy(got);
    }
    train_destroy(want);
    folds_destroy(d);
}

static void what_lbfgs_does_not_use_changes_no_bit(void **state)
{
    struct fold_data *d = folds_linear(100, 4, 1);
    struct spec s = standard;
    struct train *plain = create(&standard, d), *other;

    (void)state;
    s.batch_size = 8;
    s.learning_rate = 3.0;
    s.gradient_clip = 1e-3;
    s.momentum = 0.9;
    other = create(&s, d);
    (void)train_run_to(plain, EPOCHS, NULL, NULL);
    (void)train_run_to(other, EPOCHS, NULL, NULL);
    assert_same(plain, other);
    train_destroy(plain);
    train_destroy(other);
    folds_destroy(d);
}

/* Ridge regression in one dimension: w = s_xy / (s_xx + l2 / 2), for the mean over rows. */
static void l2_ends_at_the_ridge_regression(void **state)
{
    struct fold_data *d = folds_linear(200, 1, 1);
    double mean_x = 0.0, mean_y = 0.0, xx = 0.0, xy = 0.0, w;
    struct spec s = standard;
    float predicted[50];
    struct train *t;

    (void)state;
    s.n_hidden = 0;
    s.l2 = 0.5;
    for (size_t i = 0; i < 200; i++) {
        ((float *)d->y)[i] += 2.0f * d->x[i * d->stride];
        mean_x += (double)d->x[i * d->stride] / 200.0;
        mean_y += (double)d->y[i] / 200.0;
    }
    for (size_t i = 0; i < 200; i++) {
        double x = (double)d->x[i * d->stride] - mean_x;

        xx += x * x / 200.0;
        xy += x * ((double)d->y[i] - mean_y) / 200.0;
    }
    w = xy / (xx + s.l2 / 2.0);
    t = create(&s, d);
    (void)train_run_to(t, EPOCHS, NULL, NULL);
    train_predictions(t, predicted);
    for (size_t i = 0; i < 50; i++) {
        double x = (double)d->x[(200 + i) * d->stride];

        assert_true(fabs((double)predicted[i] - 1000.0 - 100.0 * (mean_y + w * (x - mean_x))) <
                    0.01);
    }
    train_destroy(t);
    folds_destroy(d);
}

/* Wanted for so many evaluations. */
static bool count_down(void *ctx)
{
    return (*(size_t *)ctx)-- > 0;
}

static void a_training_that_is_not_wanted_ends_between_evaluations(void **state)
{
    struct fold_data *d = folds_blobs(100, 3, 2, false);
    struct train *t = create(&standard, d);
    size_t left = 2; /* the epoch and the evaluation at the start, none in the line search */

    (void)state;
    assert_int_equal(train_run_to(t, EPOCHS, count_down, &left), TRAIN_CANCELLED);
    assert_int_equal(left, SIZE_MAX);
    assert_int_equal(train_result(t)->epochs_run, 0);
    train_destroy(t);
    folds_destroy(d);
}

static void its_memory_is_counted(void **state)
{
    struct spec sgd = standard;
    size_t n = train_weight_count(&standard, TASK_REGRESSION, 4, 1);

    (void)state;
    sgd.optimizer = OPTIMIZER_SGD;
    assert_true(train_bytes(&standard, TASK_REGRESSION, 4, 1, 100) >=
                train_bytes(&sgd, TASK_REGRESSION, 4, 1, 100) + n * 25 * sizeof(double));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_ends_far_below_adams),
        cmocka_unit_test(curves_show_the_iterate_and_its_step),
        cmocka_unit_test(a_parked_training_goes_on_as_if_nothing_had_been),
        cmocka_unit_test(every_kernel_finds_the_same_bits),
        cmocka_unit_test(what_lbfgs_does_not_use_changes_no_bit),
        cmocka_unit_test(l2_ends_at_the_ridge_regression),
        cmocka_unit_test(a_training_that_is_not_wanted_ends_between_evaluations),
        cmocka_unit_test(its_memory_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
