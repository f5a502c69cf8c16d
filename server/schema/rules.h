/*
 * What a definition says of single points: which may be tried (`require`, budget.trial_weights),
 * which are tried first (`enqueue`), and when there were enough (`stop_when`). For this folder
 * alone: it shows cJSON.
 */
#ifndef SWEEPD_SERVER_SCHEMA_RULES_H
#define SWEEPD_SERVER_SCHEMA_RULES_H

#include "core/search/axis.h"
#include "server/schema/decode.h"

enum { RULES_REQUIRE_MAX = 100 }; /* comparisons */

/* For documentation. */
extern const struct field rules_stop_fields[];
field_documenter rules_document_enqueue;

/** Reads them against the space, which is restricted from then on. */
enum err rules_decode(const struct decoding *c, int64_t trial_weights, struct space *s,
                      struct error *e);

/**
 * Reads params that a person gives: each dimension that the point uses, fixed ones may be left out.
 * What is wrong becomes faults; lives as long as their arena.
 */
enum err rules_read_point(const struct reader *r, const struct axes *axes, struct params *out,
                          struct error *e);

/** Restricts a space; NULL: not at all. */
void rules_apply(const struct definition_rules *rules, struct space *s);

/** Adds a fault, and clears *good, where the sampler finds no point that may be tried. */
enum err rules_try(const struct decoding *c, struct sampler *s, bool *good, struct error *e);

#endif
