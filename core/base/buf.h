/*
 * A growing byte buffer. A failed allocation is remembered: appends after it do nothing, and
 * buf_check() reports it once at the end, so that writers read as a list of what they write.
 */
#ifndef SWEEPD_CORE_BASE_BUF_H
#define SWEEPD_CORE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* Zero-initialise; `data` is NUL-terminated once anything was appended. */
struct buf {
    char *data;
    size_t length; /* bytes, without the NUL */
    size_t capacity;
    bool failed;
};

void buf_append(struct buf *b, const void *bytes, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Makes room for so many more bytes: where it is known that many short pieces will follow. */
void buf_reserve(struct buf *b, size_t more);

/** Appends a finite number as decimal_write does. */
void buf_put_decimal(struct buf *b, double x, int digits);

/** Drops the contents, keeps the memory. */
void buf_clear(struct buf *b);

/** The contents as a string, never NULL. */
const char *buf_text(const struct buf *b);

/** ERR_NO_MEMORY if any append failed. */
enum err buf_check(const struct buf *b, struct error *e);

/** Releases the memory and zeroes the struct; accepts a zeroed one. */
void buf_finish(struct buf *b);

/**
 * The shortest decimal of a double that reads back to the same bits: "0.1", "1e-05", "30".
 * Infinities and NaN are the caller's to keep out. `out` has room for 32 bytes.
 */
void buf_format_double(double x, char out[32]);

#endif
