/* Warnings: what the numbers of a training say in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/train/warn.h"
#include "tests/core/train/folds.h"

enum { EPOCHS = 5, LAYERS = 3 };

/* A training of two hidden layers and an output, all well. */
struct made {
    struct spec spec;
    struct mlp_statistics layers[EPOCHS][LAYERS];
    enum task task;
    size_t n_targets;
    double metrics[3 * METRIC_MAX]; /* two targets by themselves too */
    struct train_result result;
    struct buf said;
};

static void make(struct made *m, enum activation a)
{
    *m = (struct made){.spec = {.n_hidden = 2, .width = {4, 4}, .activation = {a, a}},
                       .said = m->said};
    for (size_t i = 0; i < EPOCHS; i++)
        for (size_t l = 0; l < LAYERS; l++)
            m->layers[i][l] = (struct mlp_statistics){0.5, 0.01, l < 2 ? 0.25 : (double)NAN};
    m->result = (struct train_result){
        .state = TRAIN_COMPLETED,
        .epochs_run = EPOCHS,
        .epochs = EPOCHS,
        .n_metrics = metric_count(),
        .validation = m->metrics,
        .n_layers = LAYERS,
        .layers = m->layers[0],
    };
}

/* All sentences, a line each. */
static const char *say(struct made *m)
{
    static const char *const targets[] = {"width", "height"};
    CLEANUP(arena_end) struct arena *a = NULL;
    struct metric_list list;

    buf_clear(&m->said);
    assert_int_equal(arena_create(4096, &a, NULL), ERR_OK);
    assert_int_equal(metric_list_make(m->task, targets, m->n_targets, a, &list, NULL), ERR_OK);
    train_warnings(&m->spec, &list, &m->result, &m->said);
    for (size_t i = 0; i < m->said.length; i++)
        if (m->said.data[i] == '\0')
            m->said.data[i] = '\n';
    return buf_text(&m->said);
}

static void a_healthy_training_has_no_warnings(void **state)
{
    struct made m = {0};

    (void)state;
    make(&m, ACTIVATION_SIGMOID);
    assert_string_equal(say(&m), "");
    m.result.epochs_run = 0;
    assert_string_equal(say(&m), "");
    make(&m, ACTIVATION_RELU);
    m.spec.n_hidden = 0; /* a linear model */
    m.result.n_layers = 1;
    assert_string_equal(say(&m), "");
    buf_finish(&m.said);
}

static void vanishing_names_its_ratio_and_the_epoch_it_began(void **state)
{
    struct made m = {0};

    (void)state;
    make(&m, ACTIVATION_SIGMOID);
    for (size_t i = 2; i < EPOCHS; i++)
        m.layers[i][0].gradient_norm = 0.5 * 3e-8;
    assert_string_equal(say(&m),
                        "gradients of layer 1 are 3e-08 of layer 3's from epoch 3 on: they vanish;"
                        " relu with he_normal, tanh with glorot_normal, or batch_norm usually"
                        " helps\n");
    m.layers[2][0].gradient_norm = 0.5e-6; /* a millionth is just enough */
    assert_string_equal(say(&m), "");
    m.layers[0][0].gradient_norm = m.layers[1][0].gradient_norm = 0.0;
    m.result.epochs_run = 2; /* fewer epochs than it takes, but in all of them */
    assert_non_null(strstr(say(&m), "layer 1 are 0 of layer 3's from epoch 1 on"));
    m.layers[1][LAYERS - 1].gradient_norm = 0.0; /* there is nothing left to learn */
    assert_string_equal(say(&m), "");
    buf_finish(&m.said);
}

static void exploding_names_the_first_epoch_and_layer(void **state)
{
    struct made m = {0};

    (void)state;
    make(&m, ACTIVATION_TANH);
    m.layers[2][1].gradient_norm = 600;
    m.layers[3][0].gradient_norm = 700;
    assert_string_equal(say(&m), "the gradient of layer 2 has norm 6e+02 in epoch 3, after 0.5 in"
                                 " epoch 1: it explodes; a lower learning_rate, gradient_clip or"
                                 " batch_norm usually helps\n");
    make(&m, ACTIVATION_TANH);
    m.layers[0][2].gradient_norm = 2e7;
    assert_non_null(strstr(say(&m), "layer 3 has norm 2e+07 in epoch 1: it explodes"));
    make(&m, ACTIVATION_TANH);
    m.result.state = TRAIN_DIVERGED;
    m.layers[4][0].gradient_norm = (double)INFINITY;
    assert_non_null(strstr(say(&m), "layer 1 has norm inf in epoch 5"));
    m.layers[4][0].gradient_norm = (double)NAN;
    assert_string_equal(say(&m), "");
    buf_finish(&m.said);
}

