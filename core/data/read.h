/*
 * From the bytes of a file to a table. The file is read three times: a look at its start finds
 * the format, the second reading finds what each column holds, the third fills the table. So
 * memory is the table's alone, and a column that turns out to be text late is right from its
 * first row.
 */
#ifndef SWEEPD_CORE_DATA_READ_H
#define SWEEPD_CORE_DATA_READ_H

#include <stdint.h>

#include "core/data/source.h"
#include "core/data/table.h"

enum { TABLE_MAX_FILES = 4 };

/* One file of an upload. */
struct table_file {
    struct source *source;
    const char *name; /* as the user gave it, or NULL */
};

/*
 * Each as the user gave it, NULL where not given. Lists are separated by commas; a column is a
 * header name or a 1-based number. An empty text counts as not given, but for comment and missing.
 */
struct table_options {
    const char *target;    /* the last column that has no other role */
    const char *task;      /* classification, regression */
    const char *positive;  /* the positive one of two classes; it becomes the last */
    const char *format;    /* csv, tsv, npy, npz, idx, arff, libsvm */
    const char *delimiter; /* a character, or comma, semicolon, tab, pipe, whitespace */
    const char *header;    /* true, false, yes, no, 1, 0 */
    const char *comment;   /* prefix of lines to skip, "#"; empty for none */
    const char *decimal;   /* . or , */
    const char *missing;   /* tokens; an empty cell is always missing */
    const char *ignore, *categorical, *numeric;
    const char *group, *time, *weight, *split, *fold;
    const char *max_categories;
};

/**
 * Reads whole files, each gzip or not.
 *
 * files       one, but for IDX: images and labels, or these of a training and a test set, in any
 *             order; each is read from where it stands, which must be its start
 * max_bytes   that the table may take; an npz archive, and an array whose columns come one after
 *             another, may take as much beside it
 *
 * Errors  a bad option: ERR_INVALID, e->field is the option's name
 *         a fault in the file: ERR_INVALID with line (or row) and column
 *         ERR_LIMIT where the table or a line is too large
 */
enum err table_read(const struct table_file *files, size_t n_files, const struct table_options *o,
                    uint64_t max_bytes, struct table **out, struct error *e);

#endif
