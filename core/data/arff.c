#include "core/data/arff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/data/csv.h"
#include "core/data/intern.h"
#include "core/data/lines.h"
#include "core/data/number.h"

enum { VALUE_BYTES = 24 }; /* that a declared value takes beside its text, about */

enum attribute_type { ATTRIBUTE_NUMERIC, ATTRIBUTE_TEXT, ATTRIBUTE_NOMINAL };

struct attribute {
    enum attribute_type type;
    struct intern *values; /* of a nominal one: those declared, in this order */
    size_t n_values;
    char *first; /* a copy of the first, which readers may write to */
    size_t first_length;
};

struct arff {
    struct rows rows;
    struct lines *lines;
    uint64_t max_bytes, value_bytes;               /* of all declared values */
    size_t n, names_capacity, attributes_capacity; /* declared so far */
    struct attribute *attributes;
    struct cell *cells;
};

/* One value of a line. */
struct token {
    char *text; /* NUL-terminated once the next one is not needed any more */
    size_t length;
    bool quoted;
};

/* ---- tokens -----------------------------------------------------------------------------------
 */

static enum err line_fault(const struct arff *a, const char *what, const char *text,
                           struct error *e)
{
    char shown[64];

    return error_set(e, ERR_INVALID, "line %llu: %s, got \"%s\"",
                     (unsigned long long)lines_number(a->lines), what, csv_preview(text, shown));
}

static char *skip_blanks(char *p)
{
    return p + strspn(p, " \t");
}

/* Nothing more stands in the line, but for a comment. */
static bool at_end(const char *p)
{
    return *p == '\0' || *p == '%';
}

static char unescape(char c)
{
    static const char from[] = "nrt", to[] = "\n\r\t";
    const char *at = c ? strchr(from, c) : NULL;

    return at ? to[at - from] : c;
}

/* Takes a value off the front of *p: in quotes, or up to a blank or one of `stops`. */
static enum err take_token(const struct arff *a, char **p, const char *stops, struct token *out,
                           struct error *e)
{
    char *from = *p, *to = from, quote = *from;

    *out = (struct token){.text = from, .quoted = quote == '\'' || quote == '"'};
    if (!out->quoted) {
        while (*to && *to != ' ' && *to != '\t' && !strchr(stops, *to))
            to++;
        out->length = (size_t)(to - from);
        *p = to;
        return ERR_OK;
    }
    for (from++; *from != quote; from++) {
        if (*from == '\\' && from[1])
            *to++ = unescape(*++from);
        else if (*from)
            *to++ = *from;
        else
            return error_set(e, ERR_INVALID, "line %llu: a quote that opens a text is never closed",
                             (unsigned long long)lines_number(a->lines));
    }
    out->length = (size_t)(to - out->text);
    *p = from + 1;
    if (**p && **p != ' ' && **p != '\t' && !strchr(stops, **p))
        return line_fault(a, "expected a delimiter behind the closing quote", *p, e);
    return ERR_OK;
}

/* ---- attributes -------------------------------------------------------------------------------
 */

static enum err new_attribute(struct arff *a, const struct token *name, struct error *e)
{
    void *names = a->rows.names, *attributes = a->attributes;

    if (a->n == RECORD_MAX_COLUMNS)
        return error_set(e, ERR_INVALID, "there are more than %d columns", RECORD_MAX_COLUMNS);
    TRY(mem_grow(&names, &a->names_capacity, a->n + 1, sizeof *a->rows.names, e));
    a->rows.names = names;
    TRY(mem_grow(&attributes, &a->attributes_capacity, a->n + 1, sizeof *a->attributes, e));
    a->attributes = attributes;
    a->rows.names[a->n] = strndup(name->text, name->length);
    a->attributes[a->n] = (struct attribute){0};
    a->rows.n_columns = ++a->n;
    return a->rows.names[a->n - 1] ? ERR_OK : error_no_memory(e);
}

/* {red, 'dark blue', green} */
static enum err read_values(struct arff *a, char *p, struct attribute *out, struct error *e)
{
    struct token value;
    int32_t id;

