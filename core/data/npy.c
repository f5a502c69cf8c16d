#include "core/data/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/stack.h"
#include "core/base/utf8.h"

enum {
    MAGIC_BYTES = 6,
    MAX_HEADER_BYTES = 1 << 22,
    MAX_TEXT_BYTES = 1 << 20 /* of one element */
};

static const char magic[] = "\x93NUMPY";

bool npy_recognises(const unsigned char *first, size_t n)
{
    return n >= MAGIC_BYTES && memcmp(first, magic, MAGIC_BYTES) == 0;
}

/* ---- the literal ------------------------------------------------------------------------------
 */

/* The header's text and how far it is read. */
struct literal {
    const char *text;
    size_t at;
};

static enum err fault(const struct literal *l, const char *expected, struct error *e)
{
    return error_set(e, ERR_INVALID, "the header, character %zu: expected %s", l->at + 1, expected);
}

static void skip_blanks(struct literal *l)
{
    l->at += strspn(l->text + l->at, " \t\r\n");
}

/* Is this next? Then it is taken. */
static bool take(struct literal *l, const char *word)
{
    skip_blanks(l);
    if (strncmp(l->text + l->at, word, strlen(word)) != 0)
        return false;
    l->at += strlen(word);
    return true;
}

/* A text in quotes; a backslash keeps the next character as it is. */
static enum err read_text(struct literal *l, char *out, size_t room, struct error *e)
{
    char quote;
    size_t n = 0;

    skip_blanks(l);
    quote = l->text[l->at];
    if (quote != '\'' && quote != '"')
        return fault(l, "a text in quotes", e);
    l->at++;
    while (l->text[l->at] != quote) {
        l->at += l->text[l->at] == '\\';
        if (!l->text[l->at])
            return fault(l, "the end of a text in quotes", e);
        if (n + 1 == room)
            return fault(l, "a shorter text", e);
        out[n++] = l->text[l->at++];
    }
    l->at++;
    out[n] = '\0';
    return ERR_OK;
}

static enum err read_number(struct literal *l, uint64_t *out, struct error *e)
{
    uint64_t x = 0;
    bool any = false;

    skip_blanks(l);
    for (; l->text[l->at] >= '0' && l->text[l->at] <= '9'; l->at++) {
        uint64_t digit = (uint64_t)(l->text[l->at] - '0');

        if (x > (UINT64_MAX - digit) / 10)
            return fault(l, "a smaller number", e);
        x = 10 * x + digit;
        any = true;
    }
    (void)take(l, "L"); /* as Python 2 wrote them */
    *out = x;
    return any ? ERR_OK : fault(l, "a number", e);
}

/* ---- types ------------------------------------------------------------------------------------
 */

/* What may stand behind the byte order; `sizes` in bytes, 0 for any. */
static const struct type {
    char letter;
    enum array_kind kind;
    size_t unit; /* bytes that the number behind the letter counts */
    const char *sizes;
} types[] = {
    {'b', ARRAY_UNSIGNED, 1, "1"}, {'i', ARRAY_SIGNED, 1, "1248"}, {'u', ARRAY_UNSIGNED, 1, "1248"},
    {'f', ARRAY_FLOAT, 1, "248"},  {'S', ARRAY_BYTES, 1, NULL},    {'a', ARRAY_BYTES, 1, NULL},
    {'U', ARRAY_UTF32, 4, NULL},
};

static enum err unknown_type(const char *descr, struct error *e)
{
    return error_set(e, ERR_INVALID,
                     "elements of type \"%.40s\" are not read; expected booleans, integers, floats "
                     "of at most 8 bytes, or texts",
                     descr);
}

/* "<f8": byte order, kind, size. */
static enum err read_type(const char *descr, struct array_field *out, struct error *e)
{
    struct literal l = {descr, 0};
    const struct type *type = NULL;
    uint64_t n;
    char letter;

