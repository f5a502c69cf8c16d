/*
 * Numbers as decimal text with a few significant digits: what printf's "%.*g" writes, to the last
 * character, an order of magnitude faster for the numbers of learning curves.
 */
#ifndef SWEEPD_CORE_BASE_DECIMAL_H
#define SWEEPD_CORE_BASE_DECIMAL_H

#include <stddef.h>

enum {
    DECIMAL_DIGITS_MAX = 9,
    DECIMAL_BYTES = 24 /* the longest text and its NUL, rounded up */
};

/**
 * Writes a finite number as "%.*g" does; returns the length without the NUL.
 *
 * digits  1 .. DECIMAL_DIGITS_MAX
 */
size_t decimal_write(double x, int digits, char out[DECIMAL_BYTES]);

#endif
