#include "core/data/source.h"

#include <string.h>

static enum err memory_read(void *ctx, void *out, size_t capacity, size_t *got, struct error *e)
{
    struct memory_source *m = ctx;
    size_t n = m->n - m->position;

    (void)e;
    if (n > capacity)
        n = capacity;
    if (n > 0)
        memcpy(out, m->bytes + m->position, n);
    m->position += n;
    *got = n;
    return ERR_OK;
}

static enum err memory_rewind(void *ctx, struct error *e)
{
    struct memory_source *m = ctx;

    (void)e;
    m->position = 0;
    return ERR_OK;
}

void source_memory_init(struct memory_source *m, const void *bytes, size_t n)
{
    *m = (struct memory_source){
        .source = {m, memory_read, memory_rewind},
        .bytes = bytes,
        .n = n,
    };
}

enum err source_fill(const struct source *s, void *out, size_t capacity, size_t *got,
                     struct error *e)
{
    size_t n = 0, more = 1;

    while (n < capacity && more > 0) {
        TRY(s->read(s->ctx, (char *)out + n, capacity - n, &more, e));
        n += more;
    }
    *got = n;
    return ERR_OK;
}
