/*
 * Samplers: what is tried next. One table of kinds; each proposes trial 1, 2, 3, … of a space.
 *
 * A sampler has no state that is not a function of (space, settings, earlier proposals): after a
 * restart sampler_create and one sampler_replay for each stored trial give the sampler that never
 * stopped. It does not know the budget, so that extending a search changes no earlier trial.
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
#include "core/search/space.h"

struct sampler_settings {
    uint64_t seed;
    bool shuffle; /* grid: in an order mixed by seed, of which any prefix is a fair sample */
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
    enum err (*propose)(struct sampler *s, uint32_t trial, struct arena *a, struct params *out,
                        bool *exhausted, struct error *e);
    enum err (*replay)(struct sampler *s, const struct params *point, struct error *e);
};

struct sampler {
    const struct sampler_kind *kind;
    uint32_t n_proposed;
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

/**
 * Proposes the next trial and counts it as proposed. *exhausted is set, and `out` is not, where
 * every point of the space was proposed. Names and texts in `out` are borrowed from the space,
 * the list lives as long as a.
 */
enum err sampler_propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                         struct error *e);

/** Takes note of a proposal made before a restart; in order of trials. */
enum err sampler_replay(struct sampler *s, const struct params *point, struct error *e);

#endif
