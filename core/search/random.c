#include "core/search/random.h"

#include <stdlib.h>

#include "core/search/keyset.h"
#include "core/search/points.h"

enum { REDRAWS = 200 };

struct random {
    struct sampler base;
    const struct space *space;
    uint64_t seed;
    struct points *points; /* those that a draw can give; NULL where they cannot be addressed */
    struct keyset seen;
    struct buf key; /* scratch */
};

static void random_destroy(struct sampler *s)
{
    struct random *r = (struct random *)s;

    points_destroy(r->points);
    keyset_finish(&r->seen);
    buf_finish(&r->key);
    free(r);
}

/* The list of points is a help, not a need: a space too large for it has no end in practice. */
static enum err list_points(struct random *r, struct error *e)
{
    enum err failed = points_create(r->space, SPACE_DRAW, &r->points, e);

    if (failed == ERR_INVALID)
        return ERR_OK;
    TRY(failed);
    if (points_count(r->points) > POINTS_MAX) {
        points_destroy(r->points);
        r->points = NULL;
    }
    return ERR_OK;
}

static enum err random_create(const struct space *s, const struct sampler_settings *settings,
                              struct sampler **out, struct error *e)
{
    struct random *r = calloc(1, sizeof *r);
    enum err failed;

    if (!r)
        return error_no_memory(e);
    r->space = s;
    r->seed = settings->seed;
    failed = list_points(r, e);
    if (failed) {
        random_destroy(&r->base);
        return failed;
    }
    *out = &r->base;
    return ERR_OK;
}

static enum err is_new(struct random *r, const struct params *point, bool *out, struct error *e)
{
    buf_clear(&r->key);
    space_key(r->space, point, &r->key);
    TRY(buf_check(&r->key, e));
    *out = !keyset_has(&r->seen, buf_text(&r->key));
    return ERR_OK;
}

/* The first new point from a random place in the list on; there is one. */
static enum err look_onward(struct random *r, struct rng *stream, struct arena *a,
                            struct params *out, struct error *e)
{
    uint64_t n = points_count(r->points);
    uint64_t index = rng_u64(stream) % n;
    bool found = false;

    while (!found) {
        TRY(points_at(r->points, index, a, out, e));
        TRY(is_new(r, out, &found, e));
        index = (index + 1) % n;
    }
    return ERR_OK;
}

static enum err random_replay(struct sampler *s, const struct params *point, struct error *e)
{
    struct random *r = (struct random *)s;

    buf_clear(&r->key);
    space_key(r->space, point, &r->key);
    TRY(buf_check(&r->key, e));
    return keyset_add(&r->seen, buf_text(&r->key), e);
}

static enum err random_propose(struct sampler *s, uint32_t trial, struct arena *a,
                               struct params *out, bool *exhausted, struct error *e)
{
    struct random *r = (struct random *)s;
    struct rng stream;
    bool found = false;

    *exhausted = r->points && r->seen.n >= points_count(r->points);
    if (*exhausted)
        return ERR_OK;
    rng_init(&stream, r->seed, 0, 0, RNG_SEARCH, trial);
    for (int i = 0; i < REDRAWS && !found; i++) {
        TRY(space_draw(r->space, &stream, a, out, e));
        TRY(is_new(r, out, &found, e));
    }
    if (!found && r->points)
        TRY(look_onward(r, &stream, a, out, e));
    return random_replay(s, out, e); /* in an infinite space a point may, after all, come twice */
}

const struct sampler_kind random_sampler = {
    .name = "random",
    .summary = "independent draws, uniform on each dimension's scale; none twice",
    .levels = SPACE_DRAW,
    .create = random_create,
    .destroy = random_destroy,
    .propose = random_propose,
    .replay = random_replay,
};
