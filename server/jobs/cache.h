/*
 * Large read-only objects in use, one copy of each: parsed tables and prepared folds. An object
 * is made by the first who asks for it, others who do help, or wait; it is kept after its last use
 * as long as the memory budget allows, the least recently used going first.
 *
 * Within the same budget objects that change are parked between two uses: trainings that will go
 * on. Such a one belongs to the cache until it is fetched, or had to go.
 *
 * Threads   every call may run at once; objects are made outside the lock.
 */
#ifndef SWEEPD_SERVER_JOBS_CACHE_H
#define SWEEPD_SERVER_JOBS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/linalg/team.h"

struct cache;

/* How an object is made and destroyed. `team` is NULL unless the work can be shared: then make is
 * its owner, those who wait for the object join it, and make may let others join, too. */
struct cache_maker {
    enum err (*make)(void *ctx, struct team *team, void **object, size_t *bytes, struct error *e);
    void (*destroy)(void *object);
    void *ctx; /* for make, during cache_take */
    bool can_share;
};

enum err cache_create(uint64_t budget_bytes, struct cache **out, struct error *e);

/** Destroys everything; nothing is in use any more. */
void cache_destroy(struct cache *c);

/** The object under a key, made if need be. Release it with cache_release. */
enum err cache_take(struct cache *c, const char *key, struct cache_maker maker, const void **object,
                    struct error *e);

/** Gives back one taking of an object; NULL is ignored. */
void cache_release(struct cache *c, const void *object);

/**
 * Parks an object, whose key nobody else has. It needs one that was taken: a taking of that is
 * given back when it is destroyed, and else goes with it.
 *
 * Errors  ERR_NO_MEMORY: it is still the caller's
 */
enum err cache_park(struct cache *c, const char *key, void *object, size_t bytes,
                    void (*destroy)(void *object), const void *needs, struct error *e);

/** The parked object, which is the caller's again; NULL where it is gone. */
void *cache_fetch(struct cache *c, const char *key);

/** Destroys the unused objects whose keys begin with a prefix. */
void cache_drop(struct cache *c, const char *prefix);

/** Bytes of all objects. */
uint64_t cache_bytes(struct cache *c);

#endif
