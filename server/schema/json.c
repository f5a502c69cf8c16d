#include "server/schema/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

void json_init(struct json *j, struct buf *out)
{
    *j = (struct json){.out = out};
}

static void new_line(struct json *j)
{
    buf_putc(j->out, '\n');
    for (int i = 0; i < j->depth; i++)
        buf_puts(j->out, "  ");
}

/* What stands before an item: a comma, a place of its own, its name. */
static void begin_item(struct json *j, const char *key)
{
    int top = j->depth - 1;

    if (top >= 0) {
        if (j->has_items[top])
            buf_puts(j->out, j->is_inline[top] ? ", " : ",");
        if (!j->is_inline[top])
            new_line(j);
        j->has_items[top] = true;
    }
    if (key) {
        value_json_string(key, j->out);
        buf_puts(j->out, ": ");
    }
}

/* Whatever stands inside a line stays on it. */
static void open_level(struct json *j, const char *key, bool is_inline, char opening, char closing)
{
    begin_item(j, key);
    assert(j->depth < JSON_DEPTH_MAX);
    buf_putc(j->out, opening);
    j->is_inline[j->depth] = is_inline || (j->depth > 0 && j->is_inline[j->depth - 1]);
    j->has_items[j->depth] = false;
    j->closing[j->depth] = closing;
    j->depth++;
}

void json_object(struct json *j, const char *key)
{
    open_level(j, key, false, '{', '}');
}

void json_array(struct json *j, const char *key)
{
    open_level(j, key, false, '[', ']');
}

void json_object_inline(struct json *j, const char *key)
{
    open_level(j, key, true, '{', '}');
}

void json_array_inline(struct json *j, const char *key)
{
    open_level(j, key, true, '[', ']');
}

void json_end(struct json *j)
{
    assert(j->depth > 0);
    j->depth--;
    if (j->has_items[j->depth] && !j->is_inline[j->depth])
        new_line(j);
    buf_putc(j->out, j->closing[j->depth]);
    if (j->depth == 0)
        buf_putc(j->out, '\n');
}

void json_string(struct json *j, const char *key, const char *s)
{
    if (!s) {
        json_null(j, key);
        return;
    }
    begin_item(j, key);
    value_json_string(s, j->out);
}

void json_i64(struct json *j, const char *key, int64_t x)
{
    begin_item(j, key);
    buf_printf(j->out, "%" PRId64, x);
}

void json_double(struct json *j, const char *key, double x)
{
    char text[32];

    if (!isfinite(x)) {
        json_null(j, key);
        return;
    }
    buf_format_double(x, text);
    json_raw(j, key, text);
}

void json_bool(struct json *j, const char *key, bool x)
{
    json_raw(j, key, x ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
    json_raw(j, key, "null");
}

void json_value(struct json *j, const char *key, const struct value *v)
{
    begin_item(j, key);
    value_json(v, j->out);
}

/* Copies lines and indents all but the first by so many levels more than they are. */
static void append_lines(struct json *j, const char *begin, const char *end, int levels)
{
    for (const char *c = begin; c < end; c++) {
        buf_putc(j->out, *c);
        for (int i = 0; *c == '\n' && i < levels; i++)
            buf_puts(j->out, "  ");
    }
}

void json_raw(struct json *j, const char *key, const char *text)
{
    begin_item(j, key);
    append_lines(j, text, text + strlen(text), j->depth);
}

void json_members(struct json *j, const char *document)
{
    const char *begin = document + strcspn(document, "{"), *end = strrchr(document, '}');

    if (!end || *begin == '\0')
        return;
    begin++;
    begin += strspn(begin, " \n");
    while (end > begin && strchr(" \n", end[-1]))
        end--;
    if (end == begin)
        return;
    begin_item(j, NULL);
    append_lines(j, begin, end, j->depth - 1); /* in the document they are at depth 1 */
}

const char *json_library_version(void)
{
    return cJSON_Version();
}
