#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "server/schema/plan.h"

static const struct definition_facts iris = {
    .dataset_id = 1,
    .dataset_name = "iris",
    .task = TASK_CLASSIFICATION,
    .n_rows = 150,
    .n_classes = 3,
    .rarest_share = 1.0 / 3,
};

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_counts_trials_folds_and_weights),
        cmocka_unit_test(a_large_grid_is_judged_by_a_sample_of_it),
        cmocka_unit_test(a_network_that_cannot_fit_is_refused_in_the_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
