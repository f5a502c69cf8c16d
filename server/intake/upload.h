/*
 * A table comes in: files and options become a data set. The bytes are hashed, read three times by
 * core/data/read.h, and stored as typed columns.
 */
#ifndef SWEEPD_SERVER_INTAKE_UPLOAD_H
#define SWEEPD_SERVER_INTAKE_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/intake/intake.h"
#include "server/schema/field.h"
#include "server/store/store_dataset.h"

struct upload_option {
    const char *name, *value;
};

struct upload_file {
    int fd; /* of a regular file, at its start */
    uint64_t length;
    const char *name; /* NULL: none; the first one's names the data set where no option does */
};

struct upload_given {
    size_t n_options, n_files;
    const struct upload_option *options; /* known ones; of two with one name the first counts */
    const struct upload_file *files;     /* at least 1, at most TABLE_MAX_FILES */
};

/** All options, `name` the first of them. */
extern const struct field upload_options[];

/**
 * Stores the table, or finds the data set that the same bytes with the same options made before.
 *
 * out        set before in->stored is called, which is for what is new alone
 * was_there  the latter
 * Errors     ERR_INVALID with faults for options and for what the files hold; ERR_CONFLICT
 */
enum err upload_take(const struct intake *in, const struct upload_given *given,
                     struct dataset_record *out, bool *was_there, struct error *e);

#endif
