/*
 * What takes something in needs: the parts of a service that runs, and where its words go. The
 * same for a request and for a command.
 */
#ifndef SWEEPD_SERVER_INTAKE_INTAKE_H
#define SWEEPD_SERVER_INTAKE_INTAKE_H

#include <stdbool.h>

#include "core/base/mem.h"
#include "server/config.h"
#include "server/jobs/jobs.h"
#include "server/schema/faults.h"
#include "server/store/store.h"

/* Borrowed for the call. From the owner on all may be left out. */
struct intake {
    const struct config *config;
    struct store *store;
    struct jobs *jobs;
    struct arena *arena;   /* what comes out lives in it */
    struct faults *faults; /* what is wrong with what came in */
    const char *owner;     /* of what is made; NULL: nobody in particular */
    bool has_quota;        /* the owner is held to what the operator allows one: see quota.h */
    /* What else is a part of the transaction that stores it, on the writer's thread; perhaps again
     * where that was undone. */
    enum err (*stored)(struct store *s, void *ctx, struct error *e);
    void *ctx;
};

#endif
