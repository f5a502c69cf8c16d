#include "server/api/bulletin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/clock.h"

enum { N_NOTICES = 32, RUNNING_MAX = 100 };

static const double FRESH_SECONDS = 0.25;
static const double MOST_OF_TIME = 0.05; /* that goes into writing one notice again and again */

/* What was written of one experiment. Where all are in use the oldest gives way. */
struct notice {
    int64_t experiment;
    double written_at, took; /* seconds; 0: it is empty */
    bool moves;              /* one of them is queued or running */
    struct buf lines;
};

struct bulletin {
    struct store *store;
    pthread_mutex_t lock; /* held while a notice is written: others wait for it, and read */
    struct notice notices[N_NOTICES];
};

enum err bulletin_create(struct store *s, struct bulletin **out, struct error *e)
{
    struct bulletin *b = calloc(1, sizeof *b);

    if (!b)
        return error_no_memory(e);
    b->store = s;
    pthread_mutex_init(&b->lock, NULL);
    *out = b;
    return ERR_OK;
}

void bulletin_destroy(struct bulletin *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < N_NOTICES; i++)
        buf_finish(&b->notices[i].lines);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* ---- writing ------------------------------------------------------------------------------- */

static enum err write_one(struct notice *n, struct reader *r, int64_t id, struct arena *a,
                          struct error *e)
{
    struct experiment_view x;
    struct json j;

    TRY(encode_experiment_read(r, id, a, &x, e));
    n->moves |= strcmp(x.record.state, "running") == 0 || strcmp(x.record.state, "queued") == 0;
    json_init(&j, &n->lines);
    encode_progress_event(&j, &x); /* and the line's end */
    return ERR_OK;
}

static enum err write_running(struct notice *n, struct reader *r, struct arena *a, struct error *e)
{
    struct experiment_query query = {.state = "running", .limit = RUNNING_MAX};
    struct experiment_list list;

    TRY(store_experiment_list(r, &query, a, &list, e));
    for (size_t i = 0; i < list.n; i++) {
        enum err failed = write_one(n, r, list.items[i].id, a, e);

        if (failed != ERR_NOT_FOUND) /* deleted since the list was read */
            TRY(failed);
    }
    return ERR_OK;
}

static enum err write_notice(struct bulletin *b, struct notice *n, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    double began = clock_seconds();
    struct reader *r;
    enum err failed;

    buf_clear(&n->lines);
    n->written_at = 0;
    n->moves = false;
    TRY(arena_create(1 << 14, &a, e));
    TRY(store_reader_acquire(b->store, &r, e));
    failed =
        n->experiment == 0 ? write_running(n, r, a, e) : write_one(n, r, n->experiment, a, e);
    store_reader_release(b->store, r);
    TRY(failed);
    TRY(buf_check(&n->lines, e));
    n->written_at = clock_seconds();
    n->took = n->written_at - began;
    return ERR_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The experiment's notice, or one that it may have. */
static struct notice *find(struct bulletin *b, int64_t experiment)
{
    struct notice *oldest = &b->notices[0];

    for (size_t i = 0; i < N_NOTICES; i++) {
        struct notice *n = &b->notices[i];

        if (n->experiment == experiment && n->written_at > 0)
            return n;
        if (n->written_at < oldest->written_at)
            oldest = n;
    }
    oldest->experiment = experiment;
    oldest->written_at = 0;
    return oldest;
}

static bool is_fresh(const struct notice *n)
{
    double lasts = n->took / MOST_OF_TIME;

    if (lasts < FRESH_SECONDS)
        lasts = FRESH_SECONDS;
    return n->written_at > 0 && clock_seconds() - n->written_at < lasts;
}

enum err bulletin_read(struct bulletin *b, int64_t experiment, struct buf *out, bool *moves,
                       struct error *e)
{
    enum err failed = ERR_OK;
    struct notice *n;

    pthread_mutex_lock(&b->lock);
    n = find(b, experiment);
    if (!is_fresh(n))
        failed = write_notice(b, n, e);
    if (failed == ERR_OK)
        buf_append(out, buf_text(&n->lines), n->lines.length);
    *moves = n->moves;
    pthread_mutex_unlock(&b->lock);
    return failed;
}
