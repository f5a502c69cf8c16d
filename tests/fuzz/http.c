/*
 * What comes before a handler: the target of a request, its headers, forms.
 */
#include <stdalign.h>
#include <string.h>
#include <strings.h>

#include "server/api/routes.h"
#include "server/http/gate.h"
#include "server/http/multipart.h"
#include "server/http/text.h"
#include "server/http/uri.h"
#include "server/schema/reader.h"
#include "tests/fuzz/readers.h"

enum { PARAMETERS_BYTES = 1024, HEADERS = GATE_MAX_HEADERS + 10 };

static struct arena *begin(void)
{
    struct arena *a;
    struct error e;

    FUZZ_MUST(arena_create(1 << 14, &a, &e) == ERR_OK);
    return a;
}

/* ---- the target ---------------------------------------------------------------------------- */

static void check_text(const char *text, bool allow_tab)
{
    FUZZ_MUST(text_is_utf8(text, strlen(text)) && !text_has_control(text, strlen(text), allow_tab));
}

/* Every parameter but the page's own is in the link to the next page, which can be read. */
static void check_next(struct call *c, const char *cursor)
{
    CLEANUP(buf_finish) struct buf out = {0};
    CLEANUP(reader_close) cJSON *tree = NULL;
    struct uri next = {0};
    struct error e = {0};
    size_t k = 2;
    struct json j;

    json_init(&j, &out);
    json_object(&j, NULL);
    call_page_end(c, &j, 5, 9, cursor);
    json_end(&j);
    FUZZ_MUST(reader_open(out.data, out.length, NULL, &tree, &e) == ERR_OK);
    FUZZ_MUST(uri_parse(c->q->arena, cJSON_GetObjectItem(tree, "next")->valuestring, &next, &e) ==
              ERR_OK);
    FUZZ_MUST(strcmp(next.query[0].value, "5") == 0 && strcmp(next.query[1].value, cursor) == 0);
    for (size_t i = 0; i < c->q->n_query; i++) {
        const struct http_pair *p = &c->q->query[i];

        if (strcmp(p->name, "limit") == 0 || strcmp(p->name, "cursor") == 0)
            continue;
        FUZZ_MUST(k < next.n_query && strcmp(next.query[k].name, p->name) == 0);
        FUZZ_MUST(strcmp(next.query[k++].value, p->value) == 0);
    }
    FUZZ_MUST(k == next.n_query);
}

static void check_cursor(const char *text)
{
    CLEANUP(buf_finish) struct buf written = {0};
    struct bookmark k, again;

    if (!cursor_read(text, &k))
        return;
    cursor_write(&k, &written);
    FUZZ_MUST(cursor_read(buf_text(&written), &again));
    FUZZ_MUST(again.id == k.id && again.key.kind == k.key.kind);
    FUZZ_MUST(k.key.kind == VALUE_NONE || value_equal(&again.key, &k.key));
}

/* As handlers do it; the offsets of a table are into a struct that only its file knows. */
static void read_parameters(struct call *c)
{
    alignas(16) char out[PARAMETERS_BYTES] = {0};
    const struct route *route = c->q->route;
    const char *cursor = http_query(c->q, "cursor");
    struct error e = {0};
    enum err failed;

    call_check_known(c, c->q->query, c->q->n_query);
    failed = route->query ? call_query(c, out, &e) : faults_check(&c->faults, &e);
    if (failed == ERR_OK)
        check_next(c, cursor ? cursor : "17tname");
    else
        FUZZ_MUST(failed == ERR_INVALID && c->faults.n > 0);
}

static void find_routes(struct http_router *router, struct http_request *q)
{
    for (int m = 0; m < HTTP_N_METHODS; m++) {
        struct call c = {.q = q};
        enum http_body body;
        const char *allow;
        unsigned status = router->match(router->ctx, (enum http_method)m, q->n_segments,
                                        q->segments, &q->route, &body, &allow);

        FUZZ_MUST(status == 0 || status == 404 || (status == 405 && allow[0] != '\0'));
        if (status != 0)
            continue;
        faults_init(&c.faults, q->arena);
        read_parameters(&c);
    }
}

