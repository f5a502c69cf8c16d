#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/rng.h"
#include "core/base/special.h"
#include "core/search/pruner.h"
#include "core/search/racing.h"

enum { TRIALS = 80, FOLDS = 5, EPOCHS = 27, RUNGS = 4, LAST = RUNGS - 1 };

static struct pruner *make(uint32_t concurrency)
{
    struct pruner_settings settings = {.alpha = 0.1,
                                       .revisit = true,
                                       .n_folds = FOLDS,
                                       .concurrency = concurrency,
                                       .rungs = rungs_make(EPOCHS)};
    struct pruner *p;
    struct error e;

    assert_int_equal(settings.rungs.n, RUNGS);
    assert_int_equal(pruner_create(&racing_pruner, &settings, &p, &e), ERR_OK);
    return p;
}

/* ---- one decision ---------------------------------------------------------------------------- */

static void a_fold_in_progress_adds_its_drift_to_the_variance(void **state)
{
    double x[] = {0.5, 0.625}, incumbent[FOLDS] = {0.25, 0.375, 0.25, 0.375, 0.25}, p;
    struct race r = {.n_folds = FOLDS, .m = 2, .x = x, .incumbent = incumbent, .scale = 0.0625,
                     .drift = 0.125, .alpha = 0.1};
    double s2 = 4 * 0.0625 / 5, v = s2 * (5 - 2) / (5 * 2.0) + 0.125 / 4;

    (void)state;
    (void)racing_pruner.stops(&r, &p); /* both differences are 1/4 */
    assert_true(fabs(p - special_student_cdf(-0.25 / sqrt(v), 5)) < 1e-12);
    r.m = FOLDS; /* inside the last fold that is all that is not known */
    r.x = (const double[]){0.5, 0.625, 0.5, 0.625, 0.5};
    (void)racing_pruner.stops(&r, &p);
    assert_true(fabs(p - special_student_cdf(-0.25 / sqrt(0.125 / 25), 8)) < 1e-12);
}

static void nothing_is_decided_inside_a_fold_before_others_have_shown_the_way(void **state)
{
    const double curve[RUNGS] = {4, 2, 1, 0.5};
    struct pruner *p = make(1);
    struct error e;

    (void)state;
    for (uint32_t t = 1; t <= 6; t++) {
        assert_int_equal(pruner_tell_inside(p, t, 100, &e), ERR_OK);
        assert_int_equal(pruner_judge(p, t).stop, t > 4 + 1); /* 18 folds of three and more */
        for (uint32_t f = 0; f < FOLDS; f++)
            assert_int_equal(pruner_tell_curve(p, t, 0.5 + 0.01 * t, curve, &e), ERR_OK);
        assert_int_equal(pruner_settle(p, t, FOLDS, &e), ERR_OK);
    }
    pruner_destroy(p);
}

/* ---- whole searches -------------------------------------------------------------------------- */

/* What a database would hold. */
struct played {
    uint32_t concurrency;
    double loss[TRIALS][FOLDS][RUNGS];
    uint32_t told[TRIALS];           /* whole folds */
    uint32_t settled[TRIALS], inside[TRIALS];
    bool is_settled[TRIALS];
    double search_loss[TRIALS];
    struct rng *timing;
    double kill;
    uint32_t n_inside, n_rungs; /* trials stopped inside a fold; rungs trained */
    struct pruner *p;
};

static void tell_fold(struct played *s, uint32_t t, uint32_t fold)
{
    struct error e;

    assert_int_equal(
        pruner_tell_curve(s->p, t + 1, s->loss[t][fold][LAST], s->loss[t][fold], &e), ERR_OK);
}

static void settle(struct played *s, uint32_t t)
{
    struct error e;

    if (s->inside[t] > 0)
        assert_int_equal(pruner_settle_inside(s->p, t + 1, s->settled[t], s->inside[t], &e),
                         ERR_OK);
    else
        assert_int_equal(pruner_settle(s->p, t + 1, s->settled[t], &e), ERR_OK);
}

/* A fold that was not finished is gone, but for one that its trial was stopped in. */
static void rebuild(struct played *s)
{
    struct error e;

    pruner_destroy(s->p);
    s->p = make(s->concurrency);
    for (uint32_t t = 0; t < TRIALS; t++) {
        for (uint32_t f = 0; f < s->told[t]; f++)
            tell_fold(s, t, f);
        for (uint32_t r = 0; s->is_settled[t] && s->told[t] == s->settled[t] && r < s->inside[t];
             r++)
            assert_int_equal(pruner_tell_inside(s->p, t + 1, s->loss[t][s->told[t]][r], &e),
                             ERR_OK);
    }
    for (uint32_t t = 0; t < TRIALS; t++)
        if (s->is_settled[t])
            settle(s, t);
}

