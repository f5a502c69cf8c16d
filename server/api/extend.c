/*
 * POST …/extend: more trials for a search that goes on, or has completed. The larger budget is
 * stored first, so that a crash behind the answer loses nothing; trials come out as if the search
 * had had it from the start.
 */
#include <inttypes.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/once.h"
#include "server/clock.h"
#include "server/intake/quota.h"
#include "server/jobs/study.h"
#include "server/jobs/writer.h"
#include "server/schema/change.h"

struct extension {
    int64_t trials; /* more */
    struct arena *arena;
    struct experiment_record experiment;
    struct definition *definition; /* the new one */
    const char *json;
    bool was_changed; /* by somebody else, after it was read */
    struct call *call;
    struct buf answer; /* about the experiment as it was stored */
};

static void extension_finish(struct extension *x)
{
    buf_finish(&x->answer);
}

static const struct field extend_fields[] = {
    {.key = "trials",
     .type = FIELD_INT,
     .offset = offsetof(struct extension, trials),
     .min = 1,
     .max = DEFINITION_TRIALS_MAX,
     .required = true,
     .summary = "how many more"},
    {.key = NULL},
};

const struct schema experiment_extend_schema = {.name = "Extension",
                                                .fields = extend_fields,
                                                .is_request = true,
                                                .summary = "How many more trials."};

/* Why an experiment that has ended cannot go on, whatever its budget; NULL: it can. */
static const char *obstacle(const struct experiment_record *x)
{
    const char *reason = x->stop_reason ? x->stop_reason : "";

    if (x->finished_at_ms == 0 || strcmp(reason, "trials") == 0)
        return NULL;
    if (strcmp(reason, "space_exhausted") == 0)
        return "every point of its space was tried";
    if (strcmp(reason, "target") == 0 || strcmp(reason, "patience") == 0)
        return "its stop_when ended it, as it would with more trials; clone it with another";
    if (strcmp(reason, "seconds") == 0)
        return "its budget.seconds is spent; clone it with more";
    return "only a search that runs or has completed is extended; clone it";
}

static enum err check(const struct experiment_record *x, struct error *e)
{
    const char *why = obstacle(x);

    if (!why)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " is %s: %s", x->id, x->state, why);
}

static enum err extend_definition(struct call *c, struct extension *x, struct error *e)
{
    const struct table *table = NULL;
    struct definition_facts facts;
    enum err failed = call_facts(c, &x->experiment, &table, &facts, e);

    if (failed == ERR_OK)
        failed = change_extend(x->experiment.definition, &facts, x->trials, x->arena, &c->faults,
                               &x->definition, &x->json, e);
    x->definition = failed == ERR_OK ? x->definition : NULL;
    jobs_release_table(c->api->jobs, table);
    TRY(failed);
    if (x->experiment.curves_pruned_at_ms != 0 && definition_rungs(x->definition).n > 0)
        return error_set(e, ERR_CONFLICT,
                         "experiment %" PRId64 ": its learning curves were dropped, and its pruner "
                         "would compare new trials with them; clone it",
                         x->experiment.id);
    if (x->definition->planned_trials > x->experiment.planned_trials)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "experiment %" PRId64 ": its space has no more than the %" PRId64
                     " points that it tries already",
                     x->experiment.id, x->experiment.planned_trials);
}

static enum err write_answer(struct store *s, struct extension *x, struct error *e)
{
    struct experiment_view view;
    struct json j;

    TRY(encode_experiment_read(store_writer(s), x->experiment.id, x->arena, &view, e));
    buf_clear(&x->answer);
    json_init(&j, &x->answer);
    encode_experiment(&j, NULL, &view);
    return once_keep(x->call, s, 202, NULL, &x->answer, e);
}

static enum err reopen(struct store *s, struct call *c, const struct experiment_record *x,
                       struct error *e)
{
    struct experiment_change change = {.state = x->dataset_id == 0 ? "running" : "queued",
                                       .at_ms = clock_now_ms(),
                                       .elapsed_ms = -1};
    struct intake in = call_intake(c);

    if (x->finished_at_ms == 0)
        return ERR_OK;
    TRY(quota_check_running(&in, store_writer(s), e));
    return store_experiment_set_state(s, x->id, &change, e);
}

/* Stores the larger budget, unless the definition is not the one that was read. The writer's
 * thread. */
static enum err apply(struct store *s, void *ctx, struct error *e)
{
    struct extension *x = ctx;
    int64_t id = x->experiment.id;
    struct reader *r = store_writer(s);
    struct experiment_record now;
    struct unseal_record unsealed;
    bool found;

    TRY(store_experiment_get(r, id, x->arena, &now, e));
    TRY(store_unseal_get(r, id, x->arena, &unsealed, &found, e));
    if (found)
        return error_set(e, ERR_CONFLICT,
                         "experiment %" PRId64 " was unsealed: more trials would be chosen with "
                         "knowledge of its sealed rows; clone it",
                         id);
    TRY(check(&now, e));
    x->was_changed = strcmp(now.definition, x->experiment.definition) != 0 ||
                     now.curves_pruned_at_ms != x->experiment.curves_pruned_at_ms;
    if (x->was_changed)
        return ERR_OK;
    TRY(store_experiment_set_plan(s, id, x->definition->planned_trials, x->json, e));
    TRY(reopen(s, x->call, &now, e));
    return write_answer(s, x, e);
}

static enum err store_extension(struct call *c, struct extension *x, struct error *e)
{
    int64_t id;

    do {
        TRY(call_experiment(c, &id, e));
        TRY(store_experiment_get(c->reader, id, x->arena, &x->experiment, e));
        call_release(c);
        TRY(check(&x->experiment, e));
        TRY(extend_definition(c, x, e));
        TRY(x->experiment.dataset_id == 0 ? study_change(c->api->jobs, id, apply, x, e)
                                          : writer_call(jobs_writer(c->api->jobs), apply, x, e));
    } while (x->was_changed);
    return ERR_OK;
}

enum err experiment_extend(struct call *c, struct error *e)
{
    CLEANUP(extension_finish) struct extension x = {.arena = c->q->arena, .call = c};
    struct jobs_extension grown;

    TRY(field_decode(c->q->body ? c->q->body : "", c->q->body_length, extend_fields, &x,
                     c->q->arena, &c->faults, e));
    TRY(store_extension(c, &x, e));
    grown = (struct jobs_extension){.trials = x.definition->trials,
                                    .planned_trials = x.definition->planned_trials,
                                    .whole_space = x.definition->whole_space};
    if (x.experiment.dataset_id != 0)
        TRY(jobs_extend(c->api->jobs, x.experiment.id, &grown, e));
    return call_json(c, 202, &x.answer, e);
}
