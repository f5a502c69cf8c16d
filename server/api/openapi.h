/*
 * What the two halves of /openapi.json share.
 */
#ifndef SWEEPD_SERVER_API_OPENAPI_H
#define SWEEPD_SERVER_API_OPENAPI_H

#include "server/api/routes.h"

enum { OPENAPI_NAME_BYTES = 128 };

/* A status that a route may answer with a problem. */
struct openapi_problem {
    unsigned status;
    const char *name, *description;
    bool (*applies)(const struct route *r);
};

/** A line without a name ends it. */
extern const struct openapi_problem openapi_problems[];

/** Writes "paths". */
void openapi_paths(struct json *j);

/** The name of the schema of a page of them. */
void openapi_list_name(const struct schema *s, char out[OPENAPI_NAME_BYTES]);

#endif
