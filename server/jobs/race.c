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

/* One trial's stored folds, in the order of the race up to the first that is missing. */
static enum err tell_trial(struct search *s, const struct fold_score *folds, size_t n,
                           const struct fold_score **by_fold, uint32_t n_folds, struct error *e)
{
    for (uint32_t i = 0; i < n_folds; i++)
        by_fold[i] = NULL;
    for (size_t i = 0; i < n; i++) {
        int64_t at = (folds[i].repeat - 1) * s->split->n_folds + folds[i].fold - 1;

        if (at >= 0 && at < n_folds)
            by_fold[at] = &folds[i];
    }
    for (uint32_t m = 0; m < n_folds && by_fold[s->race[m]]; m++)
        TRY(pruner_tell(s->pruner, (uint32_t)folds->trial, loss_of(s, by_fold[s->race[m]]->score),
                        e));
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
        TRY(tell_trial(s, folds + i, end - i, by_fold, n_folds, e));
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

enum err race_settle_stored(struct search *s, const struct trial_record *t, struct error *e)
{
    uint32_t trial = (uint32_t)t->trial;

    if (!s->pruner)
        return ERR_OK;
    return pruner_settle(
        s->pruner, trial,
        t->race_folds > 0 ? (uint32_t)t->race_folds : pruner_told(s->pruner, trial), e);
}

/* ---- from fold to fold ------------------------------------------------------------------- */

enum err race_fold_ended(struct fold_run *run, struct error *e)
{
    struct search *s = run->trial->search;
    const struct outcome *o = &run->outcome;
    double score = o->state == FOLD_COMPLETED ? o->validation[deciding(s)] : (double)NAN;

    return pruner_tell(s->pruner, (uint32_t)run->trial->number, loss_of(s, score), e);
}

struct fold_run *race_next(struct trial_run *t)
{
    struct search *s = t->search;
    uint32_t told = pruner_told(s->pruner, (uint32_t)t->number);
    bool due = t->is_due;

    t->is_due = false;
    if (told == 0 || due)
        return &t->folds[s->race[told]];
    t->verdict = pruner_judge(s->pruner, (uint32_t)t->number);
    t->is_stopped = t->n_left > 0 && (t->verdict.stop || t->is_revisit);
    return t->n_left == 0 || t->is_stopped ? NULL : &t->folds[s->race[told]];
}

enum err race_closed(struct trial_run *t, struct error *e)
{
    struct search *s = t->search;
    uint32_t trial = (uint32_t)t->number;

    if (!s->pruner || t->is_revisit)
        return ERR_OK;
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

    buf_printf(out, "after %" PRIu32 " of %zu folds ", v->m, t->n_folds);
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
