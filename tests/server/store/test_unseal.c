/* The record of an unsealing: asked for once, ended once, gone with its experiment. */
#include "server/store/store_unseal.h"

#include "tests/server/store/scratch.h"

static int64_t ended_experiment(struct scratch *x)
{
    int64_t id = scratch_experiment(x, "maximize");
    struct experiment_change c = {.state = "completed", .at_ms = 1700000002000, .elapsed_ms = -1};

    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.75);
    SUCCEED(store_experiment_set_state(x->store, id, &c, &x->e));
    return id;
}

static struct unseal_record request(int64_t experiment)
{
    return (struct unseal_record){.experiment = experiment,
                                  .trial = 1,
                                  .train_rows = 120,
                                  .test_rows = 30,
                                  .requested_at_ms = 1700000003000};
}

static struct unseal_record result(int64_t experiment, struct unseal_score *scores)
{
    scores[0] = (struct unseal_score){"accuracy", 0.99, 0.1 + 0.2, 0.03};
    scores[1] = (struct unseal_score){"log_loss", 0.25, (double)NAN, (double)NAN};
    return (struct unseal_record){.experiment = experiment,
                                  .state = "completed",
                                  .epochs = 3,
                                  .epochs_run = 5,
                                  .seconds = 0.5,
                                  .weights_hash = "00ff",
                                  .engine = "1",
                                  .kernel = "reference",
                                  .finished_at_ms = 1700000004000,
                                  .n_scores = 2,
                                  .scores = scores};
}

static int64_t unsealed_experiment(struct scratch *x)
{
    int64_t id = ended_experiment(x);
    struct unseal_score scores[2];
    struct unseal_record asked = request(id), done = result(id, scores);

    SUCCEED(store_unseal_insert(x->store, &asked, &x->e));
    SUCCEED(store_unseal_finish(x->store, &done, &x->e));
    return id;
}

static struct unseal_record get(struct scratch *x, int64_t id)
{
    struct unseal_record u = {0};
    bool found;

    SUCCEED(store_unseal_get(x->r, id, x->a, &u, &found, &x->e));
    assert_true(found);
    return u;
}

static void what_is_asked_for_is_found_by_a_restart_until_it_has_ended(void **state)
{
    struct scratch *x = *state;
    int64_t id = ended_experiment(x), *ids;
    struct unseal_record asked = request(id), done, u;
    struct unseal_score scores[2];
    bool found;
    size_t n;

    SUCCEED(store_unseal_get(x->r, id, x->a, &u, &found, &x->e));
    assert_false(found);
    SUCCEED(store_unseal_insert(x->store, &asked, &x->e));
    assert_string_equal(get(x, id).state, "queued");
    SUCCEED(store_unseal_start(x->store, id, &x->e));
    assert_string_equal(get(x, id).state, "running");
    scratch_close(x);
    scratch_open(x);
    SUCCEED(store_unseal_unfinished(x->r, x->a, &n, &ids, &x->e));
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], id);
    done = result(id, scores);
    SUCCEED(store_unseal_finish(x->store, &done, &x->e));
    SUCCEED(store_unseal_unfinished(x->r, x->a, &n, &ids, &x->e));
    assert_int_equal(n, 0);
}

static void an_unsealing_comes_back_as_it_was(void **state)
{
    struct scratch *x = *state;
    struct unseal_record u = get(x, unsealed_experiment(x));

    assert_string_equal(u.state, "completed");
    assert_int_equal(u.trial, 1);
    assert_int_equal(u.train_rows, 120);
    assert_int_equal(u.test_rows, 30);
    assert_int_equal(u.epochs, 3);
    assert_int_equal(u.epochs_run, 5);
    assert_true(u.seconds == 0.5);
    assert_string_equal(u.weights_hash, "00ff");
    assert_null(u.error);
    assert_string_equal(u.warnings, "[]");
    assert_true(u.requested_at_ms == 1700000003000 && u.finished_at_ms == 1700000004000);
    assert_int_equal(u.n_scores, 2);
    assert_string_equal(u.scores[0].metric, "accuracy");
    assert_true(u.scores[0].train == 0.99 && u.scores[0].test == 0.1 + 0.2);
    assert_true(u.scores[0].standard_error == 0.03);
    assert_true(isnan(u.scores[1].test) && isnan(u.scores[1].standard_error));
}

static void unsealing_twice_is_a_conflict_and_changes_nothing(void **state)
{
    struct scratch *x = *state;
    int64_t id = unsealed_experiment(x);
    struct unseal_record again = request(id), other;
    struct unseal_score scores[2];

    again.test_rows = 7;
    assert_int_equal(store_unseal_insert(x->store, &again, &x->e), ERR_CONFLICT);
    assert_int_equal(store_unseal_start(x->store, id, &x->e), ERR_NOT_FOUND);
    other = result(id, scores);
    scores[0].test = 1;
    assert_int_equal(store_unseal_finish(x->store, &other, &x->e), ERR_NOT_FOUND);
    assert_int_equal(get(x, id).test_rows, 30);
    assert_string_equal(get(x, id).state, "completed");
    assert_true(get(x, id).scores[0].test == 0.1 + 0.2);
}

