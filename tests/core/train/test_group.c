/* Trainings side by side end as each of them alone, bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/train/group.h"
#include "tests/core/train/folds.h"

enum { N_GROUPS = 40, N_DATA = 4, MOST_EPOCHS = 4 };

/* Four folds of one table, the last of them a row shorter. */
struct data {
    struct fold_data *fold[N_DATA];
};

static struct data data_make(struct rng *r)
{
    size_t rows = 20 + rng_below(r, 60), features = 1 + rng_below(r, 20);
    uint32_t kind = rng_below(r, 4), outputs = 1 + rng_below(r, 6);
    struct data d;

    for (size_t i = 0; i < N_DATA; i++) {
        size_t n = rows - (i + 1 == N_DATA);

        d.fold[i] = kind == 0   ? folds_linear(n, features, 1 + outputs / 3)
                    : kind == 1 ? folds_blobs(n, features, 2, i % 2)
                                : folds_blobs(n, features, 2 + outputs, i % 2);
    }
    return d;
}

static void data_finish(struct data *d)
{
    for (size_t i = 0; i < N_DATA; i++)
        folds_destroy(d->fold[i]);
}

/* What a whole group has in common. */
static struct spec shape_draw(struct rng *r, enum task task)
{
    struct spec s = {
        .n_hidden = rng_below(r, 4),
        .loss = task == TASK_REGRESSION ? (enum loss)(LOSS_MSE + rng_below(r, 3))
                : rng_below(r, 4)       ? LOSS_CROSS_ENTROPY
                                        : (enum loss)rng_below(r, LOSS_COUNT),
        .optimizer = (enum optimizer)rng_below(r, OPTIMIZER_LBFGS),
        .batch_size = rng_below(r, 5) ? 1 + rng_below(r, 40) : 0,
        .nesterov = rng_below(r, 2),
        .momentum = rng_below(r, 3) ? 0.9 : 0.0,
    };

    bool narrow = rng_below(r, 2); /* smaller groups of them are made */

    for (size_t l = 0; l < s.n_hidden; l++) {
        s.width[l] = 1 + rng_below(r, narrow ? 8 : 32);
        s.activation[l] = (enum activation)rng_below(r, ACTIVATION_COUNT);
    }
    return s;
}

/* And what may differ. wild: rates that make it diverge. */
static void add_differences(struct rng *r, enum task task, bool wild, struct spec *s)
{
    s->learning_rate = wild && rng_below(r, 3) == 0 ? 1e30 : 0.05 * rng_f64(r);
    s->init = (enum init)rng_below(r, INIT_COUNT);
    s->momentum = s->momentum > 0.0 ? rng_f64(r) : 0.0;
    s->beta1 = 0.9 * rng_f64(r);
    s->beta2 = 0.9 + 0.1 * rng_f64(r);
    s->rho = 0.9 + 0.1 * rng_f64(r);
    s->epsilon = 1e-8;
    s->weight_decay = 0.1 * rng_f64(r);
    s->l2 = rng_below(r, 2) ? 0.01 * rng_f64(r) : 0.0;
    s->schedule = (enum schedule)rng_below(r, SCHEDULE_COUNT);
    s->step_epochs = 1;
    s->decay = 0.5;
    s->final_fraction = 0.1;
    s->warmup_fraction = 0.3;
    s->plateau_patience = 1;
    s->huber_delta = 0.1 + rng_f64(r);
    s->epochs = 1 + rng_below(r, MOST_EPOCHS);
    s->early_stopping = rng_below(r, 4) ? 0 : 1;
    s->early_stopping_fraction = 0.2;
    s->balanced = task == TASK_CLASSIFICATION && rng_below(r, 2);
}

static struct train *make(const struct kernel *k, const struct spec *s, const struct fold_data *d,
                          uint32_t fold)
{
    const char *decides = d->task == TASK_CLASSIFICATION ? "log_loss" : "rmse";
    struct train *t;

    if (train_create(s, d, k, metric_find(decides), 7, 1, fold, &t, NULL) != ERR_OK)
        abort();
    return t;
}

static void assert_equal_numbers(const double *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++) /* any NaN is as good as another */
        if (got[i] == got[i] || want[i] == want[i])
            assert_memory_equal(got + i, want + i, sizeof *got);
}

