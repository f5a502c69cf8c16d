/*
 * Experiments: one search each, with its definition, its state and what is counted about it.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_EXPERIMENT_H
#define SWEEPD_SERVER_STORE_STORE_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/bookmark.h"
#include "server/store/store.h"

/* States: queued, running, paused, completed, cancelled, failed. */
struct experiment_record {
    int64_t id;               /* given by the store */
    const char *name;         /* NULL on insert: `DATASET-ID`, or `experiment-ID` without one */
    const char *owner;        /* NULL: nobody */
    int64_t dataset_id;       /* 0: none (ask and tell) */
    const char *dataset_name; /* read only; NULL if none */
    const char *state;
    const char *stop_reason; /* NULL while it goes on */
    const char *error;       /* a sentence; NULL if all is well */
    const char *metric;
    const char *direction; /* "maximize" or "minimize" */
    const char *sampler;
    const char *pruner;
    int64_t seed;            /* of the search */
    const char *definition;  /* JSON, made complete */
    int64_t planned_trials;  /* -1: not known beforehand */
    int64_t folds_per_trial; /* all repeats together */
    int64_t sealed_rows;     /* set aside before the search; -1: not known */
    int64_t curves_pruned_at_ms; /* when curves were dropped; 0: never */
    int64_t priority;
    const char *notes; /* never NULL */
    const char *tags;  /* JSON array of strings */
    int64_t created_at_ms, started_at_ms, finished_at_ms;
    int64_t elapsed_ms; /* of running, over all starts of the daemon */
};

/**
 * Stores an experiment. Ignores id, dataset_name, stop_reason, error, started, finished, elapsed.
 *
 * Errors  ERR_INVALID if the data set does not exist
 */
enum err store_experiment_insert(struct store *s, const struct experiment_record *record,
                                 int64_t *out_id, struct error *e);

/** ERR_NOT_FOUND if there is none. */
enum err store_experiment_get(struct reader *r, int64_t id, struct arena *a,
                              struct experiment_record *out, struct error *e);

/** The id of the newest experiment; ERR_NOT_FOUND if there is none. */
enum err store_experiment_latest(struct reader *r, int64_t *out, struct error *e);

/**
 * The newest experiment of this data with this definition (JSON, complete) that was neither
 * cancelled nor failed. One whose name is null has any name; other labels do not count.
 * ERR_NOT_FOUND.
 */
enum err store_experiment_find_same(struct reader *r, int64_t dataset_id, const char *definition,
                                    int64_t *out, struct error *e);

struct experiment_query {
    const char *state;  /* each filter NULL: all */
    int64_t dataset_id; /* 0: all */
    const char *tag;
    const char *owner;
    const char *contains;  /* part of the name; ASCII letters match in either case */
    bool has_ended_before; /* then only those that ended before: */
    int64_t finished_before_ms;
    const char *sort;      /* see store_experiment_sorts; NULL: newest first */
    struct bookmark after; /* the row before the first, for the pages after one */
    int64_t limit;         /* at most this many */
};

struct experiment_list {
    size_t n;
    struct experiment_record *items;
    int64_t total;        /* that pass the filters */
    struct bookmark next; /* `after` of the next page; its id is 0 at the end */
};

/** ERR_INVALID for an unknown sort, naming the known ones. */
enum err store_experiment_list(struct reader *r, const struct experiment_query *query,
                               struct arena *a, struct experiment_list *out, struct error *e);

/** Names to sort by, each also with a '-' in front for descending; NULL ends the list. */
extern const char *const store_experiment_sorts[];

/** Ids of experiments with a data set that are queued, running or paused, in order: for recovery.
 */
enum err store_experiment_unfinished(struct reader *r, struct arena *a, size_t *n, int64_t **out,
                                     struct error *e);

struct experiment_change {
    const char *state;
    const char *stop_reason; /* NULL: none */
    const char *error;       /* NULL: none */
    int64_t at_ms;           /* becomes started_at (once) when running, finished_at when it ends */
    int64_t elapsed_ms;      /* the new total; -1: as it was */
};

/** A state that goes on (queued, running, paused) clears finished_at. ERR_NOT_FOUND. */
enum err store_experiment_set_state(struct store *s, int64_t id,
                                    const struct experiment_change *change, struct error *e);

/** The running time so far; called now and then so that a crash loses little of it. */
enum err store_experiment_set_elapsed(struct store *s, int64_t id, int64_t elapsed_ms,
                                      struct error *e);

/** The plan after it was extended, with the definition that says so. */
enum err store_experiment_set_plan(struct store *s, int64_t id, int64_t planned_trials,
                                   const char *definition, struct error *e);

struct experiment_patch {
    const char *name;        /* NULL: as it was */
    const char *notes;       /* NULL: as it was */
    const char *tags;        /* JSON array of strings; NULL: as it was */
    const int64_t *priority; /* NULL: as it was */
    const char *definition;  /* that says the same; NULL: as it was */
};

enum err store_experiment_update(struct store *s, int64_t id, const struct experiment_patch *patch,
                                 struct error *e);

/**
 * With its trials, folds, events and unsealing. ERR_CONFLICT while it is queued, running, paused,
 * or being unsealed.
 */
enum err store_experiment_delete(struct store *s, int64_t id, struct error *e);

/* How far an experiment is. */
struct experiment_progress {
    int64_t trials; /* stored so far; the plan may know of more */
    int64_t queued, running, completed, pruned, failed, cancelled; /* trials in each state */
    int64_t folds_of_pruned, folds_of_failed; /* done, of the trials in these states */
    int64_t folds_done;
    int64_t bytes; /* that its trials and folds take, roughly */
};

/** Reads one index; cheap enough for a list of experiments. */
enum err store_experiment_progress(struct reader *r, int64_t id, struct experiment_progress *out,
                                   struct error *e);

#endif
