/*
 * Where a page of a sorted list begins: behind a row that is named by its number and by what the
 * list is sorted by. Rows that come, go or change between two pages then shift nothing: none that
 * stays where it is appears twice or is left out.
 */
#ifndef SWEEPD_SERVER_STORE_BOOKMARK_H
#define SWEEPD_SERVER_STORE_BOOKMARK_H

#include <stdint.h>

#include "core/base/value.h"

struct bookmark {
    int64_t id;       /* of the row; 0: no row */
    struct value key; /* that it was sorted by: none, an integer, a real number or a text */
};

/*
 * The condition that a row stands behind the bookmark, for lists whose rows without a value come
 * last in either direction.
 *
 * expression, op  what is sorted by, and > where it ascends, < where it descends
 * column, tie     the number that decides among equals, likewise
 * id, key         the statement's parameters, as in "?6"; the first is NULL without a bookmark
 */
/* clang-format off */
#define BOOKMARK_BEHIND(expression, op, column, tie, id, key)                                      \
    " AND (" id " IS NULL"                                                                         \
    "      OR (" expression " IS NULL) > (" key " IS NULL)"                                        \
    "      OR ((" expression " IS NULL) = (" key " IS NULL)"                                       \
    "          AND (" expression " " op " " key                                                    \
    "               OR (" expression " IS " key " AND " column " " tie " " id "))))"
/* clang-format on */

#endif
