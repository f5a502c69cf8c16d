/* Pruners of what is reported: beside Optuna's, and as functions of what was told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/search/reports.h"

static const struct reports_settings usual = {
    .seed = 5, .alpha = 0.1, .startup_trials = 5, .eta = 3, .min_step = 1};

static struct reports *create(const char *kind, struct reports_settings settings)
{
    struct reports *p;
    struct error e;

    assert_int_equal(reports_create(reports_find(kind), &settings, &p, &e), ERR_OK);
    return p;
}

static struct reports_verdict report(struct reports *p, uint32_t trial, int64_t step, double loss)
{
    struct error e;

    assert_int_equal(reports_tell(p, trial, step, loss, &e), ERR_OK);
    return reports_judge(p, trial);
}

static void settle(struct reports *p, uint32_t trial, bool completed, double loss)
{
    struct error e;

    assert_int_equal(reports_settle(p, trial, completed, loss, &e), ERR_OK);
}

/* ---- against Optuna -------------------------------------------------------------------------- */

struct report_case {
    uint32_t trial;
    int64_t step;
    double loss;
    bool stop;
};

#include "tests/core/search/reports_cases.inc"

enum { STEPS = 30 };

static void replay(const char *kind, const struct report_case *cases, size_t n)
{
    struct reports_settings settings = usual;
    struct reports *p;

    settings.last_step = STEPS;
    p = create(kind, settings);
    for (size_t i = 0; i < n; i++) {
        struct reports_verdict v = report(p, cases[i].trial, cases[i].step, cases[i].loss);

        if (v.stop != cases[i].stop)
            fail_msg("%s, trial %u at step %d: %d, by Optuna %d", kind, cases[i].trial,
                     (int)cases[i].step, v.stop, cases[i].stop);
        if (v.stop || cases[i].step == STEPS)
            settle(p, cases[i].trial, !v.stop, cases[i].loss);
    }
    reports_destroy(p);
}

static void trials_are_stopped_as_by_optuna(void **state)
{
    (void)state;
    replay("median", median_cases, sizeof median_cases / sizeof *median_cases);
    replay("successive_halving", halving_cases, sizeof halving_cases / sizeof *halving_cases);
}

/* ---- what it depends on ---------------------------------------------------------------------- */

enum { TRIALS = 24, REPORTS = 9 };

/* Of TRIALS trials, of which some have completed, some failed and some go on. */
static double value(uint32_t trial, int64_t step)
{
    struct rng rng;

    rng_init(&rng, 11, 0, 0, RNG_TEST, trial * 100 + (uint32_t)step);
    return trial % 7 + rng_f64(&rng);
}

static void tell_trial(struct reports *p, uint32_t trial)
{
    uint32_t n = trial % 3 == 0 ? REPORTS : 1 + trial % (REPORTS - 1);
    struct error e;

    for (uint32_t step = 1; step <= n; step++)
        assert_int_equal(reports_tell(p, trial, step, value(trial, step), &e), ERR_OK);
    if (trial % 3 < 2)
        settle(p, trial, trial % 3 == 0, value(trial, 0));
}

static void assert_same(const struct reports_verdict *a, const struct reports_verdict *b)
{
    assert_int_equal(a->stop, b->stop);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->incumbent, b->incumbent);
    assert_memory_equal(&a->value, &b->value, sizeof a->value);
    assert_memory_equal(&a->bar, &b->bar, sizeof a->bar);
    assert_memory_equal(&a->p, &b->p, sizeof a->p);
    assert_memory_equal(&a->loss, &b->loss, sizeof a->loss);
}

static struct reports *create_for_nine(const char *kind)
{
    struct reports_settings settings = usual;

    settings.last_step = REPORTS;
    return create(kind, settings);
}

