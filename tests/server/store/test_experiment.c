#include "tests/server/store/scratch.h"

static int64_t insert(struct scratch *x, const struct experiment_record *r)
{
    int64_t id = 0;

    SUCCEED(store_experiment_insert(x->store, r, &id, &x->e));
    return id;
}

static struct experiment_record get(struct scratch *x, int64_t id)
{
    struct experiment_record r = {0};

    SUCCEED(store_experiment_get(x->r, id, x->a, &r, &x->e));
    return r;
}

static void set_state(struct scratch *x, int64_t id, const char *state, int64_t at_ms)
{
    struct experiment_change c = {.state = state, .at_ms = at_ms, .elapsed_ms = -1};

    SUCCEED(store_experiment_set_state(x->store, id, &c, &x->e));
}

static void an_experiment_comes_back_as_it_was(void **state)
{
    struct scratch *x = *state;
    struct experiment_record r = scratch_experiment_record(scratch_dataset(x, "iris")), back;

    r.owner = "ada";
    r.notes = "größer";
    r.priority = -3;
    r.planned_trials = -1;
    r.sealed_rows = 30;
    back = get(x, insert(x, &r));
    assert_string_equal(back.name, r.name);
    assert_string_equal(back.owner, "ada");
    assert_string_equal(back.dataset_name, "iris");
    assert_string_equal(back.state, "queued");
    assert_null(back.stop_reason);
    assert_null(back.error);
    assert_string_equal(back.definition, r.definition);
    assert_int_equal(back.seed, 7);
    assert_int_equal(back.planned_trials, -1);
    assert_int_equal(back.folds_per_trial, 2);
    assert_int_equal(back.sealed_rows, 30);
    assert_int_equal(back.priority, -3);
    assert_string_equal(back.notes, "größer");
    assert_string_equal(back.tags, r.tags);
    assert_true(back.created_at_ms == r.created_at_ms);
    assert_int_equal(back.started_at_ms, 0);
    assert_int_equal(back.elapsed_ms, 0);
}

static void an_experiment_without_a_name_is_called_after_data_and_id(void **state)
{
    struct scratch *x = *state;
    struct experiment_record r = scratch_experiment_record(scratch_dataset(x, "iris"));

    (void)insert(x, &r);
    r.name = NULL;
    assert_string_equal(get(x, insert(x, &r)).name, "iris-2");
}

static void an_unknown_data_set_is_refused(void **state)
{
    struct scratch *x = *state;
    struct experiment_record r = scratch_experiment_record(99);
    int64_t id;

    assert_int_equal(store_experiment_insert(x->store, &r, &id, &x->e), ERR_INVALID);
    assert_non_null(strstr(x->e.message, "data set 99 does not exist"));
}

static void latest_is_the_newest(void **state)
{
    struct scratch *x = *state;
    int64_t id;

    assert_int_equal(store_experiment_latest(x->r, &id, &x->e), ERR_NOT_FOUND);
    (void)scratch_experiment(x, "maximize");
    (void)scratch_experiment(x, "maximize");
    SUCCEED(store_experiment_latest(x->r, &id, &x->e));
    assert_int_equal(id, 2);
}

static void times_follow_the_state(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct experiment_change end = {
        .state = "completed", .stop_reason = "trials", .at_ms = 900, .elapsed_ms = 700};

    set_state(x, id, "running", 100);
    set_state(x, id, "paused", 200);
    set_state(x, id, "running", 300);
    assert_int_equal(get(x, id).started_at_ms, 100);
    SUCCEED(store_experiment_set_state(x->store, id, &end, &x->e));
    assert_int_equal(get(x, id).finished_at_ms, 900);
    assert_int_equal(get(x, id).elapsed_ms, 700);
    assert_string_equal(get(x, id).stop_reason, "trials");
    set_state(x, id, "running", 1000); /* extended */
    assert_int_equal(get(x, id).finished_at_ms, 0);
    assert_null(get(x, id).stop_reason);
    SUCCEED(store_experiment_set_elapsed(x->store, id, 800, &x->e));
    assert_int_equal(get(x, id).elapsed_ms, 800);
    assert_int_equal(store_experiment_set_state(x->store, 9, &end, &x->e), ERR_NOT_FOUND);
}

