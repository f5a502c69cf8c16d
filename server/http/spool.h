/*
 * Uploads on disk, in files without a name: nothing is left behind, whatever happens.
 */
#ifndef SWEEPD_SERVER_HTTP_SPOOL_H
#define SWEEPD_SERVER_HTTP_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* Initialise as {.fd = -1}. */
struct spool {
    int fd; /* -1: not open */
    uint64_t length;
};

/**
 * Opens an empty one in `folder`.
 *
 * Errors  ERR_NO_SPACE, ERR_IO
 */
enum err spool_open(const char *folder, struct spool *out, struct error *e);

/** Appends. Errors as above. */
enum err spool_write(struct spool *s, const void *bytes, size_t n, struct error *e);

/** Back to the start, for reading. */
enum err spool_rewind(struct spool *s, struct error *e);

void spool_close(struct spool *s);

#endif
