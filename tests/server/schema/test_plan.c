#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "server/schema/plan.h"
#include "tests/server/schema/iris.h"

static const struct plan_facts machine = {
    .n_features = 4,
    .n_outputs = 3,
    .n_folds = 5,
    .n_train = 120,
    .n_validation = 30,
    .threads = 2,
    .memory_bytes = UINT64_C(1) << 30,
    .work_per_second = 1e9,
};

/* The plan of a definition, which lives as long as the arena. */
static enum err plan(const char *text, struct arena *a, struct plan *out, struct error *e)
{
    struct definition *d;
    struct faults faults;

    if (definition_decode(text, strlen(text), &iris, a, &faults, &d, e) != ERR_OK)
        fail_msg("%s", e->message);
    return plan_make(d, &iris, &machine, a, out, e);
}

static struct arena *make_arena(void)
{
    struct arena *a;
    struct error e;

    assert_int_equal(arena_create(1 << 16, &a, &e), ERR_OK);
    return a;
}

static double seconds_of(const char *text)
{
    struct arena *a = make_arena();
    struct error e;
    struct plan p;
    double seconds;

    assert_int_equal(plan(text, a, &p, &e), ERR_OK);
    seconds = p.seconds;
    arena_destroy(a);
    return seconds;
}

#define EPOCHS(sampler, epochs, schedule)                                                          \
    "{\"dataset\": 1, \"sampler\": \"" sampler                                                     \
    "\", \"space\": {\"layers\": 1, \"epochs\": " epochs ", \"schedule\": \"" schedule "\"}}"

static void epochs_in_a_grid_take_the_time_of_the_largest(void **state)
{
    double one = seconds_of(EPOCHS("grid", "40", "step"));
    double cosine = seconds_of(EPOCHS("grid", "40", "cosine"));

    (void)state;
    assert_true(fabs(seconds_of(EPOCHS("grid", "[10, 40, 20]", "step")) / one - 1) < 1e-9);
    assert_true(seconds_of(EPOCHS("grid", "[10, 40, 20]", "cosine")) > 1.5 * cosine);
    assert_true(seconds_of(EPOCHS("random", "{\"min\": 1, \"max\": 4000}", "step")) > one);
}

static void a_plan_counts_trials_folds_and_weights(void **state)
{
    struct arena *a = make_arena();
    struct buf b = {0};
    struct error e;
    struct json j;
    struct plan p;

    (void)state;
    assert_int_equal(
        plan("{\"dataset\": 1, \"space\": {\"layers\": [1, 2], \"width\": [8, 16]}}", a, &p, &e),
        ERR_OK);
    assert_int_equal(p.trials, 4);
    assert_int_equal(p.folds, 20);
    assert_int_equal(p.weights_min, 4 * 8 + 8 + 8 * 3 + 3);
    assert_int_equal(p.weights_max, 4 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3);
    assert_true(p.seconds > 0 && p.all_trials_seen);
    json_init(&j, &b);
    plan_write(&p, &j, NULL);
    assert_non_null(strstr(buf_text(&b), "\"activation\": \"relu\""));
    assert_null(strstr(buf_text(&b), "\"hidden\""));
    buf_finish(&b);
    arena_destroy(a);
}

static void a_large_grid_is_judged_by_a_sample_of_it(void **state)
{
    struct arena *a = make_arena();
    struct error e;
    struct plan p;

    (void)state;
    assert_int_equal(
        plan("{\"dataset\": 1, \"sampler\": \"grid\", \"space\": {\"layers\": [1, 2, 3], "
             "\"width\": {\"min\": 1, \"max\": 2000}}}",
             a, &p, &e),
        ERR_OK);
    assert_int_equal(p.trials, 6000);
    assert_false(p.all_trials_seen);
    assert_true(p.weights_max > 1000 * 1000); /* the grid's first 1000 have one layer */
    arena_destroy(a);
}

/* One point in 3,000 is allowed: a thousand of them would take millions. */
static void where_hardly_a_point_is_allowed_fewer_trials_stand_for_all(void **state)
{
    static const char TEXT[] =
        "{\"dataset\": 1, \"sampler\": \"random\", \"budget\": {\"trials\": 1000}, \"space\": {"
        "\"learning_rate\": {\"min\": 1e-4, \"max\": 0.1, \"scale\": \"log\"}, \"epochs\": 7},"
        "\"require\": [\"learning_rate <= 0.00010023\"]}";
    struct arena *a = make_arena();
    struct definition *d;
    struct faults faults;
    struct error e;
    struct plan p;

    (void)state;
    assert_int_equal(definition_decode(TEXT, strlen(TEXT), &iris, a, &faults, &d, &e), ERR_OK);
    assert_int_equal(plan_make(d, &iris, &machine, a, &p, &e), ERR_OK);
    assert_true(p.seconds > 0);
    assert_true(atomic_load(&d->rules->judged) < 400000);
    arena_destroy(a);
}

