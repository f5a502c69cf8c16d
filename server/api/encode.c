#include "server/api/encode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/clock.h"
#include "server/config.h"

static const char *base_path = "";

void encode_setup(const char *path)
{
    base_path = path;
}

void encode_time(struct json *j, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];

    if (ms != 0)
        clock_text(ms, text);
    json_string(j, key, ms != 0 ? text : NULL);
}

/* ---- data sets --------------------------------------------------------------------------- */

void encode_dataset(struct json *j, const char *key, const struct dataset_record *d)
{
    json_object(j, key);
    json_i64(j, "id", d->id);
    json_string(j, "name", d->name);
    json_string(j, "owner", d->owner);
    json_string(j, "task", d->task);
    json_i64(j, "rows", d->rows);
    json_i64(j, "features", d->features);
    json_members(j, d->report);
    json_raw(j, "options", d->options);
    json_string(j, "sha256", d->sha256);
    json_i64(j, "bytes", d->bytes);
    encode_time(j, "created_at", d->created_at_ms);
    json_end(j);
}

void encode_row(struct json *j, const struct table *t, size_t row)
{
    json_object_inline(j, NULL);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct column *c = &t->columns[i];

        if (c->values)
            json_double(j, c->name, c->values[row]);
        else if (c->codes)
            json_string(j, c->name, c->codes[row] < 0 ? NULL : c->labels[c->codes[row]]);
    }
    json_end(j);
}

/* ---- experiments ------------------------------------------------------------------------- */

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
        .folds_done = p->folds_done,
        .elapsed_seconds = (double)x->record.elapsed_ms / 1000.0,
        .eta_seconds = (double)NAN,
    };

    /* Those that a pruned or failed trial did not get are not wanted any more. */
    pace.folds = (pace.trials - p->pruned - p->failed) * x->record.folds_per_trial +
                 p->folds_of_pruned + p->folds_of_failed;
    pace.fraction = pace.folds > 0 ? (double)pace.folds_done / (double)pace.folds : 0.0;
    if (!has_ended(&x->record) && pace.fraction > 0 && pace.fraction < 1)
        pace.eta_seconds = pace.elapsed_seconds * (1.0 - pace.fraction) / pace.fraction;
    return pace;
}

static void encode_progress(struct json *j, const struct experiment_view *x)
{
    struct experiment_pace pace = encode_pace(x);

    json_object(j, "progress");
    json_i64(j, "trials", pace.trials);
    json_i64(j, "trials_done", pace.trials_done);
    json_i64(j, "trials_pruned", x->progress.pruned);
    json_i64(j, "trials_failed", x->progress.failed);
    json_i64(j, "folds", pace.folds);
    json_i64(j, "folds_done", pace.folds_done);
    json_double(j, "fraction", pace.fraction);
    json_double(j, "elapsed_seconds", pace.elapsed_seconds);
    json_double(j, "eta_seconds", pace.eta_seconds);
    json_end(j);
}

static void encode_best(struct json *j, const struct experiment_view *x)
{
    if (!x->has_best) {
        json_null(j, "best");
        return;
    }
    json_object(j, "best");
    json_i64(j, "trial", x->best.trial);
    json_double(j, "score", x->best.score);
    json_double(j, "score_std", x->best.score_std);
    json_raw(j, "params", x->best.params_json);
    json_end(j);
}

void encode_unsealed(struct json *j, const char *key, const struct unseal_record *u)
{
    bool ended = u->finished_at_ms != 0;

    json_object(j, key);
    json_string(j, "state", u->state);
    json_i64(j, "trial", u->trial);
    json_i64(j, "rows", u->test_rows);
    json_i64(j, "train_rows", u->train_rows);
    json_object(j, "scores");
    for (size_t i = 0; i < u->n_scores; i++) {
        json_object_inline(j, u->scores[i].metric);
        json_double(j, "test", u->scores[i].test);
        json_double(j, "train", u->scores[i].train);
        json_double(j, "standard_error", u->scores[i].standard_error);
        json_end(j);
    }
    json_end(j);
    json_double(j, "epochs", ended ? (double)u->epochs : (double)NAN);
    json_double(j, "epochs_run", ended ? (double)u->epochs_run : (double)NAN);
    json_double(j, "seconds", ended ? u->seconds : (double)NAN);
    json_string(j, "weights_hash", u->weights_hash);
    json_raw(j, "warnings", u->warnings);
    json_string(j, "error", u->error);
    encode_time(j, "requested_at", u->requested_at_ms);
    encode_time(j, "finished_at", u->finished_at_ms);
    json_end(j);
}

