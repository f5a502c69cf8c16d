/*
 * A team: a thread that trains, its owner, and helpers that come and go. The owner cuts a call into
 * parts that write different outputs and runs it; whoever is there takes parts until none is left.
 * A part is the same work on any thread, so the bits do not depend on who takes it, nor on who
 * joins or leaves in the middle.
 *
 * Nobody sleeps in here and no thread is made: helpers are threads of the caller's that had nothing
 * else to do. A call waits for the parts that helpers are at, never for helpers to come. A helper
 * that loses its core in the middle of a part holds up all: after that the owner works alone for a
 * while, the longer the more often it happens.
 *
 * Threads  team_open, team_muster, team_run, team_close: the owner; team_join, team_help,
 * team_leave: any other. The caller sees to it that no team_join begins after team_close has.
 */
#ifndef SWEEPD_CORE_LINALG_TEAM_H
#define SWEEPD_CORE_LINALG_TEAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

enum { TEAM_MAX_PARTS = 64 };

struct team;

/** Closed at first. */
enum err team_create(struct team **out, struct error *e);
void team_destroy(struct team *t);

/** Lets helpers join. */
void team_open(struct team *t);

/** Sends the helpers away and waits until they have left. */
void team_close(struct team *t);

/** The owner and the helpers of this moment. Any thread. */
size_t team_members(const struct team *t);

/** How many would share a call now; 1: better do it alone. Asked once for each call. */
size_t team_muster(struct team *t);

typedef void team_work(void *ctx, size_t part);

/** Runs work(ctx, 0), …, work(ctx, n - 1), each once, by whoever is there.  1 <= n <=
 * TEAM_MAX_PARTS
 *
 * t  NULL: by the caller alone */
void team_run(struct team *t, size_t n, team_work *work, void *ctx);

/** Takes a seat, from 0; false where none is left. */
bool team_join(struct team *t, size_t *seat);
void team_leave(struct team *t, size_t seat);

/** Asked between parts and while there are none; false ends the help. Has to be quick. */
typedef bool team_stay(void *ctx);

/**
 * Helps, computing as the owner does (linalg/denormal.h), until the team closes, stay says no, or nothing has been there to
 * do for some fifty microseconds: then the helper should sleep a little before it comes back.
 */
void team_help(struct team *t, size_t seat, team_stay *stay, void *ctx);

#endif
