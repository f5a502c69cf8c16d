#include "server/api/call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/split.h"
#include "server/api/kept.h"
#include "server/api/once.h"
#include "server/api/routes.h"
#include "server/jobs/facts.h"
#include "server/schema/definition.h"
#include "server/store/store_dataset.h"
#include "server/store/store_experiment.h"

enum { PARAMETERS_MAX = 32 }; /* of a route */

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

const char *call_owner(const struct call *c)
{
    return c->user->label[0] ? c->user->label : NULL;
}

struct intake call_intake(struct call *c)
{
    return (struct intake){.config = c->api->config,
                           .store = c->api->store,
                           .jobs = c->api->jobs,
                           .arena = c->q->arena,
                           .faults = &c->faults,
                           .owner = call_owner(c),
                           .has_quota = c->user->scope < SCOPE_ADMIN};
}

/* A stream of somebody, who may be shut out while it goes on. */
struct private_stream {
    struct http_stream stream;
    struct keyring *keyring;
    struct user user;
};

static enum http_stream_state next_private(void *ctx, struct buf *out)
{
    struct private_stream *p = ctx;

    if (!keyring_holds(p->keyring, &p->user))
        return HTTP_STREAM_END;
    return p->stream.next(p->stream.ctx, out);
}

static void destroy_private(void *ctx)
{
    struct private_stream *p = ctx;

    p->stream.destroy(p->stream.ctx);
    free(p);
}

enum err call_stream(struct call *c, const char *type, struct http_stream stream, struct error *e)
{
    struct private_stream *p = malloc(sizeof *p);

    if (!p) {
        stream.destroy(stream.ctx);
        return error_no_memory(e);
    }
    *p = (struct private_stream){stream, c->api->keyring, *c->user};
    http_respond_stream(c->r, type,
                        (struct http_stream){p, next_private, destroy_private, stream.pause_ms});
    return ERR_OK;
}

void call_etag(struct call *c)
{
    char etag[HTTP_ETAG_BYTES];

    (void)snprintf(etag, sizeof etag, "\"%" PRIx64 "\"", c->changes);
    (void)http_respond_header(c->r, "ETag", etag); /* only a saving */
}

enum err call_json(struct call *c, unsigned status, struct buf *out, struct error *e)
{
    enum err failed = buf_check(out, e);

    if (failed == ERR_OK)
        failed = once_keep_late(c, status, out, e);
    if (failed == ERR_OK && status == 200)
        kept_put(c, out->data, out->length);
    if (failed == ERR_OK)
        http_respond(c->r, status, "application/json", out->data, out->length);
    buf_finish(out);
    return failed;
}

static void encode_reply(struct call_reply *r)
{
    struct json j;

    buf_clear(&r->out);
    json_init(&j, &r->out);
    json_object(&j, NULL);
    field_encode(r->fields, r->in, &j);
    json_end(&j);
}

enum err call_reply_keep(struct store *s, void *reply, struct error *e)
{
    struct call_reply *r = reply;

    encode_reply(r);
    return once_keep(r->call, s, r->status, NULL, &r->out, e);
}

enum err call_reply_send(struct call_reply *r, struct error *e)
{
    if (r->out.length == 0)
        encode_reply(r);
    return call_json(r->call, r->status, &r->out, e);
}

void call_reply_end(struct call_reply *r)
{
    buf_finish(&r->out);
}

enum err call_object(struct call *c, unsigned status, const struct field *fields, const void *in,
                     struct error *e)
{
    struct call_reply r = {.call = c, .status = status, .fields = fields, .in = in};

    return call_reply_send(&r, e);
}

void call_url(char out[CALL_URL_BYTES], const char *list, int64_t id)
{
    (void)snprintf(out, CALL_URL_BYTES, "/api/v1/%s/%" PRId64, list, id);
}

const char *call_segment(const struct call *c, size_t n)
{
    return n == 0 && c->subject ? c->subject : c->q->segments[route_variable(c->q->route, n)];
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

/* ---- parameters ---------------------------------------------------------------------------- */

void call_check_known(struct call *c, const struct http_pair *pairs, size_t n)
{
    const struct route *route = c->q->route;
    const char *known[PARAMETERS_MAX + 1] = {NULL};
    size_t n_known = 0;

    for (const struct field *f = route->query; f && f->key; f++) {
        assert(n_known < PARAMETERS_MAX);
        known[n_known++] = f->key;
    }
    for (size_t i = 0; i < n; i++) {
        query_known(&c->faults, pairs[i].name, known);
        for (size_t k = 0; k < i; k++)
            if (strcmp(pairs[k].name, pairs[i].name) == 0)
                faults_add(&c->faults, pairs[i].name, NULL, "%.80s is given twice", pairs[i].name);
    }
}

enum err call_query(struct call *c, void *out, struct error *e)
{
    const struct route *route = c->q->route;

    for (const struct field *f = route->query; f->key; f++)
        query_field(&c->faults, f, http_query(c->q, f->key), out);
    return faults_check(&c->faults, e);
}

/* ---- pages --------------------------------------------------------------------------------- */

static void append_escaped(struct buf *out, const char *s)
{
    for (; *s; s++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,", *s))
            buf_putc(out, *s);
        else
            buf_printf(out, "%%%02X", (unsigned char)*s);
}

void call_page_end(struct call *c, struct json *j, int64_t limit, int64_t total, const char *cursor)
{
    struct buf url = {0};

    json_i64(j, "total", total);
    if (!cursor) {
        json_null(j, "next");
        return;
    }
    buf_printf(&url, "%s?limit=%" PRId64 "&cursor=", c->q->path, limit);
    append_escaped(&url, cursor);
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

void call_page_end_at(struct call *c, struct json *j, int64_t limit, int64_t total, int64_t next)
{
    char cursor[24];

    (void)snprintf(cursor, sizeof cursor, "%" PRId64, next);
    call_page_end(c, j, limit, total, next < 0 ? NULL : cursor);
}

void call_page_end_behind(struct call *c, struct json *j, int64_t limit, int64_t total,
                          const struct bookmark *next)
{
    CLEANUP(buf_finish) struct buf cursor = {0};

    if (next->id != 0)
        cursor_write(next, &cursor);
    j->out->failed = j->out->failed || cursor.failed;
    call_page_end(c, j, limit, total, next->id == 0 ? NULL : buf_text(&cursor));
}
