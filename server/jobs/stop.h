/*
 * stop_when: whether a search has reached its target, or has gone on for long enough without a
 * better score. Judged in the order of trials, so that it does not depend on who finished first.
 */
#ifndef SWEEPD_SERVER_JOBS_STOP_H
#define SWEEPD_SERVER_JOBS_STOP_H

#include <stdint.h>

#include "core/search/history.h"
#include "server/schema/definition.h"

/* Zero-initialise. */
struct stop {
    size_t judged; /* trials 1 .. judged were looked at */
    double best;   /* the least loss of a completed one */
    bool has_best;
    int64_t since_best; /* trials after it, or from the first on */
    const char *reason; /* "target", "patience"; NULL: it goes on */
    int64_t last;       /* where there is a reason: no trial above this number is proposed */
};

/** True where the definition has such a rule. */
bool stop_is_wanted(const struct definition *d);

/** Looks at the trials that have ended since, as far as there is none before them that has not. */
void stop_judge(struct stop *s, const struct definition *d, const struct history *h);

#endif