void read_url(const char *kind, const uint8_t *data, size_t size)
{
    static const struct config config;
    static struct api api = {.config = &config};
    static struct http_router router;
    CLEANUP(arena_end) struct arena *a = begin();
    struct http_request q = {.arena = a};
    char *text = fuzz_text(data, size);
    struct uri uri;
    struct error e = {0};
    enum err failed = uri_parse(a, text, &uri, &e);

    (void)kind;
    if (!router.match)
        router = api_router(&api);
    free(text);
    if (failed != ERR_OK) {
        fuzz_refused(failed, &e);
        return;
    }
    FUZZ_MUST(uri.n_segments > 0 && uri.n_segments <= URI_MAX_SEGMENTS);
    for (size_t i = 0; i < uri.n_segments; i++) {
        check_text(uri.segments[i], false);
        FUZZ_MUST(strcmp(uri.segments[i], "..") != 0);
    }
    for (size_t i = 0; i < uri.n_query; i++) {
        check_text(uri.query[i].name, true);
        check_text(uri.query[i].value, true);
        check_cursor(uri.query[i].value);
    }
    q.path = uri.path;
    q.n_segments = uri.n_segments;
    q.segments = uri.segments;
    q.n_query = uri.n_query;
    q.query = uri.query;
    find_routes(&router, &q);
}

/* ---- headers ------------------------------------------------------------------------------- */

static size_t count(const struct gate_request *q, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n_headers; i++)
        n += strcasecmp(q->headers[i].name, name) == 0;
    return n;
}

static const char *find(const struct gate_request *q, const char *name)
{
    struct http_request as = {.n_headers = q->n_headers, .headers = q->headers};

    return http_header(&as, name);
}

/* What passes leaves no doubt about its end and its host. */
static void check_passed(const struct gate_request *q, const struct gate_facts *facts,
                         const char *const *hosts)
{
    size_t n_lengths = count(q, "Content-Length"), n_encodings = count(q, "Transfer-Encoding");
    const char *host = find(q, "Host");

    FUZZ_MUST(n_lengths + n_encodings <= 1 && count(q, "Host") <= 1);
    FUZZ_MUST(facts->is_chunked == (n_encodings == 1));
    FUZZ_MUST(!facts->is_chunked || strcasecmp(find(q, "Transfer-Encoding"), "chunked") == 0);
    FUZZ_MUST(n_lengths == 1 || facts->content_length == 0);
    FUZZ_MUST(host ? gate_host_is_allowed(host, hosts) : strcmp(q->version, "HTTP/1.0") == 0);
    FUZZ_MUST(q->target[0] == '/');
    for (size_t i = 0; i < q->n_headers; i++)
        FUZZ_MUST(text_is_token(q->headers[i].name));
}

/* "GET /path HTTP/1.1", then a header a line. */
void read_head(const char *kind, const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"box.example", NULL};
    char *text = fuzz_text(data, size), *rest = text, *line = strsep(&rest, "\n");
    const char *method = strsep(&line, " "), *target = line ? strsep(&line, " ") : "";
    struct http_pair headers[HEADERS];
    struct gate_request q = {
        .method = method, .target = target, .version = line ? line : "", .headers = headers};
    struct gate_facts facts = {0};
    struct error e = {0};
    unsigned status;

    (void)kind;
    while (q.n_headers < HEADERS && (line = strsep(&rest, "\n"))) {
        const char *name = strsep(&line, ":");

        headers[q.n_headers++] = (struct http_pair){name, line ? line + strspn(line, " ") : ""};
    }
    status = gate_check(&q, hosts, &facts, &e);
    FUZZ_MUST(status == 0 || (status >= 400 && status <= 501 && e.message[0] != '\0'));
    if (status == 0)
        check_passed(&q, &facts, hosts);
    FUZZ_MUST(form_wanted(target, find(&q, "Accept")) <= FORM_TEXT);
    free(text);
}