static void assert_same_result(const struct train *a, const struct train *b,
                               const struct fold_data *d)
{
    const struct train_result *got = train_result(a), *want = train_result(b);
    size_t n = want->epochs_run, predicted = d->n_validation * d->n_outputs;
    float *from_a = calloc(predicted + 1, sizeof *from_a);
    float *from_b = calloc(predicted + 1, sizeof *from_b);

    assert_int_equal(got->state, want->state);
    assert_int_equal(got->epochs, want->epochs);
    assert_int_equal(got->epochs_run, n);
    assert_string_equal(got->reason, want->reason);
    assert_true(got->weights_hash == want->weights_hash);
    assert_equal_numbers(got->train, want->train, want->n_metrics);
    assert_equal_numbers(got->validation, want->validation, want->n_metrics);
    assert_equal_numbers(got->train_loss, want->train_loss, n);
    assert_equal_numbers(got->validation_loss, want->validation_loss, n);
    assert_equal_numbers(got->validation_score, want->validation_score, n);
    assert_equal_numbers(got->learning_rate, want->learning_rate, n);
    assert_equal_numbers((const double *)got->layers, (const double *)want->layers,
                         n * want->n_layers * sizeof *want->layers / sizeof(double));
    if (want->state == TRAIN_COMPLETED) {
        train_predictions(a, from_a);
        train_predictions(b, from_b);
        assert_memory_equal(from_a, from_b, predicted * sizeof *from_a);
    }
    free(from_a);
    free(from_b);
}

/* Runs those that have not ended to a few random epochs before they may go to their ends. */
static void run_in_stages(struct train **together, size_t n, size_t stages, struct rng *r)
{
    for (size_t stage = 0; stage <= stages; stage++) {
        struct train *left[GROUP_MOST];
        size_t n_left = 0;

        for (size_t i = 0; i < n; i++) {
            train_set_goal(together[i], stage < stages ? stage + 1 + rng_below(r, 3) : SIZE_MAX);
            if (train_result(together[i])->state == TRAIN_RUNNING)
                left[n_left++] = together[i];
        }
        group_run(left, n_left, NULL, NULL, NULL);
    }
}

/* A random group of a random size; one_fold: of the same rows. */
static void compare(const struct kernel *k, uint64_t seed, bool wild, size_t stages)
{
    struct train *together[GROUP_MOST], *alone[GROUP_MOST];
    const struct fold_data *fold[GROUP_MOST];
    struct data data;
    struct spec shape;
    size_t n;
    bool one_fold;
    struct rng r;

    rng_init(&r, seed, 0, 0, RNG_TEST, 0);
    data = data_make(&r);
    n = 5 + rng_below(&r, GROUP_MOST - 4);
    one_fold = rng_below(&r, 3) == 0;
    shape = shape_draw(&r, data.fold[0]->task);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = one_fold ? 0 : rng_below(&r, N_DATA);
        struct spec s = shape;

        fold[i] = data.fold[at];
        add_differences(&r, fold[i]->task, wild, &s);
        together[i] = make(k, &s, fold[i], at);
        alone[i] = make(k, &s, fold[i], at);
        (void)train_run_to(alone[i], s.epochs, NULL, NULL);
    }
    run_in_stages(together, n, stages, &r);
    for (size_t i = 0; i < n; i++) {
        assert_same_result(together[i], alone[i], fold[i]);
        train_destroy(together[i]);
        train_destroy(alone[i]);
    }
    data_finish(&data);
}

static bool fuses(const struct kernel *k)
{
    return k->fused && kernel_supported(k);
}

static void each_training_of_a_group_ends_as_it_would_alone(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++)
        for (uint64_t seed = 1; fuses(k) && seed <= N_GROUPS; seed++) {
            print_message("%s, seed %d\n", k->name, (int)seed);
            compare(k, seed, false, 0);
        }
}

static void a_training_that_diverges_leaves_the_others_alone(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++)
        for (uint64_t seed = 1; fuses(k) && seed <= N_GROUPS; seed++) {
            print_message("%s, seed %d\n", k->name, (int)seed);
            compare(k, N_GROUPS + seed, true, 0);
        }
}

static void stops_on_the_way_change_nothing(void **state)
{
    const struct kernel *k;

    (void)state;
    for (size_t i = 0; (k = kernel_at(i)); i++)
        for (uint64_t seed = 1; fuses(k) && seed <= N_GROUPS; seed++) {
            print_message("%s, seed %d\n", k->name, (int)seed);
            compare(k, 2 * N_GROUPS + seed, false, 2);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_training_of_a_group_ends_as_it_would_alone),
        cmocka_unit_test(a_training_that_diverges_leaves_the_others_alone),
        cmocka_unit_test(stops_on_the_way_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
