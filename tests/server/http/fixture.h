/*
 * A small application on server/http, and a client that writes its requests by hand.
 */
#ifndef SWEEPD_TESTS_SERVER_HTTP_FIXTURE_H
#define SWEEPD_TESTS_SERVER_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/http/http.h"

/* cmocka's asserts jump out of the test's own thread only; these work in every thread. */
#define give_up(...)                                                                               \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                            \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        abort();                                                                                   \
    } while (0)

#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            give_up("%s does not hold", #condition);                                               \
    } while (0)

/* What the application counts, and what it can be told. */
struct app {
    struct http *h;
    const char *url;
    uint16_t port;
    atomic_uint n_hidden;  /* requests to /hidden */
    atomic_uint n_handled; /* all requests */
    atomic_uint news;      /* streams and waits tell of it */
    atomic_uint n_streams; /* open */
    atomic_uint n_looks;   /* at news, by /gathered */
    atomic_uint n_logged;
    atomic_uint slow_ms;  /* how long /slow and /long take at most; they look now and then */
    atomic_uint later_ms; /* how long /later waits for news */
};

static struct app app;

/* ---- the application ----------------------------------------------------------------------- */

struct route {
    const char *name;
    enum http_method method;
    enum http_body body;
    void (*handle)(const struct http_request *q, struct http_response *r);
};

static inline void respond_text(struct http_response *r, unsigned status, struct buf *b)
{
    http_respond(r, status, "text/plain", buf_text(b), b->length);
    buf_finish(b);
}

static inline void handle_echo(const struct http_request *q, struct http_response *r)
{
    struct buf b = {0};

    buf_printf(&b, "method=%d", (int)q->method);
    for (size_t i = 0; i < q->n_segments; i++)
        buf_printf(&b, " [%s]", q->segments[i]);
    for (size_t i = 0; i < q->n_query; i++)
        buf_printf(&b, " {%s=%s}", q->query[i].name, q->query[i].value);
    buf_printf(&b, " body=%zu:%s", q->body_length, q->body ? q->body : "");
    respond_text(r, 200, &b);
}

static inline uint64_t hash(const char *bytes, size_t n, uint64_t h)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3U;
    return h;
}

static inline void handle_upload(const struct http_request *q, struct http_response *r)
{
    struct buf b = {0};

    buf_printf(&b, "files=%zu", q->n_files);
    for (size_t i = 0; i < q->n_files; i++) {
        uint64_t h = 0;
        char block[4096];
        ssize_t n;

        while ((n = read(q->files[i].fd, block, sizeof block)) > 0)
            h = hash(block, (size_t)n, h);
        buf_printf(&b, " length=%" PRIu64 " hash=%" PRIx64 " name=%s", q->files[i].length, h,
                   q->files[i].name ? q->files[i].name : "-");
    }
    for (size_t i = 0; i < q->n_form; i++)
        buf_printf(&b, " {%s=%s}", q->form[i].name, q->form[i].value);
    respond_text(r, 201, &b);
}

static inline void handle_hidden(const struct http_request *q, struct http_response *r)
{
    (void)q;
    app.n_hidden++;
    http_respond(r, 200, "text/plain", "hidden", 6);
}

static inline void handle_slow(const struct http_request *q, struct http_response *r)
{
    (void)q;
    for (unsigned ms = 0; ms < app.slow_ms; ms += 5)
        usleep(5000);
    http_respond(r, 200, "text/plain", "slow", 4);
}

static inline void handle_page(const struct http_request *q, struct http_response *r)
{
    static const char page[] = "<!doctype html><title>page</title>";

    (void)q;
    must(http_respond_header(r, "Cache-Control", "no-cache"));
    must(!http_respond_header(r, "X-Bad", "a\r\nSet-Cookie: b"));
    http_respond_static(r, 200, "text/html; charset=utf-8", page, sizeof page - 1);
}

static inline void handle_file(const struct http_request *q, struct http_response *r)
{
    FILE *f = tmpfile();

    (void)q;
    must(f);
    must(fwrite("from a file", 1, 11, f) == 11);
    must(fflush(f) == 0);
    http_respond_file(r, "application/octet-stream", dup(fileno(f)), 11);
    fclose(f);
}

