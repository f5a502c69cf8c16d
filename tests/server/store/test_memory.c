/*
 * The fault loop over SQLite's memory: the first allocation of a scenario fails, then the second,
 * and so on (later on every ninth) until none does. Whatever fails, the reason is named, a
 * transaction is stored as a whole or not at all, and the store goes on.
 */
#include "tests/server/store/scratch.h"

static sqlite3_mem_methods real;
static long left = -1; /* allocations until one fails; -1: none does */
static bool has_failed;

static bool fails_now(void)
{
    if (left < 0 || left-- > 0)
        return false;
    has_failed = true;
    return true;
}

static void *failing_malloc(int n)
{
    return fails_now() ? NULL : real.xMalloc(n);
}

static void *failing_realloc(void *p, int n)
{
    return fails_now() ? NULL : real.xRealloc(p, n);
}

static enum err store_and_finish(struct scratch *x, int64_t id, int64_t trial)
{
    CLEANUP(txn_end) struct txn txn = {0};
    struct param item = {"width", {.kind = VALUE_INT, .integer = 64}};
    struct params params = {1, &item};
    struct trial_proposal p = {.trial = trial, .params = &params};
    struct trial_finish f = scratch_finish("completed", 0.5);
    struct fold_metric metrics[2];
    struct fold_record fold = scratch_fold(id, trial, 1, metrics);

    TRY(txn_begin(x->store, TXN_RELAXED, &txn, &x->e));
    TRY(store_trial_insert(x->store, id, &p, 1, &x->e));
    TRY(store_fold_insert(x->store, &fold, &x->e));
    TRY(store_trial_finish(x->store, id, trial, &f, &x->e));
    return txn_commit(&txn, &x->e);
}

/* With a connection that has prepared nothing yet. */
static enum err read_back(struct scratch *x, int64_t id)
{
    struct trial_query query = {.experiment = id, .sort = "-width", .page = 10};
    struct trial_list list;
    struct reader *r;
    enum err failed;

    TRY(store_reader_open(x->store, &r, &x->e));
    failed = store_trial_list(r, &query, x->a, &list, &x->e);
    store_reader_close(r);
    return failed;
}

static int64_t count_trials(struct scratch *x, int64_t id)
{
    struct experiment_progress p;

    SUCCEED(store_experiment_progress(x->r, id, &p, &x->e));
    assert_int_equal(p.folds_done, p.trials);
    assert_int_equal(p.completed, p.trials);
    return p.trials;
}

/* Runs with the n-th allocation failing; false once the scenario needs fewer than n. */
static bool run_with_fault(struct scratch *x, int64_t id, int64_t other, int64_t *stored, long n)
{
    enum err written, read = ERR_OK;

    has_failed = false;
    left = n;
    written = store_and_finish(x, id, *stored + 1);
    if (!written)
        read = read_back(x, other);
    left = -1;
    assert_true(!written || written == ERR_NO_MEMORY);
    assert_true(!read || read == ERR_NO_MEMORY);
    *stored += written == ERR_OK;
    assert_int_equal(count_trials(x, id), *stored);
    arena_reset(x->a);
    return has_failed;
}

static void a_failed_allocation_loses_nothing_wherever_it_strikes(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), other = scratch_experiment(x, "maximize");
    int64_t stored = 0;
    long n = 0;

    SUCCEED(store_and_finish(x, other, 1)); /* read in every round: it must not grow */

    scratch_close(x); /* the writer, too, starts with nothing prepared */
    scratch_open(x);
    while (run_with_fault(x, id, other, &stored, n))
        n += n < 400 ? 1 : 9; /* the rest is preparing statements, over and over */
    assert_true(n > 50);
    assert_true(stored > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_failed_allocation_loses_nothing_wherever_it_strikes,
                                        scratch_setup, scratch_teardown),
    };
    sqlite3_mem_methods failing;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
        return 1;
    failing = real;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK)
        return 1;
    /* Small allocations come from a pool of each connection otherwise, and could not fail. */
    if (sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
