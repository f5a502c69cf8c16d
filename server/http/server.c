/* The server: its threads, its socket, its beginning and its end. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/http/internal.h"
#include "server/http/listen.h"

enum { POOL_BYTES = 32768, ARENA_BYTES = 1024 };

/* ---- libmicrohttpd's calls ----------------------------------------------------------------- */

static struct peer *find_peer(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **peer,
                          enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        peer_destroy(*peer);
        *peer = NULL;
        return;
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *peer = info ? peer_create(ctx, info->connect_fd) : NULL;
}

/* The only place where the URL is still as it was sent; called once for each request. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
    return exchange_create(ctx, connection, find_peer(connection), target);
}

static enum MHD_Result on_step(void *ctx, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *bytes,
                               size_t *n, void **exchange)
{
    (void)ctx;
    (void)connection;
    (void)url; /* decoded wrongly */
    return *exchange ? exchange_step(*exchange, method, version, bytes, n) : MHD_NO;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
    const struct http *h = ctx;

    (void)code; /* the log tells what was answered */
    exchange_destroy(*exchange);
    *exchange = NULL;
    peer_deadline(find_peer(connection), h->o.idle_ms);
}

static void complain(const struct http *h, const char *message)
{
    if (h->router.complain)
        h->router.complain(h->router.ctx, message);
}

__attribute__((format(printf, 2, 0))) static void on_message(void *ctx, const char *format,
                                                             va_list args)
{
    char text[512];
    int n = vsnprintf(text, sizeof text, format, args);

    if (n < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    complain(ctx, text);
}

/* A mistake of ours in the use of the library, or of its own: memory cannot be trusted. */
static void on_panic(void *ctx, const char *file, unsigned line, const char *reason)
{
    (void)ctx;
    (void)fprintf(stderr, "libmicrohttpd gave up in %s:%u: %s\n", file, line,
                  reason ? reason : "no reason given");
    abort();
}

/* ---- options ------------------------------------------------------------------------------- */

static unsigned or_default(unsigned value, unsigned preset)
{
    return value ? value : preset;
}

static void complete(struct http_options *o)
{
    if (!o->base_path)
        o->base_path = "";
    if (o->max_json_bytes == 0)
        o->max_json_bytes = 1U << 20;
    if (o->max_upload_bytes == 0)
        o->max_upload_bytes = (uint64_t)4 << 30;
    o->n_threads = or_default(o->n_threads, 4);
    o->n_workers = or_default(o->n_workers, 4);
    o->n_readers = or_default(o->n_readers, 2);
    o->max_connections = or_default(o->max_connections, 1024);
    o->max_streams = or_default(o->max_streams, 256);
    o->max_queue = or_default(o->max_queue, 256);
    o->header_ms = or_default(o->header_ms, 10000);
    o->body_ms = or_default(o->body_ms, 30000);
    o->idle_ms = or_default(o->idle_ms, 60000);
    o->stop_ms = or_default(o->stop_ms, 2000);
}

static bool copy_string(struct arena *a, const char **s)
{
    if (!*s)
        return true;
    *s = arena_strdup(a, *s);
    return *s != NULL;
}

static bool copy_hosts(struct arena *a, const char *const **hosts)
{
    size_t n = 0;
    const char **copy;

    if (!*hosts)
        return true;
    while ((*hosts)[n])
        n++;
    copy = arena_alloc(a, n + 1, sizeof *copy);
    if (!copy)
        return false;
    for (size_t i = 0; i < n; i++) {
        copy[i] = (*hosts)[i];
        if (!copy_string(a, &copy[i]))
            return false;
    }
    *hosts = copy;
    return true;
}

static enum err copy_options(struct http *h, const struct http_options *o, struct error *e)
{
    h->o = *o;
    complete(&h->o);
    if (!copy_string(h->arena, &h->o.address) || !copy_string(h->arena, &h->o.unix_path) ||
        !copy_string(h->arena, &h->o.base_path) || !copy_string(h->arena, &h->o.spool_folder) ||
        !copy_hosts(h->arena, &h->o.allow_hosts))
        return error_no_memory(e);
    return ERR_OK;
}

/* ---- the beginning ------------------------------------------------------------------------- */

static enum err start_daemon(struct http *h, struct error *e)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    unsigned idle_s = (h->o.idle_ms + 999) / 1000;

    MHD_set_panic_func(on_panic, NULL);
    h->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_step, h, MHD_OPTION_EXTERNAL_LOGGER, on_message, h,
        MHD_OPTION_LISTEN_SOCKET, h->listener, MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        h, MHD_OPTION_CONNECTION_LIMIT, h->o.max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        h->o.max_of_address, MHD_OPTION_CONNECTION_TIMEOUT, idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
#if MHD_VERSION >= 0x01000000
        MHD_OPTION_CLIENT_DISCIPLINE_LVL,
        1, /* 0.9.75 would only ask for a Host, as the gate does */
#endif
        MHD_OPTION_THREAD_POOL_SIZE, h->o.n_threads, MHD_OPTION_END);
    if (!h->daemon)
        return error_set(e, ERR_IO, "could not start the HTTP server");
    return ERR_OK;
}

