#include "server/store/store_admin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/embed.h"
#include "server/store/dataset_rows.h"
#include "server/store/stmt.h"
#include "server/store/store_dataset.h"

enum { MAX_FINDINGS = 100, SENTENCE_BYTES = 500 };

/* ---- files ------------------------------------------------------------------------------- */

static bool exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

static enum err refuse_existing(const char *path, const char *advice, struct error *e)
{
    if (exists(path))
        return error_set(e, ERR_CONFLICT, "\"%s\" exists already%s", path, advice);
    return ERR_OK;
}

static enum err io_error(struct error *e, const char *what, const char *path)
{
    return error_set(e, errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO,
                     "could not %s \"%.300s\": %s", what, path, strerror(errno));
}

static enum err sync_path(const char *path, int flags, struct error *e)
{
    int fd = open(path, flags | O_CLOEXEC), failed;

    if (fd < 0)
        return io_error(e, "open", path);
    failed = fsync(fd) != 0 ? errno : 0;
    (void)close(fd); /* what counts is the fsync */
    errno = failed;
    return failed ? io_error(e, "write to disk", path) : ERR_OK;
}

static enum err sync_folder(const char *path, struct error *e)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];

    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                   slash ? path : ".");
    return sync_path(folder, O_RDONLY | O_DIRECTORY, e);
}

/* An empty file of ours beside the one that it will become. */
static enum err make_partial(const char *target, char partial[PATH_MAX], struct error *e)
{
    int fd;

    if (snprintf(partial, PATH_MAX, "%s.partial-XXXXXX", target) >= PATH_MAX)
        return error_set(e, ERR_INVALID, "the path is longer than %d bytes", PATH_MAX);
    fd = mkostemp(partial, O_CLOEXEC);
    if (fd < 0)
        return io_error(e, "create", partial);
    (void)close(fd); /* empty */
    return ERR_OK;
}

/* A copy is open to those who could read the original, no others. */
static enum err fill_partial(struct reader *r, const char *partial, struct error *e)
{
    struct stat info;

    TRY(db_copy(r, partial, e));
    if (stat(sqlite3_db_filename(r->db, "main"), &info) != 0 ||
        chmod(partial, info.st_mode & 0777) != 0)
        return io_error(e, "set the mode of", partial);
    return sync_path(partial, O_RDWR, e);
}

/* ---- backup ------------------------------------------------------------------------------ */

/* A database of ours, open for reading; *version is its schema. */
static enum err open_ours(const char *path, struct reader *r, int *version, struct error *e)
{
    if (access(path, R_OK) != 0)
        return error_set(e, ERR_INVALID, "could not open \"%s\": %s", path, strerror(errno));
    if (db_open(path, DB_COPY, r, e) != ERR_OK ||
        migrate_check(r, embedded_files, version, e) != ERR_OK)
        return error_prefix(e, "\"%s\"", path);
    if (*version == 0)
        return error_set(e, ERR_INVALID, "\"%s\" is empty", path);
    return ERR_OK;
}

static enum err backup(const char *path, const char *target, const char *partial, struct error *e)
{
    CLEANUP(db_close) struct reader r = {0};
    int version;

    TRY(open_ours(path, &r, &version, e));
    TRY(fill_partial(&r, partial, e));
    TRY(refuse_existing(target, "", e)); /* since the first look */
    if (rename(partial, target) != 0)
        return io_error(e, "rename to", target);
    return sync_folder(target, e);
}

enum err store_backup(const char *path, const char *target, struct error *e)
{
    char partial[PATH_MAX];
    enum err failed;

    TRY(refuse_existing(target, "", e));
    TRY(make_partial(target, partial, e));
    failed = backup(path, target, partial, e);
    if (failed)
        (void)unlink(partial); /* gone already where it was renamed */
    return failed;
}

/* ---- looking for damage ------------------------------------------------------------------ */

