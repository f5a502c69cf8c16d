#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/search/bracket.h"
#include "core/search/ladder.h"
#include "core/search/median.h"

/* ---- rungs and brackets ---------------------------------------------------------------------- */

static void rungs_are_a_third_of_each_other_up_to_all_epochs(void **state)
{
    static const struct {
        uint32_t epochs, n, rungs[RUNGS_MOST];
    } cases[] = {{1, 1, {1}},           {2, 1, {2}},            {3, 2, {1, 3}},
                 {8, 2, {1, 8}},        {9, 3, {1, 3, 9}},      {26, 3, {1, 3, 26}},
                 {27, 4, {1, 3, 9, 27}}, {53, 4, {1, 3, 9, 53}}, {81, 4, {3, 9, 27, 81}},
                 {100, 4, {3, 9, 27, 100}}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rungs r = rungs_make(cases[i].epochs);

        assert_int_equal(r.n, cases[i].n);
        assert_memory_equal(r.epochs, cases[i].rungs, r.n * sizeof *r.epochs);
    }
    for (uint32_t epochs = 1; epochs < 20000; epochs++)
        assert_true(rungs_make(epochs).n <= RUNGS_MOST);
}

static void hyperband_has_a_bracket_for_each_first_rung_in_turn(void **state)
{
    static const uint32_t sizes[] = {27, 12, 6, 4};
    struct rungs rungs = rungs_make(81);
    uint64_t below, above;

    (void)state;
    for (uint32_t number = 1; number <= 12; number++) {
        uint32_t first, size = hyperband_pruner.ladder->bracket(number, 4, &first);

        assert_int_equal(first, (number - 1) % 4);
        assert_int_equal(size, sizes[first]);
        assert_int_equal(successive_halving_pruner.ladder->bracket(number, 4, &first), 27);
        assert_int_equal(first, 0);
    }
    ladder_whole(hyperband_pruner.ladder, 4, 49, &below, &above);
    assert_true(below == 49 && above == 49);
    ladder_whole(hyperband_pruner.ladder, 4, 50, &below, &above);
    assert_true(below == 49 && above == 76);
    ladder_whole(successive_halving_pruner.ladder, 4, 10, &below, &above);
    assert_true(below == 0 && above == 27);
    assert_int_equal(ladder_widest(hyperband_pruner.ladder, 4), 27);
    assert_true(fabs(ladder_share(successive_halving_pruner.ladder, &rungs) -
                     (27 * 3 + 9 * 6 + 3 * 18 + 54) / (27.0 * 81)) < 1e-12);
}

/* ---- one decision ---------------------------------------------------------------------------- */

static struct ladder *make(const struct pruner_kind *k, uint32_t epochs, uint32_t concurrency)
{
    struct ladder_settings settings = {.rungs = rungs_make(epochs), .concurrency = concurrency};
    struct ladder *l;
    struct error e;

    assert_int_equal(ladder_create(k->ladder, &settings, &l, &e), ERR_OK);
    return l;
}

static void join(struct ladder *l, uint32_t bracket)
{
    struct error e;

    assert_int_equal(ladder_join(l, bracket, &e), ERR_OK);
}

static void the_best_third_goes_on_and_of_equals_the_earlier(void **state)
{
    static const double x[] = {0.5, 0.2, (double)NAN, 0.2, 0.1, 0.9, 0.2, 0.3, 0.8};
    struct ladder *l = make(&successive_halving_pruner, 9, 0);
    struct ladder_verdict v;

    (void)state;
    assert_int_equal(ladder_room(l), 9);
    for (uint32_t t = 1; t <= 9; t++)
        join(l, ladder_next_bracket(l));
    for (uint32_t t = 1; t <= 9; t++) {
        ladder_tell(l, t, x[t - 1]);
        v = ladder_judge(l, t); /* what is not finite does not wait */
        if (t < 9)
            assert_int_equal(v.step, isnan(x[t - 1]) ? LADDER_STOPS : LADDER_WAITS);
    }
    assert_true(ladder_judge(l, 3).broken);
    for (uint32_t t = 1; t <= 9; t++)
        assert_int_equal(ladder_judge(l, t).step,
                         t == 5 || t == 2 || t == 4 ? LADDER_GOES_ON : LADDER_STOPS);
    v = ladder_judge(l, 7); /* as good as trials 2 and 4 */
    assert_int_equal(v.place, 4);
    assert_int_equal(v.of, 9);
    assert_int_equal(v.epochs, 1);
    assert_true(v.loss == 0.2);
    ladder_destroy(l);
}

