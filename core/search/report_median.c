/*
 * A trial is stopped at a step when the best that it has come to is worse than the median of what
 * completed trials had come to at that step, once there are enough of them.
 *
 * Source  Golovin et al., Google Vizier, KDD 2017, section 3.2.2, in the form of Optuna's
 *         MedianPruner but for one thing: completed trials count with their best so far, too.
 */
#include <math.h>

#include "core/search/reports_private.h"

static enum err settled(struct reports *p, const struct run *r, bool completed, struct error *e)
{
    for (size_t i = 0; completed && i < r->n; i++)
        TRY(levels_add(&p->levels, 0, r->marks[i].step, r->marks[i].best, e));
    return ERR_OK;
}

static double median(const struct level *x)
{
    double upper = x->losses[x->n / 2];

    return x->n % 2 == 1 ? upper : x->losses[x->n / 2 - 1] / 2 + upper / 2;
}

static struct reports_verdict judge(const struct reports *p, const struct run *r)
{
    const struct mark *last = &r->marks[r->n - 1];
    const struct level *x = levels_find(&p->levels, 0, last->step);
    struct reports_verdict v = {.value = last->best, .p = (double)NAN};

    if (!x || x->n < (size_t)p->settings.startup_trials || last->step < p->settings.min_step)
        return v;
    v.n = x->n;
    v.bar = median(x);
    v.stop = last->best > v.bar;
    return v;
}

const struct reports_kind reports_median = {
    .name = "median",
    .summary = "stops a trial at a step when its best value so far is worse than the median of "
               "completed trials' there",
    .reason = "dominated",
    .bar = "the median of",
    .has_startup = true,
    .settled = settled,
    .judge = judge,
};
