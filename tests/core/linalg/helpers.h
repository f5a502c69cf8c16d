/*
 * Threads that join a team and leave it again at random, for tests of what a team shares.
 */
#ifndef SWEEPD_TESTS_CORE_LINALG_HELPERS_H
#define SWEEPD_TESTS_CORE_LINALG_HELPERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/linalg/team.h"

enum { HELPERS_MOST = 8 };

struct helper {
    struct helpers *all;
    pthread_t thread;
    uint32_t luck;
    size_t patience; /* how often it will still say that it stays */
};

struct helpers {
    struct team *team;
    size_t n, most;
    atomic_bool over;
    atomic_size_t stays; /* how often one of them joined */
    struct helper helper[HELPERS_MOST];
};

/**
 * Opens the team and waits until each helper has joined once.
 *
 * most   a helper leaves after it was asked at most so often whether it stays; 0: it stays
 */
void helpers_start(struct helpers *h, struct team *t, size_t n, size_t most);

/** Ends the threads, and closes the team. */
void helpers_stop(struct helpers *h);

#endif
