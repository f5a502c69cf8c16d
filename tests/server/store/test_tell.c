/* Trials that are trained elsewhere: leases, reports, and how they end. */
#include "server/store/store_tell.h"

#include "tests/server/store/scratch.h"

static struct trial_record get(struct scratch *x, int64_t id, int64_t trial)
{
    struct trial_record t = {0};

    SUCCEED(store_trial_get(x->r, id, trial, x->a, &t, &x->e));
    return t;
}

/* A trial without a network, of so many folds. */
static int64_t asked(struct scratch *x, int64_t folds)
{
    int64_t id = scratch_experiment(x, "minimize");
    struct param items[] = {{"x", {.kind = VALUE_REAL, .real = 0.1 + 0.2}}};
    struct params params = {1, items};
    struct trial_proposal p = {.trial = 1, .params = &params, .folds_planned = folds};

    SUCCEED(store_trial_insert(x->store, id, &p, 1, &x->e));
    SUCCEED(store_tell_hand_out(x->store, id, 1, 1, 1700000001000, &x->e));
    return id;
}

static struct trial_finish finish(const char *state, double score)
{
    return (struct trial_finish){.state = state,
                                 .reason = strcmp(state, "completed") == 0 ? NULL : "error",
                                 .error = strcmp(state, "completed") == 0 ? NULL : "it broke",
                                 .score = score,
                                 .score_std = (double)NAN,
                                 .score_sem = (double)NAN,
                                 .train_mean = (double)NAN,
                                 .seconds = (double)NAN,
                                 .at_ms = 1700000002000};
}

static size_t count_reports(struct scratch *x, int64_t id)
{
    struct tell_report *reports;
    size_t n;

    SUCCEED(store_tell_reports(x->r, id, 1, x->a, &n, &reports, &x->e));
    return n;
}

static void report(struct scratch *x, int64_t id, int64_t step, double value)
{
    struct tell_report r = {.step = step, .value = value, .at_ms = 1700000001500};

    SUCCEED(store_tell_report(x->store, id, 1, &r, NULL, 3, &x->e));
}

static void a_trial_that_is_handed_out_again_begins_anew(void **state)
{
    struct scratch *x = *state;
    int64_t id = asked(x, 3);

    assert_string_equal(get(x, id, 1).state, "running");
    assert_int_equal(get(x, id, 1).lease, 1);
    report(x, id, 1, 0.5);
    SUCCEED(store_tell_hand_out(x->store, id, 1, 2, 1700000009000, &x->e));
    assert_int_equal(get(x, id, 1).lease, 2);
    assert_int_equal(get(x, id, 1).folds_done, 0);
    assert_int_equal(get(x, id, 1).started_at_ms, 1700000001000);
    assert_int_equal(count_reports(x, id), 0);
}

static void reports_are_kept_by_step_and_those_of_folds_are_counted(void **state)
{
    struct scratch *x = *state;
    int64_t id = asked(x, 3);
    struct tell_report *reports;
    size_t n;

    report(x, id, 7, 0.1 + 0.2);
    report(x, id, 2, 4);
    report(x, id, 2, 0.25);
    SUCCEED(store_tell_reports(x->r, id, 1, x->a, &n, &reports, &x->e));
    assert_int_equal(n, 2);
    assert_int_equal(reports[0].step, 2);
    assert_true(reports[0].value == 0.25);
    assert_int_equal(reports[1].step, 7);
    assert_true(reports[1].value == 0.1 + 0.2);
    assert_int_equal(get(x, id, 1).folds_done, 1);
}

