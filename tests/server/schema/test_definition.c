#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/server/schema/iris.h"

static const struct definition_facts diabetes = {
    .dataset_id = 2,
    .dataset_name = "diabetes",
    .task = TASK_REGRESSION,
    .n_rows = 442,
    .rarest_share = 1,
};

/* One decoding; the arena holds what came out. */
struct fixture {
    struct arena *arena;
    struct faults faults;
    struct definition *d;
    struct error e;
};

/* Objects below leave out the data set where it is of no matter. */
static enum err decode(struct fixture *f, const char *text, const struct definition_facts *facts)
{
    struct buf whole = {0};
    enum err answer;

    if (text[0] == '{' && !strstr(text, "\"dataset\"")) {
        buf_printf(&whole, "{\"dataset\": \"%s\"%s", facts->dataset_name,
                   text[1] == '}' ? "" : ", ");
        buf_puts(&whole, text + 1);
    } else {
        buf_puts(&whole, text);
    }
    arena_reset(f->arena);
    f->d = NULL;
    answer = definition_decode(whole.data, whole.length, facts, f->arena, &f->faults, &f->d, &f->e);
    buf_finish(&whole);
    return answer;
}

static const struct definition *good(struct fixture *f, const char *text,
                                     const struct definition_facts *facts)
{
    if (decode(f, text, facts) != ERR_OK)
        fail_msg("%s: %s", text, f->e.message);
    return f->d;
}

static void write(const struct definition *d, struct buf *out)
{
    struct json j;

    buf_clear(out);
    json_init(&j, out);
    definition_write(d, &j, NULL);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    return f ? (int)arena_create(4096, &f->arena, &f->e) : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_destroy(f->arena);
    free(f);
    return 0;
}

/* ---- what is right ------------------------------------------------------------------------- */

static void the_data_set_alone_is_a_whole_definition(void **state)
{
    const struct definition *d = good(*state, "{\"dataset\": \"iris\"}", &iris);
    struct buf b = {0};

    assert_string_equal(d->metric->name, "accuracy");
    assert_string_equal(d->sampler->name, "tpe");
    assert_int_equal(d->planned_trials, 100);
    write(d, &b);
    assert_string_equal(
        buf_text(&b),
        "{\n"
        "  \"name\": null,\n"
        "  \"dataset\": \"iris\",\n"
        "  \"metric\": \"accuracy\",\n"
        "  \"sampler\": {\"kind\": \"tpe\"},\n"
        "  \"pruner\": {\"kind\": \"racing\", \"alpha\": 0.1, \"revisit\": true, \"epochs\": "
        "false},\n"
        "  \"budget\": {\"trials\": 100, \"seconds\": null, \"trial_weights\": null, "
        "\"trial_seconds\": null},\n"
        "  \"space\": {\n"
        "    \"layers\": {\"min\": 1, \"max\": 4, \"scale\": \"linear\"},\n"
        "    \"width\": {\"min\": 16, \"max\": 128, \"scale\": \"log\"},\n"
        "    \"activation\": [\"relu\", \"silu\", \"tanh\"],\n"
        "    \"optimizer\": \"adamw\",\n"
        "    \"learning_rate\": {\"min\": 0.0003, \"max\": 0.03, \"scale\": \"log\"},\n"
        "    \"weight_decay\": {\"min\": 1e-05, \"max\": 1, \"scale\": \"log\"},\n"
        "    \"dropout\": {\"min\": 0, \"max\": 0.4, \"scale\": \"linear\", \"step\": 0.1},\n"
        "    \"scaling\": [\"standard\", \"quantile\"],\n"
        "    \"epochs\": 200,\n"
        "    \"early_stopping\": 20\n"
        "  },\n"
        "  \"require\": [],\n"
        "  \"enqueue\": [],\n"
        "  \"stop_when\": {\"target\": null, \"patience\": null},\n"
        "  \"cross_validation\": {\"kind\": \"stratified_kfold\", \"folds\": 5, \"repeats\": 1, "
        "\"shuffle\": true},\n"
        "  \"select\": \"best\",\n"
        "  \"sealed\": null,\n"
        "  \"concurrency\": 8,\n"
        "  \"seed\": 1,\n"
        "  \"precision\": \"float32\",\n"
        "  \"tags\": [],\n"
        "  \"notes\": \"\",\n"
        "  \"priority\": 0,\n"
        "  \"start\": true\n"
        "}\n");
    buf_finish(&b);
    assert_string_equal(good(*state, "{}", &diabetes)->metric->name, "r2");
}