    out->type = ATTRIBUTE_NOMINAL;
    TRY(intern_create(&out->values, e));
    for (p = skip_blanks(p); *p != '}'; p = skip_blanks(p)) {
        if (!*p)
            return error_set(e, ERR_INVALID,
                             "line %llu: the { that opens the values is never closed",
                             (unsigned long long)lines_number(a->lines));
        TRY(take_token(a, &p, ",}", &value, e));
        if (value.length == 0 && !value.quoted)
            return line_fault(a, "expected a value", p, e);
        TRY(intern_add(out->values, value.text, value.length, &id, e));
        a->value_bytes += value.length + VALUE_BYTES;
        if (a->value_bytes > a->max_bytes)
            return error_set(
                e, ERR_LIMIT, "line %llu: the declared values need more than %llu bytes",
                (unsigned long long)lines_number(a->lines), (unsigned long long)a->max_bytes);
        p = skip_blanks(p);
        if (*p == ',')
            p++;
    }
    out->n_values = intern_count(out->values);
    out->first = strdup(out->n_values > 0 ? intern_text(out->values, 0) : "");
    if (!out->first)
        return error_no_memory(e);
    out->first_length = strlen(out->first);
    p = skip_blanks(p + 1);
    if (out->n_values == 0)
        return line_fault(a, "expected values between the braces", p, e);
    return at_end(p) ? ERR_OK : line_fault(a, "expected the end of the line behind }", p, e);
}

static enum err read_type(struct arff *a, char *p, struct attribute *out, struct error *e)
{
    static const struct {
        const char *name;
        enum attribute_type type;
    } types[] = {
        {"numeric", ATTRIBUTE_NUMERIC}, {"real", ATTRIBUTE_NUMERIC}, {"integer", ATTRIBUTE_NUMERIC},
        {"string", ATTRIBUTE_TEXT},     {"date", ATTRIBUTE_TEXT},
    };
    size_t n = strcspn(p, " \t%");

    if (*p == '{')
        return read_values(a, p + 1, out, e);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strlen(types[i].name) != n || strncasecmp(p, types[i].name, n) != 0)
            continue;
        out->type = types[i].type;
        p = skip_blanks(p + n);
        return at_end(p) || (n == 4 && out->type == ATTRIBUTE_TEXT) /* a date's own format */
                   ? ERR_OK
                   : line_fault(a, "expected the end of the line behind the type", p, e);
    }
    return line_fault(a, "expected numeric, real, integer, string, date or {values}", p, e);
}

static enum err read_attribute(struct arff *a, char *p, struct error *e)
{
    struct token name;

    p = skip_blanks(p);
    TRY(take_token(a, &p, "{", &name, e));
    if (name.length == 0)
        return line_fault(a, "expected the attribute's name", p, e);
    TRY(new_attribute(a, &name, e));
    return read_type(a, skip_blanks(p), &a->attributes[a->n - 1], e);
}

/* Is it this declaration? Then *p is behind the word. */
static bool declares(char **p, const char *word)
{
    size_t n = strlen(word);

    if (strncasecmp(*p, word, n) != 0 || !strchr(" \t%", (*p)[n]))
        return false;
    *p += n;
    return true;
}

/* Up to the line of @data. */
static enum err read_header(struct arff *a, struct error *e)
{
    char *p;