static void a_trial_ends_once_and_is_not_handed_out_or_reported_on_afterwards(void **state)
{
    struct scratch *x = *state;
    int64_t id = asked(x, 3);
    struct trial_finish f = finish("completed", -0.5);
    struct tell_report r = {.step = 1, .value = 1};
    struct trial_record t;

    SUCCEED(store_tell_finish(x->store, id, 1, &f, &x->e));
    t = get(x, id, 1);
    assert_string_equal(t.state, "completed");
    assert_true(t.score == -0.5);
    assert_int_equal(t.folds_done, 3);
    assert_int_equal(t.rank, 1);
    assert_null(t.network.optimizer);
    assert_int_equal(store_tell_finish(x->store, id, 1, &f, &x->e), ERR_CONFLICT);
    assert_int_equal(store_tell_report(x->store, id, 1, &r, NULL, 3, &x->e), ERR_CONFLICT);
    assert_int_equal(store_tell_hand_out(x->store, id, 1, 2, 1, &x->e), ERR_CONFLICT);
    assert_int_equal(get(x, id, 1).lease, 1);
    assert_int_equal(store_tell_finish(x->store, id, 2, &f, &x->e), ERR_NOT_FOUND);
    assert_int_equal(store_tell_report(x->store, id, 2, &r, NULL, 3, &x->e), ERR_NOT_FOUND);
}

static void a_failed_trial_counts_the_folds_that_it_reported(void **state)
{
    struct scratch *x = *state;
    int64_t id = asked(x, 3), whole = asked(x, 1);
    struct trial_finish f = finish("failed", (double)NAN);

    report(x, id, 1, 2);
    SUCCEED(store_tell_finish(x->store, id, 1, &f, &x->e));
    assert_int_equal(get(x, id, 1).folds_done, 1);
    assert_string_equal(get(x, id, 1).error, "it broke");
    SUCCEED(store_tell_finish(x->store, whole, 1, &f, &x->e));
    assert_int_equal(get(x, whole, 1).folds_done, 1);
}

static void leases_and_reports_survive_a_restart_and_go_with_their_experiment(void **state)
{
    struct scratch *x = *state;
    int64_t id = asked(x, 3);
    struct experiment_change c = {.state = "cancelled", .stop_reason = "user", .elapsed_ms = -1};

    report(x, id, 1, 2);
    scratch_close(x);
    scratch_open(x);
    assert_int_equal(get(x, id, 1).lease, 1);
    assert_int_equal(count_reports(x, id), 1);
    SUCCEED(store_experiment_set_state(x->store, id, &c, &x->e));
    SUCCEED(store_experiment_delete(x->store, id, &x->e));
    assert_int_equal(count_reports(x, id), 0);
}

static void a_stop_is_kept_with_the_report_that_it_answered(void **state)
{
    struct scratch *x = *state;
    int64_t id = asked(x, 1);
    struct tell_report r = {.step = 3, .value = 0.5, .at_ms = 1700000001500};
    struct tell_stop stop = {
        .step = 3, .reason = "dominated", .error = "it was worse", .loss = 0.1 + 0.2};
    struct tell_stop read;
    bool found;

    report(x, id, 2, 0.25);
    SUCCEED(store_tell_stop(x->r, id, 1, x->a, &found, &read, &x->e));
    assert_false(found);
    SUCCEED(store_tell_report(x->store, id, 1, &r, &stop, 0, &x->e));
    assert_int_equal(store_tell_report(x->store, id, 1, &r, &stop, 0, &x->e), ERR_CONFLICT);
    SUCCEED(store_tell_stop(x->r, id, 1, x->a, &found, &read, &x->e));
    assert_true(found);
    assert_int_equal(read.step, 3);
    assert_string_equal(read.reason, "dominated");
    assert_string_equal(read.error, "it was worse");
    assert_true(read.loss == 0.1 + 0.2);
    assert_string_equal(
        scratch_ask(x, x->path, "SELECT step, value, stop, stop_error FROM trial_reports"),
        "2|0.25|0|\n3|0.5|1|it was worse\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
        TEST(a_trial_that_is_handed_out_again_begins_anew),
        TEST(reports_are_kept_by_step_and_those_of_folds_are_counted),
        TEST(a_trial_ends_once_and_is_not_handed_out_or_reported_on_afterwards),
        TEST(a_failed_trial_counts_the_folds_that_it_reported),
        TEST(a_stop_is_kept_with_the_report_that_it_answered),
        TEST(leases_and_reports_survive_a_restart_and_go_with_their_experiment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
