#include "core/search/levels.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void levels_finish(struct levels *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].losses);
    free(l->items);
    *l = (struct levels){0};
}

/* Whether a level comes before this place. */
static bool is_before(const struct level *x, uint32_t bracket, int64_t step)
{
    return x->bracket != bracket ? x->bracket < bracket : x->step < step;
}

/* Where the level is, or would be. */
static size_t place_of(const struct levels *l, uint32_t bracket, int64_t step)
{
    size_t low = 0, high = l->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_before(&l->items[middle], bracket, step))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where the loss is, the first of equals, or would be. */
static size_t rank_of(const struct level *x, double loss)
{
    size_t low = 0, high = x->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (x->losses[middle] < loss)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct level *levels_find(const struct levels *l, uint32_t bracket, int64_t step)
{
    size_t i = place_of(l, bracket, step);

    if (i == l->n || l->items[i].bracket != bracket || l->items[i].step != step)
        return NULL;
    return &l->items[i];
}

static enum err find_or_add(struct levels *l, uint32_t bracket, int64_t step, struct level **out,
                            struct error *e)
{
    size_t i = place_of(l, bracket, step);
    void *items = l->items;
    enum err failed;

    if (!levels_find(l, bracket, step)) {
        failed = mem_grow(&items, &l->capacity, l->n + 1, sizeof *l->items, e);
        l->items = items;
        TRY(failed);
        memmove(l->items + i + 1, l->items + i, (l->n - i) * sizeof *l->items);
        l->items[i] = (struct level){.bracket = bracket, .step = step};
        l->n++;
    }
    *out = &l->items[i];
    return ERR_OK;
}

enum err levels_add(struct levels *l, uint32_t bracket, int64_t step, double loss, struct error *e)
{
    struct level *x;
    enum err failed;
    void *losses;
    size_t i;

    TRY(find_or_add(l, bracket, step, &x, e));
    losses = x->losses;
    failed = mem_grow(&losses, &x->capacity, x->n + 1, sizeof *x->losses, e);
    x->losses = losses;
    TRY(failed);
    i = rank_of(x, loss);
    memmove(x->losses + i + 1, x->losses + i, (x->n - i) * sizeof *x->losses);
    x->losses[i] = loss;
    x->n++;
    return ERR_OK;
}

void levels_remove(struct levels *l, uint32_t bracket, int64_t step, double loss)
{
    struct level *x = &l->items[place_of(l, bracket, step)];
    size_t i = rank_of(x, loss);

    assert(i < x->n && x->losses[i] == loss);
    memmove(x->losses + i, x->losses + i + 1, (x->n - i - 1) * sizeof *x->losses);
    x->n--;
}