static void an_unsealing_needs_its_experiment_and_trial(void **state)
{
    struct scratch *x = *state;
    struct unseal_record asked = request(ended_experiment(x));

    asked.trial = 2;
    assert_int_equal(store_unseal_insert(x->store, &asked, &x->e), ERR_NOT_FOUND);
    asked = request(99);
    assert_int_equal(store_unseal_insert(x->store, &asked, &x->e), ERR_NOT_FOUND);
}

static void
an_experiment_that_is_being_unsealed_is_not_deleted_unless_that_is_abandoned(void **state)
{
    struct scratch *x = *state;
    int64_t id = ended_experiment(x);
    struct unseal_record asked = request(id);

    SUCCEED(store_unseal_insert(x->store, &asked, &x->e));
    assert_int_equal(store_experiment_delete(x->store, id, &x->e), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, "being unsealed"));
    SUCCEED(store_unseal_abandon(x->store, id, &x->e));
    SUCCEED(store_experiment_delete(x->store, id, &x->e));
}

static void deleting_an_experiment_takes_its_unsealing_along(void **state)
{
    struct scratch *x = *state;
    int64_t id = unsealed_experiment(x);

    SUCCEED(store_unseal_abandon(x->store, id, &x->e)); /* it has ended: it stays */
    assert_string_equal(get(x, id).state, "completed");
    SUCCEED(store_experiment_delete(x->store, id, &x->e));
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT (SELECT count(*) FROM unseal)"
                                    "     + (SELECT count(*) FROM unseal_score)"),
                        "0\n");
}

static void test_scores_are_a_view_and_travel_with_an_export(void **state)
{
    static const char ask[] = "SELECT * FROM test_scores";
    static const char expected[] = "1|1|accuracy|0.99|0.3|0.03|30|2023-11-14T22:13:24.000Z\n"
                                   "1|1|log_loss|0.25|||30|2023-11-14T22:13:24.000Z\n";
    struct scratch *x = *state;
    int64_t id = unsealed_experiment(x);
    struct reader *r;
    char path[128];

    assert_string_equal(scratch_ask(x, x->path, ask), expected);
    (void)snprintf(path, sizeof path, "%s/one.db", x->folder);
    SUCCEED(store_reader_acquire(x->store, &r, &x->e));
    SUCCEED(store_experiment_export(r, id, path, &x->e));
    store_reader_release(x->store, r);
    assert_string_equal(scratch_ask(x, path, ask), expected);
}

/* The files of this build up to a schema. */
static void open_schema(struct scratch *x, int schema)
{
    struct embedded files[32] = {{0}};
    struct store_options options = {.migrations = files};
    size_t n = 0;

    for (const struct embedded *f = embedded_files; f->path; f++)
        if (strncmp(f->path, "migrations/", 11) == 0 && atoi(f->path + 11) <= schema)
            files[n++] = *f;
    SUCCEED(store_open(x->path, &options, &x->store, NULL, &x->e));
    scratch_close(x);
}

static void an_experiment_from_before_does_not_tell_its_sealed_rows(void **state)
{
    struct scratch *x = *state;
    struct experiment_record r;
    struct unseal_record asked;
    char *failed = NULL;
    sqlite3 *db;

    scratch_close(x);
    (void)unlink(x->path);
    open_schema(x, 2);
    assert_int_equal(sqlite3_open(x->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO experiment (name, state, metric, direction, sampler, pruner,"
                     "   seed, folds_per_trial, created_at_ms, definition)"
                     " VALUES ('old', 'completed', 'accuracy', 'maximize', 'grid', 'none', 1, 5,"
                     "   1, '{}')",
                     NULL, NULL, &failed),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    scratch_open(x);
    SUCCEED(store_experiment_get(x->r, 1, x->a, &r, &x->e));
    assert_int_equal(r.sealed_rows, -1);
    scratch_trial(x, 1, 1);
    asked = request(1);
    SUCCEED(store_unseal_insert(x->store, &asked, &x->e));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_for_is_found_by_a_restart_until_it_has_ended),
        TEST(an_unsealing_comes_back_as_it_was),
        TEST(unsealing_twice_is_a_conflict_and_changes_nothing),
        TEST(an_unsealing_needs_its_experiment_and_trial),
        TEST(an_experiment_that_is_being_unsealed_is_not_deleted_unless_that_is_abandoned),
        TEST(deleting_an_experiment_takes_its_unsealing_along),
        TEST(test_scores_are_a_view_and_travel_with_an_export),
        TEST(an_experiment_from_before_does_not_tell_its_sealed_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
