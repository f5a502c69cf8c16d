/* A request and its answer, from the first line to the log. */
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/http/internal.h"

enum {
    ARENA_BYTES = 4096,
    SCRATCH_BYTES = 16384,
    MIN_BYTES_PER_MS = 1, /* of a body, besides http_options.body_ms */
    /* A body up to this size is read before it is refused, so that the connection lives on. */
    MAX_POLITE_BYTES = 1 << 20
};

struct exchange *exchange_create(struct http *h, struct MHD_Connection *connection,
                                 struct peer *peer, const char *target)
{
    struct exchange *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->h = h;
    x->connection = connection;
    x->peer = peer;
    x->started_s = clock_seconds();
    for (size_t i = 0; i < HTTP_MAX_FILES; i++)
        x->spools[i].fd = -1;
    x->r.x = x;
    x->r.fd = -1;
    if (arena_create(ARENA_BYTES, &x->arena, NULL) == ERR_OK &&
        arena_create(SCRATCH_BYTES, &x->scratch, NULL) == ERR_OK &&
        (x->target = arena_strdup(x->arena, target)) != NULL) {
        peer_deadline(peer, h->o.header_ms);
        return x;
    }
    exchange_destroy(x);
    return NULL;
}

const char *exchange_path(struct exchange *x)
{
    char *path = arena_strndup(x->arena, x->target, strcspn(x->target, "?"));

    for (char *c = path; c && *c; c++)
        if (*c <= ' ' || *c > '~')
            *c = '?';
    return path ? path : "";
}

static void log_answer(struct exchange *x)
{
    const struct http_router *router = &x->h->router;

    if (x->status != 0)
        router->log(router->ctx, x->q.route, x->q.id ? x->q.id : "", x->method, exchange_path(x),
                    x->status, x->sent, clock_seconds() - x->started_s);
}

static void leave(struct exchange *x)
{
    struct http *h = x->h;

    pthread_mutex_lock(&h->mutex);
    h->n_busy -= x->is_busy;
    h->n_streams -= x->is_counted;
    pthread_cond_broadcast(&h->idle_cond);
    pthread_mutex_unlock(&h->mutex);
}

void exchange_destroy(struct exchange *x)
{
    if (!x)
        return;
    log_answer(x);
    leave(x);
    response_reset(&x->r);
    body_finish(x);
    arena_destroy(x->scratch);
    arena_destroy(x->arena);
    free(x);
}

void exchange_fail(struct exchange *x, unsigned status, const struct error *why)
{
    const struct http_router *router = &x->h->router;

    if (x->fault)
        return;
    x->fault = status;
    x->error = *why;
    if (why->detail[0] && router->complain)
        router->complain(router->ctx, why->detail);
}

/* ---- answers ------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct exchange *x)
{
    x->phase = PHASE_ANSWER;
    return answer_send(x) ? MHD_YES : MHD_NO;
}

static void retry_after(struct exchange *x, const char *seconds)
{
    (void)http_respond_header(&x->r, "Retry-After", seconds); /* a courtesy */
}

/* The answer to a request that no handler sees. */
static enum MHD_Result answer_fault(struct exchange *x)
{
    if (x->fault == 204)
        http_respond(&x->r, 204, NULL, "", 0);
    else
        response_problem(&x->r, x->fault, x->error.message);
    if (x->told.value)
        (void)http_respond_header(&x->r, x->told.name, x->told.value); /* of ours: it can stand */
    return answer(x);
}

static enum MHD_Result answer_busy(struct exchange *x, const char *detail)
{
    response_problem(&x->r, 503, detail);
    retry_after(x, "2");
    return answer(x);
}

/* ---- handling ------------------------------------------------------------------------------ */

void exchange_run(struct exchange *x)
{
    const struct http_router *router = &x->h->router;

    response_reset(&x->r);
    arena_reset(x->scratch);
    x->q.arena = x->scratch;
    router->handle(router->ctx, &x->q, &x->r);
    if (x->r.kind == RESPONSE_NONE)
        response_problem(&x->r, 500, "the request was not answered");
}

