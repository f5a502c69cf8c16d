/* Trials as JSON: one table for each kind of object. */
#include <math.h>
#include <string.h>

#include "server/api/encode.h"

static void document_integers(struct json *j)
{
    json_string(j, "type", "array");
    json_object_inline(j, "items");
    json_string(j, "type", "integer");
    json_end(j);
}

/* Numbers; those that do not exist are null. */
static void document_numbers(struct json *j)
{
    json_string(j, "type", "array");
    json_object_inline(j, "items");
    json_array_inline(j, "type");
    json_string(j, NULL, "number");
    json_string(j, NULL, "null");
    json_end(j);
    json_end(j);
}

/* By metric. */
static void document_metrics(struct json *j)
{
    json_string(j, "type", "object");
    json_object_inline(j, "additionalProperties");
    json_array_inline(j, "type");
    json_string(j, NULL, "number");
    json_string(j, NULL, "null");
    json_end(j);
    json_end(j);
}

static void document_params(struct json *j)
{
    static const char *const types[] = {"string", "number", "boolean", "array", NULL};

    json_string(j, "type", "object");
    json_object(j, "additionalProperties");
    json_array_inline(j, "type");
    for (const char *const *type = types; *type; type++)
        json_string(j, NULL, *type);
    json_end(j);
    json_object_inline(j, "items");
    json_string(j, "type", "integer");
    json_end(j);
    json_end(j);
}

const struct schema encode_params_schema = {
    .name = "Params",
    .document = document_params,
    .is_request = true,
    .summary = "A value for each dimension of the space that the trial uses."};

/* ---- folds ------------------------------------------------------------------------------- */

static void write_metrics(const struct fold_record *f, bool validation, struct json *j,
                          const char *key)
{
    json_object_inline(j, key);
    for (size_t i = 0; i < f->n_metrics; i++)
        json_double(j, f->metrics[i].metric,
                    validation ? f->metrics[i].validation : f->metrics[i].train);
    json_end(j);
}

static void write_train(const void *in, struct json *j, const char *key)
{
    write_metrics(in, false, j, key);
}

static void write_validation(const void *in, struct json *j, const char *key)
{
    write_metrics(in, true, j, key);
}

static void document_fold_state(struct json *j)
{
    static const char *const STATES[] = {"completed", "failed", "pruned", NULL};

    json_string(j, "type", "string");
    field_document_words(STATES, j);
}

static void write_fold_state(const void *in, struct json *j, const char *key)
{
    const struct fold_record *f = in;

    json_string(j, key, f->cut ? "pruned" : f->state);
}

#define FOLD_STATE                                                                                 \
    {                                                                                              \
        .key = "state", .type = FIELD_OTHER, .document = document_fold_state,                      \
        .write = write_fold_state, .summary = "pruned: stopped before its last epoch"              \
    }

/* clang-format off */
static const struct field fold_fields[] = {
    FIELD("fold", INT, fold_record, fold, .summary = "from 1"),
    FIELD("repeat", INT, fold_record, repeat, .summary = "from 1"),
    FOLD_STATE,
    FIELD("epochs", INT, fold_record, epochs, .summary = "the epoch scored"),
    FIELD("epochs_run", INT, fold_record, epochs_run, .summary = "the epochs trained"),
    FIELD("seconds", REAL, fold_record, seconds, .summary = "of training"),
    {.key = "train", .type = FIELD_OTHER, .document = document_metrics, .write = write_train,
     .summary = "scores on the training rows, by metric"},
    {.key = "validation", .type = FIELD_OTHER, .document = document_metrics,
     .write = write_validation, .summary = "scores on the fold's own rows, by metric"},
    FIELD("error", TEXT, fold_record, error, .nullable = true, .summary = "a sentence"),
    {.key = NULL},
};

static const struct field report_fields[] = {
    FIELD("step", INT, tell_report, step, .summary = "how far it was"),
    FIELD("value", REAL, tell_report, value, .summary = "of the objective then"),
    {.key = NULL},
};

