/*
 * A search with a pruner over epochs: all folds of a trial train to a rung and are parked there,
 * until the trial is judged by their mean. Then they go on from where they are, or are stored as
 * cut. What decides is the curves' numbers as they are stored, so that those of a trial that is
 * trained again after a restart, or read back, decide alike. Conductor's thread, but for
 * climb_sentence.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "server/jobs/private.h"
#include "server/store/store_fold.h"

enum err climb_load(struct search *s, struct error *e)
{
    const struct definition *d = s->definition;

    if (!d->pruner || !d->pruner->ladder)
        return ERR_OK;
    return ladder_create(d->pruner->ladder,
                         &(struct ladder_settings){
                             .rungs = s->rungs,
                             .concurrency = (uint32_t)d->concurrency,
                             .overlap = !d->sampler->learns && !stop_is_wanted(d),
                         },
                         &s->ladder, e);
}

/* ---- on a rung --------------------------------------------------------------------------- */

/* Tells the mean of the folds on the next rung, and gives it back. */
static double tell_rung(const struct trial_run *t)
{
    const struct search *s = t->search;
    uint32_t trial = (uint32_t)t->number, rung = ladder_rung(s->ladder, trial);
    double sum = 0;

    for (size_t i = 0; i < t->n_folds; i++)
        sum += t->folds[i].outcome.rungs[rung];
    sum /= (double)t->n_folds;
    ladder_tell(s->ladder, trial, s->metric->maximize ? -sum : sum);
    return sum;
}

/* Tells the rungs up to an epoch, or to the first on which there is no value. */
static void tell_rungs(const struct trial_run *t, size_t epoch)
{
    const struct search *s = t->search;
    uint32_t rung;

    while ((rung = ladder_rung(s->ladder, (uint32_t)t->number)) < s->rungs.n &&
           s->rungs.epochs[rung] <= epoch && isfinite(tell_rung(t)))
        ;
}

/* Every fold has come to the rung. Where all of them have ended there is nothing to save. */
static void reach(struct trial_run *t)
{
    if (t->n_left == 0) {
        tell_rungs(t, SIZE_MAX);
        search_close_trial(t);
        return;
    }
    (void)tell_rung(t);
    t->waits = true;
}

void climb_begin(struct trial_run *t)
{
    const struct search *s = t->search;
    uint32_t rung = ladder_rung(s->ladder, (uint32_t)t->number);

    t->n_due = 0;
    for (size_t i = 0; i < t->n_folds; i++) {
        if (t->folds[i].finished)
            continue;
        t->n_due++;
        search_queue_fold(&t->folds[i], s->rungs.epochs[rung]);
    }
    if (t->n_due == 0)
        reach(t);
}

void climb_fold_ended(struct trial_run *t)
{
    if (--t->n_due == 0)
        reach(t);
}

void climb_judge(struct search *s)
{
    ladder_set_end(s->ladder, s->exhausted != NULL);
    for (struct trial_run *t = s->trials; t; t = t->next) {
        if (!t->waits)
            continue;
        t->climb = ladder_judge(s->ladder, (uint32_t)t->number);
        t->waits = t->climb.step == LADDER_WAITS;
        t->is_stopped = t->climb.step == LADDER_STOPS;
        if (t->is_stopped)
            search_close_trial(t);
        else if (!t->waits)
            climb_begin(t);
    }
}

static const char *ordinal(uint32_t n)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    bool is_teen = n % 100 / 10 == 1;

    return endings[!is_teen && n % 10 < 4 ? n % 10 : 0];
}

void climb_sentence(const struct trial_run *t, struct buf *out)
{
    const struct ladder_verdict *v = &t->climb;
    const char *metric = t->search->metric->name;
    double sign = t->search->metric->maximize ? -1 : 1;

    buf_printf(out, "after %" PRIu32 " of %zu epochs ", v->epochs, t->spec.epochs);
    if (v->broken)
        buf_printf(out, "its %s is undefined on one of the folds", metric);
    else if (v->of > 0)
        buf_printf(out, "it was %" PRIu32 "%s of %" PRIu32, v->place, ordinal(v->place), v->of);
    else
        buf_printf(out, "its best %s of %.4g was worse than the completed trials' median of %.4g",
                   metric, sign * v->least, sign * v->limit);
}

/* ---- after a restart --------------------------------------------------------------------- */

enum err climb_take_up_folds(struct trial_run *t, struct reader *r, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct fold_record *folds;
    size_t n, at = 0;

    TRY(arena_create(1 << 16, &a, e));
    TRY(store_fold_curves(r, t->search->id, t->number, a, &n, &folds, e));
    for (size_t i = 0; i < t->n_folds && at < n; i++) /* both in the same order */
        if (t->folds[i].repeat == folds[at].repeat && t->folds[i].fold == folds[at].fold)
            TRY(outcome_read(&t->search->rungs, &folds[at++], &t->folds[i].outcome, e));
    return ERR_OK;
}

void climb_settle_stored(const struct trial_run *t, int64_t race_epoch)
{
    tell_rungs(t, race_epoch > 0 ? (size_t)race_epoch : SIZE_MAX);
    ladder_settle(t->search->ladder, (uint32_t)t->number);
}
