/*
 * The table of routes.
 */
#ifndef SWEEPD_SERVER_API_ROUTES_H
#define SWEEPD_SERVER_API_ROUTES_H

#include <stddef.h>

#include "server/api/call.h"

/* A body that the call accepts, for people and tests. */
struct example {
    const char *name, *body; /* {0} ends a list */
};

/* What only its owner, and an admin, may change. */
enum owned { OWNED_NOTHING, OWNED_EXPERIMENT, OWNED_DATASET };

/* What the router goes by, what requests are checked by, and what /openapi.json says. */
struct route {
    enum http_method method;
    const char *pattern; /* segments separated by '/'; {name} stands for any one; a last {name}.*
                            takes the suffixes .json, .csv and .txt as a form */
    call_handler *handler;
    enum http_body body;
    const char *summary; /* one line for a person */

    /* Each may be left out: */
    const char *description;     /* what the summary does not say */
    const struct field *query;   /* its parameters; NULL: it takes none */
    const struct field *headers; /* of the request, with a meaning for this call alone */
    const struct schema *input;  /* of a JSON body */
    bool may_be_empty;           /* the body */
    const struct example *examples; /* of the body */
    unsigned status[2];          /* of answers that are no problems; {0}: 200 */
    const struct schema *output; /* of a JSON answer */
    bool is_list;                /* of pages of them */
    bool kept;                   /* its answer as JSON depends on the database alone */
    bool is_located;             /* Location says where what it answers is to be found */
    const char *type;            /* of an answer that is no JSON */
    bool goes_on;                /* it is a stream, which nothing is known of beforehand */
    bool is_long;                /* a GET whose handler may run for a second and more */
    const struct schema *const *events; /* that such a stream tells; ends in NULL */
    bool is_always_open;         /* also before recovery is done, and while draining */
    enum scope scope;            /* that it needs; unsaid: admin */
    enum owned owned;            /* what its first variable names, which the call changes */
    bool is_secret;              /* a token stands in body or answer, which is stored nowhere */
    bool is_once;                /* heeds an Idempotency-Key, as every POST does */
    bool is_page;                /* for browsers: not checked, not documented */
};

size_t route_count(void);

/** The i-th of the table, i < route_count(). */
const struct route *route_at(size_t i);

/** Whether it has a path for each form of its answer. */
bool route_has_forms(const struct route *route);

/** Whether it heeds an Idempotency-Key. */
bool route_is_done_once(const struct route *route);

/** "GET". */
const char *route_method_name(enum http_method method);

/** The segment of the path that the pattern's n-th variable stands for. */
size_t route_variable(const struct route *route, size_t n);

#endif
