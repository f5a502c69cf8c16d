/*
 * Rows with equal cells: a hash of every row, made column by column, then a table from hash to
 * the first row that has it, where candidates are compared cell by cell.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/table.h"

enum { EMPTY = UINT32_MAX };

/* splitmix64's finalizer, Steele et al. 2014. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* One more cell. A multiplication carries upwards only, and a short number has its bits at the top
 * of a double: so they are folded down, and what has come up is turned to the bottom. */
static uint64_t add_cell(uint64_t hash, uint64_t bits)
{
    return ((hash << 23 | hash >> 41) ^ bits ^ bits >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Equal numbers have equal bits here: one zero, one NaN. */
static uint64_t number_bits(double x)
{
    uint64_t bits;

    if (x != x)
        return 1;
    x += 0.0; /* -0 + 0 is 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint64_t cell_bits(const struct column *c, size_t row)
{
    return c->values ? number_bits(c->values[row]) : (uint64_t)(int64_t)c->codes[row];
}

static bool compared(const struct column *c, bool targets)
{
    return c->role == ROLE_FEATURE || (targets && c->role == ROLE_TARGET);
}

static bool rows_equal(const struct table *t, bool targets, size_t a, size_t b)
{
    for (size_t j = 0; j < t->n_columns; j++) {
        const struct column *c = &t->columns[j];

        if (compared(c, targets) && cell_bits(c, a) != cell_bits(c, b))
            return false;
    }
    return true;
}

/* Four columns of numbers in one pass over the hashes. */
static void hash_four(const double *const x[4], size_t n, uint64_t *hash)
{
    const double *a = x[0], *b = x[1], *c = x[2], *d = x[3];

    for (size_t i = 0; i < n; i++) {
        uint64_t h = add_cell(hash[i], number_bits(a[i]));

        h = add_cell(h, number_bits(b[i]));
        h = add_cell(h, number_bits(c[i]));
        hash[i] = add_cell(h, number_bits(d[i]));
    }
}

static void hash_column(const struct column *c, size_t n, uint64_t *hash)
{
    for (size_t i = 0; i < n; i++)
        hash[i] = add_cell(hash[i], cell_bits(c, i));
}

static void hash_rows(const struct table *t, bool targets, uint64_t *hash)
{
    const double *waiting[4];
    size_t n = 0;

    for (size_t j = 0; j < t->n_columns; j++) {
        const struct column *c = &t->columns[j];

        if (!compared(c, targets))
            continue;
        if (!c->values) {
            hash_column(c, t->n_rows, hash);
            continue;
        }
        waiting[n++] = c->values;
        if (n == 4)
            hash_four(waiting, t->n_rows, hash);
        n %= 4;
    }
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < t->n_rows; i++)
            hash[i] = add_cell(hash[i], number_bits(waiting[k][i]));
    for (size_t i = 0; i < t->n_rows; i++)
        hash[i] = mix(hash[i]);
}

static enum err find(const struct table *t, bool targets, uint32_t *first, struct error *e)
{
    CLEANUP(mem_free) uint64_t *hash = calloc(t->n_rows + 1, sizeof *hash);
    CLEANUP(mem_free) uint32_t *slots = NULL;
    size_t n_slots = 16;

    while (n_slots < 2 * t->n_rows)
        n_slots *= 2;
    slots = malloc(mem_size(n_slots, sizeof *slots));
    if (!hash || !slots)
        return error_no_memory(e);
    memset(slots, 0xff, n_slots * sizeof *slots);
    hash_rows(t, targets, hash);
    for (size_t i = 0; i < t->n_rows; i++) {
        size_t at = hash[i] & (n_slots - 1);

        while (slots[at] != EMPTY &&
               (hash[slots[at]] != hash[i] || !rows_equal(t, targets, slots[at], i)))
            at = (at + 1) & (n_slots - 1);
        if (slots[at] == EMPTY)
            slots[at] = (uint32_t)i;
        first[i] = slots[at];
    }
    return ERR_OK;
}

enum err table_first_equal(const struct table *t, bool targets, uint32_t *first, struct error *e)
{
    if (targets || !t->first_equal)
        return find(t, targets, first, e);
    memcpy(first, t->first_equal, t->n_rows * sizeof *first);
    return ERR_OK;
}

enum err table_keep_first_equal(struct table *t, struct error *e)
{
    CLEANUP(mem_free) uint32_t *first = calloc(t->n_rows + 1, sizeof *first);

    if (!first)
        return error_no_memory(e);
    TRY(find(t, false, first, e));
    free(t->first_equal);
    t->first_equal = first;
    first = NULL;
    return ERR_OK;
}
