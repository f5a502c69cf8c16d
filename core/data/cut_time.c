/*
 * Time series: rows in order of time, cut only where the time changes.
 */
#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/data/cut.h"

struct moment {
    double time;
    uint32_t row;
};

static int by_time(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

enum err cut_order(const struct cutting *c, uint32_t *order, uint32_t *unit, struct error *e)
{
    const struct column *time = &c->t->columns[table_role_column(c->t, ROLE_TIME)];
    CLEANUP(mem_free) struct moment *sorted = calloc(c->n_active + 1, sizeof *sorted);
    size_t n = 0;
    uint32_t number = 0;

    if (!sorted)
        return error_no_memory(e);
    for (size_t i = 0; i < c->t->n_rows; i++)
        if (!c->sealed[i])
            sorted[n++] =
                (struct moment){time->values ? time->values[i] : time->codes[i], (uint32_t)i};
    qsort(sorted, n, sizeof *sorted, by_time);
    for (size_t k = 0; k < n; k++) {
        number += k > 0 && sorted[k].time != sorted[k - 1].time;
        order[k] = sorted[k].row;
        unit[sorted[k].row] = number;
    }
    return ERR_OK;
}

enum err cut_latest(struct cutting *c, struct error *e)
{
    double fraction = c->spec->sealed_fraction;
    size_t n = c->n_active, wanted = (size_t)floor((double)n * fraction + 0.5), from = n - wanted;
    CLEANUP(mem_free) uint32_t *order = calloc(c->t->n_rows + 1, sizeof *order);
    CLEANUP(mem_free) uint32_t *unit = calloc(c->t->n_rows + 1, sizeof *unit);

    if (!order || !unit)
        return error_no_memory(e);
    TRY(cut_order(c, order, unit, e));
    while (from > 0 && from < n && unit[order[from]] == unit[order[from - 1]])
        from++;
    if (from == 0 || from == n)
        return cut_empty("sealed", fraction, n, e);
    for (size_t k = from; k < n; k++)
        c->sealed[order[k]] = true;
    c->n_active = from;
    return ERR_OK;
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

/* Where each time begins in the order, n_times of them; `begin[n_times]` is the end. */
static uint32_t find_times(const struct split *s, size_t n, uint32_t *begin)
{
    uint32_t n_times = 0;

    for (size_t k = 0; k < n; k++)
        if (k == 0 || s->unit[s->order[k]] != s->unit[s->order[k - 1]])
            begin[n_times++] = (uint32_t)k;
    begin[n_times] = (uint32_t)n;
    return n_times;
}

/* The time that begins nearest to `place`, the earlier of two, among `low` to `high`. */
static uint32_t nearest_time(const uint32_t *begin, uint32_t low, uint32_t high, size_t place)
{
    while (low < high && begin[low + 1] <= place)
        low++;
    if (low < high && begin[low] < place && begin[low + 1] - place < place - begin[low])
        low++;
    return low;
}

/* The time before which at least `gap` rows of those before `time` are left out. */
static uint32_t before_gap(const uint32_t *begin, uint32_t time, size_t gap)
{
    uint32_t end = time;

    while (end > 0 && begin[time] - begin[end] < gap)
        end--;
    return end;
}

static enum err gap_too_long(const struct cutting *c, size_t n_before, struct error *e)
{
    (void)error_set(e, ERR_INVALID,
                    "gap %zu: fold 1 has %zu rows before its validation part, which leaves none to "
                    "train on",
                    c->spec->gap, n_before);
    return error_field(e, "gap");
}

/* Fold k validates from cut[k - 1] to the next cut; times, not rows. */
static enum err cut_blocks(struct cutting *c, const uint32_t *begin, uint32_t n_times,
                           struct error *e)
{
    struct split *s = c->split;
    uint32_t folds = c->spec->n_folds, low = 1;
    uint16_t current = SPLIT_TRAIN_ONLY;
    size_t block = c->n_active / (folds + 1);

    for (uint32_t k = 1; k <= folds; k++) {
        size_t place = c->n_active - (folds - k + 1) * block;
        uint32_t time = nearest_time(begin, low, n_times - 1 - (folds - k), place);

        s->train_end[k - 1] = before_gap(begin, time, c->spec->gap);
        if (s->train_end[k - 1] == 0)
            return gap_too_long(c, begin[time], e);
        s->fold[s->order[begin[time]]] = (uint16_t)k;
        low = time + 1;
    }
    for (size_t i = 0; i < c->n_active; i++) { /* up to where the next one begins */
        uint16_t *fold = &s->fold[s->order[i]];

        *fold = current = *fold > 0 ? *fold : current;
    }
    return ERR_OK;
}

enum err cut_time(struct cutting *c, struct error *e)
{
    struct split *s = c->split;
    uint32_t folds = c->spec->n_folds, n_times;
    CLEANUP(mem_free) uint32_t *begin = calloc(c->n_active + 1, sizeof *begin);

    s->n_folds = folds;
    s->order = calloc(s->n_rows + 1, sizeof *s->order);
    s->unit = calloc(s->n_rows + 1, sizeof *s->unit);
    s->train_end = calloc(folds, sizeof *s->train_end);
    if (!begin || !s->order || !s->unit || !s->train_end)
        return error_no_memory(e);
    TRY(cut_order(c, s->order, s->unit, e));
    n_times = find_times(s, c->n_active, begin);
    if (n_times > folds)
        return cut_blocks(c, begin, n_times, e);
    (void)error_set(e, ERR_INVALID,
                    "folds %u: the data has %u different times; expected one more than folds",
                    folds, n_times);
    return error_field(e, "folds");
}
