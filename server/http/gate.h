/*
 * The gate: what a request must be before anything acts on it. libmicrohttpd 0.9.75 lets pass
 * what hides a second request inside the first, names of hosts it never heard of, and words
 * that are no methods; here they end.
 */
#ifndef SWEEPD_SERVER_HTTP_GATE_H
#define SWEEPD_SERVER_HTTP_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/http/http.h"

enum { GATE_MAX_HEADERS = 100 };

#define GATE_ANY_HOST "*" /* among the allowed: no name is refused */

struct gate_request {
    const char *method;  /* as sent */
    const char *version; /* "HTTP/1.1" */
    const char *target;  /* the raw URL */
    size_t n_headers;
    const struct http_pair *headers; /* as sent, unchecked */
};

/* What a request that passed has told of itself. */
struct gate_facts {
    enum http_method method; /* HTTP_GET for HEAD, and for OPTIONS without meaning */
    bool is_head, is_options;
    bool is_refused; /* a method that no path has */
    bool is_chunked;
    uint64_t content_length; /* 0 where chunked or without body */
};

/**
 * Returns 0, or the status of the answer (400, 403, 413, 421, 431) with the sentence in e.
 * After 400 the connection must be closed: where the request ends is in doubt.
 *
 * allow_hosts  NULL-terminated names besides loopback addresses and localhost, or NULL
 */
unsigned gate_check(const struct gate_request *q, const char *const *allow_hosts,
                    struct gate_facts *out, struct error *e);

/** Whether a Host header's value (name or address, any port) may be served. */
bool gate_host_is_allowed(const char *host, const char *const *allow_hosts);

#endif
