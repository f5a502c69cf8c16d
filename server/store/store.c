#include "server/store/store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "server/clock.h"
#include "server/store/event_number.h"
#include "server/store/private.h"
#include "server/store/stmt.h"

/* The first library version without the WAL-reset bug (sqlite.org/wal.html). */
enum { WAL_RESET_FIXED = 3051003, WAL_RESET_FIXED_3_50 = 3050007, WAL_RESET_FIXED_3_44 = 3044006 };

/* ---- opening ------------------------------------------------------------------------------- */

/* A file system without shared memory leaves the journal as it was, without an error. */
static enum err enter_wal(struct reader *r, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    const char *mode;
    bool row;

    TRY(stmt_begin(r, "PRAGMA journal_mode = WAL", &q, e));
    TRY(stmt_next(&q, &row, e));
    mode = row ? stmt_peek_text(&q) : NULL;
    if (!mode || strcmp(mode, "wal") != 0)
        return error_set(e, ERR_IO, "its file system cannot hold a WAL database");
    return ERR_OK;
}

/* What the file itself remembers, in the order that a new file needs: auto_vacuum before the first
 * page, then WAL. Persistent WAL files let another user's read-only shell open it at any time. */
static enum err set_up_writer(struct store *s, struct error *e)
{
    int persist = 1;

    TRY(db_exec(&s->writer, "PRAGMA auto_vacuum = INCREMENTAL", e));
    TRY(enter_wal(&s->writer, e));
    TRY(db_exec(&s->writer,
                "PRAGMA synchronous = FULL;"
                "PRAGMA journal_size_limit = 67108864;"
                "PRAGMA wal_autocheckpoint = 4000;" /* pages: 16 MB */
                "PRAGMA cache_size = -16000",
                e));
    s->durability = TXN_DURABLE;
    if (sqlite3_file_control(s->writer.db, "main", SQLITE_FCNTL_PERSIST_WAL, &persist))
        return error_set(e, ERR_IO, "its WAL file cannot be made to stay");
    return ERR_OK;
}

static enum err check_after_crash(struct store *s, struct error *e)
{
    char fault[200];

    TRY(db_quick_check(&s->writer, fault, sizeof fault, e));
    if (fault[0])
        return error_set(e, ERR_INVALID, "it is damaged (%s): go back to a backup", fault);
    return ERR_OK;
}

static enum err open_connection(struct store *s, const struct embedded *files,
                                struct store_opening *opening, struct error *e)
{
    TRY(db_open(s->path, DB_WRITE, &s->writer, e));
    s->writer.migrations = files;
    TRY(migrate_check(&s->writer, files, &s->schema_version, e));
    opening->schema_before = s->schema_version;
    opening->was_created = s->schema_version == 0;
    TRY(set_up_writer(s, e));
    if (opening->was_checked)
        TRY(check_after_crash(s, e));
    TRY(migrate_backup(&s->writer, files, s->path, s->schema_version, opening->backup_path,
                       sizeof opening->backup_path, e));
    TRY(migrate_run(&s->writer, files, &s->schema_version, e));
    opening->schema_after = s->schema_version;
    db_forbid_attach(&s->writer);
    return ERR_OK;
}

static enum err open_all(struct store *s, const char *path, const struct store_options *options,
                         struct store_opening *opening, struct error *e)
{
    bool was_clean;

    if (pthread_mutex_init(&s->pool_lock, NULL) != 0)
        return error_no_memory(e);
    s->has_pool_lock = true;
    if (!sqlite3_threadsafe())
        return error_set(e, ERR_INVALID, "SQLite %s was built without threads",
                         sqlite3_libversion());
    TRY(lock_resolve(path, &s->path, e));
    if (!options->allow_network_fs)
        TRY(lock_check_fs(s->path, e));
    TRY(lock_take(s->path, &s->lock_fd, &was_clean, e));
    opening->was_checked = !was_clean;
    if (options->migrations) /* of a schema that need not have events */
        return open_connection(s, options->migrations, opening, e);
    TRY(open_connection(s, embedded_files, opening, e));
    return event_number_load(s, was_clean, e);
}

static void destroy(struct store *s)
{
    for (struct reader *r = s->free_readers, *next; r; r = next) {
        next = r->next;
        store_reader_close(r);
    }
    db_close(&s->writer);
    free(s->ends);
    if (s->has_pool_lock)
        (void)pthread_mutex_destroy(&s->pool_lock); /* nobody holds it any more */
    free(s->path);
    free(s);
}

/* A damaged or foreign file is a fault of what we were given, not of the machine. */
static enum err explain(const char *path, struct error *e)
{
    if (e && e->code == ERR_IO && strstr(e->message, "damaged")) {
        char detail[sizeof e->detail];

        memcpy(detail, e->detail, sizeof detail);
        (void)error_set(e, ERR_INVALID, "it is damaged: go back to a backup");
        memcpy(e->detail, detail, sizeof detail);
    } else if (e && strcmp(e->message, "not an SQLite database") == 0) {
        e->code = ERR_INVALID;
    }
    return error_prefix(e, "database \"%s\"", path);
}

void store_init(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* refused once the library is in use */
}

enum err store_open(const char *path, const struct store_options *options, struct store **out,
                    struct store_opening *opening, struct error *e)
{
    static const struct store_options defaults;
    struct store_opening what = {0};
    struct error reason = {0};
    struct store *s = calloc(1, sizeof *s);
    enum err failed;

