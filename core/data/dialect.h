/*
 * How a text table is written: delimiter, decimal mark, comments, header. What the options do not
 * say is found by looking at the start of the file.
 */
#ifndef SWEEPD_CORE_DATA_DIALECT_H
#define SWEEPD_CORE_DATA_DIALECT_H

#include <stdbool.h>

#include "core/data/read.h"

enum header_place {
    HEADER_NONE,
    HEADER_ROW,    /* the first record */
    HEADER_COMMENT /* the last comment line above it: "# x y z" */
};

struct dialect {
    const char *format; /* "csv", "tsv" */
    char delimiter;     /* as csv_create takes it */
    char decimal;
    char comment[16];
    enum header_place header;
    bool thousands; /* all numbers with a decimal comma look like 1,234 */
};

/**
 * Reads the start of `s` and rewinds it.
 *
 * Errors  ERR_INVALID for an option (with its field), or a file that is no text table
 */
enum err dialect_find(const struct source *s, const struct table_options *o, const char *file_name,
                      struct dialect *out, struct error *e);

/** The delimiter as a reader is told it: ",", "tab", "whitespace". */
void dialect_delimiter_name(char delimiter, char out[16]);

#endif
