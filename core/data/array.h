/*
 * An array in a file: a block of elements of one type, row after row, or column after column. Its
 * rows come out as cells.
 */
#ifndef SWEEPD_CORE_DATA_ARRAY_H
#define SWEEPD_CORE_DATA_ARRAY_H

#include <stdbool.h>

#include "core/data/record.h"
#include "core/data/source.h"

enum { ARRAY_MAX_DIMENSIONS = 32 };

enum array_kind {
    ARRAY_FLOAT,    /* 2, 4 or 8 bytes, IEEE 754 */
    ARRAY_SIGNED,   /* 1 to 8 bytes */
    ARRAY_UNSIGNED, /* the same; booleans too */
    ARRAY_BYTES,    /* text in UTF-8, padded with NUL */
    ARRAY_UTF32     /* text, 4 bytes for a character, padded with NUL */
};

struct array_field {
    char *name; /* NULL: none. Owned */
    enum array_kind kind;
    bool big_endian;
    size_t bytes, offset; /* in the element */
};

/* Zeroed, then filled by the reader of a format, then given to array_begin. */
struct array {
    const struct source *source; /* borrowed */
    uint64_t start;              /* of the block, in bytes */
    uint64_t shape[ARRAY_MAX_DIMENSIONS];
    size_t n_dimensions;
    bool by_columns;            /* the first index runs fastest */
    size_t element_bytes;       /* with padding */
    struct array_field *fields; /* of an element: one, or several that are columns. Owned */
    size_t n_fields;

    size_t n_columns; /* from here on: array_begin's */
    size_t row_bytes;
    uint64_t row; /* that come next, from 0 */
    unsigned char *bytes;
    uint64_t n_bytes; /* of the whole block, where it is held in memory */
    size_t *at;       /* (n_columns) place of each column in a row or, by columns, in the block */
    char *text;       /* of one row's cells */
    size_t text_bytes;
    struct cell *cells;
};

/**
 * Checks the array's shape and makes it ready for its rows.
 *
 * max_bytes   that may be held
 *
 * Errors  ERR_INVALID, ERR_LIMIT; both in words that need no name in front
 */
enum err array_begin(struct array *a, uint64_t max_bytes, struct error *e);

/** The next row, from `*cells`; there are array_rows() of them. */
enum err array_next(struct array *a, struct cell **cells, struct error *e);

/** ERR_INVALID unless the block ends where the last row has ended. */
enum err array_end(struct array *a, struct error *e);

enum err array_rewind(struct array *a, struct error *e);

uint64_t array_rows(const struct array *a);

/** Releases what the array owns, and itself; NULL is none. */
void array_destroy(struct array *a);

#endif
