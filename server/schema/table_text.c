#include "server/schema/table_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { CELL_MAX = 60 }; /* characters of a cell on a terminal */

/* ---- CSV ----------------------------------------------------------------------------------- */

static void csv_text(struct buf *out, const char *s)
{
    if (s[0] && !strpbrk(s, ",\"\r\n") && s[0] != ' ' && s[strlen(s) - 1] != ' ') {
        buf_puts(out, s);
        return;
    }
    if (!s[0])
        return;
    buf_putc(out, '"');
    for (; *s; s++) {
        if (*s == '"')
            buf_putc(out, '"');
        buf_putc(out, *s);
    }
    buf_putc(out, '"');
}

static bool exists(const struct value *v)
{
    return v->kind != VALUE_NONE && (v->kind != VALUE_REAL || isfinite(v->real));
}

void table_csv_row(struct buf *out, const struct value *cells, size_t n)
{
    CLEANUP(buf_finish) struct buf text = {0};

    for (size_t i = 0; i < n; i++) {
        buf_clear(&text);
        if (exists(&cells[i]))
            value_text(&cells[i], &text);
        out->failed = out->failed || text.failed;
        if (i > 0)
            buf_putc(out, ',');
        csv_text(out, buf_text(&text));
    }
    buf_puts(out, "\r\n"); /* RFC 4180, section 2 */
}

void table_csv_header(struct buf *out, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        csv_text(out, names[i]);
    }
    buf_puts(out, "\r\n");
}

/* ---- width --------------------------------------------------------------------------------- */

/* One character of UTF-8; its bytes. A message may have been cut in the middle of one. */
static size_t decode(const char *s, uint32_t *c)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t more = u[0] < 0x80 ? 0 : u[0] < 0xe0 ? 1 : u[0] < 0xf0 ? 2 : 3;

    *c = more == 0 ? u[0] : u[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            *c = 0xfffd;
            return 1;
        }
        *c = *c << 6 | (u[i] & 0x3f);
    }
    return 1 + more;
}

/* Columns on a terminal: 0 for combining marks, 2 for the wide scripts of East Asia and emoji.
 * Source  Unicode 15, EastAsianWidth.txt (W and F) and general category Mn, in their large runs */
static size_t columns(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        size_t columns;
    } ranges[] = {{0x300, 0x36f, 0},     {0x200b, 0x200f, 0},   {0x20d0, 0x20ff, 0},
                  {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2},   {0x2e80, 0x303e, 2},
                  {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
                  {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
                  {0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}};

    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].columns;
    return 1;
}

static size_t text_width(const char *s)
{
    size_t width = 0;
    uint32_t c;

    while (*s) {
        s += decode(s, &c);
        width += columns(c);
    }
    return width;
}

/* ---- aligned text -------------------------------------------------------------------------- */

/* On one line and not too long; what a terminal would obey becomes a space. */
static char *clean(const char *text)
{
    CLEANUP(buf_finish) struct buf b = {0};
    size_t width = 0;
    char *copy;

    while (*text) {
        uint32_t c;
        size_t n = decode(text, &c);

        if (width >= CELL_MAX - 1 && text_width(text) > 1) {
            buf_puts(&b, "…");
            break;
        }
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            buf_putc(&b, ' ');
        else
            buf_append(&b, text, n);
        width += columns(c);
        text += n;
    }
    copy = b.failed ? NULL : strdup(buf_text(&b));
    return copy;
}

static char *cell_text(const struct value *v)
{
    CLEANUP(buf_finish) struct buf b = {0};

    if (!exists(v))
        return strdup("-");
    if (v->kind == VALUE_REAL)
        buf_printf(&b, "%.5g", v->real);
    else
        value_text(v, &b);
    return b.failed ? NULL : clean(buf_text(&b));
}

/* Puts the cells, which it owns from now on, into the next row. */
static void add_cell(struct table_text *t, size_t column, char *cell)
{
    size_t width;

    t->cells[t->n_rows * t->n_columns + column] = cell;
    if (!cell) {
        t->failed = true;
        return;
    }
    width = text_width(cell);
    if (width > t->width[column])
        t->width[column] = width;
}

static bool has_room(struct table_text *t)
{
    void *cells = t->cells;

    if (t->failed || mem_grow(&cells, &t->capacity, (t->n_rows + 1) * t->n_columns,
                              sizeof *t->cells, NULL) != ERR_OK)
        t->failed = true;
    else
        t->cells = cells;
    return !t->failed;
}

enum err table_text_begin(struct table_text *t, const char *const *names, size_t n, struct error *e)
{
    *t = (struct table_text){.n_columns = n};
    t->width = calloc(n + 1, sizeof *t->width);
    t->is_number = calloc(n + 1, sizeof *t->is_number);
    if (!t->width || !t->is_number || !has_room(t)) {
        table_text_finish(t);
        return error_no_memory(e);
    }
    for (size_t i = 0; i < n; i++) {
        add_cell(t, i, clean(names[i]));
        t->is_number[i] = true;
    }
    t->n_rows = 1;
    return ERR_OK;
}

void table_text_row(struct table_text *t, const struct value *cells)
{
    if (!has_room(t))
        return;
    for (size_t i = 0; i < t->n_columns; i++) {
        if (cells[i].kind != VALUE_NONE && cells[i].kind != VALUE_INT &&
            cells[i].kind != VALUE_REAL)
            t->is_number[i] = false;
        add_cell(t, i, cell_text(&cells[i]));
    }
    t->n_rows++;
}

static void pad(struct buf *out, char c, size_t n)
{
    for (; n > 0; n--)
        buf_putc(out, c);
}

static void write_line(const struct table_text *t, size_t row, struct buf *out)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const char *cell = t->cells[row * t->n_columns + i];
        size_t space = t->width[i] - text_width(cell);
        bool is_last = i + 1 == t->n_columns;

        pad(out, ' ', t->is_number[i] ? space : 0);
        buf_puts(out, cell);
        if (!is_last) /* no blanks at the end of a line */
            pad(out, ' ', (t->is_number[i] ? 0 : space) + 2);
    }
    buf_putc(out, '\n');
}

enum err table_text_write(const struct table_text *t, struct buf *out, struct error *e)
{
    if (t->failed)
        return error_no_memory(e);
    write_line(t, 0, out);
    for (size_t i = 0; i < t->n_columns; i++) {
        pad(out, '-', t->width[i]);
        if (i + 1 < t->n_columns)
            buf_puts(out, "  ");
    }
    buf_putc(out, '\n');
    for (size_t row = 1; row < t->n_rows; row++)
        write_line(t, row, out);
    return buf_check(out, e);
}

void table_text_finish(struct table_text *t)
{
    for (size_t i = 0; t->cells && i < t->n_rows * t->n_columns; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t->width);
    free(t->is_number);
    memset(t, 0, sizeof *t);
}
