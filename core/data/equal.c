/*
 * Rows with equal cells: a hash of every row, made column by column, and a table from hash to the
 * first row that has it, where candidates are compared cell by cell. Of a long table it is filled for
 * one part of all hashes at a time, so that it stays small beside the data.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/table.h"

enum { EMPTY = UINT32_MAX, BLOCK = 4096, PART_ROWS = 1 << 22 };

struct slot {
    uint32_t row; /* EMPTY: free */
    uint32_t tag; /* the upper half of its hash */
};

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

static void hash_codes(const struct column *c, size_t from, size_t n, uint64_t *hash)
{
    for (size_t i = 0; i < n; i++)
        hash[i] = add_cell(hash[i], cell_bits(c, from + i));
}

/* Of n rows. */
static void hash_rows(const struct table *t, bool targets, size_t from, size_t n, uint64_t *hash)
{
    const double *waiting[4];
    size_t n_waiting = 0;

    memset(hash, 0, n * sizeof *hash);
    for (size_t j = 0; j < t->n_columns; j++) {
        const struct column *c = &t->columns[j];

        if (!compared(c, targets))
            continue;
        if (!c->values) {
            hash_codes(c, from, n, hash);
            continue;
        }
        waiting[n_waiting++] = c->values + from;
        if (n_waiting == 4)
            hash_four(waiting, n, hash);
        n_waiting %= 4;
    }
    for (size_t k = 0; k < n_waiting; k++)
        for (size_t i = 0; i < n; i++)
            hash[i] = add_cell(hash[i], number_bits(waiting[k][i]));
    for (size_t i = 0; i < n; i++)
        hash[i] = mix(hash[i]);
}

/* The part that a hash is in: its first bits. */
static size_t part_of(uint64_t hash, unsigned bits)
{
    return bits > 0 ? (size_t)(hash >> (64 - bits)) : 0;
}

/* The rows of the part that has most; counts: (2^bits), zeros. */
static size_t count_most(const struct table *t, bool targets, unsigned bits, size_t *counts)
{
    uint64_t hash[BLOCK];
    size_t most = 0;

    for (size_t from = 0; from < t->n_rows; from += BLOCK) {
        size_t n = t->n_rows - from < BLOCK ? t->n_rows - from : BLOCK;

        hash_rows(t, targets, from, n, hash);
        for (size_t i = 0; i < n; i++) {
            size_t *count = &counts[part_of(hash[i], bits)];

            *count += 1;
            most = *count > most ? *count : most;
        }
    }
    return most;
}

/* The first row that equals this one; itself, which is entered, where there was none. */
static uint32_t put(const struct table *t, bool targets, size_t row, uint64_t hash,
                    struct slot *slots, size_t n_slots)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = hash & (n_slots - 1);

    while (slots[at].row != EMPTY &&
           (slots[at].tag != tag || !rows_equal(t, targets, slots[at].row, row)))
        at = (at + 1) & (n_slots - 1);
    if (slots[at].row == EMPTY)
        slots[at] = (struct slot){(uint32_t)row, tag};
    return slots[at].row;
}

static void find_part(const struct table *t, bool targets, unsigned bits, size_t part,
                      struct slot *slots, size_t n_slots, uint32_t *first)
{
    uint64_t hash[BLOCK];

    memset(slots, 0xff, n_slots * sizeof *slots);
    for (size_t from = 0; from < t->n_rows; from += BLOCK) {
        size_t n = t->n_rows - from < BLOCK ? t->n_rows - from : BLOCK;

        hash_rows(t, targets, from, n, hash);
        for (size_t i = 0; i < n; i++)
            if (part_of(hash[i], bits) == part)
                first[from + i] = put(t, targets, from + i, hash[i], slots, n_slots);
    }
}

static enum err find(const struct table *t, bool targets, uint32_t *first, struct error *e)
{
    CLEANUP(mem_free) struct slot *slots = NULL;
    CLEANUP(mem_free) size_t *counts = NULL;
    size_t n_slots = 16, most = t->n_rows;
    unsigned bits = 0;

    while (t->n_rows >> bits > PART_ROWS)
        bits++;
    if (bits > 0) {
        counts = calloc((size_t)1 << bits, sizeof *counts);
        if (!counts)
            return error_no_memory(e);
        most = count_most(t, targets, bits, counts);
    }
    while (n_slots < 2 * most)
        n_slots *= 2;
    slots = malloc(mem_size(n_slots, sizeof *slots));
    if (!slots)
        return error_no_memory(e);
    for (size_t part = 0; part < (size_t)1 << bits; part++)
        find_part(t, targets, bits, part, slots, n_slots, first);
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
