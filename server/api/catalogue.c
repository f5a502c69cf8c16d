#include "server/api/catalogue.h"

#include <stdio.h>
#include <string.h>

#include "core/nn/metric.h"
#include "core/search/sampler.h"
#include "core/train/hyper.h"
#include "server/schema/definition.h"

/* ---- parts ------------------------------------------------------------------------------- */

static void describe_words(struct json *j, const char *key, const char *const *words)
{
    json_array_inline(j, key);
    for (; words && *words; words++)
        json_string(j, NULL, *words);
    json_end(j);
}

static void describe(struct json *j, const char *name, const char *summary)
{
    json_string(j, "name", name);
    json_string(j, "description", summary);
}

static void describe_word(struct json *j, const char *name, const char *summary)
{
    json_object_inline(j, NULL);
    describe(j, name, summary);
    json_end(j);
}

static void describe_setting(struct json *j, const struct field *f)
{
    json_object_inline(j, NULL);
    describe(j, f->key, f->summary);
    json_string(j, "type", field_type_name(f));
    json_raw(j, "default", f->default_json ? f->default_json : "null");
    if (f->type == FIELD_INT || f->type == FIELD_REAL) {
        json_double(j, "min", f->min);
        json_double(j, "max", f->max);
    }
    if (f->choices)
        describe_words(j, "choices", f->choices);
    json_end(j);
}

static void describe_settings(struct json *j, const char *key, const struct field *f)
{
    json_array(j, key);
    for (; f->key; f++)
        describe_setting(j, f);
    json_end(j);
}

/* A kind with its settings, whose table begins with `kind`. */
static void describe_kind(struct json *j, const char *name, const char *summary,
                          const struct field *f)
{
    json_object(j, NULL);
    describe(j, name, summary);
    describe_settings(j, "settings", f + 1);
    json_end(j);
}

/* ---- hyperparameters and their words ------------------------------------------------------- */

static const char *hyper_type_name(const struct hyper *h)
{
    switch (h->type) {
    case HYPER_INT:
        return "integer";
    case HYPER_REAL:
        return "number";
    case HYPER_BOOL:
        return "boolean";
    case HYPER_CHOICE:
        return "string";
    case HYPER_WIDTHS:
        return "array of integers";
    }
    return NULL;
}

static void describe_hyper(struct json *j, const struct hyper *h)
{
    bool has_range = h->type == HYPER_INT || h->type == HYPER_REAL || h->type == HYPER_WIDTHS;

    json_object(j, NULL);
    describe(j, h->name, h->summary);
    json_string(j, "type", hyper_type_name(h));
    json_raw(j, "default", h->default_json);
    if (has_range) {
        json_double(j, "min", h->min);
        json_double(j, "max", h->max);
    }
    if (h->above_min)
        json_bool(j, "above_min", true);
    if (h->below_max)
        json_bool(j, "below_max", true);
    if (h->choices)
        describe_words(j, "choices", h->choices);
    if (h->may_be_false)
        json_bool(j, "may_be_false", true);
    json_bool(j, "per_layer", h->per_layer);
    if (h->gate) {
        json_string(j, "used_with", h->gate);
        describe_words(j, "used_with_values", h->gate_choices);
    }
    json_end(j);
}

static void list_hypers(struct json *j, const char *unused)
{
    (void)unused;
    for (size_t i = 0; i < hyper_count(); i++)
        describe_hyper(j, hyper_at(i));
}

static void list_choices(struct json *j, const char *name)
{
    const struct hyper *h;
    size_t layer;

    (void)hyper_find(name, &h, &layer, NULL); /* the table has it */
    for (size_t i = 0; h->choices[i]; i++)
        describe_word(j, h->choices[i], h->choice_summaries[i]);
}

/* ---- the search ---------------------------------------------------------------------------- */

/* Where there are several targets. */
static void describe_single(struct json *j, const struct metric *m)
{
    char name[40];

    (void)snprintf(name, sizeof name, "%s:NAME", m->name);
    json_string(j, "of_one_target", name);
}