/* The last one that was told, and how many were. */
struct told {
    int64_t id;
    int n;
};

static void tell(void *ctx, int64_t id)
{
    struct told *t = ctx;

    t->id = id;
    t->n++;
}

static void an_end_is_told_once_it_is_committed_and_never_where_it_was_undone(void **state)
{
    struct scratch *x = *state;
    struct experiment_record r = scratch_experiment_record(scratch_dataset(x, "iris"));
    int64_t first = insert(x, &r), second = insert(x, &r);
    struct told told = {0};
    struct txn txn = {0};

    store_watch_ends(x->store, tell, &told);
    set_state(x, first, "running", 5);
    assert_int_equal(told.n, 0);
    SUCCEED(txn_begin(x->store, TXN_DURABLE, &txn, &x->e));
    set_state(x, first, "failed", 6);
    assert_int_equal(told.n, 0);
    txn_end(&txn);
    assert_int_equal(told.n, 0);
    SUCCEED(txn_begin(x->store, TXN_DURABLE, &txn, &x->e));
    set_state(x, second, "completed", 7);
    SUCCEED(txn_commit(&txn, &x->e));
    assert_int_equal(told.n, 1);
    assert_int_equal(told.id, second);
}

static void a_definition_finds_its_experiment_by_data_and_content(void **state)
{
    struct scratch *x = *state;
    struct experiment_record r = scratch_experiment_record(scratch_dataset(x, "iris"));
    int64_t other = scratch_dataset(x, "digits"), id, found = 0;

    r.definition = "{\"name\": \"a\", \"seed\": 1}";
    id = insert(x, &r);
    SUCCEED(store_experiment_find_same(x->r, r.dataset_id, "{\"name\":\"a\",\"seed\":1}", &found,
                                       &x->e));
    assert_int_equal(found, id);
    SUCCEED(store_experiment_find_same(x->r, r.dataset_id, "{\"name\": null, \"seed\": 1}", &found,
                                       &x->e));
    assert_int_equal(found, id);
    assert_int_equal(store_experiment_find_same(x->r, r.dataset_id,
                                                "{\"name\": \"b\", \"seed\": 1}", &found, &x->e),
                     ERR_NOT_FOUND);
    assert_int_equal(store_experiment_find_same(x->r, r.dataset_id,
                                                "{\"name\": null, \"seed\": 2}", &found, &x->e),
                     ERR_NOT_FOUND);
    assert_int_equal(store_experiment_find_same(x->r, other, r.definition, &found, &x->e),
                     ERR_NOT_FOUND);
    set_state(x, id, "cancelled", 9);
    assert_int_equal(store_experiment_find_same(x->r, r.dataset_id, r.definition, &found, &x->e),
                     ERR_NOT_FOUND);
}

static void a_patch_changes_only_what_it_names(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), priority = 5;
    struct experiment_patch name = {.name = "new"}, rest = {.tags = "[]", .priority = &priority};

    SUCCEED(store_experiment_update(x->store, id, &name, &x->e));
    assert_string_equal(get(x, id).name, "new");
    assert_string_equal(get(x, id).tags, "[\"first\", \"good\"]");
    SUCCEED(store_experiment_update(x->store, id, &rest, &x->e));
    assert_string_equal(get(x, id).name, "new");
    assert_string_equal(get(x, id).tags, "[]");
    assert_int_equal(get(x, id).priority, 5);
    assert_int_equal(store_experiment_update(x->store, 9, &name, &x->e), ERR_NOT_FOUND);
}

