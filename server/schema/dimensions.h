/*
 * The `space` of a definition: read against the table of hyperparameters, written back, and
 * expanded into what core/search takes. For this folder alone: it shows cJSON.
 */
#ifndef SWEEPD_SERVER_SCHEMA_DIMENSIONS_H
#define SWEEPD_SERVER_SCHEMA_DIMENSIONS_H

#include "core/base/task.h"
#include "server/schema/definition.h"
#include "server/schema/reader.h"

enum { DIMENSIONS_NAME_BYTES = 100 }; /* of a dimension of a study */

/* A range or a choice in object form. In dimensions_document.c: its table, and what documents a
 * space. */
struct dimensions_form {
    double min, max, step;
    bool has_min, has_max, has_step, has_points, has_scale, has_choices;
    int64_t points;
    const char *scale;
    const char *type; /* of an objective's dimensions */
    bool per_layer;
};

extern const struct field dimensions_form_fields[];
field_documenter dimensions_document, dimensions_document_study;

/** Reads all dimensions into d->dimensions and d->expanded; what is wrong becomes faults. */
void dimensions_read(const struct reader *space, enum task task, struct definition *d);

/** The standard search, as the text of a `space`. */
const char *dimensions_standard(size_t n_rows);

/** Says which dimensions no trial uses. */
enum err dimensions_warn(const struct space *s, struct arena *a, size_t *n, const char *const **out,
                         struct error *e);

void dimensions_write(const struct definition *d, struct json *j, const char *key);

#endif
