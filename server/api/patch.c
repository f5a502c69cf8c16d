/*
 * PATCH of an experiment: its labels, which also stand in its definition, so that a clone and the
 * next start of the daemon have them.
 */
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/jobs/writer.h"
#include "server/schema/change.h"

struct patch {
    struct arena *arena;
    int64_t id;
    const char *name, *notes;
    struct field_texts tags;
    int64_t priority;
    bool has_tags, has_priority;
    const char *tags_json;
};

static const struct field FIELDS[] = {
    {.key = "name",
     .type = FIELD_TEXT,
     .offset = offsetof(struct patch, name),
     .min = 1,
     .max = 200,
     .summary = "need not be unique"},
    {.key = "notes",
     .type = FIELD_TEXT,
     .offset = offsetof(struct patch, notes),
     .max = 20000,
     .summary = "free text"},
    {.key = "tags",
     .type = FIELD_TEXTS,
     .offset = offsetof(struct patch, tags),
     .present_offset = offsetof(struct patch, has_tags),
     .max = 64,
     .summary = "words to find it by"},
    {.key = "priority",
     .type = FIELD_INT,
     .offset = offsetof(struct patch, priority),
     .present_offset = offsetof(struct patch, has_priority),
     .min = -10,
     .max = 10,
     .summary = "higher goes first"},
    {.key = NULL},
};

const struct schema experiment_labels_schema = {
    .name = "Labels",
    .fields = FIELDS,
    .is_request = true,
    .summary = "What may be changed of an experiment; what is left out stays."};

static enum err write_tags(struct patch *p, struct error *e)
{
    p->tags_json = encode_texts(&p->tags, p->arena);
    return p->tags_json ? ERR_OK : error_no_memory(e);
}

/* The writer's thread: nobody else changes the definition meanwhile. */
static enum err apply(struct store *s, void *ctx, struct error *e)
{
    const struct patch *p = ctx;
    const int64_t *priority = p->has_priority ? &p->priority : NULL;
    struct change_labels labels = {p->name, p->notes, p->tags_json, priority};
    struct experiment_patch changes = {p->name, p->notes, p->tags_json, priority, NULL};
    struct experiment_record before;

    TRY(store_experiment_get(store_writer(s), p->id, p->arena, &before, e));
    TRY(change_relabel(before.definition, &labels, p->arena, &changes.definition, e));
    return store_experiment_update(s, p->id, &changes, e);
}

enum err experiment_patch(struct call *c, struct error *e)
{
    struct patch p = {.arena = c->q->arena};

    TRY(field_decode(c->q->body, c->q->body_length, FIELDS, &p, p.arena, &c->faults, e));
    if (p.has_tags)
        TRY(write_tags(&p, e));
    TRY(call_experiment(c, &p.id, e));
    call_release(c);
    TRY(writer_call(jobs_writer(c->api->jobs), apply, &p, e));
    if (p.has_priority)
        TRY(jobs_prioritize(c->api->jobs, p.id, p.priority, e));
    return call_experiment_answer(c, 200, p.id, e);
}
