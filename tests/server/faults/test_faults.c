/*
 * The service's life under faults: upload, submit, train, delete, with the n-th allocation, write,
 * sync, truncation, deletion or read failing, for n from 1 until nothing fails any more. Whatever
 * fails, nothing crashes or hangs, a call that succeeded has happened, the results are those of an
 * undisturbed run, and the database is sound.
 *
 * Here a few values of n for each kind of fault. FAULTS_STEP=37 FAULTS_FIRST=3 takes 3, 40, 77, …; an
 * argument names the tests to run. torture.sh goes through all.
 */
#include "tests/server/store/scratch.h"

#include <glob.h>

#include "core/data/read.h"
#include "core/data/source.h"
#include "core/linalg/kernel.h"
#include "server/jobs/facts.h"
#include "server/jobs/jobs.h"
#include "server/jobs/writer.h"
#include "server/log.h"
#include "server/schema/change.h"
#include "server/schema/faults.h"
#include "tests/server/faults/faults.h"

enum { FEW = 6, VERY_FEW = 2, PATIENCE_MS = 60000 };

static const char CSV[] = "x,z,y\n1,5,a\n2,3,b\n3,8,a\n4,1,b\n5,7,a\n"
                          "6,2,b\n7,9,a\n8,1,b\n2,7,a\n3,2,b\n";
static const char DEFINITION[] =
    "{\"dataset\": \"d\", \"name\": \"e\", \"sampler\": \"grid\", \"metric\": \"log_loss\","
    " \"space\": {\"layers\": 1, \"width\": [2, 3], \"epochs\": 2},"
    " \"cross_validation\": {\"folds\": 2}}";

/* Everything that makes a result, and nothing that tells when. */
static const char RESULTS[] = "SELECT trial, state, printf('%.17g', score), params,"
                              " (SELECT json_group_object(fold, weights_hash)"
                              "    FROM (SELECT * FROM fold ORDER BY fold) f"
                              "   WHERE f.trial = t.trial) FROM trial t ORDER BY trial";

/* One life; x->store is open while jobs is. */
struct life {
    struct scratch *x;
    struct jobs *jobs;
    int64_t dataset, experiment; /* once that was acknowledged */
    bool has_failed;             /* the search, in words */
    bool is_passing;             /* the fault: what it keeps from going on goes on by itself */
};

/* ---- steps: each may fail, and may then be done again --------------------------------------- */

static void changed(void *ctx)
{
    (void)ctx;
}

static enum err open_all(struct life *l)
{
    struct jobs_options options = {.n_threads = 2, .memory_bytes = 64 << 20, .changed = changed};
    struct scratch *x = l->x;

    TRY(kernel_choose(NULL, &options.kernel, &x->e));
    TRY(store_open(x->path, NULL, &x->store, NULL, &x->e));
    return jobs_start(x->store, &options, &l->jobs, &x->e);
}

static void close_all(struct life *l)
{
    jobs_stop(l->jobs);
    l->jobs = NULL;
    scratch_close(l->x);
}

static enum err insert_table(struct store *s, void *ctx, struct error *e)
{
    struct dataset_record record = scratch_dataset_record("d");

    return store_dataset_insert(s, &record, ctx, NULL, e);
}

/* A client that was told of a failure looks what came of it. */
static enum err find_dataset(struct life *l)
{
    struct scratch *x = l->x;
    struct dataset_record d;
    struct reader *r;
    enum err failed;

    TRY(store_reader_acquire(x->store, &r, &x->e));
    failed = store_dataset_find(r, "d", x->a, &d, &x->e);
    store_reader_release(x->store, r);
    TRY(failed);
    l->dataset = d.id;
    return ERR_OK;
}

static enum err upload(struct life *l)
{
    struct table_options options = {0};
    struct memory_source m;
    struct table_file file = {&m.source, NULL};
    struct table *t;
    enum err failed;

    source_memory_init(&m, CSV, sizeof CSV - 1);
    TRY(table_read(&file, 1, &options, 1 << 20, &t, &l->x->e));
    failed = writer_call(jobs_writer(l->jobs), insert_table, t, &l->x->e);
    table_destroy(t);
    if (failed != ERR_CONFLICT) /* else it was stored all the same */
        TRY(failed);
    return find_dataset(l);
}

