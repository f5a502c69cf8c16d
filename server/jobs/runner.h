/*
 * The runner: one thread that enters one OpenMP parallel region at start and stays in it. Each
 * member takes a job from the queue, runs it on its core, and takes the next; while there is none
 * it helps others (queue.h). OpenMP's own scheduling and reductions are not used: no sum crosses
 * threads, so results depend neither on their number nor on their order.
 */
#ifndef SWEEPD_SERVER_JOBS_RUNNER_H
#define SWEEPD_SERVER_JOBS_RUNNER_H

#include "core/base/error.h"
#include "server/jobs/queue.h"

struct runner;

/** Starts n_threads members that call work(ctx, job) for every job until the queue is stopped, and
 * returns when all of them stand. */
enum err runner_start(struct queue *q, unsigned n_threads,
                      void (*work)(void *ctx, struct job *job), void *ctx, struct runner **out,
                      struct error *e);

/** Waits for the members; the queue has been stopped. */
void runner_join(struct runner *r);

#endif