static void become_busy(struct exchange *x)
{
    pthread_mutex_lock(&x->h->mutex);
    x->h->n_busy++;
    x->is_busy = true;
    pthread_mutex_unlock(&x->h->mutex);
}

/* Whether the handler's wait may begin or go on. */
static bool admit_wait(struct exchange *x)
{
    if (x->is_counted)
        return true;
    x->is_counted = waiting_admit(x->h);
    x->later_until_ms = waiting_now_ms() + x->r.later_ms;
    return x->is_counted;
}

static enum MHD_Result handle_get(struct exchange *x)
{
    for (;;) {
        waiting_look(x);
        x->q.last_try = waiting_is_stopping(x->h) ||
                        (x->later_until_ms && waiting_now_ms() >= x->later_until_ms);
        exchange_run(x);
        if (x->r.kind != RESPONSE_LATER)
            return answer(x);
        if (!admit_wait(x))
            return answer_busy(x, "too many requests are waiting");
        if (waiting_enter(x, x->later_until_ms, 0))
            return MHD_YES; /* and the handler runs again */
    }
}

/* Who is to run the handler; NULL: the connection's own thread. */
static struct workers *find_workers(struct exchange *x)
{
    const struct http_router *router = &x->h->router;

    if (x->q.method != HTTP_GET)
        return &x->h->writers;
    return router->is_long && router->is_long(x->q.route) ? &x->h->readers : NULL;
}

static enum MHD_Result handle(struct exchange *x)
{
    struct workers *w = find_workers(x);

    if (waiting_is_gone(x))
        return MHD_NO;
    if (!w)
        return handle_get(x);
    if (workers_take(w, x))
        return MHD_YES;
    return answer_busy(x, waiting_is_stopping(x->h) ? "the server is stopping"
                                                    : "too many requests are waiting");
}

/* ---- what comes ---------------------------------------------------------------------------- */

/* After a fault: a small body is read first. A large one, or one that waits for "continue", is
 * not wanted; the answer goes out at once and the connection ends. */
static bool is_polite(const struct exchange *x)
{
    return !x->closes && !x->facts.is_chunked && x->facts.content_length <= MAX_POLITE_BYTES &&
           !http_header(&x->q, "Expect");
}

static enum MHD_Result begin(struct exchange *x, const char *version)
{
    head_read(x, version);
    if (!x->fault)
        body_begin(x);
    if (body_is_coming(x)) {
        x->body_began_ms = waiting_now_ms();
        peer_deadline(x->peer, x->h->o.body_ms);
    } else
        peer_deadline(x->peer, 0);
    x->phase = PHASE_BODY;
    if (!x->fault || is_polite(x))
        return MHD_YES;
    x->closes = x->closes || body_is_coming(x);
    return answer_fault(x);
}

static enum MHD_Result take(struct exchange *x, const char *bytes, size_t n)
{
    int64_t allowed_ms = x->h->o.body_ms + (int64_t)(x->received / MIN_BYTES_PER_MS), left_ms;

    if (!body_take(x, bytes, n)) {
        x->status = x->fault; /* for the log: it can no longer be told */
        return MHD_NO;
    }
    left_ms = x->body_began_ms + allowed_ms - waiting_now_ms();
    peer_deadline(x->peer, left_ms > 0 ? left_ms : 1);
    return MHD_YES;
}

static enum MHD_Result end(struct exchange *x)
{
    peer_deadline(x->peer, 0);
    body_end(x);
    if (x->fault)
        return answer_fault(x);
    become_busy(x);
    x->phase = PHASE_HANDLE;
    return handle(x);
}

enum MHD_Result exchange_step(struct exchange *x, const char *method, const char *version,
                              const char *bytes, size_t *n)
{
    enum MHD_Result result;

    switch (x->phase) {
    case PHASE_HEAD:
        x->method = arena_strdup(x->arena, method);
        if (!x->method)
            return MHD_NO;
        return begin(x, version);
    case PHASE_BODY:
        if (*n == 0)
            return end(x);
        result = take(x, bytes, *n);
        *n = 0;
        return result;
    case PHASE_HANDLE:
        return handle(x);
    case PHASE_ANSWER:
        return answer(x);
    }
    return MHD_NO;
}
