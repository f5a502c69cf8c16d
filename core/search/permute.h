/*
 * A permutation of 0 .. n-1 that needs no memory: a Feistel network over the next power of four,
 * walked until the result is below n.
 *
 * Source  Black and Rogaway: Ciphers with arbitrary finite domains. CT-RSA 2002, section 3
 */
#ifndef SWEEPD_CORE_SEARCH_PERMUTE_H
#define SWEEPD_CORE_SEARCH_PERMUTE_H

#include <stdint.h>

/** Where the seed's permutation puts `index`; index < n <= 2^62. */
uint64_t permute_index(uint64_t seed, uint64_t n, uint64_t index);

#endif
