/*
 * Where bytes come from: something that can be read to its end and read again from its start.
 * Files and sockets are the server's; core only sees this.
 */
#ifndef SWEEPD_CORE_DATA_SOURCE_H
#define SWEEPD_CORE_DATA_SOURCE_H

#include <stddef.h>

#include "core/base/error.h"

struct source {
    void *ctx;
    /* Up to `capacity` (>= 1) bytes into `out`; *got is 0 at the end only. */
    enum err (*read)(void *ctx, void *out, size_t capacity, size_t *got, struct error *e);
    enum err (*rewind)(void *ctx, struct error *e);
};

/* A source over bytes in memory, which are borrowed. */
struct memory_source {
    struct source source;
    const unsigned char *bytes;
    size_t n, position;
};

/** The struct must not move while `m->source` is used. */
void source_memory_init(struct memory_source *m, const void *bytes, size_t n);

/** Reads until `capacity` bytes are there or the source ends. */
enum err source_fill(const struct source *s, void *out, size_t capacity, size_t *got,
                     struct error *e);

#endif
