/* The beginning of a request: its headers, its name, its route. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "server/http/internal.h"
#include "server/http/text.h"
#include "server/http/uri.h"

enum { MAX_ID_BYTES = 64 };

/* Headers as they come; one more than allowed, so that the gate sees that there are too many. */
struct headers {
    struct arena *arena;
    struct http_pair pairs[GATE_MAX_HEADERS + 1];
    size_t n;
    bool failed;
};

static enum MHD_Result take_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length)
{
    struct headers *list = ctx;
    struct http_pair *pair = &list->pairs[list->n];

    (void)kind; /* headers only were asked for */
    if (list->n > GATE_MAX_HEADERS)
        return MHD_NO;
    pair->name = arena_strndup(list->arena, name, name_length);
    pair->value = arena_strndup(list->arena, value ? value : "", value_length);
    if (!pair->name || !pair->value || strlen(pair->value) != value_length) {
        list->failed = true; /* memory is out, or a NUL hides what follows it */
        return MHD_NO;
    }
    list->n++;
    return MHD_YES;
}

static void fail(struct exchange *x, unsigned status, enum err code, const char *message)
{
    struct error e;

    (void)error_set(&e, code, "%s", message);
    exchange_fail(x, status, &e);
}

/* ---- the request's id ---------------------------------------------------------------------- */

static bool is_sane_id(const char *id)
{
    size_t n = strlen(id);

    return n > 0 && n <= MAX_ID_BYTES &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:") == n;
}

static void choose_id(struct exchange *x, const struct headers *list)
{
    uint64_t random = 0;

    for (size_t i = 0; i < list->n; i++)
        if (text_equal(list->pairs[i].name, "X-Request-Id") && is_sane_id(list->pairs[i].value)) {
            x->q.id = list->pairs[i].value;
            return;
        }
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint64_t)waiting_now_ms(); /* early in the boot: it need not be secret */
    x->q.id = arena_printf(x->arena, "%016" PRIx64, random);
}

/* ---- the parts ----------------------------------------------------------------------------- */

/* Handlers see valid UTF-8 without control characters: tabs become spaces, and what is in
 * another encoding (cookies that other programs set for localhost, mostly) is left out. */
static bool keep_headers(struct exchange *x, const struct headers *list)
{
    struct http_pair *kept = arena_alloc(x->arena, list->n + 1, sizeof *kept);

    if (!kept)
        return false;
    x->q.headers = kept;
    for (size_t i = 0; i < list->n; i++) {
        char *value = arena_strdup(x->arena, list->pairs[i].value);

        if (!value)
            return false;
        for (char *tab = value; (tab = strchr(tab, '\t')) != NULL;)
            *tab = ' ';
        if (text_is_utf8(value, strlen(value)))
            kept[x->q.n_headers++] = (struct http_pair){list->pairs[i].name, value};
    }
    return true;
}

static bool pass_gate(struct exchange *x, const struct headers *list, const char *version)
{
    struct gate_request q = {x->method, version, x->target, list->n, list->pairs};
    struct error e = {0};
    unsigned status = gate_check(&q, x->h->o.allow_hosts, &x->facts, &e);

    if (status == 0)
        return true;
    x->closes = true; /* where such a request ends is in doubt */
    exchange_fail(x, status, &e);
    return false;
}

/* A proxy may hand the base path on or take it off: what handlers see is the same. */
static bool place_path(struct exchange *x, const struct uri *uri)
{
    const char *base = x->h->o.base_path;
    size_t n = strlen(base), n_base = 0;
    bool has_base = strncmp(uri->path, base, n) == 0 && uri->path[n] == '/';

    for (const char *c = base; has_base && *c; c++)
        n_base += *c == '/';
    x->q.n_segments = uri->n_segments - n_base;
    x->q.segments = uri->segments + n_base;
    x->q.path = has_base ? uri->path : arena_printf(x->arena, "%s%s", base, uri->path);
    if (!x->q.path)
        fail(x, 503, ERR_NO_MEMORY, "out of memory");
    return x->q.path != NULL;
}

