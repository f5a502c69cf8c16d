/* What a pruner says of a trial, and which of the stopped ones get another fold. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/search/pruner_private.h"

/* Mates, and pairs of folds: only the latest are looked at. Revisits end below this chance. */
enum { MATES_MAX = 60, PAIRS_MAX = 300 };
static const double REVISIT_LEAST = 0.01;

static const struct runner *runner_of(const struct pruner *p, uint32_t trial)
{
    assert(trial >= 1 && trial <= p->n);
    return &p->runners[trial - 1];
}

/* ---- judged ---------------------------------------------------------------------------------- */

/* Differences to the incumbent over the first m folds. */
static struct race_mate differences(const double *x, const double *incumbent, size_t m)
{
    struct race_mate d = {0};

    for (size_t i = 0; i < m; i++)
        d.difference += x[i] - incumbent[i];
    d.difference /= (double)m;
    for (size_t i = 0; i < m; i++) {
        double off = x[i] - incumbent[i] - d.difference;

        d.variance += off * off;
    }
    d.variance = m > 1 ? d.variance / (double)(m - 1) : (double)NAN;
    return d;
}

static double learn_scale(const struct pruner *p, const struct view *v, uint32_t leader)
{
    const double *incumbent = p->runners[leader - 1].x;
    struct race_mate mates[MATES_MAX];
    size_t n = 0;

    if (!p->kind->scale)
        return (double)NAN;
    for (size_t i = v->n; i-- > 0 && n < MATES_MAX;) {
        const double *x = p->runners[i].x;
        uint32_t m = pruner_seen(p, v, i);

        if (i + 1 != leader && m >= 2 && pruner_all_finite(x, m))
            mates[n++] = differences(x, incumbent, m);
    }
    return p->kind->scale(incumbent, p->settings.n_folds, mates, n);
}

static void worsen(double *worst, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && !(*worst >= x[i]))
            *worst = x[i];
}

/* The worst finite loss of any fold that may be looked at, the trial's own among them. */
static double worst_seen(const struct pruner *p, const struct view *v, const struct runner *own)
{
    double worst = (double)NAN;

    for (size_t i = 0; i < v->n; i++)
        worsen(&worst, p->runners[i].x, pruner_seen(p, v, i));
    worsen(&worst, own->x, own->told);
    return worst;
}

static struct verdict compare(const struct pruner *p, const struct runner *r, uint32_t m,
                              uint32_t leader, double scale)
{
    uint32_t k = p->settings.n_folds;
    const double *incumbent = p->runners[leader - 1].x;
    struct race race = {.n_folds = k,
                        .m = m,
                        .x = r->x,
                        .incumbent = incumbent,
                        .incumbent_mean = pruner_mean(incumbent, k),
                        .scale = scale,
                        .alpha = p->settings.alpha,
                        .work = p->work};
    struct verdict v = {.m = m, .incumbent = leader, .p = (double)NAN};

    v.stop = p->kind->stops(&race, &v.p);
    v.loss = race.incumbent_mean + differences(r->x, incumbent, m).difference;
    return v;
}

/* What differences to the leader have changed by from a rung to the end. */
static double learn_drift(const struct pruner *p, const struct view *v, uint32_t leader,
                          uint32_t rung)
{
    const struct runner *best = &p->runners[leader - 1];
    struct race_pair pairs[PAIRS_MAX];
    size_t n = 0;

    for (size_t i = v->n; i-- > 0 && n < PAIRS_MAX;) {
        const struct runner *r = &p->runners[i];

        for (uint32_t f = 0; i + 1 != leader && f < pruner_seen(p, v, i) && n < PAIRS_MAX; f++) {
            double end = r->x[f] - best->x[f];
            double drift = end - (pruner_row(p, r, f)[rung] - pruner_row(p, best, f)[rung]);

            if (isfinite(drift))
                pairs[n++] = (struct race_pair){end, drift};
        }
    }
    return p->kind->drift(pairs, n);
}

/* As compare for the first m folds and the one after them on a rung, from 0. */
static struct verdict compare_inside(const struct pruner *p, const struct runner *r, uint32_t m,
                                     uint32_t rung, uint32_t leader, double scale, double drift)
{
    uint32_t k = p->settings.n_folds;
    const struct runner *best = &p->runners[leader - 1];
    double *x = p->work + k, *incumbent = x + k;
    struct race race = {.n_folds = k,
                        .m = m + 1,
                        .x = x,
                        .incumbent = incumbent,
                        .incumbent_mean = pruner_mean(best->x, k),
                        .scale = scale,
                        .drift = drift,
                        .alpha = p->settings.alpha,
                        .work = p->work};
    struct verdict v = {.m = m + 1,
                        .epochs = p->settings.rungs.epochs[rung],
                        .incumbent = leader,
                        .p = (double)NAN,
                        .loss = (double)NAN};

    for (uint32_t i = 0; i < m; i++) {
        x[i] = r->x[i];
        incumbent[i] = best->x[i];
    }
    x[m] = pruner_row(p, r, m)[rung];
    incumbent[m] = pruner_row(p, best, m)[rung];
    if (!isfinite(x[m] - incumbent[m]) || !isfinite(drift))
        return v;
    v.stop = p->kind->stops(&race, &v.p);
    v.loss = race.incumbent_mean + differences(x, incumbent, m + 1).difference;
    return v;
}

