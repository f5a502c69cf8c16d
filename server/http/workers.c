/* The threads that run handlers of writes, which may block for a commit. */
#include <stdlib.h>

#include "server/http/internal.h"

bool workers_take(struct exchange *x)
{
    struct http *h = x->h;
    bool taken;

    pthread_mutex_lock(&h->mutex);
    taken = !h->stopping && h->n_work < h->o.max_queue;
    if (taken) {
        MHD_suspend_connection(x->connection);
        x->next = NULL;
        if (h->last_work)
            h->last_work->next = x;
        else
            h->first_work = x;
        h->last_work = x;
        h->n_work++;
        pthread_cond_signal(&h->work_cond);
    }
    pthread_mutex_unlock(&h->mutex);
    return taken;
}

/* The next request, or NULL at the end. Under the mutex. */
static struct exchange *next_work(struct http *h)
{
    struct exchange *x;

    while (!h->first_work && !h->stopping)
        pthread_cond_wait(&h->work_cond, &h->mutex);
    x = h->first_work;
    if (!x)
        return NULL;
    h->first_work = x->next;
    if (!h->first_work)
        h->last_work = NULL;
    h->n_work--;
    return x;
}

static void *work(void *arg)
{
    struct http *h = arg;
    struct exchange *x;

    pthread_mutex_lock(&h->mutex);
    while ((x = next_work(h)) != NULL) {
        bool stopping = h->stopping;

        pthread_mutex_unlock(&h->mutex);
        if (stopping)
            response_problem(&x->r, 503, "the server is stopping");
        else
            exchange_run(x);
        x->phase = PHASE_ANSWER;
        pthread_mutex_lock(&h->mutex);
        MHD_resume_connection(x->connection);
    }
    pthread_mutex_unlock(&h->mutex);
    return NULL;
}

enum err workers_start(struct http *h, struct error *e)
{
    h->workers = calloc(h->o.n_workers, sizeof *h->workers);
    if (!h->workers)
        return error_no_memory(e);
    for (; h->n_workers < h->o.n_workers; h->n_workers++)
        if (pthread_create(&h->workers[h->n_workers], NULL, work, h) != 0)
            return error_set(e, ERR_IO, "could not start a thread");
    return ERR_OK;
}

void workers_join(struct http *h)
{
    for (unsigned i = 0; i < h->n_workers; i++)
        (void)pthread_join(h->workers[i], NULL); /* each was created */
    free(h->workers);
    h->workers = NULL;
    h->n_workers = 0;
}