static void list_metrics(struct json *j, const char *unused)
{
    (void)unused;
    for (size_t i = 0; i < metric_count(); i++) {
        const struct metric *m = metric_at(i);

        json_object_inline(j, NULL);
        describe(j, m->name, m->summary);
        json_string(j, "task", table_task_name(m->task));
        json_string(j, "direction", m->maximize ? "maximize" : "minimize");
        if (m->task == TASK_REGRESSION)
            describe_single(j, m);
        json_end(j);
    }
}

static void list_samplers(struct json *j, const char *unused)
{
    (void)unused;
    describe_kind(j, "auto", "grid if the space is finite and no larger than the budget, else tpe",
                  definition_sampler_fields(NULL));
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++)
        describe_kind(j, (*k)->name, (*k)->summary, definition_sampler_fields(*k));
}

static void list_pruners(struct json *j, const char *unused)
{
    (void)unused;
    describe_kind(j, "none", "every trial trains all its folds", definition_pruner_fields(NULL));
    for (const struct pruner_kind *const *k = pruner_kinds; *k; k++)
        describe_kind(j, (*k)->name, (*k)->summary, definition_pruner_fields(*k));
}

static void list_splits(struct json *j, const char *unused)
{
    enum split_kind kind;

    (void)unused;
    for (const char *const *name = split_kind_names(); *name; name++) {
        (void)split_kind_find(*name, &kind); /* one of the known */
        json_object(j, NULL);
        describe(j, *name, split_kind_summary(kind));
        json_array(j, "settings");
        for (const struct field *f = definition_split_fields; f->key; f++)
            if (definition_split_uses(kind, f))
                describe_setting(j, f);
        json_end(j);
        json_end(j);
    }
}

static void list_budgets(struct json *j, const char *unused)
{
    (void)unused;
    for (const struct field *f = definition_budget_fields; f->key; f++)
        describe_setting(j, f);
}

/* ---- the lists ----------------------------------------------------------------------------- */

static const struct {
    const char *key;
    void (*list)(struct json *j, const char *hyper);
    const char *hyper; /* whose choices they are */
} LISTS[] = {
    {"hyperparameters", list_hypers, NULL},
    {"activations", list_choices, "activation"},
    {"optimizers", list_choices, "optimizer"},
    {"initializers", list_choices, "init"},
    {"losses", list_choices, "loss"},
    {"schedules", list_choices, "schedule"},
    {"scalings", list_choices, "scaling"},
    {"imputations", list_choices, "impute"},
    {"class_weights", list_choices, "class_weight"},
    {"metrics", list_metrics, NULL},
    {"samplers", list_samplers, NULL},
    {"pruners", list_pruners, NULL},
    {"cross_validation", list_splits, NULL},
    {"budgets", list_budgets, NULL},
};

void catalogue_write(const void *in, struct json *j, const char *key)
{
    (void)in;
    json_array(j, key);
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++)
        if (strcmp(LISTS[i].key, key) == 0)
            LISTS[i].list(j, LISTS[i].hyper);
    json_end(j);
}

/* What has a name and a description, and perhaps more. */
void catalogue_document(struct json *j)
{
    static const char *const always[] = {"name", "description"};

    json_string(j, "type", "array");
    json_object(j, "items");
    json_string(j, "type", "object");
    json_array_inline(j, "required");
    for (int i = 0; i < 2; i++)
        json_string(j, NULL, always[i]);
    json_end(j);
    json_object(j, "properties");
    for (int i = 0; i < 2; i++) {
        json_object_inline(j, always[i]);
        field_document_text(j);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

/* ---- ask and tell -------------------------------------------------------------------------- */

void catalogue_write_ask_and_tell(const void *in, struct json *j, const char *key)
{
    (void)in;
    json_object(j, key);
    json_string(j, "description",
                "an experiment with \"objective\" in place of dataset and metric: its trials are "
                "trained elsewhere");
    describe_settings(j, "objective", definition_objective_fields);
    json_array(j, "pruners");
    for (const struct reports_kind *const *k = reports_kinds; *k; k++) {
        json_object(j, NULL);
        describe(j, (*k)->name, (*k)->summary);
        json_string(j, "compares", (*k)->race ? "folds" : "steps");
        describe_settings(j, "settings", definition_reports_fields(*k) + 1);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

void catalogue_document_ask_and_tell(struct json *j)
{
    json_string(j, "type", "object");
}
