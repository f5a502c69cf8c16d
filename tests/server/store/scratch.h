/*
 * What the tests of the store share: a database in a folder of its own, and the shortest way to
 * put something in it.
 */
#ifndef SWEEPD_TESTS_SERVER_STORE_SCRATCH_H
#define SWEEPD_TESTS_SERVER_STORE_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/data/table.h"
#include "server/store/store.h"
#include "server/store/store_dataset.h"
#include "server/store/store_event.h"
#include "server/store/store_experiment.h"
#include "server/store/store_export.h"
#include "server/store/store_fold.h"
#include "server/store/store_trial.h"
#include "server/store/txn.h"

struct scratch {
    char folder[64];
    char path[128]; /* of the database */
    struct store *store;
    struct reader *r; /* the writer's own view */
    struct arena *a;
    struct error e;
};

/* Fails the test with the message of the error. */
#define SUCCEED(call)                                                                              \
    do {                                                                                           \
        enum err code_ = (call);                                                                   \
        if (code_ != ERR_OK)                                                                       \
            fail_msg("%s: error %d: %s (%s)", #call, code_, x->e.message, x->e.detail);            \
    } while (0)

static inline void scratch_open(struct scratch *x)
{
    SUCCEED(store_open(x->path, NULL, &x->store, NULL, &x->e));
    x->r = store_writer(x->store);
}

static inline void scratch_close(struct scratch *x)
{
    store_close(x->store);
    x->store = NULL;
}

static inline int scratch_make_folder(void **state)
{
    struct scratch *x = calloc(1, sizeof *x);

    strcpy(x->folder, "/tmp/sweepd-store-XXXXXX");
    assert_non_null(mkdtemp(x->folder));
    (void)snprintf(x->path, sizeof x->path, "%s/results.db", x->folder);
    SUCCEED(arena_create(1 << 16, &x->a, &x->e));
    *state = x;
    return 0;
}

static inline int scratch_setup(void **state)
{
    scratch_make_folder(state);
    scratch_open(*state);
    return 0;
}

static inline int scratch_teardown(void **state)
{
    struct scratch *x = *state;
    char name[512];
    struct dirent *f;
    DIR *folder;

    store_close(x->store);
    arena_destroy(x->a);
    folder = opendir(x->folder);
    while (folder && (f = readdir(folder))) {
        (void)snprintf(name, sizeof name, "%s/%s", x->folder, f->d_name);
        (void)unlink(name); /* . and .. are refused */
    }
    if (folder)
        (void)closedir(folder);
    (void)rmdir(x->folder);
    free(x);
    return 0;
}

/* ---- things to store ----------------------------------------------------------------------- */

/* Four rows: a number with a gap, a text with a gap, a class. */
static inline struct table *scratch_table(struct scratch *x)
{
    static const char colours[] = "blå\0green\0", kinds[] = "no\0yes";
    const double sizes[] = {1.5, -0.0, (double)NAN, 1e300};
    const int32_t codes[] = {0, 1, -1, 0}, classes[] = {0, 1, 1, 0};
    struct table *t;

    SUCCEED(table_create(4, 4, &t, &x->e));
    SUCCEED(table_set_name(t, 0, "size, \"größe\"", &x->e));
    SUCCEED(table_set_type(t, 0, COLUMN_NUMERIC, &x->e));
    memcpy(t->columns[0].values, sizes, sizeof sizes);
    t->columns[0].missing = 1;
    t->columns[0].distinct = 3;
    t->columns[0].min = 0;
    t->columns[0].max = 1e300;
    t->columns[0].mean = 1e300 / 3;
    t->columns[0].std = 0.1 + 0.2;
    SUCCEED(table_set_name(t, 1, "色", &x->e));
    SUCCEED(table_set_type(t, 1, COLUMN_CATEGORICAL, &x->e));
    SUCCEED(table_set_labels(t, 1, colours, sizeof colours - 1, 2, &x->e));
    memcpy(t->columns[1].codes, codes, sizeof codes);
    SUCCEED(table_set_name(t, 2, "label", &x->e));
    SUCCEED(table_set_type(t, 2, COLUMN_CATEGORICAL, &x->e));
    SUCCEED(table_set_labels(t, 2, kinds, sizeof kinds, 2, &x->e));
    memcpy(t->columns[2].codes, classes, sizeof classes);
    t->columns[2].role = ROLE_TARGET;
    SUCCEED(table_set_name(t, 3, "id", &x->e));
    t->columns[3].role = ROLE_IDENTIFIER;
    t->columns[3].type = COLUMN_CATEGORICAL;
    t->columns[3].distinct = 4;
    t->task = TASK_CLASSIFICATION;
    SUCCEED(table_set_reason(t, "classification: the target is text", &x->e));
    SUCCEED(table_set_targets(t, (const size_t[]){2}, 1, &x->e));
    SUCCEED(table_count_classes(t, &x->e));
    t->duplicate_rows = 1;
    t->rows_without_target = 2;
    t->max_categories = 50;
    strcpy(t->format, "csv");
    strcpy(t->delimiter, ",");
    t->decimal = '.';
    t->header = true;
    SUCCEED(table_warn(t, &x->e, "column \"%s\" is left out", "id"));
    return t;
}

static inline struct dataset_record scratch_dataset_record(const char *name)
{
    return (struct dataset_record){.name = name,
                                   .sha256 = "ab12",
                                   .options = "{\"target\":\"label\"}",
                                   .report = "{}",
                                   .bytes = 100,
                                   .created_at_ms = 1700000000123};
}

static inline int64_t scratch_dataset(struct scratch *x, const char *name)
{
    struct dataset_record d = scratch_dataset_record(name);
    struct table *t = scratch_table(x);
    int64_t id = 0;

    SUCCEED(store_dataset_insert(x->store, &d, t, &id, &x->e));
    table_destroy(t);
    return id;
}

static inline struct experiment_record scratch_experiment_record(int64_t dataset)
{
    return (struct experiment_record){.name = "depth against width",
                                      .dataset_id = dataset,
                                      .state = "queued",
                                      .metric = "accuracy",
                                      .direction = "maximize",
                                      .sampler = "grid",
                                      .pruner = "none",
                                      .seed = 7,
                                      .definition = "{\"dataset\": \"iris\"}",
                                      .planned_trials = 12,
                                      .folds_per_trial = 2,
                                      .tags = "[\"first\", \"good\"]",
                                      .created_at_ms = 1700000000123};
}

static inline int64_t scratch_experiment(struct scratch *x, const char *direction)
{
    struct experiment_record r = scratch_experiment_record(scratch_dataset(x, NULL));
    int64_t id = 0;

    r.direction = direction;
    SUCCEED(store_experiment_insert(x->store, &r, &id, &x->e));
    return id;
}

static inline void scratch_trial(struct scratch *x, int64_t experiment, int64_t trial)
{
    struct param items[] = {
        {"layers", {.kind = VALUE_INT, .integer = 2}},
        {"learning_rate", {.kind = VALUE_REAL, .real = 1.0 / (double)(1 + trial)}},
        {"activation", {.kind = VALUE_TEXT, .text = trial % 2 ? "relu" : "tanh"}},
        {"hidden", {.kind = VALUE_LIST, .list = {2, (const int64_t[]){64, 32}}}},
        {"nesterov", {.kind = VALUE_BOOL, .boolean = true}},
        {"momentum", {.kind = VALUE_REAL, .real = 0.5}},
    };
    struct params params = {trial % 3 == 0 ? 6 : 5, items};
    struct trial_proposal p = {
        .trial = trial,
        .params = &params,
        .configuration_key = "key",
        .network = {.layers = 2,
                    .hidden = (const int64_t[]){64, 32},
                    .activations = (const char *const[]){items[2].value.text, items[2].value.text},
                    .optimizer = "sgd",
                    .learning_rate = items[1].value.real,
                    .batch_size = 0,
                    .epochs = 30,
                    .weight_count = 1000 + trial},
        .folds_planned = 2,
    };

    SUCCEED(store_trial_insert(x->store, experiment, &p, 1, &x->e));
}

static inline struct trial_finish scratch_finish(const char *state, double score)
{
    return (struct trial_finish){.state = state,
                                 .score = score,
                                 .score_std = 0.01,
                                 .score_sem = (double)NAN,
                                 .train_mean = 0.5,
                                 .seconds = 1.25,
                                 .at_ms = 1700000001001};
}

static inline void scratch_complete(struct scratch *x, int64_t experiment, int64_t trial,
                                    double score)
{
    struct trial_finish f = scratch_finish("completed", score);

    SUCCEED(store_trial_finish(x->store, experiment, trial, &f, &x->e));
}

/* `metrics` holds two. */
static inline struct fold_record scratch_fold(int64_t experiment, int64_t trial, int64_t fold,
                                              struct fold_metric *metrics)
{
    metrics[0] = (struct fold_metric){"accuracy", 0.99, 0.1 + 0.2};
    metrics[1] = (struct fold_metric){"log_loss", 0.25, (double)NAN};
    return (struct fold_record){.experiment = experiment,
                                .trial = trial,
                                .repeat = 1,
                                .fold = fold,
                                .state = "completed",
                                .epochs = 3,
                                .epochs_run = 3,
                                .seconds = 0.5,
                                .weights_hash = "00ff",
                                .engine = "1",
                                .kernel = "reference",
                                .finished_at_ms = 1700000000500,
                                .n_metrics = 2,
                                .metrics = metrics,
                                .curves = {.train_loss = "[0.5,0.25,0.125]",
                                           .validation_loss = "[0.6,null,0.3]",
                                           .validation_score = "[0.1,0.2,0.3]",
                                           .learning_rate = "[0.01,0.01,0.01]",
                                           .layers = "[{\"gradient_norm\":[3,2,1e-07],"
                                                     "\"update_ratio\":[0.01,0.02,null],"
                                                     "\"idle\":[0,0.5,1]},"
                                                     "{\"gradient_norm\":[5,null,6],"
                                                     "\"update_ratio\":[0.1,0.2,0.3],"
                                                     "\"idle\":[null,null,null]}]"}};
}

static inline void scratch_insert_fold(struct scratch *x, int64_t experiment, int64_t trial,
                                       int64_t fold)
{
    struct fold_metric metrics[2];
    struct fold_record f = scratch_fold(experiment, trial, fold, metrics);

    SUCCEED(store_fold_insert(x->store, &f, &x->e));
}

/* ---- SQL as an analyst would ask it -------------------------------------------------------- */

/* The answer's rows as text, `|` between columns and a line each, as the shell prints it. Asked
 * like the most careful client would, which trusts no schema. */
static inline char *scratch_ask(struct scratch *x, const char *path, const char *sql)
{
    sqlite3_stmt *q = NULL;
    struct buf out = {0};
    char *answer;
    sqlite3 *db;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(q) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(q); i++)
            buf_printf(&out, "%s%s", i ? "|" : "",
                       sqlite3_column_text(q, i) ? (const char *)sqlite3_column_text(q, i) : "");
        buf_putc(&out, '\n');
    }
    assert_int_equal(sqlite3_finalize(q), SQLITE_OK);
    (void)sqlite3_close(db);
    answer = arena_strdup(x->a, buf_text(&out));
    buf_finish(&out);
    return answer;
}

#endif
