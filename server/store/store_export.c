/*
 * The copy is made by a connection of its own on the new file, which attaches the database
 * read-only: our own connections may not attach anything.
 */
#include "server/store/store_export.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "server/store/private.h"
#include "server/store/stmt.h"

/* In order of their references. Both files were made by the same migrations, so the columns of a
 * table are the same in number and order. */
static const char *const copies[] = {
    "INSERT INTO main.dataset SELECT * FROM source.dataset"
    " WHERE id = (SELECT dataset_id FROM source.experiment WHERE id = ?1)",
    "INSERT INTO main.dataset_warning SELECT * FROM source.dataset_warning"
    " WHERE dataset_id = (SELECT dataset_id FROM source.experiment WHERE id = ?1)",
    "INSERT INTO main.dataset_column SELECT * FROM source.dataset_column"
    " WHERE dataset_id = (SELECT dataset_id FROM source.experiment WHERE id = ?1)",
    "INSERT INTO main.experiment SELECT * FROM source.experiment WHERE id = ?1",
    "INSERT INTO main.trial SELECT * FROM source.trial WHERE experiment_id = ?1",
    "INSERT INTO main.trial_param SELECT * FROM source.trial_param WHERE experiment_id = ?1",
    "INSERT INTO main.trial_score SELECT * FROM source.trial_score WHERE experiment_id = ?1",
    "INSERT INTO main.trial_report SELECT * FROM source.trial_report WHERE experiment_id = ?1",
    "INSERT INTO main.trial_stop SELECT * FROM source.trial_stop WHERE experiment_id = ?1",
    "INSERT INTO main.fold SELECT * FROM source.fold WHERE experiment_id = ?1",
    "INSERT INTO main.fold_metric SELECT * FROM source.fold_metric WHERE experiment_id = ?1",
    "INSERT INTO main.unseal SELECT * FROM source.unseal WHERE experiment_id = ?1",
    "INSERT INTO main.unseal_score SELECT * FROM source.unseal_score WHERE experiment_id = ?1",
    "INSERT INTO main.event SELECT * FROM source.event WHERE experiment_id = ?1",
};

/* The path as a URI, so that the database is opened read-only and cannot be created. */
static void write_uri(const char *path, struct buf *out)
{
    buf_puts(out, "file:");
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;

        if (isalnum(c) || c == '/' || c == '.' || c == '-' || c == '_')
            buf_putc(out, *path);
        else
            buf_printf(out, "%%%02x", c);
    }
    buf_puts(out, "?mode=ro");
}

static enum err attach(struct reader *target, const char *path, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    CLEANUP(buf_finish) struct buf uri = {0};

    write_uri(path, &uri);
    TRY(buf_check(&uri, e));
    TRY(stmt_begin(target, "ATTACH ?1 AS source", &q, e));
    stmt_bind_text_copy(&q, buf_text(&uri));
    return stmt_run(&q, e);
}

static enum err copy(struct reader *target, const char *sql, int64_t id, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};

    TRY(stmt_begin(target, sql, &q, e));
    stmt_bind_i64(&q, id);
    return stmt_run(&q, e);
}

static enum err copy_all(struct reader *target, int64_t id, struct error *e)
{
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        TRY(copy(target, copies[i], id, e));
    return ERR_OK;
}

static enum err check_exists(struct reader *target, int64_t id, struct error *e)
{
    CLEANUP(stmt_end) struct stmt q = {0};
    bool row;

    TRY(stmt_begin(target, "SELECT 1 FROM source.experiment WHERE id = ?1", &q, e));
    stmt_bind_i64(&q, id);
    TRY(stmt_next(&q, &row, e));
    return row ? ERR_OK : error_set(e, ERR_NOT_FOUND, "experiment %" PRId64 " does not exist", id);
}

static enum err fill(struct reader *r, struct reader *target, int64_t id, struct error *e)
{
    int version = 0;

    TRY(attach(target, sqlite3_db_filename(r->db, "main"), e));
    TRY(check_exists(target, id, e));
    TRY(migrate_run(target, r->migrations, &version, e));
    TRY(db_exec(target, "BEGIN", e));
    TRY(copy_all(target, id, e)); /* closing the connection undoes what is not committed */
    return db_exec(target, "COMMIT", e);
}

enum err store_experiment_export(struct reader *r, int64_t id, const char *path, struct error *e)
{
    struct reader target = {0};
    enum err failed;
    struct stat st;

    if (stat(path, &st) == 0 && st.st_size > 0)
        return error_set(e, ERR_CONFLICT, "\"%s\" exists already", path);
    failed = db_open(path, DB_EXPORT, &target, e);
    if (!failed)
        failed = fill(r, &target, id, e);
    db_close(&target);
    if (failed)
        (void)unlink(path); /* the error that is reported says why */
    return failed;
}
