/*
 * POST …/unseal: the best trial's configuration is trained on every row that is not sealed and
 * scored on the sealed ones. This is done once; whoever asks again is told what came of it.
 */
#include <inttypes.h>

#include "core/data/split.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/once.h"
#include "server/clock.h"
#include "server/jobs/writer.h"

struct unsealing {
    struct arena *arena;
    struct experiment_record experiment;
    struct unseal_record record;
    bool is_new;
    struct call *call;
};

static enum err count_rows(struct call *c, struct unsealing *u, struct error *e)
{
    const struct table *table = NULL;
    struct split *split = NULL;
    enum err failed = call_folds(c, &u->experiment, &table, &split, e);

    if (failed == ERR_OK) {
        u->record.test_rows = (int64_t)split->n_sealed;
        u->record.train_rows = (int64_t)(split->n_rows - split->n_sealed);
    }
    split_destroy(split);
    jobs_release_table(c->api->jobs, table);
    return failed;
}

static enum err check_ended(const struct experiment_record *x, struct error *e)
{
    if (x->finished_at_ms != 0)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "experiment %" PRId64 " is %s: its sealed rows are scored once, after it has "
                     "ended",
                     x->id, x->state);
}

static void encode(const struct unsealing *u, char url[CALL_URL_BYTES], struct buf *out)
{
    struct json j;

    json_init(&j, out);
    encode_unsealed(&j, NULL, &u->record);
    call_url(url, "experiments", u->experiment.id);
}

/* Stores what is asked for, unless it was before. The writer's thread. */
static enum err insert(struct store *s, void *ctx, struct error *e)
{
    CLEANUP(buf_finish) struct buf answer = {0};
    char url[CALL_URL_BYTES];
    struct unsealing *u = ctx;
    int64_t id = u->experiment.id;
    struct reader *r = store_writer(s);
    struct unseal_record before;
    struct trial_record best;
    bool found;

    TRY(store_unseal_get(r, id, u->arena, &before, &found, e));
    if (found) {
        u->record = before;
        return ERR_OK;
    }
    TRY(store_experiment_get(r, id, u->arena, &u->experiment, e));
    TRY(check_ended(&u->experiment, e));
    TRY(store_trial_best(r, id, u->arena, &best, &found, e));
    if (!found)
        return error_set(e, ERR_CONFLICT,
                         "experiment %" PRId64 " has no completed trial that could be scored on "
                         "the sealed rows",
                         id);
    u->record.experiment = id;
    u->record.trial = best.trial;
    u->record.requested_at_ms = clock_now_ms();
    TRY(store_unseal_insert(s, &u->record, e));
    TRY(store_unseal_get(r, id, u->arena, &u->record, &found, e));
    u->is_new = true;
    encode(u, url, &answer);
    return once_keep(u->call, s, 202, url, &answer, e);
}

static enum err ask(struct call *c, struct unsealing *u, struct error *e)
{
    TRY(check_ended(&u->experiment, e));
    TRY(count_rows(c, u, e));
    if (u->record.test_rows == 0)
        return error_set(e, ERR_CONFLICT,
                         "experiment %" PRId64 " has no sealed rows: a definition sets them aside "
                         "by \"sealed\", before the search",
                         u->experiment.id);
    return writer_call(jobs_writer(c->api->jobs), insert, u, e);
}

static enum err answer(const struct unsealing *u, struct error *e)
{
    struct buf out = {0};
    char url[CALL_URL_BYTES];

    encode(u, url, &out);
    http_respond_location(u->call->r, url);
    return call_json(u->call, u->is_new ? 202 : 200, &out, e);
}

enum err experiment_unseal(struct call *c, struct error *e)
{
    struct unsealing u = {.arena = c->q->arena, .call = c};
    int64_t id;
    bool found;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &u.experiment, e));
    TRY(store_unseal_get(c->reader, id, c->q->arena, &u.record, &found, e));
    call_release(c);
    if (!found)
        TRY(ask(c, &u, e));
    if (u.record.finished_at_ms == 0) /* also one that could not be begun when it was stored */
        TRY(jobs_unseal(c->api->jobs, id, e));
    return answer(&u, e);
}
