#include "core/data/array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/utf8.h"

enum {
    MAX_ROW_BYTES = 64 << 20,
    BLOCK_BYTES = 1 << 16,
    INTEGER_BYTES = 24 /* the digits of the longest, a sign and a NUL */
};

/* ---- the shape --------------------------------------------------------------------------------
 */

static enum err count_columns(struct array *a, struct error *e)
{
    uint64_t n = 1;

    if (a->n_dimensions == 0)
        return error_set(e, ERR_INVALID, "a single value; expected rows of them");
    if (a->element_bytes == 0)
        return error_set(e, ERR_INVALID, "its elements have no bytes");
    for (size_t k = 1; k < a->n_dimensions; k++) {
        if (a->shape[k] == 0)
            return error_set(e, ERR_INVALID, "its rows are empty");
        if (a->shape[k] > RECORD_MAX_COLUMNS || n * a->shape[k] > RECORD_MAX_COLUMNS)
            return error_set(e, ERR_INVALID, "there are more than %d columns", RECORD_MAX_COLUMNS);
        n *= a->shape[k];
    }
    if (a->n_fields > 1 && n > 1)
        return error_set(e, ERR_INVALID, "records with named fields in rows of %llu; expected one",
                         (unsigned long long)n);
    a->n_columns = (size_t)n * a->n_fields;
    if (a->shape[0] >= UINT32_MAX - 1)
        return error_set(e, ERR_LIMIT, "the table has more than %u rows", UINT32_MAX - 2);
    return ERR_OK;
}

static bool has_text(const struct array_field *f)
{
    return f->kind == ARRAY_BYTES || f->kind == ARRAY_UTF32 ||
           (f->kind != ARRAY_FLOAT && f->bytes == 8);
}

/* Bytes for the text of one cell. */
static size_t text_bytes(const struct array_field *f)
{
    if (!has_text(f))
        return 0;
    return f->kind == ARRAY_BYTES || f->kind == ARRAY_UTF32 ? f->bytes + 1 : INTEGER_BYTES;
}

static enum err measure(struct array *a, uint64_t max_bytes, struct error *e)
{
    uint64_t row = (uint64_t)(a->n_columns / a->n_fields) * a->element_bytes, text = 0, held;

    for (size_t k = 0; k < a->n_fields; k++)
        text += text_bytes(&a->fields[k]);
    text *= a->n_columns / a->n_fields;
    if (row > MAX_ROW_BYTES || row > max_bytes || text > 2 * (uint64_t)MAX_ROW_BYTES)
        return error_set(
            e, ERR_LIMIT, "a row needs more than %llu bytes of memory",
            (unsigned long long)(max_bytes < MAX_ROW_BYTES ? max_bytes : MAX_ROW_BYTES));
    a->row_bytes = (size_t)row;
    a->text_bytes = (size_t)text;
    a->by_columns = a->by_columns && a->n_dimensions > 1 && a->n_columns > 1;
    held = a->shape[0] * row; /* below 2^32 times 2^26 */
    if (a->by_columns && held > max_bytes)
        return error_set(e, ERR_LIMIT,
                         "stored column by column, it needs more than %llu bytes of memory",
                         (unsigned long long)max_bytes);
    a->n_bytes = a->by_columns ? held : 0;
    return ERR_OK;
}

/* Columns are counted with the last index fastest; the block has the first index fastest. */
static void place_by_columns(struct array *a)
{
    for (size_t j = 0; j < a->n_columns; j++) {
        size_t index[ARRAY_MAX_DIMENSIONS] = {0}, rest = j, at = 0;

        for (size_t k = a->n_dimensions; k-- > 1;) {
            index[k] = rest % (size_t)a->shape[k];
            rest /= (size_t)a->shape[k];
        }
        for (size_t k = a->n_dimensions; k-- > 0;)
            at = at * (size_t)a->shape[k] + index[k];
        a->at[j] = at * a->element_bytes;
    }
}

