/*
 * Sobol's low-discrepancy sequence, scrambled by seed: points that fill the space more evenly than
 * draws do. Each dimension of the space keeps a dimension of the sequence, used or not.
 *
 * Source  Joe and Kuo: Constructing Sobol sequences with better two-dimensional projections. SIAM
 *         J. Sci. Comput. 30, 2008; Gray-code order of Antonov and Saleev 1979; nested uniform
 *         scrambling by hashing: Burley: Practical hash-based Owen scrambling. JCGT 9 (4), 2020
 */
#ifndef SWEEPD_CORE_SEARCH_SOBOL_H
#define SWEEPD_CORE_SEARCH_SOBOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/search/sampler.h"
#include "core/search/untried.h"

extern const struct sampler_kind sobol_sampler;

/* The direction numbers of the first dimensions. */
struct sobol {
    size_t n;
    uint32_t (*v)[32]; /* (n) */
};

/** n <= SPACE_DIMENSIONS_MAX; lives as long as a. */
enum err sobol_create(size_t n, struct arena *a, struct sobol *out, struct error *e);

/** Point `index`, from 0, of one dimension, times 2^32; not scrambled. */
uint32_t sobol_bits(const struct sobol *s, size_t dimension, uint32_t index);

/** Owen's scrambling of 32 bits: each bit is flipped or not by seed and all bits above it. */
uint32_t sobol_scramble(uint32_t bits, uint32_t seed);

/* A design: the sequence over a space, scrambled by seed, without the points that were tried. */
struct sobol_design {
    struct arena *arena;
    struct sobol sequence;
    struct untried untried;
    uint64_t seed;
    uint32_t *seeds; /* (n) of each dimension's scrambling */
    uint32_t next;   /* all indices before it were tried or are not allowed */
};

/** The space is borrowed. sobol_design_finish accepts one whose creation failed. */
enum err sobol_design_create(const struct space *s, uint64_t seed, struct sobol_design *out,
                             struct error *e);
void sobol_design_finish(struct sobol_design *d);

/**
 * The first point of the sequence that is new; where too many in a row are not, as near the end of
 * a finite space, a draw from the trial's own stream. *exhausted: there is none.
 */
enum err sobol_design_propose(struct sobol_design *d, struct history *h, struct arena *a,
                              struct params *out, bool *exhausted, struct error *e);

#endif
