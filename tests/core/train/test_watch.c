/* Rows set aside, early stopping, plateau, class weights, and all of them through a training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/holdout.h"
#include "core/train/train.h"
#include "core/train/watch.h"
#include "tests/core/train/folds.h"

enum { MOST_ROWS = 1000 };

static const struct spec standard = {
    .n_hidden = 2,
    .width = {24, 16},
    .activation = {ACTIVATION_TANH, ACTIVATION_RELU},
    .loss = LOSS_CROSS_ENTROPY,
    .optimizer = OPTIMIZER_ADAM,
    .learning_rate = 0.02,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .epsilon = 1e-8,
    .decay = 0.1,
    .batch_size = 32,
    .epochs = 60,
    .early_stopping_fraction = 0.2,
};

static struct train *create_on(const struct kernel *k, const struct spec *s,
                               const struct fold_data *d)
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
    return create_on(k, s, d);
}

/* Early stopping, dropout, batch normalization and class weights at once. */
static struct spec everything(void)
{
    struct spec s = standard;

    s.early_stopping = 8;
    s.dropout[0] = 0.2;
    s.dropout[1] = 0.4;
    s.batch_norm = true;
    s.balanced = true;
    s.schedule = SCHEDULE_PLATEAU;
    s.plateau_patience = 2;
    s.gradient_clip = 1.0;
    return s;
}

/* ---- rows set aside ------------------------------------------------------------------------- */

static size_t split(const struct fold_data *d, double fraction, uint32_t *rows)
{
    bool seen[MOST_ROWS] = {false};
    size_t n_kept = 0;

    assert_int_equal(holdout_split(d, fraction, 3, 1, 1, rows, &n_kept, NULL), ERR_OK);
    assert_true(n_kept >= 1 && n_kept < d->n_train);
    for (size_t i = 0; i < d->n_train; i++) {
        assert_true(i == 0 || i == n_kept || rows[i] > rows[i - 1]);
        assert_true(rows[i] < d->n_train && !seen[rows[i]]);
        seen[rows[i]] = true;
    }
    return n_kept;
}

static void every_class_gives_its_share(void **state)
{
    struct fold_data *d = folds_blobs(400, 5, 4, false);
    size_t all[4] = {0}, aside[4] = {0}, n_kept;
    uint32_t rows[MOST_ROWS];

    (void)state;
    n_kept = split(d, 0.15, rows);
    assert_int_equal(n_kept, 340);
    for (size_t i = 0; i < 400; i++) {
        all[d->classes[rows[i]]]++;
        aside[d->classes[rows[i]]] += i >= n_kept;
    }
    for (size_t k = 0; k < 4; k++)
        assert_true(fabs((double)aside[k] - 0.15 * (double)all[k]) <= 1.0);
    folds_destroy(d);
}

static void rows_of_a_unit_stay_together(void **state)
{
    struct fold_data *d = folds_linear(300, 2, 1);
    uint32_t rows[MOST_ROWS], unit[MOST_ROWS];
    size_t n_kept, aside[11] = {0}, all[11] = {0};

    (void)state;
    for (uint32_t i = 0; i < 375; i++)
        unit[i] = 70000 + i * 7 % 11;
    d->unit = unit;
    n_kept = split(d, 0.1, rows);
    assert_true(n_kept <= 270 && n_kept >= 240);
    for (size_t i = 0; i < 300; i++) {
        all[unit[rows[i]] - 70000]++;
        aside[unit[rows[i]] - 70000] += i >= n_kept;
    }
    for (size_t u = 0; u < 11; u++)
        assert_true(aside[u] == 0 || aside[u] == all[u]);
    folds_destroy(d);
}

static void an_ordered_fold_sets_its_last_units_aside(void **state)
{
    struct fold_data *d = folds_blobs(100, 2, 3, false);
    uint32_t rows[MOST_ROWS], unit[MOST_ROWS];

    (void)state;
    for (uint32_t i = 0; i < 125; i++)
        unit[i] = i / 4;
    d->unit = unit;
    d->ordered = true;
    assert_int_equal(split(d, 0.1, rows), 88);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(rows[i], i);
    folds_destroy(d);
}

static void a_class_keeps_rows_to_train_on(void **state)
{
    struct fold_data *d = folds_blobs(30, 2, 10, false);
    bool all[10] = {false}, kept[10] = {false};
    uint32_t rows[MOST_ROWS];
    size_t n_kept;

    (void)state;
    n_kept = split(d, 0.9, rows);
    for (size_t i = 0; i < 30; i++) {
        all[d->classes[rows[i]]] = true;
        if (i < n_kept)
            kept[d->classes[rows[i]]] = true;
    }
    assert_memory_equal(all, kept, sizeof all);
    (void)split(d, 0.001, rows); /* and one row is set aside whatever the share */
    folds_destroy(d);
}