static void a_rare_class_makes_balanced_accuracy_decide(void **state)
{
    struct definition_facts facts = iris;

    facts.rarest_share = 0.099;
    assert_string_equal(good(*state, "{}", &facts)->metric->name, "balanced_accuracy");
    facts.rarest_share = 0.1;
    assert_string_equal(good(*state, "{}", &facts)->metric->name, "accuracy");
}

static void the_example_of_the_contract_has_48_trials(void **state)
{
    const struct definition *d =
        good(*state,
             "{\"name\": \"digits: depth against width\", \"dataset\": \"digits\", \"metric\": "
             "\"accuracy\", \"sampler\": \"grid\", \"space\": {\"layers\": [1, 2], \"width\": [32, "
             "64, 128], \"activation\": [\"relu\", \"tanh\"], \"learning_rate\": {\"min\": 1e-4, "
             "\"max\": 1e-1, \"scale\": \"log\", \"points\": 4}, \"epochs\": 30}, "
             "\"cross_validation\": {\"kind\": \"stratified_kfold\", \"folds\": 5}, \"seed\": 7}",
             &iris);

    assert_int_equal(d->planned_trials, 48);
    assert_int_equal(d->trials, 48);
    assert_false(d->shuffle);
    assert_int_equal(d->seed_folds, 7);
    assert_int_equal(d->split.seed, 7);
    assert_int_equal(d->seed_training, 7);
}

static void per_layer_makes_a_dimension_for_every_layer(void **state)
{
    const struct definition *d =
        good(*state,
             "{\"space\": {\"layers\": [1, 2, 3], \"width\": {\"choices\": [8, 16], \"per_layer\": "
             "true}}}",
             &iris);

    assert_string_equal(d->sampler->name, "grid");
    assert_int_equal(d->planned_trials, 2 + 4 + 8);
    assert_int_equal(d->n_expanded, 4);
    assert_string_equal(d->expanded[3].name, "width_3");
}

static void unused_dimensions_do_not_multiply_a_grid(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(good(f,
                          "{\"space\": {\"optimizer\": [\"adam\", \"sgd\"], "
                          "\"momentum\": [0, 0.5, 0.9]}}",
                          &iris)
                         ->planned_trials,
                     4);
    assert_int_equal(f->d->n_warnings, 0);
    good(f, "{\"space\": {\"momentum\": [0, 0.5, 0.9]}}", &iris);
    assert_int_equal(f->d->planned_trials, 1);
    assert_int_equal(f->d->n_warnings, 1);
    assert_string_equal(f->d->warnings[0], "no trial uses momentum: it needs optimizer sgd");
    good(f, "{\"space\": {\"optimizer\": \"lbfgs\", \"learning_rate\": 0.1}}", &iris);
    assert_string_equal(f->d->warnings[0], "no trial uses learning_rate: it needs optimizer adam, "
                                           "adamw, nadam, sgd, adagrad, rmsprop or adadelta");
    good(f, "{\"space\": {\"optimizer\": [\"lbfgs\", \"sgd\"], \"learning_rate\": 0.1}}", &iris);
    assert_int_equal(f->d->n_warnings, 0);
    good(f, "{\"space\": {\"layers\": 1, \"width_2\": [8, 16]}}", &iris);
    assert_string_equal(f->d->warnings[0], "no trial uses width_2: no network has so many layers");
}

static void whole_architectures_stand_in_place_of_layers_and_width(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        good(f, "{\"space\": {\"hidden\": [[], [64], [128, 64]]}}", &iris)->planned_trials, 3);
    assert_int_equal(good(f, "{\"space\": {\"hidden\": [64, 32]}}", &iris)->planned_trials, 1);
    assert_int_equal(good(f, "{\"space\": {\"hidden\": []}}", &iris)->planned_trials, 1);
    assert_int_equal(good(f,
                          "{\"space\": {\"hidden\": [[64], [64, 32]], \"activation\": "
                          "{\"choices\": [\"relu\", \"tanh\"], \"per_layer\": true}}}",
                          &iris)
                         ->planned_trials,
                     2 + 4);
}

