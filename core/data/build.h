/*
 * The third reading: the table is filled.
 */
#ifndef SWEEPD_CORE_DATA_BUILD_H
#define SWEEPD_CORE_DATA_BUILD_H

#include "core/data/scan.h"

enum {
    BUILD_MAX_TEXTS = 100000,        /* distinct ones in a feature; more are left out */
    BUILD_MAX_TEXT_BYTES = 16 << 20, /* of all of them */
    BUILD_MAX_CLASSES = 5000
};

/**
 * Reads all rows into `t`, whose columns have names and roles, and gives each column its type,
 * data and sorted labels. Rows without a target are left out.
 *
 * Errors  ERR_INVALID with line and column; ERR_LIMIT where the texts need more than `max_bytes`
 */
enum err build_rows(struct rows *rows, const struct cell_rules *rules, uint64_t max_bytes,
                    const struct plan *plan, struct table *t, struct error *e);

#endif
