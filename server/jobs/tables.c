/*
 * The tables of data sets, in memory as long as somebody uses them and the budget allows.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/jobs/private.h"
#include "server/store/store_dataset.h"

enum { KEY_BYTES = 40 };

struct order {
    struct store *store;
    int64_t dataset;
};

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

static enum err make_table(void *ctx, struct team *team, void **object, size_t *bytes,
                           struct error *e)
{
    const struct order *order = ctx;
    CLEANUP(close_reader) struct reader *r = NULL;
    struct table *t;
    enum err failed;

    (void)team;
    TRY(store_reader_open(order->store, &r, e));
    TRY(store_dataset_load(r, order->dataset, &t, e));
    failed = table_keep_first_equal(t, e);
    if (failed != ERR_OK) {
        table_destroy(t);
        return failed;
    }
    *object = t;
    *bytes = table_bytes(t);
    return ERR_OK;
}

static void destroy_table(void *object)
{
    table_destroy(object);
}

/* The slash at the end keeps table/1 apart from table/12. */
static void key_of(int64_t dataset, char key[KEY_BYTES])
{
    (void)snprintf(key, KEY_BYTES, "table/%" PRId64 "/", dataset);
}

enum err jobs_take_table(struct jobs *j, int64_t dataset, const struct table **out,
                         struct error *e)
{
    struct order order = {j->store, dataset};
    struct cache_maker maker = {make_table, destroy_table, &order, false};
    const void *object;
    char key[KEY_BYTES];

    key_of(dataset, key);
    TRY(cache_take(j->cache, key, maker, &object, e));
    *out = object;
    return ERR_OK;
}

static enum err give_table(void *ctx, struct team *team, void **object, size_t *bytes,
                           struct error *e)
{
    struct table **t = ctx;

    (void)team;
    TRY(table_keep_first_equal(*t, e));
    *object = *t;
    *bytes = table_bytes(*t);
    *t = NULL;
    return ERR_OK;
}

void jobs_keep_table(struct jobs *j, int64_t dataset, struct table **t)
{
    struct cache_maker maker = {give_table, destroy_table, t, false};
    struct error unused;
    const void *object;
    char key[KEY_BYTES];

    key_of(dataset, key);
    if (cache_take(j->cache, key, maker, &object, &unused) == ERR_OK)
        cache_release(j->cache, object);
}

void jobs_release_table(struct jobs *j, const struct table *t)
{
    cache_release(j->cache, t);
}

void jobs_forget_table(struct jobs *j, int64_t dataset)
{
    char key[KEY_BYTES];

    key_of(dataset, key);
    cache_drop(j->cache, key);
}
