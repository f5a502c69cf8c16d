/* Experiments as JSON, and what came of their sealed rows: one table for each kind of object. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/config.h"
#include "server/schema/definition.h"

static const char *base_path = "";

void encode_setup(const char *path)
{
    base_path = path;
}

const char *encode_base_path(void)
{
    return base_path;
}

enum err encode_experiment_read(struct reader *r, int64_t id, struct arena *a,
                                struct experiment_view *out, struct error *e)
{
    out->plan = NULL;
    TRY(store_experiment_get(r, id, a, &out->record, e));
    TRY(store_experiment_progress(r, id, &out->progress, e));
    TRY(store_trial_best(r, id, a, &out->best, &out->has_best, e));
    return store_unseal_get(r, id, a, &out->unsealed, &out->is_unsealed, e);
}

static bool has_ended(const struct experiment_record *x)
{
    return x->finished_at_ms != 0;
}

struct experiment_pace encode_pace(const struct experiment_view *x)
{
    const struct experiment_progress *p = &x->progress;
    struct experiment_pace pace = {
        .trials = x->record.planned_trials >= 0 ? x->record.planned_trials : p->trials,
        .trials_done = p->completed + p->pruned + p->failed + p->cancelled,
        .trials_pruned = p->pruned,
        .trials_failed = p->failed,
        .folds_done = p->folds_done,
        .elapsed_seconds = (double)x->record.elapsed_ms / 1000.0,
        .eta_seconds = (double)NAN,
    };

    /* Those that a pruned or failed trial did not get are not wanted any more. */
    pace.folds = (pace.trials - p->pruned - p->failed) * x->record.folds_per_trial +
                 p->folds_of_pruned + p->folds_of_failed;
    pace.fraction = pace.folds > 0 ? (double)pace.folds_done / (double)pace.folds : 0.0;
    if (strcmp(x->record.state, "completed") == 0) /* also by stop_when or budget.seconds */
        pace.fraction = 1.0;
    if (!has_ended(&x->record) && pace.fraction > 0 && pace.fraction < 1)
        pace.eta_seconds = pace.elapsed_seconds * (1.0 - pace.fraction) / pace.fraction;
    return pace;
}

/* ---- parts of an experiment ---------------------------------------------------------------- */

/* clang-format off */
const struct field encode_pace_fields[] = {
    FIELD("trials", INT, experiment_pace, trials, .summary = "planned"),
    FIELD("trials_done", INT, experiment_pace, trials_done, .summary = "ended in any way"),
    FIELD("trials_pruned", INT, experiment_pace, trials_pruned, .summary = "of them ended early"),
    FIELD("trials_failed", INT, experiment_pace, trials_failed, .summary = "of them without a score"),
    FIELD("folds", INT, experiment_pace, folds, .summary = "planned"),
    FIELD("folds_done", INT, experiment_pace, folds_done, .summary = "trained and kept"),
    FIELD("fraction", REAL, experiment_pace, fraction,
          .summary = "of the folds that is done; 1 once it has completed"),
    FIELD("elapsed_seconds", REAL, experiment_pace, elapsed_seconds, .summary = "of running"),
    FIELD("eta_seconds", REAL, experiment_pace, eta_seconds, .nullable = true,
          .summary = "that are left, as far as can be told"),
    {.key = NULL},
};

const struct field encode_experiment_best_fields[] = {
    FIELD("trial", INT, trial_record, trial, .summary = "its number"),
    FIELD("score", REAL, trial_record, score, .summary = "the mean over its folds"),
    FIELD("score_std", REAL, trial_record, score_std, .nullable = true, .summary = "over its folds"),
    FIELD("params", JSON, trial_record, params_json, .ref = "Params", .summary = "what was tried"),
    {.key = NULL},
};

static const struct field subject_fields[] = {
    FIELD("id", INT, experiment_record, dataset_id, .summary = "of the data set"),
    FIELD("name", TEXT, experiment_record, dataset_name, .summary = "of the data set"),
    {.key = NULL},
};
/* clang-format on */

static void write_progress(const void *in, struct json *j, const char *key)
{
    struct experiment_pace pace = encode_pace(in);

    json_object(j, key);
    field_encode(encode_pace_fields, &pace, j);
    json_end(j);
}

void encode_experiment_best(struct json *j, const char *key, const struct experiment_view *x)
{
    if (!x->has_best) {
        json_null(j, key);
        return;
    }
    json_object(j, key);
    field_encode(encode_experiment_best_fields, &x->best, j);
    json_end(j);
}

static void write_best(const void *in, struct json *j, const char *key)
{
    encode_experiment_best(j, key, in);
}

/* null where others train. */
static void write_subject(const void *in, struct json *j, const char *key)
{
    const struct experiment_record *r = &((const struct experiment_view *)in)->record;

    if (r->dataset_id == 0) {
        json_null(j, key);
        return;
    }
    json_object_inline(j, key);
    field_encode(subject_fields, r, j);
    json_end(j);
}

