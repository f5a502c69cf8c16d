#include "tests/server/store/scratch.h"

static struct trial_record get(struct scratch *x, int64_t experiment, int64_t trial)
{
    struct trial_record t = {0};

    SUCCEED(store_trial_get(x->r, experiment, trial, x->a, &t, &x->e));
    return t;
}

static void a_trial_comes_back_as_it_was_proposed(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct trial_record t;

    scratch_trial(x, id, 3);
    t = get(x, id, 3);
    assert_string_equal(t.state, "queued");
    assert_int_equal(t.rank, 1);
    assert_int_equal(t.params.n, 6);
    assert_string_equal(t.params.items[0].name, "layers");
    assert_int_equal(t.params.items[0].value.kind, VALUE_INT);
    assert_true(params_get(&t.params, "learning_rate")->real == 1.0 / 4);
    assert_string_equal(params_get(&t.params, "activation")->text, "relu");
    assert_int_equal(params_get(&t.params, "hidden")->list.n, 2);
    assert_int_equal(params_get(&t.params, "hidden")->list.items[1], 32);
    assert_int_equal(params_get(&t.params, "nesterov")->kind, VALUE_BOOL);
    assert_true(params_get(&t.params, "nesterov")->boolean);
    assert_int_equal(t.network.layers, 2);
    assert_int_equal(t.network.hidden[0], 64);
    assert_string_equal(t.network.activations[1], "relu");
    assert_string_equal(t.network.optimizer, "sgd");
    assert_int_equal(t.network.batch_size, 0);
    assert_int_equal(t.network.weight_count, 1003);
    assert_true(isnan(t.score));
    assert_string_equal(t.warnings, "[]");
    assert_string_equal(t.configuration_key, "key");
}

static void doubles_keep_every_bit(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct trial_record t;

    scratch_trial(x, id, 6);
    scratch_complete(x, id, 6, 0.1 + 0.2);
    t = get(x, id, 6);
    assert_true(t.score == 0.1 + 0.2);
    assert_true(params_get(&t.params, "learning_rate")->real == 1.0 / 7);
}

static void lists_of_layers_are_kept(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct params none = {0};
    struct trial_proposal p[] = {
        {.trial = 1, .params = &none, .network = {.optimizer = "adam", .epochs = 5}},
        {.trial = 2,
         .params = &none,
         .network = {.layers = 3,
                     .hidden = (const int64_t[]){8, 8, 8},
                     .activations = (const char *const[]){"relu", "tanh", "relu"},
                     .optimizer = "adam",
                     .batch_size = 32}},
        {.trial = 3, .params = &none}, /* others train it */
    };
    struct trial_record t;

    SUCCEED(store_trial_insert(x->store, id, p, 3, &x->e));
    assert_int_equal(get(x, id, 1).network.layers, 0);
    t = get(x, id, 2);
    assert_int_equal(t.network.hidden[2], 8);
    assert_string_equal(t.network.activations[1], "tanh");
    assert_string_equal(t.network.activations[2], "relu");
    assert_int_equal(t.network.batch_size, 32);
    assert_null(get(x, id, 3).network.optimizer);
    assert_string_equal(
        scratch_ask(x, x->path,
                    "SELECT trial, layers, width, hidden, activation, batch_size FROM leaderboard"),
        "1|0||||full\n2|3|8|8,8,8|relu,tanh,relu|32\n3|||||\n");
}

static void proposals_are_stored_all_or_none(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct params none = {0};
    struct trial_proposal p[] = {{.trial = 2, .params = &none}, {.trial = 1, .params = &none}};
    struct trial_record t;

    scratch_trial(x, id, 1);
    assert_int_equal(store_trial_insert(x->store, id, p, 2, &x->e), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, "trial 1"));
    assert_int_equal(store_trial_get(x->r, id, 2, x->a, &t, &x->e), ERR_NOT_FOUND);
    assert_int_equal(store_trial_insert(x->store, 99, p, 1, &x->e), ERR_NOT_FOUND);
}

static void closing_a_trial_twice_is_a_conflict(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct trial_finish f = scratch_finish("failed", (double)NAN);

    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.5);
    assert_int_equal(store_trial_finish(x->store, id, 1, &f, &x->e), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, "completed"));
    assert_int_equal(store_trial_set_state(x->store, id, 1, "running", 5, &x->e), ERR_CONFLICT);
    assert_int_equal(store_trial_finish(x->store, id, 2, &f, &x->e), ERR_NOT_FOUND);
    assert_string_equal(get(x, id, 1).state, "completed");
    assert_true(get(x, id, 1).score == 0.5);
}

