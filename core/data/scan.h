/*
 * The second reading: what the cells of each column are, and so its type and the task.
 */
#ifndef SWEEPD_CORE_DATA_SCAN_H
#define SWEEPD_CORE_DATA_SCAN_H

#include "core/data/cell.h"
#include "core/data/plan.h"
#include "core/data/rows.h"

enum { SCAN_MAX_CLASSES = 20 }; /* so many distinct integers at most make a number a class */

/* What one column holds. */
struct column_scan {
    uint64_t n_numbers, n_infinite, n_texts;
    uint64_t text_line, infinite_line; /* of the first one */
    bool one_text;                     /* all texts are the same */
    char text[64], infinite[64];       /* the first one, as a message shows it */
    bool integers;                     /* all numbers are; kept for targets, with the next two */
    size_t n_distinct;                 /* up to one more than SCAN_MAX_CLASSES */
    double distinct[SCAN_MAX_CLASSES + 1];
};

struct scan {
    uint64_t n_rows;
    struct column_scan *columns;
};

/**
 * Reads all rows, then sets the plan's types and its task.
 *
 * max_bytes   that the table may take; ERR_LIMIT as soon as it is clear that it takes more
 *
 * Errors  ERR_INVALID for text in a column of numbers, the first line of the file that has some
 */
enum err scan_rows(struct rows *rows, const struct cell_rules *rules, uint64_t max_bytes,
                   struct plan *plan, struct scan *out, struct error *e);
void scan_finish(struct scan *s);

#endif
