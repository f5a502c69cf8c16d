#include "core/data/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/data/cell.h"
#include "core/data/csv.h"
#include "core/data/format.h"
#include "core/data/number.h"
#include "core/data/sample.h"

enum { FIRST_LOOK = 1 << 18, LAST_LOOK = 1 << 24, WANTED_LINES = 3 };

/* Kinds of text tables; each one's usual delimiter, or 0 where it is to be found. */
static const struct kind {
    const char *name;
    char delimiter;
} kinds[] = {
    {"csv", 0},
    {"tsv", '\t'},
};

/* In the order of preference where several divide the lines equally well. */
static const struct delimiter {
    char character;
    const char *name;
} delimiters[] = {
    {'\t', "tab"},
    {';', "semicolon"},
    {',', "comma"},
    {'|', "pipe"},
    {CSV_WHITESPACE, "whitespace"},
};

/* Files that are something else, by their first bytes. */
static const struct magic {
    const char *bytes;
    size_t n;
    const char *what;
} magics[] = {
    {"\x93NUMPY", 6, "a NumPy array"},
    {"PK\3\4", 4, "a ZIP archive (a workbook of a spreadsheet program is one)"},
    {"\xd0\xcf\x11\xe0", 4, "a workbook of a spreadsheet program"},
    {"PAR1", 4, "a Parquet file"},
    {"\x89HDF", 4, "an HDF5 file"},
    {"SQLite format 3", 15, "an SQLite database"},
    {"%PDF-", 5, "a PDF document"},
    {"BZh", 3, "compressed by bzip2"},
    {"\xfd\x37zXZ", 5, "compressed by xz"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd"},
};

/* The start of a file. */
struct look {
    char *bytes;
    size_t n;
    bool whole;
};

/* ---- options ----------------------------------------------------------------------------------
 */

static const struct kind *find_kind(const struct table_options *o, const char *file)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (o->format ? strcmp(o->format, kinds[i].name) == 0
                      : file && format_has_ending(file, kinds[i].name))
            return &kinds[i];
    return &kinds[0];
}

static enum err read_delimiter(const char *given, char *out, struct error *e)
{
    for (size_t i = 0; i < sizeof delimiters / sizeof *delimiters; i++) {
        if (strcmp(given, delimiters[i].name) == 0) {
            *out = delimiters[i].character;
            return ERR_OK;
        }
    }
    if (strcmp(given, "\\t") == 0 || strcmp(given, "space") == 0) {
        *out = *given == 's' ? CSV_WHITESPACE : '\t';
        return ERR_OK;
    }
    if (strlen(given) == 1 && (*given == '\t' || (*given >= ' ' && *given < 0x7f)) &&
        !strchr("\"'+-.0123456789", *given) && !((*given | 32) >= 'a' && (*given | 32) <= 'z')) {
        *out = *given;
        return ERR_OK;
    }
    (void)error_set(e, ERR_INVALID,
                    "delimiter \"%.20s\": expected one character, or comma, semicolon, tab, pipe "
                    "or whitespace",
                    given);
    return error_field(e, "delimiter");
}

static enum err read_header(const char *given, bool *out, struct error *e)
{
    static const char *const words[] = {"false", "true", "no", "yes", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(given, words[i]) == 0) {
            *out = i % 2 == 1;
            return ERR_OK;
        }
    }
    (void)error_set(e, ERR_INVALID, "header \"%.20s\": expected true or false", given);
    return error_field(e, "header");
}

static enum err read_comment(const char *given, struct dialect *d, struct error *e)
{
    if (strlen(given) >= sizeof d->comment || strpbrk(given, "\"\r\n") || *given == ' ') {
        (void)error_set(e, ERR_INVALID, "comment \"%.20s\": expected a prefix of at most %zu bytes",
                        given, sizeof d->comment - 1);
        return error_field(e, "comment");
    }
    (void)snprintf(d->comment, sizeof d->comment, "%s", given);
    return ERR_OK;
}

static enum err read_decimal(const char *given, char *out, struct error *e)
{
    if (strcmp(given, ".") != 0 && strcmp(given, ",") != 0) {
        (void)error_set(e, ERR_INVALID, "decimal \"%.20s\": expected . or ,", given);
        return error_field(e, "decimal");
    }
    *out = *given;
    return ERR_OK;
}

/* ---- a look at the file -----------------------------------------------------------------------
 */

static size_t count_lines(const char *bytes, size_t n)
{
    size_t lines = 0;

    for (size_t i = 0; i < n && lines < WANTED_LINES; i++)
        lines += bytes[i] == '\n' || bytes[i] == '\r';
    return lines;
}