static void the_params_of_a_trial_can_be_given_back_as_a_space(void **state)
{
    struct fixture *f = *state;
    const struct definition *d =
        good(f,
             "{\"space\": {\"layers\": 2, \"width_1\": 64, \"width_2\": 32, \"activation\": "
             "\"tanh\", \"learning_rate\": 0.003}}",
             &iris);

    assert_int_equal(d->planned_trials, 1);
    assert_int_equal(d->n_warnings, 0);
}

static void a_budget_below_the_grid_takes_a_mixed_sample(void **state)
{
    struct fixture *f = *state;

    good(f,
         "{\"sampler\": \"grid\", \"budget\": {\"trials\": 10}, \"space\": {\"width\": "
         "{\"min\": 1, \"max\": 1000}, \"epochs\": {\"min\": 1, \"max\": 1000}}}",
         &iris);
    assert_int_equal(f->d->planned_trials, 10);
    assert_true(f->d->shuffle);
    good(f, "{\"budget\": {\"trials\": 10}, \"space\": {\"width\": [1, 2, 3]}}", &iris);
    assert_string_equal(f->d->sampler->name, "grid");
    assert_int_equal(f->d->planned_trials, 3);
    assert_int_equal(f->d->trials, 10);
    assert_false(f->d->shuffle);
}

static void data_with_folds_and_test_rows_is_split_as_it_says(void **state)
{
    struct definition_facts facts = iris;
    const struct definition *d;

    facts.n_folds = 4;
    facts.n_test_rows = 30;
    d = good(*state, "{}", &facts);
    assert_int_equal(d->split.kind, SPLIT_PREDEFINED);
    assert_true(d->sealed_split);
}

/* ---- identity ------------------------------------------------------------------------------ */

static void writing_and_decoding_is_identity(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"name\": \"n\", \"tags\": [\"a\", \"b\"], \"notes\": \"x\\ny\", \"priority\": -3, "
        "\"start\": false, \"concurrency\": 2}",
        "{\"seed\": {\"folds\": 3, \"training\": 9007199254740991}}",
        "{\"sealed\": {\"fraction\": 0.25}, \"cross_validation\": \"kfold\"}",
        "{\"cross_validation\": {\"kind\": \"holdout\", \"test_fraction\": 0.3, \"repeats\": 3}}",
        "{\"cross_validation\": {\"kind\": \"kfold\", \"folds\": 3, \"shuffle\": false}}",
        "{\"cross_validation\": {\"kind\": \"shuffle_split\", \"test_fraction\": 0.3}}",
        "{\"cross_validation\": \"leave_one_out\"}",
        "{\"space\": {}}",
        "{\"space\": {\"hidden\": [[], [3], [4, 5]], \"l2\": {\"min\": 0, \"max\": 0.4, \"step\": "
        "0.1}}}",
        "{\"space\": {\"hidden\": []}, \"sampler\": {\"kind\": \"random\"}}",
        "{\"space\": {\"hidden\": [7]}}",
        "{\"space\": {\"batch_size\": [16, \"auto\", \"full\"], \"nesterov\": [true, false], "
        "\"optimizer\": \"sgd\", \"momentum\": 0.1}}",
        "{\"space\": {\"layers\": {\"min\": 0, \"max\": 3}, \"width\": {\"min\": 4, \"max\": 64, "
        "\"scale\": \"log\", \"points\": 3, \"per_layer\": true}, \"activation\": {\"choices\": "
        "[\"relu\"], \"per_layer\": true}}, \"budget\": {\"trials\": 5}}",
        "{\"sampler\": {\"kind\": \"grid\", \"shuffle\": true}, \"space\": {\"epochs\": [1, 2]}}",
        "{\"stop_when\": null, \"require\": [], \"enqueue\": [], \"budget\": {\"seconds\": null}}",
    };
    struct fixture *f = *state;
    struct buf once = {0}, twice = {0};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct definition first;

        write(good(f, texts[i], &iris), &once);
        first = *f->d;
        write(good(f, buf_text(&once), &iris), &twice);
        assert_string_equal(buf_text(&once), buf_text(&twice));
        assert_int_equal(first.planned_trials, f->d->planned_trials);
        assert_int_equal(first.shuffle, f->d->shuffle);
        assert_ptr_equal(first.sampler, f->d->sampler);
        assert_int_equal(first.n_expanded, f->d->n_expanded);
    }
    buf_finish(&once);
    buf_finish(&twice);
}

