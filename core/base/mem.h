/*
 * Memory: checked sizes, aligned blocks, and arenas whose contents live and die together.
 */
#ifndef SWEEPD_CORE_BASE_MEM_H
#define SWEEPD_CORE_BASE_MEM_H

#include <stddef.h>

#include "core/base/error.h"

enum { MEM_ALIGN = 64 }; /* bytes: a cache line, and one AVX-512 vector */

/** n * size, or SIZE_MAX where that does not fit (which every allocator refuses). */
size_t mem_size(size_t n, size_t size);

/** n * size zeroed bytes aligned to MEM_ALIGN, or NULL; release with free(). */
void *mem_calloc(size_t n, size_t size);

/** The same, not zeroed. */
void *mem_alloc(size_t n, size_t size);

/** Grows a malloc'ed array to hold `want` elements, at least doubling `*capacity`. */
enum err mem_grow(void **array, size_t *capacity, size_t want, size_t size, struct error *e);

/** free(*p) and sets it to NULL: for CLEANUP of any pointer variable. */
void mem_free(void *p);

/**
 * An arena: allocations cost a pointer bump and are released all at once.
 * One thread at a time.
 */
struct arena;

enum err arena_create(size_t block_bytes, struct arena **out, struct error *e);
void arena_destroy(struct arena *a);

/** Forgets all contents; the memory is kept for reuse. */
void arena_reset(struct arena *a);

/** n * size zeroed bytes aligned to 16 (64 from 64 bytes on), or NULL when memory is out. */
void *arena_alloc(struct arena *a, size_t n, size_t size);

/** A copy of a string, or NULL when memory is out. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);

/** A formatted string, or NULL when memory is out. */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** CLEANUP form: destroys *a. */
void arena_end(struct arena **a);

#endif
