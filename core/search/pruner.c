#include "core/search/pruner.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/search/bracket.h"
#include "core/search/forgiving.h"
#include "core/search/median.h"
#include "core/search/permute.h"
#include "core/search/pruner_private.h"
#include "core/search/racing.h"
#include "core/search/wilcoxon.h"

const struct pruner_kind *const pruner_kinds[] = {
    &racing_pruner,             &wilcoxon_pruner,  &forgiving_pruner, &median_pruner,
    &successive_halving_pruner, &hyperband_pruner, NULL};

const struct pruner_kind *pruner_find(const char *name)
{
    for (const struct pruner_kind *const *k = pruner_kinds; *k; k++)
        if (strcmp((*k)->name, name) == 0)
            return *k;
    return NULL;
}

uint32_t pruner_order(uint64_t seed, uint32_t n_folds, uint32_t m)
{
    return (uint32_t)permute_index(seed, n_folds, m);
}

enum err pruner_create(const struct pruner_kind *kind, const struct pruner_settings *settings,
                       struct pruner **out, struct error *e)
{
    struct pruner *p = calloc(1, sizeof *p);
    size_t most = settings->concurrency > 0 ? settings->concurrency : 1;

    assert(!kind->ladder && settings->n_folds >= 2);
    if (!p)
        return error_no_memory(e);
    p->kind = kind;
    p->settings = *settings;
    p->round = calloc(most, sizeof *p->round);
    p->work = calloc(settings->n_folds, 3 * sizeof *p->work);
    if (!p->round || !p->work) {
        pruner_destroy(p);
        return error_no_memory(e);
    }
    *out = p;
    return ERR_OK;
}

void pruner_destroy(struct pruner *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        free(p->runners[i].x);
        free(p->runners[i].curves);
    }
    free(p->runners);
    free(p->leaders);
    free(p->round);
    free(p->work);
    free(p);
}