static void a_bracket_that_is_cut_is_judged_with_what_it_has(void **state)
{
    struct ladder *l = make(&successive_halving_pruner, 3, 0);

    (void)state;
    join(l, ladder_next_bracket(l));
    join(l, ladder_next_bracket(l));
    ladder_tell(l, 1, 0.5);
    ladder_tell(l, 2, 0.4);
    assert_int_equal(ladder_judge(l, 1).step, LADDER_WAITS);
    assert_int_equal(ladder_room(l), 1);
    ladder_set_end(l, true);
    assert_int_equal(ladder_judge(l, 1).step, LADDER_STOPS);
    assert_int_equal(ladder_judge(l, 2).step, LADDER_GOES_ON); /* one at least */
    ladder_set_end(l, false); /* the search is extended */
    assert_int_equal(ladder_next_bracket(l), 2);
    assert_int_equal(ladder_next_first(l), 3);
    assert_int_equal(ladder_room(l), 0); /* the first has not ended */
    ladder_settle(l, 1);
    ladder_tell(l, 2, 0.3);
    ladder_settle(l, 2);
    assert_int_equal(ladder_room(l), 3);
    ladder_destroy(l);
}

static void what_a_stopped_trial_is_worth_falls_as_earlier_ones_did(void **state)
{
    struct ladder *l = make(&successive_halving_pruner, 3, 0);

    (void)state;
    for (uint32_t t = 1; t <= 3; t++)
        join(l, ladder_next_bracket(l));
    for (uint32_t t = 1; t <= 3; t++)
        ladder_tell(l, t, t);
    assert_true(ladder_judge(l, 2).loss == 2); /* nothing is known yet */
    ladder_tell(l, 1, 0.25);
    for (uint32_t t = 1; t <= 3; t++)
        ladder_settle(l, t);
    for (uint32_t t = 4; t <= 6; t++)
        join(l, ladder_next_bracket(l));
    for (uint32_t t = 4; t <= 6; t++)
        ladder_tell(l, t, t);
    assert_true(ladder_judge(l, 5).loss == 5 - 0.75);
    ladder_destroy(l);
}

static void a_trial_worse_than_the_median_of_five_is_stopped(void **state)
{
    struct ladder *l = make(&median_pruner, 9, 2);
    struct ladder_verdict v;

    (void)state;
    for (uint32_t t = 1; t <= 8; t++) {
        join(l, 0);
        if (t > 6)
            continue;
        for (int rung = 0; rung < 3; rung++)
            ladder_tell(l, t, 0.1 * t);
        ladder_settle(l, t);
    }
    ladder_tell(l, 7, 0.35); /* sees trials 1 .. 5 */
    v = ladder_judge(l, 7);
    assert_int_equal(v.step, LADDER_STOPS);
    assert_true(v.limit == 0.1 * 3 && v.least == 0.35);
    ladder_tell(l, 8, 0.35); /* sees trial 6, too */
    assert_int_equal(ladder_judge(l, 8).step, LADDER_GOES_ON);
    ladder_tell(l, 8, 0.5); /* its best so far counts */
    assert_int_equal(ladder_judge(l, 8).step, LADDER_GOES_ON);
    ladder_destroy(l);
}

static void nobody_is_stopped_by_the_median_of_four(void **state)
{
    struct ladder *l = make(&median_pruner, 9, 1);

    (void)state;
    for (uint32_t t = 1; t <= 5; t++) {
        join(l, 0);
        for (int rung = 0; rung < 3; rung++) { /* trial 4 was stopped on the second */
            if (t == 4 && rung == 2)
                continue;
            if (t < 5)
                ladder_tell(l, t, 0.1);
        }
        if (t < 5)
            ladder_settle(l, t);
    }
    ladder_tell(l, 5, 100);
    assert_int_equal(ladder_judge(l, 5).step, LADDER_GOES_ON);
    ladder_destroy(l);
}

/* ---- whole searches -------------------------------------------------------------------------- */

enum { TRIALS = 110 };