static void write_sealed_rows(const void *in, struct json *j, const char *key)
{
    const struct experiment_view *x = in;

    if (x->record.sealed_rows >= 0)
        json_i64(j, key, x->record.sealed_rows);
    else
        json_null(j, key);
}

static bool has_plan(const void *in)
{
    return ((const struct experiment_view *)in)->plan != NULL;
}

static void write_warnings(const void *in, struct json *j, const char *key)
{
    (void)key; /* the plan's own */
    plan_write_warnings(((const struct experiment_view *)in)->plan, j);
}

static void write_links(const void *in, struct json *j, const char *key)
{
    const struct experiment_record *x = &((const struct experiment_view *)in)->record;
    static const char *const LINKS[][2] = {
        {"self", ""},
        {"best", "/best"},
        {"trials", "/trials"},
        {"columns", "/columns"},
        {"events", "/events"},
        {"watch", "/watch"},
        {"folds", "/folds.csv"},
        {"export", "/export.db"},
    };
    char url[CONFIG_HOST_BYTES + 80];

    json_object(j, key);
    for (size_t i = 0; i < sizeof LINKS / sizeof *LINKS; i++) {
        if (x->dataset_id == 0 && strcmp(LINKS[i][0], "folds") == 0)
            continue;
        (void)snprintf(url, sizeof url, "%s/api/v1/experiments/%" PRId64 "%s", base_path, x->id,
                       LINKS[i][1]);
        json_string(j, LINKS[i][0], url);
    }
    (void)snprintf(url, sizeof url, "%s/#/experiments/%" PRId64, base_path, x->id);
    json_string(j, "page", url);
    json_end(j);
}

/* ---- sealed rows ----------------------------------------------------------------------- */

/* clang-format off */
static const struct field unseal_score_fields[] = {
    FIELD("test", REAL, unseal_score, test, .nullable = true, .summary = "on the sealed rows"),
    FIELD("train", REAL, unseal_score, train, .nullable = true, .summary = "on all others"),
    FIELD("standard_error", REAL, unseal_score, standard_error, .nullable = true,
          .summary = "of test"),
    {.key = NULL},
};
/* clang-format on */

static void write_unseal_scores(const void *in, struct json *j, const char *key)
{
    const struct unseal_record *u = in;

    json_object(j, key);
    for (size_t i = 0; i < u->n_scores; i++) {
        json_object_inline(j, u->scores[i].metric);
        field_encode(unseal_score_fields, &u->scores[i], j);
        json_end(j);
    }
    json_end(j);
}

/* Numbers that are there once it has ended. */
static void write_at_end(const struct unseal_record *u, double x, struct json *j, const char *key)
{
    json_double(j, key, u->finished_at_ms != 0 ? x : (double)NAN);
}

static void write_epochs(const void *in, struct json *j, const char *key)
{
    const struct unseal_record *u = in;

    write_at_end(u, (double)u->epochs, j, key);
}

static void write_epochs_run(const void *in, struct json *j, const char *key)
{
    const struct unseal_record *u = in;

    write_at_end(u, (double)u->epochs_run, j, key);
}

static void write_seconds(const void *in, struct json *j, const char *key)
{
    const struct unseal_record *u = in;

    write_at_end(u, u->seconds, j, key);
}

static const char *const UNSEAL_STATES[] = {"queued", "running", "completed", "failed", NULL};

/* clang-format off */
static const struct field unseal_fields[] = {
    FIELD("state", TEXT, unseal_record, state, .choices = UNSEAL_STATES),
    FIELD("trial", INT, unseal_record, trial, .summary = "whose configuration is scored"),
    FIELD("rows", INT, unseal_record, test_rows, .summary = "that were set aside"),
    FIELD("train_rows", INT, unseal_record, train_rows, .summary = "that train"),
    {.key = "scores", .type = FIELD_OTHER, .fields = unseal_score_fields, .shape = FIELD_MAP,
     .write = write_unseal_scores, .summary = "by metric"},
    {.key = "epochs", .type = FIELD_OTHER, .document = field_document_integer, .write = write_epochs,
     .nullable = true, .summary = "the epoch scored"},
    {.key = "epochs_run", .type = FIELD_OTHER, .document = field_document_integer,
     .write = write_epochs_run, .nullable = true, .summary = "the epochs trained"},
    {.key = "seconds", .type = FIELD_OTHER, .document = field_document_number, .write = write_seconds,
     .nullable = true, .summary = "of training"},
    FIELD("weights_hash", TEXT, unseal_record, weights_hash, .nullable = true,
          .summary = "of the final weights"),
    FIELD("warnings", JSON, unseal_record, warnings, .document = field_document_texts,
          .nullable = true, .summary = "sentences"),
    FIELD("error", TEXT, unseal_record, error, .nullable = true, .summary = "a sentence"),
    FIELD("requested_at", TIME, unseal_record, requested_at_ms, .summary = "when it was asked for"),
    FIELD("finished_at", TIME, unseal_record, finished_at_ms, .nullable = true),
    {.key = NULL},
};
/* clang-format on */

