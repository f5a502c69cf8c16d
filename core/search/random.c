#include "core/search/random.h"

#include <stdlib.h>

#include "core/search/untried.h"

struct random {
    struct sampler base;
    struct untried untried;
};

static void random_destroy(struct sampler *s)
{
    struct random *r = (struct random *)s;

    untried_finish(&r->untried);
    free(r);
}

static enum err random_create(const struct space *s, const struct sampler_settings *settings,
                              struct sampler **out, struct error *e)
{
    struct random *r = calloc(1, sizeof *r);
    enum err failed;

    (void)settings;
    if (!r)
        return error_no_memory(e);
    failed = untried_create(s, &r->untried, e);
    if (failed) {
        free(r);
        return failed;
    }
    *out = &r->base;
    return ERR_OK;
}

static enum err random_propose(struct sampler *s, struct arena *a, struct params *out,
                               bool *exhausted, struct error *e)
{
    struct random *r = (struct random *)s;
    struct rng stream;

    *exhausted = untried_none(&r->untried, &s->history);
    if (*exhausted)
        return ERR_OK;
    rng_init(&stream, s->settings.seed, 0, 0, RNG_SEARCH, (uint32_t)s->history.n + 1);
    return untried_draw(&r->untried, &s->history, &stream, a, out, e);
}

const struct sampler_kind random_sampler = {
    .name = "random",
    .summary = "independent draws, uniform on each dimension's scale; none twice",
    .levels = SPACE_DRAW,
    .create = random_create,
    .destroy = random_destroy,
    .propose = random_propose,
};