struct stream_state {
    unsigned seen, left;
};

static inline enum http_stream_state next_news(void *ctx, struct buf *out)
{
    struct stream_state *s = ctx;

    if (s->seen == app.news)
        return HTTP_STREAM_WAIT;
    s->seen = app.news;
    buf_printf(out, "news %u\n", s->seen);
    return HTTP_STREAM_MORE;
}

/* All that has come since it was asked before. */
static inline enum http_stream_state next_gathered(void *ctx, struct buf *out)
{
    (void)next_news(ctx, out);
    app.n_looks++;
    return HTTP_STREAM_WAIT;
}

static inline enum http_stream_state next_line(void *ctx, struct buf *out)
{
    struct stream_state *s = ctx;

    if (s->left == 0)
        return HTTP_STREAM_END;
    s->left--;
    buf_printf(out, "line %u\n", s->left);
    return HTTP_STREAM_MORE;
}

static inline enum http_stream_state next_block(void *ctx, struct buf *out)
{
    static const char block[65536];

    (void)ctx;
    buf_append(out, block, sizeof block);
    return HTTP_STREAM_MORE;
}

static inline void destroy_stream(void *ctx)
{
    app.n_streams--;
    free(ctx);
}

static inline void respond_stream(struct http_response *r, const char *type,
                                  enum http_stream_state (*next)(void *, struct buf *),
                                  unsigned left, unsigned pause_ms)
{
    struct stream_state *s = calloc(1, sizeof *s);

    must(s);
    *s = (struct stream_state){app.news, left};
    app.n_streams++;
    http_respond_stream(r, type, (struct http_stream){s, next, destroy_stream, pause_ms});
}

static inline void handle_events(const struct http_request *q, struct http_response *r)
{
    (void)q;
    respond_stream(r, "text/event-stream", next_news, 0, 0);
}

/* /gathered looks at once and not again, /gathered?pause=50 twenty times a second at most. */
static inline void handle_gathered(const struct http_request *q, struct http_response *r)
{
    const char *pause = http_query(q, "pause");

    respond_stream(r, "text/event-stream", next_gathered, 0,
                   pause ? (unsigned)atoi(pause) : 1000000);
}

static inline void handle_lines(const struct http_request *q, struct http_response *r)
{
    (void)q;
    respond_stream(r, "text/plain", next_line, 5, 0);
}

static inline void handle_endless(const struct http_request *q, struct http_response *r)
{
    (void)q;
    respond_stream(r, "text/plain", next_block, 0, 0);
}

static inline void handle_later(const struct http_request *q, struct http_response *r)
{
    if (app.news > 0)
        http_respond(r, 200, "text/plain", "news", 4);
    else if (q->last_try)
        http_respond(r, 200, "text/plain", "time is up", 10);
    else
        http_respond_later(r, app.later_ms);
}

static inline void handle_none(const struct http_request *q, struct http_response *r)
{
    (void)q;
    (void)r;
}

static inline void handle_header(const struct http_request *q, struct http_response *r)
{
    const char *value = http_header(q, "x-test");

    http_respond(r, 200, "text/plain", value ? value : "(none)", value ? strlen(value) : 6);
}

static inline void handle_credentials(const struct http_request *q, struct http_response *r)
{
    struct buf b = {0};

    buf_printf(&b, "[%s] [%s]", http_header(q, "Authorization"), http_header(q, "Cookie"));
    respond_text(r, 200, &b);
}

