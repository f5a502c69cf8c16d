/*
 * A definition comes in: decoded against its data set, checked by cutting the folds,
 * planned, and, unless it was only to be validated, stored and begun. One with an objective has
 * neither data nor folds, and nothing of it begins before somebody asks.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/data/prepare.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/once.h"
#include "server/api/quota.h"
#include "server/clock.h"
#include "server/jobs/facts.h"
#include "server/jobs/writer.h"
#include "server/schema/change.h"
#include "server/schema/definition.h"
#include "server/schema/plan.h"

/* A definition with what was found out about it. */
struct draft {
    struct call *call;
    const char *body; /* the definition as it was given */
    size_t body_length;
    struct dataset_record dataset;
    const struct table *table; /* taken */
    struct definition_facts facts;
    struct definition *definition;
    struct split *split;
    struct plan plan;
    const char *json;  /* the definition, complete */
    int64_t id;        /* once it is stored */
    struct buf answer; /* likewise, and where it is: */
    char url[CALL_URL_BYTES];
};

static struct draft draft_of(struct call *c)
{
    const char *body = c->q->body ? c->q->body : "";

    return (struct draft){.call = c, .body = body, .body_length = c->q->body_length};
}

static void draft_finish(struct draft *d)
{
    split_destroy(d->split);
    jobs_release_table(d->call->api->jobs, d->table);
    buf_finish(&d->answer);
}

static enum err find_dataset(struct draft *d, const struct definition_dataset *named,
                             struct error *e)
{
    char id[24];

    (void)snprintf(id, sizeof id, "%" PRId64, named->id);
    if (call_dataset(d->call, named->name ? named->name : id, &d->dataset, e) != ERR_OK) {
        if (e->code != ERR_NOT_FOUND)
            return e->code;
        faults_add(&d->call->faults, "/dataset", NULL, "%s", e->message);
        return faults_check(&d->call->faults, e);
    }
    call_release(d->call);
    return jobs_take_table(d->call->api->jobs, d->dataset.id, &d->table, e);
}

static enum err decode(struct draft *d, struct error *e)
{
    return definition_decode(d->body, d->body_length, &d->facts, d->call->q->arena,
                             &d->call->faults, &d->definition, e);
}

/* Folds that cannot be cut are a fault of the definition. */
static enum err cut_folds(struct draft *d, struct error *e)
{
    enum err failed = split_create(d->table, &d->definition->split, &d->split, e);
    char pointer[160];

    if (failed != ERR_INVALID)
        return failed;
    if (strcmp(e->field, "sealed") == 0)
        (void)snprintf(pointer, sizeof pointer, "/sealed");
    else
        (void)snprintf(pointer, sizeof pointer, "/cross_validation%s%s", e->field[0] ? "/" : "",
                       e->field);
    faults_add(&d->call->faults, pointer, NULL, "%s", e->message);
    return faults_check(&d->call->faults, e);
}

static enum err make_plan(struct draft *d, struct error *e)
{
    const struct api *api = d->call->api;
    struct prepare_spec usual = {.missing_indicator = true};
    struct plan_facts facts = {
        .n_features = prepare_features(d->table, &usual),
        .n_outputs = table_outputs(d->table),
        .n_folds = (size_t)d->split->n_folds * d->split->n_repeats,
        .n_sealed = d->split->n_sealed,
        .n_warnings = d->split->n_warnings,
        .warnings = d->split->warnings,
        .threads = api->config->threads,
        .memory_bytes = api->config->memory_bytes,
        .work_per_second = jobs_work_per_second(api->jobs),
    };

    split_count(d->split, 0, 1, &facts.n_train, &facts.n_validation);
    return plan_make(d->definition, &d->facts, &facts, d->call->q->arena, &d->plan, e);
}

static enum err draft_make(struct draft *d, struct error *e)
{
    struct arena *a = d->call->q->arena;
    struct definition_dataset named;

    TRY(definition_dataset(d->body, d->body_length, a, &d->call->faults, &named, e));
    if (named.is_objective) {
        d->facts = definition_no_data;
        TRY(decode(d, e));
        d->plan = plan_elsewhere(d->definition);
        return ERR_OK;
    }
    TRY(find_dataset(d, &named, e));
    TRY(facts_of(d->table, d->dataset.id, d->dataset.name, a, &d->facts, e));
    TRY(decode(d, e));
    TRY(cut_folds(d, e));
    return make_plan(d, e);
}

static void write_draft(const void *in, struct json *j, const char *key)
{
    definition_write(((const struct draft *)in)->definition, j, key);
}

static void write_plan(const void *in, struct json *j, const char *key)
{
    plan_write(&((const struct draft *)in)->plan, j, key);
}

