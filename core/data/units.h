/*
 * What a fold plan moves about: units of rows that stay together, in strata that are balanced.
 */
#ifndef SWEEPD_CORE_DATA_UNITS_H
#define SWEEPD_CORE_DATA_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/data/table.h"

/* Zero-initialise. A unit's rows are rows[start[u]] to rows[start[u + 1] - 1], ascending. */
struct units {
    size_t n_rows; /* of all units */
    size_t n;
    uint32_t *rows, *start; /* (n_rows), (n + 1) */
    size_t n_strata;
    uint32_t *stratum;     /* (n): that of the unit's first row */
    uint32_t *order;       /* (n): unit numbers, stratum by stratum */
    uint32_t *first;       /* (n_strata + 1): where each stratum begins in `order` */
    uint32_t *row_stratum; /* (rows of the table) */
};

/**
 * Makes units of the rows that `taken` does not mark.
 *
 * equal      for each row the first that equals it (table_first_equal): they are in one unit; NULL:
 *            nothing of the kind
 * grouped    rows of one group are in one unit, where the table has groups; with `equal`: whatever
 *            is linked through either; without both every row is its own unit
 * parts      into which the rows will be cut: strata of a regression have as many rows or more
 * stratify   by class, or by quantiles of the first target: else there is one stratum
 */
enum err units_make(const struct table *t, const bool *taken, const uint32_t *equal, bool grouped,
                    bool stratify, size_t parts, struct units *u, struct error *e);
void units_finish(struct units *u);

size_t units_size(const struct units *u, uint32_t unit);

/** Rows of the largest unit. */
size_t units_largest(const struct units *u);

/** Mixes the units within each stratum; what the order was before has no influence. */
void units_shuffle(struct units *u, struct rng *r);

#endif
