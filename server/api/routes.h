/*
 * The table of routes.
 */
#ifndef SWEEPD_SERVER_API_ROUTES_H
#define SWEEPD_SERVER_API_ROUTES_H

#include <stddef.h>

#include "server/api/call.h"

/* What only its owner, and an admin, may change. */
enum owned { OWNED_NOTHING, OWNED_EXPERIMENT, OWNED_DATASET };

struct route {
    enum http_method method;
    const char *pattern; /* segments separated by '/'; {name} stands for any one; a last {name}.*
                            takes the suffixes .json, .csv and .txt as a form */
    call_handler *handler;
    enum http_body body;
    const char *summary;      /* one line for a person */
    const char *const *query; /* parameters that it takes, NULL-terminated */
    bool kept;                /* its answer as JSON depends on the database alone */
    enum scope scope;         /* that it needs */
    enum owned owned;         /* what its first variable names, which the call changes */
    bool is_secret;           /* its answer is given once and never stored */
};

/* A route whose handler looks at the parameters itself. */
extern const char *const route_any_query[];

/** The segment of the path that the pattern's n-th variable stands for. */
size_t route_variable(const struct route *route, size_t n);

#endif
