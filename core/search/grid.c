#include "core/search/grid.h"

#include <stdlib.h>

#include "core/search/permute.h"
#include "core/search/points.h"

struct grid {
    struct sampler base;
    struct sampler_settings settings;
    struct points *points;
};

static void grid_destroy(struct sampler *s)
{
    struct grid *g = (struct grid *)s;

    points_destroy(g->points);
    free(g);
}

/* Names a dimension that makes the space infinite. */
static enum err refuse_infinite(const struct space *s, struct error *e)
{
    for (size_t i = 0; i < space_count(s); i++) {
        const char *name = space_dimension(s, i)->name;

        if (space_levels(s, i, SPACE_GRID) != SPACE_INFINITE)
            continue;
        error_set(e, ERR_INVALID,
                  "%s: a grid needs \"points\" or \"step\" to take levels from a range of reals",
                  name);
        return error_field(e, name);
    }
    return error_set(e, ERR_INVALID, "the space is infinite");
}

static enum err grid_create(const struct space *s, const struct sampler_settings *settings,
                            struct sampler **out, struct error *e)
{
    struct grid *g = calloc(1, sizeof *g);
    enum err failed;

    if (!g)
        return error_no_memory(e);
    g->settings = *settings;
    failed = points_create(s, SPACE_GRID, &g->points, e);
    if (!failed && points_count(g->points) == SPACE_INFINITE)
        failed = refuse_infinite(s, e);
    else if (!failed && points_count(g->points) > POINTS_MAX)
        failed = error_set(e, ERR_INVALID,
                           "a grid of more than 4e18 points is too large; "
                           "sampler \"random\" takes points from any space");
    if (failed) {
        grid_destroy(&g->base);
        return failed;
    }
    *out = &g->base;
    return ERR_OK;
}

static enum err grid_propose(struct sampler *s, uint32_t trial, struct arena *a, struct params *out,
                             bool *exhausted, struct error *e)
{
    const struct grid *g = (const struct grid *)s;
    uint64_t n = points_count(g->points), index = trial - 1;

    *exhausted = index >= n;
    if (*exhausted)
        return ERR_OK;
    if (g->settings.shuffle)
        index = permute_index(g->settings.seed, n, index);
    return points_at(g->points, index, a, out, e);
}

static enum err grid_replay(struct sampler *s, const struct params *point, struct error *e)
{
    (void)s;
    (void)point; /* the trial's number says it all */
    (void)e;
    return ERR_OK;
}

const struct sampler_kind grid_sampler = {
    .name = "grid",
    .summary = "every combination once, in declared order, the last key fastest; "
               "\"shuffle\": true mixes them by seed",
    .levels = SPACE_GRID,
    .create = grid_create,
    .destroy = grid_destroy,
    .propose = grid_propose,
    .replay = grid_replay,
};
