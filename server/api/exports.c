/*
 * What other programs take away: an experiment as an SQLite file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/store/store_export.h"

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
    call_etag(c);
    http_respond_file(c->r, "application/vnd.sqlite3", fd, length);
    return ERR_OK;
}
