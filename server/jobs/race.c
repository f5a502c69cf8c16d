/*
 * A search with a pruner over folds: each trial trains one fold at a time, all in the same order,
 * and after each it is judged. When all trials are decided those that were stopped and may win
 * after all are taken up again, round by round. Conductor's thread, but for race_sentence.
 */
#include <inttypes.h>
#include <math.h>

#include "core/search/racing.h"
#include "core/search/wilcoxon.h"
#include "server/jobs/private.h"
#include "server/store/store_fold.h"

static double loss_of(const struct search *s, double score)
{
    return s->metric->maximize ? -score : score;
}

/* The place of the deciding metric among those of the definition. */
static size_t deciding(const struct search *s)
{
    size_t i = 0;

    while (s->definition->metrics.items[i] != s->metric)
        i++;
    return i;
}

/* ---- begun ------------------------------------------------------------------------------- */

/* Losses on the rungs from scores. */
static void lose(const struct search *s, const double *scores, double *losses)
{
    for (uint32_t i = 0; i < s->rungs.n; i++)
        losses[i] = loss_of(s, scores[i]);
}

/* A stored fold with what it came to on the rungs. */
static enum err tell_with_rungs(struct search *s, struct reader *r, const struct fold_score *f,
                                struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct outcome o = {0};
    double losses[RUNGS_MOST] = {0};
    struct fold_record *folds;
    size_t n, i = 0;

    TRY(arena_create(1 << 14, &a, e));
    TRY(store_fold_curves(r, s->id, f->trial, a, &n, &folds, e));
    while (i < n && (folds[i].repeat != f->repeat || folds[i].fold != f->fold))
        i++;
    if (i == n)
        return error_set(e, ERR_INTERNAL, "a fold of trial %" PRId64 " is gone", f->trial);
    TRY(outcome_read(&s->rungs, &folds[i], &o, e));
    lose(s, o.rungs, losses);
    if (!f->cut)
        return pruner_tell_curve(s->pruner, (uint32_t)f->trial, loss_of(s, f->score), losses, e);
    for (uint32_t k = 0; k < s->rungs.n && s->rungs.epochs[k] <= o.epochs_run; k++)
        TRY(pruner_tell_inside(s->pruner, (uint32_t)f->trial, losses[k], e));
    return ERR_OK;
}

/* One trial's stored folds, in the order of the race up to the first that is missing. */
static enum err tell_trial(struct search *s, struct reader *r, const struct fold_score *folds,
                           size_t n, const struct fold_score **by_fold, uint32_t n_folds,
                           struct error *e)
{
    for (uint32_t i = 0; i < n_folds; i++)
        by_fold[i] = NULL;
    for (size_t i = 0; i < n; i++) {
        int64_t at = (folds[i].repeat - 1) * s->split->n_folds + folds[i].fold - 1;

        if (at >= 0 && at < n_folds)
            by_fold[at] = &folds[i];
    }
    for (uint32_t m = 0; m < n_folds && by_fold[s->race[m]]; m++) {
        const struct fold_score *f = by_fold[s->race[m]];

        TRY(s->rungs.n > 0
                ? tell_with_rungs(s, r, f, e)
                : pruner_tell(s->pruner, (uint32_t)f->trial, loss_of(s, f->score), e));
    }
    return ERR_OK;
}

static enum err tell_stored(struct search *s, struct reader *r, uint32_t n_folds, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    const struct fold_score **by_fold;
    struct fold_score *folds;
    size_t n;

    TRY(arena_create(1 << 16, &a, e));
    TRY(store_fold_scores(r, s->id, s->metric->name, a, &n, &folds, e));
    by_fold = arena_alloc(a, n_folds, sizeof(const struct fold_score *));
    if (!by_fold)
        return error_no_memory(e);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && folds[end].trial == folds[i].trial; end++)
            ;
        TRY(tell_trial(s, r, folds + i, end - i, by_fold, n_folds, e));
    }
    return ERR_OK;
}

enum err race_load(struct search *s, struct reader *r, struct error *e)
{
    const struct definition *d = s->definition;
    uint32_t n_folds = s->split->n_folds * s->split->n_repeats;
    struct pruner_settings settings = definition_pruner_settings(d, n_folds);

    if (!d->pruner || d->pruner->ladder)
        return ERR_OK;
    if (n_folds < 2)
        return error_set(e, ERR_INVALID, "pruner \"%s\" needs two folds or more, there is one",
                         d->pruner->name);
    s->race = arena_alloc(s->arena, n_folds, sizeof *s->race);
    if (!s->race)
        return error_no_memory(e);
    for (uint32_t m = 0; m < n_folds; m++)
        s->race[m] = pruner_order(d->seed_search, n_folds, m);
    TRY(pruner_create(d->pruner, &settings, &s->pruner, e));
    return tell_stored(s, r, n_folds, e);
}

/* The rung with so many epochs, from 1. */
static uint32_t rung_of(const struct search *s, int64_t epochs)
{
    uint32_t i = 0;

    while (i + 1 < s->rungs.n && s->rungs.epochs[i] < epochs)
        i++;
    return i + 1;
}

enum err race_settle_stored(struct search *s, const struct trial_record *t, struct error *e)
{
    uint32_t trial = (uint32_t)t->trial;