struct draft {
    struct experiment_record record;
    int64_t id;
};

static enum err insert_experiment(struct store *s, void *ctx, struct error *e)
{
    struct draft *d = ctx;

    return store_experiment_insert(s, &d->record, &d->id, e);
}

static enum err define(struct life *l, const struct table *t, const char **json)
{
    struct scratch *x = l->x;
    struct definition_facts facts;
    struct definition *d;
    struct faults faults;

    faults_init(&faults, x->a);
    TRY(facts_of(t, l->dataset, "d", x->a, &facts, &x->e));
    TRY(definition_decode(DEFINITION, sizeof DEFINITION - 1, &facts, x->a, &faults, &d, &x->e));
    return change_write(d, x->a, json, &x->e);
}

static enum err read_state(struct life *l, int64_t id,
                           struct experiment_record *out)
{
    struct scratch *x = l->x;
    struct reader *r;
    enum err failed;

    TRY(store_reader_acquire(x->store, &r, &x->e));
    failed = store_experiment_get(r, id, x->a, out, &x->e);
    store_reader_release(x->store, r);
    return failed;
}

static enum err submit(struct life *l)
{
    struct draft draft = {.record = scratch_experiment_record(l->dataset)};
    const struct table *t;
    enum err failed;

    TRY(jobs_take_table(l->jobs, l->dataset, &t, &l->x->e));
    failed = define(l, t, &draft.record.definition);
    jobs_release_table(l->jobs, t);
    TRY(failed);
    TRY(writer_call(jobs_writer(l->jobs), insert_experiment, &draft, &l->x->e));
    l->experiment = draft.id;
    return jobs_begin(l->jobs, draft.id, &l->x->e);
}

static enum err finish(struct life *l)
{
    struct experiment_record record;
    char why[512];

    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        if (!l->is_passing && jobs_degraded(l->jobs, why) && ms > 0)
            return error_set(&l->x->e, ERR_IO, "degraded: %.400s", why);
        TRY(read_state(l, l->experiment, &record));
        l->has_failed = strcmp(record.state, "failed") == 0;
        if (l->has_failed || strcmp(record.state, "completed") == 0)
            return ERR_OK;
        (void)usleep(1000);
    }
    fail_msg("it hangs: %s", record.state);
    return ERR_INTERNAL;
}

static enum err delete_experiment(struct store *s, void *ctx, struct error *e)
{
    return store_experiment_delete(s, ((struct life *)ctx)->experiment, e);
}

static enum err delete_dataset(struct store *s, void *ctx, struct error *e)
{
    return store_dataset_delete(s, ((struct life *)ctx)->dataset, e);
}

static enum err delete_all(struct life *l)
{
    enum err failed = writer_call(jobs_writer(l->jobs), delete_experiment, l, &l->x->e);

    if (failed != ERR_NOT_FOUND) /* else it was deleted all the same */
        TRY(failed);
    return writer_call(jobs_writer(l->jobs), delete_dataset, l, &l->x->e);
}

/* ---- a life -------------------------------------------------------------------------------- */

static bool is_of_a_fault(enum err code)
{
    return code == ERR_NO_MEMORY || code == ERR_IO || code == ERR_NO_SPACE || code == ERR_BUSY ||
           code == ERR_INVALID; /* "it is damaged": what could not be read at a start */
}

/* What was refused may be there after a start: a commit whose sync failed got through. A client
 * that gives a key is told so; this one looks. */
static enum err submit_unless_there(struct life *l)
{
    struct experiment_record record;
    enum err failed = read_state(l, 1, &record);

    if (failed == ERR_NOT_FOUND)
        return submit(l);
    l->experiment = 1;
    return failed;
}

/* The daemon is ended where something failed, and started on a sound machine. */
static void start_again(struct life *l, enum err failed)
{
    if (!is_of_a_fault(failed))
        fail_msg("error %d: %s (%s)", failed, l->x->e.message, l->x->e.detail);
    close_all(l);
    faults_end();
    failed = open_all(l);
    if (failed)
        fail_msg("it does not start again: %s (%s)", l->x->e.message, l->x->e.detail);
}