static const struct field stop_fields[] = {
    FIELD("step", INT, tell_stop, step, .summary = "after the report of this one"),
    FIELD("reason", TEXT, tell_stop, reason, .summary = "of the pruner"),
    FIELD("error", TEXT, tell_stop, error, .summary = "the same, as a sentence"),
    {.key = NULL},
};
/* clang-format on */

enum err encode_trial_read(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                           struct trial_parts *out, struct error *e)
{
    TRY(store_fold_list(r, experiment, trial, a, &out->n_folds, &out->folds, e));
    TRY(store_tell_reports(r, experiment, trial, a, &out->n_reports, &out->reports, e));
    return store_tell_stop(r, experiment, trial, a, &out->is_stopped, &out->stop, e);
}

/* ---- trials ------------------------------------------------------------------------------ */

/* A trial with what its answer has beside its record. */
struct trial_view {
    struct trial_record t;
    const char *metric;
    const struct trial_parts *parts; /* or NULL */
};

static bool has_network(const void *in)
{
    return ((const struct trial_view *)in)->t.network.optimizer != NULL;
}

static bool has_parts(const void *in)
{
    return ((const struct trial_view *)in)->parts != NULL;
}

/* It was handed out. */
static bool has_lease(const void *in)
{
    return ((const struct trial_view *)in)->t.lease > 0;
}

static bool has_reports(const void *in)
{
    return has_lease(in) && has_parts(in);
}

static void write_hidden(const void *in, struct json *j, const char *key)
{
    const struct trial_network *n = &((const struct trial_view *)in)->t.network;

    json_array_inline(j, key);
    for (size_t i = 0; i < n->layers; i++)
        json_i64(j, NULL, n->hidden[i]);
    json_end(j);
}

static void write_activations(const void *in, struct json *j, const char *key)
{
    const struct trial_network *n = &((const struct trial_view *)in)->t.network;

    json_array_inline(j, key);
    for (size_t i = 0; i < n->layers; i++)
        json_string(j, NULL, n->activations[i]);
    json_end(j);
}

/* clang-format off */
static const struct field score_fields[] = {
    FIELD("mean", REAL, trial_score, mean, .nullable = true, .summary = "over the folds"),
    FIELD("std", REAL, trial_score, std, .nullable = true, .summary = "divides by folds - 1"),
    FIELD("train_mean", REAL, trial_score, train_mean, .nullable = true,
          .summary = "on the training rows"),
    {.key = NULL},
};

static const struct field source_fields[] = {
    FIELD("experiment", INT, trial_record, reused_experiment, .summary = "its id"),
    FIELD("trial", INT, trial_record, reused_trial, .summary = "its number"),
    {.key = NULL},
};
/* clang-format on */

static void write_scores(const void *in, struct json *j, const char *key)
{
    const struct trial_record *t = &((const struct trial_view *)in)->t;

    json_object(j, key);
    for (size_t i = 0; i < t->n_scores; i++) {
        json_object_inline(j, t->scores[i].metric);
        field_encode(score_fields, &t->scores[i], j);
        json_end(j);
    }
    json_end(j);
}

static void write_folds(const void *in, struct json *j, const char *key)
{
    const struct trial_parts *p = ((const struct trial_view *)in)->parts;

    json_array(j, key);
    for (size_t i = 0; i < p->n_folds; i++) {
        json_object(j, NULL);
        field_encode(fold_fields, &p->folds[i], j);
        json_end(j);
    }
    json_end(j);
}

static void write_source(const void *in, struct json *j, const char *key)
{
    const struct trial_record *t = &((const struct trial_view *)in)->t;

    if (t->reused_experiment == 0) {
        json_null(j, key);
        return;
    }
    json_object_inline(j, key);
    field_encode(source_fields, t, j);
    json_end(j);
}

