#include "core/search/keyset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* FNV-1a; the slot decides nothing but speed. */
static uint64_t hash(const char *key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

/* The key's slot, or the free one where it would go. */
static size_t find_slot(char *const *slots, size_t capacity, const char *key)
{
    size_t i = (size_t)hash(key) & (capacity - 1);

    while (slots[i] && strcmp(slots[i], key) != 0)
        i = (i + 1) & (capacity - 1);
    return i;
}

bool keyset_has(const struct keyset *k, const char *key)
{
    return k->capacity > 0 && k->slots[find_slot(k->slots, k->capacity, key)];
}

static enum err grow(struct keyset *k, struct error *e)
{
    size_t capacity = k->capacity > 0 ? 2 * k->capacity : 64;
    char **slots = calloc(capacity, sizeof *slots);

    if (!slots)
        return error_no_memory(e);
    for (size_t i = 0; i < k->capacity; i++)
        if (k->slots[i])
            slots[find_slot(slots, capacity, k->slots[i])] = k->slots[i];
    free(k->slots);
    k->slots = slots;
    k->capacity = capacity;
    return ERR_OK;
}

enum err keyset_add(struct keyset *k, const char *key, struct error *e)
{
    size_t i;

    if (2 * (k->n + 1) > k->capacity)
        TRY(grow(k, e));
    i = find_slot(k->slots, k->capacity, key);
    if (k->slots[i])
        return ERR_OK;
    k->slots[i] = strdup(key);
    if (!k->slots[i])
        return error_no_memory(e);
    k->n++;
    return ERR_OK;
}

void keyset_finish(struct keyset *k)
{
    for (size_t i = 0; i < k->capacity; i++)
        free(k->slots[i]);
    free(k->slots);
    memset(k, 0, sizeof *k);
}
