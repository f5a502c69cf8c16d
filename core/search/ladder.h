/*
 * Pruners over epochs: which trials are stopped before their last epoch. All folds of a trial are
 * trained to a rung (rungs.h), then the trial is judged by its folds' mean loss there: those that
 * go on train to the next rung, the others are stopped. A loss is to be minimised; one that is not
 * finite stops its trial at once.
 *
 * Two ways to judge. In a bracket, consecutive trials wait for each other on each rung, and the
 * best third of them, one at least, goes on (of equals the earlier trial). Without brackets a trial
 * is compared with what trials 1 .. t - concurrency came to.
 *
 * A ladder has no state that is not a function of (rule, settings, losses, brackets, who has
 * ended), so the same trials are stopped after a restart. A bracket is judged when it is full, or
 * when no more trials will come; once it is, or all of its trials have ended, it takes no more.
 *
 * Threads  one thread at a time for each ladder
 */
#ifndef SWEEPD_CORE_SEARCH_LADDER_H
#define SWEEPD_CORE_SEARCH_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/search/rungs.h"

struct ladder_rule {
    /** Trials of a bracket, counted from 1, and the rung that they begin with. NULL: no brackets.
     */
    uint32_t (*bracket)(uint32_t number, uint32_t n_rungs, uint32_t *first);

    /**
     * Without brackets: whether a trial with this least loss so far is stopped.
     *
     * others  (n) losses on the same rung of trials that completed; are overwritten
     * limit   what it was compared with; NaN where it was not
     */
    bool (*stops)(double least, double *others, size_t n, double *limit);
};

struct ladder_settings {
    struct rungs rungs;   /* two or more */
    uint32_t concurrency; /* without brackets */
    bool overlap;         /* a bracket may begin before the one before it has ended */
};

struct ladder;

enum err ladder_create(const struct ladder_rule *rule, const struct ladder_settings *settings,
                       struct ladder **out, struct error *e);
void ladder_destroy(struct ladder *l);

/** How many trials may be proposed now; with brackets only. They belong to one bracket. */
uint32_t ladder_room(const struct ladder *l);

/** The bracket of the next trial, from 1; 0: there are none. */
uint32_t ladder_next_bracket(const struct ladder *l);

/** The number of that bracket's first trial; 0 without brackets. */
uint32_t ladder_next_first(const struct ladder *l);

/** The next trial joins this bracket: ladder_next_bracket, or what it was before a restart. */
enum err ladder_join(struct ladder *l, uint32_t bracket, struct error *e);

/** Whether, as far as is known, no more trials will come. */
void ladder_set_end(struct ladder *l, bool is_end);

/** The rung, from 0, that a trial has to reach next; rungs.n where it has reached the last. */
uint32_t ladder_rung(const struct ladder *l, uint32_t trial);

/** The mean loss of a trial's folds on that rung; NaN where one failed. */
void ladder_tell(struct ladder *l, uint32_t trial, double loss);

/** The trial has ended. Once. */
void ladder_settle(struct ladder *l, uint32_t trial);

enum ladder_step {
    LADDER_WAITS, /* for other trials */
    LADDER_GOES_ON,
    LADDER_STOPS
};

struct ladder_verdict {
    enum ladder_step step;
    bool broken;        /* the loss is not finite */
    uint32_t epochs;    /* of the rung */
    uint32_t place, of; /* in a bracket: which of how many it was there, from 1; 0: no such */
    double least;       /* without brackets: its least loss so far, */
    double limit;       /* and what that is compared with; NaN: nothing */
    double loss; /* what the sampler is told of it if it stops: its loss on the rung, and what such
                    a loss changes by up to the last rung; of a broken one the worst finite loss
                    seen, NaN: none */
};

/** Judges a trial on the last rung that was told, of those before the last one at all. */
struct ladder_verdict ladder_judge(struct ladder *l, uint32_t trial);

/**
 * The number of trials nearest below and above `trials` that fill brackets; both are `trials` where
 * that does.
 */
void ladder_whole(const struct ladder_rule *rule, uint32_t n_rungs, uint64_t trials,
                  uint64_t *below, uint64_t *above);

/** What brackets train on average of all epochs of their trials: above 0, at most 1. */
double ladder_share(const struct ladder_rule *rule, const struct rungs *rungs);

/** The largest bracket. */
uint32_t ladder_widest(const struct ladder_rule *rule, uint32_t n_rungs);

#endif
