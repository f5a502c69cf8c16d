/*
 * Prints a line for each of the trainings of tests/core/train/traces.h: its number and a hash of
 * all that it leaves behind, so that the bits of two machines can be compared. Fails where the
 * kernels of this one disagree.
 */
#include <stdio.h>
#include <string.h>

#include "tests/core/train/traces.h"

static uint64_t hash_bytes(const void *bytes, size_t n, uint64_t hash)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ b[i]) * 0x100000001b3u;
    return hash;
}

/* Processors differ in the sign of the NaN they make. */
static uint64_t hash_doubles(const double *x, size_t n, uint64_t hash)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = 0x7ff8000000000000u;

        if (x[i] == x[i])
            memcpy(&bits, x + i, sizeof bits);
        hash = hash_bytes(&bits, sizeof bits, hash);
    }
    return hash;
}

static uint64_t hash_trace(const struct trace *t)
{
    uint64_t hash = hash_bytes(&t->hash, sizeof t->hash, 0xcbf29ce484222325u);

    hash = hash_doubles(t->train_loss, TRACES_EPOCHS, hash);
    hash = hash_doubles(t->validation_loss, TRACES_EPOCHS, hash);
    hash = hash_doubles(t->validation_score, TRACES_EPOCHS, hash);
    hash = hash_doubles(t->metrics[0], 5 * METRIC_MAX, hash);
    return hash_doubles(t->metrics[1], 5 * METRIC_MAX, hash);
}

int main(void)
{
    struct traces_folds f = traces_folds_make();
    int failed = 0;

    for (size_t i = 0; i < TRACES_SPECS; i++) {
        uint64_t first = 0;
        const struct kernel *k;
        size_t n = 0;

        for (size_t j = 0; (k = kernel_at(j)); j++) {
            struct trace t;
            uint64_t hash;

            if (!kernel_supported(k))
                continue;
            traces_run(k, &f, i, &t);
            hash = hash_trace(&t);
            first = n++ == 0 ? hash : first;
            if (i == 0)
                (void)fprintf(stderr, "kernel %s\n", k->name);
            if (hash != first)
                failed = !!fprintf(stderr, "training %zu: %s differs\n", i, k->name);
        }
        printf("%zu %016lx\n", i, (unsigned long)first);
    }
    traces_folds_finish(&f);
    return failed;
}