static void maybe_kill(struct played *s)
{
    if (s->kill > 0 && rng_f64(s->timing) < s->kill)
        rebuild(s);
}

/* To the next rung, or to the end of the fold. */
static void train(struct played *s, uint32_t t, bool through)
{
    uint32_t fold = pruner_told(s->p, t + 1), rung = pruner_inside(s->p, t + 1);
    struct error e;

    s->n_rungs++;
    if (rung < LAST && !through) {
        assert_int_equal(pruner_tell_inside(s->p, t + 1, s->loss[t][fold][rung], &e), ERR_OK);
        return;
    }
    tell_fold(s, t, fold);
    s->told[t]++;
}

static void decide(struct played *s, uint32_t t)
{
    struct verdict v = pruner_judge(s->p, t + 1);

    if (!v.stop && s->told[t] < FOLDS)
        return;
    s->is_settled[t] = true;
    s->settled[t] = s->told[t];
    s->inside[t] = v.epochs > 0 ? pruner_inside(s->p, t + 1) : 0;
    s->search_loss[t] = v.loss;
    s->n_inside += v.epochs > 0;
    settle(s, t);
}

static void play(struct played *s)
{
    const struct revisit *round;
    struct error e;
    size_t n;

    for (;;) {
        uint32_t oldest = 0, open[TRIALS], n_open = 0, t;

        while (oldest < TRIALS && s->is_settled[oldest])
            oldest++;
        for (t = oldest; t < TRIALS && t < oldest + s->concurrency; t++)
            if (!s->is_settled[t])
                open[n_open++] = t;
        if (n_open == 0)
            break;
        t = open[rng_below(s->timing, n_open)];
        train(s, t, false);
        decide(s, t);
        maybe_kill(s);
    }
    while (pruner_round(s->p, &n, &round, &e) == ERR_OK && n > 0) {
        bool is_known = true;

        for (size_t i = 0; i < n && is_known; i++) {
            is_known = round[i].m < s->told[round[i].trial - 1];
            if (!is_known)
                train(s, round[i].trial - 1, true);
        }
        if (is_known)
            pruner_round_end(s->p);
        maybe_kill(s);
    }
}

static void fill(struct played *s, struct rng *r)
{
    for (uint32_t t = 0; t < TRIALS; t++) {
        double quality = 0.2 - 0.1 * fmath_log(1 - rng_f64(r)), slow = 0.2 * rng_normal(r);

        for (uint32_t f = 0; f < FOLDS; f++) {
            double end = quality + 0.02 * rng_normal(r);

            for (uint32_t k = 0; k < RUNGS; k++)
                s->loss[t][f][k] = end + (LAST - k) * (0.3 + slow + 0.02 * rng_normal(r));
            if (rng_below(r, 50) == 0)
                s->loss[t][f][rng_below(r, RUNGS)] = (double)NAN;
        }
    }
}

static void begin(struct played *s, double kill, struct rng *timing)
{
    memset(s->told, 0, sizeof s->told);
    memset(s->is_settled, 0, sizeof s->is_settled);
    memset(s->inside, 0, sizeof s->inside);
    s->kill = kill;
    s->timing = timing;
    s->n_inside = s->n_rungs = 0;
    s->p = NULL;
    rebuild(s);
}

static void neither_timing_nor_kills_change_a_decision(void **state)
{
    uint32_t n_inside = 0;

    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        static struct played a, b;
        struct rng r;

        print_message("seed %u\n", seed);
        rng_init(&r, seed, 0, 0, RNG_TEST, 1);
        a.concurrency = 1 + rng_below(&r, 9);
        fill(&a, &r);
        b = a;
        begin(&a, 0, &r);
        begin(&b, 0.05, &r);
        play(&a);
        play(&b);
        for (uint32_t t = 0; t < TRIALS; t++) {
            assert_int_equal(a.told[t], b.told[t]);
            assert_int_equal(a.settled[t], b.settled[t]);
            assert_int_equal(a.inside[t], b.inside[t]);
            assert_true(a.search_loss[t] == b.search_loss[t] ||
                        (isnan(a.search_loss[t]) && isnan(b.search_loss[t])));
        }
        n_inside += a.n_inside;
        pruner_destroy(a.p);
        pruner_destroy(b.p);
    }
    assert_true(n_inside > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fold_in_progress_adds_its_drift_to_the_variance),
        cmocka_unit_test(nothing_is_decided_inside_a_fold_before_others_have_shown_the_way),
        cmocka_unit_test(neither_timing_nor_kills_change_a_decision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
