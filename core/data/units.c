#include "core/data/units.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { MAX_QUANTILES = 10 };

/* ---- strata ----------------------------------------------------------------------------------
 */

struct ranked {
    double value;
    uint32_t row;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Quantiles of the target; rows of one value are in one stratum. */
static enum err quantiles(const struct table *t, const bool *taken, size_t parts, uint32_t *stratum,
                          struct units *u, struct error *e)
{
    const double *values = t->columns[t->targets[0]].values;
    CLEANUP(mem_free) struct ranked *sorted = calloc(t->n_rows + 1, sizeof *sorted);
    size_t n = 0, rank = 0;

    if (!sorted)
        return error_no_memory(e);
    for (size_t i = 0; i < t->n_rows; i++)
        if (!taken[i])
            sorted[n++] = (struct ranked){values[i], (uint32_t)i};
    qsort(sorted, n, sizeof *sorted, by_value);
    u->n_strata = n / parts < 1 ? 1 : n / parts > MAX_QUANTILES ? MAX_QUANTILES : n / parts;
    for (size_t i = 0; i < n; i++) {
        rank = i > 0 && sorted[i].value == sorted[i - 1].value ? rank : i;
        stratum[sorted[i].row] = (uint32_t)(rank * u->n_strata / n);
    }
    return ERR_OK;
}

/* The stratum of every row. */
static enum err find_strata(const struct table *t, const bool *taken, bool stratify, size_t parts,
                            uint32_t *stratum, struct units *u, struct error *e)
{
    u->n_strata = 1;
    if (!stratify)
        return ERR_OK;
    if (t->task == TASK_REGRESSION)
        return quantiles(t, taken, parts, stratum, u, e);
    u->n_strata = t->n_classes;
    for (size_t i = 0; i < t->n_rows; i++)
        stratum[i] = (uint32_t)t->columns[t->targets[0]].codes[i];
    return ERR_OK;
}

/* ---- which rows are one unit ------------------------------------------------------------------
 */

/* The root of a row's tree, whose path becomes half as long; roots are the lowest of their rows. */
static uint32_t find_root(uint32_t *parent, uint32_t row)
{
    while (parent[row] != row) {
        parent[row] = parent[parent[row]];
        row = parent[row];
    }
    return row;
}

static void link_rows(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = find_root(parent, a);
    b = find_root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* Links the rows that have the same key, a number below `n_keys`, and are not taken. */
static enum err link_keys(const bool *taken, size_t n, const uint32_t *key, size_t n_keys,
                          uint32_t *parent, struct error *e)
{
    CLEANUP(mem_free) uint32_t *seen = malloc(mem_size(n_keys + 1, sizeof *seen));

    if (!seen)
        return error_no_memory(e);
    memset(seen, 0xff, n_keys * sizeof *seen);
    for (size_t i = 0; i < n; i++) {
        if (taken[i])
            continue;
        if (seen[key[i]] == UINT32_MAX)
            seen[key[i]] = (uint32_t)i;
        link_rows(parent, seen[key[i]], (uint32_t)i);
    }
    return ERR_OK;
}

/* For each row the first row of its unit. */
static enum err link_units(const struct table *t, const bool *taken, const uint32_t *equal,
                           bool grouped, uint32_t *first, struct error *e)
{
    size_t group = table_role_column(t, ROLE_GROUP);
    CLEANUP(mem_free) uint32_t *key = NULL;

    for (size_t i = 0; i < t->n_rows; i++)
        first[i] = (uint32_t)i;
    if (equal)
        TRY(link_keys(taken, t->n_rows, equal, t->n_rows, first, e));
    if (grouped && group != SIZE_MAX) {
        key = calloc(t->n_rows + 1, sizeof *key);
        if (!key)
            return error_no_memory(e);
        for (size_t i = 0; i < t->n_rows; i++)
            key[i] = (uint32_t)t->columns[group].codes[i];
        TRY(link_keys(taken, t->n_rows, key, t->columns[group].n_labels, first, e));
    }
    for (size_t i = 0; i < t->n_rows; i++)
        first[i] = find_root(first, (uint32_t)i);
    return ERR_OK;
}

/* Units are numbered in the order of their first rows. */
static void number_units(const struct table *t, const bool *taken, const uint32_t *first,
                         uint32_t *number, struct units *u)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        if (taken[i])
            continue;
        if (first[i] == i)
            number[i] = (uint32_t)u->n++;
        u->n_rows++;
    }
}

