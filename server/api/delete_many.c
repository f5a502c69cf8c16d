/*
 * DELETE of experiments by when they ended, for whoever looks after the disk. Each goes in a
 * transaction of its own, so that results of those that run are stored in between, and what a crash
 * leaves is deleted when the same is asked again.
 */
#include <string.h>

#include "server/api/encode.h"
#include "server/api/experiment_filter.h"
#include "server/api/handlers.h"
#include "server/jobs/writer.h"

struct deletion_form {
    struct experiment_filter filter;
    bool dry_run;
    struct call_page page;
};

/* clang-format off */
const struct field experiment_delete_many_query[] = {
    EXPERIMENT_FINISHED_BEFORE(deletion_form, filter, .required = true),
    EXPERIMENT_FILTERS(deletion_form, filter),
    FIELD("dry_run", BOOL, deletion_form, dry_run, .summary = "only tell what would go"),
    CALL_LIMIT(deletion_form, page, "1000"),
    {.key = NULL},
};
/* clang-format on */

struct deletion {
    struct call *call;
    struct deletion_form form;
    struct experiment_view *found, *gone; /* what may go; what went, or would go */
    size_t n_found, n;
    int64_t n_total, bytes; /* that the filters fit; of those gone */
    size_t at;                /* of found: the next */
    struct call_reply *reply; /* is stored with the last of them, or alone where there is none */
};

/* ---- the answer -------------------------------------------------------------------------- */

/* clang-format off */
static const struct field gone_fields[] = {
    FIELD("id", INT, experiment_view, record.id),
    FIELD("name", TEXT, experiment_view, record.name),
    FIELD("owner", TEXT, experiment_view, record.owner, .nullable = true, .summary = "whose it was"),
    FIELD("state", TEXT, experiment_view, record.state, .choices = encode_experiment_states),
    FIELD("finished_at", TIME, experiment_view, record.finished_at_ms),
    FIELD("bytes", INT, experiment_view, progress.bytes, .summary = "that it took, roughly"),
    {.key = NULL},
};
/* clang-format on */

static void write_gone(const void *in, struct json *j, const char *key)
{
    const struct deletion *d = in;

    json_array(j, key);
    for (size_t i = 0; i < d->n; i++) {
        json_object(j, NULL);
        field_encode(gone_fields, &d->gone[i], j);
        json_end(j);
    }
    json_end(j);
}

static void write_total(const void *in, struct json *j, const char *key)
{
    const struct deletion *d = in;

    json_i64(j, key, (int64_t)d->n);
}

static void write_left(const void *in, struct json *j, const char *key)
{
    const struct deletion *d = in;

    json_i64(j, key, d->n_total - (int64_t)d->n);
}

/* clang-format off */
static const struct field answer_fields[] = {
    FIELD("dry_run", BOOL, deletion, form.dry_run, .summary = "nothing was deleted"),
    {.key = "experiments", .type = FIELD_OTHER, .fields = gone_fields, .shape = FIELD_LIST,
     .write = write_gone, .summary = "that are gone, or would be"},
    {.key = "total", .type = FIELD_OTHER, .document = field_document_integer, .write = write_total,
     .summary = "how many they are"},
    FIELD("bytes", INT, deletion, bytes, .summary = "that they took, roughly"),
    {.key = "left", .type = FIELD_OTHER, .document = field_document_integer, .write = write_left,
     .summary = "how many fit as well: beyond the limit, or being unsealed"},
    {.key = NULL},
};
/* clang-format on */

const struct schema experiment_deleted_schema = {.name = "Deleted",
                                                 .fields = answer_fields,
                                                 .summary = "Experiments that were deleted."};

/* ---- one after the other ----------------------------------------------------------------- */

static void take(struct deletion *d, const struct experiment_view *x)
{
    d->gone[d->n++] = *x;
    d->bytes += x->progress.bytes;
}

/* Passes over one where somebody was faster: it is gone, goes on, or is being unsealed. */
static enum err delete_next(struct deletion *d, struct store *s, struct error *e)
{
    const struct experiment_view *next = &d->found[d->at];
    struct experiment_record now;
    int64_t id = next->record.id, before = d->form.filter.query.finished_before_ms;
    enum err failed = store_experiment_get(store_writer(s), id, d->call->q->arena, &now, e);

