/*
 * Experiments: one, its best trial, and the orders that a person gives.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/clock.h"
#include "server/intake/quota.h"
#include "server/jobs/study.h"
#include "server/jobs/writer.h"
#include "server/schema/query.h"

enum { WAIT_SECONDS_MAX = 3600 };

enum err call_experiment_answer(struct call *c, unsigned status, int64_t id, struct error *e)
{
    struct experiment_view view;
    struct buf out = {0};
    struct json j;

    TRY(call_reader(c, e));
    TRY(encode_experiment_read(c->reader, id, c->q->arena, &view, e));
    json_init(&j, &out);
    encode_experiment(&j, NULL, &view);
    return call_json(c, status, &out, e);
}

static enum err has_ended(struct call *c, int64_t id, bool *ended, struct error *e)
{
    struct experiment_record record;
    struct unseal_record unsealed;
    bool found;

    TRY(store_experiment_get(c->reader, id, c->q->arena, &record, e));
    TRY(store_unseal_get(c->reader, id, c->q->arena, &unsealed, &found, e));
    *ended = record.finished_at_ms != 0 && (!found || unsealed.finished_at_ms != 0);
    return ERR_OK;
}

struct get_form {
    double wait;
};

const struct field experiment_get_query[] = {
    FIELD("wait", REAL, get_form, wait, .min = 0, .max = WAIT_SECONDS_MAX, .default_json = "0",
          .summary = "seconds to hold the answer until the experiment ends, and its unsealing"),
    {.key = NULL},
};

enum err experiment_get(struct call *c, struct error *e)
{
    struct get_form f = {0};
    bool ended;
    int64_t id;

    TRY(call_query(c, &f, e));
    c->is_kept = c->is_kept && f.wait == 0.0;
    TRY(call_experiment(c, &id, e));
    TRY(has_ended(c, id, &ended, e));
    if (f.wait > 0 && !c->q->last_try && !ended) {
        http_respond_later(c->r, (unsigned)(1000 * f.wait));
        return ERR_OK;
    }
    return call_experiment_answer(c, 200, id, e);
}

enum err experiment_best(struct call *c, struct error *e)
{
    struct experiment_record experiment;
    struct trial_record best;
    struct trial_parts parts;
    struct buf out = {0};
    struct json j;
    int64_t id;
    bool found;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &experiment, e));
    TRY(store_trial_best(c->reader, id, c->q->arena, &best, &found, e));
    if (found)
        TRY(encode_trial_read(c->reader, id, best.trial, c->q->arena, &parts, e));
    json_init(&j, &out);
    encode_best(&j, found ? &best : NULL, experiment.metric, &parts);
    return call_json(c, 200, &out, e);
}

/* A search of ours, or a study that others train. */
static enum err run_command(struct call *c, const struct experiment_record *x,
                            enum jobs_command what, struct error *e)
{
    return x->dataset_id == 0 ? study_command(c->api->jobs, x->id, what, e)
                              : jobs_command(c->api->jobs, x->id, what, e);
}

static enum err give_command(struct call *c, enum jobs_command what, struct error *e)
{
    struct intake in = call_intake(c);
    struct experiment_record record;
    int64_t id;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &record, e)); /* 404 before 409 */
    if (what == JOBS_RESUME && strcmp(record.state, "paused") == 0)
        TRY(quota_check_running(&in, c->reader, e)); /* two at the same moment may both pass */
    call_release(c);
    TRY(run_command(c, &record, what, e));
    return call_experiment_answer(c, 202, id, e);
}

enum err experiment_cancel(struct call *c, struct error *e)
{
    return give_command(c, JOBS_CANCEL, e);
}

enum err experiment_pause(struct call *c, struct error *e)
{
    return give_command(c, JOBS_PAUSE, e);
}

enum err experiment_resume(struct call *c, struct error *e)
{
    return give_command(c, JOBS_RESUME, e);
}

struct deletion {
    int64_t id;
    bool force;
};

static enum err delete_record(struct store *s, void *ctx, struct error *e)
{
    const struct deletion *d = ctx;

    if (d->force)
        TRY(store_unseal_abandon(s, d->id, e));
    return store_experiment_delete(s, d->id, e);
}

const struct field experiment_delete_query[] = {
    FIELD("force", BOOL, deletion, force, .summary = "end it first"),
    {.key = NULL},
};

enum err experiment_delete(struct call *c, struct error *e)
{
    struct experiment_record record;
    struct deletion d = {0};

    TRY(call_query(c, &d, e));
    TRY(call_experiment(c, &d.id, e));
    TRY(store_experiment_get(c->reader, d.id, c->q->arena, &record, e));
    call_release(c);
    if (d.force) {
        enum err failed = run_command(c, &record, JOBS_DROP, e);

        if (failed != ERR_OK && failed != ERR_CONFLICT) /* that it has ended is fine */
            return failed;
    }
    TRY(writer_call(jobs_writer(c->api->jobs), delete_record, &d, e));
    http_respond(c->r, 204, NULL, "", 0);
    return ERR_OK;
}
