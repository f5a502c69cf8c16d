/* Connections that wait for news, and the thread that watches the time. */
#include <poll.h>
#include <time.h>

#include "server/clock.h"
#include "server/http/internal.h"

enum { LOOK_EVERY_MS = 1000 };

int64_t waiting_now_ms(void)
{
    return (int64_t)(clock_seconds() * 1e3);
}

bool waiting_admit(struct http *h)
{
    bool admitted;

    pthread_mutex_lock(&h->mutex);
    admitted = h->n_streams < h->o.max_streams;
    h->n_streams += admitted;
    pthread_mutex_unlock(&h->mutex);
    return admitted;
}

void waiting_leave(struct http *h)
{
    pthread_mutex_lock(&h->mutex);
    h->n_streams--;
    pthread_mutex_unlock(&h->mutex);
}

void waiting_look(struct exchange *x)
{
    pthread_mutex_lock(&x->h->mutex);
    x->wakes_seen = x->h->wakes;
    pthread_mutex_unlock(&x->h->mutex);
}

static void look_at(struct exchange *x, int64_t until_ms)
{
    x->until_ms = until_ms;
    if (until_ms < x->h->next_look_ms)
        pthread_cond_signal(&x->h->watch_cond);
}

static void insert(struct exchange *x)
{
    struct http *h = x->h;

    x->previous = NULL;
    x->next = h->waiting;
    if (x->next)
        x->next->previous = x;
    h->waiting = x;
}

bool waiting_enter(struct exchange *x, int64_t until_ms, int64_t from_ms)
{
    struct http *h = x->h;
    bool stopping, woken;

    pthread_mutex_lock(&h->mutex);
    stopping = h->stopping;
    woken = h->wakes != x->wakes_seen;
    if (!stopping) {
        MHD_suspend_connection(x->connection);
        x->from_ms = from_ms;
        if (woken && from_ms <= waiting_now_ms()) {
            MHD_resume_connection(x->connection); /* others get their turn in between */
        } else {
            insert(x);
            look_at(x, woken ? from_ms : until_ms);
        }
    }
    pthread_mutex_unlock(&h->mutex);
    return !stopping;
}

static void resume(struct exchange *x)
{
    if (x->previous)
        x->previous->next = x->next;
    else
        x->h->waiting = x->next;
    if (x->next)
        x->next->previous = x->previous;
    MHD_resume_connection(x->connection);
}

static void resume_all(struct http *h)
{
    while (h->waiting)
        resume(h->waiting);
}

void http_wake(struct http *h)
{
    int64_t now_ms = waiting_now_ms();

    pthread_mutex_lock(&h->mutex);
    h->wakes++;
    for (struct exchange *x = h->waiting, *next; x; x = next) {
        next = x->next;
        if (x->from_ms <= now_ms)
            resume(x);
        else if (x->from_ms < x->until_ms)
            look_at(x, x->from_ms);
    }
    pthread_mutex_unlock(&h->mutex);
}

void waiting_end(struct http *h)
{
    pthread_mutex_lock(&h->mutex);
    h->stopping = true;
    resume_all(h);
    workers_wake(&h->writers);
    workers_wake(&h->readers);
    pthread_mutex_unlock(&h->mutex);
}

bool waiting_is_gone(struct exchange *x)
{
    bool gone;

    pthread_mutex_lock(&x->h->mutex);
    gone = x->is_gone;
    pthread_mutex_unlock(&x->h->mutex);
    return gone;
}

bool waiting_is_stopping(struct http *h)
{
    bool stopping;

    pthread_mutex_lock(&h->mutex);
    stopping = h->stopping;
    pthread_mutex_unlock(&h->mutex);
    return stopping;
}

/* ---- the watch ----------------------------------------------------------------------------- */

/* A suspended connection's end is not seen by libmicrohttpd. */
static bool has_left(const struct exchange *x)
{
    struct pollfd p = {.fd = x->peer ? x->peer->fd : -1, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void resume_due(struct http *h, int64_t now_ms, int64_t *next_ms)
{
    for (struct exchange *x = h->waiting, *next; x; x = next) {
        next = x->next;
        x->is_gone = has_left(x);
        if (x->is_gone || x->until_ms <= now_ms)
            resume(x);
        else if (x->until_ms < *next_ms)
            *next_ms = x->until_ms;
    }
}

bool waiting_sleep(struct http *h, pthread_cond_t *cond, int64_t until_ms)
{
    struct timespec t = {.tv_sec = (time_t)(until_ms / 1000),
                         .tv_nsec = (long)(until_ms % 1000) * 1000000};

    return pthread_cond_timedwait(cond, &h->mutex, &t) == 0;
}

static void *watch(void *arg)
{
    struct http *h = arg;

    pthread_mutex_lock(&h->mutex);
    while (!h->finished) {
        int64_t now_ms = waiting_now_ms(), next_ms = now_ms + LOOK_EVERY_MS;

        peer_reap(h, now_ms, &next_ms);
        resume_due(h, now_ms, &next_ms);
        h->next_look_ms = next_ms;
        /* The clock is cut to milliseconds. Looking early does no harm. */
        (void)waiting_sleep(h, &h->watch_cond, next_ms + 1);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

enum err waiting_start_watch(struct http *h, struct error *e)
{
    if (pthread_create(&h->watch, NULL, watch, h) != 0)
        return error_set(e, ERR_IO, "could not start a thread");
    h->has_watch = true;
    return ERR_OK;
}

void waiting_join_watch(struct http *h)
{
    if (!h->has_watch)
        return;
    pthread_mutex_lock(&h->mutex);
    h->finished = true;
    pthread_cond_broadcast(&h->watch_cond);
    pthread_mutex_unlock(&h->mutex);
    (void)pthread_join(h->watch, NULL); /* it was created */
}
