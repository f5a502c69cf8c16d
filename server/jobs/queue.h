/*
 * The folds that wait for a worker: one lane for each experiment, folds of a lane in the order
 * they were put in. A free worker takes from the lane with the highest priority; among equals
 * from the owner with the fewest folds running, or who was served least lately where that is
 * equal, then from that owner's experiment with the fewest, then from the oldest. While nothing
 * waits it helps a training that runs, if one of them offers work that can be shared.
 *
 * Threads   every call may run at once; one lock for the whole queue.
 */
#ifndef SWEEPD_SERVER_JOBS_QUEUE_H
#define SWEEPD_SERVER_JOBS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/linalg/team.h"

/* Embedded in the fold it stands for. */
struct job {
    struct job *next;
    struct lane *lane;
    uint64_t kind; /* jobs of one kind can be done together (core/train/group.h); 0: alone */
    size_t least;  /* fewer of a kind are not worth it */
    uint64_t part; /* those of one part go together best */
};

/* Embedded in the experiment it stands for; the members belong to the queue. */
struct lane {
    struct lane *next;
    const char *owner; /* "" where nobody owns it; lives as long as the lane */
    int64_t priority;
    bool held; /* paused: nothing is taken */
    size_t n_waiting, n_running;
    uint64_t turn; /* when it was last taken from; 0: never */
    struct job *first, **last;
};

/* A training that can be helped while it runs; embedded in its worker's memory. */
struct offer {
    struct offer *next;
    struct team *team;
    double work; /* more is helped first */
};

struct queue;

enum err queue_create(struct queue **out, struct error *e);
void queue_destroy(struct queue *q);

void queue_add(struct queue *q, struct lane *lane, const char *owner, int64_t priority);

/** Takes a lane out; nothing of it is running or waiting any more. */
void queue_remove(struct queue *q, struct lane *lane);

void queue_push(struct queue *q, struct lane *lane, struct job *job);

/** Takes all waiting jobs off a lane and returns them as a list. */
struct job *queue_drop(struct queue *q, struct lane *lane);

/** Holds a lane back or lets it go on. */
void queue_hold(struct queue *q, struct lane *lane, bool held);

/** Holds all lanes back or lets them go on; what each was told apart from that stays. */
void queue_stall(struct queue *q, bool stalled);

/** Waits for a job, and helps meanwhile; NULL once the queue was stopped. */
struct job *queue_take(struct queue *q);

/** True while jobs of the lane wait for a worker. */
bool queue_has_waiting(struct queue *q, const struct lane *lane);

/**
 * Takes waiting jobs of the same lane and kind, which are to be done together with one just taken,
 * all of its part if those are enough:
 * no more than leave each worker its part of what waits, and none if those are too few. They count
 * as one with it: queue_done is called once.
 *
 * out  room for `most`
 */
size_t queue_take_like(struct queue *q, const struct job *job, size_t n_workers, size_t most,
                       struct job **out);

/** How many jobs wait, and how many were taken and are not done; those that go together are one. */
void queue_count(struct queue *q, size_t *n_waiting, size_t *n_running);

/** Moves a lane to another priority; what is running goes on. */
void queue_prioritize(struct queue *q, struct lane *lane, int64_t priority);

/** Says that a job taken from the lane is no longer running. */
void queue_done(struct queue *q, struct lane *lane);

/** Lets workers without a job join o->team, until queue_withdraw, which waits until they have left.
 */
void queue_offer(struct queue *q, struct offer *o);
void queue_withdraw(struct queue *q, struct offer *o);

/** Makes every queue_take, present and future, return NULL. */
void queue_stop(struct queue *q);

#endif
