#include "server/schema/definition.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/words.h"
#include "core/train/hyper.h"
#include "server/schema/decode.h"
#include "server/schema/dimensions.h"
#include "server/schema/object.h"
#include "server/schema/rules.h"

/* ---- what there is ------------------------------------------------------------------------- */

enum { DATASET_NAME_BYTES = 1000 };

static const char *const precisions[] = {"float32", NULL};
static const char *const precisions_absent[] = {"bf16", NULL};
static const char *const selects[] = {"best", NULL};
static const char *const selects_absent[] = {"one_standard_error", NULL};

/* ---- forms of their own, for documentation --------------------------------------------------- */

static void document_id(struct json *j)
{
    json_array(j, "anyOf");
    json_object_inline(j, NULL);
    json_string(j, "type", "integer");
    json_i64(j, "minimum", 1);
    json_i64(j, "maximum", READER_INT_MAX);
    json_end(j);
    json_object_inline(j, NULL);
    json_string(j, "type", "string");
    json_i64(j, "maxLength", DATASET_NAME_BYTES);
    json_end(j);
}

/* A name, an id, or an object with an id, as answers write it. */
static void document_dataset(struct json *j)
{
    document_id(j);
    json_object(j, NULL);
    json_string(j, "type", "object");
    json_object(j, "properties");
    json_object(j, "id");
    document_id(j);
    json_end(j);
    json_end(j);
    json_end(j);
    json_array_inline(j, "required");
    json_string(j, NULL, "id");
    json_end(j);
    json_end(j);
    json_end(j);
}

static void document_metric(struct json *j)
{
    json_string(j, "type", "string");
    json_array(j, "anyOf");
    json_object(j, NULL);
    json_array_inline(j, "enum");
    for (size_t i = 0; i < metric_count(); i++)
        json_string(j, NULL, metric_at(i)->name);
    json_end(j);
    json_end(j);
    json_object_inline(j, NULL);
    json_string(j, "pattern", "^[a-z0-9_]+:.+$");
    json_end(j);
    json_end(j);
}

