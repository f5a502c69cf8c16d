/*
 * A strict check of JSON text (RFC 8259) before cJSON sees it, which takes 01, 1., raw newlines
 * in strings, a BOM and bad UTF-8, cuts strings at \u0000 and turns 1e400 into infinity.
 */
#ifndef SWEEPD_SERVER_SCHEMA_SCAN_H
#define SWEEPD_SERVER_SCHEMA_SCAN_H

#include <stddef.h>

#include "core/base/error.h"

enum {
    SCAN_NODES_MAX = 50000, /* values; cJSON takes 64 bytes and more for each */
    SCAN_DEPTH_MAX = 32
};

/* Where each member's name stands, in the order of the text. */
struct scan_keys {
    size_t n, capacity;
    size_t *offset;
};

/**
 * Checks text that is one JSON value. `keys` is zeroed before; release keys->offset with free().
 *
 * Errors  ERR_SYNTAX with line and column, ERR_LIMIT, ERR_NO_MEMORY
 */
enum err scan_json(const char *text, size_t length, struct scan_keys *keys, struct error *e);

/** Sets ERR_SYNTAX with the line and column (in characters, from 1) of an offset. */
enum err scan_fault(const char *text, size_t offset, struct error *e, const char *what);

#endif
