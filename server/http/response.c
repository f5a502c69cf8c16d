/* Answers under construction, as handlers see them. */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "server/http/internal.h"
#include "server/http/text.h"

void response_reset(struct http_response *r)
{
    buf_finish(&r->bytes);
    if (r->kind == RESPONSE_STREAM)
        r->stream.destroy(r->stream.ctx);
    if (r->kind == RESPONSE_FILE)
        (void)close(r->fd); /* was read only */
    *r = (struct http_response){.x = r->x, .fd = -1};
}

static void begin(struct http_response *r, enum response_kind kind, unsigned status,
                  const char *type)
{
    assert(r->kind == RESPONSE_NONE); /* a handler answers once */
    r->kind = kind;
    r->status = status;
    r->type = type;
}

void http_respond(struct http_response *r, unsigned status, const char *type, const char *body,
                  size_t length)
{
    begin(r, RESPONSE_BYTES, status, length > 0 ? type : NULL);
    buf_append(&r->bytes, body, length);
    if (r->bytes.failed)
        response_problem(r, 503, "out of memory");
}

void http_respond_static(struct http_response *r, unsigned status, const char *type,
                         const char *body, size_t length)
{
    begin(r, RESPONSE_STATIC, status, type);
    r->fixed = body;
    r->length = length;
}

void http_respond_stream(struct http_response *r, const char *type, struct http_stream stream)
{
    begin(r, RESPONSE_STREAM, 200, type);
    r->stream = stream;
}

void http_respond_file(struct http_response *r, const char *type, int fd, uint64_t length)
{
    begin(r, RESPONSE_FILE, 200, type);
    r->fd = fd;
    r->length = length;
}

void http_respond_later(struct http_response *r, unsigned ms)
{
    assert(r->x->q.method == HTTP_GET && !r->x->q.last_try);
    begin(r, RESPONSE_LATER, 0, NULL);
    r->later_ms = ms;
}

bool http_respond_header(struct http_response *r, const char *name, const char *value)
{
    struct response_header *h = arena_alloc(r->x->scratch, 1, sizeof *h);
    size_t n = strlen(value);

    if (!h || !text_is_token(name) || n == 0 || text_has_control(value, n, false))
        return false;
    h->name = arena_strdup(r->x->scratch, name);
    h->value = arena_strdup(r->x->scratch, value);
    if (!h->name || !h->value)
        return false;
    h->next = r->headers;
    r->headers = h;
    return true;
}

void http_respond_location(struct http_response *r, const char *path)
{
    const char *base = r->x->h->o.base_path;
    const char *url = arena_printf(r->x->scratch, "%s%s", base, path);

    (void)http_respond_header(r, "Location", url ? url : path); /* the id is in the body too */
}

const char *response_header(const struct http_response *r, const char *name)
{
    for (const struct response_header *h = r->headers; h; h = h->next)
        if (text_equal(h->name, name))
            return h->value;
    return NULL;
}

void response_problem(struct http_response *r, unsigned status, const char *detail)
{
    struct exchange *x = r->x;
    const struct http_router *router = &x->h->router;
    const char *path = x->q.path ? x->q.path : exchange_path(x); /* it may be one we cannot read */

    response_reset(r);
    begin(r, RESPONSE_BYTES, status, "application/problem+json");
    router->problem(router->ctx, status, detail, path, x->q.id, &r->bytes);
    if (r->bytes.failed) { /* the status must do */
        response_reset(r);
        begin(r, RESPONSE_BYTES, status, NULL);
    }
}
