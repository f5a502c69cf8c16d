#include <math.h>
#include <string.h>

#include "core/nn/metric_private.h"

enum { BYTES = 8, BUCKETS = 256 };

/* The work memory: two arrays of items, what is shared, then class sums or ranks. */

size_t metric_work_bytes(size_t rows, size_t n)
{
    size_t ranks = 2 * rows, sums = 3 * n;

    return 2 * rows * sizeof(struct metric_item) + sizeof(struct metric_shared) +
           (ranks > sums ? ranks : sums) * sizeof(double);
}

struct metric_shared *metric_shared(const struct metric_rows *r)
{
    return (struct metric_shared *)((struct metric_item *)r->work + 2 * r->rows);
}

double *metric_class_sums(const struct metric_rows *r)
{
    return (double *)(metric_shared(r) + 1);
}

double *metric_ranks(const struct metric_rows *r)
{
    return metric_class_sums(r);
}

/* An integer that is in the same order. -0 comes right before 0: they still lie together. */
static uint64_t key_of(double x)
{
    const uint64_t SIGN = (uint64_t)1 << 63;
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}

static size_t byte_of(double x, size_t b)
{
    return key_of(x) >> (8 * b) & (BUCKETS - 1);
}

/* counts become the places of each bucket's first item. */
static void scatter(const struct metric_item *from, size_t n, size_t b, size_t *counts,
                    struct metric_item *to)
{
    size_t place = 0;

    for (size_t k = 0; k < BUCKETS; k++) {
        size_t count = counts[k];

        counts[k] = place;
        place += count;
    }
    for (size_t i = 0; i < n; i++)
        to[counts[byte_of(from[i].value, b)]++] = from[i];
}

/* By bytes of the key, the lowest first: linear and stable. A byte that all values share, as the
 * low ones of what was float32, costs nothing. Returns the array that holds the result. */
static const struct metric_item *sort(struct metric_item *items, size_t n,
                                      struct metric_item *spare)
{
    size_t counts[BYTES][BUCKETS] = {{0}};

    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < BYTES; b++)
            counts[b][byte_of(items[i].value, b)]++;
    for (size_t b = 0; n > 0 && b < BYTES; b++) {
        struct metric_item *from = items;

        if (counts[b][byte_of(items[0].value, b)] == n)
            continue;
        scatter(items, n, b, counts[b], spare);
        items = spare;
        spare = from;
    }
    return items;
}

bool metric_sort(const struct metric_rows *r, metric_value *value, size_t j,
                 const struct metric_item **items, size_t *n)
{
    struct metric_item *list = r->work;

    *n = 0;
    for (size_t i = 0; i < r->rows; i++) {
        double x = value(r, i, j);

        if (isnan(x))
            return false;
        if (metric_weight(r, i) > 0.0)
            list[(*n)++] = (struct metric_item){x, i};
    }
    *items = sort(list, *n, list + r->rows);
    return true;
}