static void rows_that_belong_together_cannot_be_cut(void **state)
{
    struct fold_data *d = folds_blobs(30, 2, 2, false);
    uint32_t rows[MOST_ROWS], unit[MOST_ROWS] = {0};
    struct error e = {0};
    size_t n;

    (void)state;
    d->unit = unit;
    assert_int_equal(holdout_split(d, 0.1, 3, 1, 1, rows, &n, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "30 rows"));
    folds_destroy(d);
}

/* ---- decisions ------------------------------------------------------------------------------ */

static void patience_counts_from_the_best_epoch(void **state)
{
    struct watch w;

    (void)state;
    watch_start(&w);
    assert_true(watch_best(&w, 1, 0.5));
    assert_false(watch_best(&w, 2, 0.5)); /* the first of equals */
    assert_true(watch_best(&w, 3, 0.4));
    assert_false(watch_best(&w, 4, (double)NAN));
    assert_false(watch_is_over(&w, 4, 2));
    assert_true(watch_is_over(&w, 5, 2));
}

/* As PyTorch's ReduceLROnPlateau(patience=2): lowered in the third epoch that is not better. */
static void a_plateau_is_more_epochs_than_patience(void **state)
{
    static const double losses[] = {1.0, 0.99995, 1.0, 1.0, 0.9, 0.9, 0.9, 0.9, 0.8};
    static const double factors[] = {1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25};
    struct watch w;

    (void)state;
    watch_start(&w);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        watch_plateau(&w, losses[i], 0.5, 2);
        assert_true(w.rate_factor == factors[i]);
    }
}

/* ---- trainings ------------------------------------------------------------------------------ */

/* Labels that cannot be learnt, so that the watched loss soon rises. */
static struct fold_data *noise(size_t n_train)
{
    struct fold_data *d = folds_blobs(n_train, 8, 2, false);

    for (size_t i = 0; i < n_train; i += 3)
        ((int32_t *)d->classes)[i] ^= 1;
    return d;
}

static void assert_same_results(const struct train *a, const struct train *b)
{
    const struct train_result *r = train_result(a), *s = train_result(b);
    size_t bytes = r->epochs_run * sizeof(double);

    assert_int_equal(r->epochs_run, s->epochs_run);
    assert_int_equal(r->epochs, s->epochs);
    assert_true(r->weights_hash == s->weights_hash);
    assert_memory_equal(r->train_loss, s->train_loss, bytes);
    assert_memory_equal(r->validation_loss, s->validation_loss, bytes);
    assert_memory_equal(r->learning_rate, s->learning_rate, bytes);
    assert_memory_equal(r->train, s->train, r->n_metrics * sizeof(double));
    assert_memory_equal(r->validation, s->validation, r->n_metrics * sizeof(double));
    assert_memory_equal(r->layers, s->layers, r->epochs_run * r->n_layers * sizeof *r->layers);
}

static void early_stopping_ends_with_the_weights_of_the_best_epoch(void **state)
{
    struct fold_data *d = noise(300);
    struct spec s = standard;
    const struct train_result *r;
    struct train *t, *best;

    (void)state;
    s.early_stopping = 7;
    t = create(&s, d);
    r = train_result(t);
    assert_int_equal(train_run_to(t, 60, NULL, NULL), TRAIN_COMPLETED);
    assert_true(r->epochs_run < 60);
    assert_int_equal(r->epochs_run, r->epochs + 7);
    s.epochs = r->epochs; /* ends there, and is its own best epoch */
    best = create(&s, d);
    assert_int_equal(train_run_to(best, 60, NULL, NULL), TRAIN_COMPLETED);
    assert_int_equal(train_result(best)->epochs, r->epochs);
    assert_true(train_result(best)->weights_hash == r->weights_hash);
    assert_memory_equal(train_result(best)->validation, r->validation,
                        r->n_metrics * sizeof(double));
    assert_int_equal(train_run_to(t, 60, NULL, NULL), TRAIN_COMPLETED);
    train_destroy(t);
    train_destroy(best);
    folds_destroy(d);
}

static void a_parked_training_goes_on_as_if_nothing_had_been(void **state)
{
    struct fold_data *d = noise(289);
    struct spec s = everything();
    struct train *once, *parked;

    (void)state;
    s.early_stopping = 25;
    once = create(&s, d);
    parked = create(&s, d);
    (void)train_run_to(once, 40, NULL, NULL);
    for (size_t epoch = 3; epoch <= 40; epoch += 3)
        (void)train_run_to(parked, epoch, NULL, NULL);
    (void)train_run_to(parked, 40, NULL, NULL);
    assert_true(train_result(once)->epochs < train_result(once)->epochs_run);
    assert_same_results(once, parked);
    train_destroy(once);
    train_destroy(parked);
    folds_destroy(d);
}

