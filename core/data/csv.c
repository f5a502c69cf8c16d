#include "core/data/csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"

enum { FIRST_BUFFER = 1 << 18 };

/* What scanning the bytes in the buffer came to. */
enum found { FOUND_RECORD, FOUND_NOTHING, FOUND_END, NEED_MORE, FOUND_FAULT };

struct csv {
    const struct source *source;
    char delimiter;
    const char *comment;
    size_t comment_length;
    bool stops[256];  /* bytes that end a cell without quotes */
    bool blanks[256]; /* bytes trimmed from around a cell */

    char *data;                  /* the buffer; one byte more than `capacity` */
    size_t capacity, length, at; /* `at`: start of the next record */
    bool ended;                  /* the source has no more */
    bool checked;                /* all bytes in the buffer are ASCII and not NUL */
    bool begun;                  /* past the byte order mark */

    struct cell *cells;
    size_t n_cells, cells_capacity;
    uint64_t line;    /* of `at` */
    uint64_t n_lines; /* line ends in the record being scanned */
    bool any_record;
    uint64_t n_comments, first_comment_line;
    struct buf last_comment;
    bool has_comment;
    char *const *names;
    size_t n_names;
    struct error *error; /* of the running call */
};

static bool whitespace(const struct csv *c)
{
    return c->delimiter == CSV_WHITESPACE;
}

enum err csv_create(const struct source *s, char delimiter, const char *comment, struct csv **out,
                    struct error *e)
{
    struct csv *c = calloc(1, sizeof *c);

    if (!c)
        return error_no_memory(e);
    c->source = s;
    c->delimiter = delimiter;
    c->comment = comment ? comment : "";
    c->comment_length = strlen(c->comment);
    c->line = 1;
    c->blanks[' '] = true;
    c->blanks['\t'] = delimiter != '\t';
    c->stops['\n'] = c->stops['\r'] = c->stops[(unsigned char)delimiter] = true;
    c->stops['\t'] = c->stops['\t'] || whitespace(c);
    c->capacity = FIRST_BUFFER;
    c->data = malloc(c->capacity + 1);
    if (!c->data) {
        free(c);
        return error_no_memory(e);
    }
    *out = c;
    return ERR_OK;
}

void csv_destroy(struct csv *c)
{
    if (!c)
        return;
    buf_finish(&c->last_comment);
    free(c->cells);
    free(c->data);
    free(c);
}

void csv_set_names(struct csv *c, char *const *names, size_t n)
{
    c->names = names;
    c->n_names = n;
}

uint64_t csv_comments(const struct csv *c, uint64_t *first_line)
{
    *first_line = c->first_comment_line;
    return c->n_comments;
}

const char *csv_last_comment(const struct csv *c)
{
    return c->has_comment ? buf_text(&c->last_comment) : NULL;
}

enum err csv_fault(const struct csv *c, uint64_t line, size_t column, struct error *e,
                   const char *format, ...)
{
    char what[320], name[64];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (column == 0)
        return error_set(e, ERR_INVALID, "line %llu: %s", (unsigned long long)line, what);
    if (column > c->n_names)
        return error_set(e, ERR_INVALID, "line %llu, column %zu: %s", (unsigned long long)line,
                         column, what);
    return error_set(e, ERR_INVALID, "line %llu, column %zu \"%s\": %s", (unsigned long long)line,
                     column, csv_preview(c->names[column - 1], name), what);
}

const char *csv_preview(const char *text, char out[64])
{
    size_t n = strlen(text), cut = 40;

    if (n > cut) {
        while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
            cut--;
        n = cut;
    }
    memcpy(out, text, n);
    for (size_t bad; (bad = utf8_first_bad(out, n)) < n;)
        out[bad] = '?';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
            out[i] = ' ';
    (void)snprintf(out + n, 64 - n, "%s", text[n] ? "\u2026" : "");
    return out;
}

/* ---- the buffer -------------------------------------------------------------------------------
 */

/* Moves what is left of the buffer to its front and fills it up; grows it for a long record. */
static enum err refill(struct csv *c, struct error *e)
{
    size_t kept = c->length - c->at, got;

