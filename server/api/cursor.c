#include "server/api/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char letter(enum value_kind kind)
{
    return kind == VALUE_INT ? 'i' : kind == VALUE_REAL ? 'r' : kind == VALUE_TEXT ? 't' : 'n';
}

void cursor_write(const struct bookmark *k, struct buf *out)
{
    buf_printf(out, "%" PRId64 "%c", k->id, letter(k->key.kind));
    if (k->key.kind != VALUE_NONE)
        value_text(&k->key, out);
}

static bool read_integer(const char *text, int64_t *out)
{
    char *end;

    if (!strchr("-0123456789", *text))
        return false;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return end > text && *end == '\0' && errno == 0;
}

static bool read_real(const char *text, double *out)
{
    char *end;

    if (!strchr("-0123456789", *text))
        return false;
    *out = strtod(text, &end);
    return end > text && *end == '\0' && isfinite(*out);
}

static bool read_key(const char *text, struct value *out)
{
    switch (text[0]) {
    case 'n':
        out->kind = VALUE_NONE;
        return text[1] == '\0';
    case 'i':
        out->kind = VALUE_INT;
        return read_integer(text + 1, &out->integer);
    case 'r':
        out->kind = VALUE_REAL;
        return read_real(text + 1, &out->real);
    case 't':
        out->kind = VALUE_TEXT;
        out->text = text + 1;
        return true;
    }
    return false;
}

bool cursor_read(const char *text, struct bookmark *out)
{
    struct bookmark k = {0};
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 18 || text[0] == '0')
        return false;
    k.id = strtoll(text, NULL, 10);
    if (!read_key(text + digits, &k.key))
        return false;
    *out = k;
    return true;
}

void cursor_parameter(struct faults *faults, const char *name, const char *text, void *bookmark)
{
    if (!cursor_read(text, bookmark))
        faults_add(faults, name, NULL,
                   "%s: expected the one in `next` of the page before, got \"%.80s\"", name, text);
}

void cursor_document(struct json *j)
{
    json_string(j, "type", "string");
    json_string(j, "pattern",
                "^[1-9][0-9]{0,17}(n|i-?[0-9]{1,18}|r-?[0-9]{1,17}(\\.[0-9]{1,20})?|"
                "r-?[0-9](\\.[0-9]{1,17})?e[+-]?[0-2]?[0-9]{1,2}|"
                "t[^\\u0000-\\u0008\\u000A-\\u001F\\u007F]*)$");
}
