#define _DEFAULT_SOURCE /* madvise */
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct block {
    struct block *next;
    size_t bytes; /* usable, after the header */
    size_t used;
    _Alignas(MEM_ALIGN) unsigned char data[];
};

struct arena {
    struct block *first, *current;
    size_t block_bytes;
};

size_t mem_size(size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes;
}

static size_t round_up(size_t n, size_t multiple)
{
    return n > SIZE_MAX - multiple ? SIZE_MAX : (n + multiple - 1) / multiple * multiple;
}

static size_t whole_lines(size_t n, size_t size)
{
    size_t bytes = mem_size(n, size);

    return round_up(bytes == 0 ? 1 : bytes, MEM_ALIGN);
}

/* From this size on a block begins with a large page, and asks for such pages: fewer of them have
 * to be made and looked up. A 50,000 x 784 fold is prepared in two thirds of the time. */
enum { LARGE_PAGE = 2 << 20, LARGE_BLOCK = 4 << 20 };

void *mem_alloc(size_t n, size_t size)
{
    size_t bytes = whole_lines(n, size);
    void *p;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes < LARGE_BLOCK)
        return aligned_alloc(MEM_ALIGN, bytes);
    p = aligned_alloc(LARGE_PAGE, round_up(bytes, LARGE_PAGE));
    if (p)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* without them it takes longer */
    return p;
}

void *mem_calloc(size_t n, size_t size)
{
    void *p = mem_alloc(n, size);

    if (p)
        memset(p, 0, whole_lines(n, size));
    return p;
}

enum err mem_grow(void **array, size_t *capacity, size_t want, size_t size, struct error *e)
{
    size_t n = *capacity;
    void *p;

    if (want <= n)
        return ERR_OK;
    n = n < 8 ? 8 : n + n / 2;
    if (n < want)
        n = want;
    p = mem_size(n, size) == SIZE_MAX ? NULL : realloc(*array, n * size);
    if (!p)
        return error_no_memory(e);
    *array = p;
    *capacity = n;
    return ERR_OK;
}

void mem_free(void *p)
{
    void **variable = p;

    free(*variable);
    *variable = NULL;
}

static struct block *block_create(size_t bytes)
{
    struct block *b = mem_calloc(1, sizeof *b + bytes);

    if (b)
        b->bytes = bytes;
    return b;
}

enum err arena_create(size_t block_bytes, struct arena **out, struct error *e)
{
    struct arena *a = calloc(1, sizeof *a);

    if (!a)
        return error_no_memory(e);
    a->block_bytes = block_bytes;
    *out = a;
    return ERR_OK;
}

void arena_destroy(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

void arena_end(struct arena **a)
{
    arena_destroy(*a);
    *a = NULL;
}

void arena_reset(struct arena *a)
{
    for (struct block *b = a->first; b; b = b->next)
        b->used = 0;
    a->current = a->first;
}

/* The first block from the current one on that has room, made at the end where none has. */
static struct block *find_room(struct arena *a, size_t bytes, size_t align)
{
    struct block **link = a->current ? &a->current : &a->first;

    for (struct block *b = *link; b; b = b->next) {
        size_t start = round_up(b->used, align);

        if (start <= b->bytes && bytes <= b->bytes - start)
            return b;
        link = &b->next;
    }
    *link = block_create(bytes > a->block_bytes ? bytes : a->block_bytes);
    return *link;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    size_t bytes = mem_size(n, size);
    size_t align = bytes >= MEM_ALIGN ? MEM_ALIGN : 16;
    struct block *b;
    void *p;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    b = find_room(a, bytes, align);
    if (!b)
        return NULL;
    a->current = b;
    p = b->data + round_up(b->used, align);
    b->used = round_up(b->used, align) + bytes;
    memset(p, 0, bytes);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1, 1);

    if (copy)
        memcpy(copy, s, n);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    char *s = NULL;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0)
        s = arena_alloc(a, (size_t)n + 1, 1);
    if (s)
        (void)vsnprintf(s, (size_t)n + 1, format, again);
    va_end(again);
    return s;
}
