#include "server/commands/parts.h"

#include <stdlib.h>

#include "server/log.h"

static enum err open_store(struct parts *p, const char *path, struct error *e)
{
    struct store_opening opening;

    TRY(store_open(path, NULL, &p->store, &opening, e));
    if (opening.was_checked)
        log_write(LOG_INFO, "%s was not closed cleanly; it was checked and is sound", path);
    if (opening.backup_path[0])
        log_write(LOG_INFO, "schema %d was migrated to %d; a copy is in %s", opening.schema_before,
                  opening.schema_after, opening.backup_path);
    return ERR_OK;
}

enum err parts_open(struct parts *p, const struct config *c, struct error *e)
{
    TRY(kernel_choose(getenv("SWEEPD_KERNEL"), &p->kernel, e));
    return open_store(p, c->db, e);
}

enum err parts_start(struct parts *p, const struct config *c, void (*changed)(void *ctx), void *ctx,
                     struct error *e)
{
    struct jobs_options options = {
        .n_threads = c->threads,
        .memory_bytes = c->memory_bytes,
        .max_db_bytes = c->max_db_bytes,
        .min_free_bytes = c->min_free_bytes,
        .kernel = p->kernel,
        .alone = p->alone,
        .changed = changed,
        .ctx = ctx,
    };

    return jobs_start(p->store, &options, &p->jobs, e);
}

void parts_stop(struct parts *p)
{
    jobs_stop(p->jobs);
    p->jobs = NULL;
}

void parts_close(struct parts *p)
{
    store_close(p->store);
    p->store = NULL;
}

void parts_log(const struct error *e)
{
    const struct log_field detail = {"detail", e->detail, 0};

    log_fields(LOG_ERROR, e->message, e->detail[0] ? 1 : 0, &detail);
}
