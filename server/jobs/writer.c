#include "server/jobs/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/clock.h"
#include "server/log.h"
#include "server/store/store.h"
#include "server/store/txn.h"

enum { GROUP_MAX = 256, GROUP_WAIT_MS = 10, RETRY_FIRST_MS = 100, RETRY_LAST_MS = 5000 };

/* A call is a write whose maker waits on `ended`. */
struct call {
    struct write write;
    enum err (*apply)(struct store *s, void *ctx, struct error *e);
    void *ctx;
    enum err result;
    struct error error;
    bool ended;
};

struct writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled; /* something was queued, or stop; its clock is the monotonic one */
    pthread_cond_t ended;  /* a call has ended */
    struct write *first, **last;
    size_t n_queued, n_hurry; /* of all writes, and of those that somebody waits for */
    struct store *store;
    void (*written)(void *ctx);
    void *ctx;
    bool stop;
    bool gone; /* nothing will be taken off the queue any more */
    bool degraded;
    struct error why;
    struct histogram transactions;
    atomic_uint_fast64_t failed; /* of them */
};

enum err also_apply(const struct also *also, struct store *s, struct error *e)
{
    return also->apply ? also->apply(s, also->ctx, e) : ERR_OK;
}

static enum err apply_call(struct store *s, struct write *w, struct error *e)
{
    struct call *c = (struct call *)w;

    return c->apply(s, c->ctx, e);
}

static bool is_call(const struct write *w)
{
    return w->apply == apply_call;
}

static bool is_in_hurry(const struct write *w)
{
    return w->urgent || is_call(w);
}

/* False where it came too late. The writer is woken only by what it waits for. */
static bool append(struct writer *w, struct write *one)
{
    if (w->gone)
        return false;
    one->next = NULL;
    *w->last = one;
    w->last = &one->next;
    w->n_hurry += is_in_hurry(one);
    if (++w->n_queued == 1 || is_in_hurry(one) || w->n_queued == GROUP_MAX)
        pthread_cond_signal(&w->filled);
    return true;
}

static enum err refuse(struct error *e)
{
    return error_set(e, ERR_BUSY, "the daemon is stopping");
}

void writer_post(struct writer *w, struct write *one)
{
    struct error late;
    bool appended;

    pthread_mutex_lock(&w->lock);
    appended = append(w, one);
    pthread_mutex_unlock(&w->lock);
    if (appended)
        return;
    (void)refuse(&late);
    one->done(one, &late);
}

enum err writer_call(struct writer *w,
                     enum err (*apply)(struct store *s, void *ctx, struct error *e), void *ctx,
                     struct error *e)
{
    struct call c = {.write = {.apply = apply_call, .durable = true}, .apply = apply, .ctx = ctx};

    pthread_mutex_lock(&w->lock);
    if (!append(w, &c.write)) {
        c.result = refuse(&c.error);
        c.ended = true;
    }
    while (!c.ended)
        pthread_cond_wait(&w->ended, &w->lock);
    pthread_mutex_unlock(&w->lock);
    if (c.result != ERR_OK && e)
        *e = c.error;
    return c.result;
}

struct writer_facts writer_facts(struct writer *w)
{
    struct writer_facts facts = {&w->transactions, atomic_load(&w->failed), 0};

    pthread_mutex_lock(&w->lock);
    facts.n_queued = w->n_queued;
    pthread_mutex_unlock(&w->lock);
    return facts;
}

static void count_transaction(struct writer *w, double began, enum err failed)
{
    histogram_add(&w->transactions, clock_seconds() - began);
    if (failed != ERR_OK)
        atomic_fetch_add(&w->failed, 1);
}

bool writer_degraded(struct writer *w, struct error *why)
{
    bool degraded;

    pthread_mutex_lock(&w->lock);
    degraded = w->degraded;
    if (degraded)
        *why = w->why;
    pthread_mutex_unlock(&w->lock);
    return degraded;
}

