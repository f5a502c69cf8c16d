/*
 * Comparisons that every proposed point obeys: "width_1 >= width_2", "weights <= 5000",
 * "2 * width_2 < width_1 + 8", "activation_1 == activation_2", "optimizer != sgd".
 *
 *     comparison = side ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) side
 *     side       = term { ( "+" | "-" ) term }
 *     term       = number | [ number "*" ] name
 *
 * A name is a dimension of the space, or a number that is derived from the point (as `weights`).
 * Words are for == and != alone: a name on one side, on the other a name or one of its values. A
 * comparison holds at a point that does not use a dimension it names.
 */
#ifndef SWEEPD_CORE_SEARCH_REQUIRE_H
#define SWEEPD_CORE_SEARCH_REQUIRE_H

#include "core/search/space.h"

enum { REQUIRE_TERMS_MAX = 8 /* of a side */ };

struct require_term {
    double factor;
    const char *name; /* NULL: the factor alone */
    size_t dimension; /* its index in the space */
    size_t derived;   /* place among the derived names + 1; 0: a dimension */
};

struct require_side {
    size_t n;
    struct require_term terms[REQUIRE_TERMS_MAX];
    const char *word; /* a value that is no number; else NULL */
};

enum require_operator {
    REQUIRE_LESS,
    REQUIRE_LESS_EQUAL,
    REQUIRE_GREATER,
    REQUIRE_GREATER_EQUAL,
    REQUIRE_EQUAL,
    REQUIRE_UNEQUAL
};

struct require {
    enum require_operator sign;
    bool textual; /* values are compared as texts */
    struct require_side left, right;
};

/**
 * Reads a comparison; what it keeps lives as long as a.
 *
 * derived  names of derived numbers, NULL at the end
 * Errors   ERR_INVALID saying what was expected where, or which names there are
 */
enum err require_parse(const char *text, const struct space *s, const char *const *derived,
                       struct arena *a, struct require *out, struct error *e);

/** A derived number of a point, by its place among the names. */
typedef double require_derive(void *ctx, size_t which, const struct params *point);

bool require_holds(const struct require *r, const struct params *point, require_derive *derive,
                   void *ctx);

#endif
