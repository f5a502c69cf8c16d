/*
 * Log lines on standard error: a time, a level, a sentence.
 *
 * Threads   all calls may run at once; a line is written in one piece.
 */
#ifndef SWEEPD_SERVER_LOG_H
#define SWEEPD_SERVER_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/** The level by name ("debug" … "error"); false where there is none. */
bool log_level_find(const char *name, enum log_level *out);

/** What is below the level is dropped; json: a JSON object a line. Call before any thread starts. */
void log_setup(enum log_level least, bool json);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
