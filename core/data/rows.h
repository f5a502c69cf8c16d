/*
 * The data rows of a file of any format: each as many cells as there are columns. They can be
 * read again from the start, and come out the same in whatever sizes the bytes come in.
 */
#ifndef SWEEPD_CORE_DATA_ROWS_H
#define SWEEPD_CORE_DATA_ROWS_H

#include <stdbool.h>

#include "core/data/record.h"
#include "core/data/table.h"

struct rows;

struct rows_class {
    /* The next row, valid until the next call; one without cells at the end. */
    enum err (*next)(struct rows *r, struct record *out, struct error *e);
    enum err (*rewind)(struct rows *r, struct error *e);
    /* What the user should know of the reading; after the last row. NULL for nothing. */
    enum err (*warn)(const struct rows *r, struct table *t, struct error *e);
    void (*close)(struct rows *r); /* what hangs on it, and `r` itself; not the members below */
};

/* The base of each format's reader: embedded first, zeroed, filled by the reader's open. */
struct rows {
    const struct rows_class *class;
    const char *format; /* "csv" */
    const char *place;  /* what a record's `line` counts: "line", "row" */
    size_t n_columns;
    char **names;        /* (n_columns), empty where it has none; NULL: no names. Owned */
    uint64_t shape_line; /* that says how many columns there are; 0: none does */
    const char *missing; /* the tokens for 'no value' where no option says; NULL: the usual */
    char *target;       /* what the option is where it is not given; NULL: the last column. Owned */
    const char *split;  /* likewise; NULL: none */
    char decimal;       /* of raw texts */
    char delimiter[16]; /* as a reader is told it; empty where the format has none */
    char *const *shown; /* (n_columns) names for messages, borrowed; NULL: none yet */
};

/** Closes all of it; NULL is none. */
void rows_close(struct rows *r);

/** A name for each column, all NULL, for the reader to fill. */
enum err rows_new_names(struct rows *r, struct error *e);

/** ERR_INVALID, "line 17, column 3 \"width\": …"; column from 1, 0 for the whole line. */
enum err rows_fault(const struct rows *r, uint64_t line, size_t column, struct error *e,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/** What a message shows of a cell: 40 bytes of its text, or its number. */
const char *rows_preview(const struct cell *cell, char out[64]);

#endif
