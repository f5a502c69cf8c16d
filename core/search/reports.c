#include "core/search/reports.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/search/reports_private.h"

const struct reports_kind *const reports_kinds[] = {
    &reports_racing,
    &reports_wilcoxon,
    &reports_forgiving,
    &reports_median,
    &reports_successive_halving,
    &reports_hyperband,
    NULL,
};

const struct reports_kind *reports_find(const char *name)
{
    for (const struct reports_kind *const *k = reports_kinds; *k; k++)
        if (strcmp((*k)->name, name) == 0)
            return *k;
    return NULL;
}

/* Of all trials that have ended: the order is the clients', nothing is waited for. */
static enum err create_race(struct reports *p, struct error *e)
{
    struct pruner_settings settings = {.alpha = p->settings.alpha,
                                       .n_folds = (uint32_t)p->settings.last_step};

    return p->kind->race ? pruner_create(p->kind->race, &settings, &p->race, e) : ERR_OK;
}

enum err reports_create(const struct reports_kind *kind, const struct reports_settings *settings,
                        struct reports **out, struct error *e)
{
    struct reports *p = calloc(1, sizeof *p);
    enum err failed;

    assert(!kind->needs_last_step || settings->last_step >= settings->min_step);
    if (!p)
        return error_no_memory(e);
    p->kind = kind;
    p->settings = *settings;
    failed = create_race(p, e);
    if (failed != ERR_OK)
        reports_destroy(p);
    else
        *out = p;
    return failed;
}

void reports_destroy(struct reports *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free(p->runs[i].marks);
    free(p->runs);
    levels_finish(&p->levels);
    pruner_destroy(p->race);
    free(p);
}

const struct reports_kind *reports_kind_of(const struct reports *p)
{
    return p->kind;
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* The trial's run, with all before it. */
static enum err reach(struct reports *p, uint32_t trial, struct run **out, struct error *e)
{
    void *runs = p->runs;
    enum err failed;

    assert(trial >= 1);
    failed = mem_grow(&runs, &p->capacity, trial, sizeof *p->runs, e);
    p->runs = runs;
    TRY(failed);
    for (; p->n < trial; p->n++)
        p->runs[p->n] = (struct run){.trial = (uint32_t)p->n + 1};
    *out = &p->runs[trial - 1];
    return ERR_OK;
}

enum err reports_tell(struct reports *p, uint32_t trial, int64_t step, double loss, struct error *e)
{
    struct run *r;
    enum err failed;
    void *marks;
    double best;

    TRY(reach(p, trial, &r, e));
    assert(step > reports_last(p, trial));
    marks = r->marks;
    failed = mem_grow(&marks, &r->capacity, r->n + 1, sizeof *r->marks, e);
    r->marks = marks;
    TRY(failed);
    best = r->n > 0 && r->marks[r->n - 1].best < loss ? r->marks[r->n - 1].best : loss;
    r->marks[r->n++] = (struct mark){step, loss, best};
    return p->kind->told ? p->kind->told(p, r, e) : ERR_OK;
}

int64_t reports_last(const struct reports *p, uint32_t trial)
{
    const struct run *r = trial <= p->n ? &p->runs[trial - 1] : NULL;

    return r && r->n > 0 ? r->marks[r->n - 1].step : 0;
}

bool reports_is_whole(const struct reports *p, uint32_t trial)
{
    return p->settings.last_step > 0 && reports_last(p, trial) >= p->settings.last_step;
}

static void drop_marks(struct run *r)
{
    free(r->marks);
    r->marks = NULL;
    r->n = r->capacity = 0;
}

void reports_forget(struct reports *p, uint32_t trial)
{
    if (reports_last(p, trial) == 0)
        return;
    if (p->kind->forgot)
        p->kind->forgot(p, &p->runs[trial - 1]);
    drop_marks(&p->runs[trial - 1]);
}

/* ---- what has ended -------------------------------------------------------------------------- */

/* Of equals the lower trial, whichever ended first. */
static bool leads(const struct reports *p, const struct run *r, double loss)
{
    if (r->n == 0)
        return false;
    if (p->incumbent == 0 || loss != p->incumbent_loss)
        return p->incumbent == 0 || loss < p->incumbent_loss;
    return r->trial < p->incumbent;
}

enum err reports_settle(struct reports *p, uint32_t trial, bool completed, double loss,
                        struct error *e)
{
    struct run *r;

    TRY(reach(p, trial, &r, e));
    if (p->kind->settled)
        TRY(p->kind->settled(p, r, completed, e));
    if (p->kind->race || !completed || !leads(p, r, loss)) {
        drop_marks(r);
        return ERR_OK;
    }
    if (p->incumbent > 0)
        drop_marks(&p->runs[p->incumbent - 1]);
    p->incumbent = trial;
    p->incumbent_loss = loss;
    return ERR_OK;
}

/* ---- judged ---------------------------------------------------------------------------------- */

/* The best that the incumbent had come to at a step; NaN: it had not reported yet. */
static double incumbent_best(const struct reports *p, int64_t step)
{
    const struct run *r = &p->runs[p->incumbent - 1];
    double best = (double)NAN;

    for (size_t i = 0; i < r->n && r->marks[i].step <= step; i++)
        best = r->marks[i].best;
    return best;
}

/* What the incumbent came to, and how much worse this one was at the same step. One that was not
 * worse is no better than the incumbent either: nobody has seen its end. */
static double impute(const struct reports *p, const struct mark *last)
{
    double behind = p->incumbent > 0 ? last->best - incumbent_best(p, last->step) : (double)NAN;
    double loss = p->incumbent_loss + (behind > 0 ? behind : 0);

    return isnan(behind) || !isfinite(loss) ? last->best : loss;
}

struct reports_verdict reports_judge(const struct reports *p, uint32_t trial)
{
    const struct run *r = &p->runs[trial - 1];
    struct reports_verdict v = {.p = (double)NAN};

    assert(trial <= p->n && r->n > 0);
    if (!reports_is_whole(p, trial))
        v = p->kind->judge(p, r);
    v.step = r->marks[r->n - 1].step;
    if (v.stop && !p->kind->race)
        v.loss = impute(p, &r->marks[r->n - 1]);
    return v;
}
