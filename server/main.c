/*
 * sweepd: reads its options, opens the database, goes on with what was unfinished, serves until a
 * signal ends it.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/linalg/kernel.h"
#include "server/api/api.h"
#include "server/api/bulletin.h"
#include "server/auth/keyring.h"
#include "server/auth/throttle.h"
#include "server/commands/operator.h"
#include "server/commands/token.h"
#include "server/config.h"
#include "server/http/http.h"
#include "server/jobs/jobs.h"
#include "server/log.h"
#include "server/schema/json.h"
#include "server/store/store.h"

struct daemon {
    struct config config;
    const struct kernel *kernel;
    struct store *store;
    struct jobs *jobs;
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

static void print_versions(void)
{
    CLEANUP(buf_finish) struct buf kernels = {0};

    kernel_names(&kernels);
    printf("sweepd %s\nlibmicrohttpd %s, SQLite %s, cJSON %s\nkernels: %s\n", SWEEPD_VERSION,
           http_library_version(), store_sqlite_version(), json_library_version(),
           buf_text(&kernels));
}

/* Threads inherit the mask: a signal reaches main's sigwait and nobody else. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static enum err open_store(struct daemon *d, struct error *e)
{
    struct store_opening opening;

    TRY(store_open(d->config.db, NULL, &d->store, &opening, e));
    if (opening.was_checked)
        log_write(LOG_INFO, "%s was not closed cleanly; it was checked and is sound", d->config.db);
    if (opening.backup_path[0])
        log_write(LOG_INFO, "schema %d was migrated to %d; a copy is in %s", opening.schema_before,
                  opening.schema_after, opening.backup_path);
    return ERR_OK;
}

/* Uploads are spooled beside the database, where there is room for them. */
static void spool_folder(const struct config *c, char *out, size_t capacity)
{
    const char *slash = strrchr(c->db, '/');

    if (slash)
        (void)snprintf(out, capacity, "%.*s", slash > c->db ? (int)(slash - c->db) : 1, c->db);
    else
        (void)snprintf(out, capacity, ".");
}

static enum err start_http(struct daemon *d, struct error *e)
{
    const struct config *c = &d->config;
    char folder[CONFIG_TEXT_BYTES];
    struct http *http;
    struct http_options options = {
        .address = c->address,
        .port = c->port,
        .unix_path = c->unix_path[0] ? c->unix_path : NULL,
        .allow_hosts = c->hosts,
        .spool_folder = folder,
        .max_json_bytes = LIMIT_JSON_BYTES,
        .max_upload_bytes = LIMIT_UPLOAD_BYTES,
        .n_threads = LIMIT_HTTP_THREADS,
        .n_workers = LIMIT_HTTP_WORKERS,
        .max_connections = LIMIT_CONNECTIONS,
        .max_streams = LIMIT_STREAMS,
    };

    spool_folder(c, folder, sizeof folder);
    TRY(http_start(&options, api_router(&d->api), &http, &d->url, e));
    (void)set_http(d, http); /* there was none before */
    return ERR_OK;
}

/* Without tokens nobody but this machine is served. */
static enum err check_public(const struct config *c, bool has_tokens, struct error *e)
{
    if (has_tokens || config_is_private(c))
        return ERR_OK;
    return error_set(e, ERR_INVALID,
                     "listening on %s needs tokens, and there are none: make one by sweepd token "
                     "create --label NAME --scope admin --db %s, or listen on 127.0.0.1 or on "
                     "unix:PATH",
                     c->address, c->db);
}

static enum err open_access(struct daemon *d, struct error *e)
{
    const char *file = d->config.token_file;

    TRY(keyring_create(d->store, file[0] ? file : NULL, &d->api.keyring, e));
    d->api.throttle = throttle_create();
    if (!d->api.throttle)
        return error_no_memory(e);
    return check_public(&d->config, !keyring_is_open(d->api.keyring), e);
}

/* What can be seen before anything is touched: where there is nothing, there are no tokens. */
static enum err check_config(const struct config *c, struct error *e)
{
    return check_public(c, c->token_file[0] || access(c->db, F_OK) == 0, e);
}

static enum err start(struct daemon *d, struct error *e)
{
    struct jobs_options options = {
        .n_threads = d->config.threads,
        .memory_bytes = d->config.memory_bytes,
        .changed = changed,
        .ctx = d,
    };

    TRY(kernel_choose(getenv("SWEEPD_KERNEL"), &d->kernel, e));
    TRY(open_store(d, e));
    TRY(open_access(d, e));
    options.kernel = d->kernel;
    d->api.config = &d->config;
    d->api.store = d->store;
    d->api.kernel = d->kernel;
    TRY(bulletin_create(d->store, &d->api.bulletin, e));
    TRY(start_http(d, e)); /* who asks meanwhile is told that it starts */
    TRY(jobs_start(d->store, &options, &d->jobs, e));
    d->api.jobs = d->jobs;
    atomic_store(&d->api.ready, true);
    operator_publish(d->store, d->url, d->api.keyring); /* commands find it once it takes work */
    return ERR_OK;
}

static void stop(struct daemon *d)
{
    atomic_store(&d->api.ready, false);
    operator_withdraw(d->store);
    http_stop(set_http(d, NULL));
    bulletin_destroy(d->api.bulletin);
    api_finish(&d->api);
    jobs_stop(d->jobs);
    throttle_destroy(d->api.throttle);
    keyring_destroy(d->api.keyring);
    store_close(d->store);
}

static int serve(struct daemon *d)
{
    struct error e = {0};
    sigset_t signals;
    int signal_number;
    enum err failed;

    block_signals(&signals);
    failed = start(d, &e);
    if (failed == ERR_OK) {
        log_write(LOG_INFO, "listening on %s", d->url);
        (void)sigwait(&signals, &signal_number);
        log_write(LOG_INFO, "ending on signal %d", signal_number);
    } else {
        log_write(LOG_ERROR, "%s%s%s", e.message, e.detail[0] ? ": " : "", e.detail);
    }
    stop(d);
    return failed == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct daemon d = {.lock = PTHREAD_MUTEX_INITIALIZER};
    enum config_action action;
    struct error e = {0};

    /* Tables and prepared folds go back to the system when freed: glibc would raise this by itself
     * and keep them, in an arena for each thread. A refusal only costs memory. */
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    store_init();
    if (argc > 1 && strcmp(argv[1], "token") == 0)
        return token_command(argc - 1, argv + 1);
    if (config_read(argc, argv, &d.config, &action, &e) != ERR_OK ||
        check_config(&d.config, &e) != ERR_OK) {
        fprintf(stderr, "sweepd: %s\n", e.message);
        return 2;
    }
    log_setup(d.config.log_level, d.config.log_json);
    switch (action) {
    case CONFIG_HELP:
        fputs(config_help(), stdout);
        return EXIT_SUCCESS;
    case CONFIG_VERSION:
        print_versions();
        return EXIT_SUCCESS;
    case CONFIG_CHECK:
        puts("the options are good");
        return EXIT_SUCCESS;
    case CONFIG_SERVE:
        break;
    }
    return serve(&d);
}