    if (!s->pruner)
        return ERR_OK;
    if (t->race_epoch > 0)
        return pruner_settle_inside(s->pruner, trial, (uint32_t)t->race_folds - 1,
                                    rung_of(s, t->race_epoch), e);
    return pruner_settle(
        s->pruner, trial,
        t->race_folds > 0 ? (uint32_t)t->race_folds : pruner_told(s->pruner, trial), e);
}

/* ---- from fold to fold ------------------------------------------------------------------- */

enum err race_fold_ended(struct fold_run *run, struct error *e)
{
    struct search *s = run->trial->search;
    const struct outcome *o = &run->outcome;
    uint32_t trial = (uint32_t)run->trial->number;
    double score = o->state == FOLD_COMPLETED ? o->validation[deciding(s)] : (double)NAN;
    double losses[RUNGS_MOST] = {0};

    lose(s, o->rungs, losses);
    if (o->state == FOLD_PARKED)
        return pruner_tell_inside(s->pruner, trial, losses[pruner_inside(s->pruner, trial)], e);
    return pruner_tell_curve(s->pruner, trial, loss_of(s, score), losses, e);
}

/* The next fold in the order of the race, up to the next rung. One of a revisit trains through: it
 * is wanted whole. */
static struct fold_run *next_fold(struct trial_run *t, size_t *goal)
{
    const struct search *s = t->search;
    uint32_t trial = (uint32_t)t->number, told = pruner_told(s->pruner, trial);

    *goal = s->rungs.n > 0 && !t->is_revisit ? s->rungs.epochs[pruner_inside(s->pruner, trial)]
                                             : t->spec.epochs;
    return &t->folds[s->race[told]];
}

struct fold_run *race_next(struct trial_run *t, size_t *goal)
{
    const struct pruner *p = t->search->pruner;
    uint32_t trial = (uint32_t)t->number;
    bool due = t->is_due;

    t->is_due = false;
    if (due || (pruner_told(p, trial) == 0 && pruner_inside(p, trial) == 0))
        return next_fold(t, goal);
    t->verdict = pruner_judge(p, trial);
    t->is_stopped = t->n_left > 0 && (t->verdict.stop || t->is_revisit);
    return t->n_left == 0 || t->is_stopped ? NULL : next_fold(t, goal);
}

enum err race_closed(struct trial_run *t, struct error *e)
{
    struct search *s = t->search;
    uint32_t trial = (uint32_t)t->number;

    if (!s->pruner || t->is_revisit)
        return ERR_OK;
    if (t->is_stopped && t->verdict.epochs > 0)
        return pruner_settle_inside(s->pruner, trial, pruner_told(s->pruner, trial),
                                    rung_of(s, t->verdict.epochs), e);
    return pruner_settle(s->pruner, trial, pruner_told(s->pruner, trial), e);
}

static double mean_score(const struct trial_run *t)
{
    size_t metric = deciding(t->search);
    double sum = 0;

    for (uint32_t m = 0; m < t->verdict.m; m++)
        sum += t->folds[t->search->race[m]].outcome.validation[metric];
    return sum / t->verdict.m;
}

void race_sentence(const struct trial_run *t, struct buf *out)
{
    const struct verdict *v = &t->verdict;
    const struct search *s = t->search;

    buf_printf(out, "after %" PRIu32 " of %zu folds ", v->m - (v->epochs > 0), t->n_folds);
    if (v->epochs > 0)
        buf_printf(out, "and %" PRIu32 " of %zu epochs of the next ", v->epochs, t->spec.epochs);
    if (v->broken)
        buf_printf(out, "its %s is undefined on one of them", s->metric->name);
    else if (s->definition->pruner == &racing_pruner)
        buf_printf(out, "its chance to beat trial %" PRIu32 " was %.2g", v->incumbent, v->p);
    else if (s->definition->pruner == &wilcoxon_pruner)
        buf_printf(out, "it was worse than trial %" PRIu32 " with p = %.2g", v->incumbent, v->p);
    else
        buf_printf(out, "its mean %s of %.4g was no better than the worst fold of trial %" PRIu32,
                   s->metric->name, mean_score(t), v->incumbent);
}

/* ---- revisits ---------------------------------------------------------------------------- */

/* Takes a trial of a round up again. One whose fold was stored before a restart is closed again,
 * as its end may not have been stored. */
static enum err take_up(struct search *s, struct reader *r, const struct revisit *x,
                        struct error *e)
{
    uint32_t told = pruner_told(s->pruner, x->trial);
    struct trial_run *t;

    if (told > x->m + 1)
        return ERR_OK; /* it has had a later turn */
    TRY(load_pruned(s, r, x->trial, &t, e));
    if (!t)
        return ERR_OK; /* it has come to its end */
    t->is_due = told == x->m;
    search_trial_add(s, t);
    return ERR_OK;
}

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

enum err race_revisit(struct search *s, struct error *e)
{
    CLEANUP(close_reader) struct reader *r = NULL;
    const struct revisit *round;
    size_t n;

    TRY(store_reader_open(s->jobs->store, &r, e));
    while (s->n_open == 0) {
        TRY(pruner_round(s->pruner, &n, &round, e));
        if (n == 0)
            return ERR_OK;
        for (size_t i = 0; i < n; i++)
            TRY(take_up(s, r, &round[i], e));
        if (s->n_open == 0)
            pruner_round_end(s->pruner);
    }
    s->is_revisiting = true;
    return ERR_OK;
}

void race_round_ended(struct search *s)
{
    if (!s->is_revisiting || s->n_open > 0)
        return;
    pruner_round_end(s->pruner);
    s->is_revisiting = false;
}
