/*
 * Whole requests, as text, to the handlers of a service that has a data set, a search and a study.
 * Only what changes nothing is done, so that an input means the same whatever came before it.
 */
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/api/access.h"
#include "server/api/bulletin.h"
#include "server/api/handlers.h"
#include "server/api/routes.h"
#include "server/auth/throttle.h"
#include "server/http/internal.h"
#include "server/http/uri.h"
#include "server/log.h"
#include "server/options.h"
#include "server/schema/reader.h"
#include "tests/fuzz/readers.h"

enum { HEADERS = 32, STREAM_STEPS = 4, PATIENCE_MS = 60000 };

#define TOKEN "swd_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct service {
    char folder[64];
    struct config config;
    struct api api;
    struct http http; /* what answers ask of it: the router and the base path */
} service;

/* ---- a request ----------------------------------------------------------------------------- */

/* Splits "GET /path HTTP/1.1\nName: value\n\nbody"; the text is written to. */
static bool read_text(char *text, struct exchange *x, struct http_pair headers[HEADERS])
{
    char *body = strstr(text, "\n\n"), *rest = text, *line;
    struct error e = {0};
    struct uri uri;

    if (body) {
        *body = '\0';
        body += 2;
    }
    line = strsep(&rest, "\n");
    x->method = strsep(&line, " ");
    x->target = line ? strsep(&line, " ") : "";
    x->q.body = body ? body : "";
    x->q.body_length = strlen(x->q.body);
    x->q.headers = headers;
    while (x->q.n_headers < HEADERS && (line = strsep(&rest, "\n"))) {
        const char *name = strsep(&line, ":");

        headers[x->q.n_headers++] = (struct http_pair){name, line ? line + strspn(line, " ") : ""};
    }
    if (uri_parse(x->arena, x->target, &uri, &e) != ERR_OK)
        return false;
    x->q.path = uri.path;
    x->q.n_segments = uri.n_segments;
    x->q.segments = uri.segments;
    x->q.n_query = uri.n_query;
    x->q.query = uri.query;
    return true;
}

/* Who presents nothing presents a token that is valid: most inputs are about something else. */
static void present(struct exchange *x, struct http_pair headers[HEADERS])
{
    if (!http_header(&x->q, "Authorization") && !http_header(&x->q, "Cookie") &&
        x->q.n_headers < HEADERS)
        headers[x->q.n_headers++] = (struct http_pair){"Authorization", "Bearer " TOKEN};
}

/* Through the gate and to the route, as server/http does it. False where it ends there. */
static bool find_route(struct exchange *x)
{
    struct gate_request asked = {x->method, "HTTP/1.1", x->target, x->q.n_headers, x->q.headers};
    const struct http_router *router = &service.http.router;
    struct http_pair told = {0};
    struct error e = {0};
    const char *allow;
    unsigned status;

    if (gate_check(&asked, NULL, &x->facts, &e) != 0 || x->facts.is_options || x->facts.is_refused)
        return false;
    x->q.method = x->facts.method;
    if (router->match(router->ctx, x->q.method, x->q.n_segments, x->q.segments, &x->q.route,
                      &x->body, &allow) != 0)
        return false;
    status = router->admit(router->ctx, &x->q, &told, &e);
    FUZZ_MUST(status == 0 || (status >= 400 && status < 500 && e.message[0] != '\0'));
    return status == 0;
}

static void check_json(const char *text, size_t n)
{
    struct error e = {0};
    cJSON *tree = NULL;
    enum err failed = reader_open_any(text, n, &tree, &e);

    if (failed != ERR_OK && failed != ERR_LIMIT)
        fprintf(stderr, "%s\n%.*s\n", e.message, (int)n, text);
    FUZZ_MUST(failed == ERR_OK || failed == ERR_LIMIT);
    reader_close(&tree);
}

static void take_stream(struct http_stream stream)
{
    for (int i = 0; i < STREAM_STEPS; i++) {
        CLEANUP(buf_finish) struct buf out = {0};
        enum http_stream_state state = stream.next(stream.ctx, &out);

        FUZZ_MUST(state != HTTP_STREAM_FAILED);
        if (state != HTTP_STREAM_MORE)
            break;
    }
    stream.destroy(stream.ctx);
}

