/*
 * The database: one connection that writes and a pool of connections that read.
 *
 * Functions that change something take `struct store *`, those that read take `struct reader *`.
 * Records are open structs; the text in them lives in the arena that the caller passes in. A
 * number that does not exist is NaN in a record and NULL in the database; a time that does not
 * exist is 0; text that does not exist is NULL. Times are milliseconds since 1970 UTC.
 *
 * Threads   The writing half has no lock: one thread at a time, and the same one throughout
 *           (server/jobs/writer.h). A reader is one thread's until it is released. Only
 *           store_reader_acquire, store_reader_release, store_changes and store_facts may be
 *           called by any thread at any time between store_open and store_close.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_H
#define SWEEPD_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/embed.h"

struct store;
struct reader;

/* Zero-initialised it holds the defaults. */
struct store_options {
    const struct embedded *migrations; /* NULL: those of this build, server/embed.h */
    bool allow_network_fs;             /* NFS and its kin lack what WAL needs; open all the same */
};

/* What opening the database did, for the log. */
struct store_opening {
    bool was_created;
    bool was_checked;  /* the last daemon did not stop cleanly; quick_check found no fault */
    int schema_before; /* equal to schema_after if nothing was migrated; 0 if created */
    int schema_after;
    char backup_path[1024]; /* of the copy made before migrating; empty if none was needed */
};

/* For GET /api/v1 and /metrics. */
struct store_facts {
    const char *path; /* absolute; lives as long as the store */
    int schema_version;
    const char *sqlite_version; /* of the library that is loaded */
    bool has_wal_reset_bug;     /* the library is older than its fix: keep to one writer */
    int64_t page_bytes;
    int64_t pages;
    int64_t free_pages;
    int64_t database_bytes; /* pages * page_bytes */
    int64_t wal_bytes;
    uint64_t disk_free_bytes; /* of the file system, for this process */
};

/**
 * Once, before anything else here and before there are threads: allocations are not counted, which
 * takes a tenth of what it costs to store a fold. Without it everything works.
 */
void store_init(void);

/**
 * Opens or creates the database at `path`, takes its lock file (`path`.lock) and brings its schema
 * up to this build's. Before an existing database is migrated a copy is kept beside it.
 *
 * opening  may be NULL
 *
 * Errors   ERR_CONFLICT  another process holds it; the message names the process
 *          ERR_INVALID   not ours, damaged, of a newer schema, or on a network file system
 *          ERR_IO, ERR_NO_SPACE, ERR_NO_MEMORY, ERR_BUSY
 */
enum err store_open(const char *path, const struct store_options *options, struct store **out,
                    struct store_opening *opening, struct error *e);

/**
 * Calls ended(ctx, id) for an experiment once it is stored that it has ended, on the writer's
 * thread. Before anything is written.
 */
void store_watch_ends(struct store *s, void (*ended)(void *ctx, int64_t id), void *ctx);

/**
 * Marks a clean stop and closes every connection; all readers have been released. Accepts NULL.
 * The -wal and -shm files stay, so that a read-only shell of another user still opens the database.
 */
void store_close(struct store *s);

/**
 * The writing connection seen as a reader: it sees what its own transaction has written. For the
 * writer's thread only; not released.
 */
struct reader *store_writer(struct store *s);

/**
 * Takes a reader from the pool, opened if none is free. Every query on it ends with ERR_BUSY once
 * about 2 s have passed since it was taken; loading a data set and exporting are exempt.
 */
enum err store_reader_acquire(struct store *s, struct reader **out, struct error *e);
void store_reader_release(struct store *s, struct reader *r);

/** A reader of one's own, without a deadline, for a thread that lives long. */
enum err store_reader_open(struct store *s, struct reader **out, struct error *e);
void store_reader_close(struct reader *r);

/**
 * Grows with each commit, before anybody is told of it. As long as it stays the same, what was read
 * after it was asked for is still what would be read. It begins at the time, in nanoseconds, so that
 * another start of the program does not come to the same numbers.
 */
uint64_t store_changes(const struct store *s);

/**
 * A reader of a database that another process may hold, without its lock; store_reader_close. It
 * sees what was committed before each query.
 *
 * Errors  ERR_INVALID where it is not ours, or of another schema than this build's
 */
enum err store_look(const char *path, struct reader **out, struct error *e);

/** The database's absolute path; lives as long as the store. */
const char *store_path(const struct store *s);

/** Sizes and versions; takes a reader of the pool for a moment. */
enum err store_facts(struct store *s, struct store_facts *out, struct error *e);

/** SQLite's version as text, without a store. */
const char *store_sqlite_version(void);

#endif