static const struct route routes[] = {
    {"echo", HTTP_GET, HTTP_BODY_NONE, handle_echo},
    {"echo", HTTP_POST, HTTP_BODY_MEMORY, handle_echo},
    {"echo", HTTP_PATCH, HTTP_BODY_MEMORY, handle_echo},
    {"echo", HTTP_DELETE, HTTP_BODY_NONE, handle_echo},
    {"upload", HTTP_PUT, HTTP_BODY_SPOOL, handle_upload},
    {"upload", HTTP_POST, HTTP_BODY_SPOOL, handle_upload},
    {"hidden", HTTP_GET, HTTP_BODY_NONE, handle_hidden},
    {"slow", HTTP_POST, HTTP_BODY_NONE, handle_slow},
    {"long", HTTP_GET, HTTP_BODY_NONE, handle_slow},
    {"page", HTTP_GET, HTTP_BODY_NONE, handle_page},
    {"file", HTTP_GET, HTTP_BODY_NONE, handle_file},
    {"events", HTTP_GET, HTTP_BODY_NONE, handle_events},
    {"gathered", HTTP_GET, HTTP_BODY_NONE, handle_gathered},
    {"lines", HTTP_GET, HTTP_BODY_NONE, handle_lines},
    {"endless", HTTP_GET, HTTP_BODY_NONE, handle_endless},
    {"later", HTTP_GET, HTTP_BODY_NONE, handle_later},
    {"none", HTTP_GET, HTTP_BODY_NONE, handle_none},
    {"header", HTTP_GET, HTTP_BODY_NONE, handle_header},
    {"credentials", HTTP_GET, HTTP_BODY_NONE, handle_credentials},
};

static inline unsigned app_match(void *ctx, enum http_method method, size_t n_segments,
                                 const char *const *segments, void **route, enum http_body *body,
                                 const char **allow)
{
    bool exists = false;

    (void)ctx;
    must(n_segments > 0);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].name, segments[0]) != 0)
            continue;
        exists = true;
        if (routes[i].method != method)
            continue;
        *route = (void *)(uintptr_t)&routes[i];
        *body = routes[i].body;
        return 0;
    }
    *allow = strcmp(segments[0], "echo") == 0     ? "GET, POST, PATCH, DELETE"
             : strcmp(segments[0], "upload") == 0 ? "PUT, POST"
             : strcmp(segments[0], "slow") == 0   ? "POST"
                                                  : "GET";
    return exists ? 405 : 404;
}

static inline bool app_is_long(const void *route)
{
    return strcmp(((const struct route *)route)->name, "long") == 0;
}

/* "Authorization: refuse" is refused. */
static inline unsigned app_admit(void *ctx, struct http_request *q, struct http_pair *header,
                                 struct error *e)
{
    const char *who = http_header(q, "Authorization");

    (void)ctx;
    must(strcmp(q->peer, "127.0.0.1") == 0 || *q->peer == '\0');
    if (!who || strcmp(who, "refuse") != 0)
        return 0;
    *header = (struct http_pair){"X-Why", q->route ? "a route" : "no route"};
    (void)error_set(e, ERR_FORBIDDEN, "refused");
    return 403;
}

static inline void app_handle(void *ctx, const struct http_request *q, struct http_response *r)
{
    const struct route *route = q->route;

    (void)ctx;
    app.n_handled++;
    route->handle(q, r);
}

static inline void app_problem(void *ctx, unsigned status, const char *detail, const char *instance,
                               const char *id, struct buf *out)
{
    (void)ctx;
    buf_printf(out, "{\"status\": %u, \"detail\": \"%s\", \"instance\": \"%s\", \"id\": \"%s\"}\n",
               status, detail, instance ? instance : "", id ? id : "");
}

static inline void app_log(void *ctx, const void *route, const char *id, const char *method,
                           const char *path, unsigned status, uint64_t body_bytes, double seconds)
{
    (void)ctx;
    (void)route;
    (void)body_bytes;
    must(id);
    must(method);
    must(path);
    must(status >= 200 && status < 600);
    must(seconds >= 0);
    app.n_logged++;
}

static inline void app_start(const struct http_options *o)
{
    struct http_router router = {.match = app_match,
                                 .is_long = app_is_long,
                                 .admit = app_admit,
                                 .handle = app_handle,
                                 .problem = app_problem,
                                 .log = app_log};
    struct error e = {0};
    const char *colon;

    memset(&app, 0, sizeof app);
    app.slow_ms = 300;
    app.later_ms = 200;
    if (http_start(o, router, &app.h, &app.url, &e) != ERR_OK)
        give_up("%s", e.message);
    colon = strrchr(app.url, ':');
    app.port = (uint16_t)atoi(colon + 1);
}

