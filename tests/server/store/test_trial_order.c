#include "tests/server/store/scratch.h"

static struct trial_record get(struct scratch *x, int64_t experiment, int64_t trial)
{
    struct trial_record t = {0};

    SUCCEED(store_trial_get(x->r, experiment, trial, x->a, &t, &x->e));
    return t;
}

/* Five trials: 1 scores 0.5, 2 fails, 3 scores 0.9, 4 scores 0.5, 5 waits. */
static int64_t insert_five(struct scratch *x, const char *direction)
{
    int64_t id = scratch_experiment(x, direction);
    struct trial_finish f = scratch_finish("failed", (double)NAN);

    for (int64_t i = 1; i <= 5; i++)
        scratch_trial(x, id, i);
    scratch_complete(x, id, 4, 0.5);
    scratch_complete(x, id, 1, 0.5);
    scratch_complete(x, id, 3, 0.9);
    SUCCEED(store_trial_finish(x->store, id, 2, &f, &x->e));
    return id;
}

static void expect(struct scratch *x, int64_t id, const char *state, const char *sort,
                   const char *expected)
{
    struct trial_query query = {.experiment = id, .state = state, .sort = sort};
    struct trial_order order;
    char text[128] = "";

    SUCCEED(store_trial_order(x->r, &query, x->a, &order, &x->e));
    for (size_t i = 0; i < order.n; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%" PRId64 "#%" PRId64 " ",
                       order.trials[i], order.ranks[i]);
    assert_string_equal(text, expected);
}

static void ranks_follow_the_direction_and_ties_the_number(void **state)
{
    struct scratch *x = *state;
    int64_t up = insert_five(x, "maximize"), down = insert_five(x, "minimize");

    expect(x, up, NULL, "rank", "3#1 1#2 4#3 2#4 5#5 ");
    expect(x, down, NULL, "rank", "1#1 4#2 3#3 2#4 5#5 ");
    expect(x, up, NULL, "-rank", "5#5 2#4 4#3 1#2 3#1 ");
    for (int64_t i = 1; i <= 5; i++) {
        static const int64_t ranks[] = {2, 4, 1, 3, 5};

        assert_int_equal(get(x, up, i).rank, ranks[i - 1]);
    }
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT trial, rank FROM leaderboard WHERE experiment_id = 2"
                                    " ORDER BY rank"),
                        "1|1\n4|2\n3|3\n2|4\n5|5\n");
}

static void trials_are_sorted_and_filtered(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize");

    expect(x, id, NULL, NULL, "1#2 2#4 3#1 4#3 5#5 ");
    expect(x, id, NULL, "-trial", "5#5 4#3 3#1 2#4 1#2 ");
    expect(x, id, "completed", "score", "1#2 4#3 3#1 ");
    expect(x, id, NULL, "-score", "3#1 1#2 4#3 2#4 5#5 ");
    expect(x, id, NULL, "learning_rate", "5#5 4#3 3#1 2#4 1#2 ");
    expect(x, id, NULL, "-activation", "2#4 4#3 1#2 3#1 5#5 ");
    expect(x, id, "queued", "-weight_count", "5#5 ");
    for (size_t i = 0; store_trial_sorts[i]; i++)
        expect(x, id, "pruned", store_trial_sorts[i], "");
}

static void any_hyperparameter_sorts_and_trials_without_it_come_last(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize"), empty = scratch_experiment(x, "maximize");
    struct trial_query unknown = {.experiment = id, .sort = "-wdith"};
    struct trial_order order;

    expect(x, id, NULL, "momentum", "3#1 1#2 2#4 4#3 5#5 ");
    expect(x, id, NULL, "-momentum", "3#1 1#2 2#4 4#3 5#5 ");
    expect(x, empty, NULL, "momentum", "");
    assert_int_equal(store_trial_order(x->r, &unknown, x->a, &order, &x->e), ERR_INVALID);
    assert_non_null(strstr(x->e.message, "\"wdith\""));
    unknown.experiment = 99;
    assert_int_equal(store_trial_order(x->r, &unknown, x->a, &order, &x->e), ERR_NOT_FOUND);
}

static void trials_come_in_pages(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize");
    struct trial_query query = {.experiment = id, .sort = "rank", .page = 2};
    struct trial_list list;

    SUCCEED(store_trial_list(x->r, &query, x->a, &list, &x->e));
    assert_int_equal(list.n, 2);
    assert_int_equal(list.total, 5);
    assert_int_equal(list.items[0].trial, 3);
    assert_int_equal(list.items[1].rank, 2);
    query.after = list.next;
    query.page = 3;
    SUCCEED(store_trial_list(x->r, &query, x->a, &list, &x->e));
    assert_int_equal(list.n, 3);
    assert_int_equal(list.total, 5);
    assert_int_equal(list.items[2].trial, 5);
    assert_int_equal(list.next.id, 0);
}

