#include "core/search/permute.h"

#include "core/base/rng.h"

enum { ROUNDS = 12 };

/* The round function: a Philox block of its own (repeat and fold of all ones name no stream). */
static uint64_t mix(uint64_t seed, uint32_t round, uint64_t half, uint64_t mask)
{
    const uint32_t counter[4] = {(uint32_t)half, round, UINT32_MAX, RNG_SEARCH};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];

    rng_philox(counter, key, out);
    return out[0] & mask;
}

uint64_t permute_index(uint64_t seed, uint64_t n, uint64_t index)
{
    unsigned bits = 1; /* of each half; both together hold n - 1 */
    uint64_t mask, x = index;

    while (bits < 31 && (n - 1) >> (2 * bits) > 0)
        bits++;
    mask = (UINT64_C(1) << bits) - 1;
    do { /* a permutation's cycle that starts below n comes back below n */
        uint64_t left = x >> bits, right = x & mask;

        for (uint32_t round = 0; round < ROUNDS; round++) {
            uint64_t next = left ^ mix(seed, round, right, mask);

            left = right;
            right = next;
        }
        x = left << bits | right;
    } while (x >= n);
    return x;
}
