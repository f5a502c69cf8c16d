#include "core/search/levels.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { FEW = 16 }; /* that are put into their places one by one */

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

/* Where the loss is among the first n, the first of equals, or would be. */
static size_t rank_of(const struct level *x, size_t n, double loss)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (x->losses[middle] < loss)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int by_loss(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void insert_next(struct level *x)
{
    double loss = x->losses[x->n_sorted];
    size_t i = rank_of(x, x->n_sorted, loss);

    memmove(x->losses + i + 1, x->losses + i, (x->n_sorted - i) * sizeof *x->losses);
    x->losses[i] = loss;
    x->n_sorted++;
}

static void sort(struct level *x)
{
    if (x->n - x->n_sorted > FEW) {
        qsort(x->losses, x->n, sizeof *x->losses, by_loss);
        x->n_sorted = x->n;
    }
    while (x->n_sorted < x->n)
        insert_next(x);
}

/* The level as it is; NULL where there is none. */
static struct level *look_up(const struct levels *l, uint32_t bracket, int64_t step)
{
    size_t i = place_of(l, bracket, step);

    if (i == l->n || l->items[i].bracket != bracket || l->items[i].step != step)
        return NULL;
    return &l->items[i];
}

const struct level *levels_find(const struct levels *l, uint32_t bracket, int64_t step)
{
    struct level *x = look_up(l, bracket, step);

    if (x)
        sort(x);
    return x;
}

static enum err find_or_add(struct levels *l, uint32_t bracket, int64_t step, struct level **out,
                            struct error *e)
{
    size_t i = place_of(l, bracket, step);
    void *items = l->items;
    enum err failed;

    if (!look_up(l, bracket, step)) {
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

    TRY(find_or_add(l, bracket, step, &x, e));
    losses = x->losses;
    failed = mem_grow(&losses, &x->capacity, x->n + 1, sizeof *x->losses, e);
    x->losses = losses;
    TRY(failed);
    x->losses[x->n++] = loss;
    return ERR_OK;
}

void levels_remove(struct levels *l, uint32_t bracket, int64_t step, double loss)
{
    struct level *x = look_up(l, bracket, step);
    size_t i;

    assert(x);
    sort(x);
    i = rank_of(x, x->n, loss);
    assert(i < x->n && x->losses[i] == loss);
    memmove(x->losses + i, x->losses + i + 1, (x->n - i - 1) * sizeof *x->losses);
    x->n_sorted = --x->n;
}
