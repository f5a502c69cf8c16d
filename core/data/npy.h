/*
 * NumPy's file of one array (NEP 1; versions 1 to 3): a magic, a header that is a Python literal,
 * the block.
 */
#ifndef SWEEPD_CORE_DATA_NPY_H
#define SWEEPD_CORE_DATA_NPY_H

#include "core/data/array.h"
#include "core/data/format.h"

bool npy_recognises(const unsigned char *first, size_t n);

/** The array as rows. */
format_open npy_open;

/** Reads the header from a source that stands at its start; *out is to be begun. */
enum err npy_read(const struct source *s, struct array **out, struct error *e);

#endif