    memmove(c->data, c->data + c->at, kept);
    c->at = 0;
    c->length = kept;
    if (kept == CSV_MAX_RECORD)
        return error_set(e, ERR_LIMIT, "line %llu: a row is longer than %d bytes",
                         (unsigned long long)c->line, CSV_MAX_RECORD);
    if (kept > c->capacity / 2 && c->capacity < CSV_MAX_RECORD) {
        char *data = realloc(c->data, 2 * c->capacity + 1);

        if (!data)
            return error_no_memory(e);
        c->data = data;
        c->capacity *= 2;
    }
    TRY(source_fill(c->source, c->data + kept, c->capacity - kept, &got, e));
    c->length += got;
    c->ended = c->length < c->capacity;
    c->data[c->length] = '\n'; /* ends every scan */
    c->checked = utf8_is_plain(c->data, c->length);
    return ERR_OK;
}

/* "sep=;" in the first line is a spreadsheet program's note to itself. */
static void skip_separator_note(struct csv *c)
{
    const char *p = c->data + c->at;

    if (c->length - c->at < 7 || strncasecmp(p, "sep=", 4) != 0)
        return;
    if (p[5] == '\n' || (p[5] == '\r' && p[6] == '\n')) {
        c->at += p[5] == '\n' ? 6 : 7;
        c->line++;
    }
}

/* The byte order mark of UTF-8 is skipped, that of UTF-16 is a fault. */
static enum err begin(struct csv *c, struct error *e)
{
    TRY(refill(c, e));
    c->begun = true;
    if (c->length >= 2 &&
        (memcmp(c->data, "\xff\xfe", 2) == 0 || memcmp(c->data, "\xfe\xff", 2) == 0))
        return error_set(e, ERR_INVALID, "line 1: the text is UTF-16; expected UTF-8");
    if (c->length >= 3 && memcmp(c->data, "\xef\xbb\xbf", 3) == 0)
        c->at = 3;
    skip_separator_note(c);
    return ERR_OK;
}

/* ---- scanning: finds the cells, changes nothing -----------------------------------------------
 */

/* A line end at `p`; its length, or 0 when the next byte must be seen first. */
static size_t line_end(const struct csv *c, size_t p)
{
    if (c->data[p] == '\n')
        return 1;
    if (p + 1 == c->length)
        return c->ended ? 1 : 0;
    return c->data[p + 1] == '\n' ? 2 : 1;
}

static enum found bad_quote(struct csv *c, size_t at)
{
    char text[5] = {0}, shown[64];

    for (size_t i = 0; i < 4 && at + i < c->length; i++) /* one character */
        if (i == 0 || ((unsigned char)c->data[at + i] & 0xc0) == 0x80)
            text[i] = c->data[at + i];
        else
            break;
    (void)csv_fault(c, c->line + c->n_lines, c->n_cells + 1, c->error,
                    "expected a delimiter behind the closing quote, got \"%s\"",
                    csv_preview(text, shown));
    return FOUND_FAULT;
}

static enum found add_cell(struct csv *c, size_t start, size_t end, bool quoted, uint64_t below)
{
    void *cells = c->cells;

    if (end - start > CSV_MAX_CELL) {
        (void)csv_fault(c, c->line + below, c->n_cells + 1, c->error,
                        quoted ? "a cell is longer than %d bytes (is its quote never closed?)"
                               : "a cell is longer than %d bytes",
                        CSV_MAX_CELL);
        return FOUND_FAULT;
    }
    if (c->n_cells == RECORD_MAX_COLUMNS) {
        (void)csv_fault(c, c->line, 0, c->error, "there are more than %d columns", RECORD_MAX_COLUMNS);
        return FOUND_FAULT;
    }
    if (mem_grow(&cells, &c->cells_capacity, c->n_cells + 1, sizeof *c->cells, c->error) != ERR_OK)
        return FOUND_FAULT;
    c->cells = cells;
    c->cells[c->n_cells++] = (struct cell){
        .text = c->data + start,
        .length = (uint32_t)(end - start),
        .below = (unsigned)below & 0x1fffffff,
        .quoted = quoted,
    };
    return FOUND_RECORD;
}

