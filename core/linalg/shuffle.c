#include "core/linalg/shuffle.h"

enum { MOST = 512 };

/* Words of the stream that were drawn together. */
struct batch {
    uint32_t word[MOST];
    size_t n, used;
};

static uint32_t next(const struct kernel *k, struct rng *r, size_t wanted, struct batch *b)
{
    if (b->used == b->n) {
        b->n = wanted < MOST ? wanted : MOST;
        b->used = 0;
        k->words(r, b->n, b->word);
    }
    return b->word[b->used++];
}

/* rng_below and rng_shuffle, word by word. */
void shuffle(const struct kernel *k, struct rng *r, uint32_t *items, size_t n)
{
    struct batch b;

    b.n = b.used = 0;
    for (size_t i = n; i > 1; i--) {
        uint32_t below = (uint32_t)i, item = items[i - 1];
        uint64_t m = (uint64_t)next(k, r, i, &b) * below;

        while ((uint32_t)m < below && (uint32_t)m < -below % below)
            m = (uint64_t)next(k, r, i, &b) * below;
        items[i - 1] = items[m >> 32];
        items[m >> 32] = item;
    }
}
