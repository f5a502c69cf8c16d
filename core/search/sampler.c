#include "core/search/sampler.h"

#include <stdlib.h>
#include <string.h>

#include "core/search/cma_es.h"
#include "core/search/gp.h"
#include "core/search/grid.h"
#include "core/search/random.h"
#include "core/search/sobol.h"
#include "core/search/tpe.h"

const struct sampler_kind *const sampler_kinds[] = {&grid_sampler, &random_sampler, &sobol_sampler,
                                                    &tpe_sampler,  &gp_sampler,     &cma_es_sampler,
                                                    NULL};

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
    enum err failed;

    TRY(kind->create(space, settings, &s, e));
    s->kind = kind;
    s->settings = *settings;
    failed = history_create(space, &s->history, e);
    if (failed) {
        sampler_destroy(s);
        return failed;
    }
    *out = s;
    return ERR_OK;
}

void sampler_destroy(struct sampler *s)
{
    if (!s)
        return;
    history_finish(&s->history);
    s->kind->destroy(s);
}

size_t sampler_needs(const struct sampler *s, size_t trial)
{
    size_t concurrency = s->settings.concurrency;

    if (!s->kind->learns)
        return 0;
    if (s->kind->generation)
        return (trial - 1) / s->kind->generation(s) * s->kind->generation(s);
    if (s->wave > 0)
        return s->wave - 1;
    if (concurrency == 0)
        return trial - 1;
    return trial > concurrency ? trial - concurrency : 0;
}

void sampler_set_wave(struct sampler *s, size_t first)
{
    s->wave = first;
}

enum err sampler_propose(struct sampler *s, struct arena *a, struct params *out, bool *exhausted,
                         struct error *e)
{
    s->history.visible = sampler_needs(s, s->history.n + 1);
    *exhausted = false;
    TRY(s->kind->propose(s, a, out, exhausted, e));
    return *exhausted ? ERR_OK : history_add(&s->history, out, e);
}

enum err sampler_replay(struct sampler *s, const struct params *point, struct error *e)
{
    return history_add(&s->history, point, e);
}

void sampler_tell(struct sampler *s, uint32_t trial, struct past past)
{
    history_tell(&s->history, trial, past);
}
