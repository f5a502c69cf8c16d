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

static void hash_rows(const struct table *t, bool targets, uint64_t *hash)
{
    for (size_t j = 0; j < t->n_columns; j++)
        if (compared(&t->columns[j], targets))
            for (size_t i = 0; i < t->n_rows; i++)
                hash[i] = mix(hash[i] + cell_bits(&t->columns[j], i) + j);
}

enum err table_first_equal(const struct table *t, bool targets, uint32_t *first, struct error *e)
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
