/* Whole trainings give the same bits for every kernel and any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_trains_to_the_same_bits),
        cmocka_unit_test(threads_do_not_change_the_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
