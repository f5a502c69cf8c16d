#include "tests/core/data/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum err tables_try(const char *text, const struct table_options *o, struct table **out,
                    struct error *e)
{
    struct table_options none = {0};
    struct memory_source m;
    struct table_file file = {&m.source, NULL};

    source_memory_init(&m, text, strlen(text));
    return table_read(&file, 1, o ? o : &none, TABLES_MAX_BYTES, out, e);
}

struct table *tables_read(const char *text, const struct table_options *o)
{
    struct table *t = NULL;
    struct error e = {0};

    if (tables_try(text, o, &t, &e) != ERR_OK)
        fail_msg("%s", e.message);
    return t;
}

const char *tables_warning(const struct table *t, const char *part)
{
    for (size_t i = 0; i < t->n_warnings; i++)
        if (strstr(t->warnings[i], part))
            return t->warnings[i];
    return NULL;
}

void tables_end(struct table **t)
{
    table_destroy(*t);
    *t = NULL;
}

static enum err trickle_read(void *ctx, void *out, size_t capacity, size_t *got, struct error *e)
{
    struct trickle *t = ctx;
    size_t n;

    t->seed = t->seed * 1664525 + 1013904223;
    n = 1 + (t->seed >> 16) % t->largest;
    return t->inner->read(t->inner->ctx, out, n < capacity ? n : capacity, got, e);
}

static enum err trickle_rewind(void *ctx, struct error *e)
{
    struct trickle *t = ctx;

    return t->inner->rewind(t->inner->ctx, e);
}

void tables_trickle(struct trickle *t, struct source *inner, unsigned seed, unsigned largest)
{
    *t = (struct trickle){{t, trickle_read, trickle_rewind}, inner, seed, largest};
}
