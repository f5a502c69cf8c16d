/*
 * A bookmark as the text of `?cursor=`: the number, a letter for the kind of the key, the key.
 * "17n", "17i5", "17r0.978", "17tname". Clients take it from `next` and give it back.
 */
#ifndef SWEEPD_SERVER_API_CURSOR_H
#define SWEEPD_SERVER_API_CURSOR_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "server/schema/field.h"
#include "server/store/bookmark.h"

/** Appends the text; every bit of a real number survives. */
void cursor_write(const struct bookmark *k, struct buf *out);

/** Reads a whole text; a key that is text points into it. False where it is none of these. */
bool cursor_read(const char *text, struct bookmark *out);

/* For the table of a route's parameters: a bookmark is read from ?cursor=. */
void cursor_parameter(struct faults *faults, const char *name, const char *text, void *bookmark);
field_documenter cursor_document;

#endif