/* What a database would hold, and what is on its way. */
struct played {
    const struct pruner_kind *kind;
    uint32_t epochs, n_rungs, concurrency, budget;
    double loss[TRIALS][RUNGS_MOST]; /* NaN: it fails there */
    uint32_t n, bracket[TRIALS], told[TRIALS], first[TRIALS];
    bool has_ended[TRIALS], waits[TRIALS];
    double search_loss[TRIALS];
    uint32_t place[TRIALS];
    struct rng *timing;
    double kill;
    struct ladder *l;
};

/* After a restart open trials train again; only ended ones are known. */
static void rebuild(struct played *s)
{
    ladder_destroy(s->l);
    s->l = make(s->kind, s->epochs, s->concurrency);
    for (uint32_t t = 0; t < s->n; t++) {
        join(s->l, s->bracket[t]);
        s->waits[t] = false;
        s->first[t] = ladder_rung(s->l, t + 1);
        for (uint32_t r = s->first[t]; s->has_ended[t] && r < s->told[t]; r++)
            ladder_tell(s->l, t + 1, s->loss[t][r]);
        if (s->has_ended[t])
            ladder_settle(s->l, t + 1);
    }
}

static void end(struct played *s, uint32_t t, const struct ladder_verdict *v)
{
    s->told[t] = ladder_rung(s->l, t + 1);
    s->search_loss[t] = v->loss;
    s->place[t] = v->place;
    s->has_ended[t] = true;
    s->waits[t] = false;
    ladder_settle(s->l, t + 1);
}

static void judge_all(struct played *s)
{
    for (uint32_t t = 0; t < s->n; t++) {
        struct ladder_verdict v;

        if (!s->waits[t])
            continue;
        v = ladder_judge(s->l, t + 1);
        s->waits[t] = v.step == LADDER_WAITS;
        if (v.step == LADDER_STOPS || ladder_rung(s->l, t + 1) == s->n_rungs)
            end(s, t, &v);
    }
}

static void propose(struct played *s)
{
    uint32_t oldest = 0, room = 0;

    while (oldest < s->n && s->has_ended[oldest])
        oldest++;
    if (s->kind->ladder->bracket)
        room = ladder_room(s->l);
    else if (oldest + s->concurrency > s->n)
        room = oldest + s->concurrency - s->n;
    for (; room > 0 && s->n < s->budget; room--) {
        s->bracket[s->n] = ladder_next_bracket(s->l);
        join(s->l, s->bracket[s->n]);
        s->first[s->n] = ladder_rung(s->l, s->n + 1);
        s->n++;
    }
    ladder_set_end(s->l, s->n == s->budget);
}

/* One open trial that does not wait comes to its next rung; false where there is none. */
static bool train_one(struct played *s)
{
    uint32_t open[TRIALS], n = 0, t;

    for (uint32_t i = 0; i < s->n; i++)
        if (!s->has_ended[i] && !s->waits[i])
            open[n++] = i;
    if (n == 0)
        return false;
    t = open[rng_below(s->timing, n)];
    ladder_tell(s->l, t + 1, s->loss[t][ladder_rung(s->l, t + 1)]);
    s->waits[t] = true;
    return true;
}

static void play(struct played *s, uint32_t budget)
{
    s->budget = budget;
    propose(s);
    judge_all(s);
    while (train_one(s)) {
        judge_all(s);
        if (s->kill > 0 && rng_f64(s->timing) < s->kill)
            rebuild(s);
        propose(s);
        judge_all(s);
    }
    for (uint32_t t = 0; t < s->n; t++)
        assert_true(s->has_ended[t]); /* nobody waits for ever */
    assert_int_equal(s->n, budget);
}

static void begin(struct played *s, double kill, struct rng *timing)
{
    s->kill = kill;
    s->timing = timing;
    s->n = 0;
    s->l = NULL;
    memset(s->has_ended, 0, sizeof s->has_ended);
    rebuild(s);
}

static void draw(struct played *s, const struct pruner_kind *k, struct rng *r)
{
    static const uint32_t epochs[] = {3, 5, 9, 27, 100};

    *s = (struct played){.kind = k, .epochs = epochs[rng_below(r, 5)],
                         .concurrency = 1 + rng_below(r, 9)};
    s->n_rungs = rungs_make(s->epochs).n;
    for (uint32_t t = 0; t < TRIALS; t++)
        for (uint32_t i = 0; i < s->n_rungs; i++)
            s->loss[t][i] = rng_below(r, 20) == 0 ? (double)NAN : rng_below(r, 30) / 10.0;
}

