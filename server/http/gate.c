#include "server/http/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/http/text.h"

/* The headers that decide where a request ends and what it may do; each at most once. */
enum {
    HOST,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    ORIGIN,
    SEC_FETCH_SITE,
    CONTENT_TYPE,
    AUTHORIZATION,
    N_SINGLES
};

static const char *const single_names[N_SINGLES] = {
    "Host",           "Content-Length", "Transfer-Encoding", "Origin",
    "Sec-Fetch-Site", "Content-Type",   "Authorization",
};

static unsigned refuse(struct error *e, unsigned status, enum err code, const char *message)
{
    (void)error_set(e, code, "%s", message);
    return status;
}

static unsigned bad(struct error *e, const char *message)
{
    return refuse(e, 400, ERR_SYNTAX, message);
}

/* 0.9.75 glues a folded line to the header's name, so that "Content-Length: 5\r\n 0" arrives
 * under the name "Content-Length0" and its body would be read as the next request. */
static bool is_folded(const char *name)
{
    return (text_begins(name, "Content-Length") && !text_equal(name, "Content-Length")) ||
           (text_begins(name, "Transfer-Encoding") && !text_equal(name, "Transfer-Encoding"));
}

static unsigned check_names(const struct gate_request *q, struct error *e)
{
    if (q->n_headers > GATE_MAX_HEADERS)
        return refuse(e, 431, ERR_LIMIT, "the request has more than 100 headers");
    for (size_t i = 0; i < q->n_headers; i++) {
        const struct http_pair *h = &q->headers[i];

        if (!text_is_token(h->name))
            return bad(e, "a header's name is not a token");
        if (is_folded(h->name))
            return bad(e, "the length of the body is told by a header that is not known");
        if (text_has_control(h->value, strlen(h->value), true))
            return bad(e, "a header's value has a control character");
    }
    return 0;
}

static unsigned find_singles(const struct gate_request *q, const char *value[N_SINGLES],
                             struct error *e)
{
    for (size_t i = 0; i < q->n_headers; i++)
        for (int k = 0; k < N_SINGLES; k++) {
            if (!text_equal(q->headers[i].name, single_names[k]))
                continue;
            if (value[k]) {
                (void)error_set(e, ERR_SYNTAX, "the request has more than one %s", single_names[k]);
                return 400;
            }
            value[k] = q->headers[i].value;
        }
    return 0;
}

static unsigned check_framing(const char *const value[N_SINGLES], bool is_http_1_0,
                              struct gate_facts *out, struct error *e)
{
    const char *length = value[CONTENT_LENGTH], *encoding = value[TRANSFER_ENCODING];

    if (length && encoding)
        return bad(e, "the request has both Content-Length and Transfer-Encoding");
    if (encoding && (is_http_1_0 || !text_equal(encoding, "chunked")))
        return bad(e, "Transfer-Encoding is not just chunked");
    out->is_chunked = encoding != NULL;
    if (!length)
        return 0;
    if (!text_is_digits(length))
        return bad(e, "Content-Length is not a number");
    errno = 0;
    out->content_length = strtoull(length, NULL, 10);
    if (errno != 0)
        return refuse(e, 413, ERR_LIMIT, "Content-Length is too large");
    return 0;
}

/* ---- methods ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum http_method method;
} methods[] = {
    {"GET", HTTP_GET}, {"HEAD", HTTP_GET},    {"OPTIONS", HTTP_GET},   {"POST", HTTP_POST},
    {"PUT", HTTP_PUT}, {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE},
};

/* A method that no path has is told so like one that another path has: 405, with Allow. */
static unsigned find_method(const char *name, struct gate_facts *out, struct error *e)
{
    if (!text_is_token(name))
        return bad(e, "the method is not a token");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0) { /* methods have case: RFC 9110, 9.1 */
            out->method = methods[i].method;
            out->is_head = strcmp(name, "HEAD") == 0;
            out->is_options = strcmp(name, "OPTIONS") == 0;
            return 0;
        }
    out->is_refused = true;
    return 0;
}

/* ---- hosts --------------------------------------------------------------------------------- */

