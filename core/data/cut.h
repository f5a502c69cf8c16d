/*
 * The kinds of a fold plan, for split.c: each fills in a plan.
 */
#ifndef SWEEPD_CORE_DATA_CUT_H
#define SWEEPD_CORE_DATA_CUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/split.h"
#include "core/data/units.h"

struct cutting {
    const struct table *t;
    const struct split_spec *spec;
    struct split *split; /* with its plan zeroed: a kind sets it for rows not sealed, and n_folds */
    bool *sealed;        /* (n_rows) */
    size_t n_active;     /* rows that are not sealed */
    bool grouped;        /* groups are whole */
    uint32_t *equal;     /* (n_rows) of table_first_equal, by features; NULL until it is needed */
};

enum err cut_kfold(struct cutting *c, struct error *e);
enum err cut_mixed(struct cutting *c, struct error *e); /* stratified_group_kfold */
enum err cut_holdout(struct cutting *c, struct error *e);
enum err cut_predefined(struct cutting *c, struct error *e);
enum err cut_groups(struct cutting *c, struct error *e);
enum err cut_rows(struct cutting *c, struct error *e); /* leave_one_out */
enum err cut_time(struct cutting *c, struct error *e);

/** Marks the sealed rows: those of the `split` column, and the fraction of the spec. */
enum err cut_sealed(struct cutting *c, struct error *e);

/** Fills in split->unit, unless the kind has. */
enum err cut_units(struct cutting *c, struct error *e);

/**
 * Rows that are not sealed in order of time, ties by row, in `order`, and in `unit` the number of
 * each row's time, from 0 without holes. Both (n_rows).
 */
enum err cut_order(const struct cutting *c, uint32_t *order, uint32_t *unit, struct error *e);

/** Seals the latest rows, about the spec's fraction of them, all or none of one time. */
enum err cut_latest(struct cutting *c, struct error *e);

/** The error of a fraction that leaves nothing on one side. */
enum err cut_empty(const char *field, double fraction, size_t n, struct error *e);

enum err cut_warn(struct split *s, struct error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
