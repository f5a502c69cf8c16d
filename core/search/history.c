#include "core/search/history.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum err history_create(const struct space *s, struct history *out, struct error *e)
{
    memset(out, 0, sizeof *out);
    TRY(arena_create(1024, &out->arena, e));
    return axes_create(s, out->arena, &out->axes, e);
}

void history_finish(struct history *h)
{
    arena_destroy(h->arena);
    free(h->x);
    free(h->past);
    keyset_finish(&h->tried);
    buf_finish(&h->key);
}

static enum err grow(struct history *h, struct error *e)
{
    size_t room = h->capacity;

    TRY(mem_grow((void **)&h->x, &room, h->n + 1, (h->axes.n + 1) * sizeof *h->x, e));
    return mem_grow((void **)&h->past, &h->capacity, h->n + 1, sizeof *h->past, e);
}

/* Memory that cannot be had shows in the buffer. */
static const char *key_of(struct history *h, const struct params *point)
{
    buf_clear(&h->key);
    space_key(h->axes.space, point, &h->key);
    return buf_text(&h->key);
}

enum err history_add(struct history *h, const struct params *point, struct error *e)
{
    const char *key = key_of(h, point);

    TRY(buf_check(&h->key, e));
    TRY(grow(h, e));
    TRY(keyset_add(&h->tried, key, e));
    axes_coordinates(&h->axes, point, h->x + h->n * h->axes.n);
    h->past[h->n] = (struct past){.state = PAST_PENDING, .loss = (double)NAN};
    h->n++;
    return ERR_OK;
}

void history_tell(struct history *h, size_t trial, struct past past)
{
    assert(trial >= 1 && trial <= h->n);
    h->past[trial - 1] = past;
}

bool history_has(struct history *h, const struct params *point)
{
    return keyset_has(&h->tried, key_of(h, point));
}

struct past history_past(const struct history *h, size_t trial)
{
    if (trial > h->visible)
        return (struct past){.state = PAST_PENDING, .loss = (double)NAN};
    return h->past[trial - 1];
}

bool past_has_loss(struct past p)
{
    return p.state == PAST_COMPLETED || p.state == PAST_STOPPED;
}

size_t history_count_losses(const struct history *h)
{
    size_t n = 0;

    for (size_t trial = 1; trial <= h->n; trial++)
        n += past_has_loss(history_past(h, trial));
    return n;
}

const double *history_x(const struct history *h, size_t trial)
{
    return h->x + (trial - 1) * h->axes.n;
}
