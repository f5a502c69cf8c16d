/*
 * What a definition must know of its data set, read off the table.
 */
#ifndef SWEEPD_SERVER_JOBS_FACTS_H
#define SWEEPD_SERVER_JOBS_FACTS_H

#include <stdint.h>

#include "core/data/table.h"
#include "server/schema/definition.h"

/** The facts live as long as the table, the name and a. */
enum err facts_of(const struct table *t, int64_t dataset_id, const char *name, struct arena *a,
                  struct definition_facts *out, struct error *e);

#endif
