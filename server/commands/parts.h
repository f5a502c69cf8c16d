/*
 * The database and the jobs, which the daemon and `sweepd run` start alike.
 */
#ifndef SWEEPD_SERVER_COMMANDS_PARTS_H
#define SWEEPD_SERVER_COMMANDS_PARTS_H

#include "core/linalg/kernel.h"
#include "server/config.h"
#include "server/jobs/jobs.h"
#include "server/store/store.h"

struct parts {
    const struct kernel *kernel;
    struct store *store;
    struct jobs *jobs;
    bool alone; /* as in struct jobs_options */
};

/** Chooses the kernel and opens the database; says in the log what that took. */
enum err parts_open(struct parts *p, const struct config *c, struct error *e);

/** Starts the jobs. */
enum err parts_start(struct parts *p, const struct config *c, void (*changed)(void *ctx), void *ctx,
                     struct error *e);

/** Each accepts what was not begun. */
void parts_stop(struct parts *p);
void parts_close(struct parts *p);

/** A line about what ended the program. */
void parts_log(const struct error *e);

#endif