    if (*descr && strchr("<>|=", *descr))
        out->big_endian = descr[l.at++] == '>';
    letter = descr[l.at];
    for (size_t i = 0; letter && i < sizeof types / sizeof *types; i++)
        if (types[i].letter == letter)
            type = &types[i];
    if (letter == '?' && !descr[l.at + 1]) {
        out->kind = ARRAY_UNSIGNED;
        out->bytes = 1;
        return ERR_OK;
    }
    if (!type)
        return unknown_type(descr, e);
    l.at++;
    if (read_number(&l, &n, NULL) != ERR_OK || descr[l.at] || n > MAX_TEXT_BYTES)
        return unknown_type(descr, e);
    if (type->sizes && (n == 0 || n > 8 || !strchr(type->sizes, '0' + (int)n)))
        return unknown_type(descr, e);
    out->kind = type->kind;
    out->bytes = (size_t)n * type->unit;
    return ERR_OK;
}

static enum err new_field(struct array *a, size_t *capacity, struct array_field **out,
                          struct error *e)
{
    void *fields = a->fields;

    if (a->n_fields == RECORD_MAX_COLUMNS)
        return error_set(e, ERR_INVALID, "there are more than %d columns", RECORD_MAX_COLUMNS);
    TRY(mem_grow(&fields, capacity, a->n_fields + 1, sizeof *a->fields, e));
    a->fields = fields;
    *out = &a->fields[a->n_fields++];
    memset(*out, 0, sizeof **out);
    (*out)->offset = a->element_bytes;
    return ERR_OK;
}

/* Bytes between fields: "|V4". */
static bool is_padding(const char *name, const char *descr, uint64_t *bytes)
{
    struct literal l = {descr, 0};

    return !*name && (take(&l, "|V") || take(&l, "V")) && read_number(&l, bytes, NULL) == ERR_OK &&
           !descr[l.at] && *bytes <= MAX_TEXT_BYTES;
}

/* ('name', '<f8') */
static enum err read_field(struct literal *l, struct array *a, size_t *capacity, struct error *e)
{
    struct array_field *f;
    char name[256], descr[64];
    uint64_t padding;

    if (!take(l, "("))
        return fault(l, "a field in parentheses", e);
    TRY(read_text(l, name, sizeof name, e));
    if (!take(l, ","))
        return fault(l, "a comma", e);
    skip_blanks(l);
    if (l->text[l->at] == '[')
        return error_set(e, ERR_INVALID, "field \"%.80s\" has fields itself; expected one value",
                         name);
    TRY(read_text(l, descr, sizeof descr, e));
    if (take(l, ",") && !take(l, ")"))
        return error_set(e, ERR_INVALID, "field \"%.80s\" is an array; expected one value", name);
    if (l->text[l->at - 1] != ')' && !take(l, ")"))
        return fault(l, "a parenthesis", e);
    if (is_padding(name, descr, &padding)) {
        a->element_bytes += (size_t)padding;
        return ERR_OK;
    }
    TRY(new_field(a, capacity, &f, e));
    if (utf8_first_bad(name, strlen(name)) < strlen(name))
        return error_set(e, ERR_INVALID, "the name of field %zu is not UTF-8", a->n_fields);
    TRY(read_type(descr, f, e));
    a->element_bytes += f->bytes;
    f->name = strdup(name);
    return f->name ? ERR_OK : error_no_memory(e);
}

static enum err read_descr(struct literal *l, struct array *a, struct error *e)
{
    size_t capacity = 0;
    struct array_field *f;
    char descr[64];

    if (a->n_fields > 0)
        return fault(l, "each key once", e);
    if (!take(l, "[")) {
        TRY(read_text(l, descr, sizeof descr, e));
        TRY(new_field(a, &capacity, &f, e));
        TRY(read_type(descr, f, e));
        a->element_bytes = f->bytes;
        return ERR_OK;
    }
    while (!take(l, "]")) {
        TRY(read_field(l, a, &capacity, e));
        if (!take(l, ",")) {
            if (!take(l, "]"))
                return fault(l, "a comma or a bracket", e);
            break;
        }
    }
    return a->n_fields > 0 ? ERR_OK : error_set(e, ERR_INVALID, "the array's type has no fields");
}

static enum err read_shape(struct literal *l, struct array *a, struct error *e)
{
    if (!take(l, "("))
        return fault(l, "the shape in parentheses", e);
    a->n_dimensions = 0;
    while (!take(l, ")")) {
        if (a->n_dimensions == ARRAY_MAX_DIMENSIONS)
            return fault(l, "at most 32 dimensions", e);
        TRY(read_number(l, &a->shape[a->n_dimensions++], e));
        if (!take(l, ",")) {
            if (!take(l, ")"))
                return fault(l, "a comma or a parenthesis", e);
            break;
        }
    }
    return ERR_OK;
}

