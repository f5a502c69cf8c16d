/*
 * Time. The only place that asks for it.
 */
#ifndef SWEEPD_SERVER_CLOCK_H
#define SWEEPD_SERVER_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/** Milliseconds since 1970-01-01 UTC. */
int64_t clock_now_ms(void);

/** Seconds from an arbitrary start, never going back. */
double clock_seconds(void);

/** A condition whose waits end by clock_after, which setting the date does not move. */
void clock_condition(pthread_cond_t *out);

/** The moment some seconds from now, for pthread_cond_timedwait on such a condition. */
struct timespec clock_after(double seconds);

enum { CLOCK_TEXT_BYTES = 32 };

/** "2026-11-23T05:20:00.123Z". */
void clock_text(int64_t ms, char out[CLOCK_TEXT_BYTES]);

/** Reads what clock_text writes, also without the fraction, and a day alone: its beginning. */
bool clock_read(const char *text, int64_t *ms);

#endif