static void gradients_that_wake_up_do_not_explode(void **state)
{
    struct made m = {0};

    (void)state;
    make(&m, ACTIVATION_TANH);
    for (size_t l = 0; l < LAYERS; l++)
        m.layers[0][l].gradient_norm = 1e-5; /* on a plateau, before it learns */
    assert_string_equal(say(&m), "");
    buf_finish(&m.said);
}

static void saturated_and_dead_name_the_worst_layer(void **state)
{
    static const enum activation saturating[] = {ACTIVATION_SIGMOID, ACTIVATION_TANH,
                                                 ACTIVATION_HARD_SIGMOID};
    struct made m = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        make(&m, saturating[i]);
        for (size_t epoch = 1; epoch < EPOCHS; epoch++) {
            m.layers[epoch][0].idle = 0.91;
            m.layers[epoch][1].idle = 0.97;
        }
        assert_string_equal(say(&m),
                            "layer 2 is saturated from epoch 2 on, 97 % of its values in the end"
                            " (with 1 more layer); glorot_normal, scaling standard, batch_norm or"
                            " a lower learning_rate usually helps\n");
    }
    make(&m, ACTIVATION_RELU);
    for (size_t epoch = 2; epoch < EPOCHS; epoch++)
        m.layers[epoch][0].idle = 1.0;
    assert_string_equal(say(&m), "layer 1 is dead from epoch 3 on, 100 % of its units in the end;"
                                 " he_normal, leaky_relu, batch_norm or a lower learning_rate"
                                 " usually helps\n");
    m.layers[3][0].idle = 0.9; /* it is not the last three epochs any more */
    assert_string_equal(say(&m), "");
    buf_finish(&m.said);
}

/* Units saturate while a network learns; those of bad initial weights are so before. */
static void half_a_layer_is_saturated_only_from_the_start(void **state)
{
    struct made m = {0};

    (void)state;
    make(&m, ACTIVATION_SIGMOID);
    for (size_t epoch = 0; epoch < EPOCHS; epoch++)
        m.layers[epoch][1].idle = 0.7;
    assert_string_equal(say(&m),
                        "layer 2 is saturated from epoch 1 on, 70 % of its values in the end;"
                        " glorot_normal, scaling standard, batch_norm or a lower learning_rate"
                        " usually helps\n");
    m.layers[0][1].idle = 0.5;
    assert_string_equal(say(&m), "");
    make(&m, ACTIVATION_RELU);
    for (size_t epoch = 0; epoch < EPOCHS; epoch++)
        m.layers[epoch][1].idle = 0.7;
    assert_string_equal(say(&m), "");
    buf_finish(&m.said);
}

static void undefined_metrics_of_the_task_are_named(void **state)
{
    struct made m = {0};

    (void)state;
    make(&m, ACTIVATION_TANH);
    m.metrics[metric_index(metric_find("roc_auc"))] = (double)NAN;
    m.metrics[metric_index(metric_find("r2"))] = (double)NAN;
    assert_string_equal(say(&m), "roc_auc is undefined on this fold\n");
    m.result.state = TRAIN_DIVERGED; /* then none has a score */
    assert_string_equal(say(&m), "");
    buf_finish(&m.said);
}

static void of_several_targets_the_one_whose_metric_is_undefined_is_named(void **state)
{
    struct made m = {0};

    (void)state;
    make(&m, ACTIVATION_TANH);
    m.task = TASK_REGRESSION;
    m.n_targets = 2;
    m.result.n_metrics = metric_numbers(m.task, m.n_targets);
    m.metrics[metric_index(metric_find("r2"))] = (double)NAN;
    m.metrics[2 * metric_count() + metric_index(metric_find("r2"))] = (double)NAN;
    assert_string_equal(say(&m), "r2 is undefined on this fold\n"
                                 "r2:height is undefined on this fold\n");
    buf_finish(&m.said);
}

