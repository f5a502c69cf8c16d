/*
 * Requests that are done once: a POST, or another that the table of routes names, with an
 * Idempotency-Key. Its answer is stored in the transaction of what it makes, and given again to
 * whoever asks the same with the same key.
 *
 * Threads   all calls may run at once.
 */
#ifndef SWEEPD_SERVER_API_ONCE_H
#define SWEEPD_SERVER_API_ONCE_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/error.h"

struct call;
struct store;
struct onces; /* keys whose requests are under way */

/** NULL where memory is out: then requests with a key are refused. */
struct onces *onces_create(void);
void onces_destroy(struct onces *o);

/**
 * Runs the handler, or answers as it did before. Without a key the handler just runs.
 *
 * Errors  ERR_INVALID   no key that can be used, or one that was used for another request
 *         ERR_CONFLICT  a request with this key is under way
 */
enum err once_run(struct call *c, enum err (*handler)(struct call *c, struct error *e),
                  struct error *e);

/**
 * Stores an answer with what the request has made, on the writer's thread and inside the
 * transaction; the handler then answers with just that. Does nothing without a key.
 *
 * location  or NULL
 */
enum err once_keep(struct call *c, struct store *s, unsigned status, const char *location,
                   const struct buf *body, struct error *e);

/**
 * For answers that no handler has stored itself: stores one of success now, as a transaction of
 * its own. Between what was done and this a crash can come.
 */
enum err once_keep_late(struct call *c, unsigned status, const struct buf *body, struct error *e);

#endif
