/*
 * The daemon: opens the database, goes on with what was unfinished, serves until a signal ends it.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/linalg/kernel.h"
#include "server/api/api.h"
#include "server/api/bulletin.h"
#include "server/auth/keyring.h"
#include "server/auth/throttle.h"
#include "server/commands/commands.h"
#include "server/commands/on_finish.h"
#include "server/commands/operator.h"
#include "server/commands/parts.h"
#include "server/commands/signals.h"
#include "server/http/http.h"
#include "server/jobs/jobs.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/store/store.h"

struct daemon {
    struct command_line *line;
    struct config *config;
    struct parts parts;
    struct on_finish *on_finish;
    pthread_mutex_t lock; /* of http, for those who wake it */
    struct http *http;    /* NULL before it serves and once it is ending */
    struct api api;
    const char *url;
};

/* Something was committed that a stream or a waiting request may want to see. */
static void changed(void *ctx)
{
    struct daemon *d = ctx;

    pthread_mutex_lock(&d->lock);
    if (d->http)
        http_wake(d->http);
    pthread_mutex_unlock(&d->lock);
}

static struct http *set_http(struct daemon *d, struct http *http)
{
    struct http *before;

    pthread_mutex_lock(&d->lock);
    before = d->http;
    d->http = http;
    pthread_mutex_unlock(&d->lock);
    return before;
}

/* ---- the socket -------------------------------------------------------------------------- */

/* Uploads are spooled beside the database, where there is room for them. */
static void spool_folder(const struct config *c, char *out, size_t capacity)
{
    const char *slash = strrchr(c->db, '/');

    if (slash)
        (void)snprintf(out, capacity, "%.*s", slash > c->db ? (int)(slash - c->db) : 1, c->db);
    else
        (void)snprintf(out, capacity, ".");
}

static enum err look_at(int socket, bool *is_private, struct error *e)
{
    struct sockaddr_storage bound = {0};
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&bound;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&bound;
    socklen_t length = sizeof bound;

    if (getsockname(socket, (struct sockaddr *)&bound, &length) != 0)
        return error_set(e, ERR_INVALID, "what was passed as descriptor %d is no socket", socket);
    *is_private = bound.ss_family == AF_UNIX ||
                  (bound.ss_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 == 127) ||
                  (bound.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
    return ERR_OK;
}

/* One that the service manager opened is as public as one of ours may be: without tokens nobody
 * but this machine is served. */
static enum err find_socket(const struct daemon *d, int *fd, bool *is_private, struct error *e)
{
    int passed;

    *is_private = config_is_private(d->config);
    TRY(notify_socket(&passed, e));
    *fd = passed > 0 ? passed : 0;
    if (*fd)
        TRY(look_at(*fd, is_private, e));
    if (*is_private || !keyring_is_open(d->api.keyring))
        return ERR_OK;
    if (!*fd)
        return config_refuse_public(d->config, e);
    return error_set(e, ERR_INVALID,
                     "the socket that was passed is not a loopback address: that needs tokens, and "
                     "there are none (sweepd token create --db %s)",
                     d->config->db);
}

static enum err start_http(struct daemon *d, struct error *e)
{
    const struct config *c = d->config;
    const char *hosts[CONFIG_MAX_HOSTS + 1] = {0};
    char folder[CONFIG_TEXT_BYTES];
    struct http *http;
    bool is_private;
    struct http_options options = {
        .address = c->listen.address,
        .port = c->listen.port,
        .unix_path = c->listen.unix_path[0] ? c->listen.unix_path : NULL,
        .base_path = c->base_path,
        .allow_hosts = hosts,
        .spool_folder = folder,
        .max_json_bytes = LIMIT_JSON_BYTES,
        .max_upload_bytes = LIMIT_UPLOAD_BYTES,
        .n_threads = LIMIT_HTTP_THREADS,
        .n_workers = LIMIT_HTTP_WORKERS,
        .n_readers = LIMIT_HTTP_READERS,
        .max_connections = LIMIT_CONNECTIONS,
        .max_streams = LIMIT_STREAMS,
    };

    for (size_t i = 0; i < c->hosts.n; i++)
        hosts[i] = c->hosts.names[i];
    spool_folder(c, folder, sizeof folder);
    TRY(find_socket(d, &options.listener, &is_private, e));
    options.max_of_address = is_private ? 0 : LIMIT_OF_ADDRESS; /* this machine's are all one */
    TRY(http_start(&options, api_router(&d->api), &http, &d->url, e));
    (void)set_http(d, http); /* there was none before */
    return ERR_OK;
}

/* ---- beginning and end ------------------------------------------------------------------- */

static enum err open_access(struct daemon *d, struct error *e)
{
    const char *file = d->config->token_file;

