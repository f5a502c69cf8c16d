#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/rng.h"
#include "core/search/forgiving.h"
#include "core/search/pruner.h"
#include "core/search/racing.h"
#include "core/search/wilcoxon.h"

/* ---- against SciPy --------------------------------------------------------------------------- */

struct chance_case {
    uint32_t n_folds, m;
    double incumbent[12], x[12];
    size_t n_mates;
    struct race_mate mates[30];
    double scale, p;
};

struct rank_case {
    size_t n;
    double d[80], p, tolerance;
};

#include "tests/core/search/racing_cases.inc"

static void chances_are_those_of_the_formula(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chance_cases / sizeof *chance_cases; i++) {
        struct chance_case c = chance_cases[i];
        struct race r = {
            .n_folds = c.n_folds, .m = c.m, .x = c.x, .incumbent = c.incumbent, .alpha = 0.1};
        double p;
        bool stop;

        r.scale = racing_pruner.scale(c.incumbent, c.n_folds, c.mates, c.n_mates);
        assert_true(fabs(r.scale - c.scale) <= 1e-12 * c.scale);
        stop = racing_pruner.stops(&r, &p);
        if (fabs(p - c.p) > 1e-11)
            fail_msg("case %zu: %.17g, by SciPy %.17g", i, p, c.p);
        assert_int_equal(stop, c.p < 0.1);
    }
}

static void signed_ranks_are_those_of_scipy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rank_cases / sizeof *rank_cases; i++) {
        struct rank_case c = rank_cases[i];
        double p = wilcoxon_greater(c.d, c.n);

        if (!(fabs(p - c.p) <= c.tolerance))
            fail_msg("case %zu: %.17g, by SciPy %.17g", i, p, c.p);
    }
}

static void differences_of_zero_say_nothing(void **state)
{
    double d[] = {0, 0, 0}, far[] = {0, 0, 0, 0, 1e300};

    (void)state;
    assert_true(wilcoxon_greater(d, 3) == 1);
    assert_true(wilcoxon_greater(far, 5) == 0.5);
}

/* ---- one decision ---------------------------------------------------------------------------- */

static struct pruner *make(const char *kind, uint32_t n_folds, uint32_t concurrency)
{
    struct pruner_settings settings = {
        .alpha = 0.1, .revisit = true, .n_folds = n_folds, .concurrency = concurrency};
    struct pruner *p;
    struct error e;

    assert_int_equal(pruner_create(pruner_find(kind), &settings, &p, &e), ERR_OK);
    return p;
}

static void tell(struct pruner *p, uint32_t trial, size_t n, const double *x)
{
    struct error e;

    for (size_t i = 0; i < n; i++)
        assert_int_equal(pruner_tell(p, trial, x[i], &e), ERR_OK);
}

static void settle(struct pruner *p, uint32_t trial, uint32_t m)
{
    struct error e;

    assert_int_equal(pruner_settle(p, trial, m, &e), ERR_OK);
}

