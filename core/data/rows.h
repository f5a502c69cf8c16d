/*
 * The data rows of a text table: behind the header, each with as many cells as there are columns.
 */
#ifndef SWEEPD_CORE_DATA_ROWS_H
#define SWEEPD_CORE_DATA_ROWS_H

#include <stdbool.h>

#include "core/data/csv.h"
#include "core/data/dialect.h"

/* Zero-initialise; open, to be read only. */
struct rows {
    struct csv *csv;
    size_t n_columns;
    char **names; /* (n_columns) as in the header, empty where it has none; NULL: no header */
    uint64_t shape_line; /* of the header or first row, which says how many columns there are */
    bool pending;        /* `record` is to be given out */
    struct csv_record record;
};

/** Starts at the start of `s`, which stays borrowed. ERR_INVALID where the file has no line. */
enum err rows_begin(const struct source *s, const struct dialect *d, struct rows *r,
                    struct error *e);
void rows_end(struct rows *r);

/** The next row, valid until the next call; one without cells at the end. */
enum err rows_next(struct rows *r, struct csv_record *out, struct error *e);

#endif