/* ---- what is wrong ------------------------------------------------------------------------- */

#define CLASSIFICATION_METRICS                                                                     \
    "accuracy, balanced_accuracy, f1_macro, f1, precision, recall, mcc, roc_auc, "                 \
    "average_precision, log_loss, brier"

static const struct {
    const char *text, *pointer, *detail;
} broken[] = {
    {"{\"metrc\": \"accuracy\"}", "/metrc", "metrc: unknown key; did you mean metric?"},
    {"{\"metric\": \"r2\"}", "/metric",
     "metric \"r2\" is for regression; the task of data set \"iris\" is classification"},
    {"{\"metric\": \"beauty\"}", "/metric",
     "metric \"beauty\": no such choice; known: " CLASSIFICATION_METRICS},
    {"{\"metric\": \"acuracy\"}", "/metric",
     "metric \"acuracy\": did you mean \"accuracy\"? known: " CLASSIFICATION_METRICS},
    {"{\"metric\": 3}", "/metric", "metric: expected one of " CLASSIFICATION_METRICS ", got 3"},
    {"{\"sampler\": {\"kind\": \"gird\"}}", "/sampler/kind",
     "sampler \"gird\": did you mean \"grid\"? known: grid, random, sobol, tpe, "
     "gp, cma_es, auto"},
    {"{\"sampler\": {\"shuffle\": true}}", "/sampler", "sampler: \"kind\" is missing"},
    {"{\"sampler\": {\"kind\": \"random\", \"shuffle\": true}}", "/sampler",
     "shuffle is for sampler \"grid\""},
    {"{\"sampler\": {\"kind\": \"grid\", \"shufle\": true}}", "/sampler/shufle",
     "shufle: unknown key; did you mean shuffle?"},
    {"{\"sampler\": \"grid\"}", "/space/learning_rate",
     "learning_rate: a grid needs \"points\" or \"step\" to take levels from a range of reals"},
    {"{\"sampler\": \"grid\", \"space\": {\"width\": {\"min\": 1, \"max\": 60000}, \"epochs\": [1, "
     "2]}}",
     "/budget/trials",
     "the grid has 120000 points, above 100000: give budget.trials, which takes a sample of it, or "
     "fewer values"},
    {"{\"sampler\": {\"kind\": \"grid\", \"shuffle\": false}, \"budget\": {\"trials\": 1}, "
     "\"space\": {\"epochs\": [1, 2]}}",
     "/sampler/shuffle",
     "a budget of 1 trials takes a sample of the grid's 2 points, mixed by seed: shuffle must be "
     "true"},
    {"{\"budget\": {\"trials\": 0}}", "/budget/trials",
     "trials 0 is below 1; expected 1 to 1000000"},
    {"{\"budget\": {\"trials\": 1.5}}", "/budget/trials", "trials: expected an integer, got 1.5"},
    {"{\"budget\": {\"seconds\": 0}}", "/budget/seconds",
     "seconds 0 is below 0.1; expected 0.1 to 1000000000"},
    {"{\"budget\": 100}", "/budget", "budget: expected an object, got 100"},
    {"{\"stop_when\": {\"patience\": 0}}", "/stop_when/patience",
     "patience 0 is below 1; expected 1 to 1000000"},
    {"{\"select\": \"one_standard_error\"}", "/select",
     "select \"one_standard_error\": not in this build; known: best"},
    {"{\"precision\": \"bf16\"}", "/precision",
     "precision \"bf16\": not in this build; known: float32"},
    {"{\"concurrency\": 0}", "/concurrency", "concurrency 0 is below 1; expected 1 to 1024"},
    {"{\"priority\": 11}", "/priority", "priority 11 is above 10; expected -10 to 10"},
    {"{\"seed\": -1}", "/seed", "seed -1 is below 0; expected 0 to 9007199254740991"},
    {"{\"seed\": 9007199254740993}", "/seed",
     "seed 9007199254740992 is above 9007199254740991; expected 0 to 9007199254740991"},
    {"{\"seed\": {\"serach\": 1}}", "/seed/serach", "serach: unknown key; did you mean search?"},
    {"{\"tags\": \"a\"}", "/tags", "tags: expected a list of texts, got \"a\""},
    {"{\"name\": \"\"}", "/name", "name: a text is needed, this one is too short"},
    {"{\"start\": \"no\"}", "/start", "start: expected true or false, got \"no\""},
    {"{\"sealed\": \"split\"}", "/sealed",
     "sealed \"split\" needs a data set with test rows in a split column"},
    {"{\"sealed\": {\"fraction\": 1}}", "/sealed/fraction",
     "fraction 1 is above 0.9; expected 0.001 to 0.9"},
    {"{\"sealed\": {}}", "/sealed", "fraction is missing: share of the rows to set aside"},
    {"{\"cross_validation\": {\"kind\": \"group_kfold\"}}", "/cross_validation/kind",
     "kind \"group_kfold\" needs a data set with a group column"},
    {"{\"cross_validation\": \"time_series\"}", "/cross_validation",
     "kind \"time_series\" needs a data set with a time column"},
    {"{\"cross_validation\": {\"kind\": \"kflod\"}}", "/cross_validation/kind",
     "kind \"kflod\": did you mean \"kfold\"? known: kfold, stratified_kfold, group_kfold, "
     "stratified_group_kfold, time_series, predefined, leave_one_group_out, shuffle_split, "
     "leave_one_out, holdout"},
    {"{\"cross_validation\": {\"folds\": 1}}", "/cross_validation/folds",
     "folds 1 is below 2; expected 2 to 10000"},
    {"{\"cross_validation\": {\"folds\": 151}}", "/cross_validation/folds",
     "folds 151 is above the data set's 150 rows"},
    {"{\"cross_validation\": {\"kind\": \"kfold\", \"folds\": 150, \"repeats\": 1000}}",
     "/cross_validation/repeats",
     "folds 150 times repeats 1000 are 150000 folds per trial, above 100000"},
    {"{\"cross_validation\": {\"kind\": \"predefined\"}}", "/cross_validation/kind",
     "kind \"predefined\" needs a data set with a fold column"},
    {"{\"cross_validation\": {\"kind\": \"holdout\", \"folds\": 3}}", "/cross_validation/folds",
     "folds is not used by kind \"holdout\""},
    {"{\"cross_validation\": {\"repeats\": 2, \"shuffle\": false}}", "/cross_validation/repeats",
     "repeats above 1 need \"shuffle\": true; else every repeat is the same"},
    {"{\"cross_validation\": {\"gap\": 2}}", "/cross_validation/gap",
     "gap is not used by kind \"stratified_kfold\""},
    {"{\"cross_validation\": {\"kind\": \"shuffle_split\", \"repeats\": 2}}",
     "/cross_validation/repeats", "repeats is not used by kind \"shuffle_split\""},
    {"{\"space\": [1]}", "/space", "space: expected an object, got [1]"},
    {"{\"space\": {\"widht\": 5}}", "/space/widht",
     "widht: no such hyperparameter; did you mean width?"},
    {"{\"space\": {\"learning_rate\": {\"min\": 1e-4, \"max\": 3.5e7}}}",
     "/space/learning_rate/max",
     "learning_rate 35000000 is above 1000000; expected above 0 to 1000000"},
    {"{\"space\": {\"learning_rate\": {\"min\": 0, \"max\": 1}}}", "/space/learning_rate/min",
     "learning_rate 0 is not above 0; expected above 0 to 1000000"},
    {"{\"space\": {\"learning_rate\": {\"min\": 1, \"max\": 0.1}}}", "/space/learning_rate",
     "learning_rate: min 1 is above max 0.1"},
    {"{\"space\": {\"learning_rate\": {\"min\": 1}}}", "/space/learning_rate",
     "learning_rate: a range needs \"min\" and \"max\", a choice \"choices\""},
    {"{\"space\": {\"l2\": {\"min\": 0, \"max\": 1, \"scale\": \"log\"}}}", "/space/l2",
     "l2: a range with scale log needs min above 0"},
    {"{\"space\": {\"l2\": {\"min\": 0, \"max\": 1, \"scale\": \"lgo\"}}}", "/space/l2/scale",
     "scale \"lgo\": did you mean \"log\"? known: linear, log"},
    {"{\"space\": {\"l2\": {\"min\": 0, \"max\": 1, \"step\": 0}}}", "/space/l2",
     "l2: step must be above 0"},
    {"{\"space\": {\"l2\": {\"min\": 0, \"max\": 1, \"step\": 0.5, \"points\": 3}}}", "/space/l2",
     "l2: step and points exclude each other"},
    {"{\"space\": {\"l2\": {\"min\": 0, \"max\": 1, \"choices\": [1]}}}", "/space/l2",
     "l2: choices and a range exclude each other"},
    {"{\"space\": {\"width\": {\"min\": 16, \"max\": 100.5}}}", "/space/width/max",
     "width: expected an integer, got 100.5"},
    {"{\"space\": {\"width\": {\"min\": 16, \"max\": 100, \"step\": 16}}}", "/space/width",
     "width: step 16 does not reach max (the last step is at 96); both ends are included"},
    {"{\"space\": {\"width\": []}}", "/space/width", "width: the list is empty"},
    {"{\"space\": {\"width\": [32, 64, 32]}}", "/space/width/2",
     "width: this value stands in the list twice"},
    {"{\"space\": {\"width\": [32, \"wide\"]}}", "/space/width/1",
     "width: expected an integer, got \"wide\""},
    {"{\"space\": {\"width\": null}}", "/space/width", "width: expected a value, got null"},
    {"{\"space\": {\"activation\": {\"min\": 1, \"max\": 2}}}", "/space/activation",
     "activation is not a number: give {\"choices\": […]}"},
    {"{\"space\": {\"loss\": [\"mse\", \"hinge\"]}}", "/space/loss/1",
     "loss \"hinge\": no such choice; known: cross_entropy, mse, mae, huber"},
    {"{\"space\": {\"epochs\": {\"min\": 1, \"max\": 5, \"per_layer\": true}}}", "/space/epochs",
     "epochs: per_layer is for width, activation and dropout"},
    {"{\"space\": {\"hidden\": [[64], [0]]}}", "/space/hidden/1",
     "hidden 0 is below 1; expected 1 to 65536"},
    {"{\"space\": {\"hidden\": [[64], [2, \"x\"]]}}", "/space/hidden/1/1",
     "hidden: expected an integer, got \"x\""},
    {"{\"space\": {\"hidden\": [[64]], \"width\": 3}}", "/space/width",
     "width: hidden names whole architectures, in place of layers and width"},
    {"{\"space\": {\"width\": 3, \"width_2\": 4}}", "/space/width_2",
     "width_2: width stands in the space too; they exclude each other"},
};

