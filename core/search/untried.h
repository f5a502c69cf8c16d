/*
 * The points of a space that are allowed and were not proposed before.
 */
#ifndef SWEEPD_CORE_SEARCH_UNTRIED_H
#define SWEEPD_CORE_SEARCH_UNTRIED_H

#include "core/search/history.h"
#include "core/search/points.h"

struct untried {
    const struct space *space;
    struct points *points; /* those that a draw can give; NULL where they cannot be addressed */
    uint64_t n_allowed;    /* of them; UNTRIED_MANY where they were too many to look at each */
};

#define UNTRIED_MANY SPACE_INFINITE

/* The space is borrowed. untried_finish accepts one whose creation failed. */
enum err untried_create(const struct space *s, struct untried *out, struct error *e);
void untried_finish(struct untried *u);

/** True where every point was proposed. */
bool untried_none(const struct untried *u, const struct history *h);

/**
 * A new point drawn from the stream. In a finite space there is one unless untried_none; in an
 * infinite one a point may, after many draws, come twice after all.
 *
 * Errors  ERR_INVALID where no allowed point was found: `require` leaves nearly nothing
 */
enum err untried_draw(const struct untried *u, struct history *h, struct rng *r, struct arena *a,
                      struct params *out, struct error *e);

#endif