/* Enough of the file for a few lines of it, even where lines are very long. */
static enum err look_begin(const struct source *s, struct look *l, struct error *e)
{
    size_t capacity = FIRST_LOOK / 4, more;

    do {
        char *bytes;

        capacity *= 4;
        bytes = realloc(l->bytes, capacity);
        if (!bytes)
            return error_no_memory(e);
        l->bytes = bytes;
        TRY(source_fill(s, bytes + l->n, capacity - l->n, &more, e));
        l->n += more;
        l->whole = l->n < capacity;
    } while (!l->whole && capacity < LAST_LOOK && count_lines(l->bytes, l->n) < WANTED_LINES);
    return s->rewind(s->ctx, e);
}

static void look_end(struct look *l)
{
    free(l->bytes);
}

/* Text of another kind, often what a server answered in place of the file. */
static const char *other_text(const struct look *l)
{
    size_t at = l->n >= 3 && memcmp(l->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const char *p = l->bytes + at, *end = l->bytes + l->n;
    char first;

    while (p < end && strchr(" \t\r\n", *p))
        p++;
    if (end - p >= 14 &&
        (strncasecmp(p, "<!doctype html", 14) == 0 || strncasecmp(p, "<html", 5) == 0))
        return "an HTML page";
    if (end - p >= 5 && strncmp(p, "<?xml", 5) == 0)
        return "an XML document";
    if (p == end || (*p != '{' && *p != '['))
        return NULL;
    first = *p++;
    while (p < end && strchr(" \t\r\n", *p))
        p++;
    return p < end && strchr(first == '{' ? "\"" : "[{", *p) ? "JSON" : NULL;
}

static enum err check_magic(const struct look *l, struct error *e)
{
    const char *other = other_text(l);

    if (other)
        return error_set(e, ERR_INVALID, "the file is %s; expected a table as text", other);
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];

        if (l->n < m->n || memcmp(l->bytes, m->bytes, m->n) != 0)
            continue;
        return error_set(e, ERR_INVALID, "the file is %s; expected a table as text", m->what);
    }
    return ERR_OK;
}

/* The sample that agrees best on its number of cells. */
static enum err find_delimiter(struct arena *a, const struct look *l, const struct kind *kind,
                               struct dialect *d, struct sample **out, struct error *e)
{
    size_t best = 0;

    for (size_t i = 0; i < sizeof delimiters / sizeof *delimiters; i++) {
        struct sample *s;
        size_t agreement;

        TRY(sample_read(a, l->bytes, l->n, l->whole, delimiters[i].character, d->comment, &s, e));
        agreement = sample_agreement(s);
        if (agreement > best ||
            (agreement == best && delimiters[i].character == ',' && best == 0)) {
            best = agreement;
            d->delimiter = delimiters[i].character;
            *out = s;
        }
        if (kind->delimiter == delimiters[i].character && agreement > 0)
            break; /* the name of the file says so, and it works */
    }
    return ERR_OK;
}

/* Is it a number with this mark in it? */
static bool marked_number(const char *cell, char mark)
{
    double x;

    return strchr(cell, mark) && number_parse(cell, strlen(cell), mark, &x) == NUMBER_FINITE;
}

/* 1,234: a decimal comma or a thousands mark, who knows. */
static bool looks_like_thousands(const char *cell)
{
    size_t n = strlen(cell), whole;

    if (*cell == '-' || *cell == '+')
        cell++, n--;
    whole = strcspn(cell, ",");
    return whole >= 1 && whole <= 3 && cell[0] != '0' && n == whole + 4 &&
           strspn(cell + whole + 1, "0123456789") == 3;
}

/* A decimal comma: some numbers have a comma and none has a point. Between commas as delimiters
 * such a number is quoted, and one like "1,234" is more likely in thousands. */
static void find_decimal(const struct sample *s, struct dialect *d)
{
    size_t commas = 0, points = 0, thousands = 0;

    for (size_t i = 0; i < s->n_records; i++) {
        for (size_t j = 0; j < s->records[i].n_cells; j++) {
            const char *cell = s->records[i].cells[j];

            commas += marked_number(cell, ',');
            points += marked_number(cell, '.');
            thousands += marked_number(cell, ',') && looks_like_thousands(cell);
        }
    }
    d->decimal = commas > 0 && points == 0 ? ',' : '.';
    d->thousands = d->decimal == ',' && thousands == commas;
    if (d->thousands && d->delimiter == ',')
        d->decimal = '.';
}

/* ---- the header -------------------------------------------------------------------------------
 */

static bool any_number(const struct sample_record *r, const struct cell_rules *rules)
{
    double x;

    for (size_t j = 0; j < r->n_cells; j++)
        if (cell_read(rules, r->cells[j], strlen(r->cells[j]), &x) == CELL_NUMBER)
            return true;
    return false;
}