static void every_kind_of_broken_definition_is_told_by_place_and_reason(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(decode(f, broken[i].text, &iris), ERR_INVALID);
        assert_int_equal(problem_status(f->e.code), 422);
        assert_string_equal(f->faults.first->detail, broken[i].detail);
        assert_string_equal(f->faults.first->pointer, broken[i].pointer);
        assert_int_equal(f->faults.n, 1);
    }
}

static void what_the_build_lacks_names_what_it_has(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(decode(f, "{\"precision\": \"bf16\"}", &iris), ERR_INVALID);
    assert_string_equal(f->faults.first->pointer, "/precision");
    assert_non_null(strstr(f->faults.first->detail, "\"bf16\": not in this build; known: float32"));
}

static void all_faults_come_at_once(void **state)
{
    struct fixture *f = *state;
    const char *text =
        "{\"metric\": \"r2\", \"sampler\": \"annealing\", \"pruner\": \"pruning\", "
        "\"budget\": {\"trials\": 0, \"hours\": 1}, \"seed\": \"x\", \"extra\": 1, "
        "\"cross_validation\": {\"folds\": 1}, \"space\": {\"width\": [0, 1, 70000], "
        "\"layers\": {\"min\": -1, \"max\": 100}, \"optimizer\": \"lfbgs\"}}";

    assert_int_equal(decode(f, text, &iris), ERR_INVALID);
    assert_int_equal(f->faults.n, 13);
    assert_string_equal(f->e.field, "/extra");
}