static void a_network_that_cannot_fit_is_refused_in_the_plan(void **state)
{
    struct arena *a = make_arena();
    struct error e;
    struct plan p;

    (void)state;
    assert_int_equal(
        plan("{\"dataset\": 1, \"space\": {\"layers\": 64, \"width\": 65536}}", a, &p, &e),
        ERR_INVALID);
    assert_non_null(strstr(e.message, "the daemon may use 1073741824"));
    arena_destroy(a);
}

/* Plans with `more` members, on so many threads; the caller looks at the warnings. */
static struct plan plan_of(unsigned threads, const char *text, struct arena *a)
{
    struct plan_facts facts = machine;
    struct definition *d;
    struct faults faults;
    struct plan p;
    struct error e;

    facts.threads = threads;
    assert_int_equal(definition_decode(text, strlen(text), &iris, a, &faults, &d, &e), ERR_OK);
    assert_int_equal(plan_make(d, &iris, &facts, a, &p, &e), ERR_OK);
    return p;
}

static struct plan plan_on(unsigned threads, const char *more, struct arena *a)
{
    return plan_of(threads,
                   arena_printf(a, "{\"dataset\": 1, \"space\": {\"width\": [4, 8]}%s}", more), a);
}

static bool warns(const struct plan *p, const char *sentence)
{
    for (size_t i = 0; i < p->n_warnings; i++)
        if (strcmp(p->warnings[i], sentence) == 0)
            return true;
    return false;
}

static void the_plan_says_how_many_threads_a_search_keeps_busy(void **state)
{
    struct arena *a = make_arena();
    struct plan p;

    (void)state;
    p = plan_on(16, ", \"metric\": \"log_loss\"", a);
    assert_int_equal(p.busy_threads, 0);
    assert_int_equal(p.n_warnings, 0);
    p = plan_on(16, ", \"metric\": \"log_loss\", \"pruner\": \"racing\"", a);
    assert_int_equal(p.busy_threads, 8);
    assert_true(warns(&p, "with concurrency 8 the search keeps at most 8 of 16 threads busy: "
                          "concurrency 16 is enough for all of them"));
    p = plan_on(16, ", \"sampler\": \"tpe\", \"concurrency\": 3", a);
    assert_int_equal(p.busy_threads, 15);
    assert_true(warns(&p, "with concurrency 3 the search keeps at most 15 of 16 threads busy: "
                          "concurrency 4 is enough for all of them"));
    p = plan_on(2, ", \"metric\": \"log_loss\", \"pruner\": \"racing\"", a);
    assert_int_equal(p.n_warnings, 0);
    arena_destroy(a);
}

static void a_budget_that_cuts_a_bracket_is_warned_about(void **state)
{
    static const struct {
        const char *kind;
        int trials;
        const char *warning;
    } cases[] = {
        {"successive_halving", 20,
         "20 trials do not fill a bracket of successive_halving: 27 would"},
        {"successive_halving", 100,
         "100 trials are no whole number of brackets of successive_halving, and the last one is "
         "judged with fewer: 81 and 108 are"},
        {"successive_halving", 54, NULL},
        {"hyperband", 50,
         "50 trials are no whole number of brackets of hyperband, and the last one is judged with "
         "fewer: 49 and 76 are"},
        {"hyperband", 49, NULL},
        {"median", 50, NULL},
    };
    struct arena *a = make_arena();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = arena_printf(a,
                                  "{\"dataset\": 1, \"metric\": \"log_loss\", \"pruner\": \"%s\", "
                                  "\"space\": {\"learning_rate\": {\"min\": 0.1, \"max\": 1}}, "
                                  "\"budget\": {\"trials\": %d}}",
                                  cases[i].kind, cases[i].trials);
        struct plan p = plan_of(2, text, a);

        assert_int_equal(p.n_warnings, cases[i].warning != NULL);
        if (cases[i].warning)
            assert_true(warns(&p, cases[i].warning));
    }
    arena_destroy(a);
}

static void comparing_a_few_right_answers_is_warned_about(void **state)
{
    struct arena *a = make_arena();
    struct plan p;

    (void)state;
    p = plan_on(2, ", \"pruner\": \"racing\"", a);
    assert_true(warns(&p,
                      "accuracy moves in steps of about 1/30 on a fold's validation rows, which "
                      "racing compares: log_loss or brier tells trials apart sooner"));
    p = plan_on(2, "", a);
    assert_int_equal(p.n_warnings, 0);
    arena_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_counts_trials_folds_and_weights),
        cmocka_unit_test(epochs_in_a_grid_take_the_time_of_the_largest),
        cmocka_unit_test(a_large_grid_is_judged_by_a_sample_of_it),
        cmocka_unit_test(the_plan_says_how_many_threads_a_search_keeps_busy),
        cmocka_unit_test(a_budget_that_cuts_a_bracket_is_warned_about),
        cmocka_unit_test(comparing_a_few_right_answers_is_warned_about),
        cmocka_unit_test(where_hardly_a_point_is_allowed_fewer_trials_stand_for_all),
        cmocka_unit_test(a_network_that_cannot_fit_is_refused_in_the_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