/* How many rows are sealed, and what came of them. */
static void encode_sealed(struct json *j, const struct experiment_view *x)
{
    if (x->record.sealed_rows >= 0)
        json_i64(j, "sealed_rows", x->record.sealed_rows);
    else
        json_null(j, "sealed_rows");
    if (x->is_unsealed)
        encode_unsealed(j, "unsealed", &x->unsealed);
    else
        json_null(j, "unsealed");
}

static void encode_links(struct json *j, const struct experiment_record *x)
{
    static const char *const LINKS[][2] = {
        {"self", ""},        {"best", "/best"},       {"trials", "/trials"},
        {"watch", "/watch"}, {"folds", "/folds.csv"}, {"export", "/export.db"},
    };
    char url[80 + CONFIG_HOST_BYTES];

    json_object(j, "links");
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

/* null where others train. */
static void encode_subject(struct json *j, const struct experiment_record *r)
{
    if (r->dataset_id == 0) {
        json_null(j, "dataset");
        return;
    }
    json_object_inline(j, "dataset");
    json_i64(j, "id", r->dataset_id);
    json_string(j, "name", r->dataset_name);
    json_end(j);
}

void encode_experiment(struct json *j, const char *key, const struct experiment_view *x)
{
    const struct experiment_record *r = &x->record;

    json_object(j, key);
    json_i64(j, "id", r->id);
    json_string(j, "name", r->name);
    json_string(j, "owner", r->owner);
    json_string(j, "state", r->state);
    json_string(j, "stop_reason", r->stop_reason);
    json_string(j, "error", r->error);
    encode_subject(j, r);
    json_string(j, "metric", r->metric);
    json_string(j, "direction", r->direction);
    json_raw(j, "definition", r->definition);
    encode_progress(j, x);
    encode_best(j, x);
    encode_sealed(j, x);
    encode_time(j, "created_at", r->created_at_ms);
    encode_time(j, "started_at", r->started_at_ms);
    encode_time(j, "finished_at", r->finished_at_ms);
    json_i64(j, "bytes", x->progress.bytes);
    json_raw(j, "tags", r->tags);
    json_string(j, "notes", r->notes);
    json_i64(j, "priority", r->priority);
    if (x->plan)
        plan_write_warnings(x->plan, j);
    encode_links(j, r);
    json_end(j);
}

/* ---- trials ------------------------------------------------------------------------------ */

static void encode_network(struct json *j, const struct trial_network *n)
{
    if (!n->optimizer)
        return;
    json_array_inline(j, "hidden");
    for (size_t i = 0; i < n->layers; i++)
        json_i64(j, NULL, n->hidden[i]);
    json_end(j);
    json_array_inline(j, "activations");
    for (size_t i = 0; i < n->layers; i++)
        json_string(j, NULL, n->activations[i]);
    json_end(j);
    json_i64(j, "weight_count", n->weight_count);
}

static void encode_scores(struct json *j, const struct trial_record *t)
{
    json_object(j, "scores");
    for (size_t i = 0; i < t->n_scores; i++) {
        json_object_inline(j, t->scores[i].metric);
        json_double(j, "mean", t->scores[i].mean);
        json_double(j, "std", t->scores[i].std);
        json_double(j, "train_mean", t->scores[i].train_mean);
        json_end(j);
    }
    json_end(j);
}

static void encode_fold_metrics(struct json *j, const char *key, const struct fold_record *f,
                                bool validation)
{
    json_object_inline(j, key);
    for (size_t i = 0; i < f->n_metrics; i++)
        json_double(j, f->metrics[i].metric,
                    validation ? f->metrics[i].validation : f->metrics[i].train);
    json_end(j);
}

static void encode_fold(struct json *j, const struct fold_record *f)
{
    json_object(j, NULL);
    json_i64(j, "fold", f->fold);
    json_i64(j, "repeat", f->repeat);
    json_string(j, "state", f->state);
    json_i64(j, "epochs", f->epochs);
    json_i64(j, "epochs_run", f->epochs_run);
    json_double(j, "seconds", f->seconds);
    encode_fold_metrics(j, "train", f, false);
    encode_fold_metrics(j, "validation", f, true);
    json_string(j, "error", f->error);
    json_end(j);
}

static void encode_source(struct json *j, const struct trial_record *t)
{
    if (t->reused_experiment == 0) {
        json_null(j, "reused_from");
        return;
    }
    json_object_inline(j, "reused_from");
    json_i64(j, "experiment", t->reused_experiment);
    json_i64(j, "trial", t->reused_trial);
    json_end(j);
}

enum err encode_trial_read(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                           struct trial_parts *out, struct error *e)
{
    TRY(store_fold_list(r, experiment, trial, a, &out->n_folds, &out->folds, e));
    return store_tell_reports(r, experiment, trial, a, &out->n_reports, &out->reports, e);
}

static void encode_folds(struct json *j, const struct trial_parts *p)
{
    json_array(j, "folds");
    for (size_t i = 0; i < p->n_folds; i++)
        encode_fold(j, &p->folds[i]);
    json_end(j);
}

/* Of a trial that was handed out. */
static void encode_lease(struct json *j, const struct trial_record *t,
                         const struct trial_parts *parts)
{
    json_i64(j, "lease", t->lease);
    if (!parts)
        return;
    json_array(j, "reports");
    for (size_t i = 0; i < parts->n_reports; i++) {
        json_object_inline(j, NULL);
        json_i64(j, "step", parts->reports[i].step);
        json_double(j, "value", parts->reports[i].value);
        json_end(j);
    }
    json_end(j);
}

void encode_trial(struct json *j, const char *key, const struct trial_record *t, const char *metric,
                  const struct trial_parts *parts)
{
    json_object(j, key);
    json_i64(j, "trial", t->trial);
    json_string(j, "state", t->state);
    json_i64(j, "rank", t->rank);
    json_raw(j, "params", t->params_json);
    encode_network(j, &t->network);
    json_string(j, "metric", metric);
    json_double(j, "score", t->score);
    json_double(j, "score_std", t->score_std);
    json_double(j, "score_sem", t->score_sem);
    json_i64(j, "folds_done", t->folds_done);
    encode_scores(j, t);
    if (parts)
        encode_folds(j, parts);
    json_double(j, "seconds", t->seconds);
    json_raw(j, "warnings", t->warnings);
    json_string(j, "reason", t->reason);
    json_string(j, "error", t->error);
    encode_source(j, t);
    encode_time(j, "started_at", t->started_at_ms);
    encode_time(j, "finished_at", t->finished_at_ms);
    if (t->lease > 0)
        encode_lease(j, t, parts);
    json_end(j);
}

/* JSON from the database, where there is any. */
static void encode_curve(struct json *j, const char *key, const char *text)
{
    if (text)
        json_raw(j, key, text);
    else
        json_null(j, key);
}

void encode_curves(struct json *j, const struct fold_record *folds, size_t n)
{
    json_object(j, NULL);
    json_array(j, "folds");
    for (size_t i = 0; i < n; i++) {
        const struct fold_curves *c = &folds[i].curves;

        json_object(j, NULL);
        json_i64(j, "fold", folds[i].fold);
        json_i64(j, "repeat", folds[i].repeat);
        json_string(j, "state", folds[i].state);
        json_i64(j, "epochs", folds[i].epochs);
        encode_curve(j, "train_loss", c->train_loss);
        encode_curve(j, "validation_loss", c->validation_loss);
        encode_curve(j, "validation_score", c->validation_score);
        encode_curve(j, "learning_rate", c->learning_rate);
        encode_curve(j, "layers", c->layers);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}