/* An answer is one, is no failure of ours, and JSON where it says so. */
static void check_answer(struct http_response *r)
{
    const char *type = r->type ? r->type : "";

    FUZZ_MUST(r->kind != RESPONSE_NONE);
    if (r->kind == RESPONSE_STREAM) {
        take_stream(r->stream);
        r->kind = RESPONSE_NONE;
    }
    if (r->kind == RESPONSE_BYTES) {
        if (r->status >= 500)
            fprintf(stderr, "%s\n", buf_text(&r->bytes));
        FUZZ_MUST(r->status >= 200 && r->status < 500);
        if (strstr(type, "json"))
            check_json(r->bytes.data, r->bytes.length);
    }
}

/* What is uploaded lies in a file. */
static int spool_body(struct exchange *x)
{
    char path[64];
    int fd = -1;

    if (x->body == HTTP_BODY_SPOOL) {
        fd = fuzz_file((const uint8_t *)x->q.body, x->q.body_length, path);
        x->q.files[x->q.n_files++] = (struct http_file){.fd = fd, .length = x->q.body_length};
    }
    return fd;
}

static void handle(struct exchange *x)
{
    int fd = spool_body(x);

    service.http.router.handle(service.http.router.ctx, &x->q, &x->r);
    if (fd >= 0)
        (void)close(fd);
}

/* Gives the answer to `check`, unless the request ends before its handler or may not be done. */
static void ask(const char *text, size_t size, bool (*may)(const struct http_request *q),
                void (*check)(struct http_response *r))
{
    struct exchange x = {.h = &service.http};
    struct http_pair headers[HEADERS];
    char *copy = fuzz_text((const uint8_t *)text, size);
    struct error e = {0};

    FUZZ_MUST(arena_create(1 << 14, &x.arena, &e) == ERR_OK);
    FUZZ_MUST(arena_create(1 << 12, &x.scratch, &e) == ERR_OK);
    x.q.arena = x.arena;
    x.q.id = "fuzz";
    x.q.peer = "127.0.0.1";
    x.r = (struct http_response){.x = &x, .fd = -1};
    if (read_text(copy, &x, headers)) {
        present(&x, headers);
        if (find_route(&x) && may(&x.q)) {
            handle(&x);
            check(&x.r);
        }
    }
    response_reset(&x.r);
    arena_destroy(x.scratch);
    arena_destroy(x.arena);
    free(copy);
}

/* ---- the service --------------------------------------------------------------------------- */

static const char *const LIFE[] = {
    "PUT /api/v1/datasets/iris.csv?target=y HTTP/1.1\nHost: localhost\n\n"
    "x,\"z, \xc3\xa9\",k,y\n1,5,u,a\n2,3,v,b\n3,8,,a\n4,1,u,b\n5,7,v,a\n6,2,u,b\n7,9,v,a\n8,1,u,b\n"
    "2,7,v,a\n3,2,u,b\n",
    "POST /api/v1/experiments HTTP/1.1\nHost: localhost\n\n"
    "{\"dataset\": \"iris\", \"name\": \"grid\", \"sampler\": \"grid\", \"tags\": [\"paper\"], "
    "\"space\": "
    "{\"layers\": [1, 2], \"width\": [2, 3], \"activation\": [\"relu\", \"tanh\"], \"epochs\": 2}, "
    "\"cross_validation\": {\"folds\": 2}}",
    "POST /api/v1/experiments HTTP/1.1\nHost: localhost\n\n"
    "{\"objective\": {\"name\": \"loss\", \"direction\": \"minimize\"}, \"space\": {\"depth\": "
    "{\"min\": 1, \"max\": 12, \"type\": \"int\"}, \"kind\": [\"a\", \"b\"]}, "
    "\"sampler\": \"random\"}",
    "POST /api/v1/experiments/2/ask HTTP/1.1\nHost: localhost\n\n{\"count\": 3}",
    "POST /api/v1/experiments/2/trials/1/report HTTP/1.1\nHost: localhost\n\n"
    "{\"step\": 1, \"value\": 0.5}",
    "POST /api/v1/experiments/2/trials/1/tell HTTP/1.1\nHost: localhost\n\n{\"score\": 0.4}",
    "POST /api/v1/experiments/2/trials/2/tell HTTP/1.1\nHost: localhost\n\n"
    "{\"error\": \"it diverged\"}",
};

