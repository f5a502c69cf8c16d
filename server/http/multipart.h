/*
 * multipart/form-data (RFC 7578), taken apart as it comes, in chunks of any size: up to
 * HTTP_MAX_FILES files, handed on at once, and small text fields, kept.
 *
 * A file is a part that has a file name or is called "file".
 */
#ifndef SWEEPD_SERVER_HTTP_MULTIPART_H
#define SWEEPD_SERVER_HTTP_MULTIPART_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/http/http.h"

enum {
    MULTIPART_MAX_FIELDS = 64,
    MULTIPART_MAX_FIELD_BYTES = 65536,
    MULTIPART_MAX_BOUNDARY_BYTES = 70 /* RFC 2046 */
};

/* Takes bytes of the file number `i` (from 0); called once with n = 0 when a file begins. */
typedef enum err multipart_file_fn(void *ctx, size_t i, const char *bytes, size_t n,
                                   struct error *e);

struct multipart;

/**
 * Begins a form. What it keeps lives in the arena.
 *
 * content_type  the header's value: says the boundary
 *
 * Errors  ERR_SYNTAX where there is no sane boundary
 */
enum err multipart_create(struct arena *a, const char *content_type, multipart_file_fn *file,
                          void *ctx, struct multipart **out, struct error *e);

/**
 * The next bytes. After an error the form is of no more use.
 *
 * Errors  ERR_SYNTAX, ERR_LIMIT; ERR_INVALID where there are too many files; what `file` returns
 */
enum err multipart_feed(struct multipart *m, const char *bytes, size_t n, struct error *e);

/** The body has ended. ERR_SYNTAX where the form has not. */
enum err multipart_end(struct multipart *m, struct error *e);

size_t multipart_n_fields(const struct multipart *m);
const struct http_pair *multipart_fields(const struct multipart *m);

/** How many files there were; a file's name without folders, or NULL. */
size_t multipart_n_files(const struct multipart *m);
const char *multipart_file_name(const struct multipart *m, size_t i);

/** Accepts NULL. */
void multipart_destroy(struct multipart *m);

#endif
