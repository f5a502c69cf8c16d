#include "server/schema/scan.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/utf8.h"

struct scan {
    const char *text;
    size_t length, at, nodes;
    int depth;
    struct scan_keys *keys;
    struct error *e;
};

static enum err scan_value(struct scan *s);

enum err scan_fault(const char *text, size_t offset, struct error *e, const char *what)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) { /* not inside a character */
            column++;
        }
    }
    return error_set(e, ERR_SYNTAX, "line %zu, column %zu: %s", line, column, what);
}

static enum err fault(const struct scan *s, const char *what)
{
    return scan_fault(s->text, s->at, s->e, what);
}

/* The byte at hand, or 0 at the end (a NUL in the text is refused wherever it stands). */
static unsigned char peek(const struct scan *s)
{
    return s->at < s->length ? (unsigned char)s->text[s->at] : 0;
}

static void skip_space(struct scan *s)
{
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
        s->at++;
}

/* "expected a value, got x", naming what stands there. */
static enum err unexpected(const struct scan *s, const char *expected)
{
    unsigned char c = peek(s);
    char what[128];

    if (s->at >= s->length)
        (void)snprintf(what, sizeof what, "expected %s, got the end of the text", expected);
    else if (c > 0x20 && c < 0x7f)
        (void)snprintf(what, sizeof what, "expected %s, got '%c'", expected, c);
    else
        (void)snprintf(what, sizeof what, "expected %s, got byte 0x%02x", expected, c);
    return fault(s, what);
}

/* ---- strings ------------------------------------------------------------------------------- */

static int hex_digit(unsigned char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The four digits after \u; -1 if they are not there. */
static int hex4(const struct scan *s, size_t at)
{
    int x = 0;

    for (size_t i = at; i < at + 4; i++) {
        int digit = i < s->length ? hex_digit((unsigned char)s->text[i]) : -1;

        if (digit < 0)
            return -1;
        x = 16 * x + digit;
    }
    return x;
}

static enum err scan_unicode_escape(struct scan *s)
{
    int x = hex4(s, s->at + 2), low;

    if (x < 0)
        return fault(s, "\\u needs four hexadecimal digits");
    if (x == 0)
        return fault(s, "the character \\u0000 is not allowed");
    if (x >= 0xdc00 && x <= 0xdfff)
        return fault(s, "half of a surrogate pair");
    s->at += 6;
    if (x < 0xd800 || x > 0xdbff)
        return ERR_OK;
    low = s->at + 1 < s->length && s->text[s->at] == '\\' && s->text[s->at + 1] == 'u'
              ? hex4(s, s->at + 2)
              : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        s->at -= 6;
        return fault(s, "half of a surrogate pair");
    }
    s->at += 6;
    return ERR_OK;
}

static enum err scan_escape(struct scan *s)
{
    unsigned char c = s->at + 1 < s->length ? (unsigned char)s->text[s->at + 1] : 0;

    if (c == 'u')
        return scan_unicode_escape(s);
    if (c == 0 || !strchr("\"\\/bfnrt", c))
        return fault(s, "unknown escape in a string");
    s->at += 2;
    return ERR_OK;
}

static enum err scan_string(struct scan *s)
{
    size_t begin = s->at++;

    while (s->at < s->length && s->text[s->at] != '"') {
        if (peek(s) < 0x20)
            return fault(s, "a control character in a string must be escaped");
        if (s->text[s->at] == '\\')
            TRY(scan_escape(s));
        else
            s->at++;
    }
    if (s->at >= s->length) {
        s->at = begin;
        return fault(s, "the string has no end");
    }
    s->at++;
    return ERR_OK;
}

/* ---- numbers and words --------------------------------------------------------------------- */

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static enum err scan_digits(struct scan *s)
{
    if (!is_digit(peek(s)))
        return unexpected(s, "a digit");
    while (is_digit(peek(s)))
        s->at++;
    return ERR_OK;
}

/* Digits without end would cost strtod as much; no number needs so many. */
static enum err check_magnitude(struct scan *s, size_t begin)
{
    char number[512];
    size_t n = s->at - begin;

    if (n < sizeof number) {
        memcpy(number, s->text + begin, n);
        number[n] = '\0';
        if (isfinite(strtod(number, NULL)))
            return ERR_OK;
    }
    s->at = begin;
    return fault(s, "the number is too large");
}

static enum err scan_number(struct scan *s)
{
    size_t begin = s->at;

    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0') {
        s->at++;
        if (is_digit(peek(s)))
            return fault(s, "a number does not begin with 0");
    } else {
        TRY(scan_digits(s));
    }
    if (peek(s) == '.') {
        s->at++;
        TRY(scan_digits(s));
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        TRY(scan_digits(s));
    }
    return check_magnitude(s, begin);
}

static enum err scan_word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);

        if (s->length - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
            s->at += n;
            return ERR_OK;
        }
    }
    return unexpected(s, "a value");
}

/* ---- structure ----------------------------------------------------------------------------- */

static enum err scan_key(struct scan *s)
{
    void *offset = s->keys->offset;

    if (peek(s) != '"')
        return unexpected(s, "a name in quotes");
    TRY(mem_grow(&offset, &s->keys->capacity, s->keys->n + 1, sizeof *s->keys->offset, s->e));
    s->keys->offset = offset;
    s->keys->offset[s->keys->n++] = s->at;
    TRY(scan_string(s));
    skip_space(s);
    if (peek(s) != ':')
        return unexpected(s, "':'");
    s->at++;
    return ERR_OK;
}

static enum err scan_items(struct scan *s, bool is_object)
{
    const int closing = is_object ? '}' : ']';

    s->at++;
    skip_space(s);
    if (peek(s) == closing) {
        s->at++;
        return ERR_OK;
    }
    for (;;) {
        skip_space(s);
        if (is_object)
            TRY(scan_key(s));
        TRY(scan_value(s));
        skip_space(s);
        if (peek(s) == closing) {
            s->at++;
            return ERR_OK;
        }
        if (peek(s) != ',')
            return unexpected(s, is_object ? "',' or '}'" : "',' or ']'");
        s->at++;
    }
}

static enum err scan_nested(struct scan *s)
{
    if (s->depth == SCAN_DEPTH_MAX)
        return fault(s, "more than 32 levels of nesting");
    s->depth++;
    TRY(scan_items(s, peek(s) == '{'));
    s->depth--;
    return ERR_OK;
}

static enum err scan_value(struct scan *s)
{
    unsigned char c;

    skip_space(s);
    if (++s->nodes > SCAN_NODES_MAX)
        return error_set(s->e, ERR_LIMIT, "the JSON text has more than %d values", SCAN_NODES_MAX);
    c = peek(s);
    if (c == '{' || c == '[')
        return scan_nested(s);
    if (c == '"')
        return scan_string(s);
    if (c == '-' || is_digit(c))
        return scan_number(s);
    return scan_word(s);
}

enum err scan_json(const char *text, size_t length, struct scan_keys *keys, struct error *e)
{
    struct scan s = {.text = text, .length = length, .keys = keys, .e = e};

    size_t bad = utf8_first_bad(text, length);

    if (bad < length)
        return scan_fault(text, bad, e, text[bad] == '\0' ? "a NUL byte" : "not UTF-8");
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return fault(&s, "a byte order mark does not belong into JSON");
    TRY(scan_value(&s));
    skip_space(&s);
    if (s.at < length)
        return unexpected(&s, "the end of the text");
    return ERR_OK;
}