static void set_degraded(struct writer *w, const struct error *e)
{
    pthread_mutex_lock(&w->lock);
    if (e && !w->degraded)
        log_write(LOG_ERROR, "results cannot be written, trying again: %s (%s)", e->message,
                  e->detail);
    if (!e && w->degraded)
        log_write(LOG_INFO, "results are written again");
    w->degraded = e != NULL;
    if (e)
        w->why = *e;
    pthread_mutex_unlock(&w->lock);
}

static enum txn_durability durability_of(const struct write *first, size_t n)
{
    for (; n > 0; n--, first = first->next)
        if (first->durable)
            return TXN_DURABLE;
    return TXN_RELAXED;
}

/* Applies `n` posts from `first` on, all of them or none. */
static enum err apply_group(struct store *s, struct write *first, size_t n, struct error *e)
{
    CLEANUP(txn_end) struct txn txn = {0}; /* rolls back unless committed */

    TRY(txn_begin_group(s, durability_of(first, n), &txn, e));
    for (; n > 0; n--, first = first->next)
        TRY(first->apply(s, first, e));
    return txn_commit(&txn, e);
}

static enum err write_group(struct writer *w, struct write *first, size_t n, struct error *e)
{
    double began = clock_seconds();
    enum err failed = apply_group(w->store, first, n, e);

    count_transaction(w, began, failed);
    return failed;
}

/* What may go away by itself: a full disk, a lock that a person's shell holds. */
bool writer_may_pass(enum err code)
{
    return code == ERR_NO_SPACE || code == ERR_BUSY || code == ERR_NO_MEMORY || code == ERR_IO;
}

/* Calls that are queued behind posts which are tried again are told the reason instead. */
static void refuse_calls(struct writer *w, const struct error *why)
{
    for (struct write **link = &w->first; *link;) {
        struct call *c = (struct call *)*link;

        if (!is_call(*link)) {
            link = &(*link)->next;
            continue;
        }
        *link = c->write.next;
        w->n_queued--;
        w->n_hurry--;
        c->result = why->code;
        c->error = *why;
        c->ended = true;
    }
    w->last = &w->first;
    while (*w->last)
        w->last = &(*w->last)->next;
    pthread_cond_broadcast(&w->ended);
}

/* Waits before posts are tried again, refusing calls meanwhile; false once it is time to stop. */
static bool wait_to_retry(struct writer *w, long ms, const struct error *why)
{
    struct timespec until = clock_after(1e-3 * (double)ms);
    int timed_out = 0;
    bool stop;

    pthread_mutex_lock(&w->lock);
    refuse_calls(w, why);
    while (!w->stop && !timed_out) {
        timed_out = pthread_cond_timedwait(&w->filled, &w->lock, &until);
        refuse_calls(w, why);
    }
    stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return !stop;
}

/* At the end what cannot be written is tried once, not group by group. */
static bool has_given_up(struct writer *w, struct error *e)
{
    bool given_up;

    pthread_mutex_lock(&w->lock);
    given_up = w->stop && w->degraded;
    if (given_up)
        *e = w->why;
    pthread_mutex_unlock(&w->lock);
    return given_up;
}

/* Writes a group of posts, however long that takes; ERR_OK or a fault that will not pass. */
static enum err write_posts(struct writer *w, struct write *first, size_t n, struct error *e)
{
    long wait_ms = RETRY_FIRST_MS;
    enum err failed;

    if (has_given_up(w, e))
        return e->code;
    while ((failed = write_group(w, first, n, e)) != ERR_OK && writer_may_pass(failed)) {
        set_degraded(w, e);
        if (!wait_to_retry(w, wait_ms, e))
            return failed;
        wait_ms = wait_ms * 2 < RETRY_LAST_MS ? wait_ms * 2 : RETRY_LAST_MS;
    }
    set_degraded(w, NULL);
    return failed;
}

