#include "server/jobs/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"

/* What one who waits sleeps before it looks again whether there is something to help with. */
static const double NAP_SECONDS = 0.0002;

struct entry {
    struct entry *next; /* most recently used first */
    char *key;
    void *object;      /* NULL while it is being made */
    struct team *team; /* of those who make it now, where that can be shared */
    size_t bytes;
    size_t users;         /* those who wait for it included */
    struct error failure; /* why it could not be made; code ERR_OK if it could */
    void (*destroy)(void *object);
    struct entry *needs; /* of one that is parked: is used by it */
};

struct cache {
    pthread_mutex_t lock;
    pthread_cond_t made;
    struct entry *entries;
    uint64_t budget, bytes;
};

enum err cache_create(uint64_t budget_bytes, struct cache **out, struct error *e)
{
    struct cache *c = calloc(1, sizeof *c);

    if (!c)
        return error_no_memory(e);
    c->budget = budget_bytes;
    pthread_mutex_init(&c->lock, NULL);
    clock_condition(&c->made);
    *out = c;
    return ERR_OK;
}

static void entry_destroy(struct entry *entry)
{
    if (entry->object)
        entry->destroy(entry->object);
    free(entry->key);
    free(entry);
}

/* Unlinks and destroys *link, which nobody uses. */
static void remove_entry(struct cache *c, struct entry **link)
{
    struct entry *gone = *link;

    *link = gone->next;
    c->bytes -= gone->bytes;
    if (gone->needs)
        gone->needs->users--;
    entry_destroy(gone);
}

