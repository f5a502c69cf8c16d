/*
 * The conductor: one thread that alone decides what is tried next. Everything that concerns it
 * arrives as a note, in order: a fold is stored, a trial is closed, somebody cancels.
 *
 * Threads   conductor_tell from any thread; a note's act runs on the conductor's.
 */
#ifndef SWEEPD_SERVER_JOBS_CONDUCTOR_H
#define SWEEPD_SERVER_JOBS_CONDUCTOR_H

#include "core/base/error.h"

struct conductor;

/* Embedded in what it is about; acts once, and may free itself. */
struct note {
    void (*act)(struct note *n);
    struct note *next;
};

/** Starts the thread; tick(ctx) runs on it about once a second. */
enum err conductor_start(void (*tick)(void *ctx), void *ctx, struct conductor **out,
                         struct error *e);

/** Acts on the notes that have come, ends the thread, frees. */
void conductor_stop(struct conductor *c);

void conductor_tell(struct conductor *c, struct note *n);

#endif
