/* The views that API.md promises to analysts, and the export that carries them away. */
#include "tests/server/store/scratch.h"

static const struct {
    const char *ask, *columns;
} views[] = {
    {"SELECT group_concat(name, ', ') FROM pragma_table_info('leaderboard')",
     "experiment_id, experiment, owner, dataset, trial, rank, state, reason, metric, direction, "
     "cv_mean, cv_std, cv_sem, train_mean, folds, folds_done, layers, width, hidden, activation, "
     "learning_rate, optimizer, batch_size, epochs, weight_count, seconds, finished_at, params\n"},
    {"SELECT group_concat(name, ', ') FROM pragma_table_info('experiment_summary')",
     "experiment_id, name, owner, dataset, state, stop_reason, metric, direction, sampler, pruner, "
     "seed, trials, trials_done, best_trial, best_score, created_at, started_at, finished_at, "
     "elapsed_seconds, definition\n"},
    {"SELECT group_concat(name, ', ') FROM pragma_table_info('trial_params')",
     "experiment_id, trial, name, value\n"},
    {"SELECT group_concat(name, ', ') FROM pragma_table_info('fold_scores')",
     "experiment_id, trial, repeat, fold, metric, train, validation, epochs, seconds\n"},
    {"SELECT group_concat(name, ', ') FROM pragma_table_info('learning_curves')",
     "experiment_id, trial, repeat, fold, epoch, train_loss, validation_loss, validation_score, "
     "learning_rate\n"},
    {"SELECT group_concat(name, ', ') FROM pragma_table_info('layer_statistics')",
     "experiment_id, trial, repeat, fold, epoch, layer, gradient_norm, update_ratio, idle\n"},
    {"SELECT group_concat(name, ', ') FROM pragma_table_info('test_scores')",
     "experiment_id, trial, metric, train, test, standard_error, test_rows, unsealed_at\n"},
};

static void check_columns(struct scratch *x, const char *path)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        assert_string_equal(scratch_ask(x, path, views[i].ask), views[i].columns);
}

/* Two trials of an experiment, one of them done, with a fold each. */
static int64_t insert_some(struct scratch *x)
{
    int64_t id = scratch_experiment(x, "maximize");

    scratch_trial(x, id, 1);
    scratch_trial(x, id, 2);
    scratch_insert_fold(x, id, 1, 1);
    scratch_insert_fold(x, id, 2, 1);
    scratch_complete(x, id, 2, 0.75);
    return id;
}

static void views_have_the_columns_of_the_contract(void **state)
{
    struct scratch *x = *state;

    check_columns(x, x->path);
}

static void the_leaderboard_shows_a_trial_as_it_is_read(void **state)
{
    struct scratch *x = *state;

    (void)insert_some(x);
    assert_string_equal(
        scratch_ask(x, x->path, "SELECT * FROM leaderboard ORDER BY rank LIMIT 1"),
        "1|depth against width||dataset-1|2|1|completed||accuracy|maximize|0.75|0.01||0.5|2|1|2|"
        "64,32|64,32|tanh|0.333333333333333|sgd|full|30|1002|1.25|2023-11-14T22:13:21.001Z|"
        "{\"layers\": 2, \"learning_rate\": 0.3333333333333333, \"activation\": \"tanh\","
        " \"hidden\": [64, 32], \"nesterov\": true}\n");
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT json_extract(params, '$.hidden[1]')"
                                    "  FROM leaderboard WHERE trial = 1"),
                        "32\n");
}

static void the_summary_counts_and_names_the_best(void **state)
{
    struct scratch *x = *state;

    (void)insert_some(x);
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT name, dataset, state, seed, trials, trials_done,"
                                    " best_trial, best_score, created_at, started_at,"
                                    " elapsed_seconds FROM experiment_summary"),
                        "depth against width|dataset-1|queued|7|12|1|2|0.75|"
                        "2023-11-14T22:13:20.123Z||0.0\n");
}

static void hyperparameters_keep_their_type(void **state)
{
    struct scratch *x = *state;

    (void)insert_some(x);
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT name, value, typeof(value) FROM trial_params"
                                    " WHERE trial = 1"),
                        "layers|2|integer\nlearning_rate|0.5|real\nactivation|relu|text\n"
                        "hidden|64,32|text\nnesterov|1|integer\n");
}

static void folds_show_their_metrics_and_curves(void **state)
{
    struct scratch *x = *state;

    (void)insert_some(x);
    assert_string_equal(scratch_ask(x, x->path, "SELECT * FROM fold_scores WHERE trial = 1"),
                        "1|1|1|1|accuracy|0.99|0.3|3|0.5\n1|1|1|1|log_loss|0.25||3|0.5\n");
    assert_string_equal(scratch_ask(x, x->path, "SELECT * FROM learning_curves WHERE trial = 2"),
                        "1|2|1|1|1|0.5|0.6|0.1|0.01\n1|2|1|1|2|0.25||0.2|0.01\n"
                        "1|2|1|1|3|0.125|0.3|0.3|0.01\n");
}