/* What a trial that is not settled may look at. */
static struct view view_of(const struct pruner *p, uint32_t trial)
{
    uint32_t concurrency = p->settings.concurrency;

    if (concurrency == 0)
        return (struct view){.n = p->n, .except = trial};
    return (struct view){.n = trial > concurrency ? trial - concurrency : 0};
}

static uint32_t leader_of_view(const struct pruner *p, const struct view *v)
{
    return p->settings.concurrency > 0 ? pruner_leader_of_first(p, v->n) : p->leader;
}

static struct verdict judge_inside(const struct pruner *p, const struct runner *r,
                                   const struct view *v)
{
    uint32_t leader = leader_of_view(p, v), rung = r->inside - 1;
    struct verdict verdict = {.m = r->told + 1, .p = (double)NAN, .loss = (double)NAN};

    if (leader == 0)
        return verdict;
    verdict = compare_inside(p, r, r->told, rung, leader, learn_scale(p, v, leader),
                             learn_drift(p, v, leader, rung));
    if (!isfinite(verdict.loss))
        verdict.loss = worst_seen(p, v, r);
    return verdict;
}

struct verdict pruner_judge(const struct pruner *p, uint32_t trial)
{
    const struct runner *r = runner_of(p, trial);
    struct view v = r->is_settled ? (struct view){.n = p->n, .played = true} : view_of(p, trial);
    struct verdict verdict = {.m = r->told, .p = (double)NAN, .loss = (double)NAN};
    uint32_t leader;

    assert(r->told > 0 || r->inside > 0);
    if (r->inside > 0)
        return judge_inside(p, r, &v);
    if (!isfinite(r->x[r->told - 1])) {
        verdict.stop = verdict.broken = true;
        verdict.loss = worst_seen(p, &v, r);
        return verdict;
    }
    if (r->told == p->settings.n_folds)
        return verdict;
    if (r->is_settled)
        return compare(p, r, r->told, p->round_leader, p->round_scale);
    leader = leader_of_view(p, &v);
    if (leader == 0)
        return verdict;
    verdict = compare(p, r, r->told, leader, learn_scale(p, &v, leader));
    if (!isfinite(verdict.loss)) /* a sum was too large */
        verdict.loss = worst_seen(p, &v, r);
    return verdict;
}

/* ---- revisits -------------------------------------------------------------------------------- */

static void rewind_rounds(struct pruner *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->runners[i].played = p->runners[i].settled;
    p->playing = true;
    p->n_round = 0;
}

struct chance {
    double p;
    uint32_t trial;
};

static int by_chance(const void *a, const void *b)
{
    const struct chance *x = a, *y = b;

    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->trial < y->trial ? -1 : x->trial > y->trial;
}

/* The trials that were stopped and may win after all. */
static size_t list_chances(const struct pruner *p, struct chance *out)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct runner *r = &p->runners[i];
        struct verdict v;

        assert(r->is_settled);
        if (r->played == p->settings.n_folds || !pruner_all_finite(r->x, r->played))
            continue;
        if (r->played == r->settled && r->settled_inside > 0)
            v = compare_inside(p, r, r->played, r->settled_inside - 1, p->round_leader,
                               p->round_scale, p->round_drift[r->settled_inside - 1]);
        else if (r->played > 0)
            v = compare(p, r, r->played, p->round_leader, p->round_scale);
        else
            continue;
        if (v.p >= REVISIT_LEAST)
            out[n++] = (struct chance){v.p, (uint32_t)i + 1};
    }
    return n;
}

static enum err choose_round(struct pruner *p, struct error *e)
{
    const struct view v = {.n = p->n, .played = true};
    size_t most = p->settings.concurrency > 0 ? p->settings.concurrency : 1, n;
    CLEANUP(mem_free) struct chance *chances = NULL;

    p->round_leader = pruner_find_leader(p, &v);
    if (p->round_leader == 0)
        return ERR_OK; /* nothing was stopped but what failed */
    chances = calloc(p->n, sizeof *chances);
    if (!chances)
        return error_no_memory(e);
    p->round_scale = learn_scale(p, &v, p->round_leader);
    for (uint32_t i = 0; i < p->settings.rungs.n; i++)
        p->round_drift[i] = learn_drift(p, &v, p->round_leader, i);
    n = list_chances(p, chances);
    qsort(chances, n, sizeof *chances, by_chance);
    for (size_t i = 0; i < n && i < most; i++)
        p->round[p->n_round++] =
            (struct revisit){chances[i].trial, p->runners[chances[i].trial - 1].played};
    return ERR_OK;
}

enum err pruner_round(struct pruner *p, size_t *n, const struct revisit **out, struct error *e)
{
    if (!p->playing)
        rewind_rounds(p);
    if (p->n_round == 0 && p->kind->revisits && p->settings.revisit && p->n > 0)
        TRY(choose_round(p, e));
    *n = p->n_round;
    *out = p->round;
    return ERR_OK;
}

void pruner_round_end(struct pruner *p)
{
    for (size_t i = 0; i < p->n_round; i++) {
        struct runner *r = &p->runners[p->round[i].trial - 1];

        assert(r->told > r->played);
        r->played++;
    }
    p->n_round = 0;
}