    for (;;) {
        TRY(lines_next(a->lines, &p, e));
        if (!p)
            return error_set(e, ERR_INVALID, "the file has no @data line");
        p = skip_blanks(p);
        if (at_end(p) || declares(&p, "@relation"))
            continue;
        if (declares(&p, "@data"))
            break;
        if (!declares(&p, "@attribute"))
            return line_fault(a, "expected @relation, @attribute or @data", p, e);
        TRY(read_attribute(a, p, e));
    }
    a->rows.shape_line = lines_number(a->lines);
    return a->n > 0 ? ERR_OK : error_set(e, ERR_INVALID, "no @attribute stands before @data");
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static enum err put_cell(struct arff *a, size_t j, const struct token *t, struct error *e)
{
    const struct attribute *attribute = &a->attributes[j];
    struct cell *cell = &a->cells[j];
    uint64_t line = lines_number(a->lines);
    char shown[64];
    int32_t id = 0;

    t->text[t->length] = '\0'; /* what stood there is read already */
    *cell = (struct cell){.form = CELL_VALUE, .number = (double)NAN};
    if (!t->quoted && strcmp(t->text, "?") == 0)
        return ERR_OK;
    if (attribute->type == ATTRIBUTE_NUMERIC) {
        switch (number_parse(t->text, t->length, '.', &cell->number)) {
        case NUMBER_FINITE:
            return ERR_OK;
        case NUMBER_INFINITE:
            cell->number = *t->text == '-' ? -(double)INFINITY : (double)INFINITY;
            cell->text = t->text; /* 1e400 is to be told as it stands there */
            cell->length = (uint32_t)t->length;
            return ERR_OK;
        case NUMBER_NONE:
            return rows_fault(&a->rows, line, j + 1, e, "expected a number, got \"%s\"",
                              csv_preview(t->text, shown));
        }
    }
    if (attribute->type == ATTRIBUTE_NOMINAL)
        TRY(intern_add(attribute->values, t->text, t->length, &id, e));
    if ((size_t)id >= attribute->n_values && attribute->type == ATTRIBUTE_NOMINAL)
        return rows_fault(&a->rows, line, j + 1, e,
                          "expected one of the %zu declared values, got \"%s\"",
                          attribute->n_values, csv_preview(t->text, shown));
    if (t->length > CSV_MAX_CELL)
        return rows_fault(&a->rows, line, j + 1, e, "a cell is longer than %d bytes", CSV_MAX_CELL);
    *cell = (struct cell){
        .form = CELL_LABEL, .text = t->text, .length = (uint32_t)t->length, .quoted = t->quoted};
    return ERR_OK;
}

/* 5.1, 3.5, 'a b', ? */
static enum err read_dense(struct arff *a, char *p, struct error *e)
{
    uint64_t line = lines_number(a->lines);
    size_t j = 0;

    for (;; p++) {
        struct token t;
        char stop;

        p = skip_blanks(p);
        if (*p == '{' && j == a->n)
            return line_fault(a, "expected no weight behind the row", p, e);
        TRY(take_token(a, &p, ",%", &t, e));
        p = skip_blanks(p);
        stop = *p;
        if (j == a->n)
            return rows_fault(&a->rows, line, j + 1, e, "expected %zu values, got more", a->n);
        if (t.length == 0 && !t.quoted)
            return rows_fault(&a->rows, line, j + 1, e,
                              "expected a value, got nothing (a missing one is ?)");
        TRY(put_cell(a, j++, &t, e));
        if (at_end(&stop))
            break;
        if (stop != ',')
            p--; /* values with blanks between them alone */
    }
    return j == a->n
               ? ERR_OK
               : rows_fault(&a->rows, line, j + 1, e, "expected %zu values, got %zu", a->n, j);
}

/* What a sparse row does not give: 0, the first value declared, of texts none. */
static void clear_cells(struct arff *a)
{
    for (size_t j = 0; j < a->n; j++) {
        const struct attribute *attribute = &a->attributes[j];

        a->cells[j] = (struct cell){.form = CELL_VALUE};
        if (attribute->type == ATTRIBUTE_TEXT)
            a->cells[j].number = (double)NAN;
        if (attribute->type == ATTRIBUTE_NOMINAL)
            a->cells[j] = (struct cell){.form = CELL_LABEL,
                                        .text = attribute->first,
                                        .length = (uint32_t)attribute->first_length};
    }
}

/* {1 5.1, 4 'a b'}: columns from 0, ascending. */
static enum err read_sparse(struct arff *a, char *p, struct error *e)
{
    size_t next = 0;