static enum err init(struct http *h, const struct http_options *o, struct http_router router,
                     struct error *e)
{
    h->router = router;
    h->listener = -1;
    pthread_mutex_init(&h->mutex, NULL); /* these cannot fail with these attributes */
    clock_condition(&h->watch_cond);
    clock_condition(&h->idle_cond);
    workers_init(&h->writers, h);
    workers_init(&h->readers, h);
    TRY(arena_create(ARENA_BYTES, &h->arena, e));
    return copy_options(h, o, e);
}

/* No name leads to a socket in the file system, so there is none that could be wrong. */
static void allow_any_host(struct http *h, const char *url)
{
    static const char *const ANY[] = {GATE_ANY_HOST, NULL};

    if (strncmp(url, "unix:", 5) == 0)
        h->o.allow_hosts = ANY;
}

static enum err start(struct http *h, const char **url, struct error *e)
{
    if (h->o.listener)
        TRY(listen_adopt(h->arena, h->o.listener, &h->listener, url, e));
    else if (h->o.unix_path)
        TRY(listen_unix(h->arena, h->o.unix_path, &h->listener, url, e));
    else
        TRY(listen_tcp(h->arena, h->o.address, h->o.port, &h->listener, url, e));
    allow_any_host(h, *url);
    TRY(workers_start(&h->writers, h->o.n_workers, e));
    TRY(workers_start(&h->readers, h->o.n_readers, e));
    TRY(waiting_start_watch(h, e));
    return start_daemon(h, e);
}

enum err http_start(const struct http_options *o, struct http_router router, struct http **out,
                    const char **url, struct error *e)
{
    struct http *h = calloc(1, sizeof *h);
    enum err err;

    assert((o->address || o->unix_path || o->listener) && o->spool_folder);
    if (!h)
        return error_no_memory(e);
    err = init(h, o, router, e);
    if (err == ERR_OK)
        err = start(h, url, e);
    if (err == ERR_OK)
        *out = h;
    else
        http_stop(h);
    return err;
}

/* ---- the end ------------------------------------------------------------------------------- */

/* Until all requests have ended, or those left have had their time. */
static void wait_for_requests(struct http *h)
{
    int64_t until_ms = waiting_now_ms() + h->o.stop_ms;
    bool in_time = true;

    pthread_mutex_lock(&h->mutex);
    while (h->n_busy > 0 && in_time)
        in_time = waiting_sleep(h, &h->idle_cond, until_ms);
    pthread_mutex_unlock(&h->mutex);
}

/* libmicrohttpd aborts if it is stopped while a connection is suspended. After waiting_end none
 * begins to wait; what waited is resumed, and what a worker has is resumed when it is joined.
 * Then clients get some time to take their answers. 0.9.75 also
 * crashes where a malformed request arrives while it stops, so by then no connection is left. */
static void stop(struct http *h)
{
    if (h->daemon)
        (void)MHD_quiesce_daemon(h->daemon); /* gives back the listener, which is ours */
    waiting_end(h);
    workers_finish(&h->writers);
    workers_finish(&h->readers);
    if (h->daemon)
        wait_for_requests(h);
    peer_end_all(h);
    waiting_join_watch(h);
    if (h->daemon)
        MHD_stop_daemon(h->daemon);
    if (h->listener >= 0) {
        (void)close(h->listener); /* nothing was written to it */
        if (h->o.unix_path && !h->o.listener)
            (void)unlink(h->o.unix_path); /* the next start removes it otherwise */
    }
}

void http_stop(struct http *h)
{
    if (!h)
        return;
    stop(h);
    pthread_cond_destroy(&h->watch_cond);
    pthread_cond_destroy(&h->idle_cond);
    pthread_mutex_destroy(&h->mutex);
    arena_destroy(h->arena);
    free(h);
}

const char *http_library_version(void)
{
    return MHD_get_version();
}