static bool split_target(struct exchange *x)
{
    struct uri uri = {0};
    struct error e = {0};

    if (uri_parse(x->arena, x->target, &uri, &e) != ERR_OK) {
        exchange_fail(x, e.code == ERR_SYNTAX ? 400 : 503, &e);
        return false;
    }
    if (!place_path(x, &uri))
        return false;
    x->q.n_query = uri.n_query;
    x->q.query = uri.query;
    return true;
}

/* ---- the route ----------------------------------------------------------------------------- */

static unsigned match(struct exchange *x, enum http_method method, const char **allow)
{
    const struct http_router *router = &x->h->router;

    return router->match(router->ctx, method, x->q.n_segments, x->q.segments, &x->q.route, &x->body,
                         allow);
}

/* The router's list of the path's methods, or all where it takes any; NULL where there is no
 * such path. */
static const char *find_methods(struct exchange *x)
{
    for (int m = 0; m < HTTP_N_METHODS; m++) {
        const char *allow = NULL;
        unsigned status = match(x, (enum http_method)m, &allow);

        if (status != 0)
            return status == 405 ? allow : NULL;
    }
    return "GET, POST, PUT, PATCH, DELETE";
}

/* HEAD and OPTIONS are this folder's to add. */
static const char *complete_methods(struct exchange *x, const char *methods)
{
    bool adds_head = strstr(methods, "GET") && !strstr(methods, "HEAD");

    return arena_printf(x->arena, "%s%s%s", methods, adds_head ? ", HEAD" : "",
                        strstr(methods, "OPTIONS") ? "" : ", OPTIONS");
}

/* ---- who asks ------------------------------------------------------------------------------ */

static const char *name_peer(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    char text[INET6_ADDRSTRLEN] = "";

    if (address && address->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text,
                        sizeof text);
    if (address && address->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text,
                        sizeof text);
    return arena_strdup(x->arena, text);
}

/* Handlers have no use for credentials, and nobody else shall find them in memory. (What
 * libmicrohttpd read lies in its pool until the connection's next request.) */
static void forget_credentials(const struct http_pair *headers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text_equal(headers[i].name, "Authorization") || text_equal(headers[i].name, "Cookie"))
            explicit_bzero((char *)(uintptr_t)headers[i].value, strlen(headers[i].value));
}

static bool admit(struct exchange *x)
{
    const struct http_router *router = &x->h->router;
    struct error e = {0};
    unsigned status;

    x->q.peer = name_peer(x);
    x->q.arena = x->arena;
    if (!x->q.peer) {
        fail(x, 503, ERR_NO_MEMORY, "out of memory");
        return false;
    }
    status = router->admit ? router->admit(router->ctx, &x->q, &x->told, &e) : 0;
    if (status != 0)
        exchange_fail(x, status, &e);
    return status == 0;
}

static void find_route(struct exchange *x)
{
    const char *methods = NULL;
    unsigned status;

    if (x->facts.is_options || x->facts.is_refused) {
        methods = find_methods(x);
        status = !methods ? 404 : x->facts.is_options ? 204 : 405;
    } else
        status = match(x, x->q.method, &methods);
    if (!admit(x))
        return;
    if (methods && (status == 204 || status == 405))
        x->told = (struct http_pair){"Allow", complete_methods(x, methods)};
    if (status == 404)
        fail(x, status, ERR_NOT_FOUND, "there is nothing at this path");
    else if (status != 0)
        fail(x, status, ERR_INVALID, "the method is not one of this path; see Allow");
}

void head_read(struct exchange *x, const char *version)
{
    struct headers list = {.arena = x->arena};

    (void)MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, take_header, &list);
    choose_id(x, &list);
    if (list.failed || !x->q.id || !keep_headers(x, &list)) {
        x->closes = true;
        fail(x, 400, ERR_SYNTAX, "the headers could not be read");
        return;
    }
    if (pass_gate(x, &list, version) && split_target(x)) {
        x->q.method = x->facts.method;
        find_route(x);
    }
    forget_credentials(list.pairs, list.n);
    forget_credentials(x->q.headers, x->q.n_headers);
}
