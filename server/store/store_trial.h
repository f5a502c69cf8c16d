/*
 * Trials: what was proposed, in which state it is, and how it scored.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_TRIAL_H
#define SWEEPD_SERVER_STORE_STORE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/value.h"
#include "server/store/bookmark.h"
#include "server/store/store.h"

/* The effective value of what every table about trials shows, defaults included. */
struct trial_network {
    size_t layers;                  /* hidden ones; 0: a linear model */
    const int64_t *hidden;          /* (layers) */
    const char *const *activations; /* (layers) */
    const char *optimizer; /* NULL if there is no network (ask and tell): all else is unset */
    double learning_rate;  /* NaN: none */
    int64_t batch_size;    /* rows; 0: full batch */
    int64_t epochs;
    int64_t weight_count;
};

/* A metric over a trial's folds. */
struct trial_score {
    const char *metric;
    double mean, std, train_mean;
};

/* States: queued, running, completed, pruned, failed, cancelled. */
struct trial_record {
    int64_t trial; /* from 1 */
    int64_t rank;  /* from 1; 0 where it was not asked for (see each function) */
    const char *state;
    const char *reason;   /* code where it did not complete; else NULL */
    const char *error;    /* a sentence; else NULL */
    struct params params; /* as proposed, fixed dimensions included, in the order of the space */
    const char *params_json;
    const char *configuration_key; /* names what is trained, for reuse; NULL if none */
    struct trial_network network;
    int64_t folds_planned, folds_done;
    double score, score_std, score_sem, train_mean; /* of the experiment's metric */
    size_t n_scores;
    const struct trial_score *scores;        /* of all metrics */
    double seconds;                          /* of training, all folds together */
    const char *warnings;                    /* JSON array of strings */
    int64_t reused_experiment, reused_trial; /* 0: trained here */
    int64_t started_at_ms, finished_at_ms;
    double search_loss; /* what the sampler was told when it was stopped; NaN: nothing */
    int64_t race_folds; /* that it had when it was first stopped; 0: never */
    int64_t race_epoch; /* after which it was, of the last of them or of all; 0: after a fold */
    int64_t bracket;    /* from 1; 0: none */
    int64_t lease;      /* how often it was handed out (ask and tell); 0: never */
};

/* What a sampler proposes. */
struct trial_proposal {
    int64_t trial;
    const struct params *params;
    const char *configuration_key; /* NULL: none */
    struct trial_network network;
    int64_t folds_planned;
    int64_t bracket; /* 0: none */
};

/** Stores proposals as queued trials, all or none. ERR_CONFLICT if a number is taken. */
enum err store_trial_insert(struct store *s, int64_t experiment, const struct trial_proposal *items,
                            size_t n, struct error *e);

/** Whether another trial with this configuration_key has folds. */
enum err store_trial_is_known(struct reader *r, const char *configuration_key, int64_t experiment,
                              int64_t trial, bool *out, struct error *e);

/**
 * Sets the state of a trial that has not ended: queued or running.
 *
 * at_ms   becomes started_at the first time it runs
 * Errors  ERR_NOT_FOUND, ERR_CONFLICT if it has ended
 */
enum err store_trial_set_state(struct store *s, int64_t experiment, int64_t trial,
                               const char *state, int64_t at_ms, struct error *e);

/* How a trial ended. */
struct trial_finish {
    const char *state;  /* completed, pruned, failed, cancelled */
    const char *reason; /* NULL for completed */
    const char *error;  /* NULL for completed */
    double score, score_std, score_sem, train_mean;
    size_t n_scores;
    const struct trial_score *scores;
    double seconds;
    const char *warnings;                    /* JSON array of strings; NULL: [] */
    int64_t reused_experiment, reused_trial; /* 0: trained here */
    int64_t at_ms;
    bool was_pruned;    /* it ends again: one more fold was trained after it was stopped */
    double search_loss; /* NaN: none; like race_folds kept from the first time it was stopped */
    int64_t race_folds; /* 0: it was not stopped */
    int64_t race_epoch; /* 0: not inside a fold */
    double race_p;      /* NaN: none */
};

/** Ends a trial. ERR_NOT_FOUND; ERR_CONFLICT if it has ended before, but for was_pruned. */
enum err store_trial_finish(struct store *s, int64_t experiment, int64_t trial,
                            const struct trial_finish *finish, struct error *e);

/** Cancels every trial that has not ended, with this reason and sentence; *n of them. */
enum err store_trial_cancel_rest(struct store *s, int64_t experiment, const char *reason,
                                 const char *error, int64_t at_ms, int64_t *n, struct error *e);

/** One trial, with rank and scores. ERR_NOT_FOUND. */
enum err store_trial_get(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                         struct trial_record *out, struct error *e);

/** The trial of rank 1, with scores; *found is false while no trial has a score. */
enum err store_trial_best(struct reader *r, int64_t experiment, struct arena *a,
                          struct trial_record *out, bool *found, struct error *e);

/* Which trials, in which order. */
struct trial_query {
    int64_t experiment;
    const char *state; /* NULL: all */
    const char *sort;  /* NULL: trial. See store_trial_sorts, or any hyperparameter's name; a '-' in
                          front for descending. Trials without a value come last, ties by number. */
    struct bookmark after; /* only those behind this one */
    int64_t page;          /* at most so many; 0: all */
};

struct trial_order {
    size_t n;
    int64_t *trials;      /* (n) their numbers in the order asked for */
    int64_t *ranks;       /* (n) of each within the experiment */
    int64_t total;        /* with those before `after` */
    struct bookmark next; /* `after` of the next page; its id is 0 where there is none */
};

/**
 * The numbers of the trials that a query gives. Cheap (a few ms for thousands), so a page, a total
 * and a stream that goes on for long are all made from it.
 *
 * Errors  ERR_NOT_FOUND  no such experiment
 *         ERR_INVALID    neither a known sort nor a hyperparameter of any of its trials
 */
enum err store_trial_order(struct reader *r, const struct trial_query *query, struct arena *a,
                           struct trial_order *out, struct error *e);

/** Reads the trials [offset, offset + n) of an order into items (n), with rank and scores. */
enum err store_trial_fetch(struct reader *r, int64_t experiment, const struct trial_order *order,
                           size_t offset, size_t n, struct arena *a, struct trial_record *items,
                           struct error *e);

struct trial_list {
    size_t n;
    struct trial_record *items;
    int64_t total;
    struct bookmark next; /* `after` of the next page; its id is 0 at the end */
};

/** The trials of a query with a page: store_trial_order and store_trial_fetch together. */
enum err store_trial_list(struct reader *r, const struct trial_query *query, struct arena *a,
                          struct trial_list *out, struct error *e);

/** Columns to sort by; NULL ends the list. */
extern const char *const store_trial_sorts[];

/**
 * The names of all hyperparameters that trials of an experiment have, in the order of the trial
 * that has most of them.
 */
enum err store_trial_dimensions(struct reader *r, int64_t experiment, struct arena *a, size_t *n,
                                const char ***out, struct error *e);

#endif