/* clang-format off */
static const struct field definition_table[] = {
    {.key = "name", .type = FIELD_TEXT, .offset = offsetof(struct definition, name), .min = 1,
     .max = 200, .summary = "need not be unique; DATASET-ID if left out"},
    {.key = "dataset", .type = FIELD_OTHER, .document = document_dataset,
     .summary = "name or id of a data set"},
    {.key = "objective", .type = FIELD_OTHER, .fields = definition_objective_fields,
     .summary = "in place of dataset and metric: others train, by ask and tell"},
    {.key = "metric", .type = FIELD_OTHER, .document = document_metric,
     .summary = "decides; accuracy for classification (balanced_accuracy if the rarest class is "
                "below 10 %), r2 for regression; r2:NAME for one of several targets"},
    {.key = "space", .type = FIELD_OTHER, .document = dimensions_document,
     .summary = "what is searched: a value is fixed, a list a choice, {min, max} a range; the "
                "standard search if left out"},
    {.key = "sampler", .type = FIELD_OTHER, .document = decode_document_sampler,
     .default_json = "\"auto\"",
     .summary = "what is tried next; auto: grid if the space is finite and no larger than the "
                "budget, else tpe"},
    {.key = "pruner", .type = FIELD_OTHER, .document = decode_document_pruner,
     .default_json = "\"none\"", .summary = "ends single trials early"},
    {.key = "budget", .type = FIELD_OTHER, .fields = definition_budget_fields,
     .summary = "how much is tried"},
    {.key = "stop_when", .type = FIELD_OTHER, .fields = rules_stop_fields,
     .summary = "ends the experiment, judged in trial order"},
    {.key = "require", .type = FIELD_TEXTS, .offset = offsetof(struct definition, require),
     .max = RULES_REQUIRE_MAX, .default_json = "[]",
     .summary = "comparisons that every trial obeys: width_1 >= width_2, weights <= 5000"},
    {.key = "enqueue", .type = FIELD_OTHER, .document = rules_document_enqueue,
     .summary = "params to try first; fixed dimensions may be left out"},
    {.key = "select", .type = FIELD_TEXT, .offset = offsetof(struct definition, select),
     .choices = selects, .absent_choices = selects_absent, .default_json = "\"best\"",
     .summary = "which trial is recommended"},
    {.key = "sealed", .type = FIELD_OTHER, .document = decode_document_sealed,
     .summary = "rows set aside before the search; split: the data's own test rows"},
    {.key = "concurrency", .type = FIELD_INT, .offset = offsetof(struct definition, concurrency),
     .min = 1, .max = DEFINITION_CONCURRENCY_MAX, .default_json = "8",
     .summary = "how far a sampler or pruner that learns may run ahead of the results it has seen"},
    {.key = "seed", .type = FIELD_OTHER, .document = decode_document_seed, .default_json = "1",
     .summary = "of everything that is drawn; or one for each purpose"},
    {.key = "precision", .type = FIELD_TEXT, .offset = offsetof(struct definition, precision),
     .choices = precisions, .absent_choices = precisions_absent, .default_json = "\"float32\"",
     .summary = "of weights and activations"},
    {.key = "cross_validation", .type = FIELD_OTHER, .document = decode_document_split,
     .summary = "which rows judge; the kind goes by the data's columns if left out"},
    {.key = "tags", .type = FIELD_TEXTS, .offset = offsetof(struct definition, tags), .max = 64,
     .default_json = "[]", .summary = "words to find it by"},
    {.key = "notes", .type = FIELD_TEXT, .offset = offsetof(struct definition, notes),
     .max = 20000, .default_json = "\"\"", .summary = "free text"},
    {.key = "priority", .type = FIELD_INT, .offset = offsetof(struct definition, priority),
     .min = -10, .max = 10, .default_json = "0", .summary = "higher goes first"},
    {.key = "start", .type = FIELD_BOOL, .offset = offsetof(struct definition, start),
     .default_json = "true", .summary = "false: it waits, paused"},
    {.key = NULL},
};
/* clang-format on */

/* What stands under a key in a variant of the table. */
struct instead {
    const char *key; /* NULL ends a list */
    field_documenter *document;
};

/* The table without some of its keys, with others that must be there, or that hold another thing. */
static void document_variant(const char *const *without, const char *const *required,
                             const struct instead *instead, struct json *j)
{
    struct field fields[sizeof definition_table / sizeof *definition_table];
    struct field *to = fields;

    for (const struct field *f = definition_table; f->key; f++) {
        if (words_has(without, f->key))
            continue;
        *to = *f;
        to->required = words_has(required, f->key);
        for (const struct instead *x = instead; x->key; x++)
            if (strcmp(f->key, x->key) == 0)
                to->document = x->document;
        to++;
    }
    *to = (struct field){.key = NULL};
    field_document_members(fields, FIELD_REQUEST, j);
}

static void document_search(struct json *j)
{
    static const char *const without[] = {"objective", NULL};
    static const char *const required[] = {"dataset", NULL};
    static const struct instead nothing[] = {{NULL, NULL}};

    document_variant(without, required, nothing, j);
}

static void document_study(struct json *j)
{
    static const char *const required[] = {"objective", "space", NULL};

    static const struct instead instead[] = {{"space", dimensions_document_study},
                                             {"pruner", decode_document_reports},
                                             {NULL, NULL}};

    document_variant(decode_not_of_studies, required, instead, j);
}

const struct schema definition_search_schema = {
    .name = "Search",
    .document = document_search,
    .is_request = true,
    .summary = "The definition of an experiment whose trials are trained here.",
};

const struct schema definition_study_schema = {
    .name = "Study",
    .document = document_study,
    .is_request = true,
    .summary = "The definition of an experiment whose trials others train (ask and tell).",
};

static void document_either(struct json *j)
{
    json_array(j, "anyOf");
    field_document_ref(definition_search_schema.name, j, NULL);
    field_document_ref(definition_study_schema.name, j, NULL);
    json_end(j);
}

