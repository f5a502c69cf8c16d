/*
 * Samplers: what is tried next. One table of kinds; each proposes trial 1, 2, 3, … of a space.
 *
 * A sampler has no state that is not a function of (space, settings, history): after a restart
 * sampler_create, one sampler_replay for each stored trial and one sampler_tell for each result
 * give the sampler that never stopped. It does not know the budget, so that extending a search
 * changes no earlier trial.
 *
 * One that learns sees, for trial t, the results of trials 1 .. t - concurrency and no other:
 * those between are pending, even if they have ended, so that a proposal does not depend on who
 * finished first. Trials may also come in waves, one after the other: then it sees, for any trial
 * of one, the results of the waves before it and no other. The generations of a sampler that
 * proposes in such are waves of its own; else whoever runs the trials says where a wave begins.
 *
 * Threads  one thread at a time for each sampler
 */
#ifndef SWEEPD_CORE_SEARCH_SAMPLER_H
#define SWEEPD_CORE_SEARCH_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/value.h"
#include "core/search/history.h"
#include "core/search/space.h"

struct sampler_settings {
    uint64_t seed;
    bool shuffle; /* grid: in an order mixed by seed, of which any prefix is a fair sample */
    uint32_t concurrency; /* 0: every result may be looked at as soon as it is told */
    uint32_t startup;     /* tpe, gp: trials before it learns; 0: the kind's own number */
};

struct sampler; /* each kind's own begins with it */

struct sampler_kind {
    const char *name;
    const char *summary;      /* one line for a person */
    bool learns;              /* looks at results: may run ahead of them by `concurrency` only */
    enum space_levels levels; /* what it takes from a range */
    enum err (*create)(const struct space *s, const struct sampler_settings *settings,
                       struct sampler **out, struct error *e);
    void (*destroy)(struct sampler *s);

    /** How many consecutive trials make a generation; NULL: it learns trial by trial. */
    size_t (*generation)(const struct sampler *s);

    /** The point of trial history.n + 1; the history is of all before it. */
    enum err (*propose)(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                        struct error *e);
};

struct sampler {
    const struct sampler_kind *kind;
    struct sampler_settings settings;
    size_t wave; /* the first trial of the wave, from 1; 0: there are none */
    struct history history;
};

/** The kinds of this build; NULL ends the table. */
extern const struct sampler_kind *const sampler_kinds[];

/** NULL where this build has no such sampler. */
const struct sampler_kind *sampler_find(const char *name);

/**
 * space    borrowed until sampler_destroy
 * Errors   ERR_INVALID where the kind cannot search this space (a grid of an infinite one)
 */
enum err sampler_create(const struct sampler_kind *kind, const struct space *space,
                        const struct sampler_settings *settings, struct sampler **out,
                        struct error *e);
void sampler_destroy(struct sampler *s);

/** Trial t, counted from 1, is proposed from the results of trials 1 .. sampler_needs(s, t). */
size_t sampler_needs(const struct sampler *s, size_t trial);

/** From the next trial on all belong to a wave that begins with this trial, until this is called
 * again. Not for a sampler with generations. */
void sampler_set_wave(struct sampler *s, size_t first);

/**
 * Proposes the next trial and counts it as proposed. *exhausted is set, and `out` is not, where
 * every point of the space was proposed. Names and texts in `out` live as long as a and the space.
 *
 * The results of the trials that sampler_needs() says were told before.
 */
enum err sampler_propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                         struct error *e);

/** Takes a point as the next trial that it did not propose: one made before a restart, or put
 *  in a queue by a person. */
enum err sampler_replay(struct sampler *s, const struct params *point, struct error *e);

/** What came of a trial, counted from 1, that was proposed or replayed. In any order, once. */
void sampler_tell(struct sampler *s, uint32_t trial, struct past past);

#endif
