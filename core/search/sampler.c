#include "core/search/sampler.h"

#include <string.h>

#include "core/search/grid.h"
#include "core/search/random.h"

const struct sampler_kind *const sampler_kinds[] = {&grid_sampler, &random_sampler, NULL};

const struct sampler_kind *sampler_find(const char *name)
{
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++)
        if (strcmp((*k)->name, name) == 0)
            return *k;
    return NULL;
}

enum err sampler_create(const struct sampler_kind *kind, const struct space *space,
                        const struct sampler_settings *settings, struct sampler **out,
                        struct error *e)
{
    struct sampler *s;

    TRY(kind->create(space, settings, &s, e));
    s->kind = kind;
    s->n_proposed = 0;
    *out = s;
    return ERR_OK;
}

void sampler_destroy(struct sampler *s)
{
    if (s)
        s->kind->destroy(s);
}

enum err sampler_propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                         struct error *e)
{
    TRY(s->kind->propose(s, s->n_proposed + 1, a, out, exhausted, e));
    if (!*exhausted)
        s->n_proposed++;
    return ERR_OK;
}

enum err sampler_replay(struct sampler *s, const struct params *point, struct error *e)
{
    TRY(s->kind->replay(s, point, e));
    s->n_proposed++;
    return ERR_OK;
}