    if (failed == ERR_OK && now.finished_at_ms < before) /* one that goes on is refused below */
        failed = store_experiment_delete(s, id, e);
    else if (failed == ERR_OK)
        failed = ERR_CONFLICT;
    if (failed == ERR_OK)
        take(d, next);
    return failed == ERR_NOT_FOUND || failed == ERR_CONFLICT ? ERR_OK : failed;
}

/* The writer's thread. */
static enum err apply(struct store *s, void *ctx, struct error *e)
{
    struct deletion *d = ctx;

    if (d->at < d->n_found)
        TRY(delete_next(d, s, e));
    return d->at + 1 >= d->n_found ? call_reply_keep(s, d->reply, e) : ERR_OK;
}

static bool is_being_unsealed(const struct experiment_view *x)
{
    return x->is_unsealed && x->unsealed.finished_at_ms == 0;
}

static enum err delete_all(struct deletion *d, struct error *e)
{
    do
        TRY(writer_call(jobs_writer(d->call->api->jobs), apply, d, e));
    while (++d->at < d->n_found);
    return ERR_OK;
}

static enum err find(struct deletion *d, struct error *e)
{
    struct call *c = d->call;
    struct experiment_list list;

    TRY(call_reader(c, e));
    TRY(store_experiment_list(c->reader, &d->form.filter.query, c->q->arena, &list, e));
    d->n_total = list.total;
    d->found = arena_alloc(c->q->arena, list.n + 1, sizeof *d->found);
    d->gone = arena_alloc(c->q->arena, list.n + 1, sizeof *d->gone);
    if (!d->found || !d->gone)
        return error_no_memory(e);
    for (size_t i = 0; i < list.n; i++) {
        struct experiment_view *x = &d->found[d->n_found];
        enum err failed =
            encode_experiment_read(c->reader, list.items[i].id, c->q->arena, x, e);

        if (failed == ERR_NOT_FOUND) /* deleted since the list was read */
            continue;
        TRY(failed);
        d->n_found += !is_being_unsealed(x);
    }
    call_release(c);
    return ERR_OK;
}

/* ---- whose, and which -------------------------------------------------------------------- */

/* With scope submit one deletes only what is one's own, as everywhere. */
static enum err keep_to_own(struct call *c, struct experiment_query *query, struct error *e)
{
    const char *label = c->user->label;

    if (c->user->scope >= SCOPE_ADMIN)
        return ERR_OK;
    if (query->owner && strcmp(query->owner, label) != 0)
        return error_set(e, ERR_FORBIDDEN,
                         "owner \"%.80s\": \"%s\", with scope submit, deletes only its own",
                         query->owner, label);
    query->owner = label;
    return ERR_OK;
}

static enum err read_form(struct call *c, struct deletion_form *f, struct error *e)
{
    struct experiment_query *query = &f->filter.query;

    TRY(experiment_filter_read(c, f, &f->filter, e));
    if (!query->has_ended_before) {
        faults_add(&c->faults, "finished_before", NULL,
                   "finished_before is required: the time or day before which those to be deleted "
                   "have ended");
        return error_set(e, ERR_SYNTAX, "finished_before is required");
    }
    query->sort = "finished_at";
    query->limit = f->page.limit;
    return keep_to_own(c, query, e);
}

enum err experiment_delete_many(struct call *c, struct error *e)
{
    struct deletion d = {.call = c, .form.page.limit = QUERY_LIMIT_MAX};
    CLEANUP(call_reply_end)
    struct call_reply reply = {.call = c, .status = 200, .fields = answer_fields, .in = &d};

    d.reply = &reply;
    TRY(read_form(c, &d.form, e));
    TRY(find(&d, e));
    for (size_t i = 0; d.form.dry_run && i < d.n_found; i++)
        take(&d, &d.found[i]);
    if (!d.form.dry_run)
        TRY(delete_all(&d, e));
    return call_reply_send(&reply, e);
}