/* A value that must be data: a number, or a token such as ? for a missing one. */
static bool any_data(const struct sample_record *r, const struct cell_rules *rules)
{
    double x;

    for (size_t j = 0; j < r->n_cells; j++)
        if (*r->cells[j] && cell_read(rules, r->cells[j], strlen(r->cells[j]), &x) != CELL_TEXT)
            return true;
    return false;
}

/* In a table of text alone: does a cell of the first row come again in its column, or in it? */
static bool first_row_repeats(const struct sample *s)
{
    const struct sample_record *first = &s->records[0];

    for (size_t j = 0; j < first->n_cells; j++) {
        for (size_t i = 1; i < s->n_records; i++)
            if (j < s->records[i].n_cells && strcmp(first->cells[j], s->records[i].cells[j]) == 0)
                return true;
        for (size_t k = 0; k < j && k < 200; k++) /* enough to tell; the whole would be quadratic */
            if (strcmp(first->cells[j], first->cells[k]) == 0)
                return true;
    }
    return false;
}

static bool first_row_is_header(const struct sample *s, const struct cell_rules *rules)
{
    if (s->n_records == 0 || any_data(&s->records[0], rules))
        return false;
    for (size_t i = 1; i < s->n_records; i++)
        if (any_number(&s->records[i], rules))
            return true;
    return !first_row_repeats(s);
}

/* "# x y z": as many words as there are columns, and none of them a number. */
static enum err comment_is_header(struct arena *a, const struct sample *s, const struct dialect *d,
                                  const struct cell_rules *rules, bool *out, struct error *e)
{
    struct sample *comment;

    *out = false;
    if (!s->comment || s->n_records == 0)
        return ERR_OK;
    TRY(sample_read(a, s->comment, strlen(s->comment), true, d->delimiter, NULL, &comment, e));
    *out = comment->n_records == 1 && comment->records[0].n_cells == s->records[0].n_cells &&
           !any_data(&comment->records[0], rules);
    return ERR_OK;
}

static enum err find_header(struct arena *a, const struct sample *s, const struct table_options *o,
                            struct dialect *d, struct error *e)
{
    struct cell_rules rules;
    bool row, comment, wanted = true;

    TRY(cell_rules_init(&rules, d->decimal, o->missing, e));
    TRY(comment_is_header(a, s, d, &rules, &comment, e));
    if (o->header)
        TRY(read_header(o->header, &wanted, e));
    row = first_row_is_header(s, &rules);
    if (!wanted)
        d->header = HEADER_NONE;
    else if (row)
        d->header = HEADER_ROW;
    else if (comment)
        d->header = HEADER_COMMENT;
    else
        d->header = o->header ? HEADER_ROW : HEADER_NONE;
    return ERR_OK;
}

enum err dialect_find(const struct source *s, const struct table_options *o, const char *file_name,
                      struct dialect *out, struct error *e)
{
    CLEANUP(look_end) struct look look = {0};
    CLEANUP(arena_end) struct arena *a = NULL;
    const struct kind *kind = find_kind(o, file_name);
    struct sample *sample = NULL;
    struct dialect d = {.comment = "#", .decimal = '.'};

    if (o->comment)
        TRY(read_comment(o->comment, &d, e));
    TRY(arena_create(FIRST_LOOK, &a, e));
    TRY(look_begin(s, &look, e));
    TRY(check_magic(&look, e));
    d.format = kind->name;
    if (o->delimiter || (o->format && kind->delimiter)) {
        d.delimiter = kind->delimiter;
        if (o->delimiter)
            TRY(read_delimiter(o->delimiter, &d.delimiter, e));
        TRY(sample_read(a, look.bytes, look.n, look.whole, d.delimiter, d.comment, &sample, e));
    } else {
        TRY(find_delimiter(a, &look, kind, &d, &sample, e));
    }
    find_decimal(sample, &d);
    if (o->decimal)
        TRY(read_decimal(o->decimal, &d.decimal, e));
    if (o->decimal && d.decimal == d.delimiter) {
        (void)error_set(e, ERR_INVALID, "decimal \"%c\": the delimiter is the same", d.decimal);
        return error_field(e, "decimal");
    }
    d.thousands = d.thousands && d.decimal == ',' && !o->decimal;
    TRY(find_header(a, sample, o, &d, e));
    *out = d;
    return ERR_OK;
}

void dialect_delimiter_name(char delimiter, char out[16])
{
    if (delimiter == '\t' || delimiter == CSV_WHITESPACE)
        (void)snprintf(out, 16, "%s", delimiter == '\t' ? "tab" : "whitespace");
    else
        (void)snprintf(out, 16, "%c", delimiter);
}
