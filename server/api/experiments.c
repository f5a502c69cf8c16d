/*
 * Experiments: one, its best trial, and the orders that a person gives.
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

/* ---- orders ------------------------------------------------------------------------------ */

/* An order, whose answer is stored with what it does. */
struct order {
    struct call *call;
    struct experiment_record experiment;
    enum jobs_command what;
    struct buf answer;
};

static void order_finish(struct order *o)
{
    buf_finish(&o->answer);
}

/* The writer's thread. */
static enum err keep_answer(struct store *s, void *ctx, struct error *e)
{
    struct order *o = ctx;
    struct experiment_view view;
    struct json j;

    TRY(encode_experiment_read(store_writer(s), o->experiment.id, o->call->q->arena, &view, e));
    buf_clear(&o->answer);
    json_init(&j, &o->answer);
    encode_experiment(&j, NULL, &view);
    return once_keep(o->call, s, 202, NULL, &o->answer, e);
}

/* A search of ours, or a study that others train. */
static enum err run_command(struct order *o, struct also then, struct error *e)
{
    struct jobs *j = o->call->api->jobs;

    return o->experiment.dataset_id == 0
               ? study_command(j, o->experiment.id, o->what, then, e)
               : jobs_command(j, o->experiment.id, o->what, &then, e);
}

static enum err begin_order(struct order *o, struct error *e)
{
    int64_t id;

    TRY(call_experiment(o->call, &id, e));
    TRY(store_experiment_get(o->call->reader, id, o->call->q->arena, &o->experiment, e)); /* 404 */
    call_release(o->call);
    return ERR_OK;
}

static enum err give_command(struct call *c, enum jobs_command what, struct error *e)
{
    CLEANUP(order_finish) struct order o = {.call = c, .what = what};

    TRY(begin_order(&o, e));
    TRY(run_command(&o, (struct also){keep_answer, &o}, e));
    return call_json(c, 202, &o.answer, e);
}

enum err experiment_cancel(struct call *c, struct error *e)
{
    return give_command(c, JOBS_CANCEL, e);
}

enum err experiment_pause(struct call *c, struct error *e)
{
    return give_command(c, JOBS_PAUSE, e);
}

/* The writer's thread. */
static enum err store_resumed(struct store *s, void *ctx, struct error *e)
{
    struct order *o = ctx;
    struct intake in = call_intake(o->call);
    struct experiment_change running = {
        .state = "running", .at_ms = clock_now_ms(), .elapsed_ms = -1};
    struct experiment_record now;

    TRY(store_experiment_get(store_writer(s), o->experiment.id, o->call->q->arena, &now, e));
    if (strcmp(now.state, "paused") != 0)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " %s", now.id,
                         now.finished_at_ms != 0 ? "has ended" : "is running already");
    TRY(quota_check_running(&in, store_writer(s), e));
    TRY(store_experiment_set_state(s, now.id, &running, e));
    return keep_answer(s, o, e);
}

/* That it runs is stored first, where its owner's quota is exact; a crash behind that lets it run
 * after the next start. One that is being cancelled meanwhile is not resumed. */
enum err experiment_resume(struct call *c, struct error *e)
{
    CLEANUP(order_finish) struct order o = {.call = c, .what = JOBS_RESUME};
    int64_t id;
    enum err failed;

    TRY(begin_order(&o, e));
    id = o.experiment.id;
    if (o.experiment.dataset_id == 0) {
        TRY(study_change(c->api->jobs, id, store_resumed, &o, e));
    } else {
        TRY(writer_call(jobs_writer(c->api->jobs), store_resumed, &o, e));
        failed = jobs_command(c->api->jobs, id, JOBS_RESUME, NULL, e);
        if (failed != ERR_OK && failed != ERR_CONFLICT)
            return failed;
    }
    return call_json(c, 202, &o.answer, e);
}

/* ---- away with it ------------------------------------------------------------------------ */

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
    struct order o = {.call = c, .what = JOBS_DROP};
    struct deletion d = {0};

    TRY(call_query(c, &d, e));
    TRY(begin_order(&o, e));
    d.id = o.experiment.id;
    if (d.force) {
        enum err failed = run_command(&o, (struct also){0}, e);

        if (failed != ERR_OK && failed != ERR_CONFLICT) /* that it has ended is fine */
            return failed;
    }
    TRY(writer_call(jobs_writer(c->api->jobs), delete_record, &d, e));
    http_respond(c->r, 204, NULL, "", 0);
    return ERR_OK;
}
