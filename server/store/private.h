/*
 * What the files of this folder know of each other: a connection, the store and its readers.
 */
#ifndef SWEEPD_SERVER_STORE_PRIVATE_H
#define SWEEPD_SERVER_STORE_PRIVATE_H

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/store/store.h"
#include "server/store/txn.h"

enum {
    DB_APPLICATION_ID = 0x73777064, /* "swpd"; the same number stands in migrations/0001 */
    DB_CACHE_SLOTS = 256,           /* prepared statements kept by a connection; a power of two */
    DB_READ_DEADLINE_MS = 2000
};

/* A prepared statement by the address of its text, which is a constant of the program. */
struct cached {
    const char *sql;
    sqlite3_stmt *raw;
    bool in_use;
};

/* A connection. One thread at a time. */
struct reader {
    sqlite3 *db;
    struct cached cache[DB_CACHE_SLOTS];
    double deadline;                   /* by clock_seconds(); 0: none */
    const struct embedded *migrations; /* the schema it was opened with */
    struct reader *next;               /* in the pool's list of free ones */
};

struct store {
    struct reader writer;
    char *path;  /* absolute */
    int lock_fd; /* -1: not locked */
    int schema_version;
    int txn_depth;
    bool txn_group;                 /* the outermost transaction is a group */
    bool txn_spoiled;               /* a part of the group was not committed */
    enum txn_durability durability; /* as set on the connection */
    atomic_ullong changes;          /* see store_changes */
    atomic_int_fast64_t last_event; /* number of it; see event_number.h */
    uint64_t n_states;              /* appended since the store was opened */
    pthread_mutex_t pool_lock;      /* guards `free_readers` */
    bool has_pool_lock;
    struct reader *free_readers;
};

enum db_mode {
    DB_WRITE,
    DB_READ,
    DB_EXPORT /* a new file that attaches the database by a URI */
};

/* ---- db.c ---------------------------------------------------------------------------------- */

/** Opens a connection and sets what each of ours has; r is zeroed. */
enum err db_open(const char *path, enum db_mode mode, struct reader *r, struct error *e);

/** After migrating: no more ATTACH, which only VACUUM INTO needs. */
void db_forbid_attach(struct reader *r);

/** Finalizes the statements and closes. Accepts a zeroed one. */
void db_close(struct reader *r);

/** Runs constant SQL that gives no rows. */
enum err db_exec(struct reader *r, const char *sql, struct error *e);

/** The first column of the first row of constant SQL; 0 if there is no row. */
enum err db_i64(struct reader *r, const char *sql, int64_t *out, struct error *e);

/** What quick_check has to say, at most `size` bytes; empty if all is well. */
enum err db_quick_check(struct reader *r, char *fault, size_t size, struct error *e);

/** The connection's last error as ours; `rc` is what the call returned. */
enum err db_error(struct reader *r, int rc, struct error *e);

/** After a deletion: gives free pages back to the file system, a bounded number of them. */
enum err db_give_back(struct reader *r, struct error *e);

/** Lifts the deadline for a task whose length is known to be bounded; returns what it was. */
double db_lift_deadline(struct reader *r);

/* ---- lock.c -------------------------------------------------------------------------------- */

/**
 * Takes the lock file of a database.
 *
 * was_clean  false if the file says that its last holder did not release it
 */
enum err lock_take(const char *path, int *fd, bool *was_clean, struct error *e);

/** Says in the file that the holder stopped cleanly, and lets go. Accepts -1. */
void lock_release(int fd);

/** Lets go without saying so: the next start checks the database. Accepts -1. */
void lock_abandon(int fd);

/** ERR_INVALID where the folder of `path` is on a file system that WAL cannot use. */
enum err lock_check_fs(const char *path, struct error *e);

/* ---- migrate.c ----------------------------------------------------------------------------- */

/**
 * Looks without touching anything: *version is the schema, 0 for a new and empty file.
 *
 * Errors  ERR_INVALID: not ours, or newer than the build
 */
enum err migrate_check(struct reader *r, const struct embedded *files, int *version,
                       struct error *e);

/** Copies the database beside itself, `path`.schema-N.bak, where it is about to be migrated. */
enum err migrate_backup(struct reader *r, const struct embedded *files, const char *path,
                        int version, char *copy, size_t size, struct error *e);

/** Whether the version is the build's. */
bool migrate_is_current(const struct embedded *files, int version);

/** Runs what has not run yet; *version becomes the build's. `files` may hold other files too. */
enum err migrate_run(struct reader *r, const struct embedded *files, int *version, struct error *e);

#endif
