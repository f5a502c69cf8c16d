/*
 * Trials that ended before their study began: a list of {"params": …, "score": …}.
 */
#ifndef SWEEPD_SERVER_SCHEMA_IMPORTS_H
#define SWEEPD_SERVER_SCHEMA_IMPORTS_H

#include "server/schema/definition.h"

struct imported {
    struct params params;
    double score;
    bool has_score;
    const char *error; /* a sentence where there is no score */
};

extern const struct schema imports_schema;

/**
 * Decodes the list, or {"trials": the list}, against the space of a definition.
 *
 * Errors  ERR_SYNTAX; ERR_INVALID with the faults; ERR_NO_MEMORY
 */
enum err imports_decode(const char *body, size_t length, const struct definition *d,
                        struct arena *a, struct faults *faults, size_t *n, struct imported **out,
                        struct error *e);

#endif