static void a_number_that_does_not_exist_is_never_stored(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "minimize");
    struct trial_finish f = scratch_finish("failed", (double)INFINITY);

    f.reason = "diverged";
    f.error = "fold 1: loss is not finite in epoch 3";
    scratch_trial(x, id, 1);
    SUCCEED(store_trial_finish(x->store, id, 1, &f, &x->e));
    assert_true(isnan(get(x, id, 1).score));
    assert_string_equal(get(x, id, 1).reason, "diverged");
    assert_string_equal(
        scratch_ask(x, x->path, "SELECT typeof(cv_mean), typeof(cv_sem), cv_std FROM leaderboard"),
        "null|null|0.01\n");
}

static void all_metrics_of_a_trial_are_kept(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct trial_finish f = scratch_finish("completed", 0.5);
    struct trial_record t;

    f.n_scores = 2;
    f.scores = (const struct trial_score[]){{"log_loss", 0.25, (double)NAN, 0.125},
                                            {"accuracy", 0.5, 0.1, 0.9}};
    f.warnings = "[\"fold 2 is slow\"]";
    f.reused_experiment = 4;
    f.reused_trial = 5;
    scratch_trial(x, id, 1);
    SUCCEED(store_trial_set_state(x->store, id, 1, "running", 77, &x->e));
    SUCCEED(store_trial_finish(x->store, id, 1, &f, &x->e));
    t = get(x, id, 1);
    assert_int_equal(t.n_scores, 2);
    assert_string_equal(t.scores[0].metric, "log_loss");
    assert_true(isnan(t.scores[0].std));
    assert_true(t.scores[1].train_mean == 0.9);
    assert_string_equal(t.warnings, "[\"fold 2 is slow\"]");
    assert_int_equal(t.reused_trial, 5);
    assert_int_equal(t.started_at_ms, 77);
}

/* ---- folds --------------------------------------------------------------------------------- */

static void a_fold_comes_back_as_it_was(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_record *folds;
    size_t n;

    scratch_trial(x, id, 1);
    scratch_insert_fold(x, id, 1, 2);
    scratch_insert_fold(x, id, 1, 1);
    SUCCEED(store_fold_list(x->r, id, 1, x->a, &n, &folds, &x->e));
    assert_int_equal(n, 2);
    assert_int_equal(folds[0].fold, 1);
    assert_int_equal(folds[1].n_metrics, 2);
    assert_string_equal(folds[1].metrics[0].metric, "accuracy");
    assert_true(folds[1].metrics[0].validation == 0.1 + 0.2);
    assert_true(isnan(folds[1].metrics[1].validation));
    assert_string_equal(folds[1].weights_hash, "00ff");
    assert_null(folds[1].error);
    SUCCEED(store_fold_curves(x->r, id, 1, x->a, &n, &folds, &x->e));
    assert_int_equal(n, 2);
    assert_string_equal(folds[0].curves.validation_loss, "[0.6,null,0.3]");
    assert_ptr_equal(strstr(folds[0].curves.layers, "[{\"gradient_norm\":[3,2,1e-07],"),
                     folds[0].curves.layers);
    assert_int_equal(get(x, id, 1).folds_done, 2);
}

static void storing_a_fold_twice_changes_nothing(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_metric metrics[2];
    struct fold_record f = scratch_fold(id, 1, 1, metrics);

    scratch_trial(x, id, 1);
    SUCCEED(store_fold_insert(x->store, &f, &x->e));
    f.seconds = 99;
    f.kernel = "avx2";
    f.finished_at_ms++;
    SUCCEED(store_fold_insert(x->store, &f, &x->e));
    scratch_complete(x, id, 1, 0.5);
    SUCCEED(store_fold_insert(x->store, &f, &x->e));
    assert_int_equal(get(x, id, 1).folds_done, 1);
    assert_string_equal(scratch_ask(x, x->path, "SELECT seconds, kernel FROM fold"),
                        "0.5|reference\n");
}