static const struct pruner_kind *const kinds[] = {&successive_halving_pruner, &hyperband_pruner,
                                                  &median_pruner};

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void same_outcome(const struct played *a, const struct played *b, uint32_t n)
{
    for (uint32_t t = 0; t < n; t++) {
        assert_int_equal(a->bracket[t], b->bracket[t]);
        assert_int_equal(a->told[t], b->told[t]);
        assert_int_equal(a->place[t], b->place[t]);
        assert_true(same(a->search_loss[t], b->search_loss[t]));
    }
}

static void neither_timing_nor_kills_change_who_goes_on(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++)
        for (uint32_t seed = 1; seed <= 40; seed++) {
            struct played a, b;
            uint32_t budget;
            struct rng r;

            print_message("%s, seed %u\n", kinds[k]->name, seed);
            rng_init(&r, seed, 0, 0, RNG_TEST, 1);
            draw(&a, kinds[k], &r);
            b = a;
            budget = 1 + rng_below(&r, TRIALS);
            begin(&a, 0, &r);
            begin(&b, 0.1, &r);
            play(&a, budget);
            play(&b, budget);
            same_outcome(&a, &b, budget);
            ladder_destroy(a.l);
            ladder_destroy(b.l);
        }
}

/* Of the members of a bracket that are there, by a rule that knows nothing of waiting. */
static void exactly_the_best_third_of_each_rung_goes_on(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        struct played s;
        struct rng r;

        rng_init(&r, seed, 0, 0, RNG_TEST, 2);
        draw(&s, kinds[seed % 2], &r);
        begin(&s, 0, &r);
        play(&s, 1 + rng_below(&r, TRIALS));
        for (uint32_t t = 0; t < s.n; t++)
            for (uint32_t rung = s.first[t]; rung + 1 < s.n_rungs && rung < s.told[t]; rung++) {
                uint32_t there = 0, better = 0, best;

                for (uint32_t i = 0; i < s.n; i++) {
                    double x = s.loss[i][rung], own = s.loss[t][rung];

                    if (s.bracket[i] != s.bracket[t] || s.told[i] <= rung)
                        continue;
                    there++;
                    better += x < own || (x == own && i < t);
                }
                best = there / 3 > 1 ? there / 3 : 1;
                assert_int_equal(s.told[t] > rung + 1,
                                 isfinite(s.loss[t][rung]) && better < best);
            }
        ladder_destroy(s.l);
    }
}

static void extending_begins_a_new_bracket_and_changes_no_earlier_trial(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++)
        for (uint32_t seed = 1; seed <= 30; seed++) {
            struct played a, b;
            uint32_t budget;
            struct rng r;

            rng_init(&r, seed, 0, 0, RNG_TEST, 3);
            draw(&a, kinds[k], &r);
            budget = 1 + rng_below(&r, TRIALS - 1);
            begin(&a, 0, &r);
            play(&a, budget);
            b = a;
            b.l = NULL;
            b.kill = 0.1;
            rebuild(&b);
            play(&b, TRIALS);
            same_outcome(&a, &b, budget);
            if (kinds[k]->ladder->bracket)
                assert_int_equal(b.bracket[budget], b.bracket[budget - 1] + 1);
            ladder_destroy(a.l);
            ladder_destroy(b.l);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rungs_are_a_third_of_each_other_up_to_all_epochs),
        cmocka_unit_test(hyperband_has_a_bracket_for_each_first_rung_in_turn),
        cmocka_unit_test(the_best_third_goes_on_and_of_equals_the_earlier),
        cmocka_unit_test(a_bracket_that_is_cut_is_judged_with_what_it_has),
        cmocka_unit_test(what_a_stopped_trial_is_worth_falls_as_earlier_ones_did),
        cmocka_unit_test(a_trial_worse_than_the_median_of_five_is_stopped),
        cmocka_unit_test(nobody_is_stopped_by_the_median_of_four),
        cmocka_unit_test(neither_timing_nor_kills_change_who_goes_on),
        cmocka_unit_test(exactly_the_best_third_of_each_rung_goes_on),
        cmocka_unit_test(extending_begins_a_new_bracket_and_changes_no_earlier_trial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