void cache_destroy(struct cache *c)
{
    if (!c)
        return;
    cache_drop(c, ""); /* those first that need others */
    while (c->entries)
        remove_entry(c, &c->entries);
    pthread_cond_destroy(&c->made);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry **find_key(struct cache *c, const char *key)
{
    struct entry **link = &c->entries;

    while (*link && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    return link;
}

static void move_to_front(struct cache *c, struct entry **link)
{
    struct entry *entry = *link;

    *link = entry->next;
    entry->next = c->entries;
    c->entries = entry;
}

/* The least recently used entry without users is the last such in the list. */
static struct entry **find_unused(struct cache *c)
{
    struct entry **last = NULL;

    for (struct entry **link = &c->entries; *link; link = &(*link)->next)
        if ((*link)->users == 0)
            last = link;
    return last;
}

static void trim(struct cache *c)
{
    struct entry **unused;

    while (c->bytes > c->budget && (unused = find_unused(c)))
        remove_entry(c, unused);
}

static struct entry *entry_create(const char *key, struct cache_maker maker)
{
    struct entry *entry = calloc(1, sizeof *entry);

    if (!entry)
        return NULL;
    *entry = (struct entry){.key = strdup(key), .users = 1, .destroy = maker.destroy};
    if (!entry->key) {
        free(entry);
        return NULL;
    }
    return entry;
}

/* Nobody joins any more: that is done under the lock. */
static void dissolve(struct cache *c, struct team *team)
{
    pthread_mutex_unlock(&c->lock);
    team_close(team);
    team_destroy(team);
    pthread_mutex_lock(&c->lock);
}

/* Makes a new entry's object; the lock is not held meanwhile. */
static void make_object(struct cache *c, struct entry *entry, struct cache_maker maker)
{
    struct team *team = entry->team;
    void *object = NULL;
    size_t bytes = 0;
    struct error failure = {0};

    pthread_mutex_unlock(&c->lock);
    if (maker.make(maker.ctx, team, &object, &bytes, &failure) != ERR_OK) {
        object = NULL;
        bytes = 0;
    }
    pthread_mutex_lock(&c->lock);
    entry->failure = failure;
    entry->object = object;
    entry->bytes = bytes;
    entry->team = NULL;
    c->bytes += bytes;
    pthread_cond_broadcast(&c->made);
    if (team)
        dissolve(c, team);
}

static bool stay(void *ctx)
{
    (void)ctx;
    return true; /* until the team closes */
}

/* Waits until the entry's object is made; or helps while there is work to share, and sleeps a
 * little. */
static void help_or_wait(struct cache *c, const struct entry *entry)
{
    struct team *team = entry->team;
    size_t seat;

    if (!team) {
        pthread_cond_wait(&c->made, &c->lock);
        return;
    }
    if (team_join(team, &seat)) {
        pthread_mutex_unlock(&c->lock);
        team_help(team, seat, stay, NULL);
        team_leave(team, seat);
        pthread_mutex_lock(&c->lock);
    }
    if (entry->team) {
        struct timespec until = clock_after(NAP_SECONDS);

        (void)pthread_cond_timedwait(&c->made, &c->lock, &until); /* made or not: it looks again */
    }
}

/* One user less; an entry whose making failed goes with its last one. */
static void leave(struct cache *c, struct entry *entry)
{
    entry->users--;
    if (entry->users == 0 && entry->failure.code != ERR_OK) {
        struct entry **link = &c->entries;

        while (*link != entry)
            link = &(*link)->next;
        remove_entry(c, link);
    }
    trim(c);
}

static enum err take_locked(struct cache *c, const char *key, struct cache_maker maker,
                            const void **object, struct error *e)
{
    struct entry **link = find_key(c, key), *entry = *link;
    enum err failed;

    if (entry) {
        entry->users++;
        move_to_front(c, link);
        while (!entry->object && entry->failure.code == ERR_OK)
            help_or_wait(c, entry);
    } else {
        entry = entry_create(key, maker);
        if (!entry)
            return error_no_memory(e);
        failed = maker.can_share ? team_create(&entry->team, e) : ERR_OK;
        if (failed != ERR_OK) {
            entry_destroy(entry);
            return failed;
        }
        entry->next = c->entries;
        c->entries = entry;
        make_object(c, entry, maker);
    }
    failed = entry->failure.code;
    if (failed != ERR_OK) {
        if (e)
            *e = entry->failure;
        leave(c, entry);
        return failed;
    }
    *object = entry->object;
    trim(c);
    return ERR_OK;
}

enum err cache_take(struct cache *c, const char *key, struct cache_maker maker, const void **object,
                    struct error *e)
{
    enum err failed;

    pthread_mutex_lock(&c->lock);
    failed = take_locked(c, key, maker, object, e);
    pthread_mutex_unlock(&c->lock);
    return failed;
}

void cache_release(struct cache *c, const void *object)
{
    if (!object)
        return;
    pthread_mutex_lock(&c->lock);
    for (struct entry *entry = c->entries; entry; entry = entry->next)
        if (entry->object == object) {
            leave(c, entry);
            break;
        }
    pthread_mutex_unlock(&c->lock);
}

void cache_drop(struct cache *c, const char *prefix)
{
    pthread_mutex_lock(&c->lock);
    for (struct entry **link = &c->entries; *link;)
        if ((*link)->users == 0 && strncmp((*link)->key, prefix, strlen(prefix)) == 0)
            remove_entry(c, link);
        else
            link = &(*link)->next;
    pthread_mutex_unlock(&c->lock);
}

enum err cache_park(struct cache *c, const char *key, void *object, size_t bytes,
                    void (*destroy)(void *object), const void *needs, struct error *e)
{
    struct entry *entry = entry_create(key, (struct cache_maker){.destroy = destroy});

    if (!entry)
        return error_no_memory(e);
    entry->object = object;
    entry->bytes = bytes;
    entry->users = 0;
    pthread_mutex_lock(&c->lock);
    entry->needs = c->entries;
    while (entry->needs->object != needs)
        entry->needs = entry->needs->next;
    entry->next = c->entries;
    c->entries = entry;
    c->bytes += bytes;
    trim(c);
    pthread_mutex_unlock(&c->lock);
    return ERR_OK;
}

void *cache_fetch(struct cache *c, const char *key)
{
    struct entry **link, *entry;
    void *object = NULL;

    pthread_mutex_lock(&c->lock);
    link = find_key(c, key);
    entry = *link;
    if (entry) {
        object = entry->object;
        *link = entry->next;
        c->bytes -= entry->bytes;
        free(entry->key);
        free(entry);
    }
    pthread_mutex_unlock(&c->lock);
    return object;
}

uint64_t cache_bytes(struct cache *c)
{
    uint64_t bytes;

    pthread_mutex_lock(&c->lock);
    bytes = c->bytes;
    pthread_mutex_unlock(&c->lock);
    return bytes;
}
