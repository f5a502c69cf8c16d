/*
 * The columns and rows of a data set, in and out of the database. Part of store_dataset.h.
 */
#ifndef SWEEPD_SERVER_STORE_DATASET_ROWS_H
#define SWEEPD_SERVER_STORE_DATASET_ROWS_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/data/table.h"
#include "server/store/private.h"

enum { DATASET_HASH_BYTES = 65 }; /* 64 hexadecimal digits and a NUL */

/** SHA-256 over what is learned from: columns, roles, labels, values, targets; not over dialect. */
void dataset_rows_hash(const struct table *t, char out[DATASET_HASH_BYTES]);

/** Inside a transaction, after the row of `dataset` that they belong to. */
enum err dataset_rows_insert(struct reader *r, int64_t id, const struct table *t, struct error *e);

/** Fills a table of the right shape: columns, targets, rows, warnings. */
enum err dataset_rows_load(struct reader *r, int64_t id, struct table *t, struct error *e);

#endif
