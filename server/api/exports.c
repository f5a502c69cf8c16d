/*
 * What other programs take away: the fold plan as CSV, an experiment as an SQLite file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/data/split.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/store/store_export.h"

enum { ROWS_AT_ONCE = 2000 };

/* ---- folds.csv --------------------------------------------------------------------------- */

/* row,repeat,fold: the row's number among the data rows of the file, from 1, and the fold that it
 * validates; 0 is a row that only trains, `sealed` one that was set aside. Rows that were left out
 * for want of a target are not listed. */
struct folds_stream {
    struct jobs *jobs;
    const struct table *table; /* taken */
    struct split *split;
    size_t done; /* lines, over all repeats */
    bool has_header;
};

static void folds_destroy(void *ctx)
{
    struct folds_stream *s = ctx;

    split_destroy(s->split);
    jobs_release_table(s->jobs, s->table);
    free(s);
}

static void append_fold(const struct folds_stream *s, size_t line, struct buf *out)
{
    uint32_t repeat = (uint32_t)(line / s->split->n_rows);
    size_t row = line % s->split->n_rows;
    size_t number = (s->table->source_row ? s->table->source_row[row] : row) + 1;
    uint16_t fold = split_repeat(s->split, repeat)[row];

    if (fold == SPLIT_SEALED)
        buf_printf(out, "%zu,%" PRIu32 ",sealed\r\n", number, repeat + 1);
    else
        buf_printf(out, "%zu,%" PRIu32 ",%u\r\n", number, repeat + 1, fold);
}

static enum http_stream_state folds_next(void *ctx, struct buf *out)
{
    struct folds_stream *s = ctx;
    size_t end = s->split->n_rows * s->split->n_repeats;

    if (!s->has_header)
        buf_puts(out, "row,repeat,fold\r\n");
    s->has_header = true;
    for (size_t i = 0; i < ROWS_AT_ONCE && s->done < end; i++, s->done++)
        append_fold(s, s->done, out);
    return s->done < end || out->length > 0 ? HTTP_STREAM_MORE : HTTP_STREAM_END;
}

enum err experiment_folds(struct call *c, struct error *e)
{
    struct experiment_record record;
    struct folds_stream *s;
    int64_t id;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &record, e));
    call_release(c);
    s = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(e);
    s->jobs = c->api->jobs;
    if (call_folds(c, &record, &s->table, &s->split, e) != ERR_OK) {
        folds_destroy(s);
        return e->code;
    }
    http_respond_stream(c->r, "text/csv; charset=utf-8",
                        (struct http_stream){s, folds_next, folds_destroy, 0});
    return ERR_OK;
}

/* ---- export.db --------------------------------------------------------------------------- */

/* An empty file beside the database, with a name that no other export has. */
static enum err make_file(const struct call *c, char *out, size_t capacity, struct error *e)
{
    struct store_facts facts;
    int n, fd;

    TRY(store_facts(c->api->store, &facts, e));
    n = snprintf(out, capacity, "%s.export-XXXXXX", facts.path);
    if (n < 0 || (size_t)n >= capacity)
        return error_set(e, ERR_IO, "the database's path is too long");
    fd = mkstemp(out);
    if (fd < 0)
        return error_set(e, ERR_IO, "could not make a file for the export: %s", strerror(errno));
    (void)close(fd); /* nothing was written */
    return ERR_OK;
}

static enum err open_and_unlink(const char *path, int *fd, uint64_t *length, struct error *e)
{
    struct stat facts;
    int opened = open(path, O_RDONLY | O_CLOEXEC), why = errno;

    (void)unlink(path); /* a file that stays does no harm to what is sent */
    if (opened < 0)
        return error_set(e, ERR_IO, "could not open the export: %s", strerror(why));
    if (fstat(opened, &facts) != 0) {
        why = errno;
        (void)close(opened); /* read-only */
        return error_set(e, ERR_IO, "could not measure the export: %s", strerror(why));
    }
    *length = (uint64_t)facts.st_size;
    *fd = opened;
    return ERR_OK;
}

enum err experiment_export(struct call *c, struct error *e)
{
    char path[CONFIG_TEXT_BYTES + 128], disposition[80];
    uint64_t length = 0;
    int64_t id;
    int fd = -1;

    TRY(call_experiment(c, &id, e));
    TRY(make_file(c, path, sizeof path, e));
    TRY(store_experiment_export(c->reader, id, path, e));
    TRY(open_and_unlink(path, &fd, &length, e));
    (void)snprintf(disposition, sizeof disposition,
                   "attachment; filename=\"experiment-%" PRId64 ".db\"", id);
    (void)http_respond_header(c->r, "Content-Disposition", disposition);
    http_respond_file(c->r, "application/vnd.sqlite3", fd, length);
    return ERR_OK;
}
