/*
 * libsvm's and svmlight's format: "label index:value index:value …", comments behind #. What a row
 * does not give is 0. Columns are counted from 1, or from 0 where the file has a 0.
 */
#ifndef SWEEPD_CORE_DATA_LIBSVM_H
#define SWEEPD_CORE_DATA_LIBSVM_H

#include "core/data/format.h"

bool libsvm_recognises(const unsigned char *first, size_t n);

format_open libsvm_open;

#endif
