/*
 * What the daemon is told at start: command line over environment over config file over
 * defaults. Also the limits on whatever a client can make large.
 */
#ifndef SWEEPD_SERVER_CONFIG_H
#define SWEEPD_SERVER_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/log.h"

enum { CONFIG_MAX_HOSTS = 16, CONFIG_TEXT_BYTES = 1024 };

enum config_limits {
    LIMIT_JSON_BYTES = 1 << 20,     /* a request's JSON body */
    LIMIT_HTTP_THREADS = 4,         /* connections are divided among them */
    LIMIT_HTTP_WORKERS = 4,         /* requests that write, at once */
    LIMIT_CONNECTIONS = 1024,       /* open at once */
    LIMIT_STREAMS = 256,            /* of them, streams and waiting requests */
    LIMIT_TRIALS_AHEAD = 512,       /* trials proposed before their turn */
    LIMIT_TRIALS_SHARING = 4096,    /* the same, where trials may share a run; but no more than */
    LIMIT_FOLDS_SHARING = 65536     /* so many folds of theirs */
};

/* The largest upload: more than any table that fits into memory. */
#define LIMIT_UPLOAD_BYTES (UINT64_C(64) << 30)

struct config {
    char db[CONFIG_TEXT_BYTES];
    char address[256];            /* of --listen, without the port; empty for a unix socket */
    uint16_t port;                /* 0 takes a free one */
    char unix_path[108];          /* of --listen unix:PATH; else empty */
    unsigned threads;             /* of training */
    uint64_t memory_bytes;        /* for data sets and prepared folds */
    const char *hosts[CONFIG_MAX_HOSTS + 1]; /* NULL ends the list */
    uint64_t max_owner_running; /* experiments of one owner; 0: no limit */
    uint64_t max_owner_bytes;   /* of one owner's data sets; 0: no limit */
    char token_file[CONFIG_TEXT_BYTES]; /* tokens besides the database's; empty: none */
    char web_root[CONFIG_TEXT_BYTES]; /* files of the page from disk, for its authors; else empty */
    enum log_level log_level;
    bool log_json;
};

/* What is to be done instead of serving. */
enum config_action { CONFIG_SERVE, CONFIG_CHECK, CONFIG_HELP, CONFIG_VERSION };

/**
 * Reads the options.
 *
 * Errors     ERR_INVALID naming the option and where it came from
 * Ownership  c->hosts points into argv, the environment or memory that lasts until exit
 */
enum err config_read(int argc, char **argv, struct config *c, enum config_action *action,
                     struct error *e);

/** Whether it serves this machine alone: then it does without tokens where there are none. */
bool config_is_private(const struct config *c);

/** The text of --help. */
const char *config_help(void);

#endif