static void find(struct store_findings *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void find(struct store_findings *f, const char *format, ...)
{
    char sentence[SENTENCE_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args); /* a long one is cut */
    va_end(args);
    f->n++;
    f->found(f->ctx, sentence);
}

static enum err check_pages(struct reader *r, struct store_findings *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(r, "PRAGMA integrity_check(100)", &q, e));
    TRY(stmt_next(&q, &row, e));
    while (row) {
        const char *text = stmt_peek_text(&q);

        if (text && strcmp(text, "ok") != 0)
            find(f, "structure: %s", text);
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

static enum err check_references(struct reader *r, struct store_findings *f, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    CLEANUP(arena_end) struct arena *a = NULL;
    bool row;

    TRY(arena_create(4096, &a, e));
    TRY(stmt_begin(r, "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 100", &q,
                   e));
    TRY(stmt_next(&q, &row, e));
    while (row) {
        const char *table = stmt_text(&q, a);
        int64_t id = stmt_i64(&q);

        find(f, "reference: row %" PRId64 " of %s refers to a row of %s that does not exist", id,
             table ? table : "?", stmt_peek_text(&q));
        TRY(stmt_next(&q, &row, e));
    }
    return ERR_OK;
}

/* A data set that cannot be read is a finding; so is one that is not what was stored. */
static enum err check_dataset(struct reader *r, const struct dataset_record *d,
                              struct store_findings *f, struct error *e)
{
    struct table *t;
    struct error why = {0};
    char hash[DATASET_HASH_BYTES];

    f->n_datasets++;
    if (store_dataset_load(r, d->id, &t, &why) != ERR_OK) {
        if (why.code == ERR_NO_MEMORY)
            return error_no_memory(e);
        find(f, "data set %" PRId64 " \"%s\": %s", d->id, d->name, why.message);
        return ERR_OK;
    }
    dataset_rows_hash(t, hash);
    table_destroy(t);
    if (strcmp(hash, d->content_hash) != 0)
        find(f, "data set %" PRId64 " \"%s\": its content has the hash %.16s…, not %.16s… as stored",
             d->id, d->name, hash, d->content_hash);
    return ERR_OK;
}

static enum err check_datasets(struct reader *r, struct store_findings *f, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct dataset_list list = {.next = 0};

    TRY(arena_create(1 << 14, &a, e));
    while (list.next >= 0) {
        TRY(store_dataset_list(r, list.next, MAX_FINDINGS, a, &list, e));
        for (size_t i = 0; i < list.n; i++)
            TRY(check_dataset(r, &list.items[i], f, e));
        arena_reset(a);
    }
    return ERR_OK;
}

/* Content can be read by the schema of this build alone. */
static enum err check_all(struct reader *r, int version, struct store_findings *f, struct error *e)
{
    CLEANUP(snapshot_end) struct snapshot moment = {0};

    TRY(check_pages(r, f, e));
    TRY(check_references(r, f, e));
    if (f->n > 0 || !migrate_is_current(embedded_files, version))
        return ERR_OK;
    TRY(snapshot_begin(r, &moment, e));
    return check_datasets(r, f, e);
}

enum err store_check(const char *path, struct store_findings *f, struct error *e)
{
    CLEANUP(db_close) struct reader r = {0};
    int version;

    TRY(open_ours(path, &r, &version, e));
    if (check_all(&r, version, f, e) != ERR_OK)
        return error_prefix(e, "\"%s\"", path);
    return ERR_OK;
}

/* ---- restore ----------------------------------------------------------------------------- */

/* The first finding is reason enough. */
static void keep_first(void *ctx, const char *sentence)
{
    char *first = ctx;

    if (!first[0])
        (void)snprintf(first, SENTENCE_BYTES, "%s", sentence);
}

static enum err check_source(struct reader *r, const char *source, int version, struct error *e)
{
    char first[SENTENCE_BYTES] = "";
    struct store_findings f = {.found = keep_first, .ctx = first};

    TRY(check_all(r, version, &f, e));
    if (f.n > 0)
        return error_set(e, ERR_INVALID, "\"%s\" is damaged: %.300s", source, first);
    return ERR_OK;
}

static enum err remove_beside(const char *path, const char *ending, struct error *e)
{
    char name[PATH_MAX];

    (void)snprintf(name, sizeof name, "%s%s", path, ending);
    return unlink(name) == 0 || errno == ENOENT ? ERR_OK : io_error(e, "remove", name);
}

/* The old WAL goes first: SQLite would play it onto the new file. */
static enum err put_in_place(const char *partial, const char *path, struct error *e)
{
    TRY(remove_beside(path, "-wal", e));
    TRY(remove_beside(path, "-shm", e));
    TRY(sync_folder(path, e));
    if (rename(partial, path) != 0)
        return io_error(e, "rename to", path);
    return sync_folder(path, e);
}

static enum err restore(struct reader *r, const char *path, struct error *e)
{
    char partial[PATH_MAX];
    enum err failed;

    TRY(make_partial(path, partial, e));
    failed = fill_partial(r, partial, e);
    if (failed == ERR_OK)
        failed = put_in_place(partial, path, e);
    if (failed)
        (void)unlink(partial); /* gone already where it was renamed */
    return failed;
}

enum err store_restore(const char *source, const char *path, bool force, struct error *e)
{
    CLEANUP(db_close) struct reader r = {0};
    CLEANUP(mem_free) char *real = NULL;
    int version, lock;
    bool was_clean;
    enum err failed;

    if (!force)
        TRY(refuse_existing(path, "; --force replaces it", e));
    TRY(open_ours(source, &r, &version, e));
    TRY(check_source(&r, source, version, e));
    if (lock_resolve(path, &real, e) != ERR_OK || lock_check_fs(real, e) != ERR_OK ||
        lock_take(real, &lock, &was_clean, e) != ERR_OK)
        return error_prefix(e, "database \"%s\"", path);
    failed = restore(&r, real, e);
    if (failed && !was_clean)
        lock_abandon(lock); /* what is there still is to be checked */
    else
        lock_release(lock);
    return failed;
}
