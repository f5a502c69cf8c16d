/*
 * What a definition must know of its data set, read off the table.
 */
#ifndef SWEEPD_SERVER_JOBS_FACTS_H
#define SWEEPD_SERVER_JOBS_FACTS_H

#include <stdint.h>

#include "core/data/table.h"
#include "server/schema/definition.h"

/** `name` is borrowed for as long as the facts are used. */
struct definition_facts facts_of(const struct table *t, int64_t dataset_id, const char *name);

#endif