static void layers_show_their_statistics(void **state)
{
    struct scratch *x = *state;

    (void)insert_some(x);
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT * FROM layer_statistics WHERE trial = 2"
                                    " ORDER BY epoch, layer"),
                        "1|2|1|1|1|1|3|0.01|0\n1|2|1|1|1|2|5|0.1|\n"
                        "1|2|1|1|2|1|2|0.02|0.5\n1|2|1|1|2|2||0.2|\n"
                        "1|2|1|1|3|1|1.0e-07||1\n1|2|1|1|3|2|6|0.3|\n");
}

static void numbers_that_do_not_exist_are_null(void **state)
{
    const struct mlp_statistics x[4] = {{1.0 / 3, 0.5, (double)NAN},
                                        {12345.6, (double)INFINITY, 0.25},
                                        {(double)NAN, 1e-9, 1},
                                        {0, -(double)INFINITY, 0}};
    CLEANUP(buf_finish) struct buf text = {0};

    (void)state;
    store_fold_layers_text(x, 2, 2, &text);
    assert_string_equal(buf_text(&text),
                        "[{\"gradient_norm\":[0.3333,null],\"update_ratio\":[0.5,1e-09],"
                        "\"idle\":[null,1]},{\"gradient_norm\":[1.235e+04,0],"
                        "\"update_ratio\":[null,null],\"idle\":[0.25,0]}]");
}

static void every_column_of_the_schema_has_a_comment(void **state)
{
    struct scratch *x = *state;
    char *tables = scratch_ask(x, x->path,
                               "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT"
                               " LIKE 'sqlite_%'");
    int columns = 0;

    for (char *line = strtok(tables, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "    ", 4) != 0 || line[4] < 'a' || line[4] > 'z')
            continue;
        columns++;
        if (!strstr(line, "-- "))
            fail_msg("no comment: %s", line);
    }
    assert_true(columns > 100);
}

/* ---- export -------------------------------------------------------------------------------- */

static void an_export_holds_one_experiment_and_the_same_views(void **state)
{
    struct scratch *x = *state;
    struct reader *r;
    struct store_opening opening;
    char path[128];
    int64_t id;

    (void)insert_some(x);
    id = insert_some(x);
    (void)snprintf(path, sizeof path, "%s/one? 100%%#.db", x->folder);
    SUCCEED(store_reader_acquire(x->store, &r, &x->e));
    SUCCEED(store_experiment_export(r, id, path, &x->e));
    assert_int_equal(store_experiment_export(r, id, path, &x->e), ERR_CONFLICT);
    store_reader_release(x->store, r);
    check_columns(x, path);
    assert_string_equal(scratch_ask(x, path,
                                    "SELECT experiment_id, dataset, trial, rank, cv_mean"
                                    " FROM leaderboard"),
                        "2|dataset-2|2|1|0.75\n2|dataset-2|1|2|\n");
    assert_string_equal(scratch_ask(x, path, "SELECT count(*) FROM learning_curves"), "6\n");
    assert_string_equal(scratch_ask(x, path, "SELECT count(*) FROM layer_statistics"), "12\n");
    assert_string_equal(scratch_ask(x, path, "SELECT count(*) FROM dataset_column"), "4\n");
    assert_string_equal(scratch_ask(x, path, "SELECT count(*) FROM dataset_chunk"), "0\n");
    scratch_close(x);
    strcpy(x->path, path);
    SUCCEED(store_open(path, NULL, &x->store, &opening, &x->e)); /* it is a database of ours */
    assert_int_equal(opening.schema_before, opening.schema_after);
}

static void exporting_what_does_not_exist_leaves_nothing(void **state)
{
    struct scratch *x = *state;
    char path[128];

    (void)snprintf(path, sizeof path, "%s/none.db", x->folder);
    assert_int_equal(store_experiment_export(x->r, 7, path, &x->e), ERR_NOT_FOUND);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(views_have_the_columns_of_the_contract),
        TEST(the_leaderboard_shows_a_trial_as_it_is_read),
        TEST(the_summary_counts_and_names_the_best),
        TEST(hyperparameters_keep_their_type),
        TEST(folds_show_their_metrics_and_curves),
        TEST(layers_show_their_statistics),
        TEST(numbers_that_do_not_exist_are_null),
        TEST(every_column_of_the_schema_has_a_comment),
        TEST(an_export_holds_one_experiment_and_the_same_views),
        TEST(exporting_what_does_not_exist_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
