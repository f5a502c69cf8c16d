/*
 * One row of a file, as the reader of its format hands it out.
 */
#ifndef SWEEPD_CORE_DATA_RECORD_H
#define SWEEPD_CORE_DATA_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum { RECORD_MAX_COLUMNS = 100000 };

enum cell_form {
    CELL_RAW,   /* a text that may mean a number, a category or no value */
    CELL_LABEL, /* a text that means a category, even where it looks like a number */
    CELL_VALUE  /* a number, whatever its text; NaN: no value */
};

struct cell {
    char *text; /* NUL-terminated, in the reader's buffer; of a value NULL, or how it is told of */
    double number;
    uint32_t length;
    unsigned below : 29; /* lines below the record's first */
    unsigned quoted : 1;
    unsigned form : 2; /* enum cell_form */
};

/* Valid until the next one is asked for. */
struct record {
    struct cell *cells;
    size_t n_cells; /* 0: the end */
    uint64_t line;  /* of the first cell, from 1; the row where a format has no lines */
};

#endif
