/*
 * What the files of studies share: one of them in memory.
 */
#ifndef SWEEPD_SERVER_JOBS_STUDY_PRIVATE_H
#define SWEEPD_SERVER_JOBS_STUDY_PRIVATE_H

#include <pthread.h>

#include "core/search/sampler.h"
#include "server/jobs/stop.h"
#include "server/jobs/study.h"
#include "server/schema/definition.h"

/* A trial that was handed out and has not been told. */
struct open_trial {
    int64_t number, lease;
    double deadline; /* clock_seconds */
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
    struct stop stop;
    bool exhausted; /* the sampler has said so */
    int64_t n_imported;
    size_t n_open, capacity;
    struct open_trial *open;              /* ascending */
    double elapsed_before, running_since; /* seconds; since: clock_seconds, 0 while paused */
};

/** Reads it from the database. ERR_CONFLICT where it has ended, or trains its own trials. */
enum err study_load(struct study *s, struct error *e);

/** Forgets what was loaded. */
void study_unload(struct study *s);

/** One more open trial, with a lease that begins now. */
enum err study_add_open(struct study *s, int64_t number, int64_t lease, struct error *e);

/** What the sampler is told of a trial that has ended. */
struct past study_past(const struct study *s, const char *state, double score);

#endif