/* Starts with small limits; header and body have so long to come. */
static inline void app_start_small(unsigned ms)
{
    static const char *const hosts[] = {"box.example", NULL};
    struct http_options o = {.address = "127.0.0.1",
                             .allow_hosts = hosts,
                             .spool_folder = "/tmp",
                             .max_json_bytes = 1000,
                             .max_upload_bytes = 4 << 20,
                             .n_threads = 2,
                             .n_workers = 2,
                             .max_streams = 3,
                             .header_ms = ms,
                             .body_ms = ms,
                             .stop_ms = 500};

    app_start(&o);
}

static inline int app_setup(void **state)
{
    (void)state;
    app_start_small(20000);
    return 0;
}

/* Clients that take their time are cut soon: only for those that are to be cut. */
static inline int app_setup_impatient(void **state)
{
    (void)state;
    app_start_small(1500);
    return 0;
}

static inline int app_teardown(void **state)
{
    (void)state;
    http_stop(app.h);
    app.h = NULL;
    must(app.n_streams == 0);
    return 0;
}

/* ---- the client ---------------------------------------------------------------------------- */

static inline int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(app.port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(s >= 0);
    must(connect(s, (struct sockaddr *)&a, sizeof a) == 0);
    return s;
}

static inline void send_all(int s, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = send(s, bytes, n, MSG_NOSIGNAL);

        if (done <= 0)
            return; /* the server has had enough: what it said can still be read */
        bytes += done;
        n -= (size_t)done;
    }
}

static inline void send_text(int s, const char *text)
{
    send_all(s, text, strlen(text));
}

/* Reads until the text has come, the connection ends or `ms` are over. */
static inline bool read_until(int s, struct buf *b, const char *text, int ms)
{
    double end = clock_seconds() + 1e-3 * ms;

    for (;;) {
        struct pollfd p = {.fd = s, .events = POLLIN};
        double left = end - clock_seconds();
        char block[65536];
        ssize_t n;

        if (text && strstr(buf_text(b), text))
            return true;
        if (left <= 0 || poll(&p, 1, (int)(left * 1e3) + 1) <= 0)
            return false;
        n = recv(s, block, sizeof block, 0);
        if (n <= 0)
            return text == NULL; /* the end was waited for */
        buf_append(b, block, (size_t)n);
    }
}

/* Sends bytes on a new connection and gives all that comes until the server closes it. */
static inline char *ask_bytes(const char *bytes, size_t n)
{
    struct buf b = {0};
    int s = dial();

    send_all(s, bytes, n);
    if (!read_until(s, &b, NULL, 5000))
        give_up("the server did not close the connection after: %.80s\ngot: %s", bytes,
                buf_text(&b));
    close(s);
    buf_putc(&b, '\0');
    return b.data;
}

static inline char *ask(const char *text)
{
    return ask_bytes(text, strlen(text));
}

/* A request with the usual headers. `more` are further header lines, each ended by CR LF. */
static inline char *ask_for(const char *method, const char *target, const char *more,
                            const char *body)
{
    struct buf b = {0};
    char *answer;

    buf_printf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", method, target,
               more);
    if (body)
        buf_printf(&b, "Content-Length: %zu\r\n", strlen(body));
    buf_printf(&b, "\r\n%s", body ? body : "");
    answer = ask_bytes(b.data, b.length);
    buf_finish(&b);
    return answer;
}

static inline int status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : -1;
}

static inline const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");

    return end ? end + 4 : "";
}

static inline size_t count_of(const char *text, const char *what)
{
    size_t n = 0;

    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static inline void expect_status(char *answer, int status)
{
    if (status_of(answer) != status)
        give_up("expected status %d, got: %s", status, answer);
    free(answer);
}

static inline void expect_text(char *answer, const char *text)
{
    if (!strstr(answer, text))
        give_up("expected \"%s\", got: %s", text, answer);
    free(answer);
}

/* Opens a stream and reads its headers. */
static inline int open_stream(const char *target, struct buf *b)
{
    int s = dial();

    send_text(s, "GET ");
    send_text(s, target);
    send_text(s, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    must(read_until(s, b, "\r\n\r\n", 2000));
    return s;
}

#endif