static void write_reports(const void *in, struct json *j, const char *key)
{
    const struct trial_view *v = in;

    json_array(j, key);
    for (size_t i = 0; i < v->parts->n_reports; i++) {
        json_object_inline(j, NULL);
        field_encode(report_fields, &v->parts->reports[i], j);
        json_end(j);
    }
    json_end(j);
}

static void write_stop(const void *in, struct json *j, const char *key)
{
    const struct trial_parts *p = ((const struct trial_view *)in)->parts;

    if (!p->is_stopped) {
        json_null(j, key);
        return;
    }
    json_object_inline(j, key);
    field_encode(stop_fields, &p->stop, j);
    json_end(j);
}

const char *const encode_trial_states[] = {"queued", "running",   "completed", "pruned",
                                           "failed", "cancelled", NULL};

/* clang-format off */
static const struct field trial_fields[] = {
    FIELD("trial", INT, trial_view, t.trial, .summary = "its number, from 1"),
    FIELD("state", TEXT, trial_view, t.state, .choices = encode_trial_states),
    FIELD("rank", INT, trial_view, t.rank, .summary = "completed ones by score, then the rest"),
    FIELD("params", JSON, trial_view, t.params_json, .ref = "Params", .summary = "what was tried"),
    {.key = "hidden", .type = FIELD_OTHER, .document = document_integers, .write = write_hidden,
     .present = has_network, .summary = "widths of the hidden layers; not where others train"},
    {.key = "activations", .type = FIELD_OTHER, .document = field_document_texts,
     .write = write_activations, .present = has_network, .summary = "of the hidden layers"},
    FIELD("weight_count", INT, trial_view, t.network.weight_count, .present = has_network,
          .summary = "of the network"),
    FIELD("metric", TEXT, trial_view, metric, .summary = "decides"),
    FIELD("score", REAL, trial_view, t.score, .nullable = true, .summary = "the mean over folds"),
    FIELD("score_std", REAL, trial_view, t.score_std, .nullable = true,
          .summary = "divides by folds - 1"),
    FIELD("score_sem", REAL, trial_view, t.score_sem, .nullable = true,
          .summary = "corrected for overlapping training parts (Nadeau and Bengio)"),
    FIELD("folds_done", INT, trial_view, t.folds_done, .summary = "trained and kept"),
    {.key = "scores", .type = FIELD_OTHER, .fields = score_fields, .shape = FIELD_MAP,
     .write = write_scores, .summary = "by metric"},
    {.key = "folds", .type = FIELD_OTHER, .fields = fold_fields, .shape = FIELD_LIST,
     .write = write_folds, .present = has_parts, .summary = "of one trial; not in lists"},
    FIELD("seconds", REAL, trial_view, t.seconds, .nullable = true, .summary = "of training"),
    FIELD("warnings", JSON, trial_view, t.warnings, .document = field_document_texts,
          .summary = "sentences"),
    FIELD("reason", TEXT, trial_view, t.reason, .nullable = true,
          .summary = "why it did not complete"),
    FIELD("error", TEXT, trial_view, t.error, .nullable = true, .summary = "the same, as a sentence"),
    {.key = "reused_from", .type = FIELD_OTHER, .fields = source_fields, .write = write_source,
     .nullable = true, .summary = "where it was trained before"},
    FIELD("started_at", TIME, trial_view, t.started_at_ms, .nullable = true),
    FIELD("finished_at", TIME, trial_view, t.finished_at_ms, .nullable = true),
    FIELD("lease", INT, trial_view, t.lease, .present = has_lease,
          .summary = "of one that others train: how often it was handed out"),
    {.key = "reports", .type = FIELD_OTHER, .fields = report_fields, .shape = FIELD_LIST,
     .write = write_reports, .present = has_reports, .summary = "of one that others train; not in lists"},
    {.key = "stop", .type = FIELD_OTHER, .fields = stop_fields, .write = write_stop,
     .present = has_reports, .nullable = true, .summary = "why its client was told to stop"},
    {.key = NULL},
};
/* clang-format on */

