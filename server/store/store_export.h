/*
 * One experiment alone, as a database of its own.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_EXPORT_H
#define SWEEPD_SERVER_STORE_STORE_EXPORT_H

#include <stdint.h>

#include "core/base/error.h"
#include "server/store/store.h"

/**
 * Writes an experiment with its trials, folds and events to a new SQLite file with the same schema
 * and views. Its data set comes along as a record (name, columns, report, hashes) without its rows:
 * results are to be passed on, the data often may not be.
 *
 * path    must not exist or be empty; on failure it is removed
 *
 * Errors  ERR_NOT_FOUND no such experiment; ERR_CONFLICT the file exists; ERR_IO, ERR_NO_SPACE
 */
enum err store_experiment_export(struct reader *r, int64_t id, const char *path, struct error *e);

#endif
