/* What streams of events tell, a line of JSON each: one table for each kind. */
#include <assert.h>

#include "server/api/encode.h"

static const char *const STATES[] = {"queued",    "running", "paused",  "completed",
                                     "cancelled", "failed",  "deleted", NULL};

/* clang-format off */
static const struct field state_fields[] = {
    FIELD("experiment", INT, event_record, experiment, .summary = "its id"),
    FIELD("state", TEXT, event_record, state, .choices = STATES, .summary = "that it has now"),
    FIELD("stop_reason", TEXT, event_record, reason, .nullable = true, .summary = "what ended it"),
    FIELD("at", TIME, event_record, at_ms, .nullable = true),
    {.key = NULL},
};
/* clang-format on */

const struct schema encode_state_event_schema = {.name = "StateEvent",
                                                 .fields = state_fields,
                                                 .summary = "An experiment has another state."};

static bool has_network(const void *in)
{
    return ((const struct event_record *)in)->weight_count >= 0;
}

/* clang-format off */
static const struct field trial_fields[] = {
    FIELD("experiment", INT, event_record, experiment, .summary = "its id"),
    FIELD("trial", INT, event_record, trial, .summary = "its number"),
    FIELD("state", TEXT, event_record, state, .choices = encode_trial_states),
    FIELD("reason", TEXT, event_record, reason, .nullable = true,
          .summary = "why it did not complete"),
    FIELD("params", JSON, event_record, params, .ref = "Params", .summary = "what was tried"),
    FIELD("score", REAL, event_record, score, .nullable = true, .summary = "the mean over folds"),
    FIELD("score_std", REAL, event_record, score_std, .nullable = true,
          .summary = "divides by folds - 1"),
    FIELD("folds_done", INT, event_record, folds_done, .summary = "trained and kept"),
    FIELD("weight_count", INT, event_record, weight_count, .present = has_network,
          .summary = "of the network; not where others train"),
    FIELD("seconds", REAL, event_record, seconds, .nullable = true, .summary = "of training"),
    FIELD("finished_at", TIME, event_record, at_ms, .nullable = true),
    {.key = NULL},
};
/* clang-format on */

const struct schema encode_trial_event_schema = {
    .name = "TrialEvent", .fields = trial_fields, .summary = "A trial has ended."};

void encode_event(struct json *j, const struct event_record *x)
{
    json_object_inline(j, NULL);
    field_encode(x->trial > 0 ? trial_fields : state_fields, x, j);
    json_end(j);
}

/* ---- progress ------------------------------------------------------------------------------ */

static void write_best(const void *in, struct json *j, const char *key)
{
    encode_experiment_best(j, key, in);
}

/* The members of an experiment's `progress` stand between these. */
/* clang-format off */
static const struct field first_fields[] = {
    FIELD("experiment", INT, experiment_view, record.id, .summary = "its id"),
    FIELD("state", TEXT, experiment_view, record.state, .choices = encode_experiment_states),
    {.key = NULL},
};

static const struct field last_fields[] = {
    {.key = "best", .type = FIELD_OTHER, .fields = encode_experiment_best_fields,
     .write = write_best, .nullable = true, .summary = "the best trial so far"},
    {.key = NULL},
};
/* clang-format on */

enum { PROGRESS_FIELDS_MAX = 20 };

static void document_progress(struct json *j)
{
    const struct field *const parts[] = {first_fields, encode_pace_fields, last_fields};
    struct field all[PROGRESS_FIELDS_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const struct field *f = parts[i]; f->key; f++) {
            assert(n < PROGRESS_FIELDS_MAX);
            all[n++] = *f;
        }
    all[n] = (struct field){.key = NULL};
    field_document_members(all, FIELD_ANSWER, j);
}

const struct schema encode_progress_event_schema = {
    .name = "ProgressEvent", .document = document_progress, .summary = "How far an experiment is."};

void encode_progress_event(struct json *j, const struct experiment_view *x)
{
    struct experiment_pace pace = encode_pace(x);

    json_object_inline(j, NULL);
    field_encode(first_fields, x, j);
    field_encode(encode_pace_fields, &pace, j);
    field_encode(last_fields, x, j);
    json_end(j);
}
