/*
 * A source that inflates what another one holds, where that begins with gzip's magic; other
 * bytes pass through unchanged. Several members one after another are one stream (RFC 1952).
 */
#ifndef SWEEPD_CORE_DATA_GZIP_H
#define SWEEPD_CORE_DATA_GZIP_H

#include <stdint.h>

#include "core/data/source.h"

struct gzip;

/**
 * Looks at the first bytes of `inner`, which is borrowed and must stand at its start.
 *
 * max_bytes   of inflated text; more is ERR_LIMIT when it is read
 *
 * Errors  reading: ERR_INVALID where the data is damaged or cut short
 */
enum err gzip_open(struct source *inner, uint64_t max_bytes, struct gzip **out, struct error *e);
void gzip_close(struct gzip *g);

/** The inflated bytes; belongs to `g`. */
struct source *gzip_source(struct gzip *g);

#endif
