/*
 * What came of a fold: from the result of its training to its row in the database.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/warn.h"
#include "server/jobs/private.h"
#include "server/schema/sentences.h"

/* ---- the score on each rung -------------------------------------------------------------- */

/* The score that counts on a rung. A fold that ended early keeps that of the epoch scored. What was
 * not reached, or failed, has none. */
static double score_on(const struct outcome *o, size_t epoch, const double *curve, size_t n)
{
    if (o->state == FOLD_COMPLETED && epoch >= o->epochs_run)
        epoch = o->epochs;
    else if (epoch > o->epochs_run || (o->state == FOLD_FAILED && epoch == o->epochs_run))
        return (double)NAN;
    return epoch >= 1 && epoch <= n ? curve[epoch - 1] : (double)NAN;
}

/* By the curve as it is stored, so that a restart reads the same. */
static enum err read_rungs(const struct rungs *rungs, struct outcome *o, const char *curve,
                           struct error *e)
{
    CLEANUP(mem_free) double *x = calloc(o->epochs_run + 1, sizeof *x);
    size_t n;

    if (!x)
        return error_no_memory(e);
    n = store_fold_curve_read(curve, o->epochs_run, x);
    for (size_t i = 0; i < rungs->n; i++)
        o->rungs[i] = score_on(o, rungs->epochs[i], x, n);
    return ERR_OK;
}

enum err outcome_read(const struct rungs *rungs, const struct fold_record *f, struct outcome *out,
                      struct error *e)
{
    out->state = strcmp(f->state, "completed") != 0 ? FOLD_FAILED
                 : f->cut                           ? FOLD_PARKED
                                                    : FOLD_COMPLETED;
    out->epochs = (size_t)f->epochs;
    out->epochs_run = (size_t)f->epochs_run;
    return read_rungs(rungs, out, f->curves.validation_score, e);
}

static void forget_rungs(struct outcome *o)
{
    for (size_t i = 0; i < RUNGS_MOST; i++)
        o->rungs[i] = (double)NAN;
}

/* ---- from a training --------------------------------------------------------------------- */

static enum fold_state state_of(const struct fold_run *run, const struct train_result *r)
{
    switch (r->state) {
    case TRAIN_DIVERGED:
        return FOLD_FAILED;
    case TRAIN_CANCELLED:
        return FOLD_DROPPED;
    case TRAIN_COMPLETED:
        return FOLD_COMPLETED;
    case TRAIN_RUNNING: /* the run may be longer than what was asked of it */
        break;
    }
    return r->epochs_run < run->trial->spec.epochs ? FOLD_PARKED : FOLD_COMPLETED;
}

void outcome_forget(struct outcome *o)
{
    for (size_t i = 0; i < OUTCOME_CURVES; i++)
        buf_finish(&o->curves[i]);
    buf_finish(&o->warnings);
}

enum err outcome_keep(struct fold_run *run, const struct train_result *r, struct error *e)
{
    struct outcome *out = &run->outcome;
    const struct metric_list *metrics = &run->trial->search->definition->metrics;
    const double *curves[] = {r->train_loss, r->validation_loss, r->validation_score,
                              r->learning_rate};

    for (size_t i = 0; i < 4; i++)
        store_fold_curve_text(curves[i], r->epochs_run, &out->curves[i]);
    store_fold_layers_text(r->layers, r->epochs_run, r->n_layers, &out->curves[4]);
    for (size_t i = 0; i < OUTCOME_CURVES; i++)
        TRY(buf_check(&out->curves[i], e));
    train_warnings(&run->trial->spec, metrics, r, &out->warnings);
    TRY(buf_check(&out->warnings, e));
    for (size_t i = 0; i < metrics->n; i++) {
        out->train[i] = r->train[metric_index(metrics->items[i])];
        out->validation[i] = r->validation[metric_index(metrics->items[i])];
    }
    out->epochs = r->epochs;
    out->epochs_run = r->epochs_run;
    out->weights_hash = r->weights_hash;
    out->diverged = r->state == TRAIN_DIVERGED;
    out->state = state_of(run, r);
    (void)snprintf(out->error, sizeof out->error, "%s", r->reason);
    return run->trial->search->rungs.n > 0
               ? read_rungs(&run->trial->search->rungs, out, buf_text(&out->curves[2]), e)
               : ERR_OK;
}

/* That memory is short says nothing of the trial. */
void outcome_fail(struct outcome *out, const struct error *e)
{
    out->refused = e->code == ERR_NO_MEMORY ? e->code : ERR_OK;
    out->state = out->refused ? FOLD_DROPPED : FOLD_FAILED;
    (void)snprintf(out->error, sizeof out->error, "%s", e->message);
    forget_rungs(out);
    outcome_forget(out); /* half a curve is none */
}

/* ---- to the database --------------------------------------------------------------------- */

/* The names and scores of the metrics, to be freed; NULL where memory is short. */
static struct fold_metric *list_scores(const struct fold_run *run)
{
    const struct metric_list *metrics = &run->trial->search->definition->metrics;
    struct fold_metric *list = calloc(metrics->n, sizeof *list);

    for (size_t i = 0; list && i < metrics->n; i++)
        list[i] = (struct fold_metric){metrics->items[i]->name, run->outcome.train[i],
                                       run->outcome.validation[i]};
    return list;
}

enum err outcome_insert(struct store *store, const struct fold_run *run, struct error *e)
{
    const struct outcome *o = &run->outcome;
    CLEANUP(buf_finish) struct buf warnings = {0};
    CLEANUP(mem_free) struct fold_metric *scores = list_scores(run);
    char hash[20];

    if (!scores)
        return error_no_memory(e);
    sentences_write(&o->warnings, &warnings);
    TRY(buf_check(&warnings, e));
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, o->weights_hash);
    return store_fold_insert(
        store,
        &(struct fold_record){
            .experiment = run->trial->search->id,
            .trial = run->trial->number,
            .repeat = run->repeat,
            .fold = run->fold,
            .state = o->state == FOLD_FAILED ? "failed" : "completed",
            .cut = o->state == FOLD_PARKED,
            .epochs = (int64_t)o->epochs,
            .epochs_run = (int64_t)o->epochs_run,
            .seconds = o->seconds,
            .error = o->error[0] ? o->error : NULL,
            .warnings = buf_text(&warnings),
            .weights_hash = o->epochs_run > 0 ? hash : NULL,
            .engine = SWEEPD_VERSION,
            .kernel = run->trial->search->jobs->options.kernel->name,
            .finished_at_ms = o->finished_at_ms,
            .reused_experiment = o->reused_experiment,
            .reused_trial = o->reused_trial,
            .started_at_ms = run->trial->n_folds == 1 ? run->trial->started_at_ms : 0,
            .n_metrics = run->trial->search->definition->metrics.n,
            .metrics = scores,
            .curves = {o->curves[0].data, o->curves[1].data, o->curves[2].data, o->curves[3].data,
                       o->curves[4].data},
        },
        e);
}

enum err outcome_cancel_rest(struct store *store, int64_t experiment, const char *reason,
                             int64_t at_ms, struct error *e)
{
    static const char *const WHY[][2] = {
        {"user", "its experiment was cancelled"},
        {"error", "its experiment failed"},
    };
    const char *why = "its experiment ended before it did";
    int64_t n;

    for (size_t i = 0; i < sizeof WHY / sizeof *WHY; i++)
        if (strcmp(WHY[i][0], reason) == 0)
            why = WHY[i][1];
    return store_trial_cancel_rest(store, experiment, reason, why, at_ms, &n, e);
}
