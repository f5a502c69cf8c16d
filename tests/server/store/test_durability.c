/* What was acknowledged is there after a kill, and after a full disk. */
#include "tests/server/store/scratch.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "server/store/private.h"

/* ---- kill -9 ------------------------------------------------------------------------------- */

/* Commits trials one after another, says each number only after its commit, until it is killed. */
static void commit_until_killed(const char *path, int64_t experiment, int64_t first, int out)
{
    struct params none = {0};
    struct store *s;

    if (store_open(path, NULL, &s, NULL, NULL) != ERR_OK)
        _exit(1);
    for (int64_t i = first;; i++) {
        struct trial_proposal p = {.trial = i, .params = &none};

        if (store_trial_insert(s, experiment, &p, 1, NULL) != ERR_OK ||
            write(out, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

/* The last number that a child acknowledged before it was killed. */
static int64_t run_and_kill(struct scratch *x, int64_t experiment, int64_t first, long nanoseconds)
{
    int64_t said, last = first - 1;
    int acknowledged[2];
    pid_t child;

    assert_int_equal(pipe(acknowledged), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        commit_until_killed(x->path, experiment, first, acknowledged[1]);
    (void)close(acknowledged[1]);
    if (read(acknowledged[0], &said, sizeof said) == sizeof said)
        last = said;
    (void)nanosleep(&(struct timespec){0, nanoseconds}, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    (void)waitpid(child, NULL, 0);
    while (read(acknowledged[0], &said, sizeof said) == sizeof said)
        last = said;
    (void)close(acknowledged[0]);
    return last;
}

static void nothing_acknowledged_is_lost_by_a_kill(void **state)
{
    struct scratch *x = *state;
    struct experiment_progress p;
    int64_t id = scratch_experiment(x, "maximize"), stored = 0;

    scratch_close(x);
    for (int round = 0; round < 8; round++) {
        int64_t last = run_and_kill(x, id, stored + 1, 1000000L + 1700000L * round);
        struct store_opening opening;

        assert_true(last > stored);
        SUCCEED(store_open(x->path, NULL, &x->store, &opening, &x->e));
        assert_true(opening.was_checked);
        SUCCEED(store_experiment_progress(store_writer(x->store), id, &p, &x->e));
        assert_true(p.trials >= last && p.trials <= last + 1);
        stored = p.trials;
        scratch_close(x);
    }
}

/* ---- no space ------------------------------------------------------------------------------ */

static enum err fill_trial(struct scratch *x, int64_t id, int64_t trial, int folds)
{
    struct params none = {0};
    struct trial_proposal p = {.trial = trial, .params = &none, .folds_planned = folds};
    struct fold_metric metrics[2];
    struct txn txn = {0};
    enum err failed;

    TRY(txn_begin(x->store, TXN_RELAXED, &txn, &x->e));
    failed = store_trial_insert(x->store, id, &p, 1, &x->e);
    for (int64_t i = 1; !failed && i <= folds; i++) {
        struct fold_record f = scratch_fold(id, trial, i, metrics);

        failed = store_fold_insert(x->store, &f, &x->e);
    }
    if (!failed)
        failed = txn_commit(&txn, &x->e);
    txn_end(&txn);
    return failed;
}

static int64_t count_trials(struct scratch *x, int64_t id)
{
    struct experiment_progress p;

    SUCCEED(store_experiment_progress(x->r, id, &p, &x->e));
    return p.trials;
}

/* However little room there is, a transaction is stored as a whole or not at all, the reason is
 * named, everything before it can be read, and with more room it goes on. */
static void a_full_disk_is_survived_wherever_it_strikes(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), stored = 0, limit;
    char fault[128];
    int refused = 0;

    SUCCEED(db_i64(x->r, "PRAGMA page_count", &limit, &x->e));
    for (int round = 0; round < 60; round++) {
        enum err failed;

        (void)snprintf(fault, sizeof fault, "PRAGMA max_page_count = %" PRId64, limit);
        SUCCEED(db_exec(x->r, fault, &x->e));
        failed = fill_trial(x, id, stored + 1, 6);
        if (failed) {
            assert_int_equal(failed, ERR_NO_SPACE);
            assert_string_equal(x->e.message, "the disk is full");
            refused++;
            limit++; /* one more page: the next refusal comes at another place */
        } else {
            stored++;
        }
        assert_int_equal(count_trials(x, id), stored);
        SUCCEED(db_quick_check(x->r, fault, sizeof fault, &x->e));
        assert_string_equal(fault, "");
    }
    assert_true(refused > 10);
    assert_true(stored > 0);
    SUCCEED(db_exec(x->r, "PRAGMA max_page_count = 1000000", &x->e));
    assert_int_equal(fill_trial(x, id, stored + 1, 6), ERR_OK);
    scratch_close(x);
    scratch_open(x);
    assert_int_equal(count_trials(x, id), stored + 1);
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT count(*) - 6 * (SELECT count(*) FROM trial)"
                                    " FROM fold"),
                        "0\n");
}

/* The commit of a transaction that SQLite undid by itself must not look like a success. */
static void a_transaction_that_was_undone_does_not_commit(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize"), pages;
    char limit[64];
    struct txn txn = {0};
    enum err failed = ERR_OK;

    SUCCEED(txn_begin(x->store, TXN_DURABLE, &txn, &x->e));
    scratch_trial(x, id, 1);
    SUCCEED(db_i64(x->r, "PRAGMA page_count", &pages, &x->e));
    (void)snprintf(limit, sizeof limit, "PRAGMA max_page_count = %" PRId64, pages);
    SUCCEED(db_exec(x->r, limit, &x->e));
    for (int64_t i = 2; !failed && i < 1000; i++) {
        struct params none = {0};
        struct trial_proposal p = {.trial = i, .params = &none};

        failed = store_trial_insert(x->store, id, &p, 1, &x->e);
    }
    assert_int_equal(failed, ERR_NO_SPACE);
    if (txn_commit(&txn, &x->e) == ERR_OK)
        assert_true(count_trials(x, id) > 0);
    else
        assert_int_equal(count_trials(x, id), 0);
    txn_end(&txn);
    SUCCEED(txn_begin(x->store, TXN_DURABLE, &txn, &x->e));
    SUCCEED(txn_commit(&txn, &x->e));
}

/* ---- others at the database ---------------------------------------------------------------- */

static void a_reader_in_the_middle_of_a_snapshot_does_not_stop_the_writer(void **state)
{
    struct scratch *x = *state;
    int64_t id = scratch_experiment(x, "maximize");
    struct reader *r;

    SUCCEED(store_reader_open(x->store, &r, &x->e));
    SUCCEED(db_exec(r, "BEGIN; SELECT * FROM trial", &x->e));
    for (int64_t i = 1; i <= 50; i++)
        scratch_trial(x, id, i);
    SUCCEED(db_exec(r, "COMMIT", &x->e));
    store_reader_close(r);
    assert_int_equal(count_trials(x, id), 50);
}

static void a_query_past_its_deadline_ends_as_busy(void **state)
{
    struct scratch *x = *state;
    struct reader *r;

    SUCCEED(store_reader_acquire(x->store, &r, &x->e));
    r->deadline = 1e-9; /* long ago */
    assert_int_equal(db_exec(r,
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                             " SELECT count(*) FROM n",
                             &x->e),
                     ERR_BUSY);
    store_reader_release(x->store, r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_acknowledged_is_lost_by_a_kill),
        TEST(a_full_disk_is_survived_wherever_it_strikes),
        TEST(a_transaction_that_was_undone_does_not_commit),
        TEST(a_reader_in_the_middle_of_a_snapshot_does_not_stop_the_writer),
        TEST(a_query_past_its_deadline_ends_as_busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
