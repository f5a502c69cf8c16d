#include "server/jobs/room.h"

#include <pthread.h>
#include <stdlib.h>

#include "server/log.h"
#include "server/store/store.h"

struct room {
    struct store *store;
    pthread_mutex_t lock; /* of what follows */
    uint64_t max_db_bytes, min_free_bytes;
    bool full;
    struct error why;
};

enum err room_create(struct store *s, uint64_t max_db_bytes, uint64_t min_free_bytes,
                     struct room **out, struct error *e)
{
    struct room *r = calloc(1, sizeof *r);

    if (!r)
        return error_no_memory(e);
    r->store = s;
    r->max_db_bytes = max_db_bytes;
    r->min_free_bytes = min_free_bytes;
    pthread_mutex_init(&r->lock, NULL);
    *out = r;
    return ERR_OK;
}

void room_destroy(struct room *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void room_limit(struct room *r, uint64_t max_db_bytes, uint64_t min_free_bytes)
{
    pthread_mutex_lock(&r->lock);
    r->max_db_bytes = max_db_bytes;
    r->min_free_bytes = min_free_bytes;
    pthread_mutex_unlock(&r->lock);
}

static enum err judge(const struct room *r, const struct store_facts *f, struct error *e)
{
    uint64_t used = (uint64_t)((f->pages - f->free_pages) * f->page_bytes);

    if (r->max_db_bytes > 0 && used >= r->max_db_bytes)
        return error_set(e, ERR_NO_SPACE,
                         "the database holds %llu bytes, and --max-db-bytes allows %llu: delete "
                         "what is not needed, or allow more",
                         (unsigned long long)used, (unsigned long long)r->max_db_bytes);
    if (f->disk_free_bytes < r->min_free_bytes)
        return error_set(e, ERR_NO_SPACE,
                         "the database's file system has %llu bytes free, and --min-free-bytes "
                         "keeps %llu: make room there",
                         (unsigned long long)f->disk_free_bytes,
                         (unsigned long long)r->min_free_bytes);
    return ERR_OK;
}

/* Says once that it has changed. */
static void note(struct room *r, bool full, const struct error *why)
{
    if (full && !r->full)
        log_write(LOG_WARNING, "no fold is begun: %s", why->message);
    if (!full && r->full)
        log_write(LOG_INFO, "there is room again: searches go on");
    r->full = full;
    if (full)
        r->why = *why;
}

enum err room_look(struct room *r, struct error *e)
{
    struct store_facts facts;
    struct error why = {0};
    bool full;

    TRY(store_facts(r->store, &facts, e));
    pthread_mutex_lock(&r->lock);
    full = judge(r, &facts, &why) != ERR_OK;
    note(r, full, &why);
    pthread_mutex_unlock(&r->lock);
    if (full && e)
        *e = why;
    return full ? ERR_NO_SPACE : ERR_OK;
}

bool room_is_full(struct room *r, struct error *why)
{
    bool full;

    pthread_mutex_lock(&r->lock);
    full = r->full;
    if (full)
        *why = r->why;
    pthread_mutex_unlock(&r->lock);
    return full;
}