static const char STATE[] = "GET /api/v1/experiments/1 HTTP/1.1\nHost: localhost\n\n";

static bool has_completed;

static void check_state(struct http_response *r)
{
    has_completed = strstr(buf_text(&r->bytes), "\"state\": \"completed\"") != NULL;
}

static void check_done(struct http_response *r)
{
    if (r->status >= 300)
        fprintf(stderr, "%s\n", buf_text(&r->bytes));
    FUZZ_MUST(r->status >= 200 && r->status < 300);
}

static bool any(const struct http_request *q)
{
    (void)q;
    return true;
}

static void live(void)
{
    for (size_t i = 0; i < sizeof LIFE / sizeof *LIFE; i++)
        ask(LIFE[i], strlen(LIFE[i]), any, check_done);
    for (int ms = 0; ms < PATIENCE_MS && !has_completed; ms++) {
        (void)usleep(1000);
        ask(STATE, strlen(STATE), any, check_state);
    }
    FUZZ_MUST(has_completed);
}

static void changed(void *ctx)
{
    (void)ctx;
}

static void remove_folder(void)
{
    static const char *const names[] = {"db", "db-wal", "db-shm", "db.lock"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", service.folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(service.folder);
}

/* At the end of the program; tools for leaks look after this. */
static void stop(void)
{
    jobs_stop(service.api.jobs);
    bulletin_destroy(service.api.bulletin);
    api_finish(&service.api);
    throttle_destroy(service.api.throttle);
    keyring_destroy(service.api.keyring);
    store_close(service.api.store);
    remove_folder();
}

static void start(void)
{
    struct jobs_options wish = {.n_threads = 1, .memory_bytes = 64 << 20, .changed = changed};
    static const char line[] = "fuzz admin " TOKEN "\n";
    struct api *api = &service.api;
    struct error e = {0};
    char path[64];
    int tokens = fuzz_file((const uint8_t *)line, sizeof line - 1, path);

    (void)snprintf(service.folder, sizeof service.folder, "/tmp/sweepd-fuzz-XXXXXX");
    FUZZ_MUST(mkdtemp(service.folder));
    log_setup(LOG_ERROR, false);
    options_reset(&service.config);
    (void)snprintf(service.config.db, sizeof service.config.db, "%s/db", service.folder);
    FUZZ_MUST(kernel_choose(NULL, &wish.kernel, &e) == ERR_OK);
    FUZZ_MUST(store_open(service.config.db, NULL, &api->store, NULL, &e) == ERR_OK);
    FUZZ_MUST(jobs_start(api->store, &wish, &api->jobs, &e) == ERR_OK);
    FUZZ_MUST(keyring_create(api->store, path, &api->keyring, &e) == ERR_OK);
    (void)close(tokens);
    FUZZ_MUST(bulletin_create(api->store, &api->bulletin, &e) == ERR_OK);
    api->throttle = throttle_create();
    api->config = &service.config;
    api->kernel = wish.kernel;
    atomic_store(&api->ready, true);
    service.http.router = api_router(api);
    service.http.o.base_path = "";
    atexit(stop);
}

/* An export makes a file each time, and reads nothing more of the request. */
static bool changes_nothing(const struct http_request *q)
{
    const struct route *route = q->route;

    if (route->handler == experiment_validate)
        return !http_header(q, "Idempotency-Key"); /* with one the answer would be stored */
    return q->method == HTTP_GET && route->handler != experiment_export;
}

void read_request(const char *kind, const uint8_t *data, size_t size)
{
    (void)kind;
    if (!service.api.store) {
        start();
        live();
    }
    ask((const char *)data, size, changes_nothing, check_answer);
}
