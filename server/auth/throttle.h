/*
 * Guesses: how often an address may present what is no token. Each has a few tries, and gets one
 * back every other second.
 *
 * Threads   all calls may run at once.
 */
#ifndef SWEEPD_SERVER_AUTH_THROTTLE_H
#define SWEEPD_SERVER_AUTH_THROTTLE_H

#include <stdbool.h>

enum { THROTTLE_TRIES = 20, THROTTLE_SECONDS_PER_TRY = 2 };

struct throttle;

/** NULL where memory is out. */
struct throttle *throttle_create(void);
void throttle_destroy(struct throttle *t);

/** Counts a try that failed. False where it was one too many. */
bool throttle_fail(struct throttle *t, const char *address, double now_s);

/** Whether the address has had its tries, at this moment. */
bool throttle_is_spent(struct throttle *t, const char *address, double now_s);

/**
 * Whether everybody may come from the address, through a proxy on this machine: loopback, or no
 * address at all.
 */
bool throttle_is_shared(const char *address);

#endif
