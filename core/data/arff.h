/*
 * ARFF, Weka's format: attributes declared with name and type, then rows, dense or sparse. The
 * class is the last attribute where no option says.
 */
#ifndef SWEEPD_CORE_DATA_ARFF_H
#define SWEEPD_CORE_DATA_ARFF_H

#include "core/data/format.h"

bool arff_recognises(const unsigned char *first, size_t n);

format_open arff_open;

#endif
