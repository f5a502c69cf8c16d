/*
 * Request targets. The raw text is split first and decoded then, so that an encoded slash stays
 * inside its segment and nothing is decoded twice.
 */
#ifndef SWEEPD_SERVER_HTTP_URI_H
#define SWEEPD_SERVER_HTTP_URI_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/http/http.h"

enum { URI_MAX_SEGMENTS = 32, URI_MAX_QUERY = 100 };

struct uri {
    const char *path; /* raw, without the query */
    size_t n_segments;
    const char *const *segments; /* "/a/b/" has "a", "b", ""; "/" has "" */
    size_t n_query;
    const struct http_pair *query; /* '+' is a space, as in forms; a name alone has the value "" */
};

/**
 * Takes apart "/path?query". Refused: escapes that are no two hexadecimal digits, text that is
 * not UTF-8, control characters (a query's value may have tabs: `delimiter=%09`), the segments
 * "." and "..", more than the limits above.
 *
 * Errors  ERR_SYNTAX
 */
enum err uri_parse(struct arena *a, const char *raw, struct uri *out, struct error *e);

#endif