    if (!s)
        return error_no_memory(e);
    s->lock_fd = -1;
    s->changes = (uint64_t)clock_now_ms() * 1000000;
    failed = open_all(s, path, options ? options : &defaults, &what, &reason);
    if (failed) {
        int fd = s->lock_fd;

        destroy(s);
        /* An unclean stop stays one until a start has found the database sound. */
        if (what.was_checked)
            lock_abandon(fd);
        else
            lock_release(fd);
        failed = explain(path, &reason);
        if (e)
            *e = reason;
        return failed;
    }
    if (opening)
        *opening = what;
    *out = s;
    return ERR_OK;
}

void store_watch_ends(struct store *s, void (*ended)(void *ctx, int64_t id), void *ctx)
{
    s->ended = ended;
    s->ended_ctx = ctx;
}

void store_close(struct store *s)
{
    int fd;

    if (!s)
        return;
    fd = s->lock_fd;
    (void)db_exec(&s->writer, "PRAGMA optimize", NULL); /* statistics: nothing depends on them */
    destroy(s);
    lock_release(fd);
}

/* ---- readers ------------------------------------------------------------------------------- */

uint64_t store_changes(const struct store *s)
{
    return atomic_load(&s->changes);
}

struct reader *store_writer(struct store *s)
{
    return &s->writer;
}

enum err store_reader_open(struct store *s, struct reader **out, struct error *e)
{
    struct reader *r = calloc(1, sizeof *r);
    enum err failed;

    if (!r)
        return error_no_memory(e);
    failed = db_open(s->path, DB_READ, r, e);
    if (failed) {
        free(r);
        return failed;
    }
    r->migrations = s->writer.migrations;
    *out = r;
    return ERR_OK;
}

void store_reader_close(struct reader *r)
{
    if (!r)
        return;
    db_close(r);
    free(r);
}

static enum err look(const char *path, struct reader *r, struct error *e)
{
    int version;

    TRY(db_open(path, DB_READ, r, e));
    r->migrations = embedded_files;
    TRY(migrate_check(r, embedded_files, &version, e));
    if (!migrate_is_current(embedded_files, version))
        return error_set(e, ERR_INVALID, "its schema is %d: start sweepd on it once", version);
    return ERR_OK;
}

enum err store_look(const char *path, struct reader **out, struct error *e)
{
    struct reader *r = calloc(1, sizeof *r);

    if (!r)
        return error_no_memory(e);
    if (look(path, r, e) != ERR_OK) {
        store_reader_close(r);
        return error_prefix(e, "database \"%s\"", path);
    }
    *out = r;
    return ERR_OK;
}

const char *store_path(const struct store *s)
{
    return s->path;
}

enum err store_reader_acquire(struct store *s, struct reader **out, struct error *e)
{
    struct reader *r;

    pthread_mutex_lock(&s->pool_lock);
    r = s->free_readers;
    if (r)
        s->free_readers = r->next;
    pthread_mutex_unlock(&s->pool_lock);
    if (!r)
        TRY(store_reader_open(s, &r, e));
    r->next = NULL;
    r->deadline = clock_seconds() + DB_READ_DEADLINE_MS / 1000.0;
    *out = r;
    return ERR_OK;
}

void store_reader_release(struct store *s, struct reader *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&s->pool_lock);
    r->next = s->free_readers;
    s->free_readers = r;
    pthread_mutex_unlock(&s->pool_lock);
}

/* ---- facts --------------------------------------------------------------------------------- */

const char *store_sqlite_version(void)
{
    return sqlite3_libversion();
}

static bool has_wal_reset_bug(int version)
{
    if (version >= 3050000 && version < 3051000)
        return version < WAL_RESET_FIXED_3_50;
    if (version >= 3044000 && version < 3045000)
        return version < WAL_RESET_FIXED_3_44;
    return version < WAL_RESET_FIXED;
}

static int64_t wal_bytes(const char *path)
{
    char name[PATH_MAX];
    struct stat st;

    (void)snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : 0; /* stat() drops no lock */
}

/* Where the file system does not tell, nothing is known to be short. */
static uint64_t disk_free_bytes(const char *path)
{
    struct statvfs fs;

    return statvfs(path, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX;
}

static enum err count_pages(struct reader *r, struct store_facts *out, struct error *e)
{
    TRY(db_i64(r, "PRAGMA page_size", &out->page_bytes, e));
    TRY(db_i64(r, "PRAGMA page_count", &out->pages, e));
    return db_i64(r, "PRAGMA freelist_count", &out->free_pages, e);
}

enum err store_facts(struct store *s, struct store_facts *out, struct error *e)
{
    struct store_facts facts = {.path = s->path,
                                .schema_version = s->schema_version,
                                .sqlite_version = sqlite3_libversion(),
                                .has_wal_reset_bug = has_wal_reset_bug(sqlite3_libversion_number()),
                                .wal_bytes = wal_bytes(s->path),
                                .disk_free_bytes = disk_free_bytes(s->path)};
    struct reader *r;
    enum err failed;

    TRY(store_reader_acquire(s, &r, e));
    failed = count_pages(r, &facts, e);
    store_reader_release(s, r);
    TRY(failed);
    facts.database_bytes = facts.pages * facts.page_bytes;
    *out = facts;
    return ERR_OK;
}
