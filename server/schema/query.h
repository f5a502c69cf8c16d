/*
 * Query parameters (and form fields) with types: what cannot be read is a fault that names the
 * parameter.
 */
#ifndef SWEEPD_SERVER_SCHEMA_QUERY_H
#define SWEEPD_SERVER_SCHEMA_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/schema/faults.h"
#include "server/schema/field.h"

enum { QUERY_LIMIT_DEFAULT = 100, QUERY_LIMIT_MAX = 1000 };

/* Each takes the parameter's text or NULL; then *out stays as it is. */
void query_i64(struct faults *f, const char *name, const char *text, int64_t min, int64_t max,
               int64_t *out);
void query_real(struct faults *f, const char *name, const char *text, double min, double max,
                double *out);
/** true, false, 1, 0, yes, no; an empty text is true, as in ?force. */
void query_bool(struct faults *f, const char *name, const char *text, bool *out);
/** One of `choices` (NULL-terminated). */
void query_choice(struct faults *f, const char *name, const char *text, const char *const *choices,
                  const char **out);
/** A time as answers write it, or a day. */
void query_time(struct faults *f, const char *name, const char *text, int64_t *out);
/** One of the above, as the field says; out is the object that its offset is of. */
void query_field(struct faults *f, const struct field *field, const char *text, void *out);
/** A name of `known` (NULL-terminated), maybe with a '-' in front; the text itself is the value. */
void query_sort(struct faults *f, const char *name, const char *text, const char *const *known);
/** A fault unless `name` is in `known` (NULL-terminated), with the nearest one suggested. */
void query_known(struct faults *f, const char *name, const char *const *known);

/** Writes the JSON Schema of a parameter. */
void query_document(const struct field *field, struct json *j, const char *key);

#endif