/* Four experiments that differ in everything a list can ask for. */
static void insert_four(struct scratch *x)
{
    struct experiment_record r = scratch_experiment_record(scratch_dataset(x, "iris"));

    r.name = "delta";
    (void)insert(x, &r);
    r.name = "Alpha";
    r.owner = "ada";
    r.tags = "[]";
    (void)insert(x, &r);
    r.name = "gamma 100%";
    r.dataset_id = scratch_dataset(x, "digits");
    r.tags = "[\"good enough\"]";
    (void)insert(x, &r);
    r.name = "beta";
    r.owner = NULL;
    (void)insert(x, &r);
    set_state(x, 4, "running", 100);
}

static void expect(struct scratch *x, struct experiment_query query, const char *expected)
{
    struct experiment_list list;
    char ids[64] = "";

    if (!query.limit)
        query.limit = 100;
    SUCCEED(store_experiment_list(x->r, &query, x->a, &list, &x->e));
    for (size_t i = 0; i < list.n; i++)
        (void)snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%" PRId64 " ",
                       list.items[i].id);
    assert_string_equal(ids, expected);
}

static void lists_are_filtered(void **state)
{
    struct scratch *x = *state;

    insert_four(x);
    expect(x, (struct experiment_query){0}, "4 3 2 1 ");
    expect(x, (struct experiment_query){.state = "running"}, "4 ");
    expect(x, (struct experiment_query){.dataset_id = 2}, "4 3 ");
    expect(x, (struct experiment_query){.tag = "good"}, "1 ");
    expect(x, (struct experiment_query){.owner = "ada"}, "3 2 ");
    expect(x, (struct experiment_query){.contains = "ALPH"}, "2 ");
    expect(x, (struct experiment_query){.contains = "%"}, "3 ");
    expect(x, (struct experiment_query){.owner = "ada", .dataset_id = 1}, "2 ");
}

static void lists_are_sorted_and_what_is_missing_comes_last(void **state)
{
    struct scratch *x = *state;
    struct experiment_query unknown = {.sort = "name; DROP TABLE trial", .limit = 1};
    struct experiment_list list;

    insert_four(x);
    expect(x, (struct experiment_query){.sort = "name"}, "2 4 1 3 ");
    expect(x, (struct experiment_query){.sort = "-name"}, "3 1 4 2 ");
    expect(x, (struct experiment_query){.sort = "started_at"}, "4 3 2 1 ");
    expect(x, (struct experiment_query){.sort = "-started_at"}, "4 3 2 1 ");
    expect(x, (struct experiment_query){.sort = "id"}, "1 2 3 4 ");
    assert_int_equal(store_experiment_list(x->r, &unknown, x->a, &list, &x->e), ERR_INVALID);
    assert_string_equal(x->e.field, "sort");
}

static void lists_come_in_pages(void **state)
{
    struct scratch *x = *state;
    struct experiment_query query = {.sort = "id", .limit = 3};
    struct experiment_list list;

    insert_four(x);
    SUCCEED(store_experiment_list(x->r, &query, x->a, &list, &x->e));
    assert_int_equal(list.n, 3);
    assert_int_equal(list.total, 4);
    query.after = list.next;
    SUCCEED(store_experiment_list(x->r, &query, x->a, &list, &x->e));
    assert_int_equal(list.n, 1);
    assert_int_equal(list.total, 4);
    assert_int_equal(list.items[0].id, 4);
    assert_int_equal(list.next.id, 0);
}

/* Pages of one after the other hold what one page of all holds. */
static void walk(struct scratch *x, const char *sort)
{
    struct experiment_query query = {.sort = sort, .limit = 100};
    struct experiment_list all, list;
    size_t seen = 0;

    SUCCEED(store_experiment_list(x->r, &query, x->a, &all, &x->e));
    query.limit = 1;
    do {
        SUCCEED(store_experiment_list(x->r, &query, x->a, &list, &x->e));
        assert_int_equal(list.n, 1);
        assert_true(seen < all.n);
        assert_int_equal(list.items[0].id, all.items[seen++].id);
        query.after = list.next;
    } while (list.next.id != 0);
    assert_int_equal(seen, all.n);
}

