/*
 * Log lines on standard error: a time, a level, a sentence, and what else there is to say by name.
 * Text is key=value with values quoted where they need it:
 *
 *     time=2026-11-23T05:20:00.123Z level=info message="listening on http://127.0.0.1:8642"
 *
 * Threads   all calls may run at once; a line is written in one piece.
 */
#ifndef SWEEPD_SERVER_LOG_H
#define SWEEPD_SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Something said by name. */
struct log_field {
    const char *key;
    const char *text; /* NULL: the number */
    int64_t number;
};

/** The level by name ("debug" … "error"); false where there is none. */
bool log_level_find(const char *name, enum log_level *out);

/** What is below the level is dropped; json: a JSON object a line. */
void log_setup(enum log_level least, bool json);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** A sentence with n fields after it. */
void log_fields(enum log_level level, const char *message, size_t n,
                const struct log_field *fields);

#endif
