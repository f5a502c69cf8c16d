/*
 * What pruner.c and pruner_judge.c share; for these two alone.
 */
#ifndef SWEEPD_CORE_SEARCH_PRUNER_PRIVATE_H
#define SWEEPD_CORE_SEARCH_PRUNER_PRIVATE_H

#include "core/search/pruner.h"

/* One trial. */
struct runner {
    double *x;       /* (told) losses in the order of the race */
    size_t capacity; /* of x */
    uint32_t told;
    uint32_t settled; /* folds that it was decided with */
    uint32_t played;  /* with the rounds of revisits that have ended */
    bool is_settled;
    double *curves; /* (told, rungs): the same losses on the rungs; with a last row of the fold that
                       is being told, NaN where nothing is known */
    size_t curves_capacity;
    uint32_t inside;         /* rungs of that last row */
    uint32_t settled_inside; /* the rung that it was stopped on, from 1; 0: after a fold */
};

struct pruner {
    const struct pruner_kind *kind;
    struct pruner_settings settings;
    struct runner *runners; /* (n); of trial i at i - 1 */
    size_t n, capacity;
    uint32_t *leaders; /* (n_led): the incumbent of trials 1 .. i at i - 1, as they were settled */
    size_t n_led, leaders_capacity;
    uint32_t leader;       /* the incumbent of all that are settled, as they were settled */
    bool playing;          /* `played` holds */
    struct revisit *round; /* (n_round), room for `concurrency` */
    size_t n_round;
    uint32_t round_leader;
    double round_scale;
    double round_drift[RUNGS_MOST];
    double *work; /* (n_folds), with rungs three times */
};

/* Which folds count: those of trials 1 .. n, as they were settled or with the rounds played. */
struct view {
    size_t n;
    bool played;
    uint32_t except; /* a trial that is left out; 0: none */
};

/** The row of a fold on the rungs. */
double *pruner_row(const struct pruner *p, const struct runner *r, uint32_t fold);

/** The folds of trial i + 1 that may be looked at. */
uint32_t pruner_seen(const struct pruner *p, const struct view *v, size_t i);

/** The incumbent among those; 0: none. */
uint32_t pruner_find_leader(const struct pruner *p, const struct view *v);

/** The same for the trials 1 .. n as they were settled, without looking at each again. */
uint32_t pruner_leader_of_first(const struct pruner *p, size_t n);

bool pruner_all_finite(const double *x, size_t n);
double pruner_mean(const double *x, size_t n);

#endif
