/*
 * Text as lines: LF, CRLF and CR end them, a byte order mark before the first is skipped. Each is
 * UTF-8, or a fault.
 */
#ifndef SWEEPD_CORE_DATA_LINES_H
#define SWEEPD_CORE_DATA_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "core/data/source.h"

enum { LINES_MAX_BYTES = 64 << 20 }; /* of one */

struct lines;

/** Reads `s`, borrowed, from where it stands. */
enum err lines_create(const struct source *s, struct lines **out, struct error *e);
void lines_destroy(struct lines *l);

/** The next line, NUL-terminated and writable until the next call; *text is NULL at the end. */
enum err lines_next(struct lines *l, char **text, struct error *e);

/** Of the last line that came, from 1. */
uint64_t lines_number(const struct lines *l);

enum err lines_rewind(struct lines *l, struct error *e);

#endif