static void every_kernel_trains_to_the_same_bits(void **state)
{
    struct fold_data *folds[] = {folds_blobs(301, 5, 4, true), folds_linear(123, 9, 3)};
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct fold_data *d = folds[i % 2];
        struct spec s = everything();
        struct train *first = NULL;

        s.loss = d->classes ? LOSS_CROSS_ENTROPY : LOSS_HUBER;
        s.huber_delta = 1.0;
        s.batch_norm = i < 4;
        s.batch_size = i < 2 ? 16 : 0;
        s.epochs = 5;
        for (size_t j = 0; (k = kernel_at(j)); j++) {
            struct train *t;

            if (!kernel_supported(k))
                continue;
            t = create_on(k, &s, d);
            (void)train_run_to(t, 5, NULL, NULL);
            if (!first) {
                first = t;
                continue;
            }
            assert_same_results(first, t);
            train_destroy(t);
        }
        train_destroy(first);
    }
    folds_destroy(folds[0]);
    folds_destroy(folds[1]);
}

static void validation_rows_decide_nothing(void **state)
{
    struct fold_data *d = noise(300);
    struct spec s = everything();
    struct train *honest = create(&s, d), *noisy = create(&s, d);
    float *x = (float *)d->x + d->n_train * d->stride;

    (void)state;
    (void)train_run_to(honest, 60, NULL, NULL);
    for (size_t i = 0; i < d->n_validation * d->stride; i++)
        x[i] *= -3.0f;
    for (size_t i = d->n_train; i < d->n_train + d->n_validation; i++)
        ((int32_t *)d->classes)[i] = 0;
    (void)train_run_to(noisy, 60, NULL, NULL);
    assert_int_equal(train_result(honest)->epochs, train_result(noisy)->epochs);
    assert_int_equal(train_result(honest)->epochs_run, train_result(noisy)->epochs_run);
    assert_true(train_result(honest)->weights_hash == train_result(noisy)->weights_hash);
    train_destroy(honest);
    train_destroy(noisy);
    folds_destroy(d);
}

static void plateau_lowers_the_rate_and_step_follows_the_epoch(void **state)
{
    struct fold_data *d = noise(300);
    struct spec s = standard;
    const struct train_result *r;
    struct train *t;

    (void)state;
    s.schedule = SCHEDULE_PLATEAU;
    s.plateau_patience = 3;
    t = create(&s, d);
    r = train_result(t);
    assert_int_equal(train_run_to(t, 60, NULL, NULL), TRAIN_COMPLETED);
    assert_int_equal(r->epochs, 60);
    assert_true(r->learning_rate[0] == 0.02 && r->learning_rate[59] < 0.02);
    train_destroy(t);
    s.schedule = SCHEDULE_STEP;
    s.step_epochs = 4;
    t = create(&s, d);
    r = train_result(t);
    (void)train_run_to(t, 9, NULL, NULL);
    assert_true(r->learning_rate[3] == 0.02);
    assert_true(fabs(r->learning_rate[4] - 0.002) < 1e-15);
    assert_true(fabs(r->learning_rate[8] - 0.0002) < 1e-15);
    train_destroy(t);
    folds_destroy(d);
}

/* Three rows of the first class for one of the second: balanced is a weight of 2/3 and 2. */
static void balanced_classes_weigh_the_same(void **state)
{
    struct fold_data *d = folds_blobs(80, 4, 2, false);
    const struct train_result *r[2];
    struct spec s = standard;
    struct train *t[2];
    float weight[100];

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        ((int32_t *)d->classes)[i] = i % 4 == 0;
        weight[i] = i % 4 == 0 ? 2.0f : (float)(2.0 / 3.0);
    }
    s.balanced = true;
    t[0] = create(&s, d);
    (void)train_run_to(t[0], 5, NULL, NULL);
    s.balanced = false;
    d->weight = weight;
    t[1] = create(&s, d);
    (void)train_run_to(t[1], 5, NULL, NULL);
    for (int i = 0; i < 2; i++)
        r[i] = train_result(t[i]);
    for (size_t i = 0; i < 5; i++) {
        assert_true(fabs(r[0]->train_loss[i] - r[1]->train_loss[i]) < 1e-4);
        assert_true(fabs(r[0]->validation_loss[i] - r[1]->validation_loss[i]) < 1e-4);
    }
    /* The metric knows the data's own weights alone. */
    assert_true(fabs(r[0]->validation[metric_index(metric_find("log_loss"))] -
                     r[1]->validation[metric_index(metric_find("log_loss"))]) > 1e-3);
    d->weight = NULL;
    train_destroy(t[0]);
    train_destroy(t[1]);
    folds_destroy(d);
}