const struct schema definition_schema = {
    .name = "Definition",
    .document = document_either,
    .is_request = true,
    .summary = "What an experiment is to find out, and how.",
};

/* ---- small helpers ------------------------------------------------------------------------- */

const cJSON *decode_member(const struct reader *r, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->item, key);

    return item && !cJSON_IsNull(item) ? item : NULL;
}

bool decode_kind(const struct reader *r, struct reader *kind)
{
    const cJSON *item;

    *kind = *r;
    if (!cJSON_IsObject(r->item))
        return true;
    item = decode_member(r, "kind");
    if (!item)
        return false;
    *kind = reader_child(r, item, 0);
    kind->name = r->name;
    return true;
}

bool decode_is_object(const struct reader *r)
{
    if (cJSON_IsObject(r->item))
        return true;
    reader_expected(r, "an object");
    return false;
}

/* ---- data set ------------------------------------------------------------------------------ */

static bool is_number(const char *s)
{
    return s[0] && s[strspn(s, "0123456789")] == '\0' && strlen(s) <= 15;
}

/* Leaves out as it is, after a fault, where none is named. */
static void read_dataset(const struct reader *root, struct definition_dataset *out)
{
    const cJSON *item = decode_member(root, "dataset"), *id;
    struct reader inner;

    if (!item) {
        faults_add(root->faults, "/dataset", NULL,
                   "dataset is missing: give the name or id of a data set");
        return;
    }
    inner = reader_child(root, item, 0);
    id = cJSON_IsObject(item) ? decode_member(&inner, "id") : NULL;
    if (id)
        inner = reader_child(&inner, id, 0);
    if (cJSON_IsNumber(inner.item)) {
        (void)reader_int(&inner, 1, READER_INT_MAX, &out->id); /* its fault says it */
    } else if (cJSON_IsString(inner.item) && is_number(inner.item->valuestring)) {
        out->id = strtoll(inner.item->valuestring, NULL, 10);
    } else if (cJSON_IsString(inner.item)) {
        (void)reader_text(&inner, DATASET_NAME_BYTES, &out->name); /* its fault says it */
    } else {
        reader_expected(&inner, "the name or id of a data set");
    }
}

enum err definition_dataset(const char *body, size_t length, struct arena *a, struct faults *faults,
                            struct definition_dataset *out, struct error *e)
{
    CLEANUP(reader_close) cJSON *tree = NULL;
    struct reader root = {.faults = faults, .pointer = "", .name = "definition"};
    struct definition_dataset found = {0};

    faults_init(faults, a);
    TRY(reader_open(body, length, faults, &tree, e));
    root.item = tree;
    found.is_objective = decode_member(&root, "objective") != NULL;
    if (!found.is_objective)
        read_dataset(&root, &found);
    *out = found;
    return ERR_OK;
}

/* ---- metric -------------------------------------------------------------------------------- */

/* Those of all targets, which the sentence about an unknown one names. */
static const char *const *metric_names(struct arena *a, const struct definition_facts *facts)
{
    const char **names = arena_alloc(a, metric_count() + 1, sizeof *names);
    size_t n = 0;

    for (size_t i = 0; names && i < metric_count(); i++)
        if (facts->unknown || metric_at(i)->task == facts->task)
            names[n++] = metric_at(i)->name;
    return names;
}

static const struct metric *default_metric(const struct definition_facts *facts)
{
    if (facts->task == TASK_REGRESSION)
        return metric_find("r2");
    return metric_find(facts->rarest_share < 0.1 ? "balanced_accuracy" : "accuracy");
}

