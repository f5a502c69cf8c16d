/*
 * What the user wants of each column, from the options and the header.
 */
#ifndef SWEEPD_CORE_DATA_PLAN_H
#define SWEEPD_CORE_DATA_PLAN_H

#include <stdbool.h>

#include "core/data/read.h"

enum column_force { FORCE_NOTHING, FORCE_NUMERIC, FORCE_CATEGORICAL };

enum task_wish { WISH_NOTHING, WISH_CLASSIFICATION, WISH_REGRESSION };

struct plan_column {
    enum column_role role;
    enum column_force force;
    bool unnamed;          /* its cell in the header is empty */
    enum column_type type; /* known after the scan */
};

struct plan {
    size_t n_columns;
    char **names;
    struct plan_column *columns;
    size_t n_targets;
    size_t *targets; /* as listed */
    enum task_wish wish;
    enum task task;        /* known after the scan, */
    char task_reason[512]; /* with its reason */
    const char *positive;  /* borrowed from the options, or NULL */
    size_t max_categories;
};

/**
 * Resolves the options against the header.
 *
 * names   of the n columns, empty where a column has none; NULL without a header
 *
 * Errors  ERR_INVALID; e->field is the option, or empty where the header is at fault
 */
enum err plan_create(const char *const *names, size_t n, const struct table_options *o,
                     struct plan **out, struct error *e);
/** Text in this column is a fault: it is forced, a weight, or the target of a regression. */
bool plan_wants_number(const struct plan *p, size_t column);

void plan_destroy(struct plan *p);

#endif
