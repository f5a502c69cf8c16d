/*
 * Pruners: which trials are stopped before all of their folds, or all epochs of their folds, are
 * trained. One table of kinds of both sorts: those over epochs have a rule for a ladder, which is
 * in ladder.h; the rest of this file is for those over folds.
 *
 * A race: every trial trains its folds in one order, and after each of them it is compared, on the
 * folds that it has, with the incumbent: the trial with the best mean over all folds. A loss is to
 * be minimised; one that is not finite stops its trial at once.
 *
 * A pruner has no state that is not a function of (kind, settings, folds' losses, how many folds a
 * trial had when it was settled). Trial t is judged by what trials 1 .. t - concurrency were when
 * they were settled and by its own folds, never by who finished first, nor by revisits. So the
 * same trials are stopped after a restart, and after a search was extended.
 *
 * Revisits: once all trials are settled, those that were stopped and are most likely to win after
 * all get one more fold each, round by round. Rounds are played from the start whenever a trial
 * joins; folds that are known from before cost nothing.
 *
 * Threads  one thread at a time for each pruner
 */
#ifndef SWEEPD_CORE_SEARCH_PRUNER_H
#define SWEEPD_CORE_SEARCH_PRUNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/search/ladder.h"

struct pruner_settings {
    double alpha;         /* racing: stopped below this chance to win; wilcoxon: below this p */
    bool revisit;         /* racing */
    uint32_t n_folds;     /* of a trial, all repeats together: 2 or more */
    uint32_t concurrency; /* 0: all trials that are settled may be looked at */
    struct rungs rungs;   /* a kind that revisits: it judges on these inside a fold, too; n 0: not */
};

/* A trial beside the incumbent. Inside a fold the last losses of both are those on a rung. */
struct race {
    uint32_t n_folds;        /* K */
    uint32_t m;              /* folds of the trial: 1 <= m < K, inside a fold m <= K */
    const double *x;         /* (m) its losses, finite */
    const double *incumbent; /* (m), of a whole race (K) */
    double incumbent_mean;
    double drift; /* mean square of what a difference changes by from the rung on; 0: after a fold */
    double scale; /* variance of differences that is expected beforehand; NaN where the kind has
                     no use for it */
    double alpha;
    double *work; /* (K) */
};

/* A fold of another trial beside the incumbent's, of which the drift is learned. */
struct race_pair {
    double end;   /* difference in the end */
    double drift; /* that less the difference on the rung */
};

/* Another trial beside the incumbent, of which the scale is learned. */
struct race_mate {
    double difference; /* mean of its losses less the incumbent's */
    double variance;   /* of the differences, divided by m - 1 */
};

struct pruner_kind {
    const char *name;
    const char *summary; /* one line for a person */
    const char *reason;  /* code of a trial that was stopped */
    const struct ladder_rule *ladder; /* of a kind over epochs (ladder.h), which has none of what
                                         follows; NULL: over folds */
    bool has_alpha;
    bool revisits;

    /** *p: the chance that it is judged by; NaN where the kind has none. */
    bool (*stops)(const struct race *r, double *p);

    /** The scale; mates are overwritten. NULL where the kind has no use for it. */
    double (*scale)(const double *incumbent, uint32_t n_folds, struct race_mate *mates, size_t n);

    /** The drift; NaN while there are too few pairs, which are overwritten. NULL where the kind does
     * not judge inside folds. */
    double (*drift)(struct race_pair *pairs, size_t n);
};

/** The kinds of this build; NULL ends the table. */
extern const struct pruner_kind *const pruner_kinds[];

/** NULL where this build has no such pruner. */
const struct pruner_kind *pruner_find(const char *name);

struct pruner;

enum err pruner_create(const struct pruner_kind *kind, const struct pruner_settings *settings,
                       struct pruner **out, struct error *e);
void pruner_destroy(struct pruner *p);

const struct pruner_kind *pruner_kind_of(const struct pruner *p);

/** Which fold, of 0 .. n_folds - 1, comes m-th in the race (from 0): the same for all trials. */
uint32_t pruner_order(uint64_t seed, uint32_t n_folds, uint32_t m);

/**
 * The loss of a trial's next fold in the order of the race; NaN where it failed. Trials count from
 * 1; those of different trials may come in any order.
 */
enum err pruner_tell(struct pruner *p, uint32_t trial, double loss, struct error *e);

/** The same with its losses on the rungs, as far as there are any: (rungs.n); NaN: none. */
enum err pruner_tell_curve(struct pruner *p, uint32_t trial, double loss, const double *rungs,
                           struct error *e);

/** Drops the folds of a trial that is not settled: it begins anew. */
void pruner_forget(struct pruner *p, uint32_t trial);

/** How many folds were told. */
uint32_t pruner_told(const struct pruner *p, uint32_t trial);

/** The loss of the fold after those that were told, on its next rung; NaN: none. */
enum err pruner_tell_inside(struct pruner *p, uint32_t trial, double loss, struct error *e);

/** How many rungs of that fold were told. */
uint32_t pruner_inside(const struct pruner *p, uint32_t trial);

/** The trial was decided, with the first m of its folds: all, or as many as it had when it was
 * stopped or failed. Once. */
enum err pruner_settle(struct pruner *p, uint32_t trial, uint32_t m, struct error *e);

/** The same of a trial that was stopped inside the fold after these, on its n-th rung, from 1. */
enum err pruner_settle_inside(struct pruner *p, uint32_t trial, uint32_t m, uint32_t n,
                              struct error *e);

struct verdict {
    bool stop;
    bool broken;        /* the last loss is not finite */
    uint32_t m;         /* after so many folds, the one that it is in included */
    uint32_t epochs;    /* of that one; 0: it has ended */
    uint32_t incumbent; /* the trial that it was compared with; 0: none */
    double p;           /* NaN where there is none */
    double loss; /* what the sampler is told of it if it stops: the incumbent's mean and the mean
                    difference to it; of a broken one the worst finite loss seen, NaN: none */
};

/**
 * Judges a trial by the folds told so far, one at least. One that is settled is judged as the
 * current round of revisits sees it.
 */
struct verdict pruner_judge(const struct pruner *p, uint32_t trial);

/* One more fold for a trial that was stopped. */
struct revisit {
    uint32_t trial;
    uint32_t m; /* the fold's place in the race, from 0; known already where pruner_told() > m */
};

/**
 * The round of revisits that is to be played; none, *n = 0, where no chance is left. Only while all
 * trials are settled. `out` belongs to the pruner, until pruner_round_end.
 */
enum err pruner_round(struct pruner *p, size_t *n, const struct revisit **out, struct error *e);

/** Ends a round, whose folds were all told. */
void pruner_round_end(struct pruner *p);

#endif
