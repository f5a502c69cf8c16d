/* Answers on their way out: headers that every one carries, ETag and 304. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/http/internal.h"
#include "server/http/text.h"

/* ---- ETag ---------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits (Fowler, Noll, Vo), and the length. */
void http_etag(const char *body, uint64_t length, char out[HTTP_ETAG_BYTES])
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (uint64_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)body[i]) * 0x100000001b3U;
    (void)snprintf(out, HTTP_ETAG_BYTES, "\"%016" PRIx64 "-%" PRIx64 "\"", hash, length); /* fits */
}

/* Weak comparison, as RFC 9110, 13.1.2 wants it for If-None-Match. */
static bool list_has_etag(const char *list, const char *etag)
{
    while (*list) {
        size_t n;

        list += strspn(list, ", ");
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        n = strcspn(list, ", ");
        if ((n == 1 && *list == '*') || (n == strlen(etag) && memcmp(list, etag, n) == 0))
            return true;
        list += n;
    }
    return false;
}

/* The client has the body already: only the headers stay. */
static void become_not_modified(struct http_response *r)
{
    struct response_header *headers = r->headers;

    response_reset(r);
    r->kind = RESPONSE_BYTES;
    r->status = 304;
    r->headers = headers;
}

/* A whole answer to GET gets its ETag, a stream has what its handler gave it; either becomes 304
 * where the client has it. */
static void judge_etag(struct exchange *x)
{
    struct http_response *r = &x->r;
    const char *known = http_header(&x->q, "If-None-Match"), *etag = response_header(r, "ETag");
    char made[HTTP_ETAG_BYTES];

    if (x->q.method != HTTP_GET || r->status != 200)
        return;
    if (r->kind == RESPONSE_BYTES && !etag)
        http_etag(buf_text(&r->bytes), r->bytes.length, made);
    else if (r->kind == RESPONSE_STATIC && !etag)
        http_etag(r->fixed, r->length, made);
    else if (!etag)
        return;
    if (!etag) {
        (void)http_respond_header(r, "ETag", made); /* only a saving */
        etag = made;
    }
    if (known && list_has_etag(known, etag))
        become_not_modified(r);
}

/* ---- bodies -------------------------------------------------------------------------------- */

static struct MHD_Response *make_bytes(struct http_response *r)
{
    struct MHD_Response *m;

    if (r->bytes.length == 0)
        return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    m = MHD_create_response_from_buffer(r->bytes.length, r->bytes.data, MHD_RESPMEM_MUST_FREE);
    if (m)
        r->bytes = (struct buf){0}; /* the response's now */
    return m;
}

/* The body leaves r for the response that is made. */
static struct MHD_Response *make_body(struct exchange *x)
{
    struct http_response *r = &x->r;
    enum response_kind kind = r->kind;
    struct MHD_Response *m = NULL;

    switch (kind) {
    case RESPONSE_BYTES:
        x->sent = r->bytes.length;
        return make_bytes(r);
    case RESPONSE_STATIC:
        x->sent = r->length;
        return MHD_create_response_from_buffer(r->length, (void *)(uintptr_t)r->fixed,
                                               MHD_RESPMEM_PERSISTENT);
    case RESPONSE_FILE:
        x->sent = r->length;
        m = MHD_create_response_from_fd64(r->length, r->fd);
        if (m)
            r->kind = RESPONSE_NONE;
        return m;
    case RESPONSE_STREAM:
        r->kind = RESPONSE_NONE;
        return stream_response(x, r->stream);
    case RESPONSE_NONE:
    case RESPONSE_LATER:
        break;
    }
    return NULL;
}

/* ---- headers ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value;
} always[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static bool is_type(const char *type, const char *wanted)
{
    return type && text_equal_n(type, text_media_length(type), wanted);
}

static bool add(struct MHD_Response *m, const struct http_response *r, const char *name,
                const char *value)
{
    return response_header(r, name) || MHD_add_response_header(m, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *m, const struct exchange *x)
{
    const struct http_response *r = &x->r;
    bool ok = true;

    for (const struct response_header *h = r->headers; h; h = h->next)
        ok = ok && MHD_add_response_header(m, h->name, h->value) == MHD_YES;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        ok = ok && add(m, r, always[i].name, always[i].value);
    if (r->type)
        ok = ok && add(m, r, "Content-Type", r->type);
    if (x->q.id)
        ok = ok && add(m, r, "X-Request-Id", x->q.id);
    if (is_type(r->type, "text/html"))
        ok = ok && add(m, r, "Content-Security-Policy", page_policy);
    if (is_type(r->type, "text/event-stream"))
        ok = ok && add(m, r, "X-Accel-Buffering", "no"); /* proxies would hold events back */
    if (x->closes)
        ok = ok && add(m, r, "Connection", "close");
    return ok;
}

bool answer_send(struct exchange *x)
{
    struct http_response *r = &x->r;
    struct MHD_Response *m;
    bool ok;

    judge_etag(x);
    if (r->kind == RESPONSE_STREAM && !waiting_admit(x->h)) {
        response_problem(r, 503, "too many streams are open");
        (void)http_respond_header(r, "Retry-After", "2"); /* a courtesy */
    }
    m = make_body(x);
    if (!m)
        return false;
    ok = add_headers(m, x) && MHD_queue_response(x->connection, r->status, m) == MHD_YES;
    MHD_destroy_response(m); /* the connection holds it now */
    if (x->facts.is_head)
        x->sent = 0;
    x->status = ok ? r->status : 0;
    return ok;
}