static void a_mean_no_better_than_the_worst_fold_is_not_forgiven(void **state)
{
    const struct {
        double x[2];
        size_t m;
        bool stop;
    } cases[] = {
        {{0.29}, 1, false}, {{0.3}, 1, true}, {{0.2, 0.38}, 2, false}, {{0.2, 0.4}, 2, true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pruner *p = make("forgiving", 3, 1);
        struct verdict v;

        tell(p, 1, 3, (const double[]){0.1, 0.3, 0.2});
        settle(p, 1, 3);
        tell(p, 2, cases[i].m, cases[i].x);
        v = pruner_judge(p, 2);
        assert_int_equal(v.stop, cases[i].stop);
        assert_true(isnan(v.p));
        assert_int_equal(v.incumbent, 1);
        pruner_destroy(p);
    }
}

static void wilcoxon_waits_for_folds_and_spares_a_good_mean(void **state)
{
    const double worse[] = {0.1, 0.2, 0.3, 0.9}, easy[] = {0.02, 0.02, 0.02, 0.02};
    struct pruner *p = make("wilcoxon", 5, 1);

    (void)state;
    tell(p, 1, 5, (const double[]){0.01, 0.01, 0.01, 0.01, 0.2});
    settle(p, 1, 5);
    for (size_t m = 1; m <= 4; m++) { /* p = 1/2, 1/4, 1/8, 1/16 */
        tell(p, 2, 1, &worse[m - 1]);
        assert_int_equal(pruner_judge(p, 2).stop, m == 4);
    }
    assert_true(pruner_judge(p, 2).p == 1.0 / 16);
    settle(p, 2, 4);
    tell(p, 3, 4, easy);
    assert_false(pruner_judge(p, 3).stop); /* below the mean of 0.048 */
    pruner_destroy(p);
}

static void a_stopped_trial_is_worth_the_best_mean_and_its_distance(void **state)
{
    struct pruner *p = make("racing", 4, 1);
    struct verdict v;

    (void)state;
    tell(p, 1, 4, (const double[]){0.25, 0.5, 0.25, 0.5});
    settle(p, 1, 4);
    tell(p, 2, 2, (const double[]){4.25, 2.5});
    v = pruner_judge(p, 2);
    assert_true(v.stop);
    assert_false(v.broken);
    assert_int_equal(v.m, 2);
    assert_int_equal(v.incumbent, 1);
    assert_true(v.p < 0.1);
    assert_true(v.loss == 0.375 + 3);
    pruner_destroy(p);
}

static void nobody_is_stopped_before_a_trial_is_seen_complete(void **state)
{
    struct pruner *p = make("racing", 2, 3);

    (void)state;
    tell(p, 1, 2, (const double[]){0.1, 0.11});
    settle(p, 1, 2);
    for (uint32_t t = 2; t <= 4; t++) {
        tell(p, t, 1, (const double[]){1e6});
        assert_int_equal(pruner_judge(p, t).stop, t == 4);
    }
    pruner_destroy(p);
}

static void what_is_not_finite_stops_at_once_with_the_worst_loss_seen(void **state)
{
    const double bad[] = {(double)NAN, (double)INFINITY};

    (void)state;
    for (const struct pruner_kind *const *k = pruner_kinds; *k && !(*k)->ladder; k++)
        for (size_t i = 0; i < 2; i++) {
            struct pruner *p = make((*k)->name, 3, 1);
            struct verdict v;

            tell(p, 1, 1, &bad[i]); /* with nothing to compare */
            v = pruner_judge(p, 1);
            assert_true(v.stop && v.broken && isnan(v.loss));
            settle(p, 1, 1);
            tell(p, 2, 3, (const double[]){0.5, 0.75, 0.25});
            settle(p, 2, 3);
            tell(p, 3, 2, (const double[]){0.25, bad[i]});
            v = pruner_judge(p, 3);
            assert_true(v.stop && v.broken);
            assert_true(v.loss == 0.75);
            assert_int_equal(v.m, 2);
            pruner_destroy(p);
        }
}

static void numbers_beyond_any_chance_stop(void **state)
{
    struct pruner *p = make("racing", 3, 1);

    (void)state;
    tell(p, 1, 3, (const double[]){0.5, 0.75, 0.25});
    settle(p, 1, 3);
    tell(p, 2, 2, (const double[]){1e308, 1e308});
    assert_true(pruner_judge(p, 2).stop);
    assert_true(pruner_judge(p, 2).loss == 1e308);
    pruner_destroy(p);
}

static void equal_trials_are_not_stopped(void **state)
{
    const double x[] = {0.5, 0.5, 0.5, 0.5};
    struct pruner *p = make("racing", 4, 1);

    (void)state;
    tell(p, 1, 4, x);
    settle(p, 1, 4);
    tell(p, 2, 3, x);
    assert_false(pruner_judge(p, 2).stop);
    assert_true(pruner_judge(p, 2).p == 0.5);
    pruner_destroy(p);
}

static void the_order_of_folds_is_a_permutation_by_seed(void **state)
{
    bool differs = false;

    (void)state;
    for (uint32_t n = 2; n < 40; n++)
        for (uint64_t seed = 1; seed < 6; seed++) {
            uint64_t seen = 0;

            for (uint32_t m = 0; m < n; m++) {
                seen |= UINT64_C(1) << pruner_order(seed, n, m);
                differs = differs || pruner_order(seed, n, m) != pruner_order(seed + 1, n, m);
            }
            assert_true(seen == (UINT64_C(1) << n) - 1);
        }
    assert_true(differs);
}

/* ---- whole searches over tables -------------------------------------------------------------- */

enum { TRIALS = 100, FOLDS_MAX = 10 };

/* What a database would hold. */
struct played {
    const char *kind;
    uint32_t n_trials, n_folds, concurrency;
    double loss[TRIALS][FOLDS_MAX];
    uint32_t told[TRIALS], settled[TRIALS];
    bool is_settled[TRIALS];
    double search_loss[TRIALS];
    struct rng *timing; /* which of the folds on their way comes first */
    double kill;        /* chance that the daemon is killed after a fold */
    uint32_t n_trained, n_revisited;
    struct pruner *p;
};

static void rebuild(struct played *s)
{
    pruner_destroy(s->p);
    s->p = make(s->kind, s->n_folds, s->concurrency);
    for (uint32_t t = s->n_trials; t-- > 0;)
        if (t % 2)
            tell(s->p, t + 1, s->told[t], s->loss[t]);
    for (uint32_t t = 0; t < s->n_trials; t++)
        if (t % 2 == 0)
            tell(s->p, t + 1, s->told[t], s->loss[t]);
    for (uint32_t t = 0; t < s->n_trials; t++)
        if (s->is_settled[t])
            settle(s->p, t + 1, s->settled[t]);
}

static void train(struct played *s, uint32_t trial)
{
    tell(s->p, trial, 1, &s->loss[trial - 1][s->told[trial - 1]]);
    s->told[trial - 1]++;
    s->n_trained++;
    if (s->kill > 0 && rng_f64(s->timing) < s->kill)
        rebuild(s);
}

static void decide(struct played *s, uint32_t trial)
{
    uint32_t m = s->told[trial - 1];
    struct verdict v = pruner_judge(s->p, trial);

    if (!v.stop && m < s->n_folds)
        return;
    s->search_loss[trial - 1] = v.loss;
    s->is_settled[trial - 1] = true;
    s->settled[trial - 1] = m;
    settle(s->p, trial, m);
}

static void play_trials(struct played *s, uint32_t n)
{
    for (;;) {
        uint32_t oldest = 1, open[TRIALS], n_open = 0, pick;

        while (oldest <= n && s->is_settled[oldest - 1])
            oldest++;
        for (uint32_t t = oldest; t <= n && t < oldest + s->concurrency; t++)
            if (!s->is_settled[t - 1])
                open[n_open++] = t;
        if (n_open == 0)
            return;
        pick = open[rng_below(s->timing, n_open)];
        train(s, pick);
        decide(s, pick);
    }
}

static void play_revisits(struct played *s)
{
    for (;;) {
        const struct revisit *round;
        uint32_t left[TRIALS], n_left = 0;
        struct error e;
        size_t n;

        assert_int_equal(pruner_round(s->p, &n, &round, &e), ERR_OK);
        if (n == 0)
            return;
        assert_true(n <= s->concurrency);
        for (size_t i = 0; i < n; i++)
            if (round[i].m == s->told[round[i].trial - 1])
                left[n_left++] = round[i].trial;
        if (n_left > 0) {
            s->n_revisited++;
            train(s, left[rng_below(s->timing, n_left)]);
        } else {
            pruner_round_end(s->p);
        }
    }
}

static void begin(struct played *s, const char *kind, uint32_t concurrency, struct rng *timing)
{
    s->kind = kind;
    s->concurrency = concurrency;
    s->timing = timing;
    s->kill = 0;
    s->n_trained = s->n_revisited = 0;
    memset(s->told, 0, sizeof s->told);
    memset(s->is_settled, 0, sizeof s->is_settled);
    s->p = NULL;
    rebuild(s);
}

static void play(struct played *s, uint32_t n)
{
    play_trials(s, n);
    play_revisits(s);
}

/* Losses of random configurations: a quality, the folds' difficulty, and what is left. */
static void fill(struct played *s, uint32_t n_folds, double fold_effect, double noise,
                 struct rng *r)
{
    double folds[FOLDS_MAX];

    s->n_trials = TRIALS;
    s->n_folds = n_folds;
    for (uint32_t f = 0; f < n_folds; f++)
        folds[f] = fold_effect * rng_normal(r);
    for (uint32_t t = 0; t < TRIALS; t++) {
        double u = rng_f64(r), quality = 0.2 - 0.1 * fmath_log(1 - u),
               spread = noise * (0.5 + quality);

        for (uint32_t f = 0; f < n_folds; f++)
            s->loss[t][f] = quality + folds[f] + spread * rng_normal(r);
    }
}

static uint32_t winner(const struct played *s, bool full)
{
    uint32_t best = 0;
    double least = (double)INFINITY;

    for (uint32_t t = 0; t < s->n_trials; t++) {
        double sum = 0;

        for (uint32_t f = 0; f < s->n_folds; f++)
            sum += s->loss[t][f];
        if ((full || s->told[t] == s->n_folds) && sum < least) {
            least = sum;
            best = t + 1;
        }
    }
    return best;
}

static void same_outcome(const struct played *a, const struct played *b)
{
    for (uint32_t t = 0; t < a->n_trials; t++) {
        assert_int_equal(a->told[t], b->told[t]);
        assert_int_equal(a->settled[t], b->settled[t]);
        assert_true(a->search_loss[t] == b->search_loss[t] ||
                    (isnan(a->search_loss[t]) && isnan(b->search_loss[t])));
    }
}

/* Some configurations diverge. */
static void spoil(struct played *s, struct rng *r)
{
    for (uint32_t t = 0; t < s->n_trials; t++)
        if (rng_below(r, 8) == 0)
            s->loss[t][rng_below(r, s->n_folds)] = (double)NAN;
}

static void neither_timing_nor_kills_change_a_decision(void **state)
{
    (void)state;
    for (const struct pruner_kind *const *k = pruner_kinds; *k && !(*k)->ladder; k++)
        for (uint32_t seed = 1; seed <= 12; seed++) {
            struct played a, b;
            struct rng r;

            print_message("%s, seed %u\n", (*k)->name, seed);
            rng_init(&r, seed, 0, 0, RNG_TEST, 1);
            fill(&a, 2 + rng_below(&r, 8), 0.05, 0.05, &r);
            spoil(&a, &r);
            b = a;
            begin(&a, (*k)->name, 1 + rng_below(&r, 9), &r);
            begin(&b, (*k)->name, a.concurrency, &r);
            b.kill = 0.05;
            play(&a, TRIALS);
            play(&b, TRIALS);
            same_outcome(&a, &b);
            assert_int_equal(a.n_trained, b.n_trained); /* nothing was trained twice */
            pruner_destroy(a.p);
            pruner_destroy(b.p);
        }
}

static void a_search_that_is_extended_stops_the_trials_of_a_longer_one(void **state)
{
    struct played a, b;
    struct rng r;

    (void)state;
    rng_init(&r, 3, 0, 0, RNG_TEST, 2);
    fill(&a, 5, 0.05, 0.05, &r);
    b = a;
    begin(&a, "racing", 4, &r);
    play(&a, TRIALS);
    begin(&b, "racing", 4, &r);
    b.n_trials = TRIALS / 2;
    play(&b, TRIALS / 2);
    assert_true(b.n_revisited > 0);
    b.n_trials = TRIALS;
    play(&b, TRIALS);
    for (uint32_t t = 0; t < TRIALS; t++) {
        assert_int_equal(a.settled[t], b.settled[t]);
        assert_true(b.told[t] >= a.told[t]); /* those revisited before keep their folds */
    }
    assert_int_equal(winner(&a, false), winner(&b, false));
    pruner_destroy(a.p);
    pruner_destroy(b.p);
}

static void racing_finds_the_winner_of_full_cross_validation_in_half_the_folds(void **state)
{
    const struct {
        double fold_effect, noise;
        uint32_t n_folds, concurrency;
    } cases[] = {{0.02, 0.02, 5, 1}, {0.1, 0.04, 5, 1}, {0.05, 0.02, 10, 1}, {0.05, 0.03, 5, 4}};
    enum { SEARCHES = 200 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t same = 0, trained = 0;

        for (uint32_t seed = 1; seed <= SEARCHES; seed++) {
            struct played s;
            struct rng r;

            rng_init(&r, seed, 0, 0, RNG_TEST, 3 + (uint32_t)i);
            fill(&s, cases[i].n_folds, cases[i].fold_effect, cases[i].noise, &r);
            begin(&s, "racing", cases[i].concurrency, &r);
            play(&s, TRIALS);
            same += winner(&s, false) == winner(&s, true);
            trained += s.n_trained;
            pruner_destroy(s.p);
        }
        print_message("case %zu: %.1f %% same winner, %.1f %% of the folds\n", i,
                      100.0 * same / SEARCHES,
                      100.0 * trained / (SEARCHES * TRIALS * cases[i].n_folds));
        assert_true(same >= 0.98 * SEARCHES);
        assert_true(trained <= 0.5 * SEARCHES * TRIALS * cases[i].n_folds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chances_are_those_of_the_formula),
        cmocka_unit_test(signed_ranks_are_those_of_scipy),
        cmocka_unit_test(differences_of_zero_say_nothing),
        cmocka_unit_test(a_mean_no_better_than_the_worst_fold_is_not_forgiven),
        cmocka_unit_test(wilcoxon_waits_for_folds_and_spares_a_good_mean),
        cmocka_unit_test(a_stopped_trial_is_worth_the_best_mean_and_its_distance),
        cmocka_unit_test(nobody_is_stopped_before_a_trial_is_seen_complete),
        cmocka_unit_test(what_is_not_finite_stops_at_once_with_the_worst_loss_seen),
        cmocka_unit_test(numbers_beyond_any_chance_stop),
        cmocka_unit_test(equal_trials_are_not_stopped),
        cmocka_unit_test(the_order_of_folds_is_a_permutation_by_seed),
        cmocka_unit_test(neither_timing_nor_kills_change_a_decision),
        cmocka_unit_test(a_search_that_is_extended_stops_the_trials_of_a_longer_one),
        cmocka_unit_test(racing_finds_the_winner_of_full_cross_validation_in_half_the_folds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