/* ---- real trainings ------------------------------------------------------------------------ */

static void deepen(struct made *m, size_t layers, size_t width, enum activation a, enum init init)
{
    m->spec = (struct spec){.n_hidden = layers,
                            .init = init,
                            .loss = LOSS_CROSS_ENTROPY,
                            .optimizer = OPTIMIZER_SGD,
                            .learning_rate = 0.01,
                            .batch_size = 32,
                            .epochs = EPOCHS};
    for (size_t i = 0; i < layers; i++) {
        m->spec.width[i] = width;
        m->spec.activation[i] = a;
    }
}

/* Trains on blobs and says what comes of it. */
static const char *train(struct made *m, const char *kernel, uint64_t seed)
{
    struct fold_data *d = folds_blobs(300, 6, 3, false);
    const struct kernel *k;
    struct train *t = NULL;

    assert_int_equal(kernel_choose(kernel, &k, NULL), ERR_OK);
    assert_int_equal(train_create(&m->spec, d, k, metric_find("accuracy"), seed, 1, 1, &t, NULL),
                     ERR_OK);
    assert_int_equal(train_run_to(t, m->spec.epochs, NULL, NULL), TRAIN_COMPLETED);
    m->result = *train_result(t);
    (void)say(m);
    train_destroy(t);
    folds_destroy(d);
    return buf_text(&m->said);
}

static void deep_sigmoid_networks_vanish_and_relu_ones_do_not(void **state)
{
    struct made m = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        deepen(&m, 12, 16, ACTIVATION_SIGMOID, INIT_GLOROT_NORMAL);
        assert_non_null(
            strstr(train(&m, NULL, seed), "of layer 13's from epoch 1 on: they vanish"));
        deepen(&m, 12, 16, ACTIVATION_RELU, INIT_HE_NORMAL);
        assert_string_equal(train(&m, NULL, seed), "");
    }
    buf_finish(&m.said);
}

/* The wider a layer of standard normal weights, the less its gradients shrink: narrow it vanishes,
 * wide it does not. */
static void eight_layers_of_standard_normal_weights_vanish_where_they_are_narrow(void **state)
{
    struct made m = {0};

    (void)state;
    deepen(&m, 8, 1, ACTIVATION_SIGMOID, INIT_STANDARD_NORMAL);
    assert_non_null(strstr(train(&m, NULL, 4), "of layer 9's from epoch 1 on: they vanish"));
    deepen(&m, 8, 16, ACTIVATION_RELU, INIT_HE_NORMAL);
    assert_string_equal(train(&m, NULL, 4), "");
    buf_finish(&m.said);
}

static void every_kernel_gives_the_same_words(void **state)
{
    struct made m = {0}, other = {0};

    (void)state;
    deepen(&m, 12, 16, ACTIVATION_SIGMOID, INIT_GLOROT_NORMAL);
    deepen(&other, 12, 16, ACTIVATION_SIGMOID, INIT_GLOROT_NORMAL);
    (void)train(&m, "reference", 1);
    assert_string_equal(train(&other, NULL, 1), buf_text(&m.said));
    buf_finish(&m.said);
    buf_finish(&other.said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_training_has_no_warnings),
        cmocka_unit_test(vanishing_names_its_ratio_and_the_epoch_it_began),
        cmocka_unit_test(exploding_names_the_first_epoch_and_layer),
        cmocka_unit_test(gradients_that_wake_up_do_not_explode),
        cmocka_unit_test(saturated_and_dead_name_the_worst_layer),
        cmocka_unit_test(half_a_layer_is_saturated_only_from_the_start),
        cmocka_unit_test(undefined_metrics_of_the_task_are_named),
        cmocka_unit_test(of_several_targets_the_one_whose_metric_is_undefined_is_named),
        cmocka_unit_test(deep_sigmoid_networks_vanish_and_relu_ones_do_not),
        cmocka_unit_test(eight_layers_of_standard_normal_weights_vanish_where_they_are_narrow),
        cmocka_unit_test(every_kernel_gives_the_same_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
