/*
 * Shuffling with a kernel's random numbers.
 */
#ifndef SWEEPD_CORE_LINALG_SHUFFLE_H
#define SWEEPD_CORE_LINALG_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/linalg/kernel.h"

/**
 * The order that rng_shuffle makes, in a fraction of its time. Words are drawn in batches: the
 * stream is left somewhere beyond those that were needed.
 */
void shuffle(const struct kernel *k, struct rng *r, uint32_t *items, size_t n);

#endif
