/*
 * Answers that are kept until something is written: as long as the store has not changed, the same
 * question has the same answer. It makes polling cheap, and 304 cheaper.
 *
 * Threads   all calls may run at once; one lock, held while an answer is copied.
 */
#ifndef SWEEPD_SERVER_API_KEPT_H
#define SWEEPD_SERVER_API_KEPT_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct kept;

/** NULL where memory is out: then nothing is kept. */
struct kept *kept_create(void);
void kept_destroy(struct kept *k);

/** Answers with what is kept; false where nothing is that still holds. */
bool kept_answer(struct call *c);

/** Keeps a 200 of JSON, and gives it its ETag. One that is too large is not kept. */
void kept_put(struct call *c, const char *body, size_t length);

#endif