/* "r2:NAME" of a metric that there is: the fault is the name. False where it is another one. */
static bool refuse_target(const struct reader *r, const struct definition_facts *facts)
{
    const char *colon = cJSON_IsString(r->item) ? strchr(r->item->valuestring, ':') : NULL;
    CLEANUP(buf_finish) struct buf known = {0};
    const struct metric *m;
    char whole[40];

    if (!colon || colon - r->item->valuestring >= (ptrdiff_t)sizeof whole)
        return false;
    (void)snprintf(whole, sizeof whole, "%.*s", (int)(colon - r->item->valuestring),
                   r->item->valuestring);
    m = metric_find(whole);
    if (!m || m->task != TASK_REGRESSION || facts->task != TASK_REGRESSION)
        return false;
    for (size_t j = 0; j < facts->n_targets; j++)
        buf_printf(&known, "%s%s", j > 0 ? ", " : "", facts->targets[j]);
    if (facts->n_targets == 1)
        reader_fault(r, "metric \"%.80s\": data set \"%s\" has one target: say \"%s\"",
                     r->item->valuestring, facts->dataset_name, whole);
    else if (facts->n_targets > METRIC_TARGETS_MAX)
        reader_fault(r,
                     "metric \"%.80s\": of %zu targets, more than %d, there are only means: say "
                     "\"%s\"",
                     r->item->valuestring, facts->n_targets, METRIC_TARGETS_MAX, whole);
    else
        reader_fault(r, "metric \"%.80s\": data set \"%s\" has no target \"%.80s\"; known: %s",
                     r->item->valuestring, facts->dataset_name, colon + 1, buf_text(&known));
    return true;
}

/* A metric that the data does not have. */
static enum err refuse_metric(const struct decoding *c, const struct reader *r, struct error *e)
{
    const char *const *names = metric_names(c->faults->arena, c->facts);
    const struct metric *m = cJSON_IsString(r->item) ? metric_find(r->item->valuestring) : NULL;
    const char *name;

    if (!names)
        return error_no_memory(e);
    if (m)
        reader_fault(r, "metric \"%s\" is for %s; the task of data set \"%s\" is %s", m->name,
                     m->task == TASK_REGRESSION ? "regression" : "classification",
                     c->facts->dataset_name,
                     m->task == TASK_REGRESSION ? "classification" : "regression");
    else if (!refuse_target(r, c->facts))
        (void)reader_word(r, names, NULL, &name); /* its fault says it */
    return ERR_OK;
}

/* "r2" as well as "r2:NAME": whether the data has it is not known. */
static bool is_metric_of_some_data(const cJSON *item)
{
    const char *name = cJSON_IsString(item) ? item->valuestring : "";
    char whole[40];

    (void)snprintf(whole, sizeof whole, "%.*s", (int)strcspn(name, ":"), name);
    return metric_find(whole) != NULL;
}

static enum err decode_metric(const struct decoding *c, struct error *e)
{
    const cJSON *item = decode_member(&c->root, "metric");
    const struct metric *m = NULL;
    struct reader r;

    TRY(metric_list_make(c->facts->task, c->facts->targets, c->facts->n_targets, c->faults->arena,
                         &c->d->metrics, e));
    c->d->metric = default_metric(c->facts);
    if (!item || (c->facts->unknown && is_metric_of_some_data(item)))
        return ERR_OK;
    if (cJSON_IsString(item))
        m = metric_list_find(&c->d->metrics, item->valuestring);
    r = reader_child(&c->root, item, 0);
    if (!m)
        return refuse_metric(c, &r, e);
    c->d->metric = m;
    return ERR_OK;
}

/* ---- the whole ----------------------------------------------------------------------------- */

const struct definition_facts definition_no_data = {.dataset_name = "", .rarest_share = 1.0};
const struct definition_facts definition_unknown_data = {
    .unknown = "there is no such data set",
    .dataset_name = "",
    .rarest_share = 1.0,
    .n_rows = SIZE_MAX,
    .n_test_rows = 1,
};

static enum err decode_subject(const struct decoding *c, struct error *e)
{
    struct definition_dataset named = {0};

    if (decode_member(&c->root, "objective"))
        return decode_objective(c, e);
    read_dataset(&c->root, &named);
    if (c->facts->unknown && (named.id || named.name)) {
        struct reader r = reader_child(&c->root, decode_member(&c->root, "dataset"), 0);

        reader_fault(&r, "%s", c->facts->unknown);
    }
    TRY(decode_metric(c, e));
    decode_split(c);
    return ERR_OK;
}

