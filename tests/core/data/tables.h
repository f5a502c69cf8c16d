/*
 * Tables for tests: from text in memory, or made at random.
 */
#ifndef SWEEPD_TESTS_CORE_DATA_TABLES_H
#define SWEEPD_TESTS_CORE_DATA_TABLES_H

#include "core/data/read.h"

enum { TABLES_MAX_BYTES = 1 << 28 };

/** Reads a text; the code of the error, ERR_OK with *out set. */
enum err tables_try(const char *text, const struct table_options *o, struct table **out,
                    struct error *e);

/** Reads a text that is without fault; fails the test otherwise. NULL for no options. */
struct table *tables_read(const char *text, const struct table_options *o);

/** The warning that contains a text, or NULL. */
const char *tables_warning(const struct table *t, const char *part);

/** CLEANUP form of table_destroy. */
void tables_end(struct table **t);

/* A source over another one that hands out random small amounts. */
struct trickle {
    struct source source;
    struct source *inner;
    unsigned seed, largest;
};

void tables_trickle(struct trickle *t, struct source *inner, unsigned seed, unsigned largest);

#endif
