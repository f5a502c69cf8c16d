/*
 * Lists of sentences: in memory one after the other in a buffer, each with a NUL after it; in the
 * database a JSON array.
 */
#ifndef SWEEPD_SERVER_SCHEMA_SENTENCES_H
#define SWEEPD_SERVER_SCHEMA_SENTENCES_H

#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/error.h"

size_t sentences_count(const struct buf *list);

/** The first sentence and the one after `s`; NULL at the end. */
const char *sentences_first(const struct buf *list);
const char *sentences_next(const struct buf *list, const char *s);

/** Appends a list as a JSON array on one line; memory that is short shows in `out`. */
void sentences_write(const struct buf *list, struct buf *out);

/** Appends the strings of a JSON array. ERR_SYNTAX where it is none, ERR_NO_MEMORY. */
enum err sentences_read(const char *json, struct buf *list, struct error *e);

#endif