static size_t skip_blanks(const struct csv *c, size_t p)
{
    while (p < c->length && c->blanks[(unsigned char)c->data[p]])
        p++;
    return p;
}

/* From behind an opening quote to its closing one, which *at then points to. */
static enum found scan_quoted(struct csv *c, size_t *at)
{
    size_t start = *at, p = start;
    uint64_t first_line = c->line + c->n_lines;

    for (; p < c->length; p++) {
        if (c->data[p] == '"') {
            if (p + 1 == c->length && !c->ended)
                return NEED_MORE;
            if (p + 1 == c->length || c->data[p + 1] != '"') {
                *at = p;
                return FOUND_RECORD;
            }
            p++;
        } else if (c->data[p] == '\n' || (c->data[p] == '\r' && line_end(c, p) == 1)) {
            c->n_lines++;
        }
        if (p - start > 2 * (size_t)CSV_MAX_CELL)
            break;
    }
    if (p == c->length && !c->ended)
        return NEED_MORE;
    (void)csv_fault(c, first_line, c->n_cells + 1, c->error,
                    p == c->length ? "the quote that opens here is never closed"
                                   : "the quote that opens here is not closed within 2 MiB");
    return FOUND_FAULT;
}

static enum found scan_cell(struct csv *c, size_t *at)
{
    size_t p = skip_blanks(c, *at), start = p;
    uint64_t below = c->n_lines;

    if (p < c->length && c->data[p] == '"') {
        size_t end = ++p;
        enum found found = scan_quoted(c, &end);

        if (found != FOUND_RECORD)
            return found;
        p = whitespace(c) ? end + 1 : skip_blanks(c, end + 1);
        if (p == c->length && !c->ended)
            return NEED_MORE;
        if (p < c->length && !c->stops[(unsigned char)c->data[p]])
            return bad_quote(c, p);
        *at = p;
        return add_cell(c, start + 1, end, true, below);
    }
    while (!c->stops[(unsigned char)c->data[p]])
        p++;
    if (p >= c->length && !c->ended)
        return NEED_MORE;
    *at = p;
    while (p > start && c->blanks[(unsigned char)c->data[p - 1]])
        p--;
    return add_cell(c, start, p, false, below);
}

/* What spreadsheet programs write where a formula failed: a value in the first column, not a
 * comment that swallows the row. */
static const char *const sheet_errors[] = {"#DIV/0!", "#N/A",  "#NAME?", "#NULL!",
                                           "#NUM!",   "#REF!", "#VALUE!"};
enum { LONGEST_ERROR = 7 };

static bool is_sheet_error(const struct csv *c, size_t p)
{
    for (size_t i = 0; i < sizeof sheet_errors / sizeof *sheet_errors; i++) {
        size_t n = strlen(sheet_errors[i]);

        if (c->length - p >= n && memcmp(c->data + p, sheet_errors[i], n) == 0)
            return true;
    }
    return false;
}

/* A comment or blank line at `start`: *next is behind it. */
static enum found scan_skipped(struct csv *c, size_t start, size_t *next)
{
    size_t p = start, end;
    bool comment;

    p = skip_blanks(c, p);
    if (c->length - p < c->comment_length + LONGEST_ERROR && !c->ended)
        return NEED_MORE;
    comment = c->comment_length > 0 && c->length - p >= c->comment_length &&
              memcmp(c->data + p, c->comment, c->comment_length) == 0 && !is_sheet_error(c, p);
    for (end = p; comment && c->data[end] != '\n' && c->data[end] != '\r'; end++)
        ;
    if (end >= c->length && !c->ended)
        return NEED_MORE;
    if (end >= c->length) {
        *next = end;
        return comment ? FOUND_NOTHING : FOUND_END;
    }
    if (!comment && c->data[end] != '\n' && c->data[end] != '\r')
        return FOUND_RECORD;
    if (line_end(c, end) == 0)
        return NEED_MORE;
    *next = end + line_end(c, end);
    return FOUND_NOTHING;
}

