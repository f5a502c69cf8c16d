/*
 * How fast this machine trains, for estimates of time. Measured once at start on a small network,
 * then on whatever is trained.
 *
 * Threads   all calls may run at once.
 */
#ifndef SWEEPD_SERVER_JOBS_PACE_H
#define SWEEPD_SERVER_JOBS_PACE_H

#include "core/base/error.h"
#include "core/data/fold.h"
#include "core/linalg/kernel.h"
#include "core/train/spec.h"

struct pace {
    _Atomic double work, seconds; /* their ratio counts */
};

/** Trains a small network for a few milliseconds. */
enum err pace_measure(struct pace *p, const struct kernel *k, struct error *e);

/** Takes a finished training into account. */
void pace_add(struct pace *p, const struct spec *s, const struct fold_data *d, double seconds);

/** Units of train_work that one thread does in a second. */
double pace_work_per_second(struct pace *p);

#endif
