#include "server/store/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/clock.h"
#include "server/store/stmt.h"

enum {
    WRITER_BUSY_MS = 2000,
    READER_BUSY_MS = 1000,
    PROGRESS_STEPS = 20000 /* of the virtual machine between two looks at the clock: about 1 ms */
};

/* ---- errors -------------------------------------------------------------------------------- */

static enum err constraint(int rc, struct error *e)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return error_set(e, ERR_CONFLICT, "it exists already");
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return error_set(e, ERR_NOT_FOUND, "what it refers to does not exist");
    default:
        return error_set(e, ERR_INTERNAL, "the database refused a value");
    }
}

static enum err io_failure(struct reader *r, int rc, struct error *e)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return error_no_memory(e);
    /* SQLite tells a full disk from other failures, but not a quota. */
    if (r->db && sqlite3_system_errno(r->db) == EDQUOT)
        return error_set(e, ERR_NO_SPACE, "the disk quota is used up");
    return error_set(e, ERR_IO, "the database could not be read or written");
}

static enum err classify(struct reader *r, int rc, struct error *e)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return error_set(e, ERR_NO_SPACE, "the disk is full");
    case SQLITE_NOMEM:
        return error_no_memory(e);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(e, ERR_BUSY, "another process holds the database's lock");
    case SQLITE_INTERRUPT:
        return error_set(e, ERR_BUSY, "the query took longer than %d s",
                         DB_READ_DEADLINE_MS / 1000);
    case SQLITE_CONSTRAINT:
        return constraint(rc, e);
    case SQLITE_IOERR:
        return io_failure(r, rc, e);
    case SQLITE_CORRUPT:
        return error_set(e, ERR_IO, "the database is damaged");
    case SQLITE_NOTADB:
        return error_set(e, ERR_IO, "not an SQLite database");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        return error_set(e, ERR_IO, "the database could not be opened for this");
    case SQLITE_TOOBIG:
        return error_set(e, ERR_LIMIT, "a value is larger than the database can hold");
    default:
        return error_set(e, ERR_INTERNAL, "the database failed");
    }
}

enum err db_error(struct reader *r, int rc, struct error *e)
{
    char detail[sizeof e->detail];
    enum err code;

    (void)snprintf(detail, sizeof detail, "sqlite: %s (%d)",
                   r->db ? sqlite3_errmsg(r->db) : sqlite3_errstr(rc), rc);
    code = classify(r, rc, e);
    if (e)
        memcpy(e->detail, detail, sizeof detail);
    return code;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* Ends a query that has passed its deadline. */
static int watch(void *ctx)
{
    const struct reader *r = ctx;

    return r->deadline > 0 && clock_seconds() > r->deadline;
}

double db_lift_deadline(struct reader *r)
{
    double was = r->deadline;

    r->deadline = 0;
    return was;
}

static void harden(struct reader *r)
{
    /* Each succeeds on the versions that we build with; the file stays readable without it. */
    (void)sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    (void)sqlite3_db_config(r->db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
    (void)sqlite3_db_config(r->db, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
    (void)sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)NULL);
    (void)sqlite3_limit(r->db, SQLITE_LIMIT_SQL_LENGTH, 1000000);
    (void)sqlite3_limit(r->db, SQLITE_LIMIT_EXPR_DEPTH, 200);
}

void db_forbid_attach(struct reader *r)
{
    (void)sqlite3_limit(r->db, SQLITE_LIMIT_ATTACHED, 0);
}

static enum err set_up(struct reader *r, enum db_mode mode, struct error *e)
{
    (void)sqlite3_extended_result_codes(r->db, 1);
    harden(r);
    (void)sqlite3_busy_timeout(r->db, mode == DB_READ ? READER_BUSY_MS : WRITER_BUSY_MS);
    if (mode == DB_READ) {
        db_forbid_attach(r);
        sqlite3_progress_handler(r->db, PROGRESS_STEPS, watch, r);
    }
    /* Debian's SQLite overwrites what it deletes: a data set would be logged and kept in memory
     * whole once more in the moment it goes. */
    return db_exec(r,
                   "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                   "PRAGMA secure_delete = OFF",
                   e);
}

enum err db_open(const char *path, enum db_mode mode, struct reader *r, struct error *e)
{
    static const int flags[] = {
        [DB_WRITE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
        [DB_READ] = SQLITE_OPEN_READONLY,
        [DB_COPY] = SQLITE_OPEN_READONLY,
        [DB_EXPORT] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
    };
    int rc = sqlite3_open_v2(path, &r->db, flags[mode] | SQLITE_OPEN_NOMUTEX, NULL);
    enum err failed;

    failed = rc == SQLITE_OK ? set_up(r, mode, e) : db_error(r, rc, e);
    if (failed)
        db_close(r);
    return failed;
}

void db_close(struct reader *r)
{
    for (size_t i = 0; i < DB_CACHE_SLOTS; i++)
        (void)sqlite3_finalize(r->cache[i].raw); /* repeats an error that was reported */
    (void)sqlite3_close_v2(r->db);               /* cannot fail with all statements finalized */
    memset(r, 0, sizeof *r);
}

/* ---- small statements ---------------------------------------------------------------------- */

enum err db_exec(struct reader *r, const char *sql, struct error *e)
{
    int rc = sqlite3_exec(r->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? ERR_OK : db_error(r, rc, e);
}

enum err db_i64(struct reader *r, const char *sql, int64_t *out, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, sql, &q, e));
    TRY(stmt_next(&q, &row, e));
    *out = row ? stmt_i64(&q) : 0;
    return ERR_OK;
}

enum err db_copy(struct reader *r, const char *copy, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(r, "VACUUM INTO ?1", &q, e));
    stmt_bind_text(&q, copy);
    return stmt_run(&q, e);
}

/* 64 MiB of 4 KiB pages at most: those that stay free are used again. */
enum err db_give_back(struct reader *r, struct error *e)
{
    return db_exec(r, "PRAGMA incremental_vacuum(16384)", e);
}

enum err db_quick_check(struct reader *r, char *fault, size_t size, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    const char *text;
    bool row;

    TRY(stmt_begin(r, "PRAGMA quick_check(1)", &q, e));
    TRY(stmt_next(&q, &row, e));
    text = row ? stmt_peek_text(&q) : NULL;
    (void)snprintf(fault, size, "%s", text && strcmp(text, "ok") != 0 ? text : "");
    return ERR_OK;
}
