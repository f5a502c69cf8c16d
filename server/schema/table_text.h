/*
 * Tables as text: CSV (RFC 4180: CRLF, quotes where needed, exact numbers) and aligned columns
 * for a terminal (numbers rounded and to the right).
 */
#ifndef SWEEPD_SERVER_SCHEMA_TABLE_TEXT_H
#define SWEEPD_SERVER_SCHEMA_TABLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/value.h"

/** One line of CSV from cells; VALUE_NONE and numbers that do not exist are empty. */
void table_csv_row(struct buf *out, const struct value *cells, size_t n);

/** The header row. */
void table_csv_header(struct buf *out, const char *const *names, size_t n);

/* Rows that wait until the widths of all columns are known. Zero-initialise, then begin. */
struct table_text {
    size_t n_columns, n_rows;
    char **cells; /* (n_rows + 1, n_columns), the names first */
    size_t capacity;
    size_t *width;   /* characters */
    bool *is_number; /* columns of numbers alone are aligned to the right */
    bool failed;
};

enum err table_text_begin(struct table_text *t, const char *const *names, size_t n,
                          struct error *e);
void table_text_row(struct table_text *t, const struct value *cells);

/** Appends the table: names, a rule, the rows; a column is at most 60 characters wide. */
enum err table_text_write(const struct table_text *t, struct buf *out, struct error *e);
void table_text_finish(struct table_text *t);

#endif
