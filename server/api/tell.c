/*
 * Ask and tell: trials that are trained elsewhere are handed out, reported on and told of.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/jobs/study.h"
#include "server/schema/imports.h"

enum { ASK_MAX = 1000 };

/* ---- ask --------------------------------------------------------------------------------- */

struct ask_body {
    int64_t count;
};

static const struct field ask_fields[] = {
    {.key = "count",
     .type = FIELD_INT,
     .offset = offsetof(struct ask_body, count),
     .min = 1,
     .max = ASK_MAX,
     .default_json = "1",
     .summary = "how many"},
    {.key = NULL},
};

const struct schema trial_ask_schema = {
    .name = "Ask", .fields = ask_fields, .is_request = true, .summary = "How many trials."};

static void write_params(const void *in, struct json *j, const char *key)
{
    const struct study_trial *t = in;
    CLEANUP(buf_finish) struct buf params = {0};

    params_json(&t->params, &params);
    j->out->failed |= params.failed;
    json_raw(j, key, buf_text(&params));
}

/* clang-format off */
static const struct field asked_fields[] = {
    FIELD("trial", INT, study_trial, trial, .summary = "its number"),
    {.key = "params", .type = FIELD_OTHER, .ref = "Params", .write = write_params,
     .summary = "what is to be trained"},
    FIELD("lease", INT, study_trial, lease, .summary = "to be given back with what is told"),
    {.key = NULL},
};

/* clang-format on */

struct asked {
    size_t n;
    struct study_trial *trials;
};

static void write_asked(const void *in, struct json *j, const char *key)
{
    const struct asked *a = in;

    json_array(j, key);
    for (size_t i = 0; i < a->n; i++) {
        json_object(j, NULL);
        field_encode(asked_fields, &a->trials[i], j);
        json_end(j);
    }
    json_end(j);
}

static const struct field answer_fields[] = {
    {.key = "trials",
     .type = FIELD_OTHER,
     .fields = asked_fields,
     .shape = FIELD_LIST,
     .write = write_asked},
    {.key = NULL},
};

const struct schema trial_asked_schema = {
    .name = "Asked", .fields = answer_fields, .summary = "Trials that were handed out."};

static enum err read_body(struct call *c, const struct field *fields, void *out, struct error *e)
{
    return field_decode(c->q->body ? c->q->body : "", c->q->body_length, fields, out, c->q->arena,
                        &c->faults, e);
}

enum err trial_ask(struct call *c, struct error *e)
{
    struct ask_body body = {.count = 1};
    struct asked asked;
    CLEANUP(call_reply_end)
    struct call_reply reply = {.call = c, .status = 201, .fields = answer_fields, .in = &asked};
    int64_t id;

    TRY(read_body(c, ask_fields, &body, e));
    TRY(call_experiment(c, &id, e));
    call_release(c);
    asked.trials = arena_alloc(c->q->arena, (size_t)body.count, sizeof *asked.trials);
    if (!asked.trials)
        return error_no_memory(e);
    TRY(study_ask(c->api->jobs, id, (size_t)body.count, c->q->arena, asked.trials, &asked.n,
                  (struct also){call_reply_keep, &reply}, e));
    return call_reply_send(&reply, e);
}

/* ---- report and tell --------------------------------------------------------------------- */

struct tell_body {
    int64_t step, lease;
    double value, score;
    bool has_score;
    const char *error;
};

static const struct field report_fields[] = {
    {.key = "step",
     .type = FIELD_INT,
     .offset = offsetof(struct tell_body, step),
     .min = 0,
     .max = 1e15,
     .required = true,
     .summary = "how far the trial is: an epoch, a fold"},
    {.key = "value",
     .type = FIELD_REAL,
     .offset = offsetof(struct tell_body, value),
     .required = true,
     .summary = "of the objective, so far"},
    {.key = "lease",
     .type = FIELD_INT,
     .offset = offsetof(struct tell_body, lease),
     .min = 1,
     .max = 1e15,
     .summary = "the one that it was handed out with"},
    {.key = NULL},
};

static const struct field tell_fields[] = {
    {.key = "score",
     .type = FIELD_REAL,
     .offset = offsetof(struct tell_body, score),
     .present_offset = offsetof(struct tell_body, has_score),
     .summary = "of the objective"},
    {.key = "error",
     .type = FIELD_TEXT,
     .offset = offsetof(struct tell_body, error),
     .min = 1,
     .max = 2000,
     .summary = "why there is no score"},
    {.key = "lease",
     .type = FIELD_INT,
     .offset = offsetof(struct tell_body, lease),
     .min = 1,
     .max = 1e15,
     .summary = "the one that it was handed out with"},
    {.key = NULL},
};

static void document_tell(struct json *j)
{
    field_document_members(tell_fields, FIELD_REQUEST, j);
    field_document_not_both("score", "error", j);
}

const struct schema trial_report_schema = {.name = "Report",
                                           .fields = report_fields,
                                           .is_request = true,
                                           .summary = "An intermediate value of a trial."};
