/* Events: what a subscriber is told, in which order, and what it misses when it comes back. */
#include "tests/server/store/scratch.h"

static void set_state(struct scratch *x, int64_t id, const char *state)
{
    struct experiment_change c = {.state = state, .at_ms = 5, .elapsed_ms = -1};

    SUCCEED(store_experiment_set_state(x->store, id, &c, &x->e));
}

/* "running 1:completed 2:failed" after a number: states as words, trials with their numbers. */
static char *tell(struct scratch *x, int64_t experiment, int64_t after)
{
    CLEANUP(buf_finish) struct buf out = {0};
    struct event_record *events;
    int64_t last = after;
    size_t n;

    SUCCEED(store_event_list(x->r, experiment, after, 100, x->a, &n, &events, &x->e));
    for (size_t i = 0; i < n; i++) {
        assert_true(events[i].number > last);
        last = events[i].number;
        if (i > 0)
            buf_putc(&out, ' ');
        if (events[i].trial > 0)
            buf_printf(&out, "%" PRId64 ":", events[i].trial);
        buf_puts(&out, events[i].state);
    }
    return arena_strdup(x->a, buf_text(&out));
}

static int64_t last_of(struct scratch *x, int64_t experiment)
{
    int64_t last;

    SUCCEED(store_event_last(x->r, experiment, &last, &x->e));
    return last;
}

static void events_come_in_the_order_in_which_they_happened(void **state)
{
    struct scratch *x = *state;
    int64_t a = scratch_experiment(x, "maximize"), b = scratch_experiment(x, "maximize");

    for (int64_t i = 1; i <= 3; i++)
        scratch_trial(x, a, i);
    scratch_trial(x, b, 1);
    set_state(x, a, "running");
    scratch_complete(x, a, 2, 0.5);
    scratch_complete(x, b, 1, 0.25);
    set_state(x, a, "paused");
    set_state(x, a, "paused"); /* no change */
    scratch_complete(x, a, 1, 0.75);
    assert_string_equal(tell(x, a, 0), "queued running 2:completed paused 1:completed");
    assert_string_equal(tell(x, b, 0), "queued 1:completed");
    assert_string_equal(tell(x, 0, 0), "queued queued running paused");
}

static void a_subscriber_resumes_after_the_number_that_it_has_seen(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), seen;

    scratch_trial(x, id, 1);
    scratch_trial(x, id, 2);
    scratch_complete(x, id, 1, 0.5);
    seen = last_of(x, id);
    assert_string_equal(tell(x, id, seen), "");
    scratch_complete(x, id, 2, 0.25);
    set_state(x, id, "completed");
    assert_string_equal(tell(x, id, seen), "2:completed completed");
    assert_true(last_of(x, id) == store_event_newest(x->store));
}

static void the_present_is_the_state_after_the_last_event(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct event_record now;

    set_state(x, id, "running");
    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.5);
    SUCCEED(store_event_present(x->r, id, x->a, &now, &x->e));
    assert_string_equal(now.state, "running");
    assert_int_equal(now.number, last_of(x, id));
    SUCCEED(store_event_present(x->r, 0, x->a, &now, &x->e));
    assert_int_equal(now.number, last_of(x, id) - 1); /* the trial's is none of all experiments */
    assert_int_equal(store_event_present(x->r, id + 1, x->a, &now, &x->e), ERR_NOT_FOUND);
}

static void a_trial_event_has_the_trials_own_numbers(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct event_record *events;
    size_t n;

    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.1 + 0.2);
    SUCCEED(store_event_list(x->r, id, last_of(x, id) - 1, 1, x->a, &n, &events, &x->e));
    assert_int_equal(n, 1);
    assert_true(events[0].score == 0.1 + 0.2);
    assert_int_equal(events[0].weight_count, 1001);
    assert_int_equal(events[0].at_ms, 1700000001001);
    assert_non_null(strstr(events[0].params, "\"learning_rate\""));
}

static void trials_that_end_together_have_numbers_of_their_own(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), n;

    for (int64_t i = 1; i <= 4; i++)
        scratch_trial(x, id, i);
    scratch_complete(x, id, 3, 0.5);
    SUCCEED(store_trial_cancel_rest(x->store, id, "user", "why", 9, &n, &x->e));
    set_state(x, id, "cancelled");
    assert_string_equal(tell(x, id, 0),
                        "queued 3:completed 1:cancelled 2:cancelled 4:cancelled cancelled");
}

static void a_trial_that_ends_again_is_told_again(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), seen;
    struct trial_finish stopped = scratch_finish("pruned", (double)NAN);
    struct trial_finish more = scratch_finish("completed", 0.5);

    scratch_trial(x, id, 1);
    stopped.race_folds = 1;
    SUCCEED(store_trial_finish(x->store, id, 1, &stopped, &x->e));
    seen = last_of(x, id);
    more.was_pruned = true;
    SUCCEED(store_trial_finish(x->store, id, 1, &more, &x->e));
    assert_string_equal(tell(x, id, seen), "1:completed");
    assert_string_equal(tell(x, id, 0), "queued 1:completed"); /* as it is now */
}

