/*
 * Is it UTF-8? (Unicode 15, table 3-7: no surrogates, no overlong forms.)
 */
#ifndef SWEEPD_CORE_BASE_UTF8_H
#define SWEEPD_CORE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/** All bytes are ASCII, none is NUL. */
bool utf8_is_plain(const char *text, size_t n);

/** Index of the first byte that is NUL or not part of a character; n if there is none. */
size_t utf8_first_bad(const char *text, size_t n);

/** Puts '?' in place of each byte that is not part of a character. */
void utf8_mend(char *text);

#endif