static void insist(struct life *l, enum err (*step)(struct life *l))
{
    enum err failed = step(l);

    if (failed) {
        start_again(l, failed);
        if (step == open_all)
            return;
        failed = step == submit ? submit_unless_there(l) : step(l);
    }
    if (failed && !(step == delete_all && failed == ERR_NOT_FOUND))
        fail_msg("error %d on a sound machine: %s (%s)", failed, l->x->e.message, l->x->e.detail);
}

static void check_sound(struct scratch *x)
{
    assert_string_equal(scratch_ask(x, x->path, "PRAGMA integrity_check"), "ok\n");
}

/* Where the fault stays a search or a trial may end in words that name it; every other trial has the
 * results of an undisturbed run. A fault that passes leaves no trace. */
static void check_results(struct life *l, const char *expected)
{
    static const char words[] = "SELECT count(*) FROM (SELECT error FROM experiment UNION ALL"
                                " SELECT error FROM trial WHERE state = 'failed') WHERE"
                                " error LIKE '%memory%' OR error LIKE '%disk%' OR"
                                " error LIKE '%database%'";
    struct scratch *x = l->x;
    char *results = scratch_ask(x, x->path, RESULTS);
    bool are_all = !l->has_failed;

    if (l->is_passing)
        assert_string_equal(results, expected);
    for (char *line = strtok(results, "\n"); line; line = strtok(NULL, "\n")) {
        bool is_completed = strstr(line, "|completed|") != NULL;

        are_all &= is_completed;
        if (is_completed && !strstr(expected, line))
            fail_msg("other than undisturbed: %s", line);
    }
    if (!are_all)
        assert_string_not_equal(scratch_ask(x, x->path, words), "0\n");
}

/* From an empty database to an empty one; `expected` NULL: the answer is what to expect. The fault
 * is in order already. */
static const char *live(struct scratch *x, const char *expected, bool is_passing)
{
    struct life l = {.x = x, .is_passing = is_passing};
    const char *results = expected;

    insist(&l, open_all);
    insist(&l, upload);
    insist(&l, submit);
    insist(&l, finish);
    if (!expected)
        results = scratch_ask(x, x->path, RESULTS);
    else if (faults_struck())
        check_results(&l, expected);
    insist(&l, delete_all);
    close_all(&l);
    return results;
}

/* With the copies that were made of it before migrations. */
static void forget(struct scratch *x)
{
    char pattern[160];
    glob_t found;

    (void)snprintf(pattern, sizeof pattern, "%s*", x->path);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        (void)unlink(found.gl_pathv[i]);
    globfree(&found);
}

