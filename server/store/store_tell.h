/*
 * Trials that are trained elsewhere: handed out under a lease, reported on, told of. What they
 * share with all other trials is in store_trial.h.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_TELL_H
#define SWEEPD_SERVER_STORE_STORE_TELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/store.h"
#include "server/store/store_trial.h"

/**
 * Says that a trial runs under this lease, counted from 1; what was reported under an earlier one
 * is forgotten.
 *
 * Errors  ERR_NOT_FOUND; ERR_CONFLICT if it has ended
 */
enum err store_tell_hand_out(struct store *s, int64_t experiment, int64_t trial, int64_t lease,
                             int64_t at_ms, struct error *e);

struct tell_report {
    int64_t step;
    double value; /* finite */
    int64_t at_ms;
};

/* Its client was told to stop. */
struct tell_stop {
    int64_t step; /* after the report of this step */
    const char *reason, *error;
    double loss; /* what the sampler is told of it if it ends so; finite */
};

/**
 * Stores what a trial reports, in place of what it reported for this step before.
 *
 * stop     what was answered, the first time that it is to stop; else NULL
 * n_folds  steps 1 to n_folds are folds and are counted in the trial; 0: no step is
 * Errors   ERR_NOT_FOUND; ERR_CONFLICT if it has ended
 */
enum err store_tell_report(struct store *s, int64_t experiment, int64_t trial,
                           const struct tell_report *report, const struct tell_stop *stop,
                           int64_t n_folds, struct error *e);

/** A trial's reports in order of their steps. */
enum err store_tell_reports(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                            size_t *n, struct tell_report **out, struct error *e);

/** Whether its client was told to stop; *out is set then, and lives as long as a. */
enum err store_tell_stop(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                         bool *found, struct tell_stop *out, struct error *e);

/** As store_trial_finish; a trial that has completed, or that is one piece, counts all its folds.
 */
enum err store_tell_finish(struct store *s, int64_t experiment, int64_t trial,
                           const struct trial_finish *finish, struct error *e);

#endif