static enum err decode(const struct decoding *c, struct error *e)
{
    field_decode_object(&c->root, definition_table, NULL, c->d);
    TRY(decode_subject(c, e));
    decode_seed(c);
    TRY(decode_search(c, e));
    reader_show(&c->root);
    return faults_check(c->faults, e);
}

enum err definition_decode(const char *body, size_t length, const struct definition_facts *facts,
                           struct arena *a, struct faults *faults, struct definition **out,
                           struct error *e)
{
    CLEANUP(reader_close) cJSON *tree = NULL;
    struct decoding c = {.facts = facts, .faults = faults};

    faults_init(faults, a);
    TRY(reader_open(body, length, faults, &tree, e));
    c.root = (struct reader){.faults = faults, .item = tree, .pointer = "", .name = "definition"};
    c.d = arena_alloc(a, 1, sizeof *c.d);
    if (!c.d)
        return error_no_memory(e);
    *c.d = (struct definition){
        .dataset_id = facts->dataset_id,
        .dataset_name = arena_strdup(a, facts->dataset_name),
        .concurrency = 8,
        .precision = "float32",
        .select = "best",
        .notes = "",
        .start = true,
    };
    if (!c.d->dataset_name)
        return error_no_memory(e);
    TRY(decode(&c, e));
    *out = c.d;
    return ERR_OK;
}

enum err definition_space(const struct definition *d, struct space **out, struct error *e)
{
    TRY(space_create(d->expanded, d->n_expanded, out, e));
    rules_apply(d->rules, *out);
    return ERR_OK;
}

uint32_t definition_epochs(const struct definition *d)
{
    const struct hyper *h;
    struct error e;
    size_t layer;

    for (size_t i = 0; i < d->n_expanded; i++) {
        const struct dimension *x = &d->expanded[i];

        if (strcmp(x->name, "epochs") == 0)
            return x->kind != SPACE_RANGE && x->n_values == 1 ? (uint32_t)value_number(x->values)
                                                              : 0;
    }
    if (hyper_find("epochs", &h, &layer, &e) != ERR_OK)
        return 0;
    return (uint32_t)strtoul(h->default_json, NULL, 10);
}

struct rungs definition_rungs(const struct definition *d)
{
    bool looks = d->pruner && (d->pruner->ladder || (d->pruner->revisits && d->race_epochs));

    return looks ? rungs_make(definition_epochs(d)) : (struct rungs){0};
}

size_t definition_shared_epochs(const struct definition *d)
{
    double most = 0.0;

    for (size_t i = 0; i < d->n_expanded && !d->sampler->learns && !d->pruner; i++) {
        const struct dimension *x = &d->expanded[i];

        if (strcmp(x->name, "epochs") != 0 || x->kind == SPACE_FIXED)
            continue;
        most = x->kind == SPACE_RANGE ? x->max : 0.0;
        for (size_t k = 0; k < x->n_values; k++)
            if (value_number(&x->values[k]) > most)
                most = value_number(&x->values[k]);
    }
    return (size_t)most;
}

struct sampler_settings definition_sampler_settings(const struct definition *d)
{
    return (struct sampler_settings){
        .seed = d->seed_search,
        .shuffle = d->shuffle,
        .concurrency = d->objective ? 0 : (uint32_t)d->concurrency,
    };
}

const char *definition_pruner_name(const struct definition *d)
{
    if (d->objective)
        return d->objective->pruner ? d->objective->pruner->name : "none";
    return d->pruner ? d->pruner->name : "none";
}

struct pruner_settings definition_pruner_settings(const struct definition *d, uint32_t n_folds)
{
    return (struct pruner_settings){
        .alpha = d->alpha,
        .revisit = d->revisit,
        .n_folds = n_folds,
        .concurrency = (uint32_t)d->concurrency,
        .rungs = definition_rungs(d),
    };
}
