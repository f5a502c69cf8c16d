/*
 * Experiments that cannot go on for want of memory, or because the database cannot be read: they are
 * left, as by a crash, and taken up again from what is stored of them: at once, then once a second
 * until it works.
 * Nothing is stored of the trouble, as it says nothing of the experiment; only one that lacks memory
 * while nothing else gets on is paused after some tries.
 */
#include <inttypes.h>

#include "server/jobs/command.h"
#include "server/jobs/private.h"
#include "server/log.h"
#include "server/store/store_experiment.h"

enum { MANY_TRIES = 10 };

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

static void try_at_once(struct note *n)
{
    struct jobs *j = OWNER(n, struct jobs, again);

    j->is_told = false;
    if (!atomic_load(&j->stopping))
        again_tick(j);
}

/* The first time; what goes wrong again may need a while. */
static void tell_of_first(struct jobs *j)
{
    bool is_first = !j->has_tried;

    j->has_tried = true;
    if (!is_first || j->is_told)
        return;
    j->is_told = true;
    j->again.act = try_at_once;
    conductor_tell(j->conductor, &j->again);
}

void again_later(struct jobs *j, int64_t id, const char *what, const struct error *e)
{
    struct error why = *e;
    bool is_news;

    (void)error_prefix(&why, "experiment %" PRId64 ": %s", id, what);
    pthread_mutex_lock(&j->lock);
    is_news = !j->is_waiting;
    j->is_waiting = true;
    j->why = why;
    pthread_mutex_unlock(&j->lock);
    j->is_due = true;
    j->n_short += e->code == ERR_NO_MEMORY;
    tell_of_first(j);
    if (is_news && !atomic_load(&j->stopping))
        log_write(LOG_WARNING, "%s; it is tried again", why.message);
}

bool again_is_waiting(struct jobs *j, struct error *why)
{
    bool waiting;

    pthread_mutex_lock(&j->lock);
    waiting = j->is_waiting;
    if (waiting)
        *why = j->why;
    pthread_mutex_unlock(&j->lock);
    return waiting;
}

bool again_is_vain(const struct jobs *j)
{
    return j->n_short >= MANY_TRIES;
}

void again_begin(struct jobs *j, int64_t id, struct command *c)
{
    struct search **end = &j->searches, *s = search_load(j, id);
    struct error e;

    if (!s) {
        (void)error_no_memory(&e);
        again_later(j, id, "it could not be loaded", &e);
    }
    if (!s || s->is_left) {
        search_destroy(s);
        if (c)
            command_end(c, ERR_OK); /* it begins by itself */
        return;
    }
    while (*end)
        end = &(*end)->next;
    *end = s;
    search_begin(s, c);
}

/* One that is left may still be there, until nothing of it is on its way: its turn comes then. */
static void take_up_one(struct jobs *j, int64_t id)
{
    const struct search *s = j->searches;

    while (s && s->id != id)
        s = s->next;
    if (s)
        j->is_due |= s->is_left;
    else if (!j->options.alone || id == j->only)
        again_begin(j, id, NULL);
}

static enum err take_up(struct jobs *j, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(close_reader) struct reader *r = NULL;
    int64_t *ids;
    size_t n;

    TRY(arena_create(4096, &a, e));
    TRY(store_reader_open(j->store, &r, e));
    TRY(store_experiment_unfinished(r, a, &n, &ids, e));
    for (size_t i = 0; i < n; i++)
        take_up_one(j, ids[i]);
    TRY(store_unseal_unfinished(r, a, &n, &ids, e));
    for (size_t i = 0; i < n && !j->options.alone; i++)
        if (unseal_begin(j, ids[i], e) != ERR_OK)
            again_later(j, ids[i], "its unsealing could not begin", e);
    return ERR_OK;
}

void again_tick(struct jobs *j)
{
    struct error e;

    if (!j->is_due)
        return;
    j->is_due = false;
    if (take_up(j, &e) != ERR_OK)
        again_later(j, j->only, "what has not ended could not be looked for", &e);
    if (j->is_due)
        return;
    pthread_mutex_lock(&j->lock);
    j->is_waiting = false;
    pthread_mutex_unlock(&j->lock);
    log_write(LOG_INFO, "what had to wait is taken up again");
}

void again_got_on(struct jobs *j)
{
    j->n_short = 0;
    j->has_tried = false;
}
