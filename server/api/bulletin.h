/*
 * How far experiments are, written down once for all streams that tell it: counting an experiment's
 * trials takes a while where there are many, and hundreds of streams may want to know.
 *
 * Threads   all calls may run at once.
 */
#ifndef SWEEPD_SERVER_API_BULLETIN_H
#define SWEEPD_SERVER_API_BULLETIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "server/store/store.h"

struct bulletin;

enum err bulletin_create(struct store *s, struct bulletin **out, struct error *e);

/** Accepts NULL. */
void bulletin_destroy(struct bulletin *b);

/**
 * Appends a line of JSON about an experiment, or with 0 about each of those that run. It is what was
 * so at most a quarter of a second ago, or a little longer where it takes long to find out.
 *
 * moves   set to whether any of them is queued or running
 *
 * Errors  ERR_NOT_FOUND: no such experiment
 */
enum err bulletin_read(struct bulletin *b, int64_t experiment, struct buf *out, bool *moves,
                       struct error *e);

#endif