/* ---- forms --------------------------------------------------------------------------------- */

/* What came of a form: its files, each with its bytes. */
struct taken {
    struct arena *arena;
    struct multipart *m;
    struct buf files[HTTP_MAX_FILES];
    enum err failed;
    struct error e;
};

static enum err take(void *ctx, size_t i, const char *bytes, size_t n, struct error *e)
{
    struct taken *f = ctx;

    (void)e;
    FUZZ_MUST(i < HTTP_MAX_FILES);
    buf_append(&f->files[i], bytes, n);
    return ERR_OK;
}

/* largest: of pieces that come at once. */
static void read_parts(struct taken *f, const char *type, const char *body, size_t size,
                       size_t largest)
{
    unsigned seed = 7;

    f->arena = begin();
    f->failed = multipart_create(f->arena, type, take, f, &f->m, &f->e);
    for (size_t n; f->failed == ERR_OK && size > 0; body += n, size -= n) {
        seed = seed * 1664525 + 1013904223;
        n = largest > 0 ? 1 + (seed >> 16) % largest : size;
        n = n < size ? n : size;
        f->failed = multipart_feed(f->m, body, n, &f->e);
    }
    if (f->failed == ERR_OK)
        f->failed = multipart_end(f->m, &f->e);
    if (f->failed != ERR_OK)
        fuzz_refused(f->failed, &f->e);
}

static void end(struct taken *f)
{
    multipart_destroy(f->m);
    for (size_t i = 0; i < HTTP_MAX_FILES; i++)
        buf_finish(&f->files[i]);
    arena_destroy(f->arena);
}

static bool equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_same(const struct taken *a, const struct taken *b)
{
    const struct http_pair *x = multipart_fields(a->m), *y = multipart_fields(b->m);

    FUZZ_MUST(multipart_n_fields(a->m) == multipart_n_fields(b->m));
    FUZZ_MUST(multipart_n_files(a->m) == multipart_n_files(b->m));
    for (size_t i = 0; i < multipart_n_fields(a->m); i++) {
        FUZZ_MUST(equal(x[i].name, y[i].name) && equal(x[i].value, y[i].value));
        check_text(x[i].name, false);
        check_text(x[i].value, true);
    }
    for (size_t i = 0; i < multipart_n_files(a->m); i++) {
        const char *name = multipart_file_name(a->m, i);

        FUZZ_MUST(equal(name, multipart_file_name(b->m, i)));
        FUZZ_MUST(!name || !strpbrk(name, "/\\"));
        FUZZ_MUST(a->files[i].length == b->files[i].length);
        FUZZ_MUST(a->files[i].length == 0 ||
                  memcmp(a->files[i].data, b->files[i].data, a->files[i].length) == 0);
    }
}

/* The first byte is the size of the pieces, the first line the type, the rest the form. In one
 * piece or in many, the same comes of it. */
void read_form(const char *kind, const uint8_t *data, size_t size)
{
    struct taken whole = {0}, pieces = {0};
    char *text = fuzz_text(data, size), *body = size > 0 ? memchr(text + 1, '\n', size - 1) : NULL;

    (void)kind;
    if (body) {
        size_t n = size - (size_t)(body + 1 - text);

        *body++ = '\0';
        read_parts(&whole, text + 1, body, n, 0);
        read_parts(&pieces, text + 1, body, n, 1 + data[0]);
        FUZZ_MUST(whole.failed == pieces.failed && strcmp(whole.e.message, pieces.e.message) == 0);
        if (whole.failed == ERR_OK)
            check_same(&whole, &pieces);
        end(&whole);
        end(&pieces);
    }
    free(text);
}
