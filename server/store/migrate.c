/*
 * Brings a database's schema up to this build's. The files are numbered from 1 without gaps and
 * embedded in order; each runs in one transaction and is recorded with its checksum.
 */
#include "server/store/private.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/store/stmt.h"

enum { CHECKSUM_BYTES = 2 * SHA256_DIGEST_SIZE + 1, MAX_COPIES = 1000 };

static const char folder[] = "migrations/";

/* The number in a migration's name; 0 for another file. */
static int number_of(const struct embedded *f)
{
    size_t n = sizeof folder - 1;

    return strncmp(f->path, folder, n) == 0 ? (int)strtol(f->path + n, NULL, 10) : 0;
}

static int known_version(const struct embedded *files)
{
    int known = 0;

    for (const struct embedded *f = files; f->path; f++)
        if (number_of(f) > known)
            known = number_of(f);
    return known;
}

static void compute_checksum(const struct embedded *f, char out[CHECKSUM_BYTES])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx hash;

    sha256_init(&hash);
    sha256_update(&hash, (size_t)(f->end - f->begin), (const uint8_t *)f->begin);
    sha256_digest(&hash, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- looking ------------------------------------------------------------------------------- */

enum err migrate_check(struct reader *r, const struct embedded *files, int *version,
                       struct error *e)
{
    int known = known_version(files);
    int64_t application, schema, objects;

    TRY(db_i64(r, "PRAGMA application_id", &application, e));
    TRY(db_i64(r, "PRAGMA user_version", &schema, e));
    TRY(db_i64(r, "SELECT count(*) FROM sqlite_master", &objects, e));
    if (application != DB_APPLICATION_ID && (application != 0 || schema != 0 || objects != 0))
        return error_set(e, ERR_INVALID, "it is the database of another program");
    if (schema > known)
        return error_set(e, ERR_INVALID, "schema %d; this build knows %d", (int)schema, known);
    *version = (int)schema;
    return ERR_OK;
}

bool migrate_is_current(const struct embedded *files, int version)
{
    return version == known_version(files);
}

/* ---- keeping a copy ------------------------------------------------------------------------ */

/* A name beside the database that is not taken: an older copy may be all that is left of it. */
static enum err choose_name(const char *path, int version, char *copy, size_t size, struct error *e)
{
    for (int i = 1; i <= MAX_COPIES; i++) {
        int n = i == 1 ? snprintf(copy, size, "%s.schema-%d.bak", path, version)
                       : snprintf(copy, size, "%s.schema-%d.%d.bak", path, version, i);

        if (n < (int)size && access(copy, F_OK) != 0)
            return ERR_OK;
    }
    return error_set(e, ERR_IO, "found no free name for a copy beside it");
}

enum err migrate_backup(struct reader *r, const struct embedded *files, const char *path,
                        int version, char *copy, size_t size, struct error *e)
{
    char name[PATH_MAX];

    if (version == 0 || migrate_is_current(files, version))
        return ERR_OK;
    TRY(choose_name(path, version, name, size < sizeof name ? size : sizeof name, e));
    if (db_copy(r, name, e)) {
        (void)unlink(name); /* half written, or not there */
        return error_prefix(e, "could not keep a copy before migrating");
    }
    (void)snprintf(copy, size, "%s", name);
    return ERR_OK;
}

/* ---- migrating ----------------------------------------------------------------------------- */

/* A migration that has run must be the one that this build has. */
static enum err compare(struct reader *r, const struct embedded *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    char checksum[CHECKSUM_BYTES];
    const char *recorded;
    bool row;

    compute_checksum(f, checksum);
    TRY(stmt_begin(r, "SELECT checksum FROM migration WHERE version = ?1", &q, e));
    stmt_bind_i64(&q, number_of(f));
    TRY(stmt_next(&q, &row, e));
    recorded = row ? stmt_peek_text(&q) : "";
    if (!recorded || strcmp(recorded, checksum) != 0)
        return error_set(e, ERR_INVALID, "it was made with another \"%s\" than this build has",
                         f->path);
    return ERR_OK;
}

static enum err record(struct reader *r, const struct embedded *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    char checksum[CHECKSUM_BYTES];

    compute_checksum(f, checksum);
    TRY(stmt_begin(r,
                   "INSERT INTO migration (version, name, checksum, applied_at_ms)"
                   " VALUES (?1, ?2, ?3, ?4)",
                   &q, e));
    stmt_bind_i64(&q, number_of(f));
    stmt_bind_text(&q, f->path + sizeof folder - 1);
    stmt_bind_text(&q, checksum);
    stmt_bind_i64(&q, clock_now_ms());
    return stmt_run(&q, e);
}

/* Inside a transaction. */
static enum err apply(struct reader *r, const struct embedded *f, struct error *e)
{
    int64_t application, schema, orphans;

    TRY(db_exec(r, f->begin, e));
    TRY(record(r, f, e));
    TRY(db_i64(r, "SELECT count(*) FROM pragma_foreign_key_check", &orphans, e));
    if (orphans > 0)
        return error_set(e, ERR_INTERNAL, "it leaves %" PRId64 " rows without what they belong to",
                         orphans);
    TRY(db_i64(r, "PRAGMA user_version", &schema, e));
    TRY(db_i64(r, "PRAGMA application_id", &application, e));
    if (schema != number_of(f) || application != DB_APPLICATION_ID)
        return error_set(e, ERR_INTERNAL, "it does not set its user_version or application_id");
    return ERR_OK;
}

/* Foreign keys are checked at its end: where they hold meanwhile, a table that is dropped to be
 * made anew takes with it what belongs to its rows. Inside a transaction they cannot be switched.
 */
static enum err run_one(struct reader *r, const struct embedded *f, struct error *e)
{
    enum err failed;

    TRY(db_exec(r, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", e));
    failed = apply(r, f, e);
    if (!failed)
        failed = db_exec(r, "COMMIT", e);
    if (failed && !sqlite3_get_autocommit(r->db))
        (void)db_exec(r, "ROLLBACK", NULL); /* undoes it even where it fails */
    if (!failed)
        failed = db_exec(r, "PRAGMA foreign_keys = ON", e);
    return failed ? error_prefix(e, "%s", f->path) : ERR_OK;
}

enum err migrate_run(struct reader *r, const struct embedded *files, int *version, struct error *e)
{
    for (const struct embedded *f = files; f->path; f++) {
        int number = number_of(f);

        if (number == 0)
            continue;
        if (number <= *version) {
            TRY(compare(r, f, e));
            continue;
        }
        if (number != *version + 1)
            return error_set(e, ERR_INTERNAL, "\"%s\" comes after migration %d", f->path, *version);
        TRY(run_one(r, f, e));
        *version = number;
    }
    return ERR_OK;
}
