/*
 * The pruners over folds, for what is reported: those of pruner.h, without revisits. The order of
 * the race is the one in which all clients report, 1, 2, 3, …
 */
#include <math.h>

#include "core/search/forgiving.h"
#include "core/search/racing.h"
#include "core/search/reports_private.h"
#include "core/search/wilcoxon.h"

static enum err told(struct reports *p, const struct run *r, struct error *e)
{
    return pruner_tell(p->race, r->trial, r->marks[r->n - 1].loss, e);
}

static void forgot(struct reports *p, const struct run *r)
{
    pruner_forget(p->race, r->trial);
}

static enum err settled(struct reports *p, const struct run *r, bool completed, struct error *e)
{
    (void)completed; /* its folds say whether it is whole */
    return pruner_settle(p->race, r->trial, pruner_told(p->race, r->trial), e);
}

static double mean_of(const struct run *r)
{
    double sum = 0;

    for (size_t i = 0; i < r->n; i++)
        sum += r->marks[i].loss;
    return sum / (double)r->n;
}

static struct reports_verdict judge(const struct reports *p, const struct run *r)
{
    struct verdict v = pruner_judge(p->race, r->trial);

    return (struct reports_verdict){
        .stop = v.stop, .value = mean_of(r), .incumbent = v.incumbent, .p = v.p, .loss = v.loss};
}

const struct reports_kind reports_racing = {
    .name = "racing",
    .summary = "stops a trial after a fold when its chance to beat the best one over all folds "
               "falls below alpha",
    .reason = "raced_out",
    .race = &racing_pruner,
    .needs_last_step = true,
    .told = told,
    .forgot = forgot,
    .settled = settled,
    .judge = judge,
};

const struct reports_kind reports_wilcoxon = {
    .name = "wilcoxon",
    .summary = "stops a trial after a fold when the signed-rank test says, below p = alpha, that "
               "it is worse than the best one on the folds seen",
    .reason = "dominated",
    .race = &wilcoxon_pruner,
    .needs_last_step = true,
    .told = told,
    .forgot = forgot,
    .settled = settled,
    .judge = judge,
};

const struct reports_kind reports_forgiving = {
    .name = "forgiving",
    .summary = "stops a trial after a fold when its mean is no better than the worst fold of the "
               "best trial",
    .reason = "dominated",
    .race = &forgiving_pruner,
    .needs_last_step = true,
    .told = told,
    .forgot = forgot,
    .settled = settled,
    .judge = judge,
};
