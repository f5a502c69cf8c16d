#include "tests/server/store/scratch.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "server/store/private.h"

static enum err try_open(struct scratch *x, const struct store_options *options,
                         struct store_opening *opening)
{
    return store_open(x->path, options, &x->store, opening, &x->e);
}

/* A daemon that dies: the child opens, tells, and is killed while it holds the database. */
static pid_t hold_in_child(struct scratch *x)
{
    int ready[2];
    pid_t child;
    char c = 0;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *s;

        c = store_open(x->path, NULL, &s, NULL, NULL) == ERR_OK ? 'y' : 'n';
        if (write(ready[1], &c, 1) != 1 || c != 'y')
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    (void)close(ready[0]);
    (void)close(ready[1]);
    return child;
}

static void end_child(pid_t child)
{
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

static void overwrite(const char *path, long at, size_t n)
{
    FILE *f = fopen(path, "r+b");

    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(fputc(0x5a, f), 0x5a);
    assert_int_equal(fclose(f), 0);
}

static void opening_a_new_file_creates_it(void **state)
{
    struct scratch *x = *state;
    struct store_opening opening;
    struct store_facts facts;

    SUCCEED(try_open(x, NULL, &opening));
    assert_true(opening.was_created);
    assert_false(opening.was_checked);
    assert_int_equal(opening.schema_before, 0);
    assert_true(opening.schema_after >= 1);
    SUCCEED(store_facts(x->store, &facts, &x->e));
    assert_int_equal(facts.schema_version, opening.schema_after);
    assert_string_equal(facts.path, x->path);
    assert_true(facts.pages > 1);
    assert_int_equal(facts.database_bytes, facts.pages * facts.page_bytes);
    assert_string_equal(scratch_ask(x, x->path, "PRAGMA journal_mode"), "wal\n");
    assert_string_equal(scratch_ask(x, x->path, "PRAGMA auto_vacuum"), "2\n");
}

static void reopening_keeps_everything(void **state)
{
    struct scratch *x = *state;
    struct experiment_record e;
    struct store_opening opening;
    struct trial_record t;
    int64_t id;

    scratch_open(x);
    id = scratch_experiment(x, "maximize");
    scratch_trial(x, id, 1);
    scratch_insert_fold(x, id, 1, 1);
    scratch_close(x);
    SUCCEED(try_open(x, NULL, &opening));
    assert_false(opening.was_created);
    assert_false(opening.was_checked);
    x->r = store_writer(x->store);
    SUCCEED(store_experiment_get(x->r, id, x->a, &e, &x->e));
    assert_string_equal(e.name, "depth against width");
    SUCCEED(store_trial_get(x->r, id, 1, x->a, &t, &x->e));
    assert_int_equal(t.folds_done, 1);
}

static void a_second_daemon_is_told_who_holds_the_database(void **state)
{
    struct scratch *x = *state;
    pid_t child = hold_in_child(x);
    char expected[64];

    (void)snprintf(expected, sizeof expected, "held by process %ld", (long)child);
    assert_int_equal(try_open(x, NULL, NULL), ERR_CONFLICT);
    assert_non_null(strstr(x->e.message, expected));
    assert_non_null(strstr(x->e.message, x->path));
    end_child(child);
    SUCCEED(try_open(x, NULL, NULL));
}

static void another_name_of_the_file_is_the_same_database(void **state)
{
    struct scratch *x = *state;
    char other[160];
    struct store *second;

    scratch_open(x);
    (void)snprintf(other, sizeof other, "%s/other.db", x->folder);
    assert_int_equal(symlink(x->path, other), 0);
    assert_int_equal(store_open(other, NULL, &second, NULL, &x->e), ERR_CONFLICT);
}

static void an_unclean_stop_is_followed_by_a_check(void **state)
{
    struct scratch *x = *state;
    struct store_opening opening;

    end_child(hold_in_child(x));
    SUCCEED(try_open(x, NULL, &opening));
    assert_true(opening.was_checked);
    scratch_close(x);
    SUCCEED(try_open(x, NULL, &opening));
    assert_false(opening.was_checked);
}

static void a_damaged_database_is_refused_until_it_is_replaced(void **state)
{
    struct scratch *x = *state;

    scratch_open(x);
    for (int i = 0; i < 20; i++)
        (void)scratch_dataset(x, NULL);
    scratch_close(x);
    end_child(hold_in_child(x));
    overwrite(x->path, 4096, 65536);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(try_open(x, NULL, NULL), ERR_INVALID);
        assert_non_null(strstr(x->e.message, "damaged"));
        assert_non_null(strstr(x->e.message, x->path));
    }
}