static void the_datas_columns_choose_the_kind_of_cross_validation(void **state)
{
    struct definition_facts facts = iris;
    struct fixture *f = *state;

    assert_int_equal(good(f, "{}", &facts)->split.kind, SPLIT_STRATIFIED_KFOLD);
    facts.has_time = true;
    good(f, "{\"cross_validation\": {\"gap\": 7}}", &facts);
    assert_true(f->d->split.kind == SPLIT_TIME_SERIES && f->d->split.gap == 7);
    assert_int_equal(f->d->n_warnings, 0);
    facts.has_group = true;
    assert_int_equal(good(f, "{}", &facts)->split.kind, SPLIT_STRATIFIED_GROUP_KFOLD);
    assert_int_equal(f->d->n_warnings, 1); /* of the time */
    good(f, "{\"cross_validation\": \"kfold\"}", &facts);
    assert_int_equal(f->d->n_warnings, 2);
    facts.n_folds = 4;
    assert_int_equal(good(f, "{}", &facts)->split.kind, SPLIT_PREDEFINED);
    assert_int_equal(f->d->n_warnings, 0);
}

static void text_that_is_not_json_is_a_400_with_line_and_column(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(decode(f, "{\"seed\": 1,\n \"seed\": 2}", &iris), ERR_SYNTAX);
    assert_int_equal(problem_status(f->e.code), 400);
    assert_string_equal(f->e.message, "line 2, column 2: the key \"seed\" stands twice");
}

