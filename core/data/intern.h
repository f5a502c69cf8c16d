/*
 * Distinct texts and their numbers, in the order in which they came.
 */
#ifndef SWEEPD_CORE_DATA_INTERN_H
#define SWEEPD_CORE_DATA_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct intern;

enum err intern_create(struct intern **out, struct error *e);
void intern_destroy(struct intern *in);

/** The number of a text of n bytes without NUL; a new text gets the next number, from 0. */
enum err intern_add(struct intern *in, const char *text, size_t n, int32_t *id, struct error *e);

size_t intern_count(const struct intern *in);

/** The text of a number, NUL-terminated; until the next text is added. */
const char *intern_text(const struct intern *in, size_t id);

/** Bytes of all texts with their NULs. */
size_t intern_bytes(const struct intern *in);

#endif
