/* Whole trainings give the same bits for every kernel and any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/linalg/denormal.h"
#include "core/train/group.h"
#include "tests/core/train/folds.h"
#include "tests/core/train/traces.h"

static void every_kernel_trains_to_the_same_bits(void **state)
{
    struct traces_folds f = traces_folds_make();
    const struct kernel *k, *reference;

    (void)state;
    assert_int_equal(kernel_choose("reference", &reference, NULL), ERR_OK);
    for (size_t i = 0; i < TRACES_SPECS; i++) {
        struct trace want, got;

        traces_run(reference, &f, i, &want);
        for (size_t j = 0; (k = kernel_at(j)); j++) {
            if (!kernel_supported(k))
                continue;
            traces_run(k, &f, i, &got);
            if (memcmp(&got, &want, sizeof got) != 0)
                fail_msg("configuration %zu: %s differs from the reference", i, k->name);
        }
    }
    traces_folds_finish(&f);
}

static void threads_do_not_change_the_bits(void **state)
{
    static struct trace alone[TRACES_SPECS], together[TRACES_SPECS];
    struct traces_folds f = traces_folds_make();
    const struct kernel *k;

    (void)state;
    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    for (size_t i = 0; i < TRACES_SPECS; i++)
        traces_run(k, &f, i, alone + i);
#pragma omp parallel for schedule(dynamic, 1) num_threads(2)
    for (size_t i = 0; i < TRACES_SPECS; i++)
        traces_run(k, &f, TRACES_SPECS - 1 - i, together + (TRACES_SPECS - 1 - i));
    assert_memory_equal(alone, together, sizeof alone);
    traces_folds_finish(&f);
}

/* Weights of an input that is always zero shrink by a quarter a step, down to where floats lose
 * digits. */
static const struct spec shrinking = {
    .n_hidden = 1,
    .width = {4},
    .optimizer = OPTIMIZER_SGD,
    .learning_rate = 0.5,
    .l2 = 0.5,
    .epochs = 330,
};

static struct fold_data *fold_with_a_zero(void)
{
    struct fold_data *d = folds_blobs(61, 5, 3, false);

    for (size_t i = 0; i < d->n_train + d->n_validation; i++)
        ((float *)(uintptr_t)d->x)[i * d->stride] = 0.0f;
    return d;
}

static void start_trainings(const struct fold_data *d, struct train *t[GROUP_MOST])
{
    const struct kernel *k;

    assert_int_equal(kernel_choose(NULL, &k, NULL), ERR_OK);
    for (uint32_t i = 0; i < GROUP_MOST; i++)
        assert_int_equal(
            train_create(&shrinking, d, k, metric_find("log_loss"), 1, 1, i, &t[i], NULL), ERR_OK);
}

static void end_trainings(struct train *t[GROUP_MOST], uint64_t hash[GROUP_MOST])
{
    for (size_t i = 0; i < GROUP_MOST; i++) {
        hash[i] = train_result(t[i])->weights_hash;
        train_destroy(t[i]);
    }
}

/* The weights that trainings end with, alone and then as a group, on a thread that flushes small
 * numbers to zero or does not, as it was made. */
static void train_under(bool flushes, const struct fold_data *d, uint64_t hash[2][GROUP_MOST])
{
    unsigned usual = flushes ? denormal_flush() : denormal_setting(), now;
    struct train *t[GROUP_MOST];

    start_trainings(d, t);
    now = denormal_setting(); /* and what has happened to numbers so far */
    for (size_t i = 0; i < GROUP_MOST; i++)
        (void)train_run_to(t[i], shrinking.epochs, NULL, NULL);
    assert_int_equal(denormal_setting(), now);
    end_trainings(t, hash[0]);
    start_trainings(d, t);
    now = denormal_setting();
    group_run(t, GROUP_MOST, NULL, NULL, NULL);
    assert_int_equal(denormal_setting(), now);
    end_trainings(t, hash[1]);
    denormal_restore(usual);
}

static void how_a_thread_was_made_does_not_change_the_bits(void **state)
{
    struct fold_data *d = fold_with_a_zero();
    uint64_t plain[2][GROUP_MOST], flushing[2][GROUP_MOST];

    (void)state;
    train_under(false, d, plain);
    train_under(true, d, flushing);
    assert_memory_equal(plain, flushing, sizeof plain);
    assert_memory_equal(plain[0], plain[1], sizeof plain[0]);
    folds_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_trains_to_the_same_bits),
        cmocka_unit_test(threads_do_not_change_the_bits),
        cmocka_unit_test(how_a_thread_was_made_does_not_change_the_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
