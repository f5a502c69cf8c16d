/*
 * A definition whose trials are trained elsewhere: a name for what they tell stands in place of
 * data set and metric, and what is about data or our own trainings has no part in it.
 */
#include <inttypes.h>
#include <string.h>

#include "server/schema/decode.h"
#include "server/schema/object.h"

enum { FOLDS_MAX = 10000, LEASE_SECONDS = 600, ETA_MAX = 1000 };
enum { REPORTS_MAX = 16 }; /* of the list of names of its pruners, which ends in NULL */

#define STEP_MAX 1e15 /* as a report's */

const char *const decode_not_of_studies[] = {
    "dataset", "metric", "cross_validation", "sealed", "select", "concurrency", "precision", NULL,
};
static const char *const directions[] = {"minimize", "maximize", NULL};

struct objective_form {
    const char *name, *direction;
    int64_t folds, steps;
    double lease_seconds;
};

const struct field definition_objective_fields[] = {
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
    {.key = "steps",
     .type = FIELD_INT,
     .offset = offsetof(struct objective_form, steps),
     .min = 1,
     .max = STEP_MAX,
     .summary = "the step that is a trial's end"},
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

/* ---- pruner ------------------------------------------------------------------------------ */

#define KIND                                                                                       \
    {                                                                                              \
        .key = "kind", .type = FIELD_OTHER, .document = field_document_text                        \
    }
#define SETTING(name) offsetof(struct definition_objective, pruner_settings.name)
#define MIN_STEP                                                                                   \
    {                                                                                              \
        .key = "min_step", .type = FIELD_INT, .offset = SETTING(min_step), .min = 1,               \
        .max = STEP_MAX, .default_json = "1",                                                      \
        .summary = "the first step at which a trial may be stopped"                                \
    }

static const struct field plain_fields[] = {KIND, {.key = NULL}};

static const struct field alpha_fields[] = {
    KIND,
    {.key = "alpha",
     .type = FIELD_REAL,
     .offset = SETTING(alpha),
     .min = 0,
     .max = 1,
     .default_json = "0.1",
     .summary = "a trial below this chance, or p, is stopped"},
    {.key = NULL},
};

static const struct field startup_fields[] = {
    KIND,
    {.key = "startup_trials",
     .type = FIELD_INT,
     .offset = SETTING(startup_trials),
     .min = 1,
     .max = DEFINITION_TRIALS_MAX,
     .default_json = "5",
     .summary = "completed trials that it takes to judge"},
    MIN_STEP,
    {.key = NULL},
};

static const struct field eta_fields[] = {
    KIND,
    {.key = "eta",
     .type = FIELD_INT,
     .offset = SETTING(eta),
     .min = 2,
     .max = ETA_MAX,
     .default_json = "3",
     .summary = "one of so many goes on, and rungs are so many times apart"},
    MIN_STEP,
    {.key = NULL},
};

static const char *const alpha_absent[] = {"revisit", NULL};

const struct field *definition_reports_fields(const struct reports_kind *k)
{
    return k->has_startup                  ? startup_fields
           : k->has_eta                    ? eta_fields
           : k->race && k->race->has_alpha ? alpha_fields
                                           : plain_fields;
}

static void pruner_names(const char *names[REPORTS_MAX])
{
    names[0] = "none";
    for (size_t i = 0; reports_kinds[i]; i++)
        names[i + 1] = reports_kinds[i]->name;
}

void decode_document_reports(struct json *j)
{
    const char *names[REPORTS_MAX] = {NULL};

    pruner_names(names);
    json_array(j, "anyOf");
    decode_document_names(names, j);
    for (const char **name = names; *name; name++) {
        const struct reports_kind *k = reports_find(*name);
        const char *const one[] = {*name, NULL};

        decode_document_kind(one, k ? definition_reports_fields(k) : plain_fields, j);
    }
    json_end(j);
}

/* What the objective has to say, and what not, for a pruner over folds or steps. */
static void check_pruner(const struct decoding *c, const struct definition_objective *o)
{
    const struct reports_kind *k = o->pruner;
    int64_t first = o->pruner_settings.min_step;

    if (k->race && o->folds < 2)
        faults_add(c->faults, "/objective/folds", NULL,
                   "pruner \"%s\" compares folds: give objective.folds, 2 or more", k->name);
    if (k->race && o->steps > 0)
        faults_add(c->faults, "/objective/steps", NULL,
                   "pruner \"%s\" compares folds: steps have no part in it", k->name);
    if (!k->race && o->folds > 0)
        faults_add(c->faults, "/objective/folds", NULL,
                   "pruner \"%s\" compares steps: folds have no part in it", k->name);
    if (!k->race && k->needs_last_step && o->steps == 0)
        faults_add(c->faults, "/objective/steps", NULL,
                   "pruner \"%s\" needs objective.steps, the step that is a trial's end", k->name);
    if (!k->race && o->steps > 0 && first > o->steps)
        faults_add(c->faults, "/pruner/min_step", NULL,
                   "min_step %" PRId64 " is above objective.steps, %" PRId64, first, o->steps);
}

static void decode_pruner(const struct decoding *c, struct definition_objective *o)
{
    const cJSON *item = decode_member(&c->root, "pruner");
    const char *names[REPORTS_MAX] = {NULL}, *name;
    const struct field *fields = plain_fields;
    struct reader r, word;

    if (!item)
        return;
    pruner_names(names);
    r = reader_child(&c->root, item, 0);
    if (!decode_kind(&r, &word)) {
        reader_fault(&r, "pruner: \"kind\" is missing");
        return;
    }
    if (!reader_word(&word, names, NULL, &name))
        return;
    o->pruner = reports_find(name);
    if (o->pruner)
        fields = definition_reports_fields(o->pruner);
    if (cJSON_IsObject(item))
        field_decode_object(&r, fields, fields == alpha_fields ? alpha_absent : NULL, o);
    if (o->pruner)
        check_pruner(c, o);
}

/* ---- the whole --------------------------------------------------------------------------- */

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
        field_decode_object(&r, definition_objective_fields, NULL, &f);
    *o = (struct definition_objective){
        .name = f.name ? f.name : "",
        .maximize = strcmp(f.direction, "maximize") == 0,
        .folds = f.folds,
        .steps = f.steps,
        .lease_seconds = f.lease_seconds,
        .pruner_settings = {.last_step = f.folds > 0 ? f.folds : f.steps,
                            .alpha = 0.1,
                            .startup_trials = 5,
                            .eta = 3,
                            .min_step = 1},
    };
    decode_pruner(c, o);
    *m = (struct metric){.name = o->name, .maximize = o->maximize};
    c->d->objective = o;
    c->d->metric = m;
    c->d->dataset_name = NULL;
    return ERR_OK;
}