static void it_does_not_matter_in_which_order_trials_were_told(void **state)
{
    size_t stopped = 0;

    (void)state;
    for (const struct reports_kind *const *k = reports_kinds; *k; k++) {
        struct reports *up = create_for_nine((*k)->name), *down = create_for_nine((*k)->name);

        for (uint32_t t = 1; t <= TRIALS; t++) {
            tell_trial(up, t);
            tell_trial(down, TRIALS + 1 - t);
        }
        for (uint32_t t = TRIALS + 1; t <= TRIALS + 8; t++)
            for (int64_t step = 1; step <= REPORTS; step++) {
                struct reports_verdict a = report(up, t, step, value(t, step)),
                                       b = report(down, t, step, value(t, step));

                assert_same(&a, &b);
                stopped += a.stop;
            }
        reports_destroy(up);
        reports_destroy(down);
    }
    assert_true(stopped > 20);
}

static void a_trial_that_begins_anew_leaves_no_trace(void **state)
{
    (void)state;
    for (const struct reports_kind *const *k = reports_kinds; *k; k++) {
        struct reports *once = create_for_nine((*k)->name), *twice = create_for_nine((*k)->name);

        for (uint32_t t = 1; t <= TRIALS; t++) {
            tell_trial(once, t);
            (void)report(twice, t, 1, -5); /* better than all others */
            (void)report(twice, t, 2, -5);
            reports_forget(twice, t);
            assert_int_equal(reports_last(twice, t), 0);
            tell_trial(twice, t);
        }
        for (int64_t step = 1; step <= REPORTS; step++) {
            struct reports_verdict a = report(once, TRIALS + 1, step, 3),
                                   b = report(twice, TRIALS + 1, step, 3);

            assert_same(&a, &b);
        }
        reports_destroy(once);
        reports_destroy(twice);
    }
}

/* ---- single rules ---------------------------------------------------------------------------- */

static void the_median_is_asked_once_there_are_enough_trials_and_steps(void **state)
{
    struct reports_settings settings = usual;
    struct reports *p;

    (void)state;
    settings.startup_trials = 4;
    settings.min_step = 2;
    p = create("median", settings);
    for (uint32_t t = 1; t <= 4; t++) {
        assert_false(report(p, 9, 2 * t, 100).stop); /* fewer than four have completed */
        (void)report(p, t, 1, t);
        (void)report(p, t, 10, t + 5); /* the best so far stays t */
        settle(p, t, true, t);
    }
    assert_false(report(p, 10, 1, 100).stop); /* before min_step */
    assert_false(report(p, 10, 5, 100).stop); /* nobody reported this step */
    assert_true(report(p, 10, 10, 2.6).stop); /* 2.5 is the median of 1, 2, 3, 4 */
    assert_false(report(p, 11, 10, 2.5).stop);
    assert_true(report(p, 9, 10, 100).stop);
    reports_destroy(p);
}

static void a_report_passes_every_rung_that_it_skips(void **state)
{
    struct reports *p = create("successive_halving", usual);

    (void)state;
    assert_false(report(p, 1, 10, 0.5).stop); /* rungs 1, 3 and 9, alone */
    assert_false(report(p, 2, 2, 0.4).stop);  /* better at rung 1 */
    assert_true(report(p, 3, 1, 0.45).stop);  /* the third: one of three goes on */
    assert_true(report(p, 2, 4, 0.6).stop);   /* the second at rung 3, not the best */
    assert_false(report(p, 1, 26, 9).stop);   /* rung 27 is not reached */
    reports_destroy(p);
}

static void the_sampler_is_told_how_much_worse_it_was_than_the_best(void **state)
{
    struct reports *p = create("successive_halving", usual);

    (void)state;
    (void)report(p, 1, 1, 0.8);
    assert_true(report(p, 2, 1, 0.9).loss == 0.9); /* there is no best one yet */
    (void)report(p, 1, 3, 0.3);
    settle(p, 1, true, 0.25);
    assert_true(fabs(report(p, 3, 1, 1.0).loss - 0.45) < 1e-12); /* 0.25 + (1.0 - 0.8) */
    (void)report(p, 4, 1, 0.1);
    assert_true(report(p, 5, 1, 0.7).loss == 0.25); /* ahead of it, but not seen to the end */
    reports_destroy(p);
}

