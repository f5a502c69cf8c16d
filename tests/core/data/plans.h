/*
 * Fold plans for tests, of tables with groups and times.
 */
#ifndef SWEEPD_TESTS_CORE_DATA_PLANS_H
#define SWEEPD_TESTS_CORE_DATA_PLANS_H

#include "core/base/rng.h"
#include "core/data/prepare.h"
#include "tests/core/data/tables.h"

enum { PLANS_MAX_ROWS = 300 };

/* A table with columns x, g, t, y: a feature, group, time and target, all at random. */
struct recipe {
    size_t rows;
    uint32_t groups, times; /* how many different ones, at most; times 0: every row its own */
    bool regression;
    bool equal_rows; /* a fifth of the rows have the features of another row */
    bool loners;     /* equal rows only within a group */
};

/* Target y, group g, time t. */
extern const struct table_options plans_roles;

struct table *plans_table(struct rng *r, const struct recipe *how);

/** The one column with a role. */
const struct column *plans_column(const struct table *t, enum column_role role);

/** Settings at random, within what the kind uses. */
struct split_spec plans_spec(struct rng *r, enum split_kind kind);

/** A plan that is without fault; fails the test otherwise. */
struct split *plans_split(const struct table *t, const struct split_spec *spec);

/**
 * Asserts that both parts of every fold have rows, that sealed rows are in none, and that counts
 * are right.
 */
void plans_check_parts(const struct split *s);

/** CLEANUP forms. */
void plans_end(struct split **s);
void plans_fold_end(struct fold_data **d);

#endif
