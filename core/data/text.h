/*
 * Delimited text as rows: behind the header, each with as many cells as there are columns.
 */
#ifndef SWEEPD_CORE_DATA_TEXT_H
#define SWEEPD_CORE_DATA_TEXT_H

#include "core/data/format.h"

/** Opens CSV, TSV and their kin; see format.h. */
format_open text_open;

#endif
