/*
 * POST …/prune: an experiment that has ended keeps its scores and drops its learning curves, which
 * take most of its room and can be trained again from the same seeds. Some trials at a time, so that
 * results of others are stored in between; what a crash leaves goes when the same is asked again.
 */
#include <inttypes.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/clock.h"
#include "server/jobs/writer.h"
#include "server/store/store_curves.h"

enum { TRIALS_AT_ONCE = 64 };

struct pruning {
    struct call *call;
    bool dry_run;
    int64_t id;
    int64_t n_trials; /* they are numbered without gaps */
    int64_t first;    /* of the next ones */
    struct curves_use gone;
    int64_t pruned_at_ms; /* 0: never */
    struct call_reply *reply; /* is stored with the last of them */
};

const struct field experiment_prune_query[] = {
    FIELD("dry_run", BOOL, pruning, dry_run, .summary = "only tell what would go"),
    {.key = NULL},
};

/* clang-format off */
static const struct field answer_fields[] = {
    FIELD("experiment", INT, pruning, id),
    FIELD("dry_run", BOOL, pruning, dry_run, .summary = "nothing was dropped"),
    FIELD("folds", INT, pruning, gone.folds, .summary = "whose curves are gone, or would be"),
    FIELD("bytes", INT, pruning, gone.bytes, .summary = "that they took"),
    FIELD("curves_pruned_at", TIME, pruning, pruned_at_ms, .nullable = true,
          .summary = "when curves of it were dropped first"),
    {.key = NULL},
};
/* clang-format on */

const struct schema experiment_pruned_schema = {
    .name = "Pruned", .fields = answer_fields, .summary = "Learning curves that were dropped."};

static enum err check_ended(struct pruning *p, struct reader *r, struct error *e)
{
    struct experiment_record x;

    TRY(store_experiment_get(r, p->id, p->call->q->arena, &x, e));
    p->pruned_at_ms = x.curves_pruned_at_ms;
    if (x.finished_at_ms != 0)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "experiment %" PRId64 " is %s: its curves are dropped once it has ended, or "
                     "was cancelled",
                     p->id, x.state);
}

static bool is_last(const struct pruning *p)
{
    return p->first + TRIALS_AT_ONCE > p->n_trials;
}

/* The writer's thread. */
static enum err apply(struct store *s, void *ctx, struct error *e)
{
    struct pruning *p = ctx;
    struct curves_use gone;

    TRY(check_ended(p, store_writer(s), e));
    TRY(store_curves_drop(s, p->id, p->first, p->first + TRIALS_AT_ONCE - 1, clock_now_ms(), &gone,
                          e));
    p->gone.folds += gone.folds;
    p->gone.bytes += gone.bytes;
    if (!is_last(p))
        return ERR_OK;
    TRY(check_ended(p, store_writer(s), e)); /* for the time */
    return call_reply_keep(s, p->reply, e);
}

static enum err drop_all(struct pruning *p, struct error *e)
{
    p->first = 1;
    TRY(writer_call(jobs_writer(p->call->api->jobs), apply, p, e));
    while (!is_last(p)) {
        p->first += TRIALS_AT_ONCE;
        TRY(writer_call(jobs_writer(p->call->api->jobs), apply, p, e));
    }
    return ERR_OK;
}

enum err experiment_prune(struct call *c, struct error *e)
{
    struct pruning p = {.call = c};
    CLEANUP(call_reply_end)
    struct call_reply reply = {.call = c, .status = 200, .fields = answer_fields, .in = &p};
    struct experiment_progress progress;

    p.reply = &reply;
    TRY(call_query(c, &p, e));
    TRY(call_experiment(c, &p.id, e));
    TRY(check_ended(&p, c->reader, e));
    TRY(store_experiment_progress(c->reader, p.id, &progress, e));
    p.n_trials = progress.trials;
    if (p.dry_run)
        TRY(store_curves_use(c->reader, p.id, 1, INT64_MAX, &p.gone, e));
    call_release(c);
    if (!p.dry_run)
        TRY(drop_all(&p, e));
    return call_reply_send(&reply, e);
}
