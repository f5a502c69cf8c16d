/*
 * What one cell of a table is: no value, a number, or text.
 */
#ifndef SWEEPD_CORE_DATA_CELL_H
#define SWEEPD_CORE_DATA_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/record.h"

enum cell_kind { CELL_MISSING, CELL_NUMBER, CELL_INFINITE, CELL_TEXT };

enum { CELL_MAX_TOKENS = 64 };

/* An open struct; the tokens live in `text`. */
struct cell_rules {
    char decimal;
    size_t n_tokens;
    const char *tokens[CELL_MAX_TOKENS]; /* that mean 'no value'; an empty cell always does */
    size_t n_values;
    double values[CELL_MAX_TOKENS]; /* of the tokens that are numbers: -999 means -999.0 too */
    bool first[256];                /* first bytes of tokens */
    char text[1024];
};

/** `missing` as in table_options; ERR_INVALID with field "missing" where it is too long. */
enum err cell_rules_init(struct cell_rules *r, char decimal, const char *missing, struct error *e);

/** What the n bytes of a NUL-terminated text are; *out is set for a number. */
enum cell_kind cell_read(const struct cell_rules *r, const char *text, size_t n, double *out);

/** What a cell of any form is; `as_number`: a label is read as its text says. */
enum cell_kind cell_take(const struct cell_rules *r, const struct cell *cell, bool as_number,
                         double *out);

#endif
