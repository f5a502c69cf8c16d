#include "core/base/value.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/base/utf8.h"

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_REAL;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (is_number(a) && is_number(b))
        return a->kind == VALUE_INT && b->kind == VALUE_INT ? a->integer == b->integer
                                                             : value_number(a) == value_number(b);
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NONE:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_TEXT:
        return strcmp(a->text, b->text) == 0;
    case VALUE_LIST:
        return a->list.n == b->list.n &&
               (a->list.n == 0 ||
                memcmp(a->list.items, b->list.items, a->list.n * sizeof *a->list.items) == 0);
    case VALUE_INT:
    case VALUE_REAL:
        break; /* handled above */
    }
    return false;
}

double value_number(const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
        return v->boolean;
    case VALUE_INT:
        return (double)v->integer;
    case VALUE_REAL:
        return v->real;
    case VALUE_NONE:
    case VALUE_TEXT:
    case VALUE_LIST:
        break;
    }
    return (double)NAN;
}

static void list_text(const struct value *v, const char *separator, struct buf *out)
{
    for (size_t i = 0; i < v->list.n; i++)
        buf_printf(out, "%s%" PRId64, i > 0 ? separator : "", v->list.items[i]);
}

/* What JSON and plain text write alike. */
static void scalar_text(const struct value *v, struct buf *out)
{
    char number[32];

    switch (v->kind) {
    case VALUE_BOOL:
        buf_puts(out, v->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buf_printf(out, "%" PRId64, v->integer);
        break;
    case VALUE_REAL:
        buf_format_double(v->real, number);
        buf_puts(out, isfinite(v->real) ? number : "null");
        break;
    case VALUE_NONE:
    case VALUE_TEXT:
    case VALUE_LIST:
        buf_puts(out, "null");
        break;
    }
}

void value_json(const struct value *v, struct buf *out)
{
    if (v->kind == VALUE_TEXT) {
        value_json_string(v->text, out);
    } else if (v->kind == VALUE_LIST) {
        buf_putc(out, '[');
        list_text(v, ", ", out);
        buf_putc(out, ']');
    } else {
        scalar_text(v, out);
    }
}

void value_text(const struct value *v, struct buf *out)
{
    if (v->kind == VALUE_TEXT)
        buf_puts(out, v->text);
    else if (v->kind == VALUE_LIST)
        list_text(v, ",", out);
    else
        scalar_text(v, out);
}

const struct value *params_get(const struct params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].name, name) == 0)
            return &p->items[i].value;
    return NULL;
}

static bool copy_value(const struct value *v, struct arena *a, struct value *out)
{
    *out = *v;
    if (v->kind == VALUE_TEXT) {
        out->text = arena_strdup(a, v->text);
        return out->text != NULL;
    }
    if (v->kind == VALUE_LIST) {
        int64_t *items = arena_alloc(a, v->list.n + 1, sizeof *items);

        if (items && v->list.n > 0)
            memcpy(items, v->list.items, v->list.n * sizeof *items);
        out->list.items = items;
        return items != NULL;
    }
    return true;
}

enum err params_copy(const struct params *p, struct arena *a, struct params *out, struct error *e)
{
    struct param *items = arena_alloc(a, p->n + 1, sizeof *items);

    for (size_t i = 0; items && i < p->n; i++) {
        items[i].name = arena_strdup(a, p->items[i].name);
        if (!items[i].name || !copy_value(&p->items[i].value, a, &items[i].value))
            items = NULL;
    }
    if (!items)
        return error_no_memory(e);
    *out = (struct params){p->n, items};
    return ERR_OK;
}

void params_json(const struct params *p, struct buf *out)
{
    buf_putc(out, '{');
    for (size_t i = 0; i < p->n; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        value_json_string(p->items[i].name, out);
        buf_puts(out, ": ");
        value_json(&p->items[i].value, out);
    }
    buf_putc(out, '}');
}

void value_json_string(const char *s, struct buf *out)
{
    size_t n = strlen(s), bad = utf8_first_bad(s, n);

    buf_putc(out, '"');
    for (size_t i = 0; i < n; i++) {
        const unsigned char *c = (const unsigned char *)s + i;

        if (i == bad) {
            buf_puts(out, "\xef\xbf\xbd");
            bad = i + 1 + utf8_first_bad(s + i + 1, n - i - 1);
        } else if (*c == '"' || *c == '\\')
            buf_printf(out, "\\%c", *c);
        else if (*c == '\n')
            buf_puts(out, "\\n");
        else if (*c == '\t')
            buf_puts(out, "\\t");
        else if (*c < 0x20 || *c == 0x7f)
            buf_printf(out, "\\u%04x", *c);
        else
            buf_putc(out, (char)*c);
    }
    buf_putc(out, '"');
}
