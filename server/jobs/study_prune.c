/*
 * What a study's pruner makes of the reports: it is told of every one, and says which trials are to
 * stop. All of it is rebuilt from the stored reports (core/search/reports.h).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/search/racing.h"
#include "core/search/wilcoxon.h"
#include "server/jobs/private.h"
#include "server/jobs/study_private.h"

enum err study_prune_create(struct study *s, struct error *e)
{
    struct reports_settings settings = s->definition->objective->pruner_settings;

    settings.seed = s->definition->seed_search;
    if (!s->definition->objective->pruner)
        return ERR_OK;
    return reports_create(s->definition->objective->pruner, &settings, &s->reports, e);
}

static const struct reports_kind *kind_of(const struct study *s)
{
    return reports_kind_of(s->reports);
}

/* To be minimised, and back: it is its own inverse. */
static double loss_of(const struct study *s, double value)
{
    return s->definition->objective->maximize ? -value : value;
}

enum err study_prune_settle(struct study *s, int64_t trial, struct past ended, struct error *e)
{
    if (!s->reports)
        return ERR_OK;
    return reports_settle(s->reports, (uint32_t)trial, ended.state == PAST_COMPLETED, ended.loss,
                          e);
}

enum err study_prune_replay(struct study *s, struct reader *r, int64_t trial,
                            const struct past *ended, struct arena *a, struct error *e)
{
    struct tell_report *reports;
    size_t n;

    if (!s->reports)
        return ERR_OK;
    TRY(store_tell_reports(r, s->id, trial, a, &n, &reports, e));
    for (size_t i = 0; i < n; i++)
        TRY(reports_tell(s->reports, (uint32_t)trial, reports[i].step, loss_of(s, reports[i].value),
                         e));
    return ended ? study_prune_settle(s, trial, *ended, e) : ERR_OK;
}

/* ---- which reports can come -------------------------------------------------------------- */

static enum err check_range(const struct study *s, int64_t step, struct error *e)
{
    int64_t last = s->definition->objective->pruner_settings.last_step;
    const char *what = kind_of(s)->race ? "folds" : "steps";

    if (step < 1)
        return error_set(e, ERR_INVALID,
                         "step %" PRId64 ": %s count from 1 where a pruner compares "
                         "them",
                         step, what);
    if (last > 0 && step > last)
        return error_set(e, ERR_INVALID, "step %" PRId64 " is above objective.%s, %" PRId64, step,
                         what, last);
    return ERR_OK;
}

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

/* A step that is not beyond the last one: the same report again, or none that can come. */
static enum err check_repeated(const struct study *s, int64_t trial,
                               const struct tell_report *report, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(close_reader) struct reader *r = NULL;
    struct tell_report *reports;
    size_t n, i = 0;

    TRY(arena_create(4096, &a, e));
    TRY(store_reader_open(s->jobs->store, &r, e));
    TRY(store_tell_reports(r, s->id, trial, a, &n, &reports, e));
    while (i < n && reports[i].step < report->step)
        i++;
    if (i == n || reports[i].step != report->step)
        return error_set(e, ERR_CONFLICT,
                         "trial %" PRId64 ": step %" PRId64
                         " cannot be reported after step %" PRId64 ": steps increase",
                         trial, report->step, reports[n - 1].step);
    if (reports[i].value != report->value)
        return error_set(e, ERR_CONFLICT,
                         "trial %" PRId64 ": step %" PRId64 " was reported before, with the value "
                         "%.12g",
                         trial, report->step, reports[i].value);
    return ERR_OK;
}

enum err study_prune_check(struct study *s, int64_t trial, const struct tell_report *report,
                           bool *again, struct error *e)
{
    int64_t last;

    *again = false;
    if (!s->reports)
        return ERR_OK;
    TRY(check_range(s, report->step, e));
    last = reports_last(s->reports, (uint32_t)trial);
    if (report->step <= last) {
        *again = true;
        return check_repeated(s, trial, report, e);
    }
    if (kind_of(s)->race && report->step > last + 1)
        return error_set(e, ERR_CONFLICT,
                         "trial %" PRId64 ": fold %" PRId64 " comes after fold %" PRId64
                         ", which was not reported: all trials report their folds in the order 1, "
                         "2, 3, …",
                         trial, report->step, last + 1);
    return ERR_OK;
}

/* ---- what they say ----------------------------------------------------------------------- */

static void write_folds(const struct study *s, const struct reports_verdict *v, char *out,
                        size_t size)
{
    const struct pruner_kind *race = kind_of(s)->race;
    int n = snprintf(out, size, "after %" PRId64 " of %" PRId64 " folds ", v->step,
                     s->definition->objective->pruner_settings.last_step);

    out += n;
    size -= (size_t)n;
    if (race == &racing_pruner)
        (void)snprintf(out, size, "its chance to beat trial %" PRIu32 " was %.2g", v->incumbent,
                       v->p);
    else if (race == &wilcoxon_pruner)
        (void)snprintf(out, size, "it was worse than trial %" PRIu32 " with p = %.2g", v->incumbent,
                       v->p);
    else
        (void)snprintf(out, size,
                       "its mean of %.4g was no better than the worst fold of trial %" PRIu32,
                       loss_of(s, v->value), v->incumbent);
}

static void write_sentence(const struct study *s, const struct reports_verdict *v, char *out,
                           size_t size)
{
    if (kind_of(s)->race) {
        write_folds(s, v, out, size);
        return;
    }
    (void)snprintf(out, size,
                   "at step %" PRId64 " its value of %.4g was worse than %.4g, %s %zu "
                   "trials",
                   v->step, loss_of(s, v->value), loss_of(s, v->bar), kind_of(s)->bar, v->n);
}

enum err study_prune_report(struct study *s, int64_t trial, const struct tell_report *report,
                            struct study_stop *stop, struct error *e)
{
    struct reports_verdict v;

    if (!s->reports)
        return ERR_OK;
    TRY(reports_tell(s->reports, (uint32_t)trial, report->step, loss_of(s, report->value), e));
    v = reports_judge(s->reports, (uint32_t)trial);
    if (!v.stop || stop->step > 0)
        return ERR_OK;
    stop->step = v.step;
    stop->reason = kind_of(s)->reason;
    stop->loss = v.loss;
    write_sentence(s, &v, stop->error, sizeof stop->error);
    return ERR_OK;
}

bool study_prune_is_whole(const struct study *s, int64_t trial)
{
    return s->reports && reports_is_whole(s->reports, (uint32_t)trial);
}
