/*
 * An order to the conductor whose giver waits for the answer. The maker keeps it on the stack
 * until command_wait returns.
 */
#ifndef SWEEPD_SERVER_JOBS_COMMAND_H
#define SWEEPD_SERVER_JOBS_COMMAND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/jobs/conductor.h"
#include "server/jobs/jobs.h"

struct command {
    struct note note;
    struct jobs *jobs;
    int64_t experiment;
    /* What `note.act` wants to know. */
    const struct jobs_extension *extend;
    int64_t priority;
    enum jobs_command what;
    const struct also *then; /* with the state that it comes to; NULL: nothing. See search.c */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ended;
    enum err result;
    struct error error;
};

void command_init(struct command *c, struct jobs *j);

/** Gives the answer; *c is gone afterwards. `error` was set where the result is not ERR_OK. */
void command_end(struct command *c, enum err result);

/** Waits for the answer. */
enum err command_wait(struct command *c);

#endif
