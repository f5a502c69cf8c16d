/*
 * Part of kernel_body.h: random numbers in vectors, those of base/rng.h's streams.
 */
#ifndef SWEEPD_CORE_LINALG_KERNEL_RANDOM_H
#define SWEEPD_CORE_LINALG_KERNEL_RANDOM_H

/* Each counter has 64 bits of a vector, of which the low half counts: Philox's products need the
 * room, and what other operations leave in the high half is never looked at. */
typedef uint64_t vl __attribute__((vector_size(LANES * 4)));
typedef vl vl_unaligned __attribute__((aligned(4), may_alias));

enum { COUNTERS = LANES / 2, BATCH = 4 * COUNTERS, DRAWS = 16 * BATCH };

/* Two vectors' words as they lie in memory: pair by pair, first a's. */
#if LANES == 16
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#elif LANES == 8
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#else
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif

/* rng_philox for COUNTERS counters at once, from `block` on in the stream of `r`, which is a copy:
 * behind a pointer the keys would be read again after each store. */
INLINE void philox_batch(const struct rng r, uint32_t block, uint32_t *words)
{
    static const uint64_t ahead[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const vl zero = {0}, low = zero + 0xffffffffu;
    vl c0, c1 = zero + r.counter[1], c2 = zero + r.counter[2], c3 = zero + r.counter[3];
    uint64_t k0 = r.key[0], k1 = r.key[1];

    memcpy(&c0, ahead, sizeof c0);
    c0 += block;
    UNROLL for (int round = 0; round < 10; round++)
    {
        vl p0 = vl_product(c0, zero + 0xD2511F53u), p1 = vl_product(c2, zero + 0xCD9E8D57u);

        c0 = (p1 >> 32) ^ c1 ^ (zero + k0);
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ (zero + k1);
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    c0 = (c0 & low) | c1 << 32;
    c2 = (c2 & low) | c3 << 32;
    *(vl_unaligned *)words = LOW_PAIRS(c0, c2);
    *(vl_unaligned *)(words + BATCH / 2) = HIGH_PAIRS(c0, c2);
}

/* The next n words of a stream. */
static void draw_words(struct rng *r, size_t n, uint32_t *words)
{
    const struct rng stream = *r;
    uint32_t block = r->counter[0];
    size_t i = 0;

    for (; i < n && r->used < 4; i++)
        words[i] = rng_u32(r);
    for (; i + BATCH <= n; i += BATCH, block += COUNTERS)
        philox_batch(stream, block, words + i);
    r->counter[0] = block;
    for (; i < n; i++)
        words[i] = rng_u32(r);
}

static void choose(size_t n, const uint32_t *words, uint32_t limit, float factor, float *mask)
{
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        vu word;
        vi out;

        memcpy(&word, words + i, sizeof word);
        out = (vi)(word < limit);
        vf_store(mask + i, vf_from_bits(vf_bits(vf_set(factor)) & ~out));
    }
    for (; i < n; i++)
        mask[i] = words[i] < limit ? 0.0f : factor;
}

static void drop(struct rng *r, uint32_t limit, float factor, size_t rows, size_t n, size_t stride,
                 float *mask)
{
    UNINITIALIZED uint32_t words[DRAWS];
    size_t left = rows * n, have = 0, at = 0;

    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0, some; j < n; j += some, at += some) {
            if (at == have) {
                have = smaller(left, DRAWS);
                draw_words(r, have, words);
                left -= have;
                at = 0;
            }
            some = smaller(n - j, have - at);
            choose(some, words + at, limit, factor, mask + i * stride + j);
        }
    }
}

#endif