/* Pages of `page` trials one after the other hold what one list of all holds. */
static void walk(struct scratch *x, int64_t id, const char *sort, int64_t page)
{
    struct trial_query query = {.experiment = id, .sort = sort};
    struct trial_order all;
    struct trial_list list;
    size_t seen = 0;

    SUCCEED(store_trial_order(x->r, &query, x->a, &all, &x->e));
    query.page = page;
    do {
        SUCCEED(store_trial_list(x->r, &query, x->a, &list, &x->e));
        for (size_t i = 0; i < list.n; i++, seen++) {
            assert_true(seen < all.n);
            assert_int_equal(list.items[i].trial, all.trials[seen]);
            assert_int_equal(list.items[i].rank, all.ranks[seen]);
        }
        query.after = list.next;
    } while (list.next.id != 0);
    assert_int_equal(seen, all.n);
}

static void pages_of_any_order_leave_nothing_out(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize");
    char descending[40];

    for (int64_t page = 1; page <= 5; page++) {
        walk(x, id, "-momentum", page);
        for (size_t i = 0; store_trial_sorts[i]; i++) {
            (void)snprintf(descending, sizeof descending, "-%s", store_trial_sorts[i]);
            walk(x, id, store_trial_sorts[i], page);
            walk(x, id, descending, page);
        }
    }
}

static void a_page_goes_on_where_the_last_ended_whatever_happens_meanwhile(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize");
    struct trial_query query = {.experiment = id, .sort = "-score", .page = 2};
    struct trial_list list;

    SUCCEED(store_trial_list(x->r, &query, x->a, &list, &x->e)); /* 3 and 1 */
    scratch_complete(x, id, 5, 0.95);                            /* before them */
    scratch_trial(x, id, 6);
    scratch_complete(x, id, 6, 0.1);
    query.after = list.next;
    SUCCEED(store_trial_list(x->r, &query, x->a, &list, &x->e));
    assert_int_equal(list.n, 2);
    assert_int_equal(list.items[0].trial, 4);
    assert_int_equal(list.items[1].trial, 6);
    assert_int_equal(list.total, 6);
}

static void the_best_trial_has_a_score(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize"), empty = scratch_experiment(x, "maximize");
    struct trial_record best;
    bool found;

    SUCCEED(store_trial_best(x->r, id, x->a, &best, &found, &x->e));
    assert_true(found);
    assert_int_equal(best.trial, 3);
    assert_int_equal(best.params.n, 6);
    scratch_trial(x, empty, 1);
    scratch_complete(x, empty, 1, (double)NAN);
    SUCCEED(store_trial_best(x->r, empty, x->a, &best, &found, &x->e));
    assert_false(found);
}

static void progress_counts_trials_and_folds(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize"), n;
    struct experiment_progress p;

    scratch_insert_fold(x, id, 5, 1);
    scratch_insert_fold(x, id, 5, 2);
    SUCCEED(store_experiment_progress(x->r, id, &p, &x->e));
    assert_int_equal(p.trials, 5);
    assert_int_equal(p.completed, 3);
    assert_int_equal(p.failed, 1);
    assert_int_equal(p.queued, 1);
    assert_int_equal(p.folds_done, 2);
    assert_true(p.bytes > 1000);
    SUCCEED(store_trial_cancel_rest(x->store, id, "user", "why", 5, &n, &x->e));
    assert_int_equal(n, 1);
    assert_string_equal(get(x, id, 5).reason, "user");
    assert_string_equal(get(x, id, 5).error, "why");
    SUCCEED(store_experiment_progress(x->r, id, &p, &x->e));
    assert_int_equal(p.cancelled, 1);
    SUCCEED(store_experiment_progress(x->r, 99, &p, &x->e));
    assert_int_equal(p.trials, 0);
}

static void dimensions_are_named_in_order(void **state)
{
    struct scratch *x = *state;
    int64_t id = insert_five(x, "maximize");
    const char **names;
    size_t n;

    SUCCEED(store_trial_dimensions(x->r, id, x->a, &n, &names, &x->e));
    assert_int_equal(n, 6);
    assert_string_equal(names[0], "layers");
    assert_string_equal(names[5], "momentum");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(ranks_follow_the_direction_and_ties_the_number),
        TEST(trials_are_sorted_and_filtered),
        TEST(any_hyperparameter_sorts_and_trials_without_it_come_last),
        TEST(trials_come_in_pages),
        TEST(pages_of_any_order_leave_nothing_out),
        TEST(a_page_goes_on_where_the_last_ended_whatever_happens_meanwhile),
        TEST(the_best_trial_has_a_score),
        TEST(progress_counts_trials_and_folds),
        TEST(dimensions_are_named_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
