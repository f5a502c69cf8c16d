#include "core/data/deal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static void put_unit(const struct units *u, uint32_t unit, uint16_t fold, uint16_t *plan)
{
    for (uint32_t k = u->start[unit]; k < u->start[unit + 1]; k++)
        plan[u->rows[k]] = fold;
}

/* How full the folds are: `stratum` holds rows of the stratum at hand. */
struct load {
    uint32_t n_folds;
    uint32_t *total;   /* (n_folds) */
    uint32_t *stratum; /* (n_strata, n_folds) */
    uint32_t *quota;   /* (n_folds) */
};

static void load_finish(struct load *l)
{
    free(l->total);
    free(l->stratum);
    free(l->quota);
}

static enum err load_init(struct load *l, uint32_t n_folds, size_t n_strata, struct error *e)
{
    l->n_folds = n_folds;
    l->total = calloc(n_folds, sizeof *l->total);
    l->stratum = calloc(mem_size(n_folds, n_strata), sizeof *l->stratum);
    l->quota = calloc(n_folds, sizeof *l->quota);
    return l->total && l->stratum && l->quota ? ERR_OK : error_no_memory(e);
}

/* The fold with the fewest rows of the stratum, then the fewest rows, then the lowest number. */
static uint32_t emptiest(const struct load *l, const uint32_t *stratum, bool *even)
{
    uint32_t best = 0;

    *even = true;
    for (uint32_t f = 1; f < l->n_folds; f++) {
        *even = *even && stratum[f] == stratum[0];
        if (stratum[f] < stratum[best] ||
            (stratum[f] == stratum[best] && l->total[f] < l->total[best]))
            best = f;
    }
    return best;
}

static void add_rows(struct load *l, uint32_t *stratum, uint32_t fold, uint32_t n)
{
    stratum[fold] += n;
    l->total[fold] += n;
}

struct sized {
    uint32_t unit, size, place;
};

