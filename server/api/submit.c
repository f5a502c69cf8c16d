/*
 * A definition comes in over HTTP: to be validated, stored and begun, or as a patch of an old one.
 */
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/once.h"
#include "server/intake/draft.h"
#include "server/schema/change.h"

/* A definition that is answered. */
struct submission {
    struct call *call;
    struct intake in;
    struct draft draft;
    struct buf answer; /* once it is stored, and where it is: */
    char url[CALL_URL_BYTES];
};

static void submission_init(struct submission *s, struct call *c)
{
    const char *body = c->q->body ? c->q->body : "";

    *s = (struct submission){.call = c, .in = call_intake(c)};
    s->draft = (struct draft){.in = &s->in, .body = body, .body_length = c->q->body_length};
}

static void submission_finish(struct submission *s)
{
    draft_finish(&s->draft);
    buf_finish(&s->answer);
}

static void write_draft(const void *in, struct json *j, const char *key)
{
    definition_write(((const struct draft *)in)->definition, j, key);
}

static void write_plan(const void *in, struct json *j, const char *key)
{
    plan_write(&((const struct draft *)in)->plan, j, key);
}

static const struct field validated_fields[] = {
    {.key = "definition",
     .type = FIELD_OTHER,
     .ref = "Definition",
     .write = write_draft,
     .summary = "made complete: every default spelled out"},
    {.key = "plan", .type = FIELD_OTHER, .ref = "Plan", .write = write_plan},
    {.key = NULL},
};
const struct schema experiment_validated_schema = {
    .name = "Validated", .fields = validated_fields, .summary = "What a definition comes to."};

enum err experiment_validate(struct call *c, struct error *e)
{
    CLEANUP(submission_finish) struct submission s;

    submission_init(&s, c);
    TRY(draft_make(&s.draft, e));
    return call_object(c, 200, validated_fields, &s.draft, e);
}

/* The answer is part of the transaction: it tells of the experiment as it was stored. */
static enum err keep(struct store *store, void *ctx, struct error *e)
{
    struct submission *s = ctx;
    struct experiment_view view;
    struct json j;

    TRY(encode_experiment_read(store_writer(store), s->draft.id, s->call->q->arena, &view, e));
    view.plan = &s->draft.plan;
    buf_clear(&s->answer);
    json_init(&j, &s->answer);
    encode_experiment(&j, NULL, &view);
    call_url(s->url, "experiments", s->draft.id);
    return once_keep(s->call, store, 201, s->url, &s->answer, e);
}

static enum err submit(struct submission *s, struct error *e)
{
    s->in.stored = keep;
    s->in.ctx = s;
    TRY(draft_make(&s->draft, e));
    TRY(draft_submit(&s->draft, e));
    http_respond_location(s->call->r, s->url);
    return call_json(s->call, 201, &s->answer, e);
}

enum err experiment_submit(struct call *c, struct error *e)
{
    CLEANUP(submission_finish) struct submission s;

    submission_init(&s, c);
    return submit(&s, e);
}

static void document_patch(struct json *j)
{
    json_string(j, "type", "object");
}

const struct schema experiment_patch_schema = {
    .name = "Patch",
    .document = document_patch,
    .is_request = true,
    .summary = "A merge patch (RFC 7396) to a definition: what it names takes the place of what was "
               "there, null takes it away."};

/* A new experiment from an old one's definition and a merge patch. */
enum err experiment_clone(struct call *c, struct error *e)
{
    CLEANUP(submission_finish) struct submission s;
    struct experiment_record x;
    struct draft *d = &s.draft;
    int64_t id;

    submission_init(&s, c);
    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &x, e));
    call_release(c);
    TRY(change_patch(&(struct change_source){x.definition, id, x.dataset_name}, d->body,
                     d->body_length, c->q->arena, &c->faults, &d->body, e));
    d->body_length = strlen(d->body);
    return submit(&s, e);
}
