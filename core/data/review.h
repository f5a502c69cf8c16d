/*
 * A filled table is looked over: statistics, columns that are of no use, values that look wrong,
 * the classes.
 */
#ifndef SWEEPD_CORE_DATA_REVIEW_H
#define SWEEPD_CORE_DATA_REVIEW_H

#include "core/data/plan.h"

/**
 * Completes the table. Columns that are left out lose their data; each is named in a warning.
 *
 * Errors  ERR_INVALID where nothing can be learned: no rows, no features, a target of one value
 */
enum err review_table(const struct plan *plan, struct table *t, struct error *e);

#endif