/* The length of the name in "name:port" without a trailing dot; 0 where it is neither. */
static size_t name_length(const char *host)
{
    const char *port;
    size_t n;

    if (host[0] == '[') {
        const char *end = strchr(host, ']');

        n = end ? (size_t)(end - host) + 1 : 0;
    } else
        n = strcspn(host, ":");
    port = host + n;
    if (*port != '\0' && !(*port == ':' && (port[1] == '\0' || text_is_digits(port + 1))))
        return 0;
    return n > 1 && host[n - 1] == '.' ? n - 1 : n;
}

static bool is_loopback(const char *name, size_t n)
{
    char text[64];
    struct in6_addr v6;
    struct in_addr v4;

    if (text_equal_n(name, n, "localhost"))
        return true;
    if (n < 3 || n >= sizeof text)
        return false;
    memcpy(text, name, n);
    text[n] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    text[n - 1] = '\0';
    return name[0] == '[' && inet_pton(AF_INET6, text + 1, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool gate_host_is_allowed(const char *host, const char *const *allow_hosts)
{
    size_t n = name_length(host);

    if (n == 0)
        return false;
    if (is_loopback(host, n))
        return true;
    for (; allow_hosts && *allow_hosts; allow_hosts++) {
        size_t m = name_length(*allow_hosts); /* a port that somebody added means nothing */

        if (strcmp(*allow_hosts, GATE_ANY_HOST) == 0 ||
            (m == n && strncasecmp(host, *allow_hosts, n) == 0))
            return true;
    }
    return false;
}

static unsigned check_host(const char *host, bool is_http_1_0, const char *const *allow_hosts,
                           struct error *e)
{
    if (!host && is_http_1_0)
        return 0; /* no browser speaks 1.0, and simple health checks do */
    if (!host || !*host)
        return bad(e, "the request has no Host");
    if (!text_is_utf8(host, strlen(host)) || text_has_control(host, strlen(host), false) ||
        name_length(host) == 0)
        return bad(e, "Host is not a name or address with an optional port");
    if (gate_host_is_allowed(host, allow_hosts))
        return 0;
    (void)error_set(e, ERR_INVALID,
                    "this server does not answer for the host \"%.200s\"; start sweepd with "
                    "--allow-host %.*s to allow it",
                    host, (int)(name_length(host) < 200 ? name_length(host) : 200), host);
    return 421;
}

/* ---- where a write comes from -------------------------------------------------------------- */

/* "http://HOST:PORT" is an origin; it is ours if the rest equals the Host header. */
static bool is_own_origin(const char *origin, const char *host)
{
    const char *authority = text_begins(origin, "http://")    ? origin + 7
                            : text_begins(origin, "https://") ? origin + 8
                                                              : NULL;

    return authority && host && text_equal(authority, host);
}

/* Sec-Fetch-Site cannot be forged by a page and holds behind proxies too, so it decides where
 * it is present; what sends neither is not a browser. */
static unsigned check_origin(const char *const value[N_SINGLES], struct error *e)
{
    const char *site = value[SEC_FETCH_SITE], *origin = value[ORIGIN];

    if (site ? text_equal(site, "same-origin") || text_equal(site, "none")
             : !origin || is_own_origin(origin, value[HOST]))
        return 0;
    return refuse(e, 403, ERR_INVALID, "a page of another origin may not change anything here");
}

unsigned gate_check(const struct gate_request *q, const char *const *allow_hosts,
                    struct gate_facts *out, struct error *e)
{
    const char *value[N_SINGLES] = {0};
    bool is_http_1_0 = strcmp(q->version, "HTTP/1.0") == 0;
    struct gate_facts facts = {0};
    unsigned status;

    if ((status = check_names(q, e)) != 0 || (status = find_singles(q, value, e)) != 0 ||
        (status = check_framing(value, is_http_1_0, &facts, e)) != 0 ||
        (status = check_host(value[HOST], is_http_1_0, allow_hosts, e)) != 0 ||
        (status = find_method(q->method, &facts, e)) != 0)
        return status;
    if (q->target[0] != '/')
        return bad(e, "the URL does not begin with a slash");
    if (facts.method != HTTP_GET && (status = check_origin(value, e)) != 0)
        return status;
    *out = facts;
    return 0;
}
