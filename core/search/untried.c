#include "core/search/untried.h"

#include <string.h>

enum {
    LOOKED_AT = 1 << 20, /* points of a restricted space that are looked at to count the allowed */
    REDRAWS = 200,       /* for a point that is new */
    RETRIES = 100000,    /* for a point that is allowed, or fewer, for where a point has hundreds of */
    VALUES = 1 << 21     /* values they take minutes: so many in all are drawn */
};

/* The list of points is a help, not a need: a space too large for it has no end in practice. */
enum err untried_create(const struct space *s, struct untried *out, struct error *e)
{
    enum err failed;

    *out = (struct untried){.space = s, .n_allowed = UNTRIED_MANY};
    failed = points_create(s, SPACE_DRAW, &out->points, e);
    if (failed == ERR_INVALID)
        return ERR_OK;
    TRY(failed);
    if (points_count(out->points) <= POINTS_MAX)
        return points_allowed(out->points, LOOKED_AT, &out->n_allowed, e);
    untried_finish(out);
    return ERR_OK;
}

void untried_finish(struct untried *u)
{
    points_destroy(u->points);
    u->points = NULL;
}

bool untried_none(const struct untried *u, const struct history *h)
{
    return h->tried.n >= u->n_allowed;
}

static bool is_new(const struct untried *u, struct history *h, const struct params *point)
{
    return space_allows(u->space, point) && !history_has(h, point);
}

/* The first new point from a random place in the list on; there is one. */
static enum err look_onward(const struct untried *u, struct history *h, struct rng *r,
                            struct arena *a, struct params *out, struct error *e)
{
    uint64_t n = points_count(u->points), index = rng_u64(r) % n;

    do {
        arena_reset(a);
        TRY(points_at(u->points, index, a, out, e));
        index = (index + 1) % n;
    } while (!is_new(u, h, out));
    return ERR_OK;
}

/* Draws until a point is new or, of those allowed, none was for a while. */
static enum err draw(const struct untried *u, struct history *h, struct rng *r, struct arena *a,
                     struct params *out, struct error *e)
{
    size_t most = VALUES / (space_count(u->space) + 1);
    int retries = most < RETRIES ? (int)most : RETRIES, old = 0;

    for (int i = 0; i < retries && old < REDRAWS; i++) {
        arena_reset(a);
        TRY(space_draw(u->space, r, a, out, e));
        if (is_new(u, h, out))
            return ERR_OK;
        old += space_allows(u->space, out);
    }
    if (u->n_allowed != UNTRIED_MANY && !untried_none(u, h))
        return look_onward(u, h, r, a, out, e);
    if (old > 0 && space_allows(u->space, out))
        return ERR_OK;
    return error_set(
        e, ERR_INVALID,
        "of %d points drawn none fulfils \"require\": it leaves too little of the space", retries);
}

enum err untried_draw(const struct untried *u, struct history *h, struct rng *r, struct arena *a,
                      struct params *out, struct error *e)
{
    CLEANUP(arena_end) struct arena *scratch = NULL;

    TRY(arena_create(4096, &scratch, e));
    TRY(draw(u, h, r, scratch, out, e));
    return params_copy(out, a, out, e);
}