const struct schema encode_unsealed_schema = {.name = "Unsealed",
                                              .fields = unseal_fields,
                                              .summary = "What came of the sealed rows."};

void encode_unsealed(struct json *j, const char *key, const struct unseal_record *u)
{
    json_object(j, key);
    field_encode(unseal_fields, u, j);
    json_end(j);
}

static void write_unsealed(const void *in, struct json *j, const char *key)
{
    const struct experiment_view *x = in;

    if (x->is_unsealed)
        encode_unsealed(j, key, &x->unsealed);
    else
        json_null(j, key);
}

/* ---- the whole ------------------------------------------------------------------------- */

static void document_links(struct json *j)
{
    json_string(j, "type", "object");
    json_object_inline(j, "additionalProperties");
    json_string(j, "type", "string");
    json_end(j);
}

const char *const encode_experiment_states[] = {"queued",    "running",   "paused", "completed",
                                                "cancelled", "failed", NULL};
static const char *const DIRECTIONS[] = {"maximize", "minimize", NULL};
static const char *const STOP_REASONS[] = {"trials",          "seconds", "target", "patience",
                                           "space_exhausted", "user",    "error",  NULL};

/* clang-format off */
static const struct field experiment_fields[] = {
    FIELD("id", INT, experiment_view, record.id, .summary = "never reused"),
    FIELD("name", TEXT, experiment_view, record.name, .summary = "need not be unique"),
    FIELD("owner", TEXT, experiment_view, record.owner, .nullable = true, .summary = "whose it is"),
    FIELD("state", TEXT, experiment_view, record.state, .choices = encode_experiment_states),
    FIELD("stop_reason", TEXT, experiment_view, record.stop_reason, .choices = STOP_REASONS,
          .nullable = true, .summary = "what ended it"),
    FIELD("error", TEXT, experiment_view, record.error, .nullable = true, .summary = "a sentence"),
    {.key = "dataset", .type = FIELD_OTHER, .fields = subject_fields, .write = write_subject,
     .nullable = true, .summary = "null where others train"},
    FIELD("metric", TEXT, experiment_view, record.metric, .summary = "decides"),
    FIELD("direction", TEXT, experiment_view, record.direction, .choices = DIRECTIONS),
    FIELD("definition", JSON, experiment_view, record.definition, .ref = "Definition",
          .summary = "as submitted, made complete"),
    {.key = "progress", .type = FIELD_OTHER, .fields = encode_pace_fields, .write = write_progress},
    {.key = "best", .type = FIELD_OTHER, .fields = encode_experiment_best_fields,
     .write = write_best, .nullable = true, .summary = "the best trial so far"},
    {.key = "sealed_rows", .type = FIELD_OTHER, .document = field_document_integer,
     .write = write_sealed_rows, .nullable = true, .summary = "set aside before the search"},
    {.key = "unsealed", .type = FIELD_OTHER, .ref = "Unsealed", .write = write_unsealed,
     .nullable = true, .summary = "what came of them"},
    FIELD("created_at", TIME, experiment_view, record.created_at_ms),
    FIELD("started_at", TIME, experiment_view, record.started_at_ms, .nullable = true),
    FIELD("finished_at", TIME, experiment_view, record.finished_at_ms, .nullable = true),
    FIELD("curves_pruned_at", TIME, experiment_view, record.curves_pruned_at_ms, .nullable = true,
          .summary = "when learning curves of it were dropped; null: never"),
    FIELD("bytes", INT, experiment_view, progress.bytes, .summary = "that it takes, roughly"),
    FIELD("tags", JSON, experiment_view, record.tags, .document = field_document_texts),
    FIELD("notes", TEXT, experiment_view, record.notes, .summary = "free text"),
    FIELD("priority", INT, experiment_view, record.priority, .summary = "higher goes first"),
    {.key = "warnings", .type = FIELD_OTHER, .document = field_document_texts,
     .write = write_warnings, .present = has_plan, .summary = "sentences, where it was just submitted"},
    {.key = "links", .type = FIELD_OTHER, .document = document_links, .write = write_links,
     .summary = "where to go on"},
    {.key = NULL},
};
/* clang-format on */

const struct schema encode_experiment_schema = {
    .name = "Experiment", .fields = experiment_fields, .summary = "A search, and how far it is."};

void encode_experiment(struct json *j, const char *key, const struct experiment_view *x)
{
    json_object(j, key);
    field_encode(experiment_fields, x, j);
    json_end(j);
}
