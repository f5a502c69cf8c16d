/*
 * Time. The only place that asks for it.
 */
#ifndef SWEEPD_SERVER_CLOCK_H
#define SWEEPD_SERVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/** Milliseconds since 1970-01-01 UTC. */
int64_t clock_now_ms(void);

/** Seconds from an arbitrary start, never going back. */
double clock_seconds(void);

enum { CLOCK_TEXT_BYTES = 32 };

/** "2026-11-23T05:20:00.123Z". */
void clock_text(int64_t ms, char out[CLOCK_TEXT_BYTES]);

/** Reads what clock_text writes, also without the fraction, and a day alone: its beginning. */
bool clock_read(const char *text, int64_t *ms);

#endif