/* A new database in its place: made once, since making it takes most of the calls. */
static void renew(struct scratch *x)
{
    static char image[1 << 20];
    static size_t bytes;
    FILE *f;

    forget(x);
    if (bytes == 0) {
        scratch_open(x);
        scratch_close(x);
        f = fopen(x->path, "rb");
        assert_non_null(f);
        bytes = fread(image, 1, sizeof image, f);
        assert_true(bytes > 0 && bytes < sizeof image);
        assert_int_equal(fclose(f), 0);
        forget(x);
    }
    f = fopen(x->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(image, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

/* One life with a fault; false if it did not come to that. */
static bool live_with_fault(struct scratch *x, const char *expected, enum faults_call call,
                            enum faults_how how, bool for_ever, long n)
{
    renew(x);
    faults_order(call, how, for_ever, n);
    (void)live(x, expected, !for_ever);
    faults_end();
    check_sound(x);
    assert_string_equal(scratch_ask(x, x->path,
                                    "SELECT (SELECT count(*) FROM dataset)"
                                    "     + (SELECT count(*) FROM experiment)"
                                    "     + (SELECT count(*) FROM trial)"
                                    "     + (SELECT count(*) FROM fold)"),
                        "0\n");
    return faults_struck();
}

/* 0: nobody has asked for any. */
static long asked_for(const char *name)
{
    const char *asked = getenv(name);

    return asked ? atol(asked) : 0;
}

static long step_for(long total, long few)
{
    long asked = asked_for("FAULTS_STEP");

    if (asked > 0)
        return asked;
    return total < few ? 1 : total / few;
}

static long first_n(void)
{
    long asked = asked_for("FAULTS_FIRST");

    return asked > 0 ? asked : 1;
}

/* Every call of a kind fails in turn, or a sample of them. */
static void fail_each(struct scratch *x, enum faults_call call, enum faults_how how, bool for_ever)
{
    struct arena *kept = x->a;
    const char *expected;
    long total, step, struck = 0;

    renew(x);
    faults_order(call, how, false, 0);
    expected = live(x, NULL, false);
    total = faults_count(call);
    SUCCEED(arena_create(1 << 16, &x->a, &x->e)); /* of one life */
    step = step_for(total, for_ever ? VERY_FEW : FEW); /* a broken disk is waited for long */
    for (long n = first_n(); n <= total; n += step) {
        struck += live_with_fault(x, expected, call, how, for_ever, n);
        arena_reset(x->a);
    }
    arena_destroy(x->a);
    x->a = kept;
    print_message("# %ld of %ld calls have failed\n", struck, total);
    assert_true(struck > 0 || first_n() > total);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Opens a new database with the n-th call failing, and again without. */
static void make_with_fault(struct scratch *x, enum faults_call call, long n)
{
    enum err failed;

    forget(x);
    faults_order(call, FAULTS_ERROR, false, n);
    failed = store_open(x->path, NULL, &x->store, NULL, &x->e);
    faults_end();
    if (failed) {
        assert_true(is_of_a_fault(failed));
        scratch_open(x);
    }
    scratch_close(x);
    check_sound(x);
    arena_reset(x->a);
}

static void a_database_that_could_not_be_made_is_made_at_the_next_start(void **state)
{
    struct scratch *x = *state;

    for (int call = 0; call < FAULTS_N_CALLS; call++) {
        long total;

        forget(x);
        faults_order(call, FAULTS_ERROR, false, 0);
        scratch_open(x);
        scratch_close(x);
        total = faults_count(call);
        for (long n = first_n(); n <= total; n += step_for(total, FEW))
            make_with_fault(x, call, n);
    }
}

#define FAULT(name, call, how, for_ever)                                                           \
    static void name(void **state)                                                                 \
    {                                                                                              \
        fail_each(*state, call, how, for_ever);                                                    \
    }

FAULT(an_allocation_that_fails_loses_nothing, FAULTS_ALLOCATION, FAULTS_ERROR, false)
FAULT(a_write_that_fails_loses_nothing, FAULTS_WRITE, FAULTS_ERROR, false)
FAULT(a_torn_write_loses_nothing, FAULTS_WRITE, FAULTS_TORN, false)
FAULT(a_sync_that_fails_loses_nothing, FAULTS_SYNC, FAULTS_ERROR, false)
FAULT(a_read_that_fails_loses_nothing, FAULTS_READ, FAULTS_ERROR, false)
FAULT(a_truncation_that_fails_loses_nothing, FAULTS_TRUNCATE, FAULTS_ERROR, false)
FAULT(a_disk_that_fails_for_good_loses_nothing, FAULTS_WRITE, FAULTS_ERROR, true)
FAULT(a_disk_that_fills_up_loses_nothing, FAULTS_WRITE, FAULTS_FULL, true)
FAULT(a_disk_that_syncs_no_more_loses_nothing, FAULTS_SYNC, FAULTS_ERROR, true)
FAULT(a_disk_that_reads_no_more_loses_nothing, FAULTS_READ, FAULTS_ERROR, true)

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make_folder, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_database_that_could_not_be_made_is_made_at_the_next_start),
        TEST(an_allocation_that_fails_loses_nothing),
        TEST(a_write_that_fails_loses_nothing),
        TEST(a_torn_write_loses_nothing),
        TEST(a_sync_that_fails_loses_nothing),
        TEST(a_read_that_fails_loses_nothing),
        TEST(a_truncation_that_fails_loses_nothing),
        TEST(a_disk_that_fails_for_good_loses_nothing),
        TEST(a_disk_that_fills_up_loses_nothing),
        TEST(a_disk_that_syncs_no_more_loses_nothing),
        TEST(a_disk_that_reads_no_more_loses_nothing),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    faults_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