/* ---- the whole --------------------------------------------------------------------------------
 */

/* Rows by unit: a counting sort, so rows of a unit stay in their order. */
static void sort_rows(const struct table *t, const bool *taken, const uint32_t *first,
                      const uint32_t *number, struct units *u)
{
    for (size_t i = 0; i < t->n_rows; i++)
        if (!taken[i])
            u->start[number[first[i]] + 1]++;
    for (size_t k = 0; k < u->n; k++)
        u->start[k + 1] += u->start[k];
    for (size_t i = 0; i < t->n_rows; i++)
        if (!taken[i])
            u->rows[u->start[number[first[i]]]++] = (uint32_t)i;
    for (size_t k = u->n; k > 0; k--) /* each start has moved to its end */
        u->start[k] = u->start[k - 1];
    u->start[0] = 0;
}

/* Units by stratum, in the order of their numbers. */
static void order_units(struct units *u)
{
    for (size_t k = 0; k < u->n; k++)
        u->order[u->first[u->stratum[k]]++] = (uint32_t)k;
    for (size_t s = u->n_strata; s > 0; s--) /* each beginning has moved to its end */
        u->first[s] = u->first[s - 1];
    u->first[0] = 0;
}

static void sort_units(struct units *u)
{
    for (size_t k = 0; k < u->n; k++) {
        u->stratum[k] = u->row_stratum[u->rows[u->start[k]]];
        u->first[u->stratum[k] + 1]++;
    }
    for (size_t s = 0; s < u->n_strata; s++)
        u->first[s + 1] += u->first[s];
    order_units(u);
}

enum err units_make(const struct table *t, const bool *taken, const uint32_t *equal, bool grouped,
                    bool stratify, size_t parts, struct units *u, struct error *e)
{
    CLEANUP(mem_free) uint32_t *first = calloc(t->n_rows + 1, sizeof *first);
    CLEANUP(mem_free) uint32_t *number = calloc(t->n_rows + 1, sizeof *number);

    u->row_stratum = calloc(t->n_rows + 1, sizeof *u->row_stratum);
    if (!first || !number || !u->row_stratum)
        return error_no_memory(e);
    TRY(link_units(t, taken, equal, grouped, first, e));
    TRY(find_strata(t, taken, stratify, parts, u->row_stratum, u, e));
    number_units(t, taken, first, number, u);
    u->rows = calloc(u->n_rows + 1, sizeof *u->rows);
    u->start = calloc(u->n + 1, sizeof *u->start);
    u->stratum = calloc(u->n + 1, sizeof *u->stratum);
    u->order = calloc(u->n + 1, sizeof *u->order);
    u->first = calloc(u->n_strata + 1, sizeof *u->first);
    if (!u->rows || !u->start || !u->stratum || !u->order || !u->first)
        return error_no_memory(e);
    sort_rows(t, taken, first, number, u);
    sort_units(u);
    return ERR_OK;
}

void units_finish(struct units *u)
{
    free(u->rows);
    free(u->start);
    free(u->stratum);
    free(u->order);
    free(u->first);
    free(u->row_stratum);
    memset(u, 0, sizeof *u);
}

size_t units_size(const struct units *u, uint32_t unit)
{
    return u->start[unit + 1] - u->start[unit];
}

size_t units_largest(const struct units *u)
{
    size_t largest = 0;

    for (size_t k = 0; k < u->n; k++)
        if (units_size(u, (uint32_t)k) > largest)
            largest = units_size(u, (uint32_t)k);
    return largest;
}

void units_shuffle(struct units *u, struct rng *r)
{
    order_units(u);
    for (size_t s = 0; s < u->n_strata; s++)
        rng_shuffle(r, u->order + u->first[s], u->first[s + 1] - u->first[s]);
}
