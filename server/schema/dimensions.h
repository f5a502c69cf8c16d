/*
 * The `space` of a definition: read against the table of hyperparameters, written back, and
 * expanded into what core/search takes. For this folder alone: it shows cJSON.
 */
#ifndef SWEEPD_SERVER_SCHEMA_DIMENSIONS_H
#define SWEEPD_SERVER_SCHEMA_DIMENSIONS_H

#include "core/base/task.h"
#include "server/schema/definition.h"
#include "server/schema/reader.h"

/** Reads all dimensions into d->dimensions and d->expanded; what is wrong becomes faults. */
void dimensions_read(const struct reader *space, enum task task, struct definition *d);

/** The standard search, as the text of a `space`. */
const char *dimensions_standard(size_t n_rows);

/** Says which dimensions no trial uses. */
enum err dimensions_warn(const struct space *s, struct arena *a, size_t *n, const char *const **out,
                         struct error *e);

void dimensions_write(const struct definition *d, struct json *j, const char *key);

#endif
