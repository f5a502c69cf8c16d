/*
 * Room on the disk: how large the database may get, and how much of its file system stays free.
 *
 * Threads   all calls may run at once.
 */
#ifndef SWEEPD_SERVER_JOBS_ROOM_H
#define SWEEPD_SERVER_JOBS_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

struct store;
struct room;

/**
 * max_db_bytes    of the database without free pages and WAL; 0: no limit
 * min_free_bytes  of its file system
 */
enum err room_create(struct store *s, uint64_t max_db_bytes, uint64_t min_free_bytes,
                     struct room **out, struct error *e);
void room_destroy(struct room *r);

/** Other limits; they count from the next look on. */
void room_limit(struct room *r, uint64_t max_db_bytes, uint64_t min_free_bytes);

/** Looks at the disk. ERR_NO_SPACE with what is used up and which option says so. */
enum err room_look(struct room *r, struct error *e);

/** What the last look found. */
bool room_is_full(struct room *r, struct error *why);

#endif
