/*
 * A matrix in panels: the columns are cut into vectors of `lanes`, the vectors dealt evenly to
 * panels of at most kernel->panel vectors, and each panel's rows lie one behind the other. A
 * tile of a product so reads one contiguous run of memory, and nothing is ever packed. Columns
 * beyond the matrix are zero and stay zero.
 *
 *     panel 0: row 0 | row 1 | … | last row     panel 1: row 0 | row 1 | … | last row     …
 *
 * Weights have one row per input and the bias as the last row; the transposed copy that dX needs
 * has one row per output.
 */
#ifndef SWEEPD_CORE_LINALG_PANELS_H
#define SWEEPD_CORE_LINALG_PANELS_H

#include <stdbool.h>
#include <stddef.h>

struct kernel;

struct panels {
    size_t rows, columns; /* of the matrix */
    size_t lanes;         /* floats in a vector */
    size_t vectors;       /* columns / lanes, rounded up */
    size_t n;             /* panels */
    bool bare;            /* some rows of weights: the last one is not the biases */
};

/** Shapes  rows >= 1, columns >= 1 */
struct panels panels_make(const struct kernel *k, size_t rows, size_t columns);

/** Floats of memory, padding included; SIZE_MAX where that does not fit. */
size_t panels_floats(const struct panels *p);

/** The first vector of panel i; of panel n: the number of vectors. */
static inline size_t panels_first(const struct panels *p, size_t i)
{
    return i * p->vectors / p->n;
}

/** Panel i as a matrix of its own; it begins at panels_first(p, i) * lanes * rows. */
struct panels panels_one(const struct panels *p, size_t i);

/** Where row r, column c lies. */
size_t panels_index(const struct panels *p, size_t r, size_t c);

/** Columns that lie one behind the other from column c of a row on: to the end of its panel. */
size_t panels_run(const struct panels *p, size_t c);

#endif
