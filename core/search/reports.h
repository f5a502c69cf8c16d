/*
 * Pruners of trials that are trained elsewhere: which are told to stop by what they report on their
 * way. One table of kinds. Over folds a report is the value of one more fold; over steps it is the
 * value that the trial has come to after an epoch, or whatever its client counts.
 *
 * A pruner has no state that is not a function of (kind, settings, each trial's reports, how it
 * ended), in whichever order these were told. So a study that was rebuilt from what is stored
 * judges as one that never stopped. Who reports first is the clients' affair: a report is judged by
 * all that was told before it.
 *
 * Trials count from 1. A loss is finite, and to be minimised.
 *
 * Threads  one thread at a time for each pruner
 */
#ifndef SWEEPD_CORE_SEARCH_REPORTS_H
#define SWEEPD_CORE_SEARCH_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/search/pruner.h"

struct reports_settings {
    uint64_t seed;
    int64_t last_step;      /* folds of a trial, or the step that is its end; 0: not known */
    double alpha;           /* racing, wilcoxon: as in pruner_settings */
    int64_t startup_trials; /* median: completed ones that it takes to judge */
    int64_t eta;            /* successive_halving, hyperband: one of so many goes on */
    int64_t min_step;       /* over steps: the first at which a trial may be stopped */
};

struct reports;
struct run;

/* What comes of a trial's last report. */
struct reports_verdict {
    bool stop;
    int64_t step;
    double value;       /* what was compared: a loss, or over folds the mean of them */
    double bar;         /* over steps: the loss that it should not have exceeded, */
    size_t n;           /* among so many trials */
    uint32_t incumbent; /* over folds: the trial that it was compared with */
    double p;           /* over folds: as in struct verdict; else NaN */
    double loss;        /* what the sampler is told of it if it stops: the incumbent's, and how much
                           worse it was so far; finite */
};

struct reports_kind {
    const char *name;
    const char *summary;            /* one line for a person */
    const char *reason;             /* code of a trial that was stopped */
    const char *bar;                /* over steps, for a sentence: "the median of" */
    const struct pruner_kind *race; /* it compares folds by this rule; NULL: steps */
    bool has_startup, has_eta, needs_last_step;

    /** After a report. NULL: nothing is to be done. */
    enum err (*told)(struct reports *p, const struct run *r, struct error *e);

    /** Before a trial's reports are forgotten. NULL as above. */
    void (*forgot)(struct reports *p, const struct run *r);

    /** After a trial has ended. NULL as above. */
    enum err (*settled)(struct reports *p, const struct run *r, bool completed, struct error *e);

    /** All but `step`, of a trial that has not come to its end. */
    struct reports_verdict (*judge)(const struct reports *p, const struct run *r);
};

/** The kinds of this build; NULL ends the table. */
extern const struct reports_kind *const reports_kinds[];

/** NULL where this build has no such pruner. */
const struct reports_kind *reports_find(const char *name);

/** Over folds last_step is 2 or more; for a kind that needs it it is min_step or more. */
enum err reports_create(const struct reports_kind *kind, const struct reports_settings *settings,
                        struct reports **out, struct error *e);
void reports_destroy(struct reports *p);

const struct reports_kind *reports_kind_of(const struct reports *p);

/** One more report. Over folds steps are 1, 2, 3, …; else they increase from 1 or more. */
enum err reports_tell(struct reports *p, uint32_t trial, int64_t step, double loss,
                      struct error *e);

/** The step of its last report; 0: there is none. */
int64_t reports_last(const struct reports *p, uint32_t trial);

/** Whether it has reported its last fold or step, where that is known. */
bool reports_is_whole(const struct reports *p, uint32_t trial);

/** Judges a trial that has not ended by its last report; there is one. */
struct reports_verdict reports_judge(const struct reports *p, uint32_t trial);

/** Drops the reports of a trial that has not ended: it begins anew. */
void reports_forget(struct reports *p, uint32_t trial);

/** A trial has ended, once. loss: what it came to if it has completed. */
enum err reports_settle(struct reports *p, uint32_t trial, bool completed, double loss,
                        struct error *e);

#endif
