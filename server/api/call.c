#include "server/api/call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/split.h"
#include "server/api/routes.h"
#include "server/jobs/facts.h"
#include "server/schema/definition.h"
#include "server/schema/query.h"
#include "server/store/store_dataset.h"
#include "server/store/store_experiment.h"

enum err call_reader(struct call *c, struct error *e)
{
    return c->reader ? ERR_OK : store_reader_acquire(c->api->store, &c->reader, e);
}

void call_release(struct call *c)
{
    if (c->reader)
        store_reader_release(c->api->store, c->reader);
    c->reader = NULL;
}

struct intake call_intake(struct call *c)
{
    return (struct intake){c->api->config, c->api->store, c->api->jobs, c->q->arena, &c->faults};
}

enum err call_json(struct call *c, unsigned status, struct buf *out, struct error *e)
{
    enum err failed = buf_check(out, e);

    if (failed == ERR_OK)
        http_respond(c->r, status, "application/json", out->data, out->length);
    buf_finish(out);
    return failed;
}

const char *call_segment(const struct call *c, size_t n)
{
    return c->q->segments[route_variable(c->q->route, n)];
}

enum err call_number(const char *text, const char *what, int64_t *out, struct error *e)
{
    char *end;
    long long x = strtoll(text, &end, 10);

    if (*text < '1' || *text > '9' || *end || end - text > 18)
        return error_set(e, ERR_NOT_FOUND, "%s \"%.80s\" does not exist", what, text);
    *out = x;
    return ERR_OK;
}

enum err call_experiment(struct call *c, int64_t *id, struct error *e)
{
    const char *text = call_segment(c, 0);

    TRY(call_reader(c, e));
    if (strcmp(text, "latest") == 0)
        return store_experiment_latest(c->reader, id, e);
    return call_number(text, "experiment", id, e);
}

enum err call_dataset(struct call *c, const char *name, struct dataset_record *out, struct error *e)
{
    TRY(call_reader(c, e));
    return store_dataset_named(c->reader, name, c->q->arena, out, e);
}

enum err call_facts(struct call *c, const struct experiment_record *x, const struct table **table,
                    struct definition_facts *out, struct error *e)
{
    if (x->dataset_id == 0) {
        *out = definition_no_data;
        return ERR_OK;
    }
    TRY(jobs_take_table(c->api->jobs, x->dataset_id, table, e));
    return facts_of(*table, x->dataset_id, x->dataset_name, c->q->arena, out, e);
}

static enum err read_definition(struct call *c, const struct experiment_record *x,
                                const struct table **table, struct definition **out,
                                struct error *e)
{
    struct definition_facts facts;

    TRY(call_facts(c, x, table, &facts, e));
    return definition_decode(x->definition, strlen(x->definition), &facts, c->q->arena, &c->faults,
                             out, e);
}

enum err call_space(struct call *c, const struct experiment_record *x, const struct table **table,
                    struct space **out, struct error *e)
{
    struct definition *definition;

    TRY(read_definition(c, x, table, &definition, e));
    return definition_space(definition, out, e);
}

enum err call_folds(struct call *c, const struct experiment_record *x, const struct table **table,
                    struct split **out, struct error *e)
{
    struct definition *definition;

    if (x->dataset_id == 0)
        return error_set(e, ERR_CONFLICT,
                         "experiment %" PRId64
                         " has an objective in place of a data set: it has no "
                         "folds",
                         x->id);
    TRY(read_definition(c, x, table, &definition, e));
    return split_create(*table, &definition->split, out, e);
}

void call_check_query(struct call *c, const char *const *known)
{
    for (size_t i = 0; i < c->q->n_query; i++)
        query_known(&c->faults, c->q->query[i].name, known);
}

struct call_page call_page(struct call *c)
{
    struct call_page page = {.limit = QUERY_LIMIT_DEFAULT};

    query_i64(&c->faults, "limit", http_query(c->q, "limit"), 1, QUERY_LIMIT_MAX, &page.limit);
    query_i64(&c->faults, "cursor", http_query(c->q, "cursor"), 0, INT64_MAX, &page.cursor);
    return page;
}

static void append_escaped(struct buf *out, const char *s)
{
    for (; *s; s++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,", *s))
            buf_putc(out, *s);
        else
            buf_printf(out, "%%%02X", (unsigned char)*s);
}

void call_page_end(struct call *c, struct json *j, int64_t limit, int64_t total, int64_t next)
{
    struct buf url = {0};

    json_i64(j, "total", total);
    if (next < 0) {
        json_null(j, "next");
        return;
    }
    buf_printf(&url, "%s?limit=%" PRId64 "&cursor=%" PRId64, c->q->path, limit, next);
    for (size_t i = 0; i < c->q->n_query; i++) {
        const struct http_pair *p = &c->q->query[i];

        if (strcmp(p->name, "limit") == 0 || strcmp(p->name, "cursor") == 0)
            continue;
        buf_putc(&url, '&');
        append_escaped(&url, p->name);
        buf_putc(&url, '=');
        append_escaped(&url, p->value);
    }
    json_string(j, "next", buf_text(&url));
    buf_finish(&url);
}
