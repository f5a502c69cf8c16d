/*
 * Events: what happened to an experiment, numbered, for subscribers that come back and ask for what
 * they missed. A state is a row of its own; the end of a trial is read from the trial itself, which
 * bears its number (trial.change).
 *
 * Threads   store_event_newest by any thread at any time.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_EVENT_H
#define SWEEPD_SERVER_STORE_STORE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/store.h"

enum { STORE_EVENT_KEPT = 10000 }; /* states of all experiments together; older ones are forgotten */

/* All that follows the time is of a trial alone. */
struct event_record {
    int64_t number; /* grows over all experiments and is never used twice */
    int64_t experiment;
    int64_t trial;      /* 0: the experiment itself */
    const char *state;  /* of the trial, or the experiment; "deleted" */
    const char *reason; /* NULL: none */
    int64_t at_ms;
    double score, score_std;
    int64_t folds_done;
    int64_t weight_count; /* -1: no network */
    double seconds;
    const char *params; /* JSON */
};

/**
 * An experiment's events after `after`, oldest first. A trial that ended more than once is told of
 * once, as it is now.
 *
 * experiment  0: the states of all experiments, without trials
 * limit       at most this many
 */
enum err store_event_list(struct reader *r, int64_t experiment, int64_t after, int64_t limit,
                          struct arena *a, size_t *n, struct event_record **out, struct error *e);

/** The number of an experiment's last event. */
enum err store_event_last(struct reader *r, int64_t experiment, int64_t *out, struct error *e);

/**
 * An experiment's state, with the number of its last event. With 0 the number alone, of the last
 * state of all. ERR_NOT_FOUND.
 */
enum err store_event_present(struct reader *r, int64_t experiment, struct arena *a,
                             struct event_record *out, struct error *e);

/** States up to this number may have been forgotten; 0: none was. */
enum err store_event_forgotten(struct reader *r, int64_t *out, struct error *e);

/** The last number that was given, committed or not. */
int64_t store_event_newest(const struct store *s);

#endif
