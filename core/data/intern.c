#include "core/data/intern.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

struct entry {
    size_t at; /* in the text */
    uint64_t hash;
};

struct intern {
    struct buf text;
    struct entry *entries;
    size_t n, capacity;
    int32_t *slots; /* a number, or -1; a power of two of them, at most half full */
    size_t n_slots;
};

/* FNV-1a, 64 bits. */
static uint64_t hash_text(const char *text, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static void enter(struct intern *in, int32_t id)
{
    size_t at = in->entries[id].hash & (in->n_slots - 1);

    while (in->slots[at] >= 0)
        at = (at + 1) & (in->n_slots - 1);
    in->slots[at] = id;
}

static enum err grow(struct intern *in, struct error *e)
{
    size_t n_slots = in->n_slots ? 2 * in->n_slots : 64;
    int32_t *slots = malloc(mem_size(n_slots, sizeof *slots));

    if (!slots)
        return error_no_memory(e);
    memset(slots, 0xff, n_slots * sizeof *slots);
    free(in->slots);
    in->slots = slots;
    in->n_slots = n_slots;
    for (size_t i = 0; i < in->n; i++)
        enter(in, (int32_t)i);
    return ERR_OK;
}

enum err intern_create(struct intern **out, struct error *e)
{
    struct intern *in = calloc(1, sizeof *in);

    if (!in)
        return error_no_memory(e);
    if (grow(in, e) != ERR_OK) {
        free(in);
        return ERR_NO_MEMORY;
    }
    *out = in;
    return ERR_OK;
}

void intern_destroy(struct intern *in)
{
    if (!in)
        return;
    buf_finish(&in->text);
    free(in->entries);
    free(in->slots);
    free(in);
}

static enum err append(struct intern *in, const char *text, size_t n, uint64_t hash,
                       struct error *e)
{
    void *entries = in->entries;

    if (in->n == INT32_MAX)
        return error_set(e, ERR_LIMIT, "a column has more than %d distinct texts", INT32_MAX);
    TRY(mem_grow(&entries, &in->capacity, in->n + 1, sizeof *in->entries, e));
    in->entries = entries;
    in->entries[in->n] = (struct entry){in->text.length, hash};
    buf_append(&in->text, text, n);
    buf_putc(&in->text, '\0');
    TRY(buf_check(&in->text, e));
    in->n++;
    return ERR_OK;
}

enum err intern_add(struct intern *in, const char *text, size_t n, int32_t *id, struct error *e)
{
    uint64_t hash = hash_text(text, n);
    size_t at = hash & (in->n_slots - 1);

    for (; in->slots[at] >= 0; at = (at + 1) & (in->n_slots - 1)) {
        const struct entry *x = &in->entries[in->slots[at]];

        if (x->hash == hash && strcmp(in->text.data + x->at, text) == 0) {
            *id = in->slots[at];
            return ERR_OK;
        }
    }
    TRY(append(in, text, n, hash, e));
    *id = (int32_t)(in->n - 1);
    if (2 * in->n > in->n_slots)
        return grow(in, e);
    in->slots[at] = *id;
    return ERR_OK;
}

size_t intern_count(const struct intern *in)
{
    return in->n;
}

const char *intern_text(const struct intern *in, size_t id)
{
    return in->text.data + in->entries[id].at;
}

size_t intern_bytes(const struct intern *in)
{
    return in->text.length;
}