const struct schema encode_trial_schema = {
    .name = "Trial", .fields = trial_fields, .summary = "One configuration, and what came of it."};

void encode_trial(struct json *j, const char *key, const struct trial_record *t, const char *metric,
                  const struct trial_parts *parts)
{
    struct trial_view view = {*t, metric, parts};

    json_object(j, key);
    field_encode(trial_fields, &view, j);
    json_end(j);
}

/* ---- the best one -------------------------------------------------------------------------- */

struct best_view {
    const struct trial_view *best; /* or NULL */
};

static void write_best(const void *in, struct json *j, const char *key)
{
    const struct trial_view *best = ((const struct best_view *)in)->best;

    if (best)
        encode_trial(j, key, &best->t, best->metric, best->parts);
    else
        json_null(j, key);
}

static const struct field best_fields[] = {
    {.key = "best",
     .type = FIELD_OTHER,
     .ref = "Trial",
     .write = write_best,
     .nullable = true,
     .summary = "the best trial so far"},
    {.key = NULL},
};

const struct schema encode_best_schema = {
    .name = "Best", .fields = best_fields, .summary = "The best trial."};

void encode_best(struct json *j, const struct trial_record *t, const char *metric,
                 const struct trial_parts *parts)
{
    struct trial_view view = {.metric = metric, .parts = parts};
    struct best_view best = {t ? &view : NULL};

    if (t)
        view.t = *t;
    json_object(j, NULL);
    field_encode(best_fields, &best, j);
    json_end(j);
}

/* ---- learning curves ----------------------------------------------------------------------- */

/* An object of lists for each layer. */
static void document_layers(struct json *j)
{
    json_array(j, "type");
    json_string(j, NULL, "object");
    json_string(j, NULL, "array");
    json_end(j);
}

#define CURVE(name, ...)                                                                           \
    FIELD(#name, JSON, fold_record, curves.name, .document = document_numbers, .nullable = true,   \
          __VA_ARGS__)

/* clang-format off */
static const struct field curve_fields[] = {
    FIELD("fold", INT, fold_record, fold, .summary = "from 1"),
    FIELD("repeat", INT, fold_record, repeat, .summary = "from 1"),
    FOLD_STATE,
    FIELD("epochs", INT, fold_record, epochs, .summary = "the epoch scored"),
    CURVE(train_loss, .summary = "a number for each epoch, as all of these"),
    CURVE(validation_loss, .summary = "on the rows that early stopping watches"),
    CURVE(validation_score, .summary = "on the fold's own rows"),
    CURVE(learning_rate, .summary = "at the end of the epoch"),
    FIELD("layers", JSON, fold_record, curves.layers, .document = document_layers, .nullable = true,
          .summary = "gradients and weights of each layer"),
    {.key = NULL},
};
/* clang-format on */

struct curves_view {
    int64_t pruned_at_ms;
    size_t n;
    const struct fold_record *folds;
};

static void write_curves(const void *in, struct json *j, const char *key)
{
    const struct curves_view *v = in;

    json_array(j, key);
    for (size_t i = 0; i < v->n; i++) {
        json_object(j, NULL);
        field_encode(curve_fields, &v->folds[i], j);
        json_end(j);
    }
    json_end(j);
}

static const struct field curves_fields[] = {
    FIELD("pruned_at", TIME, curves_view, pruned_at_ms, .nullable = true,
          .summary = "when curves that were there were dropped; null: never"),
    {.key = "folds",
     .type = FIELD_OTHER,
     .fields = curve_fields,
     .shape = FIELD_LIST,
     .write = write_curves},
    {.key = NULL},
};

const struct schema encode_curves_schema = {
    .name = "Curves", .fields = curves_fields, .summary = "A trial's learning curves."};

void encode_curves(struct json *j, int64_t pruned_at_ms, const struct fold_record *folds, size_t n)
{
    struct curves_view view = {pruned_at_ms, n, folds};

    json_object(j, NULL);
    field_encode(curves_fields, &view, j);
    json_end(j);
}
