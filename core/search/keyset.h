/*
 * A set of texts: the keys of what was proposed before.
 */
#ifndef SWEEPD_CORE_SEARCH_KEYSET_H
#define SWEEPD_CORE_SEARCH_KEYSET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* Zero-initialise. */
struct keyset {
    size_t n;        /* keys in it */
    size_t capacity; /* slots: 0 or a power of two */
    char **slots;
};

bool keyset_has(const struct keyset *k, const char *key);

/** Adds a copy; adding twice is adding once. */
enum err keyset_add(struct keyset *k, const char *key, struct error *e);

void keyset_finish(struct keyset *k);

#endif
