#include "server/jobs/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"

/* What a helper sleeps before it looks again whether a training has work to share: less than most
 * of what is not shared, such as scoring, and too long to keep a core busy. */
static const double NAP_SECONDS = 0.0002;

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct lane *lanes; /* oldest first */
    uint64_t turns;     /* how often one was taken from */
    struct offer *offers;
    bool stopped;
    bool stalled; /* no job is handed out */
    atomic_uint news; /* grows when there may be something to take: helpers look at it */
};

enum err queue_create(struct queue **out, struct error *e)
{
    struct queue *q = calloc(1, sizeof *q);

    if (!q)
        return error_no_memory(e);
    pthread_mutex_init(&q->lock, NULL);
    clock_condition(&q->changed);
    *out = q;
    return ERR_OK;
}

void queue_destroy(struct queue *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

void queue_add(struct queue *q, struct lane *lane, const char *owner, int64_t priority)
{
    struct lane **end = &q->lanes;

    *lane = (struct lane){.owner = owner, .priority = priority};
    lane->last = &lane->first;
    pthread_mutex_lock(&q->lock);
    while (*end)
        end = &(*end)->next;
    *end = lane;
    pthread_mutex_unlock(&q->lock);
}

void queue_remove(struct queue *q, struct lane *lane)
{
    struct lane **link = &q->lanes;

    pthread_mutex_lock(&q->lock);
    while (*link && *link != lane)
        link = &(*link)->next;
    if (*link)
        *link = lane->next;
    pthread_mutex_unlock(&q->lock);
}

void queue_push(struct queue *q, struct lane *lane, struct job *job)
{
    job->next = NULL;
    job->lane = lane;
    pthread_mutex_lock(&q->lock);
    *lane->last = job;
    lane->last = &job->next;
    lane->n_waiting++;
    atomic_fetch_add(&q->news, 1);
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

struct job *queue_drop(struct queue *q, struct lane *lane)
{
    struct job *dropped;

    pthread_mutex_lock(&q->lock);
    dropped = lane->first;
    lane->first = NULL;
    lane->last = &lane->first;
    lane->n_waiting = 0;
    pthread_mutex_unlock(&q->lock);
    return dropped;
}

void queue_hold(struct queue *q, struct lane *lane, bool held)
{
    pthread_mutex_lock(&q->lock);
    lane->held = held;
    atomic_fetch_add(&q->news, 1);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

void queue_stall(struct queue *q, bool stalled)
{
    pthread_mutex_lock(&q->lock);
    if (q->stalled != stalled) {
        q->stalled = stalled;
        atomic_fetch_add(&q->news, 1);
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
}

void queue_prioritize(struct queue *q, struct lane *lane, int64_t priority)
{
    pthread_mutex_lock(&q->lock);
    lane->priority = priority;
    pthread_mutex_unlock(&q->lock);
}

/* What an owner has of the workers, and when one was last given. */
struct share {
    size_t n_running;
    uint64_t turn;
};

static struct share owner_share(const struct queue *q, const char *owner)
{
    struct share s = {0};

    for (const struct lane *l = q->lanes; l; l = l->next) {
        if (strcmp(l->owner, owner) != 0)
            continue;
        s.n_running += l->n_running;
        if (l->turn > s.turn)
            s.turn = l->turn;
    }
    return s;
}

/* True where lane a is to be served before lane b, which is older. */
static bool goes_first(const struct queue *q, const struct lane *a, const struct lane *b)
{
    struct share owner_a, owner_b;

    if (a->priority != b->priority)
        return a->priority > b->priority;
    owner_a = owner_share(q, a->owner);
    owner_b = owner_share(q, b->owner);
    if (owner_a.n_running != owner_b.n_running)
        return owner_a.n_running < owner_b.n_running;
    if (owner_a.turn != owner_b.turn) /* a single worker goes from one owner to the next */
        return owner_a.turn < owner_b.turn;
    return a->n_running < b->n_running;
}

static struct lane *choose_lane(const struct queue *q)
{
    struct lane *best = NULL;

    for (struct lane *l = q->stalled ? NULL : q->lanes; l; l = l->next)
        if (l->n_waiting > 0 && !l->held && (!best || goes_first(q, l, best)))
            best = l;
    return best;
}

static struct job *take_from(struct queue *q, struct lane *lane)
{
    struct job *job = lane->first;

    lane->first = job->next;
    if (!lane->first)
        lane->last = &lane->first;
    lane->n_waiting--;
    lane->n_running++;
    lane->turn = ++q->turns;
    return job;
}

/* The one with the most work for each who is at it. */
static struct offer *choose_offer(const struct queue *q)
{
    struct offer *best = NULL;
    double most = 0.0;

    for (struct offer *o = q->offers; o; o = o->next) {
        double share = o->work / (double)team_members(o->team);

        if (!best || share > most) {
            best = o;
            most = share;
        }
    }
    return best;
}

struct helper {
    struct queue *queue;
    unsigned news; /* that it knows of */
};

static bool knows_all(void *ctx)
{
    const struct helper *h = ctx;

    return atomic_load_explicit(&h->queue->news, memory_order_relaxed) == h->news;
}

static void nap(struct queue *q)
{
    struct timespec until = clock_after(NAP_SECONDS);

    (void)pthread_cond_timedwait(&q->changed, &q->lock, &until); /* woken or not, it looks again */
}

/* The queue is locked, and is again afterwards: a team is joined under the lock, so that one that
 * was withdrawn is not. */
static void help_or_wait(struct queue *q)
{
    struct helper h = {q, atomic_load(&q->news)};
    const struct offer *o = choose_offer(q);
    struct team *team = o ? o->team : NULL;
    size_t seat;

    if (!o) {
        pthread_cond_wait(&q->changed, &q->lock);
        return;
    }
    if (team_join(team, &seat)) {
        pthread_mutex_unlock(&q->lock);
        team_help(team, seat, knows_all, &h);
        team_leave(team, seat);
        pthread_mutex_lock(&q->lock);
    }
    if (knows_all(&h) && q->offers)
        nap(q);
}

struct job *queue_take(struct queue *q)
{
    struct job *job = NULL;
    struct lane *lane = NULL;

    pthread_mutex_lock(&q->lock);
    while (!q->stopped && !(lane = choose_lane(q)))
        help_or_wait(q);
    if (!q->stopped)
        job = take_from(q, lane);
    pthread_mutex_unlock(&q->lock);
    return job;
}

bool queue_has_waiting(struct queue *q, const struct lane *lane)
{
    bool some;

    pthread_mutex_lock(&q->lock);
    some = lane->n_waiting > 0;
    pthread_mutex_unlock(&q->lock);
    return some;
}

void queue_count(struct queue *q, size_t *n_waiting, size_t *n_running)
{
    *n_waiting = *n_running = 0;
    pthread_mutex_lock(&q->lock);
    for (const struct lane *l = q->lanes; l; l = l->next) {
        *n_waiting += l->n_waiting;
        *n_running += l->n_running;
    }
    pthread_mutex_unlock(&q->lock);
}

static bool is_like(const struct job *a, const struct job *b, bool same_part)
{
    return a->kind == b->kind && (!same_part || a->part == b->part);
}

static size_t count_like(const struct job *job, bool same_part, size_t most)
{
    size_t n = 0;

    for (const struct job *j = job->lane->first; j && n < most; j = j->next)
        n += is_like(j, job, same_part);
    return n;
}

/* Takes n jobs that are like a job off its lane, in their order. */
static void take_like(const struct job *job, bool same_part, size_t n, struct job **out)
{
    struct lane *lane = job->lane;
    struct job **link = &lane->first;

    lane->n_waiting -= n;
    while (n > 0) {
        struct job *found = *link;

        if (is_like(found, job, same_part)) {
            *link = found->next;
            *out++ = found;
            n--;
        } else {
            link = &found->next;
        }
    }
    while (*link)
        link = &(*link)->next;
    lane->last = link;
}

size_t queue_take_like(struct queue *q, const struct job *job, size_t n_workers, size_t most,
                       struct job **out)
{
    struct lane *lane = job->lane;
    size_t n = 0, share;
    bool same_part;

    if (job->kind == 0)
        return 0;
    pthread_mutex_lock(&q->lock);
    share = (lane->n_waiting + 1 + n_workers - 1) / n_workers - 1;
    most = share < most ? share : most;
    same_part = count_like(job, true, most) == most;
    if (!q->stopped && !q->stalled && !lane->held)
        n = count_like(job, same_part, most);
    if (n + 1 < job->least)
        n = 0;
    take_like(job, same_part, n, out);
    pthread_mutex_unlock(&q->lock);
    return n;
}

void queue_done(struct queue *q, struct lane *lane)
{
    pthread_mutex_lock(&q->lock);
    lane->n_running--;
    pthread_mutex_unlock(&q->lock);
}

void queue_offer(struct queue *q, struct offer *o)
{
    team_open(o->team);
    pthread_mutex_lock(&q->lock);
    o->next = q->offers;
    q->offers = o;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

void queue_withdraw(struct queue *q, struct offer *o)
{
    struct offer **link = &q->offers;

    pthread_mutex_lock(&q->lock);
    while (*link != o)
        link = &(*link)->next;
    *link = o->next;
    pthread_mutex_unlock(&q->lock);
    team_close(o->team);
}

void queue_stop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    atomic_fetch_add(&q->news, 1);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