static void pages_of_any_order_leave_nothing_out(void **state)
{
    struct scratch *x = *state;
    char descending[40];

    insert_four(x);
    for (size_t i = 0; store_experiment_sorts[i]; i++) {
        (void)snprintf(descending, sizeof descending, "-%s", store_experiment_sorts[i]);
        walk(x, store_experiment_sorts[i]);
        walk(x, descending);
    }
}

static void a_new_experiment_shifts_no_page(void **state)
{
    struct scratch *x = *state;
    struct experiment_query query = {.limit = 2}; /* newest first */
    struct experiment_record newer;
    struct experiment_list list;

    insert_four(x);
    SUCCEED(store_experiment_list(x->r, &query, x->a, &list, &x->e));
    newer = scratch_experiment_record(scratch_dataset(x, "wine"));
    (void)insert(x, &newer);
    query.after = list.next;
    SUCCEED(store_experiment_list(x->r, &query, x->a, &list, &x->e));
    assert_int_equal(list.items[0].id, 2);
    assert_int_equal(list.items[1].id, 1);
    assert_int_equal(list.next.id, 0);
}

static void a_restart_finds_what_has_not_ended(void **state)
{
    struct scratch *x = *state;
    int64_t *ids;
    size_t n;

    insert_four(x);
    set_state(x, 1, "completed", 100);
    set_state(x, 3, "paused", 100);
    SUCCEED(store_experiment_unfinished(x->r, x->a, &n, &ids, &x->e));
    assert_int_equal(n, 3);
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[1], 3);
    assert_int_equal(ids[2], 4);
}

static void a_running_experiment_is_not_deleted(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");

    set_state(x, id, "running", 1);
    assert_int_equal(store_experiment_delete(x->store, id, &x->e), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, "running"));
    assert_int_equal(store_experiment_delete(x->store, id + 1, &x->e), ERR_NOT_FOUND);
}

static void deleting_takes_everything_along(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct trial_finish f = scratch_finish("completed", 0.5);

    scratch_trial(x, id, 1);
    scratch_insert_fold(x, id, 1, 1);
    f.n_scores = 1;
    f.scores = (const struct trial_score[]){{"accuracy", 0.5, 0.1, 0.9}};
    SUCCEED(store_trial_finish(x->store, id, 1, &f, &x->e));
    set_state(x, id, "cancelled", 1);
    SUCCEED(store_experiment_delete(x->store, id, &x->e));
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT (SELECT count(*) FROM trial) + (SELECT count(*) FROM"
                                    " trial_param) + (SELECT count(*) FROM trial_score) + (SELECT"
                                    " count(*) FROM fold) + (SELECT count(*) FROM fold_metric)"),
                        "0\n");
    assert_int_equal(scratch_experiment(x, "maximize"), id + 1); /* ids are never reused */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_experiment_comes_back_as_it_was),
        TEST(an_experiment_without_a_name_is_called_after_data_and_id),
        TEST(an_unknown_data_set_is_refused),
        TEST(latest_is_the_newest),
        TEST(times_follow_the_state),
        TEST(an_end_is_told_once_it_is_committed_and_never_where_it_was_undone),
        TEST(a_definition_finds_its_experiment_by_data_and_content),
        TEST(a_patch_changes_only_what_it_names),
        TEST(lists_are_filtered),
        TEST(lists_are_sorted_and_what_is_missing_comes_last),
        TEST(lists_come_in_pages),
        TEST(pages_of_any_order_leave_nothing_out),
        TEST(a_new_experiment_shifts_no_page),
        TEST(a_restart_finds_what_has_not_ended),
        TEST(a_running_experiment_is_not_deleted),
        TEST(deleting_takes_everything_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