/* {'descr': '<f8', 'fortran_order': False, 'shape': (150, 4), } */
static enum err read_header(struct literal *l, struct array *a, struct error *e)
{
    bool order = false, shape = false;
    char key[32];

    if (!take(l, "{"))
        return fault(l, "an opening brace", e);
    while (!take(l, "}")) {
        TRY(read_text(l, key, sizeof key, e));
        if (!take(l, ":"))
            return fault(l, "a colon", e);
        if (strcmp(key, "descr") == 0) {
            TRY(read_descr(l, a, e));
        } else if (strcmp(key, "fortran_order") == 0) {
            a->by_columns = take(l, "True");
            order = a->by_columns || take(l, "False");
            if (!order)
                return fault(l, "True or False", e);
        } else if (strcmp(key, "shape") == 0) {
            shape = true;
            TRY(read_shape(l, a, e));
        } else {
            return fault(l, "descr, fortran_order and shape alone", e);
        }
        if (!take(l, ",")) {
            if (!take(l, "}"))
                return fault(l, "a comma or a closing brace", e);
            break;
        }
    }
    skip_blanks(l);
    if (l->text[l->at])
        return fault(l, "its end", e);
    return order && shape && a->n_fields > 0
               ? ERR_OK
               : error_set(e, ERR_INVALID, "the header lacks descr, fortran_order or shape");
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static enum err read_exactly(const struct source *s, void *out, size_t n, struct error *e)
{
    size_t got;

    TRY(source_fill(s, out, n, &got, e));
    return got == n ? ERR_OK : error_set(e, ERR_INVALID, "the file ends within the npy header");
}

/* Its text, NUL-terminated, from behind the magic. */
static enum err read_header_text(const struct source *s, char **out, uint64_t *start,
                                 struct error *e)
{
    unsigned char head[MAGIC_BYTES + 6];
    size_t got, n, size;

    TRY(source_fill(s, head, MAGIC_BYTES + 2, &got, e));
    if (!npy_recognises(head, got))
        return error_set(e, ERR_INVALID, "the file does not begin as an npy file does");
    if (got < MAGIC_BYTES + 2)
        return error_set(e, ERR_INVALID, "the file ends within the npy header");
    if (head[MAGIC_BYTES] < 1 || head[MAGIC_BYTES] > 3)
        return error_set(e, ERR_INVALID, "npy version %d; expected 1 to 3", head[MAGIC_BYTES]);
    size = head[MAGIC_BYTES] == 1 ? 2 : 4;
    TRY(read_exactly(s, head, size, e));
    n = head[0] | (size_t)head[1] << 8;
    if (size == 4)
        n |= (size_t)head[2] << 16 | (size_t)head[3] << 24;
    if (n > MAX_HEADER_BYTES)
        return error_set(e, ERR_LIMIT, "the npy header has %zu bytes; expected at most %d", n,
                         MAX_HEADER_BYTES);
    *out = malloc(n + 1);
    if (!*out)
        return error_no_memory(e);
    TRY(read_exactly(s, *out, n, e));
    (*out)[n] = '\0';
    if (strlen(*out) != n)
        return error_set(e, ERR_INVALID, "a NUL byte is in the npy header");
    *start = MAGIC_BYTES + 2 + size + n;
    return ERR_OK;
}

enum err npy_read(const struct source *s, struct array **out, struct error *e)
{
    CLEANUP(mem_free) char *text = NULL;
    struct literal l = {0};
    struct array *a = calloc(1, sizeof *a);

    if (!a)
        return error_no_memory(e);
    *out = a;
    a->source = s;
    TRY(read_header_text(s, &text, &a->start, e));
    l.text = text;
    return read_header(&l, a, e);
}

enum err npy_open(const struct table_file *files, size_t n_files, const struct table_options *o,
                  uint64_t max_bytes, struct rows **out, struct error *e)
{
    struct stack *s;

    (void)n_files;
    TRY(stack_create(&s, e));
    *out = &s->rows;
    s->n_parts = 1;
    s->parts[0].features_name = "the array";
    TRY(npy_read(files->source, &s->parts[0].features, e));
    return stack_begin(s, o, max_bytes, e);
}
