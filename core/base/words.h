/*
 * Lists of words, each ended by NULL: names that are known, choices that there are.
 */
#ifndef SWEEPD_CORE_BASE_WORDS_H
#define SWEEPD_CORE_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

/** False for a list that is NULL. */
bool words_has(const char *const *words, const char *word);

/** Appends "a, b, c". */
void words_join(const char *const *words, struct buf *out);

/** Appends "a, b or c". */
void words_join_or(const char *const *words, struct buf *out);

/** The word that somebody who mistyped may have meant, the first of equals; NULL if none is near.
 */
const char *words_nearest(const char *const *words, const char *typed);

#endif
