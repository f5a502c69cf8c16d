/*
 * The work of the service: experiments in, trials out. It owns the writer, the conductor, the
 * queue, the runner and the cache of tables and folds.
 *
 * Threads   all calls may run at once.
 */
#ifndef SWEEPD_SERVER_JOBS_JOBS_H
#define SWEEPD_SERVER_JOBS_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/data/table.h"
#include "core/linalg/kernel.h"
#include "server/histogram.h"
#include "server/store/store.h"

struct jobs;
struct writer;

struct jobs_options {
    unsigned n_threads;    /* of training */
    uint64_t memory_bytes; /* for tables and prepared folds */
    uint64_t max_db_bytes; /* of the database; 0: no limit */
    uint64_t min_free_bytes; /* of its file system */
    const struct kernel *kernel;
    bool alone;                 /* what had not ended rests until jobs_begin names it */
    void (*changed)(void *ctx); /* after every commit that a reader might be waiting for */
    void *ctx;
};

/** Starts everything and, unless alone, goes on with the experiments that have not ended. */
enum err jobs_start(struct store *s, const struct jobs_options *o, struct jobs **out,
                    struct error *e);

/** Stops at the next batch of every training; what is finished is stored. */
void jobs_stop(struct jobs *j);

/** Where API calls write. */
struct writer *jobs_writer(struct jobs *j);

/** Lets an experiment begin that was just stored, or go on where it rests. */
enum err jobs_begin(struct jobs *j, int64_t experiment, struct error *e);

struct also; /* see writer.h */

enum jobs_command {
    JOBS_PAUSE,
    JOBS_RESUME,
    JOBS_CANCEL,
    JOBS_DROP /* it will be deleted: cancel it, and leave an unsealing as it is */
};

/**
 * Pauses, resumes, cancels or drops, and returns once that is stored, with `then` in the same
 * transaction. NULL: nothing more.
 *
 * Errors  ERR_CONFLICT where the experiment has ended, or is in that state already
 */
enum err jobs_command(struct jobs *j, int64_t experiment, enum jobs_command what,
                      const struct also *then, struct error *e);

/* A budget of trials that has grown. */
struct jobs_extension {
    int64_t trials, planned_trials; /* as in struct definition */
    bool whole_space;
};

/**
 * Lets an experiment, whose larger budget is stored, go on to it: one that runs, or one that has
 * completed meanwhile or before.
 *
 * Errors  ERR_CONFLICT where it was cancelled or has failed
 */
enum err jobs_extend(struct jobs *j, int64_t experiment, const struct jobs_extension *x,
                     struct error *e);

/** Lets an experiment, if it has not ended, have its folds trained at another priority from now on;
 * the one that is stored holds from the next start on. */
enum err jobs_prioritize(struct jobs *j, int64_t experiment, int64_t priority, struct error *e);

/**
 * Trains and scores what store_unseal_insert has stored of an experiment; returns as soon as that
 * is queued. Does nothing where it has ended or was begun before.
 */
enum err jobs_unseal(struct jobs *j, int64_t experiment, struct error *e);

/** The table of a data set, from memory or loaded; give it back by jobs_release_table. */
enum err jobs_take_table(struct jobs *j, int64_t dataset, const struct table **out,
                         struct error *e);
void jobs_release_table(struct jobs *j, const struct table *t);

/** Keeps the table of a new data set in memory, within the budget: it will be wanted soon. Sets *t
 *  to NULL where it is kept; else it stays the caller's. */
void jobs_keep_table(struct jobs *j, int64_t dataset, struct table **t);

/** Forgets the table of a data set that was deleted. */
void jobs_forget_table(struct jobs *j, int64_t dataset);

/* What is going on, and what was done since the start. */
struct jobs_facts {
    size_t folds_queued, workers_busy, writes_queued;
    uint64_t folds_completed, folds_failed; /* trained here */
    uint64_t folds_reused;                  /* copied from a training of before */
    double training_seconds;                /* of those that were trained */
    uint64_t cache_bytes;
    struct histogram *transactions; /* of the writer */
    uint64_t transactions_failed;
};

struct jobs_facts jobs_facts(struct jobs *j);

/** Units of train_work that one training thread does in a second, as measured. */
double jobs_work_per_second(struct jobs *j);

/**
 * Looks whether the disk has room for more.
 *
 * Errors  ERR_NO_SPACE with what is used up. Then no fold is begun; they go on by themselves.
 */
enum err jobs_check_room(struct jobs *j, struct error *e);

/** Changes the limits of struct jobs_options. */
void jobs_limit_room(struct jobs *j, uint64_t max_db_bytes, uint64_t min_free_bytes);

/** True while results cannot be written or there is no room; `why` has room for 512 bytes. */
bool jobs_degraded(struct jobs *j, char *why);

#endif