static void whoever_comes_to_the_end_is_not_stopped(void **state)
{
    (void)state;
    for (const struct reports_kind *const *k = reports_kinds; *k; k++) {
        struct reports *p = create_for_nine((*k)->name);

        for (uint32_t t = 1; t <= TRIALS; t++)
            tell_trial(p, t);
        for (int64_t step = 1; step <= REPORTS; step++) {
            struct reports_verdict v = report(p, TRIALS + 1, step, 50);

            assert_int_equal(reports_is_whole(p, TRIALS + 1), step == REPORTS);
            assert_true(step < REPORTS || !v.stop);
        }
        reports_destroy(p);
    }
}

/* The first step at which a bad trial of hyperband is stopped: that of its bracket; 0: never. */
static int64_t first_judged(struct reports *p, uint32_t trial)
{
    int64_t first = 0;

    for (int64_t step = 1; step <= REPORTS && first == 0; step++)
        first = report(p, trial, step, 1).stop ? step : 0;
    reports_forget(p, trial); /* for the next one there are none but good ones */
    return first;
}

static void brackets_are_drawn_by_seed_and_number_in_hyperbands_shares(void **state)
{
    enum { GOOD = 60, DRAWN = 1000 };
    struct reports *p = create_for_nine("hyperband"), *q = create_for_nine("hyperband");
    size_t drawn[4] = {0};

    (void)state;
    for (uint32_t t = 1; t <= GOOD; t++)
        for (int64_t step = 1; step <= REPORTS; step++) {
            (void)report(p, t, step, 0);
            (void)report(q, t, step, 0);
        }
    for (uint32_t t = GOOD + 1; t <= GOOD + DRAWN; t++) {
        int64_t first = first_judged(p, t);

        assert_int_equal(first_judged(q, t), first);
        assert_true(first == 0 || first == 1 || first == 3);
        drawn[first]++;
    }
    /* 9, 5 and 3 trials begin at steps 1, 3 and 9, of which the last is the end */
    assert_true(fabs((double)drawn[1] / DRAWN - 9.0 / 17) < 0.05);
    assert_true(fabs((double)drawn[3] / DRAWN - 5.0 / 17) < 0.05);
    reports_destroy(p);
    reports_destroy(q);
}

static void folds_are_judged_as_by_the_pruner_over_folds(void **state)
{
    struct pruner_settings settings = {.alpha = 0.1, .n_folds = REPORTS};

    (void)state;
    for (const struct reports_kind *const *k = reports_kinds; *k; k++) {
        struct reports *p;
        struct pruner *q;
        struct error e;

        if (!(*k)->race)
            continue;
        p = create_for_nine((*k)->name);
        assert_int_equal(pruner_create((*k)->race, &settings, &q, &e), ERR_OK);
        for (uint32_t t = 1; t <= TRIALS; t++) {
            struct reports_verdict v = {0};

            for (uint32_t m = 1; m <= REPORTS && !v.stop; m++) {
                struct verdict w;

                v = report(p, t, m, value(t, m));
                assert_int_equal(pruner_tell(q, t, value(t, m), &e), ERR_OK);
                w = pruner_judge(q, t);
                assert_int_equal(v.stop, w.stop);
                assert_true(!v.stop || v.loss == w.loss);
            }
            settle(p, t, !v.stop, 0);
            assert_int_equal(pruner_settle(q, t, pruner_told(q, t), &e), ERR_OK);
        }
        reports_destroy(p);
        pruner_destroy(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_are_stopped_as_by_optuna),
        cmocka_unit_test(it_does_not_matter_in_which_order_trials_were_told),
        cmocka_unit_test(a_trial_that_begins_anew_leaves_no_trace),
        cmocka_unit_test(the_median_is_asked_once_there_are_enough_trials_and_steps),
        cmocka_unit_test(a_report_passes_every_rung_that_it_skips),
        cmocka_unit_test(the_sampler_is_told_how_much_worse_it_was_than_the_best),
        cmocka_unit_test(whoever_comes_to_the_end_is_not_stopped),
        cmocka_unit_test(brackets_are_drawn_by_seed_and_number_in_hyperbands_shares),
        cmocka_unit_test(folds_are_judged_as_by_the_pruner_over_folds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