const struct schema trial_tell_schema = {
    .name = "Tell",
    .document = document_tell,
    .is_request = true,
    .summary = "What came of a trial: a score or an error; neither of one that was told to stop."};

struct judgement {
    bool stop;
};

static const struct field verdict_fields[] = {
    FIELD("stop", BOOL, judgement, stop, .summary = "the pruner wants no more of it"),
    {.key = NULL},
};
const struct schema trial_verdict_schema = {
    .name = "Verdict", .fields = verdict_fields, .summary = "Whether a trial is to go on."};

struct told {
    int64_t trial;
    const char *state;
};

static const struct field told_fields[] = {
    FIELD("trial", INT, told, trial, .summary = "its number"),
    FIELD("state", TEXT, told, state, .summary = "completed, failed or pruned"),
    {.key = NULL},
};
const struct schema trial_told_schema = {
    .name = "Told", .fields = told_fields, .summary = "A trial that has ended."};

static enum err find_trial(struct call *c, int64_t *id, int64_t *trial, struct error *e)
{
    TRY(call_experiment(c, id, e));
    call_release(c);
    return call_number(call_segment(c, 1), "trial", trial, e);
}

/* What can be invalid of it is the step. */
enum err trial_report(struct call *c, struct error *e)
{
    struct tell_body body = {0};
    struct judgement judgement;
    CLEANUP(call_reply_end)
    struct call_reply reply = {.call = c, .status = 200, .fields = verdict_fields, .in = &judgement};
    int64_t id, trial;
    enum err failed;

    TRY(read_body(c, report_fields, &body, e));
    TRY(find_trial(c, &id, &trial, e));
    failed = study_report(c->api->jobs, id, trial, body.lease, body.step, body.value,
                          &judgement.stop, (struct also){call_reply_keep, &reply}, e);
    if (failed == ERR_INVALID)
        faults_add(&c->faults, "/step", NULL, "%s", e->message);
    TRY(failed);
    return call_reply_send(&reply, e);
}

enum err trial_tell(struct call *c, struct error *e)
{
    struct tell_body body = {.score = (double)NAN};
    struct study_result result;
    int64_t id;
    struct told told;
    CLEANUP(call_reply_end)
    struct call_reply reply = {.call = c, .status = 200, .fields = told_fields, .in = &told};
    enum err failed;

    TRY(read_body(c, tell_fields, &body, e));
    if (body.has_score && body.error) {
        faults_add(&c->faults, "", NULL, "give either \"score\", a number, or \"error\", a text");
        return faults_check(&c->faults, e);
    }
    TRY(find_trial(c, &id, &told.trial, e));
    result = (struct study_result){.score = body.score, .error = body.error};
    failed = study_tell(c->api->jobs, id, told.trial, body.lease, &result, &told.state,
                        (struct also){call_reply_keep, &reply}, e);
    if (failed == ERR_INVALID)
        faults_add(&c->faults, "", NULL, "%s", e->message);
    TRY(failed);
    return call_reply_send(&reply, e);
}

/* ---- trials from before ------------------------------------------------------------------ */

struct import_answer {
    int64_t first_trial, count;
};

static const struct field imported_fields[] = {
    FIELD("first_trial", INT, import_answer, first_trial, .summary = "the first one's number"),
    FIELD("count", INT, import_answer, count, .summary = "how many"),
    {.key = NULL},
};
const struct schema trial_imported_schema = {
    .name = "Imported", .fields = imported_fields, .summary = "Trials that were taken in."};

static enum err decode_import(struct call *c, const struct experiment_record *x, size_t *n,
                              struct study_import **out, struct error *e)
{
    struct definition *d;
    struct imported *items;
    struct study_import *list;

    TRY(definition_decode(x->definition, strlen(x->definition), &definition_no_data, c->q->arena,
                          &c->faults, &d, e));
    TRY(imports_decode(c->q->body ? c->q->body : "", c->q->body_length, d, c->q->arena, &c->faults,
                       n, &items, e));
    list = arena_alloc(c->q->arena, *n, sizeof *list);
    if (!list)
        return error_no_memory(e);
    for (size_t i = 0; i < *n; i++)
        list[i] = (struct study_import){.params = items[i].params,
                                        .result = {items[i].score, items[i].error}};
    *out = list;
    return ERR_OK;
}

enum err trial_import(struct call *c, struct error *e)
{
    struct experiment_record x;
    struct study_import *items = NULL;
    struct import_answer answer;
    CLEANUP(call_reply_end)
    struct call_reply reply = {.call = c, .status = 201, .fields = imported_fields, .in = &answer};
    int64_t id;
    size_t n = 0;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &x, e));
    call_release(c);
    if (x.dataset_id != 0)
        return error_set(e, ERR_CONFLICT,
                         "experiment %" PRId64 " trains its own trials: trials are given only to "
                         "an experiment with an objective",
                         id);
    TRY(decode_import(c, &x, &n, &items, e));
    answer.count = (int64_t)n;
    TRY(study_import(c->api->jobs, id, items, n, &answer.first_trial,
                     (struct also){call_reply_keep, &reply}, e));
    return call_reply_send(&reply, e);
}