static const struct field validated_fields[] = {
    {.key = "definition",
     .type = FIELD_OTHER,
     .ref = "Definition",
     .write = write_draft,
     .summary = "made complete: every default spelled out"},
    {.key = "plan", .type = FIELD_OTHER, .ref = "Plan", .write = write_plan},
    {.key = NULL},
};
const struct schema experiment_validated_schema = {
    .name = "Validated", .fields = validated_fields, .summary = "What a definition comes to."};

enum err experiment_validate(struct call *c, struct error *e)
{
    CLEANUP(draft_finish) struct draft d = draft_of(c);

    TRY(draft_make(&d, e));
    return call_object(c, 200, validated_fields, &d, e);
}

static enum err write_definition(struct draft *d, struct error *e)
{
    return change_write(d->definition, d->call->q->arena, &d->json, e);
}

/* A definition without a name has the one that the store gave the experiment. The draft itself
 * stays as it is: the writer may have to do all this again, for another id. */
static enum err write_name(struct store *s, struct draft *d, struct error *e)
{
    enum err failed;
    const char *base = d->definition->objective ? "experiment" : d->dataset.name;

    d->definition->name = arena_printf(d->call->q->arena, "%s-%" PRId64, base, d->id);
    failed = d->definition->name ? write_definition(d, e) : error_no_memory(e);
    d->definition->name = NULL;
    TRY(failed);
    return store_experiment_set_plan(s, d->id, d->plan.trials, d->json, e);
}

static enum err insert_record(struct store *s, struct draft *d, struct error *e)
{
    const struct definition *x = d->definition;
    struct experiment_record record = {
        .name = x->name, /* none: DATASET-ID */
        .owner = call_owner(d->call),
        .dataset_id = d->dataset.id,
        .state = x->start ? "queued" : "paused",
        .metric = x->metric->name,
        .direction = x->metric->maximize ? "maximize" : "minimize",
        .sampler = x->sampler->name,
        .pruner = definition_pruner_name(x),
        .seed = (int64_t)x->seed_search,
        .definition = d->json,
        .planned_trials = d->plan.trials,
        .folds_per_trial = d->plan.folds_per_trial,
        .sealed_rows = d->plan.sealed_rows,
        .priority = x->priority,
        .notes = x->notes ? x->notes : "",
        .tags = encode_texts(&x->tags, d->call->q->arena),
        .created_at_ms = clock_now_ms(),
    };
    struct experiment_change begun = {
        .state = "running", .at_ms = record.created_at_ms, .elapsed_ms = -1};

    if (!record.tags)
        return error_no_memory(e);
    TRY(store_experiment_insert(s, &record, &d->id, e));
    if (x->objective && x->start) /* it runs as soon as it can be asked */
        TRY(store_experiment_set_state(s, d->id, &begun, e));
    return x->name ? ERR_OK : write_name(s, d, e);
}

/* The answer is part of the transaction: it tells of the experiment as it was stored. */
static enum err insert(struct store *s, void *ctx, struct error *e)
{
    struct draft *d = ctx;
    struct experiment_view view;
    struct json j;

    if (d->definition->start)
        TRY(quota_check_running(d->call, store_writer(s), e));
    TRY(insert_record(s, d, e));
    TRY(encode_experiment_read(store_writer(s), d->id, d->call->q->arena, &view, e));
    view.plan = &d->plan;
    buf_clear(&d->answer);
    json_init(&j, &d->answer);
    encode_experiment(&j, NULL, &view);
    call_url(d->url, "experiments", d->id);
    return once_keep(d->call, s, 201, d->url, &d->answer, e);
}

static enum err submit(struct draft *d, struct error *e)
{
    struct jobs *jobs = d->call->api->jobs;

    TRY(draft_make(d, e));
    TRY(write_definition(d, e));
    TRY(writer_call(jobs_writer(jobs), insert, d, e));
    if (!d->definition->objective)
        TRY(jobs_begin(jobs, d->id, e));
    (void)http_respond_header(d->call->r, "Location", d->url);
    return call_json(d->call, 201, &d->answer, e);
}

enum err experiment_submit(struct call *c, struct error *e)
{
    CLEANUP(draft_finish) struct draft d = draft_of(c);

    return submit(&d, e);
}

static void document_patch(struct json *j)
{
    json_string(j, "type", "object");
}

const struct schema experiment_patch_schema = {
    .name = "Patch",
    .document = document_patch,
    .is_request = true,
    .summary = "A merge patch (RFC 7396) to a definition: what it names takes the place of what was "
               "there, null takes it away."};

/* A new experiment from an old one's definition and a merge patch. */
enum err experiment_clone(struct call *c, struct error *e)
{
    CLEANUP(draft_finish) struct draft d = draft_of(c);
    struct experiment_record x;
    int64_t id;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &x, e));
    call_release(c);
    TRY(change_patch(&(struct change_source){x.definition, id, x.dataset_name}, d.body,
                     d.body_length, c->q->arena, &d.body, e));
    d.body_length = strlen(d.body);
    return submit(&d, e);
}
