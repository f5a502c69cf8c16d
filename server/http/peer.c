/* Connections and their deadlines. libmicrohttpd's own timeout is idle time only: a client that
 * sends a byte a second would stay for ever. */
#include <stdlib.h>
#include <sys/socket.h>

#include "server/http/internal.h"

enum { MAX_END_MS = 500, CUT_EVERY_MS = 10 };

struct peer *peer_create(struct http *h, int fd)
{
    struct peer *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->h = h;
    p->fd = fd;
    p->deadline_ms = waiting_now_ms() + h->o.header_ms;
    pthread_mutex_lock(&h->mutex);
    p->next = h->peers;
    if (p->next)
        p->next->previous = p;
    h->peers = p;
    pthread_mutex_unlock(&h->mutex);
    return p;
}

/* Called before libmicrohttpd closes the descriptor, so none is cut that is another's by now. */
void peer_destroy(struct peer *p)
{
    struct http *h;

    if (!p)
        return;
    h = p->h;
    pthread_mutex_lock(&h->mutex);
    if (p->previous)
        p->previous->next = p->next;
    else
        h->peers = p->next;
    if (p->next)
        p->next->previous = p->previous;
    pthread_cond_broadcast(&h->idle_cond);
    pthread_mutex_unlock(&h->mutex);
    free(p);
}

void peer_deadline(struct peer *p, int64_t ms)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->h->mutex);
    p->deadline_ms = ms > 0 ? waiting_now_ms() + ms : 0;
    pthread_mutex_unlock(&p->h->mutex);
}

static void cut(struct peer *p)
{
    (void)shutdown(p->fd, SHUT_RDWR); /* fails where the client was faster */
    p->deadline_ms = 0;
}

void peer_reap(struct http *h, int64_t now_ms, int64_t *next_ms)
{
    for (struct peer *p = h->peers; p; p = p->next) {
        if (p->deadline_ms == 0)
            continue;
        if (p->deadline_ms <= now_ms)
            cut(p);
        else if (p->deadline_ms < *next_ms)
            *next_ms = p->deadline_ms;
    }
}

void peer_end_all(struct http *h)
{
    int64_t now_ms = waiting_now_ms(), until_ms = now_ms + MAX_END_MS;

    pthread_mutex_lock(&h->mutex);
    for (; h->peers && now_ms < until_ms; now_ms = waiting_now_ms()) {
        for (struct peer *p = h->peers; p; p = p->next)
            cut(p);
        (void)waiting_sleep(h, &h->idle_cond, now_ms + CUT_EVERY_MS); /* one may be coming in */
    }
    pthread_mutex_unlock(&h->mutex);
}
