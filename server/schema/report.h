/*
 * What an upload found out about a table: columns, classes, format, warnings. One table of fields
 * for each kind of object in it.
 */
#ifndef SWEEPD_SERVER_SCHEMA_REPORT_H
#define SWEEPD_SERVER_SCHEMA_REPORT_H

#include "core/data/table.h"
#include "server/schema/field.h"
#include "server/schema/json.h"

enum { REPORT_FIELDS = 11 }; /* the end of the table included */

/** The members, of a struct table; the answer about a data set has them too. */
extern const struct field report_fields[REPORT_FIELDS];

/** An object, as it is kept in the database. */
void report_write(struct json *j, const struct table *t);

#endif
