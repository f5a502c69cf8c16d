#include "core/search/grid.h"

#include <stdlib.h>

#include "core/search/permute.h"
#include "core/search/points.h"

struct grid {
    struct sampler base;
    struct points *points;
    uint64_t next; /* index of the point to look at */
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
    (void)settings;
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

/* Points that are not allowed, or were put before the grid by a person, are passed over; after a
 * restart those of the stored trials, too. */
static enum err grid_propose(struct sampler *s, struct arena *a, struct params *out,
                             bool *exhausted, struct error *e)
{
    struct grid *g = (struct grid *)s;
    uint64_t n = points_count(g->points);

    while (g->next < n) {
        uint64_t index = g->next++;

        if (s->settings.shuffle)
            index = permute_index(s->settings.seed, n, index);
        TRY(points_at(g->points, index, a, out, e));
        if (space_allows(s->history.axes.space, out) && !history_has(&s->history, out))
            return ERR_OK;
    }
    *exhausted = true;
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
};
