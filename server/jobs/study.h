/*
 * A study: the search of an experiment whose trials are trained elsewhere, by ask and tell. It is
 * loaded at its first call, lives in memory while it goes on, and is rebuilt from the stored trials
 * whenever something has happened that it did not follow.
 *
 * Each call decides, stores and answers under the study's own lock; what it answers is stored
 * durably. Neither conductor nor queue have a part in it: the order in which others ask and tell is
 * theirs, and no two calls of a study run at once. `then` is done in the transaction of what a call
 * stores, with what it answers set before; a call that stores nothing leaves it out.
 *
 * Threads   all calls may run at once, but not on the writer's or the conductor's thread
 */
#ifndef SWEEPD_SERVER_JOBS_STUDY_H
#define SWEEPD_SERVER_JOBS_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/value.h"
#include "server/jobs/jobs.h"
#include "server/jobs/writer.h"

/* All studies that are in memory. */
struct studies;

enum err studies_create(struct studies **out, struct error *e);
void studies_destroy(struct studies *s);

/* A trial that was handed out. */
struct study_trial {
    int64_t trial, lease;
    struct params params;
};

/**
 * Hands out up to `count` trials, those first whose lease has run out; they live as long as a.
 *
 * Errors  ERR_CONFLICT where there is none, saying why
 */
enum err study_ask(struct jobs *j, int64_t id, size_t count, struct arena *a,
                   struct study_trial *out, size_t *n, struct also then, struct error *e);

/**
 * Stores an intermediate value and renews the lease. *stop: the pruner has no use for more of it.
 *
 * lease   0: whichever is the present one
 * Errors  ERR_NOT_FOUND; ERR_CONFLICT where the trial has ended, the lease is an old one, or what
 *         was reported before does not agree with it; ERR_INVALID where the pruner has no such step
 */
enum err study_report(struct jobs *j, int64_t id, int64_t trial, int64_t lease, int64_t step,
                      double value, bool *stop, struct also then, struct error *e);

/* What came of a trial. */
struct study_result {
    double score;      /* NaN: there is none */
    const char *error; /* a sentence; NULL: it has a score, or was told to stop */
};

/**
 * Ends a trial, and the experiment after its last one. *state: completed, failed, or pruned where
 * it was told to stop before.
 *
 * Errors  as study_report; ERR_INVALID where the result says nothing, unless it was told to stop
 */
enum err study_tell(struct jobs *j, int64_t id, int64_t trial, int64_t lease,
                    const struct study_result *result, const char **state, struct also then,
                    struct error *e);

/* A trial from before the study. */
struct study_import {
    struct params params;
    struct study_result result;
};

/** Stores trials that have ended elsewhere; the budget grows by them. *first is the first's number.
 */
enum err study_import(struct jobs *j, int64_t id, const struct study_import *items, size_t n,
                      int64_t *first, struct also then, struct error *e);

/** As jobs_command. */
enum err study_command(struct jobs *j, int64_t id, enum jobs_command what, struct also then,
                       struct error *e);

/** As writer_call, while no other call of the study runs, which is loaded anew afterwards. */
enum err study_change(struct jobs *j, int64_t id,
                      enum err (*apply)(struct store *s, void *ctx, struct error *e), void *ctx,
                      struct error *e);

#endif