enum err array_begin(struct array *a, uint64_t max_bytes, struct error *e)
{
    TRY(count_columns(a, e));
    TRY(measure(a, max_bytes, e));
    a->at = calloc(a->n_columns, sizeof *a->at);
    a->cells = calloc(a->n_columns, sizeof *a->cells);
    a->text = malloc(a->text_bytes + 1);
    if (!a->at || !a->cells || !a->text)
        return error_no_memory(e);
    if (a->by_columns)
        place_by_columns(a);
    for (size_t j = 0; !a->by_columns && j < a->n_columns; j++)
        a->at[j] = j / a->n_fields * a->element_bytes + a->fields[j % a->n_fields].offset;
    return array_rewind(a, e);
}

uint64_t array_rows(const struct array *a)
{
    return a->shape[0];
}

void array_destroy(struct array *a)
{
    if (!a)
        return;
    for (size_t k = 0; a->fields && k < a->n_fields; k++)
        free(a->fields[k].name);
    free(a->fields);
    free(a->bytes);
    free(a->at);
    free(a->text);
    free(a->cells);
    free(a);
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

static enum err cut_short(const struct array *a, uint64_t got, struct error *e)
{
    return error_set(e, ERR_INVALID,
                     "cut short: %llu rows of %zu bytes are announced, it ends %llu bytes into "
                     "row %llu",
                     (unsigned long long)a->shape[0], a->row_bytes,
                     (unsigned long long)(got % a->row_bytes),
                     (unsigned long long)(got / a->row_bytes + 1));
}

/* The whole block; memory grows with what comes, not with what the header promises. */
static enum err hold(struct array *a, struct error *e)
{
    size_t capacity = 0, n = 0, got = 1;
    void *bytes = NULL;

    while (n < a->n_bytes && got > 0) {
        size_t want = (size_t)a->n_bytes - n < BLOCK_BYTES ? (size_t)a->n_bytes - n : BLOCK_BYTES;

        TRY(mem_grow(&bytes, &capacity, n + want, 1, e));
        a->bytes = bytes;
        TRY(a->source->read(a->source->ctx, a->bytes + n, want, &got, e));
        n += got;
    }
    return n < a->n_bytes
               ? error_set(e, ERR_INVALID, "cut short: %llu bytes are announced, %zu are there",
                           (unsigned long long)a->n_bytes, n)
               : ERR_OK;
}

static enum err skip_to_start(struct array *a, struct error *e)
{
    unsigned char block[512];
    uint64_t left = a->start;

    TRY(a->source->rewind(a->source->ctx, e));
    while (left > 0) {
        size_t want = left < sizeof block ? (size_t)left : sizeof block, got;

        TRY(source_fill(a->source, block, want, &got, e));
        if (got < want)
            return error_set(e, ERR_IO, "the file changed while it was read");
        left -= got;
    }
    return ERR_OK;
}

enum err array_rewind(struct array *a, struct error *e)
{
    a->row = 0;
    if (a->by_columns && a->bytes)
        return ERR_OK; /* held */
    TRY(skip_to_start(a, e));
    if (a->by_columns)
        return hold(a, e);
    if (!a->bytes)
        a->bytes = malloc(a->row_bytes + 1);
    return a->bytes ? ERR_OK : error_no_memory(e);
}

enum err array_end(struct array *a, struct error *e)
{
    unsigned char more;
    size_t got;

    TRY(source_fill(a->source, &more, 1, &got, e));
    if (got == 0)
        return ERR_OK;
    return error_set(e, ERR_INVALID, "there are bytes after the last of the %llu announced rows",
                     (unsigned long long)a->shape[0]);
}

/* ---- elements ---------------------------------------------------------------------------------
 */

static uint64_t load(const unsigned char *p, size_t n, bool big_endian)
{
    uint64_t x = 0;

    for (size_t k = 0; k < n; k++)
        x |= (uint64_t)p[big_endian ? n - 1 - k : k] << (8 * k);
    return x;
}

static double half(uint64_t bits)
{
    double fraction = (double)(bits & 0x3ff), x;
    int exponent = (int)(bits >> 10 & 0x1f);

    if (exponent == 0x1f)
        x = fraction > 0 ? (double)NAN : (double)INFINITY;
    else
        x = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -x : x;
}

static double load_float(const struct array_field *f, const unsigned char *p)
{
    uint64_t bits = load(p, f->bytes, f->big_endian);
    uint32_t low = (uint32_t)bits;
    float single;
    double x;

    if (f->bytes == 2)
        return half(bits);
    memcpy(&x, &bits, sizeof x);
    memcpy(&single, &low, sizeof single);
    return f->bytes == 4 ? (double)single : x;
}

/* Integers that a double cannot hold come as their digits, as they would in a text. */
static void put_integer(const struct array_field *f, const unsigned char *p, char *text,
                        struct cell *out)
{
    const uint64_t exact = UINT64_C(1) << 53;
    uint64_t bits = load(p, f->bytes, f->big_endian), sign = UINT64_C(1) << (8 * f->bytes - 1);
    bool negative = f->kind == ARRAY_SIGNED && (bits & sign);
    uint64_t size = negative ? (~bits + 1) & (2 * sign - 1) : bits;

    if (size <= exact) {
        *out = (struct cell){.form = CELL_VALUE, .number = negative ? -(double)size : (double)size};
        return;
    }
    *out = (struct cell){.form = CELL_RAW, .text = text};
    out->length = (uint32_t)snprintf(text, INTEGER_BYTES, "%s%llu", negative ? "-" : "",
                                     (unsigned long long)size);
}

/* UTF-8 of one character; 0 bytes where it is none. */
static size_t put_character(uint64_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (char)(c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c < 0x10000 ? c >> 6 & 0x3f : c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c < 0x10000 ? c & 0x3f : c >> 6 & 0x3f));
    if (c >= 0x10000)
        out[3] = (char)(0x80 | (c & 0x3f));
    return c < 0x10000 ? 3 : 4;
}