static void a_network_with_everything_learns(void **state)
{
    struct fold_data *d = folds_blobs(400, 6, 3, false);
    struct spec s = everything();
    struct train *t = create(&s, d);
    const struct train_result *r = train_result(t);

    (void)state;
    assert_int_equal(train_run_to(t, 60, NULL, NULL), TRAIN_COMPLETED);
    assert_true(r->validation[metric_index(metric_find("accuracy"))] > 0.9);
    assert_int_equal(r->n_layers, 3);
    for (size_t i = 0; i < r->epochs_run * 3; i++) {
        assert_true(r->layers[i].gradient_norm > 0.0 && r->layers[i].update_ratio > 0.0);
        assert_true(i % 3 == 2 ? isnan(r->layers[i].idle)
                               : r->layers[i].idle >= 0.0 && r->layers[i].idle <= 1.0);
    }
    train_destroy(t);
    folds_destroy(d);
}

/* 65 rows in batches of 32: the last row has no variance, and is left out of the epoch. */
static void a_last_batch_of_one_row_is_left_out_of_batch_norm(void **state)
{
    struct fold_data *d = folds_blobs(65, 4, 2, false);
    struct spec s = standard;
    struct error e = {0};
    const struct kernel *k;
    struct train *t;

    (void)state;
    s.batch_norm = true;
    s.epochs = 3;
    t = create(&s, d);
    assert_int_equal(train_run_to(t, 3, NULL, NULL), TRAIN_COMPLETED);
    assert_true(isfinite(train_result(t)->train_loss[2]));
    train_destroy(t);
    s.batch_size = 1;
    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    assert_int_equal(train_create(&s, d, k, metric_find("accuracy"), 1, 1, 1, &t, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "batch_size is 1"));
    folds_destroy(d);
}

static void divergence_names_the_layer(void **state)
{
    struct fold_data *d = folds_linear(100, 5, 1);
    struct spec s = standard;
    struct train *t;

    (void)state;
    s.loss = LOSS_MSE;
    s.optimizer = OPTIMIZER_SGD;
    s.activation[0] = s.activation[1] = ACTIVATION_IDENTITY;
    s.learning_rate = 1e6;
    t = create(&s, d);
    assert_int_equal(train_run_to(t, 60, NULL, NULL), TRAIN_DIVERGED);
    assert_non_null(strstr(train_result(t)->reason, "loss is not finite in epoch 1; "));
    assert_non_null(strstr(train_result(t)->reason, "layer "));
    train_destroy(t);
    folds_destroy(d);
}

static void memory_is_counted(void **state)
{
    struct spec s = standard, more = standard;

    (void)state;
    more.early_stopping = 5;
    assert_true(train_bytes(&more, TASK_REGRESSION, 4, 1, 125) >
                train_bytes(&s, TASK_REGRESSION, 4, 1, 125));
    more = everything();
    more.batch_size = 0;
    s.batch_size = 0;
    assert_true(train_bytes(&more, TASK_REGRESSION, 4, 1, 100000) >
                2 * train_bytes(&s, TASK_REGRESSION, 4, 1, 100000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_gives_its_share),
        cmocka_unit_test(rows_of_a_unit_stay_together),
        cmocka_unit_test(an_ordered_fold_sets_its_last_units_aside),
        cmocka_unit_test(a_class_keeps_rows_to_train_on),
        cmocka_unit_test(rows_that_belong_together_cannot_be_cut),
        cmocka_unit_test(patience_counts_from_the_best_epoch),
        cmocka_unit_test(a_plateau_is_more_epochs_than_patience),
        cmocka_unit_test(early_stopping_ends_with_the_weights_of_the_best_epoch),
        cmocka_unit_test(a_parked_training_goes_on_as_if_nothing_had_been),
        cmocka_unit_test(every_kernel_trains_to_the_same_bits),
        cmocka_unit_test(validation_rows_decide_nothing),
        cmocka_unit_test(plateau_lowers_the_rate_and_step_follows_the_epoch),
        cmocka_unit_test(balanced_classes_weigh_the_same),
        cmocka_unit_test(a_network_with_everything_learns),
        cmocka_unit_test(a_last_batch_of_one_row_is_left_out_of_batch_norm),
        cmocka_unit_test(divergence_names_the_layer),
        cmocka_unit_test(memory_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