    TRY(keyring_create(d->parts.store, file[0] ? file : NULL, &d->api.keyring, e));
    d->api.throttle = throttle_create();
    return d->api.throttle ? ERR_OK : error_no_memory(e);
}

static enum err start(struct daemon *d, struct error *e)
{
    TRY(parts_open(&d->parts, d->config, e));
    TRY(open_access(d, e));
    TRY(on_finish_create(d->config, d->parts.store, &d->on_finish, e));
    store_watch_ends(d->parts.store, on_finish_ended, d->on_finish);
    d->api.config = d->config;
    d->api.store = d->parts.store;
    d->api.kernel = d->parts.kernel;
    TRY(bulletin_create(d->parts.store, &d->api.bulletin, e));
    TRY(start_http(d, e)); /* who asks meanwhile is told that it starts */
    on_finish_set_url(d->on_finish, d->url);
    TRY(parts_start(&d->parts, d->config, changed, d, e));
    d->api.jobs = d->parts.jobs;
    atomic_store(&d->api.ready, true);
    operator_publish(d->parts.store, d->url, d->api.keyring); /* commands find it once it works */
    return ERR_OK;
}

/* What ends in the last moment is told as well. */
static void stop(struct daemon *d)
{
    atomic_store(&d->api.ready, false);
    operator_withdraw(d->parts.store);
    http_stop(set_http(d, NULL));
    bulletin_destroy(d->api.bulletin);
    api_finish(&d->api);
    parts_stop(&d->parts);
    if (d->on_finish)
        on_finish_go_on(d->on_finish);
    on_finish_destroy(d->on_finish);
    throttle_destroy(d->api.throttle);
    keyring_destroy(d->api.keyring);
    parts_close(&d->parts);
}

/* ---- while it serves --------------------------------------------------------------------- */

static enum err read_again(struct daemon *d, struct buf *taken, struct buf *kept, struct error *e)
{
    static struct config fresh; /* large for a stack; one thread reads */
    static struct config_words words;

    TRY(config_read(d->line->command, d->line->argc, d->line->argv, &fresh, &words, e));
    config_renew(d->config, &fresh, taken, kept);
    return buf_check(taken, e);
}

/* The file of tokens is no option that changes: what stands in it does. */
static void renew_tokens(struct daemon *d)
{
    const char *file = d->config->token_file;
    struct error e = {0};

    if (file[0] && keyring_read_file(d->api.keyring, file, &e) != ERR_OK)
        log_write(LOG_ERROR, "the tokens of the file stay as they were: %s", e.message);
}

/* SIGHUP. Where a file has a fault what it says stays as it is. */
static void renew(struct daemon *d)
{
    CLEANUP(buf_finish) struct buf taken = {0}, kept = {0};
    struct error e = {0};

    notify_send("STATUS=reading the configuration again");
    renew_tokens(d);
    if (read_again(d, &taken, &kept, &e) != ERR_OK) {
        log_write(LOG_ERROR, "the configuration stays as it was: %s", e.message);
    } else {
        log_setup(d->config->log_level, d->config->log_json);
        jobs_limit_room(d->parts.jobs, d->config->max_db_bytes, d->config->min_free_bytes);
        log_write(LOG_INFO, "the configuration was read again; changed: %s%s%s",
                  taken.length > 0 ? buf_text(&taken) : "nothing",
                  kept.length > 0 ? "; after a restart: " : "", buf_text(&kept));
    }
    notify_send("STATUS=listening on %s", d->url);
}

static void serve(struct daemon *d)
{
    double watchdog = notify_watchdog_seconds() / 2;
    int signal = 0;

    log_write(LOG_INFO, "listening on %s", d->url);
    notify_send("READY=1\nSTATUS=listening on %s", d->url);
    while (!signals_is_end(signal)) {
        signal = signals_wait(watchdog);
        if (signal == SIGHUP)
            renew(d);
        on_finish_go_on(d->on_finish);
        if (watchdog > 0)
            notify_send("WATCHDOG=1");
    }
    notify_send("STOPPING=1\nSTATUS=ending");
    log_write(LOG_INFO, "ending on signal %d", signal);
}

int serve_command(struct command_line *line)
{
    static struct daemon d = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct error e = {0};
    enum err failed;

    d.line = line;
    d.config = &line->config;
    signals_block();
    failed = start(&d, &e);
    if (failed == ERR_OK)
        serve(&d);
    else
        parts_log(&e);
    stop(&d);
    return failed == ERR_OK ? EXIT_DONE : EXIT_FAILED;
}