    clear_cells(a);
    for (p = skip_blanks(p + 1); *p != '}'; p = skip_blanks(p)) {
        struct token t;
        unsigned long long j;
        char *behind = p, stop;

        j = *p >= '0' && *p <= '9' ? strtoull(p, &behind, 10) : 0;
        if (behind == p || (*behind != ' ' && *behind != '\t'))
            return line_fault(a, "expected a column's number and its value", p, e);
        if (j >= a->n)
            return error_set(e, ERR_INVALID, "line %llu: column %llu; there are 0 to %zu",
                             (unsigned long long)lines_number(a->lines), j, a->n - 1);
        if (j < next)
            return line_fault(a, "expected columns in ascending order", p, e);
        next = (size_t)j + 1;
        p = skip_blanks(behind);
        TRY(take_token(a, &p, ",}", &t, e));
        if (t.length == 0 && !t.quoted)
            return line_fault(a, "expected a value", p, e);
        p = skip_blanks(p);
        stop = *p;
        if (stop != ',' && stop != '}')
            return line_fault(a, "expected , or } behind a value", p, e);
        TRY(put_cell(a, (size_t)j, &t, e));
        if (stop == '}')
            return at_end(skip_blanks(p + 1))
                       ? ERR_OK
                       : line_fault(a, "expected the end of the line behind }", p + 1, e);
        p++;
    }
    return at_end(skip_blanks(p + 1))
               ? ERR_OK
               : line_fault(a, "expected the end of the line behind }", p + 1, e);
}

static enum err arff_next(struct rows *r, struct record *out, struct error *e)
{
    struct arff *a = (struct arff *)r;
    char *p;

    *out = (struct record){0};
    do {
        TRY(lines_next(a->lines, &p, e));
        if (!p)
            return ERR_OK;
        p = skip_blanks(p);
    } while (at_end(p));
    TRY(*p == '{' ? read_sparse(a, p, e) : read_dense(a, p, e));
    *out = (struct record){.cells = a->cells, .n_cells = a->n, .line = lines_number(a->lines)};
    return ERR_OK;
}

static enum err arff_rewind(struct rows *r, struct error *e)
{
    struct arff *a = (struct arff *)r;
    char *p;

    TRY(lines_rewind(a->lines, e));
    while (lines_number(a->lines) < r->shape_line) {
        TRY(lines_next(a->lines, &p, e));
        if (!p)
            return error_set(e, ERR_IO, "the file changed while it was read");
    }
    return ERR_OK;
}

static void arff_close(struct rows *r)
{
    struct arff *a = (struct arff *)r;

    for (size_t j = 0; j < a->n; j++) {
        intern_destroy(a->attributes[j].values);
        free(a->attributes[j].first);
    }
    free(a->attributes);
    free(a->cells);
    lines_destroy(a->lines);
    free(a);
}

static const struct rows_class arff_class = {arff_next, arff_rewind, NULL, arff_close};

/* ---- the whole --------------------------------------------------------------------------------
 */

static const char *comment_end(const char *p, const char *end)
{
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p;
}

/* The first line that is neither blank nor a comment declares something. */
bool arff_recognises(const unsigned char *first, size_t n)
{
    static const char *const words[] = {"@relation", "@attribute"};
    const char *p = (const char *)first, *end = p + n;

    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' || *p == '%')) {
        if (*p == '%')
            p = comment_end(p, end);
        else
            p++;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(end - p) > strlen(words[i]) && strncasecmp(p, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

enum err arff_open(const struct table_file *files, size_t n_files, const struct table_options *o,
                   uint64_t max_bytes, struct rows **out, struct error *e)
{
    struct arff *a = calloc(1, sizeof *a);

    (void)n_files;
    (void)o;
    if (!a)
        return error_no_memory(e);
    *out = &a->rows;
    a->max_bytes = max_bytes;
    a->rows.class = &arff_class;
    a->rows.place = "line";
    a->rows.decimal = '.';
    a->rows.missing = "";
    TRY(lines_create(files->source, &a->lines, e));
    TRY(read_header(a, e));
    a->cells = calloc(a->n, sizeof *a->cells);
    return a->cells ? ERR_OK : error_no_memory(e);
}