/* Text without the NULs that pad it. False where it is no text. */
static bool put_text(const struct array_field *f, const unsigned char *p, char *text,
                     struct cell *out)
{
    size_t step = f->kind == ARRAY_UTF32 ? 4 : 1, n = f->bytes, length = 0;

    while (n >= step && load(p + n - step, step, false) == 0)
        n -= step;
    for (size_t k = 0; k < n; k += step) {
        uint64_t c = load(p + k, step, f->big_endian);
        size_t more = step == 4 ? put_character(c, text + length) : 1;

        if (c == 0 || more == 0)
            return false;
        if (step == 1)
            text[length] = (char)c;
        length += more;
    }
    text[length] = '\0';
    *out = (struct cell){.form = CELL_LABEL, .text = text, .length = (uint32_t)length};
    return utf8_first_bad(text, length) == length;
}

enum err array_next(struct array *a, struct cell **cells, struct error *e)
{
    const unsigned char *row = a->bytes;
    char *text = a->text;

    if (a->by_columns) {
        row += a->row * a->element_bytes;
    } else {
        size_t got;

        TRY(source_fill(a->source, a->bytes, a->row_bytes, &got, e));
        if (got < a->row_bytes)
            return cut_short(a, a->row * a->row_bytes + got, e);
    }
    a->row++;
    for (size_t j = 0; j < a->n_columns; j++) {
        const struct array_field *f = &a->fields[j % a->n_fields];
        const unsigned char *p = row + a->at[j];

        if (f->kind == ARRAY_FLOAT)
            a->cells[j] = (struct cell){.form = CELL_VALUE, .number = load_float(f, p)};
        else if (f->kind == ARRAY_SIGNED || f->kind == ARRAY_UNSIGNED)
            put_integer(f, p, text, &a->cells[j]);
        else if (!put_text(f, p, text, &a->cells[j]))
            return error_set(e, ERR_INVALID, "row %llu, column %zu: the text is not Unicode",
                             (unsigned long long)a->row, j + 1);
        text += text_bytes(f);
    }
    *cells = a->cells;
    return ERR_OK;
}
