/*
 * A definition whose trials are trained elsewhere: a name for what they tell stands in place of
 * data set and metric, and what is about data or our own trainings has no part in it.
 */
#include <string.h>

#include "server/schema/decode.h"
#include "server/schema/object.h"

enum { FOLDS_MAX = 10000, LEASE_SECONDS = 600 };

const char *const decode_not_of_studies[] = {
    "dataset", "metric", "cross_validation", "sealed", "select", "concurrency", "precision", NULL,
};
static const char *const directions[] = {"minimize", "maximize", NULL};

struct objective_form {
    const char *name, *direction;
    int64_t folds;
    double lease_seconds;
};

const struct field decode_objective_fields[] = {
    {.key = "name",
     .type = FIELD_TEXT,
     .offset = offsetof(struct objective_form, name),
     .min = 1,
     .max = 100,
     .required = true,
     .summary = "what a trial tells, as in val_loss"},
    {.key = "direction",
     .type = FIELD_TEXT,
     .offset = offsetof(struct objective_form, direction),
     .choices = directions,
     .required = true,
     .summary = "minimize or maximize"},
    {.key = "folds",
     .type = FIELD_INT,
     .offset = offsetof(struct objective_form, folds),
     .min = 1,
     .max = FOLDS_MAX,
     .summary = "that a trial reports one by one"},
    {.key = "lease_seconds",
     .type = FIELD_REAL,
     .offset = offsetof(struct objective_form, lease_seconds),
     .min = 0.1,
     .max = 1e7,
     .default_json = "600",
     .summary = "without a word from a trial, after which it is handed out again"},
    {.key = NULL},
};

static void refuse_trainings(const struct decoding *c)
{
    for (const char *const *key = decode_not_of_studies; *key; key++) {
        const cJSON *item = decode_member(&c->root, *key);
        struct reader r;

        if (!item)
            continue;
        r = reader_child(&c->root, item, 0);
        reader_fault(&r,
                     "%s: has no part in a search with an objective, whose trials are trained "
                     "elsewhere",
                     *key);
    }
}

enum err decode_objective(const struct decoding *c, struct error *e)
{
    struct definition_objective *o = arena_alloc(c->faults->arena, 1, sizeof *o);
    struct metric *m = arena_alloc(c->faults->arena, 1, sizeof *m);
    struct objective_form f = {.direction = "minimize", .lease_seconds = LEASE_SECONDS};
    struct reader r = reader_child(&c->root, decode_member(&c->root, "objective"), 0);

    if (!o || !m)
        return error_no_memory(e);
    refuse_trainings(c);
    if (decode_is_object(&r))
        field_decode_object(&r, decode_objective_fields, NULL, &f);
    *o = (struct definition_objective){
        .name = f.name ? f.name : "",
        .maximize = strcmp(f.direction, "maximize") == 0,
        .folds = f.folds,
        .lease_seconds = f.lease_seconds,
    };
    *m = (struct metric){.name = o->name, .maximize = o->maximize};
    c->d->objective = o;
    c->d->metric = m;
    c->d->dataset_name = NULL;
    return ERR_OK;
}