static void another_result_of_a_fold_is_a_conflict(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_metric metrics[2];
    struct fold_record f = scratch_fold(id, 1, 1, metrics);

    scratch_trial(x, id, 1);
    SUCCEED(store_fold_insert(x->store, &f, &x->e));
    metrics[0].validation = nextafter(metrics[0].validation, 1);
    assert_int_equal(store_fold_insert(x->store, &f, &x->e), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, "another result"));
    f = scratch_fold(id, 1, 1, metrics);
    f.n_metrics = 1;
    assert_int_equal(store_fold_insert(x->store, &f, &x->e), ERR_CONFLICT);
    f = scratch_fold(id, 1, 1, metrics);
    f.curves.train_loss = "[0.5,0.25,0.126]";
    assert_int_equal(store_fold_insert(x->store, &f, &x->e), ERR_CONFLICT);
    f = scratch_fold(id, 1, 1, metrics);
    f.curves.layers = "[]";
    assert_int_equal(store_fold_insert(x->store, &f, &x->e), ERR_CONFLICT);
}

static void a_fold_of_a_trial_that_has_ended_is_refused(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_metric metrics[2];
    struct fold_record f = scratch_fold(id, 1, 1, metrics);

    assert_int_equal(store_fold_insert(x->store, &f, &x->e), ERR_NOT_FOUND);
    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.5);
    assert_int_equal(store_fold_insert(x->store, &f, &x->e), ERR_CONFLICT);
    assert_string_equal(scratch_ask(x, x->path, "SELECT count(*) FROM fold"), "0\n");
}

static void a_fold_tells_when_its_trial_was_started_unless_that_is_known(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_metric metrics[2];
    struct fold_record f;

    for (int64_t trial = 1; trial <= 3; trial++) {
        scratch_trial(x, id, trial);
        if (trial == 2)
            SUCCEED(store_trial_set_state(x->store, id, trial, "running", 1700000000100, &x->e));
        f = scratch_fold(id, trial, 1, metrics);
        f.started_at_ms = trial < 3 ? 1700000000200 : 0;
        SUCCEED(store_fold_insert(x->store, &f, &x->e));
    }
    assert_string_equal(get(x, id, 1).state, "running");
    assert_int_equal(get(x, id, 1).started_at_ms, 1700000000200);
    assert_string_equal(get(x, id, 2).state, "running");
    assert_int_equal(get(x, id, 2).started_at_ms, 1700000000100);
    assert_string_equal(get(x, id, 3).state, "queued");
    assert_int_equal(get(x, id, 3).started_at_ms, 0);
}

static struct trial_finish prune(double loss, int64_t folds, double p)
{
    struct trial_finish f = scratch_finish("pruned", (double)NAN);

    f.reason = "raced_out";
    f.error = "after 1 of 2 folds its chance was small";
    f.search_loss = loss;
    f.race_folds = folds;
    f.race_p = p;
    return f;
}

static void a_pruned_trial_may_get_another_fold_and_end_again(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "minimize");
    struct trial_finish first = prune(0.75, 1, 0.05), second = prune(9, 2, 0.02);
    struct trial_finish last = scratch_finish("completed", 0.5);
    struct experiment_progress progress;

    second.was_pruned = last.was_pruned = true;
    scratch_trial(x, id, 1);
    scratch_insert_fold(x, id, 1, 2);
    SUCCEED(store_trial_finish(x->store, id, 1, &first, &x->e));
    SUCCEED(store_experiment_progress(x->r, id, &progress, &x->e));
    assert_int_equal(progress.pruned, 1);
    assert_int_equal(progress.folds_of_pruned, 1);
    assert_int_equal(store_trial_finish(x->store, id, 1, &first, &x->e), ERR_CONFLICT);
    scratch_insert_fold(x, id, 1, 1);
    SUCCEED(store_trial_finish(x->store, id, 1, &second, &x->e));
    assert_string_equal(
        scratch_ask(x, x->path,
                    "SELECT state, search_loss, race_folds, race_p, folds_done FROM trial"),
        "pruned|0.75|1|0.02|2\n");
    SUCCEED(store_trial_finish(x->store, id, 1, &last, &x->e));
    assert_true(get(x, id, 1).search_loss == 0.75);
    assert_int_equal(get(x, id, 1).race_folds, 1);
    assert_int_equal(get(x, id, 1).rank, 1);
    assert_null(get(x, id, 1).error);
    assert_int_equal(store_trial_finish(x->store, id, 1, &last, &x->e), ERR_CONFLICT);
}

static void a_trial_that_was_never_stopped_has_nothing_of_it(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "minimize");

    scratch_trial(x, id, 1);
    scratch_complete(x, id, 1, 0.5);
    assert_true(isnan(get(x, id, 1).search_loss));
    assert_int_equal(get(x, id, 1).race_folds, 0);
    assert_string_equal(scratch_ask(x, x->path, "SELECT typeof(race_p) FROM trial"), "null\n");
}