static void write_posts_and_tell(struct writer *w, struct write *first, size_t n)
{
    struct error e = {0};
    enum err failed = write_posts(w, first, n, &e);

    for (struct write *one = first, *next; n > 0; n--, one = next) {
        struct error own = e;
        enum err own_failed = failed;

        next = one->next;
        if (failed != ERR_OK && !writer_may_pass(failed)) /* one of them is at fault: which? */
            own_failed = write_posts(w, one, 1, &own);
        one->done(one, own_failed == ERR_OK ? NULL : &own);
    }
    w->written(w->ctx);
}

/* What a caller does may undo a part of it and go on: not a group. */
static enum err apply_alone(struct store *s, struct call *c)
{
    CLEANUP(txn_end) struct txn txn = {0};

    TRY(txn_begin(s, TXN_DURABLE, &txn, &c->error));
    TRY(c->apply(s, c->ctx, &c->error));
    return txn_commit(&txn, &c->error);
}

static void write_call(struct writer *w, struct call *c)
{
    double began = clock_seconds();

    c->result = apply_alone(w->store, c);
    count_transaction(w, began, c->result);
    pthread_mutex_lock(&w->lock);
    c->ended = true;
    pthread_cond_broadcast(&w->ended);
    pthread_mutex_unlock(&w->lock);
    w->written(w->ctx);
}

/* Waits for more posts, so that they share a transaction, unless somebody waits for one. */
static void wait_for_more(struct writer *w)
{
    struct timespec until = clock_after(1e-3 * GROUP_WAIT_MS);
    int timed_out = 0;

    while (!w->stop && !timed_out && w->n_hurry == 0 && w->n_queued < GROUP_MAX)
        timed_out = pthread_cond_timedwait(&w->filled, &w->lock, &until);
}

/* Waits until something is queued. False at the end: from then on nothing is. */
static bool wait_for_work(struct writer *w)
{
    bool some;

    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->stop)
        pthread_cond_wait(&w->filled, &w->lock);
    if (w->first)
        wait_for_more(w);
    some = w->first != NULL;
    w->gone = !some;
    pthread_mutex_unlock(&w->lock);
    return some;
}

/* Takes one call, or up to GROUP_MAX posts, off the queue. */
static struct write *take_group(struct writer *w, size_t *n)
{
    struct write *first, **end;

    pthread_mutex_lock(&w->lock);
    first = w->first;
    end = &first->next;
    *n = 1;
    w->n_hurry -= is_in_hurry(first);
    while (!is_call(first) && *end && !is_call(*end) && *n < GROUP_MAX) {
        w->n_hurry -= is_in_hurry(*end);
        end = &(*end)->next;
        ++*n;
    }
    w->n_queued -= *n;
    w->first = *end;
    *end = NULL;
    if (!w->first)
        w->last = &w->first;
    pthread_mutex_unlock(&w->lock);
    return first;
}

static void *run(void *ctx)
{
    struct writer *w = ctx;

    while (wait_for_work(w)) {
        size_t n;
        struct write *first = take_group(w, &n);

        if (is_call(first))
            write_call(w, (struct call *)first);
        else
            write_posts_and_tell(w, first, n);
    }
    return NULL;
}

enum err writer_start(struct store *s, void (*written)(void *ctx), void *ctx, struct writer **out,
                      struct error *e)
{
    struct writer *w = calloc(1, sizeof *w);
    int failed;

    if (!w)
        return error_no_memory(e);
    w->store = s;
    w->written = written;
    w->ctx = ctx;
    w->last = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    clock_condition(&w->filled);
    pthread_cond_init(&w->ended, NULL);
    failed = pthread_create(&w->thread, NULL, run, w);
    if (failed) {
        free(w);
        return error_set(e, ERR_IO, "could not start the writer: %s", strerror(failed));
    }
    *out = w;
    return ERR_OK;
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
}

void writer_destroy(struct writer *w)
{
    if (!w)
        return;
    pthread_cond_destroy(&w->ended);
    pthread_cond_destroy(&w->filled);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
