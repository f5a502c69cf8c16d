/*
 * What the files of studies share: one of them in memory.
 */
#ifndef SWEEPD_SERVER_JOBS_STUDY_PRIVATE_H
#define SWEEPD_SERVER_JOBS_STUDY_PRIVATE_H

#include <pthread.h>

#include "core/search/reports.h"
#include "core/search/sampler.h"
#include "server/jobs/stop.h"
#include "server/jobs/study.h"
#include "server/schema/definition.h"
#include "server/store/store_tell.h"

/* That a client was told to stop its trial. */
struct study_stop {
    int64_t step; /* after this one; 0: it was not */
    const char *reason;
    char error[160]; /* a sentence */
    double loss;     /* what the sampler is told if the trial ends so */
};

/* A trial that was handed out and has not been told. */
struct open_trial {
    int64_t number, lease;
    double deadline; /* clock_seconds */
    struct study_stop stop;
};

/* Everything from `loaded` on is under its lock. */
struct study {
    struct study *next;
    struct jobs *jobs;
    int64_t id;
    unsigned n_users; /* under the lock of all studies */
    pthread_mutex_t lock;
    bool loaded;
    bool paused;
    struct arena *arena;
    struct definition *definition;
    struct space *space;
    struct sampler *sampler; /* its history holds all trials, imported ones too */
    struct reports *reports; /* its pruner; NULL: none */
    struct stop stop;
    bool exhausted; /* the sampler has said so */
    int64_t n_imported;
    size_t n_open, capacity;
    struct open_trial *open;              /* ascending */
    double elapsed_before, running_since; /* seconds; since: clock_seconds, 0 while paused */
};

/* ---- study.c */

/** Takes the study's lock and loads it where it is not. */
enum err study_enter(struct jobs *j, int64_t id, struct study **out, struct error *e);

/** CLEANUP form: lets go; one that is not loaded and that nobody waits for is freed. */
void study_let_go(struct study **held);

struct open_trial *study_find_open(struct study *s, int64_t number);

int64_t study_elapsed_ms(const struct study *s);

/** Why no trial will be handed out any more but those that were; NULL: there may be one. */
const char *study_enough(const struct study *s);

/** Runs a write of a study in memory; where that fails it is loaded anew at the next call, since it
 *  may be ahead of what is stored. */
enum err study_store(struct study *s,
                     enum err (*apply)(struct store *store, void *ctx, struct error *e), void *ctx,
                     struct also then, struct error *e);

/** Stores the experiment's end. On the writer's thread. */
enum err study_end(struct store *store, const struct study *s, const char *stop_reason,
                   struct error *e);

/* ---- study_tell.c */

/** How a trial ends that no pruner has stopped. */
struct trial_finish study_finish(const struct study_result *result, int64_t at_ms);

/** Ends the trials that were told to stop and of which nothing was heard since: they are pruned.
 *  The study is not loaded any more where that was its end. */
enum err study_close_stopped(struct study *s, struct error *e);

/* ---- study_prune.c: what its pruner makes of reports; nothing is done where it has none */

/** Creates the pruner that the definition asks for. */
enum err study_prune_create(struct study *s, struct error *e);

/** Tells it of a stored trial: its reports and, unless it is open, its end. */
enum err study_prune_replay(struct study *s, struct reader *r, int64_t trial,
                            const struct past *ended, struct arena *a, struct error *e);

/** Whether a report can come now. *again: it came before, with the same value.
 *
 *  Errors  ERR_INVALID, about the step; ERR_CONFLICT with what was reported before */
enum err study_prune_check(struct study *s, int64_t trial, const struct tell_report *report,
                           bool *again, struct error *e);

/** Takes a report in, and judges it. *stop is set where the client is to be told now. */
enum err study_prune_report(struct study *s, int64_t trial, const struct tell_report *report,
                            struct study_stop *stop, struct error *e);

/** Whether a stopped trial is no more to be stopped, since it was reported on to its end. */
bool study_prune_is_whole(const struct study *s, int64_t trial);

/** A trial has ended. */
enum err study_prune_settle(struct study *s, int64_t trial, struct past ended, struct error *e);

/* ---- study_load.c */

/** Reads it from the database. ERR_CONFLICT where it has ended, or trains its own trials. */
enum err study_load(struct study *s, struct error *e);

/** Forgets what was loaded. */
void study_unload(struct study *s);

/** One more open trial, with a lease that begins now. */
enum err study_add_open(struct study *s, int64_t number, int64_t lease, struct error *e);

/** What the sampler is told of a trial that has ended; search_loss: of one that was pruned. */
struct past study_past(const struct study *s, const char *state, double score, double search_loss);

#endif
