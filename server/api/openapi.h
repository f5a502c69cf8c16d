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
    const char *header; /* that comes with it; NULL: none */
    bool (*applies)(const struct route *r);
};

/* A parameter that some routes have. */
struct openapi_field {
    struct field field;
    bool (*applies)(const struct route *r);
};

/* Headers that requests may carry. A line without a key ends it. */
extern const struct openapi_field openapi_headers[];

/** Whether its answer may be 304. */
bool openapi_may_be_unchanged(const struct route *r);

/** Writes a parameter as an object under a key, or as an element where that is NULL. */
void openapi_parameter(const struct field *f, const char *in, struct json *j, const char *key);

/** A line without a name ends it. */
extern const struct openapi_problem openapi_problems[];

/** Names of the ways to say who one is, NULL-terminated. */
extern const char *const openapi_schemes[];

/** Writes {"$ref": …} to a component. */
void openapi_ref(const char *where, const char *name, struct json *j, const char *key);

/** Writes a route's "parameters". */
void openapi_parameters(const struct route *r, struct json *j);

/** Writes "paths". */
void openapi_paths(struct json *j);

/** The name of the schema of a page of them. */
void openapi_list_name(const struct schema *s, char out[OPENAPI_NAME_BYTES]);

#endif
