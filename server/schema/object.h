/*
 * Field tables on a tree that is open already. For this folder alone: it shows cJSON.
 */
#ifndef SWEEPD_SERVER_SCHEMA_OBJECT_H
#define SWEEPD_SERVER_SCHEMA_OBJECT_H

#include "server/schema/field.h"
#include "server/schema/reader.h"

/**
 * As field_decode, for an object inside a body.
 *
 * absent  keys of the contract that this build lacks (NULL-terminated), or NULL
 */
void field_decode_object(const struct reader *object, const struct field *fields,
                         const char *const *absent, void *out);

#endif
