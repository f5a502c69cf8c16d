#include "server/jobs/conductor.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/clock.h"

struct conductor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t told;
    struct note *first, **last;
    bool stop;
    void (*tick)(void *ctx);
    void *ctx;
};

void conductor_tell(struct conductor *c, struct note *n)
{
    n->next = NULL;
    pthread_mutex_lock(&c->lock);
    if (!c->first) /* else it was woken already, and takes them all */
        pthread_cond_signal(&c->told);
    *c->last = n;
    c->last = &n->next;
    pthread_mutex_unlock(&c->lock);
}

/* All notes that have come; waits for one until `until`. NULL and *stop at the end. */
static struct note *take_notes(struct conductor *c, const struct timespec *until, bool *stop)
{
    struct note *notes;
    int timed_out = 0;

    pthread_mutex_lock(&c->lock);
    while (!c->first && !c->stop && !timed_out)
        timed_out = pthread_cond_timedwait(&c->told, &c->lock, until);
    notes = c->first;
    c->first = NULL;
    c->last = &c->first;
    *stop = c->stop && !notes;
    pthread_mutex_unlock(&c->lock);
    return notes;
}

static bool has_passed(const struct timespec *t)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return now.tv_sec > t->tv_sec || (now.tv_sec == t->tv_sec && now.tv_nsec >= t->tv_nsec);
}

static void *run(void *ctx)
{
    struct conductor *c = ctx;
    struct timespec next_tick;
    bool stop = false;

    (void)clock_gettime(CLOCK_MONOTONIC, &next_tick); /* cannot fail for this clock */
    while (!stop) {
        struct note *next;

        for (struct note *n = take_notes(c, &next_tick, &stop); n; n = next) {
            next = n->next;
            n->act(n);
        }
        if (!stop && has_passed(&next_tick)) {
            c->tick(c->ctx);
            (void)clock_gettime(CLOCK_MONOTONIC, &next_tick);
            next_tick.tv_sec++;
        }
    }
    return NULL;
}

enum err conductor_start(void (*tick)(void *ctx), void *ctx, struct conductor **out,
                         struct error *e)
{
    struct conductor *c = calloc(1, sizeof *c);
    int failed;

    if (!c)
        return error_no_memory(e);
    c->last = &c->first;
    c->tick = tick;
    c->ctx = ctx;
    pthread_mutex_init(&c->lock, NULL);
    clock_condition(&c->told);
    failed = pthread_create(&c->thread, NULL, run, c);
    if (failed) {
        free(c);
        return error_set(e, ERR_IO, "could not start the conductor: %s", strerror(failed));
    }
    *out = c;
    return ERR_OK;
}

void conductor_stop(struct conductor *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->told);
    pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->told);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
