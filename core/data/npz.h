/*
 * NumPy's archive of arrays: features and labels under their usual names, or a training and a
 * test set of them, or one array alone.
 */
#ifndef SWEEPD_CORE_DATA_NPZ_H
#define SWEEPD_CORE_DATA_NPZ_H

#include "core/data/format.h"

bool npz_recognises(const unsigned char *first, size_t n);

format_open npz_open;

#endif