/* Decoding never fails in another way, and what it accepts can be written and read again. */
static void mutated_definitions_never_surprise(void **state)
{
    static const char whole[] =
        "{\"metric\":\"accuracy\",\"sampler\":{\"kind\":\"grid\",\"shuffle\":true},\"space\":{"
        "\"layers\":[1,2],\"width\":{\"min\":8,\"max\":64,\"scale\":\"log\",\"points\":3,"
        "\"per_layer\":true},\"activation\":[\"relu\",\"tanh\"],\"l2\":{\"min\":0,\"max\":0.4,"
        "\"step\":0.1}},\"budget\":{\"trials\":50},\"seed\":{\"folds\":1},\"cross_validation\":{"
        "\"kind\":\"kfold\",\"folds\":3}}";
    static const char bytes[] = "0123456789eE.-[]{},:\"null true";
    struct fixture *f = *state;
    struct buf once = {0}, twice = {0};
    size_t accepted = 0;
    struct rng r;

    print_message("seed 9\n");
    rng_init(&r, 9, 0, 0, RNG_TEST, 0);
    for (int i = 0; i < 2000; i++) {
        char text[sizeof whole];
        enum err answer;

        memcpy(text, whole, sizeof whole);
        for (uint32_t k = 1 + rng_below(&r, 2); k > 0; k--)
            text[rng_below(&r, sizeof whole - 1)] = bytes[rng_below(&r, sizeof bytes - 1)];
        answer = decode(f, text, &iris);
        assert_true(answer == ERR_OK || answer == ERR_SYNTAX || answer == ERR_INVALID);
        if (answer != ERR_OK)
            continue;
        accepted++;
        write(f->d, &once);
        write(good(f, buf_text(&once), &iris), &twice);
        assert_string_equal(buf_text(&once), buf_text(&twice));
    }
    assert_true(accepted > 20);
    buf_finish(&once);
    buf_finish(&twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_set_alone_is_a_whole_definition),
        cmocka_unit_test(a_rare_class_makes_balanced_accuracy_decide),
        cmocka_unit_test(the_example_of_the_contract_has_48_trials),
        cmocka_unit_test(per_layer_makes_a_dimension_for_every_layer),
        cmocka_unit_test(unused_dimensions_do_not_multiply_a_grid),
        cmocka_unit_test(whole_architectures_stand_in_place_of_layers_and_width),
        cmocka_unit_test(the_params_of_a_trial_can_be_given_back_as_a_space),
        cmocka_unit_test(a_budget_below_the_grid_takes_a_mixed_sample),
        cmocka_unit_test(data_with_folds_and_test_rows_is_split_as_it_says),
        cmocka_unit_test(writing_and_decoding_is_identity),
        cmocka_unit_test(every_kind_of_broken_definition_is_told_by_place_and_reason),
        cmocka_unit_test(what_the_build_lacks_names_what_it_has),
        cmocka_unit_test(all_faults_come_at_once),
        cmocka_unit_test(the_datas_columns_choose_the_kind_of_cross_validation),
        cmocka_unit_test(text_that_is_not_json_is_a_400_with_line_and_column),
        cmocka_unit_test(mutated_definitions_never_surprise),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
