/*
 * What the program is told at start: command line over environment over config file over
 * defaults. Also the limits on whatever a client can make large.
 */
#ifndef SWEEPD_SERVER_CONFIG_H
#define SWEEPD_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "server/log.h"

enum {
    CONFIG_MAX_HOSTS = 16,
    CONFIG_HOST_BYTES = 256,
    CONFIG_TEXT_BYTES = 1024,
    CONFIG_MAX_OPERANDS = 4,
    CONFIG_MAX_OWN = 64 /* options of a command's own, as often as they are given */
};

enum config_limits {
    LIMIT_JSON_BYTES = 1 << 20,     /* a request's JSON body */
    LIMIT_HTTP_THREADS = 4,         /* connections are divided among them */
    LIMIT_HTTP_WORKERS = 4,         /* requests that write, at once */
    LIMIT_HTTP_READERS = 2,         /* of those that read for a second and more */
    LIMIT_CONNECTIONS = 1024,       /* open at once */
    LIMIT_OF_ADDRESS = 512,         /* of them, where others than this machine are served */
    LIMIT_STREAMS = 256,            /* of them, streams and waiting requests */
    LIMIT_TRIALS_AHEAD = 512,       /* trials proposed before their turn */
    LIMIT_TRIALS_SHARING = 4096,    /* the same, where trials may share a run; but no more than */
    LIMIT_FOLDS_SHARING = 65536     /* so many folds of theirs */
};

/* The largest upload: more than any table that fits into memory. */
#define LIMIT_UPLOAD_BYTES (UINT64_C(64) << 30)

/* Where to serve. Bytes that no text needs are zero, as in the other members of struct config: two
 * configurations are compared by their bytes. */
struct config_listen {
    char address[256];   /* without the port; empty for a unix socket */
    char unix_path[108]; /* else empty */
    uint16_t port;       /* 0 takes a free one */
};

struct config_hosts {
    size_t n;
    char names[CONFIG_MAX_HOSTS][CONFIG_HOST_BYTES];
};

struct config {
    char db[CONFIG_TEXT_BYTES];
    struct config_listen listen;
    char base_path[CONFIG_HOST_BYTES]; /* "/sweepd"; empty: none */
    unsigned threads;                  /* of training */
    uint64_t memory_bytes;             /* for data sets and prepared folds */
    uint64_t max_db_bytes;             /* of the database; 0: no limit */
    uint64_t min_free_bytes;           /* of its file system */
    uint64_t max_owner_running;        /* experiments of one owner; 0: no limit */
    uint64_t max_owner_bytes;          /* of one owner's data sets; 0: no limit */
    char token_file[CONFIG_TEXT_BYTES]; /* tokens besides the database's; empty: none */
    struct config_hosts hosts;         /* to answer to besides localhost */
    char on_finish[CONFIG_TEXT_BYTES]; /* a program; empty: none */
    char web_root[CONFIG_TEXT_BYTES];  /* files of the page from disk; empty: from the binary */
    enum log_level log_level;
    bool log_json;
};

/* Who uses an option. */
enum config_use { CONFIG_SERVE = 1, CONFIG_RUN = 2, CONFIG_ADMIN = 4, CONFIG_ALL = 7 };

/* A command, as far as its command line goes. */
struct config_command {
    const char *name;       /* NULL: the daemon */
    const char *synopsis;   /* "backup FILE [--db FILE]" */
    const char *help;       /* a paragraph */
    unsigned n_operands;    /* that are needed */
    unsigned n_more;        /* that may follow */
    enum config_use use;    /* which of the common options it takes; the others are not looked at */
    const char *const *(*own)(void); /* options with a value of its own; NULL ends them; or NULL */
    const char *flag;       /* an option without a value of its own; or NULL */
};

struct config_own {
    const char *name, *value; /* '-' and '_' in a name are one */
};

enum config_action { CONFIG_ACT, CONFIG_CHECK, CONFIG_HELP, CONFIG_VERSION };

/* What a command line says besides common options. */
struct config_words {
    enum config_action action; /* what is to be done instead */
    const char *operands[CONFIG_MAX_OPERANDS];
    struct config_own own[CONFIG_MAX_OWN];
    size_t n_own;
    bool flag;
};

/**
 * Reads the options.
 *
 * argv       begins with what names the program or the command
 * Errors     ERR_INVALID naming the option and where it came from
 * Ownership  the words point into argv
 */
enum err config_read(const struct config_command *command, int argc, char **argv, struct config *c,
                     struct config_words *words, struct error *e);

/**
 * Takes over from `fresh` what may change while the daemon runs.
 *
 * taken, kept  names of the options that differ: those taken over, and those that need a restart
 */
void config_renew(struct config *c, const struct config *fresh, struct buf *taken,
                  struct buf *kept);

/** Whether it serves this machine alone: then it does without tokens where there are none. */
bool config_is_private(const struct config *c);

/** Says that such an address needs tokens, and how one is made. */
enum err config_refuse_public(const struct config *c, struct error *e);

/** Appends the text of --help. */
void config_help(const struct config_command *command, struct buf *out);

#endif