static int by_size(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;

    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Units of several rows go first, the largest first, each to the emptiest fold. */
static enum err deal_large(const struct units *u, struct load *l, uint16_t *plan, struct error *e)
{
    CLEANUP(mem_free) struct sized *large = calloc(u->n + 1, sizeof *large);
    size_t n = 0;
    bool even;

    if (!large)
        return error_no_memory(e);
    for (size_t k = 0; k < u->n; k++)
        if (units_size(u, u->order[k]) > 1)
            large[n++] =
                (struct sized){u->order[k], (uint32_t)units_size(u, u->order[k]), (uint32_t)k};
    qsort(large, n, sizeof *large, by_size);
    for (size_t k = 0; k < n; k++) {
        uint32_t *stratum = l->stratum + (size_t)u->stratum[large[k].unit] * l->n_folds;
        uint32_t fold = emptiest(l, stratum, &even);

        add_rows(l, stratum, fold, large[k].size);
        put_unit(u, large[k].unit, (uint16_t)(fold + 1), plan);
    }
    return ERR_OK;
}

/* How many of n single rows each fold gets, so that the stratum is even. */
static void find_quotas(struct load *l, uint32_t *stratum, uint32_t n)
{
    memset(l->quota, 0, l->n_folds * sizeof *l->quota);
    while (n > 0) {
        bool even;
        uint32_t fold = emptiest(l, stratum, &even);
        uint32_t each = even ? n / l->n_folds : 0;

        for (uint32_t f = 0; each > 0 && f < l->n_folds; f++) {
            l->quota[f] += each;
            add_rows(l, stratum, f, each);
        }
        n -= each * l->n_folds;
        if (each > 0)
            continue;
        l->quota[fold]++;
        add_rows(l, stratum, fold, 1);
        n--;
    }
}

/* The single rows of a stratum: a block to each fold, as large as its quota. */
static void deal_singles(const struct units *u, size_t s, struct load *l, uint16_t *plan)
{
    uint32_t n = 0, fold = 0;

    for (uint32_t k = u->first[s]; k < u->first[s + 1]; k++)
        n += units_size(u, u->order[k]) == 1;
    find_quotas(l, l->stratum + s * l->n_folds, n);
    for (uint32_t k = u->first[s]; k < u->first[s + 1]; k++) {
        if (units_size(u, u->order[k]) != 1)
            continue;
        while (l->quota[fold] == 0)
            fold++;
        l->quota[fold]--;
        put_unit(u, u->order[k], (uint16_t)(fold + 1), plan);
    }
}

enum err deal_folds(const struct units *u, uint32_t n_folds, uint16_t *plan, struct error *e)
{
    CLEANUP(load_finish) struct load l = {0};

    TRY(load_init(&l, n_folds, u->n_strata, e));
    TRY(deal_large(u, &l, plan, e));
    for (size_t s = 0; s < u->n_strata; s++)
        deal_singles(u, s, &l, plan);
    return ERR_OK;
}

/* ---- units of several strata ------------------------------------------------------------------
 */

struct weighed {
    double weight;
    uint32_t unit, place;
};

/* A unit's rows by stratum, and what a row of each weighs. */
struct mix {
    const struct units *u;
    double *row_weight; /* (n_strata): one over the rows of the stratum, squared */
    uint32_t *rows;     /* (n_strata): of the unit at hand */
    uint32_t *strata;   /* (n_strata): those it has */
    size_t n;
    struct weighed *order; /* (units) */
};

static void mix_finish(struct mix *m)
{
    free(m->row_weight);
    free(m->rows);
    free(m->strata);
    free(m->order);
}

static enum err mix_init(struct mix *m, const struct units *u, struct error *e)
{
    m->u = u;
    m->row_weight = calloc(u->n_strata + 1, sizeof *m->row_weight);
    m->rows = calloc(u->n_strata + 1, sizeof *m->rows);
    m->strata = calloc(u->n_strata + 1, sizeof *m->strata);
    m->order = calloc(u->n + 1, sizeof *m->order);
    if (!m->row_weight || !m->rows || !m->strata || !m->order)
        return error_no_memory(e);
    for (size_t k = 0; k < u->n_rows; k++)
        m->row_weight[u->row_stratum[u->rows[k]]]++;
    for (size_t s = 0; s < u->n_strata; s++)
        m->row_weight[s] = 1 / (m->row_weight[s] * m->row_weight[s]); /* of none: never used */
    return ERR_OK;
}

static void count_unit(struct mix *m, uint32_t unit)
{
    while (m->n > 0)
        m->rows[m->strata[--m->n]] = 0;
    for (uint32_t k = m->u->start[unit]; k < m->u->start[unit + 1]; k++) {
        uint32_t s = m->u->row_stratum[m->u->rows[k]];

        if (m->rows[s]++ == 0)
            m->strata[m->n++] = s;
    }
}

static int by_weight(const void *a, const void *b)
{
    const struct weighed *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static void order_by_weight(struct mix *m)
{
    for (size_t k = 0; k < m->u->n; k++) {
        struct weighed *w = &m->order[k];

        *w = (struct weighed){0, m->u->order[k], (uint32_t)k};
        count_unit(m, w->unit);
        for (size_t i = 0; i < m->n; i++) {
            double rows = m->rows[m->strata[i]];

            w->weight += rows * rows * m->row_weight[m->strata[i]];
        }
    }
    qsort(m->order, m->u->n, sizeof *m->order, by_weight);
}

/* Half of what the unit at hand would add to the sum beyond what it adds to any fold. */
static double cost(const struct mix *m, const struct load *l, uint32_t fold)
{
    double sum = 0;

    for (size_t i = 0; i < m->n; i++) {
        uint32_t s = m->strata[i];

        sum += (double)m->rows[s] * l->stratum[(size_t)s * l->n_folds + fold] * m->row_weight[s];
    }
    return sum;
}

static uint32_t cheapest(const struct mix *m, const struct load *l)
{
    double least = cost(m, l, 0);
    uint32_t best = 0;

    for (uint32_t f = 1; f < l->n_folds; f++) {
        double c = cost(m, l, f);

        if (c > least || (c == least && l->total[f] >= l->total[best]))
            continue;
        least = c;
        best = f;
    }
    return best;
}

enum err deal_mixed(const struct units *u, uint32_t n_folds, uint16_t *plan, struct error *e)
{
    CLEANUP(load_finish) struct load l = {0};
    CLEANUP(mix_finish) struct mix m = {0};

    TRY(load_init(&l, n_folds, u->n_strata, e));
    TRY(mix_init(&m, u, e));
    order_by_weight(&m);
    for (size_t k = 0; k < u->n; k++) {
        uint32_t unit = m.order[k].unit, fold;

        count_unit(&m, unit);
        fold = cheapest(&m, &l);
        for (size_t i = 0; i < m.n; i++)
            add_rows(&l, l.stratum + (size_t)m.strata[i] * n_folds, fold, m.rows[m.strata[i]]);
        put_unit(u, unit, (uint16_t)(fold + 1), plan);
    }
    return ERR_OK;
}

/* ---- a part -----------------------------------------------------------------------------------
 */

size_t deal_fraction(const struct units *u, double fraction, bool from_end, bool nearest,
                     uint16_t mark, uint16_t *plan)
{
    size_t taken = 0, seen = 0;

    for (size_t s = 0; s < u->n_strata; s++) {
        size_t n = u->first[s + 1] - u->first[s], wanted;

        for (size_t k = 0; k < n; k++)
            seen += units_size(u, u->order[u->first[s] + k]);
        wanted = (size_t)floor((double)seen * fraction + 0.5);
        for (size_t k = 0; k < n && taken < wanted; k++) {
            uint32_t unit = u->order[u->first[s] + (from_end ? n - 1 - k : k)];
            size_t after = taken + units_size(u, unit);

            if (after > wanted && !(nearest && after - wanted < wanted - taken))
                continue;
            taken = after;
            put_unit(u, unit, mark, plan);
        }
    }
    return taken;
}
