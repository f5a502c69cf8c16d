/*
 * A definition comes in over HTTP: to be validated, stored and begun, or as a patch of an old one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/intake/draft.h"
#include "server/schema/change.h"

static const char *body_of(const struct call *c)
{
    return c->q->body ? c->q->body : "";
}

enum err experiment_validate(struct call *c, struct error *e)
{
    struct intake in = call_intake(c);
    CLEANUP(draft_finish) struct draft d = {.in = &in, .body = body_of(c),
                                            .body_length = c->q->body_length};
    struct buf out = {0};
    struct json j;

    TRY(draft_make(&d, e));
    json_init(&j, &out);
    json_object(&j, NULL);
    definition_write(d.definition, &j, "definition");
    plan_write(&d.plan, &j, "plan");
    json_end(&j);
    return call_json(c, 200, &out, e);
}

static enum err answer(struct call *c, const struct draft *d, struct error *e)
{
    struct experiment_view view;
    struct buf out = {0};
    struct json j;
    char url[64];

    TRY(call_reader(c, e));
    TRY(encode_experiment_read(c->reader, d->id, c->q->arena, &view, e));
    view.plan = &d->plan;
    (void)snprintf(url, sizeof url, "/api/v1/experiments/%" PRId64, d->id);
    http_respond_location(c->r, url);
    json_init(&j, &out);
    encode_experiment(&j, NULL, &view);
    return call_json(c, 201, &out, e);
}

static enum err submit(struct call *c, const char *body, size_t length, struct error *e)
{
    struct intake in = call_intake(c);
    CLEANUP(draft_finish) struct draft d = {.in = &in, .body = body, .body_length = length};

    TRY(draft_make(&d, e));
    TRY(draft_submit(&d, e));
    return answer(c, &d, e);
}

enum err experiment_submit(struct call *c, struct error *e)
{
    return submit(c, body_of(c), c->q->body_length, e);
}

/* A new experiment from an old one's definition and a merge patch. */
enum err experiment_clone(struct call *c, struct error *e)
{
    const char *body;
    struct experiment_record x;
    int64_t id;

    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &x, e));
    call_release(c);
    TRY(change_patch(&(struct change_source){x.definition, id, x.dataset_name}, body_of(c),
                     c->q->body_length, c->q->arena, &body, e));
    return submit(c, body, strlen(body), e);
}
