/* The threads that run handlers that may take their time. */
#include <assert.h>
#include <stdlib.h>

#include "server/http/internal.h"

void workers_init(struct workers *w, struct http *h)
{
    w->h = h;
    pthread_cond_init(&w->cond, NULL); /* cannot fail with these attributes */
}

bool workers_take(struct workers *w, struct exchange *x)
{
    struct http *h = w->h;
    bool taken;

    pthread_mutex_lock(&h->mutex);
    taken = !h->stopping && w->n_queued < h->o.max_queue;
    if (taken) {
        MHD_suspend_connection(x->connection);
        x->next = NULL;
        if (w->last)
            w->last->next = x;
        else
            w->first = x;
        w->last = x;
        w->n_queued++;
        pthread_cond_signal(&w->cond);
    }
    pthread_mutex_unlock(&h->mutex);
    return taken;
}

/* The next request, or NULL at the end. Under the mutex. */
static struct exchange *next_work(struct workers *w)
{
    struct exchange *x;

    while (!w->first && !w->h->stopping)
        pthread_cond_wait(&w->cond, &w->h->mutex);
    x = w->first;
    if (!x)
        return NULL;
    w->first = x->next;
    if (!w->first)
        w->last = NULL;
    w->n_queued--;
    return x;
}

static void *work(void *arg)
{
    struct workers *w = arg;
    struct http *h = w->h;
    struct exchange *x;

    pthread_mutex_lock(&h->mutex);
    while ((x = next_work(w)) != NULL) {
        bool stopping = h->stopping;

        pthread_mutex_unlock(&h->mutex);
        if (stopping)
            response_problem(&x->r, 503, "the server is stopping");
        else
            exchange_run(x);
        assert(x->r.kind != RESPONSE_LATER); /* who has a thread does not wait for news */
        x->phase = PHASE_ANSWER;
        pthread_mutex_lock(&h->mutex);
        MHD_resume_connection(x->connection);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

enum err workers_start(struct workers *w, unsigned n_threads, struct error *e)
{
    w->threads = calloc(n_threads, sizeof *w->threads);
    if (!w->threads)
        return error_no_memory(e);
    for (; w->n_threads < n_threads; w->n_threads++)
        if (pthread_create(&w->threads[w->n_threads], NULL, work, w) != 0)
            return error_set(e, ERR_IO, "could not start a thread");
    return ERR_OK;
}

void workers_wake(struct workers *w)
{
    pthread_cond_broadcast(&w->cond);
}

void workers_finish(struct workers *w)
{
    for (unsigned i = 0; i < w->n_threads; i++)
        (void)pthread_join(w->threads[i], NULL); /* each was created */
    free(w->threads);
    pthread_cond_destroy(&w->cond);
}
