#include "core/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/decimal.h"
#include "core/base/mem.h"

enum { FIRST_BYTES = 64 };

static bool reserve(struct buf *b, size_t more)
{
    void *data = b->data;
    size_t want = b->length + more + 1;

    if (b->failed || more > (size_t)-1 / 2 - b->length ||
        mem_grow(&data, &b->capacity, want < FIRST_BYTES ? FIRST_BYTES : want, 1, NULL) != ERR_OK) {
        b->failed = true;
        return false;
    }
    b->data = data;
    return true;
}

void buf_reserve(struct buf *b, size_t more)
{
    (void)reserve(b, more); /* one that failed is remembered */
}

void buf_append(struct buf *b, const void *bytes, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n > 0)
        memcpy(b->data + b->length, bytes, n);
    b->length += n;
    b->data[b->length] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    int n;

    if (!reserve(b, 0))
        return;
    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(b->data + b->length, b->capacity - b->length, format, args);
    va_end(args);
    if (n < 0) {
        b->failed = true;
        b->data[b->length] = '\0';
    } else if ((size_t)n < b->capacity - b->length) {
        b->length += (size_t)n;
    } else if (reserve(b, (size_t)n)) { /* it did not fit: written again where it does */
        (void)vsnprintf(b->data + b->length, (size_t)n + 1, format, again);
        b->length += (size_t)n;
    } else {
        b->data[b->length] = '\0';
    }
    va_end(again);
}

void buf_put_decimal(struct buf *b, double x, int digits)
{
    if (reserve(b, DECIMAL_BYTES))
        b->length += decimal_write(x, digits, b->data + b->length);
}

void buf_clear(struct buf *b)
{
    b->length = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}

enum err buf_check(const struct buf *b, struct error *e)
{
    return b->failed ? error_no_memory(e) : ERR_OK;
}

void buf_finish(struct buf *b)
{
    free(b->data);
    memset(b, 0, sizeof *b);
}

void buf_format_double(double x, char out[32])
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, 32, "%.*g", digits, x);
        if (strtod(out, NULL) == x) /* strtod and printf are exactly rounded in glibc */
            return;
    }
}