const struct pruner_kind *pruner_kind_of(const struct pruner *p)
{
    return p->kind;
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* The trial's runner, with all before it. */
static enum err reach(struct pruner *p, uint32_t trial, struct runner **out, struct error *e)
{
    void *runners = p->runners;
    enum err failed;

    assert(trial >= 1);
    failed = mem_grow(&runners, &p->capacity, trial, sizeof *p->runners, e);
    p->runners = runners;
    TRY(failed);
    for (; p->n < trial; p->n++) {
        p->runners[p->n] = (struct runner){0};
        p->playing = false; /* it takes part in the rounds from the first one on */
    }
    *out = &p->runners[trial - 1];
    return ERR_OK;
}

double *pruner_row(const struct pruner *p, const struct runner *r, uint32_t fold)
{
    return r->curves + (size_t)fold * p->settings.rungs.n;
}

/* Sets the row of the fold that is being told. */
static enum err set_row(struct pruner *p, struct runner *r, const double *rungs, struct error *e)
{
    uint32_t n = p->settings.rungs.n;
    void *curves = r->curves;
    enum err failed = mem_grow(&curves, &r->curves_capacity, (size_t)(r->told + 1) * n,
                               sizeof *r->curves, e);

    r->curves = curves;
    TRY(failed);
    for (uint32_t i = 0; i < n; i++)
        pruner_row(p, r, r->told)[i] = rungs ? rungs[i] : (double)NAN;
    return ERR_OK;
}

enum err pruner_tell_inside(struct pruner *p, uint32_t trial, double loss, struct error *e)
{
    struct runner *r;

    TRY(reach(p, trial, &r, e));
    assert(r->inside < p->settings.rungs.n && r->told < p->settings.n_folds);
    if (r->inside == 0)
        TRY(set_row(p, r, NULL, e));
    pruner_row(p, r, r->told)[r->inside++] = loss;
    return ERR_OK;
}

uint32_t pruner_inside(const struct pruner *p, uint32_t trial)
{
    return trial <= p->n ? p->runners[trial - 1].inside : 0;
}

enum err pruner_tell(struct pruner *p, uint32_t trial, double loss, struct error *e)
{
    return pruner_tell_curve(p, trial, loss, NULL, e);
}

enum err pruner_tell_curve(struct pruner *p, uint32_t trial, double loss, const double *rungs,
                           struct error *e)
{
    struct runner *r;
    enum err failed;
    void *x;

    TRY(reach(p, trial, &r, e));
    assert(r->told < p->settings.n_folds);
    x = r->x;
    failed = mem_grow(&x, &r->capacity, r->told + 1, sizeof *r->x, e);
    r->x = x;
    TRY(failed);
    if (p->settings.rungs.n > 0)
        TRY(set_row(p, r, rungs, e));
    r->x[r->told++] = loss;
    r->inside = 0;
    return ERR_OK;
}

void pruner_forget(struct pruner *p, uint32_t trial)
{
    if (trial > p->n)
        return;
    assert(!p->runners[trial - 1].is_settled);
    p->runners[trial - 1].told = 0;
}

uint32_t pruner_told(const struct pruner *p, uint32_t trial)
{
    return trial <= p->n ? p->runners[trial - 1].told : 0;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

bool pruner_all_finite(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

double pruner_mean(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* The folds of trial i + 1 that may be looked at. */
uint32_t pruner_seen(const struct pruner *p, const struct view *v, size_t i)
{
    const struct runner *r = &p->runners[i];

    if (!r->is_settled || v->except == i + 1)
        return 0;
    return v->played ? r->played : r->settled;
}

static bool is_complete(const struct pruner *p, const struct view *v, size_t i)
{
    return pruner_seen(p, v, i) == p->settings.n_folds && pruner_all_finite(p->runners[i].x, p->settings.n_folds);
}

/* Of two complete trials, or 0, the better one; of equals the earlier. */
static uint32_t better(const struct pruner *p, uint32_t earlier, uint32_t later)
{
    uint32_t k = p->settings.n_folds;

    if (earlier == 0 || later == 0)
        return earlier + later;
    return pruner_mean(p->runners[later - 1].x, k) < pruner_mean(p->runners[earlier - 1].x, k) ? later : earlier;
}

uint32_t pruner_find_leader(const struct pruner *p, const struct view *v)
{
    uint32_t leader = 0;

    for (size_t i = 0; i < v->n; i++)
        if (is_complete(p, v, i))
            leader = better(p, leader, (uint32_t)i + 1);
    return leader;
}

/* As find_leader for the trials 1 .. n as they were settled, without looking at each again. */
uint32_t pruner_leader_of_first(const struct pruner *p, size_t n)
{
    assert(n <= p->n_led);
    return n > 0 ? p->leaders[n - 1] : 0;
}

/* Trials may be settled in any order. */
static void update_leader(struct pruner *p, uint32_t trial)
{
    const struct view v = {.n = p->n};

    if (is_complete(p, &v, trial - 1))
        p->leader = p->leader < trial ? better(p, p->leader, trial) : better(p, trial, p->leader);
}

static enum err extend_leaders(struct pruner *p, struct error *e)
{
    while (p->n_led < p->n && p->runners[p->n_led].is_settled) {
        const struct view v = {.n = p->n};
        size_t i = p->n_led;
        uint32_t before = pruner_leader_of_first(p, i);
        void *leaders = p->leaders;
        enum err failed = mem_grow(&leaders, &p->leaders_capacity, i + 1, sizeof *p->leaders, e);

        p->leaders = leaders;
        TRY(failed);
        p->leaders[i] = is_complete(p, &v, i) ? better(p, before, (uint32_t)i + 1) : before;
        p->n_led++;
    }
    return ERR_OK;
}

enum err pruner_settle(struct pruner *p, uint32_t trial, uint32_t m, struct error *e)
{
    struct runner *r;

    TRY(reach(p, trial, &r, e));
    assert(!r->is_settled && m <= r->told);
    r->is_settled = true;
    r->settled = m;
    p->playing = false;
    update_leader(p, trial);
    return extend_leaders(p, e);
}

enum err pruner_settle_inside(struct pruner *p, uint32_t trial, uint32_t m, uint32_t n,
                              struct error *e)
{
    TRY(pruner_settle(p, trial, m, e));
    p->runners[trial - 1].settled_inside = n;
    return ERR_OK;
}