/* The cells of the record at `c->at`; *next is behind its line end. */
static enum found scan_record(struct csv *c, size_t *next)
{
    size_t p = c->at, n;

    c->n_cells = 0;
    c->n_lines = 0;
    for (;;) {
        enum found found = scan_cell(c, &p);

        if (found != FOUND_RECORD)
            return found;
        if (whitespace(c))
            p = skip_blanks(c, p);
        if (p >= c->length) {
            *next = p;
            return c->ended ? FOUND_RECORD : NEED_MORE;
        }
        if (c->data[p] == '\n' || c->data[p] == '\r')
            break;
        if (!whitespace(c))
            p++;
    }
    n = line_end(c, p);
    if (n == 0)
        return NEED_MORE;
    c->n_lines++;
    *next = p + n;
    return FOUND_RECORD;
}

/* ---- finishing: quotes undone, NULs set, UTF-8 checked ----------------------------------------
 */

static void undouble_quotes(struct cell *cell)
{
    char *from = memchr(cell->text, '"', cell->length), *to = from;
    const char *end = cell->text + cell->length;

    if (!from)
        return;
    while (from < end) {
        if (*from == '"')
            from++; /* the second of two stays */
        *to++ = *from++;
    }
    cell->length = (uint32_t)(to - cell->text);
}

static enum err check_cell(struct csv *c, size_t i, struct error *e)
{
    const struct cell *cell = &c->cells[i];
    size_t bad = utf8_first_bad(cell->text, cell->length);

    if (bad == cell->length)
        return ERR_OK;
    if (cell->text[bad] == '\0')
        return csv_fault(c, c->line + cell->below, i + 1, e, "a NUL byte; expected text");
    return csv_fault(c, c->line + cell->below, i + 1, e,
                     "byte 0x%02x is not UTF-8 (a Latin-1 file is converted by "
                     "iconv -f latin1 -t utf-8)",
                     (unsigned)(unsigned char)cell->text[bad]);
}

static enum err finish_cells(struct csv *c, struct error *e)
{
    for (size_t i = 0; i < c->n_cells; i++) {
        if (!c->checked)
            TRY(check_cell(c, i, e));
        if (c->cells[i].quoted)
            undouble_quotes(&c->cells[i]);
        c->cells[i].text[c->cells[i].length] = '\0';
    }
    return ERR_OK;
}

static void remember_comment(struct csv *c, size_t end)
{
    const char *text = c->data + skip_blanks(c, c->at), *stop = c->data + end;

    if (c->comment_length == 0 || (size_t)(stop - text) < c->comment_length ||
        memcmp(text, c->comment, c->comment_length) != 0)
        return; /* a blank line */
    text += c->comment_length;
    if (c->any_record) {
        if (c->n_comments++ == 0)
            c->first_comment_line = c->line;
        return;
    }
    while (stop > text && (stop[-1] == '\n' || stop[-1] == '\r'))
        stop--;
    buf_clear(&c->last_comment);
    buf_append(&c->last_comment, text, (size_t)(stop - text));
    c->has_comment = true;
}

enum err csv_next(struct csv *c, struct record *r, struct error *e)
{
    struct error mine = {0};
    enum found found;
    size_t next = 0;

    c->error = e ? e : &mine;
    if (!c->begun)
        TRY(begin(c, c->error));
    for (;;) {
        found = scan_skipped(c, c->at, &next);
        if (found == FOUND_RECORD)
            found = scan_record(c, &next);
        if (found == FOUND_FAULT)
            return c->error->code;
        if (found == NEED_MORE)
            TRY(refill(c, c->error));
        if (found == FOUND_RECORD || found == FOUND_END)
            break;
        if (found == FOUND_NOTHING) {
            remember_comment(c, next);
            c->at = next;
            c->line++;
        }
    }
    if (found == FOUND_END)
        c->n_cells = 0;
    TRY(finish_cells(c, c->error));
    *r = (struct record){c->cells, c->n_cells, c->line};
    c->any_record = true;
    c->at = found == FOUND_END ? c->at : next;
    c->line += found == FOUND_END ? 0 : c->n_lines;
    return buf_check(&c->last_comment, e);
}
