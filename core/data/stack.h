/*
 * Arrays as one table: features and labels side by side, a training and a test set one after
 * another.
 */
#ifndef SWEEPD_CORE_DATA_STACK_H
#define SWEEPD_CORE_DATA_STACK_H

#include "core/data/array.h"
#include "core/data/read.h"
#include "core/data/rows.h"

enum { STACK_MAX_PARTS = 2 };

struct stack_part {
    struct array *features, *labels;         /* labels may be NULL; both owned */
    const char *features_name, *labels_name; /* in messages: "array \"X\""; borrowed */
    const char *split;                       /* "train", "test"; NULL: there is no such column */
};

struct stack {
    struct rows rows;
    struct stack_part parts[STACK_MAX_PARTS];
    size_t n_parts;
    const char *prefix; /* of column names, counted from `first`: "p" */
    size_t first;
    const char *label;            /* the name of the labels' column */
    const char *unused;           /* what else is in the file, for a warning; NULL: nothing */
    void *owner;                  /* what the arrays' sources hang on */
    void (*release)(void *owner); /* NULL for nothing */
    struct stack_part *part;      /* from here on: stack's own */
    uint64_t row;
    struct cell *cells;
    char split[8]; /* the text of the last cell */
};

/** An empty one, to be filled and then begun; it is closed as its rows are. */
enum err stack_create(struct stack **out, struct error *e);

/** Checks that the arrays fit together; names the columns. */
enum err stack_begin(struct stack *s, const struct table_options *o, uint64_t max_bytes,
                     struct error *e);

#endif
