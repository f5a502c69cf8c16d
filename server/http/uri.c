#include "server/http/uri.h"

#include <stdbool.h>
#include <string.h>

#include "server/http/text.h"

/* A piece of the raw text. */
struct piece {
    const char *s;
    size_t n;
};

/* Cuts the text before the next separator off `rest`; false when nothing is left. */
static bool cut(struct piece *rest, char separator, struct piece *out)
{
    const char *at;

    if (!rest->s)
        return false;
    at = memchr(rest->s, separator, rest->n);
    *out = (struct piece){rest->s, at ? (size_t)(at - rest->s) : rest->n};
    if (at)
        *rest = (struct piece){at + 1, rest->n - out->n - 1};
    else
        rest->s = NULL;
    return true;
}

static size_t count(struct piece text, char separator)
{
    size_t n = 1;

    for (size_t i = 0; i < text.n; i++)
        n += text.s[i] == separator;
    return n;
}

static enum err decode_escapes(struct piece raw, bool is_query, char *out, size_t *n,
                               struct error *e)
{
    *n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.s[i];

        if (c == '%') {
            int high = raw.n - i > 2 ? text_hex(raw.s[i + 1]) : -1;
            int low = raw.n - i > 2 ? text_hex(raw.s[i + 2]) : -1;

            if (high < 0 || low < 0)
                return error_set(e, ERR_SYNTAX, "the URL has a %% without two hexadecimal digits");
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && is_query)
            c = ' ';
        out[(*n)++] = c;
    }
    return ERR_OK;
}

static enum err decode(struct arena *a, struct piece raw, bool is_query, const char **out,
                       struct error *e)
{
    char *text = arena_alloc(a, raw.n + 1, 1);
    size_t n;

    if (!text)
        return error_no_memory(e);
    TRY(decode_escapes(raw, is_query, text, &n, e));
    if (text_has_control(text, n, is_query))
        return error_set(e, ERR_SYNTAX, "the URL has a control character");
    if (!text_is_utf8(text, n))
        return error_set(e, ERR_SYNTAX, "the URL is not UTF-8");
    *out = text;
    return ERR_OK;
}

static enum err parse_path(struct arena *a, struct piece path, struct uri *out, struct error *e)
{
    struct piece rest = {path.s + 1, path.n - 1}, raw;
    size_t room = count(rest, '/'), n = 0;
    const char **segments;

    if (room > URI_MAX_SEGMENTS)
        return error_set(e, ERR_SYNTAX, "the URL's path has %zu segments, more than %d", room,
                         URI_MAX_SEGMENTS);
    segments = arena_alloc(a, room, sizeof *segments);
    out->path = arena_strndup(a, path.s, path.n);
    if (!segments || !out->path)
        return error_no_memory(e);
    while (cut(&rest, '/', &raw)) {
        TRY(decode(a, raw, false, &segments[n], e));
        if (strcmp(segments[n], ".") == 0 || strcmp(segments[n], "..") == 0)
            return error_set(e, ERR_SYNTAX, "the URL's path has the segment \"%s\"", segments[n]);
        n++;
    }
    out->segments = segments;
    out->n_segments = n;
    return ERR_OK;
}

static enum err parse_query(struct arena *a, struct piece query, struct uri *out, struct error *e)
{
    size_t room = count(query, '&'), n = 0;
    struct http_pair *pairs;
    struct piece raw, name;

    if (room > URI_MAX_QUERY)
        return error_set(e, ERR_SYNTAX, "the URL has %zu query parameters, more than %d", room,
                         URI_MAX_QUERY);
    pairs = arena_alloc(a, room, sizeof *pairs);
    if (!pairs)
        return error_no_memory(e);
    while (cut(&query, '&', &raw)) {
        if (raw.n == 0)
            continue;
        (void)cut(&raw, '=', &name); /* there is always a name, if an empty one */
        TRY(decode(a, name, true, &pairs[n].name, e));
        pairs[n].value = "";
        if (raw.s)
            TRY(decode(a, raw, true, &pairs[n].value, e));
        n++;
    }
    out->query = pairs;
    out->n_query = n;
    return ERR_OK;
}

enum err uri_parse(struct arena *a, const char *raw, struct uri *out, struct error *e)
{
    struct piece path = {raw, strcspn(raw, "?")};
    struct uri parsed = {0};

    if (raw[0] != '/')
        return error_set(e, ERR_SYNTAX, "the URL does not begin with a slash");
    if (strchr(raw, '#'))
        return error_set(e, ERR_SYNTAX, "the URL has a fragment");
    TRY(parse_path(a, path, &parsed, e));
    if (raw[path.n] == '?')
        TRY(parse_query(a, (struct piece){raw + path.n + 1, strlen(raw + path.n + 1)}, &parsed, e));
    *out = parsed;
    return ERR_OK;
}
