/* Schedules at their edges; test_trajectories.c holds them to PyTorch's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "core/nn/schedule.h"

static double rate_at(const struct schedule_spec *s, size_t epoch, size_t step, size_t steps,
                      size_t epochs)
{
    return schedule_rate(s, 1.0, epoch, step, steps, epochs);
}

static void decays_follow_their_formulas(void **state)
{
    struct schedule_spec step = {.kind = SCHEDULE_STEP, .step_epochs = 10, .decay = 0.1};
    struct schedule_spec exponential = {.kind = SCHEDULE_EXPONENTIAL, .decay = 0.95};
    struct schedule_spec inverse = {.kind = SCHEDULE_INVERSE_TIME, .decay = 0.01};

    (void)state;
    assert_true(rate_at(&step, 9, 6, 7, 100) == 1.0);
    assert_true(rate_at(&step, 10, 0, 7, 100) == 0.1);
    for (size_t epoch = 0; epoch < 1000; epoch++) {
        assert_true(fabs(rate_at(&exponential, epoch, 0, 7, 1000) / pow(0.95, (double)epoch) - 1) <
                    1e-12);
        assert_true(rate_at(&inverse, epoch, 3, 7, 1000) == 1.0 / (1.0 + 0.01 * (double)epoch));
    }
}

static void warmup_reaches_the_base_and_cosine_starts_there(void **state)
{
    struct schedule_spec s = {
        .kind = SCHEDULE_WARMUP_COSINE, .warmup_fraction = 0.1, .final_fraction = 0.25};

    (void)state;
    assert_true(rate_at(&s, 0, 0, 10, 10) == 0.1);
    assert_true(rate_at(&s, 0, 9, 10, 10) == 1.0);
    assert_true(fabs(rate_at(&s, 1, 0, 10, 10) - 1.0) < 1e-15);
    assert_true(rate_at(&s, 9, 9, 10, 10) > 0.25 && rate_at(&s, 9, 9, 10, 10) < 0.26);
}

static void one_cycle_goes_up_and_ends_almost_at_nothing(void **state)
{
    struct schedule_spec s = {.kind = SCHEDULE_ONE_CYCLE, .warmup_fraction = 0.3};

    (void)state;
    assert_true(fabs(rate_at(&s, 0, 0, 10, 10) - 0.04) < 1e-15);
    assert_true(fabs(rate_at(&s, 2, 9, 10, 10) - 1.0) < 1e-15);
    assert_true(fabs(rate_at(&s, 9, 9, 10, 10) - 4e-6) < 1e-15);
}

/* A single step, a full batch, fractions of 0 and 1: a rate is never negative, above the base
 * or not a number. */
static void every_schedule_is_defined_on_every_length(void **state)
{
    static const double fractions[] = {0.0, 0.1, 0.3, 0.5, 1.0};

    (void)state;
    for (size_t i = 0; i < SCHEDULE_COUNT * 5; i++) {
        struct schedule_spec s = {.kind = (enum schedule)(i / 5),
                                  .step_epochs = 1,
                                  .decay = 0.5,
                                  .warmup_fraction = fractions[i % 5]};

        for (size_t epochs = 1; epochs <= 12; epochs++) {
            for (size_t step = 0; step < epochs * 3; step++) {
                double full = schedule_rate(&s, 2.0, step / 3, 0, 1, epochs);
                double batch = schedule_rate(&s, 2.0, step / 3, step % 3, 3, epochs);

                assert_true(full >= 0.0 && full <= 2.0 && batch >= 0.0 && batch <= 2.0);
            }
        }
    }
}

static void only_what_bends_towards_the_end_knows_the_horizon(void **state)
{
    (void)state;
    for (int i = 0; i < SCHEDULE_COUNT; i++) {
        struct schedule_spec s = {
            .kind = (enum schedule)i, .step_epochs = 2, .decay = 0.5, .warmup_fraction = 0.3};
        double early = rate_at(&s, 3, 1, 4, 10), late = rate_at(&s, 3, 1, 4, 20);

        assert_int_equal(schedule_knows_horizon(s.kind), early != late);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decays_follow_their_formulas),
        cmocka_unit_test(warmup_reaches_the_base_and_cosine_starts_there),
        cmocka_unit_test(one_cycle_goes_up_and_ends_almost_at_nothing),
        cmocka_unit_test(every_schedule_is_defined_on_every_length),
        cmocka_unit_test(only_what_bends_towards_the_end_knows_the_horizon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
