/*
 * The formats of files that hold a table. Each turns its bytes into rows (rows.h); what is done
 * with the rows is the same for all of them.
 */
#ifndef SWEEPD_CORE_DATA_FORMAT_H
#define SWEEPD_CORE_DATA_FORMAT_H

#include "core/data/read.h"
#include "core/data/rows.h"

/**
 * Opens the files, which stay borrowed and stand at their starts. On an error too *out may be
 * set: it is closed then by the caller.
 *
 * max_bytes   that the reader may hold beside a row or two
 */
typedef enum err format_open(const struct table_file *files, size_t n_files,
                             const struct table_options *o, uint64_t max_bytes, struct rows **out,
                             struct error *e);

struct format {
    const char *name, *what; /* "npy"; "a NumPy array" */
    /* Is it one, by its first n bytes? Not by its name. NULL: no bytes tell. */
    bool (*recognises)(const unsigned char *first, size_t n);
    /* Endings of file names, separated by blanks. */
    const char *endings;
    bool several; /* files may be one table */
    bool text;    /* the options on dialects are for it */
    format_open *open;
};

/**
 * The format that the option names, else that the first file's bytes tell, else its name, else
 * CSV. Rewinds the file.
 *
 * Errors  ERR_INVALID for an unknown format, an option that is not for it, more files than one
 */
enum err format_find(const struct table_file *files, size_t n_files, const struct table_options *o,
                     const struct format **out, struct error *e);

/** True if the file's name ends so, with or without ".gz"; a dot stands before the ending. */
bool format_has_ending(const char *file, const char *ending);

#endif
