#include "tests/server/store/scratch.h"

static struct fold_content content_of(int64_t experiment, int64_t trial, int64_t fold)
{
    return (struct fold_content){.configuration_key = "key",
                                 .repeat = 1,
                                 .fold = fold,
                                 .engine = "1",
                                 .experiment = experiment,
                                 .trial = trial};
}

static bool find(struct scratch *x, const struct fold_content *content, struct fold_record *out)
{
    bool found = false;

    SUCCEED(store_fold_find(store_writer(x->store), content, x->a, out, &found, &x->e));
    return found;
}

static bool is_known(struct scratch *x, const char *key, int64_t experiment, int64_t trial)
{
    bool known = false;

    SUCCEED(store_trial_is_known(store_writer(x->store), key, experiment, trial, &known, &x->e));
    return known;
}

static void a_trial_is_known_once_another_of_its_key_has_a_fold(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");

    scratch_trial(x, id, 1);
    scratch_trial(x, id, 2);
    assert_false(is_known(x, "key", id, 2));
    scratch_insert_fold(x, id, 1, 1);
    assert_true(is_known(x, "key", id, 2));
    assert_false(is_known(x, "key", id, 1));
    assert_false(is_known(x, "another key", id, 2));
}

static void a_found_fold_has_everything_that_was_stored(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_content content = content_of(id, 2, 1);
    struct fold_record f, copy;
    struct fold_metric metrics[2];

    scratch_trial(x, id, 1);
    scratch_trial(x, id, 2);
    scratch_insert_fold(x, id, 1, 1);
    assert_true(find(x, &content, &f));
    assert_int_equal(f.trial, 1);
    copy = f;
    copy.trial = 2;
    copy.reused_experiment = id;
    copy.reused_trial = 1;
    SUCCEED(store_fold_insert(x->store, &copy, &x->e));
    copy = scratch_fold(id, 2, 1, metrics); /* what the training would have given */
    SUCCEED(store_fold_insert(x->store, &copy, &x->e));
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT trial, reused_experiment, reused_trial FROM fold"
                                    " ORDER BY trial"),
                        "1||\n2|1|1\n");
}

static void the_lowest_experiment_and_trial_is_taken(void **state)
{
    struct scratch *x = *state;
    int64_t first = scratch_experiment(x, "maximize"), second = scratch_experiment(x, "maximize");
    struct fold_content content = content_of(second, 2, 1);
    struct fold_record f;

    scratch_trial(x, second, 1);
    scratch_trial(x, second, 2);
    scratch_trial(x, first, 2);
    scratch_trial(x, first, 1);
    scratch_insert_fold(x, second, 1, 1);
    scratch_insert_fold(x, first, 2, 1);
    scratch_insert_fold(x, first, 1, 2);
    assert_true(find(x, &content, &f));
    assert_int_equal(f.experiment, first);
    assert_int_equal(f.trial, 2);
}

static void other_engines_and_errors_are_not_found_but_divergence_is(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct fold_content content = content_of(id, 2, 1);
    struct fold_metric metrics[2];
    struct fold_record f;

    scratch_trial(x, id, 1);
    f = scratch_fold(id, 1, 1, metrics);
    f.state = "failed";
    f.error = "out of memory";
    f.epochs_run = 0;
    SUCCEED(store_fold_insert(x->store, &f, &x->e));
    assert_false(find(x, &content, &f));
    f = scratch_fold(id, 1, 2, metrics);
    f.state = "failed";
    f.error = "loss is not finite in epoch 3";
    SUCCEED(store_fold_insert(x->store, &f, &x->e));
    content.fold = 2;
    content.engine = "2";
    assert_false(find(x, &content, &f));
    content.engine = "1";
    assert_true(find(x, &content, &f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_trial_is_known_once_another_of_its_key_has_a_fold),
        TEST(a_found_fold_has_everything_that_was_stored),
        TEST(the_lowest_experiment_and_trial_is_taken),
        TEST(other_engines_and_errors_are_not_found_but_divergence_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
