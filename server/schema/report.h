/*
 * What an upload found out about a table: columns, classes, format, warnings.
 */
#ifndef SWEEPD_SERVER_SCHEMA_REPORT_H
#define SWEEPD_SERVER_SCHEMA_REPORT_H

#include "core/data/table.h"
#include "server/schema/json.h"

/** An object, as it is kept in the database; the answer about a data set has its members. */
void report_write(struct json *j, const struct table *t);

#endif
