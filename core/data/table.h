/*
 * A data set in memory: typed columns with their roles. Made by core/data/read.h from a file, or
 * by the store from what it kept; read-only and shared after that.
 */
#ifndef SWEEPD_CORE_DATA_TABLE_H
#define SWEEPD_CORE_DATA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/fold.h"

enum { TABLE_MAX_CATEGORIES = 50 }; /* columns that a text column becomes at most, by default */

enum column_role {
    ROLE_FEATURE,
    ROLE_TARGET,
    ROLE_GROUP,      /* rows that belong together */
    ROLE_TIME,       /* their order */
    ROLE_WEIGHT,     /* not negative */
    ROLE_SPLIT,      /* labels "test" and "train" */
    ROLE_FOLD,       /* of kind predefined */
    ROLE_IGNORED,    /* left out because asked to */
    ROLE_IDENTIFIER, /* left out: nearly every row its own value */
    ROLE_CONSTANT,   /* left out: one value */
    ROLE_EMPTY       /* left out: no value */
};

enum column_type { COLUMN_NUMERIC, COLUMN_CATEGORICAL };

/* A column that is left out has neither values nor codes, and no labels. */
struct column {
    char *name;
    enum column_role role;
    enum column_type type;
    double *values; /* numeric: (n_rows), NaN where missing, never infinite */
    int32_t *codes; /* categorical: (n_rows), 0 .. n_labels-1, -1 where missing */
    size_t n_labels;
    char **labels;    /* numbers in numeric order, text bytewise; see `positive` in read.h */
    char *label_text; /* the labels one after another, each with its NUL */
    size_t label_bytes;
    size_t missing, distinct;   /* distinct values, without the missing */
    double min, max, mean, std; /* numeric (std divides by n); NaN where there is none */
};

struct table {
    size_t n_rows, n_columns;
    struct column *columns;
    enum task task;
    char *task_reason; /* a sentence: which task and why */
    size_t n_targets;
    size_t *targets; /* indices of columns */
    /* Classification: class c is label c of the target, the positive one of two comes last. */
    size_t n_classes;
    size_t *class_rows;         /* (n_classes) */
    size_t duplicate_rows;      /* equal to an earlier row in every feature and target */
    size_t rows_without_target; /* left out */
    uint32_t *source_row; /* (n_rows), data rows of the file from 0; NULL where none was left out */
    uint32_t *first_equal; /* (n_rows), by table_first_equal over the features; NULL: not kept */
    size_t max_categories;
    char format[8];     /* "csv", "tsv" */
    char delimiter[16]; /* ",", ";", "|", "tab", "whitespace" or another character */
    char decimal;
    bool header;
    size_t n_warnings;
    char **warnings; /* sentences */
};

/**
 * A table of n_columns zeroed columns without names or data. Everything that hangs on it comes
 * from the functions below, or from malloc, and is freed with it.
 */
enum err table_create(size_t n_rows, size_t n_columns, struct table **out, struct error *e);
void table_destroy(struct table *t);

enum err table_set_name(struct table *t, size_t column, const char *name, struct error *e);
enum err table_set_reason(struct table *t, const char *sentence, struct error *e);

/** Zeroed values or codes for n_rows rows, as `type` wants; writable until the table is shared. */
enum err table_set_type(struct table *t, size_t column, enum column_type type, struct error *e);

/** Copies n labels that stand one after another, each with its NUL, in `bytes` bytes. */
enum err table_set_labels(struct table *t, size_t column, const char *text, size_t bytes, size_t n,
                          struct error *e);

enum err table_set_targets(struct table *t, const size_t *columns, size_t n, struct error *e);

/** Counts the classes of a classification from its target column. */
enum err table_count_classes(struct table *t, struct error *e);

enum err table_warn(struct table *t, struct error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Memory held. */
size_t table_bytes(const struct table *t);

/** Index of the column with this name or else this 1-based number; SIZE_MAX if there is none. */
size_t table_column(const struct table *t, const char *name);

/** Index of the one column with this role (group, time, weight, split, fold), or SIZE_MAX. */
size_t table_role_column(const struct table *t, enum column_role role);

/** Outputs of a network for it: classes, or targets. */
size_t table_outputs(const struct table *t);

/** Feature columns. */
size_t table_features(const struct table *t);

/**
 * Columns that the features become, without indicators of missing values; the same for every
 * fold. `max_categories` 0 stands for the table's own.
 */
size_t table_encoded_features(const struct table *t, size_t max_categories);

/** Columns that one column becomes. */
size_t table_encoded_width(const struct column *c, size_t max_categories);

/** Rows whose `split` is test. */
size_t table_test_rows(const struct table *t);

/**
 * For each row the first row that equals it in every feature (missing equals missing), and in
 * every target too where `targets`: first (n_rows). Rows are compared, not only hashed.
 */
enum err table_first_equal(const struct table *t, bool targets, uint32_t *first, struct error *e);

/** Keeps that of the features in the table, for all splits that are made of it. */
enum err table_keep_first_equal(struct table *t, struct error *e);

/* Names as the API writes them: "feature", "numeric", "classification". */
const char *table_role_name(enum column_role role);
const char *table_type_name(enum column_type type);
const char *table_task_name(enum task task);

/** False if there is no such name. */
bool table_role_find(const char *name, enum column_role *out);
bool table_type_find(const char *name, enum column_type *out);
bool table_task_find(const char *name, enum task *out);

#endif