static void a_deletion_is_an_event(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), seen;

    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.5);
    set_state(x, id, "completed");
    seen = last_of(x, id);
    SUCCEED(store_experiment_delete(x->store, id, &x->e));
    assert_string_equal(tell(x, id, 0), "deleted");
    assert_string_equal(tell(x, 0, seen), "deleted");
}

/* Not even those of trials that were deleted. */
static void numbers_are_not_given_twice(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), newest;

    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.5);
    newest = store_event_newest(x->store);
    scratch_close(x);
    scratch_open(x);
    assert_int_equal(store_event_newest(x->store), newest);
    set_state(x, id, "completed");
    SUCCEED(store_experiment_delete(x->store, id, &x->e));
    newest = store_event_newest(x->store);
    scratch_close(x);
    scratch_open(x);
    assert_int_equal(store_event_newest(x->store), newest);
    (void)scratch_experiment(x, "maximize");
    assert_int_equal(store_event_newest(x->store), newest + 1);
}

static void what_is_undone_was_no_event(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct txn txn = {0};

    scratch_trial(x, id, 1);
    SUCCEED(txn_begin(x->store, TXN_RELAXED, &txn, &x->e));
    scratch_complete(x, id, 1, 0.5);
    txn_end(&txn);
    scratch_complete(x, id, 1, 0.25);
    assert_string_equal(tell(x, id, 0), "queued 1:completed");
}

static void old_states_are_forgotten_and_said_to_be(void **state)
{
    static const char *const TURNS[] = {"running", "paused"};
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), forgotten;
    struct event_record *events;
    struct txn txn = {0};
    size_t n;

    SUCCEED(store_event_forgotten(x->r, &forgotten, &x->e));
    assert_int_equal(forgotten, 0);
    SUCCEED(txn_begin(x->store, TXN_RELAXED, &txn, &x->e)); /* fast */
    for (int i = 0; i < STORE_EVENT_KEPT + 3000; i++)
        set_state(x, id, TURNS[i % 2]);
    SUCCEED(txn_commit(&txn, &x->e));
    SUCCEED(store_event_forgotten(x->r, &forgotten, &x->e));
    assert_true(forgotten > 0);
    SUCCEED(store_event_list(x->r, 0, 0, 2 * STORE_EVENT_KEPT, x->a, &n, &events, &x->e));
    assert_true(n >= STORE_EVENT_KEPT && n < STORE_EVENT_KEPT + 2000);
    assert_int_equal(events[0].number, forgotten + 1); /* nothing in between is missing */
    assert_string_equal(events[n - 1].state, "paused");
}

/* A database as the build before events left it. */
static void trials_from_before_there_were_events_are_told(void **state)
{
    struct scratch *x = *state;
    struct embedded before[16] = {{0}};
    struct store_options options = {.migrations = before};
    sqlite3 *db;
    size_t n = 0;

    for (const struct embedded *f = embedded_files; f->path && n < 15; f++)
        if (strncmp(f->path, "migrations/", 11) == 0 && strcmp(f->path, "migrations/0009") < 0)
            before[n++] = *f;
    SUCCEED(store_open(x->path, &options, &x->store, NULL, &x->e));
    scratch_close(x);
    assert_int_equal(sqlite3_open(x->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO experiment (name, state, metric, direction, sampler, pruner, seed,"
                     "   folds_per_trial, created_at_ms, finished_at_ms, definition)"
                     " VALUES ('old', 'completed', 'm', 'minimize', 'grid', 'none', 1, 1, 5, 7, '{}');"
                     "INSERT INTO trial (experiment_id, trial, state, folds_planned, bytes, params)"
                     " VALUES (1, 1, 'failed', 1, 1, '{}'), (1, 2, 'cancelled', 1, 1, '{}')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    scratch_open(x);
    assert_string_equal(tell(x, 1, 0), "1:failed 2:cancelled completed");
    set_state(x, 1, "running"); /* extended */
    assert_string_equal(tell(x, 1, 0), "1:failed 2:cancelled completed running");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_come_in_the_order_in_which_they_happened),
        TEST(a_subscriber_resumes_after_the_number_that_it_has_seen),
        TEST(the_present_is_the_state_after_the_last_event),
        TEST(a_trial_event_has_the_trials_own_numbers),
        TEST(trials_that_end_together_have_numbers_of_their_own),
        TEST(a_trial_that_ends_again_is_told_again),
        TEST(a_deletion_is_an_event),
        TEST(numbers_are_not_given_twice),
        TEST(what_is_undone_was_no_event),
        cmocka_unit_test_setup_teardown(trials_from_before_there_were_events_are_told,
                                        scratch_make_folder, scratch_teardown),
        TEST(old_states_are_forgotten_and_said_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