static void a_pruner_finds_the_scores_of_all_folds(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_metric metrics[2];
    struct fold_score *folds;
    struct fold_record bad;
    size_t n;

    for (int64_t i = 1; i <= 2; i++) {
        scratch_trial(x, id, i);
        scratch_insert_fold(x, id, i, 2);
    }
    bad = scratch_fold(id, 2, 1, metrics);
    bad.state = "failed";
    SUCCEED(store_fold_insert(x->store, &bad, &x->e));
    scratch_complete(x, id, 1, 0.5);
    SUCCEED(store_fold_scores(x->r, id, "accuracy", x->a, &n, &folds, &x->e));
    assert_int_equal(n, 3);
    assert_true(folds[0].trial == 1 && folds[0].fold == 2 && folds[0].score == 0.1 + 0.2);
    assert_true(folds[1].trial == 2 && folds[1].fold == 1 && isnan(folds[1].score));
    assert_true(folds[2].trial == 2 && folds[2].fold == 2 && folds[2].score == 0.1 + 0.2);
}

static void a_curve_is_written_with_nine_digits(void **state)
{
    const double curve[] = {0.6931471805599453, 1e-20, (double)NAN, 3, (double)-INFINITY};
    struct buf out = {0};
    double back[9];

    (void)state;
    store_fold_curve_text(curve, 5, &out);
    assert_string_equal(buf_text(&out), "[0.693147181,1e-20,null,3,null]");
    assert_int_equal(store_fold_curve_read(buf_text(&out), 9, back), 5);
    assert_true(back[0] == 0.693147181 && back[1] == 1e-20 && isnan(back[2]) && back[3] == 3 &&
                isnan(back[4]));
    assert_int_equal(store_fold_curve_read(buf_text(&out), 2, back), 2);
    assert_int_equal(store_fold_curve_read("[]", 9, back), 0);
    assert_int_equal(store_fold_curve_read(NULL, 9, back), 0);
    buf_clear(&out);
    store_fold_curve_text(curve, 0, &out);
    assert_string_equal(buf_text(&out), "[]");
    buf_finish(&out);
}

static void a_cut_fold_gives_way_to_itself_trained_to_its_end(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "minimize");
    struct fold_metric metrics[2];
    struct fold_record f = scratch_fold(id, 1, 1, metrics);
    struct error e;

    scratch_trial(x, id, 1);
    f.cut = true;
    f.epochs = f.epochs_run = 3;
    assert_int_equal(store_fold_insert(x->store, &f, &e), ERR_OK);
    assert_int_equal(store_fold_insert(x->store, &f, &e), ERR_OK); /* the same again */
    f.epochs = f.epochs_run = 9;
    assert_int_equal(store_fold_insert(x->store, &f, &e), ERR_CONFLICT);
    f.cut = false;
    assert_int_equal(store_fold_insert(x->store, &f, &e), ERR_OK);
    assert_string_equal(scratch_ask(x, x->path, "SELECT epochs_run, cut FROM fold"), "9|\n");
    assert_string_equal(scratch_ask(x, x->path, "SELECT folds_done FROM trial"), "1\n");
    f.cut = true;
    assert_int_equal(store_fold_insert(x->store, &f, &e), ERR_CONFLICT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_trial_comes_back_as_it_was_proposed),
        TEST(a_cut_fold_gives_way_to_itself_trained_to_its_end),
        TEST(doubles_keep_every_bit),
        TEST(lists_of_layers_are_kept),
        TEST(proposals_are_stored_all_or_none),
        TEST(closing_a_trial_twice_is_a_conflict),
        TEST(a_number_that_does_not_exist_is_never_stored),
        TEST(all_metrics_of_a_trial_are_kept),
        TEST(a_fold_comes_back_as_it_was),
        TEST(storing_a_fold_twice_changes_nothing),
        TEST(another_result_of_a_fold_is_a_conflict),
        TEST(a_fold_of_a_trial_that_has_ended_is_refused),
        TEST(a_fold_tells_when_its_trial_was_started_unless_that_is_known),
        TEST(a_pruned_trial_may_get_another_fold_and_end_again),
        TEST(a_trial_that_was_never_stopped_has_nothing_of_it),
        TEST(a_pruner_finds_the_scores_of_all_folds),
        TEST(a_curve_is_written_with_nine_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
