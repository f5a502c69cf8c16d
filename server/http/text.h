/*
 * What bytes may be: UTF-8, tokens, values without control characters. Locale-free.
 */
#ifndef SWEEPD_SERVER_HTTP_TEXT_H
#define SWEEPD_SERVER_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool text_is_utf8(const char *s, size_t n);

/** Whether a byte below 0x20 or 0x7f occurs; tabs count unless they are allowed. */
bool text_has_control(const char *s, size_t n, bool allow_tab);

/** One or more RFC 9110 token characters. */
bool text_is_token(const char *s);

/** Digits only, at least one. */
bool text_is_digits(const char *s);

/** The value of a hexadecimal digit or -1. */
int text_hex(char c);

/** Equal but for ASCII case. */
bool text_equal(const char *a, const char *b);
bool text_equal_n(const char *a, size_t n, const char *b);

/** Whether s begins with prefix, without regard to ASCII case. */
bool text_begins(const char *s, const char *prefix);

/** The length of a media type such as "text/csv; charset=utf-8" without parameters. */
size_t text_media_length(const char *content_type);

#endif