static void a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
    struct scratch *x = *state;
    struct stat before, after;
    FILE *f = fopen(x->path, "w");

    for (int i = 0; i < 1000; i++)
        (void)fputs("sepal_length,sepal_width\n", f);
    (void)fclose(f);
    assert_int_equal(stat(x->path, &before), 0);
    assert_int_equal(try_open(x, NULL, NULL), ERR_INVALID);
    assert_non_null(strstr(x->e.message, "not an SQLite database"));
    assert_int_equal(stat(x->path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtime, after.st_mtime);
}

static void the_database_of_another_program_is_refused(void **state)
{
    struct scratch *x = *state;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(x->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE song (title TEXT)", NULL, NULL, NULL), 0);
    (void)sqlite3_close(db);
    assert_int_equal(try_open(x, NULL, NULL), ERR_INVALID);
    assert_non_null(strstr(x->e.message, "another program"));
    assert_string_equal(scratch_ask(x, x->path, "PRAGMA journal_mode"), "delete\n");
}

static void a_folder_that_does_not_exist_is_an_error(void **state)
{
    struct scratch *x = *state;

    (void)snprintf(x->path, sizeof x->path, "%s/none/results.db", x->folder);
    assert_int_equal(try_open(x, NULL, NULL), ERR_IO);
    assert_non_null(strstr(x->e.message, "folder"));
}

/* ---- migrations ---------------------------------------------------------------------------- */

#define MIGRATION(number, sql)                                                                     \
    {                                                                                              \
        "migrations/" number "_x.sql", sql, sql + sizeof sql - 1                                   \
    }

static const char first[] = "PRAGMA application_id = 0x73777064; PRAGMA user_version = 1;"
                            "CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT,"
                            "                        checksum TEXT, applied_at_ms INTEGER);"
                            "CREATE TABLE thing (x); INSERT INTO thing VALUES (42);";
static const char second[] = "PRAGMA user_version = 2; ALTER TABLE thing ADD COLUMN y;";
static const char broken[] = "PRAGMA user_version = 2; CREATE TABLE a (x); CREATE TABLE a (x);";
static const char other[] = "PRAGMA application_id = 0x73777064; PRAGMA user_version = 1;"
                            "CREATE TABLE migration (version INTEGER PRIMARY KEY, name TEXT,"
                            "                        checksum TEXT, applied_at_ms INTEGER);";

static const char family[] = "PRAGMA user_version = 2;"
                             "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
                             "CREATE TABLE child (of REFERENCES parent ON DELETE CASCADE);"
                             "INSERT INTO parent VALUES (7); INSERT INTO child VALUES (7);";
static const char rebuilt[] = "PRAGMA user_version = 3;"
                              "CREATE TABLE wider (id INTEGER PRIMARY KEY, x);"
                              "INSERT INTO wider SELECT id, 1 FROM parent;"
                              "DROP TABLE parent; ALTER TABLE wider RENAME TO parent;";
static const char orphaned[] = "PRAGMA user_version = 3; DELETE FROM parent;";

static const struct embedded one_file[] = {MIGRATION("0001", first), {0}};
static const struct embedded two_files[] = {
    MIGRATION("0001", first), {"web/index.html", first, first}, MIGRATION("0002", second), {0}};
static const struct embedded broken_files[] = {
    MIGRATION("0001", first), MIGRATION("0002", broken), {0}};
static const struct embedded rebuilding_files[] = {
    MIGRATION("0001", first), MIGRATION("0002", family), MIGRATION("0003", rebuilt), {0}};
static const struct embedded orphaning_files[] = {
    MIGRATION("0001", first), MIGRATION("0002", family), MIGRATION("0003", orphaned), {0}};
static const struct embedded other_files[] = {MIGRATION("0001", other), {0}};

static void open_with(struct scratch *x, const struct embedded *files,
                      struct store_opening *opening)
{
    struct store_options options = {.migrations = files};

    SUCCEED(try_open(x, &options, opening));
}

static void a_newer_schema_is_refused(void **state)
{
    struct scratch *x = *state;
    struct store_options older = {.migrations = one_file};

    open_with(x, two_files, NULL);
    scratch_close(x);
    assert_int_equal(try_open(x, &older, NULL), ERR_INVALID);
    assert_non_null(strstr(x->e.message, "schema 2; this build knows 1"));
}

static void migrating_keeps_a_copy_of_what_was(void **state)
{
    struct scratch *x = *state;
    struct store_opening opening;

    open_with(x, one_file, &opening);
    assert_string_equal(opening.backup_path, "");
    scratch_close(x);
    open_with(x, two_files, &opening);
    assert_int_equal(opening.schema_before, 1);
    assert_int_equal(opening.schema_after, 2);
    assert_string_equal(scratch_ask(x, x->path, "SELECT x, y FROM thing"), "42|\n");
    assert_string_equal(scratch_ask(x, x->path, "SELECT version, name FROM migration"),
                        "1|0001_x.sql\n2|0002_x.sql\n");
    assert_string_equal(scratch_ask(x, opening.backup_path, "PRAGMA user_version"), "1\n");
    assert_string_equal(scratch_ask(x, opening.backup_path, "SELECT * FROM thing"), "42\n");
}

static void a_migration_that_fails_changes_nothing(void **state)
{
    struct scratch *x = *state;
    struct store_options options = {.migrations = broken_files};

    open_with(x, one_file, NULL);
    scratch_close(x);
    assert_int_equal(try_open(x, &options, NULL), ERR_INTERNAL);
    assert_non_null(strstr(x->e.message, "0002_x.sql"));
    assert_non_null(strstr(x->e.detail, "already exists"));
    open_with(x, one_file, NULL);
    assert_string_equal(scratch_ask(x, x->path, "PRAGMA user_version"), "1\n");
}

static void a_table_that_is_made_anew_keeps_what_belongs_to_its_rows(void **state)
{
    struct scratch *x = *state;

    open_with(x, rebuilding_files, NULL);
    scratch_close(x);
    assert_string_equal(scratch_ask(x, x->path, "SELECT x, of FROM parent, child"), "1|7\n");
}

static void a_migration_that_leaves_orphans_is_undone(void **state)
{
    struct scratch *x = *state;
    struct store_options options = {.migrations = orphaning_files};

    assert_int_equal(try_open(x, &options, NULL), ERR_INTERNAL);
    assert_non_null(strstr(x->e.message, "0003_x.sql: it leaves 1 rows"));
    assert_string_equal(scratch_ask(x, x->path, "SELECT id FROM parent"), "7\n");
}

static void a_database_made_with_another_migration_is_refused(void **state)
{
    struct scratch *x = *state;
    struct store_options options = {.migrations = other_files};

    open_with(x, one_file, NULL);
    scratch_close(x);
    assert_int_equal(try_open(x, &options, NULL), ERR_INVALID);
    assert_non_null(strstr(x->e.message, "0001_x.sql"));
}

/* ---- readers ------------------------------------------------------------------------------- */

static void a_reader_sees_what_is_committed_and_nothing_else(void **state)
{
    struct scratch *x = *state;
    struct reader *r;
    struct txn txn = {0};
    int64_t id;

    scratch_open(x);
    SUCCEED(store_reader_acquire(x->store, &r, &x->e));
    SUCCEED(txn_begin(x->store, TXN_DURABLE, &txn, &x->e));
    (void)scratch_experiment(x, "maximize");
    assert_int_equal(store_experiment_latest(r, &id, &x->e), ERR_NOT_FOUND);
    SUCCEED(store_experiment_latest(x->r, &id, &x->e));
    SUCCEED(txn_commit(&txn, &x->e));
    SUCCEED(store_experiment_latest(r, &id, &x->e));
    store_reader_release(x->store, r);
}

static void a_reader_cannot_write(void **state)
{
    struct scratch *x = *state;
    struct reader *r;

    scratch_open(x);
    SUCCEED(store_reader_acquire(x->store, &r, &x->e));
    assert_int_equal(sqlite3_db_readonly(r->db, "main"), 1);
    assert_int_equal(sqlite3_exec(r->db, "DELETE FROM dataset", NULL, NULL, NULL), SQLITE_READONLY);
    store_reader_release(x->store, r);
}

static void a_released_reader_is_used_again(void **state)
{
    struct scratch *x = *state;
    struct reader *a, *b, *again;

    scratch_open(x);
    SUCCEED(store_reader_acquire(x->store, &a, &x->e));
    SUCCEED(store_reader_acquire(x->store, &b, &x->e));
    assert_ptr_not_equal(a, b);
    store_reader_release(x->store, a);
    SUCCEED(store_reader_acquire(x->store, &again, &x->e));
    assert_ptr_equal(a, again);
    store_reader_release(x->store, again);
    store_reader_release(x->store, b);
}

static void an_inner_transaction_is_undone_alone(void **state)
{
    struct scratch *x = *state;
    struct txn outer = {0}, inner = {0};
    struct experiment_record e;
    int64_t first_id, second_id;

    scratch_open(x);
    SUCCEED(txn_begin(x->store, TXN_RELAXED, &outer, &x->e));
    first_id = scratch_experiment(x, "maximize");
    SUCCEED(txn_begin(x->store, TXN_DURABLE, &inner, &x->e));
    second_id = scratch_experiment(x, "maximize");
    txn_end(&inner);
    SUCCEED(txn_commit(&outer, &x->e));
    SUCCEED(store_experiment_get(x->r, first_id, x->a, &e, &x->e));
    assert_int_equal(store_experiment_get(x->r, second_id, x->a, &e, &x->e), ERR_NOT_FOUND);
}

static void a_group_is_committed_whole_or_not_at_all(void **state)
{
    struct scratch *x = *state;
    struct txn group = {0}, part = {0};
    struct experiment_record e;
    int64_t ids[3];

    scratch_open(x);
    for (int round = 0; round < 3; round++) {
        SUCCEED(txn_begin_group(x->store, TXN_RELAXED, &group, &x->e));
        SUCCEED(txn_begin(x->store, TXN_RELAXED, &part, &x->e));
        ids[round] = scratch_experiment(x, "maximize");
        if (round == 1) { /* in this one a part fails */
            txn_end(&part);
            assert_int_equal(txn_commit(&group, &x->e), ERR_INTERNAL);
            txn_end(&group);
        } else {
            SUCCEED(txn_commit(&part, &x->e));
            SUCCEED(txn_commit(&group, &x->e));
        }
    }
    SUCCEED(store_experiment_get(x->r, ids[0], x->a, &e, &x->e));
    SUCCEED(store_experiment_get(x->r, ids[2], x->a, &e, &x->e));
    assert_string_equal(scratch_ask(x, x->path, "SELECT count(*) FROM experiment"), "2\n");
}

/* What the shell on this machine answers; skips the test if there is no shell. */
static void shell_says(struct scratch *x, const char *expected)
{
    char command[512], answer[64] = {0};
    FILE *shell;

    if (system("command -v sqlite3 >/dev/null 2>&1") != 0)
        skip();
    (void)snprintf(command, sizeof command,
                   "sqlite3 -readonly '%s' 'SELECT trial, hidden, cv_mean FROM leaderboard"
                   " ORDER BY rank LIMIT 1' 2>&1",
                   x->path);
    shell = popen(command, "r");
    assert_non_null(shell);
    assert_true(fread(answer, 1, sizeof answer - 1, shell) > 0);
    assert_int_equal(pclose(shell), 0);
    assert_string_equal(answer, expected);
}

static void a_read_only_shell_reads_the_leaderboard_while_the_store_is_open_and_after(void **state)
{
    struct scratch *x = *state;
    int64_t id;

    scratch_open(x);
    id = scratch_experiment(x, "maximize");
    scratch_trial(x, id, 1);
    scratch_trial(x, id, 2);
    scratch_complete(x, id, 2, 0.75);
    shell_says(x, "2|64,32|0.75\n");
    scratch_close(x);
    shell_says(x, "2|64,32|0.75\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make_folder, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(opening_a_new_file_creates_it),
        TEST(reopening_keeps_everything),
        TEST(a_second_daemon_is_told_who_holds_the_database),
        TEST(another_name_of_the_file_is_the_same_database),
        TEST(an_unclean_stop_is_followed_by_a_check),
        TEST(a_damaged_database_is_refused_until_it_is_replaced),
        TEST(a_file_that_is_no_database_is_refused_and_left_alone),
        TEST(the_database_of_another_program_is_refused),
        TEST(a_folder_that_does_not_exist_is_an_error),
        TEST(a_newer_schema_is_refused),
        TEST(migrating_keeps_a_copy_of_what_was),
        TEST(a_migration_that_fails_changes_nothing),
        TEST(a_table_that_is_made_anew_keeps_what_belongs_to_its_rows),
        TEST(a_migration_that_leaves_orphans_is_undone),
        TEST(a_database_made_with_another_migration_is_refused),
        TEST(a_reader_sees_what_is_committed_and_nothing_else),
        TEST(a_reader_cannot_write),
        TEST(a_released_reader_is_used_again),
        TEST(an_inner_transaction_is_undone_alone),
        TEST(a_group_is_committed_whole_or_not_at_all),
        TEST(a_read_only_shell_reads_the_leaderboard_while_the_store_is_open_and_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
