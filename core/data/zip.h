/*
 * A ZIP archive held in memory, read by its central directory (APPNOTE 6.3; members stored or
 * deflated, no encryption, no zip64).
 */
#ifndef SWEEPD_CORE_DATA_ZIP_H
#define SWEEPD_CORE_DATA_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "core/data/source.h"

struct zip;
struct zip_member;

/** Reads all of `s`; ERR_LIMIT where it has more than max_bytes. */
enum err zip_open(const struct source *s, uint64_t max_bytes, struct zip **out, struct error *e);

/** With all members that were opened. */
void zip_close(struct zip *z);

size_t zip_count(const struct zip *z);

/** As the archive has it; no text that is not UTF-8, no control characters. */
const char *zip_name(const struct zip *z, size_t i);

/** A source over a member's bytes, whose check sum is tested at its end. Belongs to `z`. */
enum err zip_member(struct zip *z, size_t i, const struct source **out, struct error *e);

#endif
