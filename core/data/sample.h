/*
 * The first records of a file, cut by one delimiter: what a dialect is found from.
 */
#ifndef SWEEPD_CORE_DATA_SAMPLE_H
#define SWEEPD_CORE_DATA_SAMPLE_H

#include <stdbool.h>

#include "core/base/mem.h"
#include "core/data/source.h"

enum { SAMPLE_RECORDS = 500 };

struct sample_record {
    size_t n_cells;
    char **cells;
};

struct sample {
    size_t n_records;
    struct sample_record records[SAMPLE_RECORDS];
    const char *comment; /* the last comment line above them, or NULL */
};

/**
 * Cuts the bytes at the start of a file; a fault in them ends the sample and is no error here.
 *
 * whole   the bytes are the whole file: else the last record may be cut and is left out
 */
enum err sample_read(struct arena *a, const char *bytes, size_t n, bool whole, char delimiter,
                     const char *comment, struct sample **out, struct error *e);

/** How many records have the most frequent number of cells; 0 where that is one cell. */
size_t sample_agreement(const struct sample *s);

#endif
