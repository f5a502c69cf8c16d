/*
 * Numbers as people write them into tables: sign, digits, one decimal mark, an exponent with e, E
 * or Fortran's d, D. No hexadecimal, no thousands marks.
 */
#ifndef SWEEPD_CORE_DATA_NUMBER_H
#define SWEEPD_CORE_DATA_NUMBER_H

#include <stddef.h>

enum number_kind {
    NUMBER_NONE,    /* something else */
    NUMBER_FINITE,  /* rounded exactly, as strtod does */
    NUMBER_INFINITE /* written so (inf, infinity), or too large for a double */
};

/**
 * Reads all n bytes of a text.
 *
 * decimal   the decimal mark, '.' or ','
 * out       set where the number is finite
 */
enum number_kind number_parse(const char *text, size_t n, char decimal, double *out);

#endif
