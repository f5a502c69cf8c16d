#include "core/train/holdout.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/rng.h"

/* The rows of one unit: key[first .. first + n), all counted for the class of the first. */
struct piece {
    size_t first, n;
    size_t class;
    bool aside;
};

struct cut {
    const struct fold_data *d;
    size_t n_classes;
    uint64_t *key; /* (n_train): unit << 32 | row, ascending */
    struct piece *pieces;
    size_t n_pieces;
    uint32_t *order;            /* (n_pieces): who is asked first */
    size_t *all, *want, *aside; /* (n_classes), rows */
};

static void cut_end(struct cut *c)
{
    free(c->key);
    free(c->pieces);
    free(c->order);
    free(c->all);
    free(c->want);
    free(c->aside);
}

static enum err allocate(struct cut *c, struct error *e)
{
    size_t n = c->d->n_train;

    c->key = calloc(n, sizeof *c->key);
    c->pieces = calloc(n, sizeof *c->pieces);
    c->order = calloc(n, sizeof *c->order);
    c->all = calloc(c->n_classes, sizeof *c->all);
    c->want = calloc(c->n_classes, sizeof *c->want);
    c->aside = calloc(c->n_classes, sizeof *c->aside);
    return c->key && c->pieces && c->order && c->all && c->want && c->aside ? ERR_OK
                                                                            : error_no_memory(e);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static size_t row_at(const struct cut *c, size_t i)
{
    return (uint32_t)c->key[i];
}

static size_t class_of(const struct cut *c, size_t row)
{
    return c->d->classes && !c->d->ordered ? (size_t)c->d->classes[row] : 0;
}

static void find_pieces(struct cut *c)
{
    size_t n = c->d->n_train;

    for (size_t i = 0; i < n; i++)
        c->key[i] = (uint64_t)(c->d->unit ? c->d->unit[i] : i) << 32 | i;
    qsort(c->key, n, sizeof *c->key, compare);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || c->key[i] >> 32 != c->key[i - 1] >> 32)
            c->pieces[c->n_pieces++] =
                (struct piece){.first = i, .class = class_of(c, row_at(c, i))};
        c->pieces[c->n_pieces - 1].n++;
    }
}

/* Rounded at the sums over classes, so that the whole is right to within half a row. */
static void share_out(struct cut *c, double fraction)
{
    size_t before = 0, given = 0;

    for (size_t i = 0; i < c->n_pieces; i++)
        c->all[c->pieces[i].class] += c->pieces[i].n;
    for (size_t k = 0; k < c->n_classes; k++) {
        size_t to;

        before += c->all[k];
        to = (size_t)floor((double)before * fraction + 0.5);
        c->want[k] = to - given;
        given = to;
    }
}

static void put_in_order(struct cut *c, uint64_t seed, uint32_t repeat, uint32_t fold)
{
    struct rng r;

    for (size_t i = 0; i < c->n_pieces; i++)
        c->order[i] = (uint32_t)(c->d->ordered ? c->n_pieces - 1 - i : i);
    if (c->d->ordered)
        return;
    rng_init(&r, seed, repeat, fold, RNG_HOLDOUT, 0);
    rng_shuffle(&r, c->order, c->n_pieces);
}

/* Sets pieces aside until each class has given what is wanted; never the last of a class. */
static size_t set_aside(struct cut *c)
{
    size_t sum = 0;

    for (size_t i = 0; i < c->n_pieces; i++) {
        struct piece *p = c->pieces + c->order[i];
        size_t *aside = c->aside + p->class;

        if (*aside >= c->want[p->class] || *aside + p->n >= c->all[p->class])
            continue;
        p->aside = true;
        *aside += p->n;
        sum += p->n;
    }
    return sum;
}

/* Where no class could give a row, the first piece goes that leaves something to train on. */
static size_t set_one_aside(struct cut *c)
{
    for (size_t i = 0; i < c->n_pieces; i++) {
        struct piece *p = c->pieces + c->order[i];

        if (p->n < c->d->n_train) {
            p->aside = true;
            return p->n;
        }
    }
    return 0;
}

static void write_rows(const struct cut *c, bool *aside, uint32_t *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_pieces; i++)
        for (size_t j = 0; j < c->pieces[i].n; j++)
            aside[row_at(c, c->pieces[i].first + j)] = c->pieces[i].aside;
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < c->d->n_train; i++)
            if (aside[i] == (part == 1))
                rows[n++] = (uint32_t)i;
}

enum err holdout_split(const struct fold_data *d, double fraction, uint64_t seed, uint32_t repeat,
                       uint32_t fold, uint32_t *rows, size_t *n_kept, struct error *e)
{
    CLEANUP(cut_end) struct cut c = {.d = d, .n_classes = d->classes ? d->n_outputs : 1};
    CLEANUP(mem_free) bool *aside = calloc(d->n_train, sizeof *aside);
    size_t n;

    if (!aside)
        return error_no_memory(e);
    TRY(allocate(&c, e));
    find_pieces(&c);
    share_out(&c, fraction);
    put_in_order(&c, seed, repeat, fold);
    n = set_aside(&c);
    if (n == 0)
        n = set_one_aside(&c);
    if (n == 0)
        return error_set(
            e, ERR_INVALID,
            "early_stopping and plateau need training rows that can be cut in two; the "
            "%zu rows of the training part belong together",
            d->n_train);
    write_rows(&c, aside, rows);
    *n_kept = d->n_train - n;
    return ERR_OK;
}
