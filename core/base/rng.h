/*
 * Random numbers: Philox4x32-10, a counter-based generator. A stream is named by (seed, repeat,
 * fold, purpose, index) and holds no shared state, so that every number can be computed again
 * from its name, in any order, on any thread.
 *
 * Source  Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.
 */
#ifndef SWEEPD_CORE_BASE_RNG_H
#define SWEEPD_CORE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for. Numbers are part of every result: only ever add. */
enum rng_purpose {
    RNG_SPLIT = 1,      /* cutting rows into folds */
    RNG_INIT = 2,       /* initial weights; index: layer */
    RNG_SHUFFLE = 3,    /* batch order; index: epoch */
    RNG_SEARCH = 4,     /* proposals; index: trial */
    RNG_TEST = 5,       /* tests and benchmarks */
    RNG_DROPOUT = 6,    /* index: layer and step */
    RNG_HOLDOUT = 7,    /* rows set aside inside a training part */
    RNG_IMPORTANCE = 16, /* forests that say what matters; index: tree */
    RNG_BRACKET = 17     /* a trial's bracket in hyperband; index: trial */
};

struct rng {
    uint32_t key[2];
    uint32_t counter[4]; /* [0]: block; [1]: index; [2]: repeat and fold; [3]: purpose */
    uint32_t block[4];
    unsigned used; /* words of the block already given out */
};

/**
 * Starts a stream.
 *
 * repeat, fold   0 where the stream does not belong to one; below 2^16 each
 */
void rng_init(struct rng *r, uint64_t seed, uint32_t repeat, uint32_t fold,
              enum rng_purpose purpose, uint32_t index);

uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);

/** Uniform in [0, n) without bias (Lemire 2019); n >= 1. */
uint32_t rng_below(struct rng *r, uint32_t n);

/** Uniform in [0, 1): 24 bits, 53 bits. */
float rng_f32(struct rng *r);
double rng_f64(struct rng *r);

/** Standard normal by Box and Muller's polar-free form, from our own log and cosine. */
double rng_normal(struct rng *r);

/** Fisher-Yates, in place. */
void rng_shuffle(struct rng *r, uint32_t *items, size_t n);

/** The bare block function, for known-answer tests. */
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
