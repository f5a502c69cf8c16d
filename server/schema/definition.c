#include "server/schema/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/words.h"
#include "core/search/points.h"
#include "server/schema/dimensions.h"
#include "server/schema/object.h"

/* ---- what there is ------------------------------------------------------------------------- */

static const char *const samplers_absent[] = {"sobol", "tpe", "cma_es", "gp", NULL};
static const char *const pruners[] = {"none", NULL};
static const char *const pruners_absent[] = {
    "racing", "wilcoxon", "forgiving", "median", "successive_halving", "hyperband", NULL};
static const char *const splits_absent[] = {"group_kfold",   "stratified_group_kfold",
                                            "time_series",   "leave_one_group_out",
                                            "shuffle_split", "leave_one_out",
                                            NULL};
static const char *const metrics_absent[] = {
    "balanced_accuracy", "f1_macro", "f1",        "precision", "recall",
    "mcc",               "roc_auc",  "average_precision", "brier", "mse",
    "mae",               "median_ae", "mape",     "explained_variance", "spearman",
    NULL};
static const char *const keys_absent[] = {"stop_when", "require", "enqueue", "objective", NULL};
static const char *const budgets_absent[] = {"seconds", "trial_seconds", "trial_weights", NULL};
static const char *const precisions[] = {"float32", NULL};
static const char *const precisions_absent[] = {"bf16", NULL};
static const char *const selects[] = {"best", NULL};
static const char *const selects_absent[] = {"one_standard_error", NULL};

/* clang-format off */
static const struct field definition_table[] = {
    {.key = "name", .type = FIELD_TEXT, .offset = offsetof(struct definition, name), .min = 1,
     .max = 200, .default_json = "\"DATASET-ID\"", .summary = "need not be unique"},
    {.key = "dataset", .type = FIELD_OTHER, .required = true,
     .summary = "name or id of a data set",
     .schema = "{\"type\": [\"string\", \"integer\", \"object\"], "
               "\"description\": \"name or id of a data set\"}"},
    {.key = "metric", .type = FIELD_OTHER,
     .schema = "{\"type\": \"string\", \"description\": "
               "\"decides; accuracy for classification, r2 for regression\"}"},
    {.key = "space", .type = FIELD_OTHER,
     .schema = "{\"type\": \"object\", \"description\": \"what is searched: a value is fixed, a "
               "list a choice, {min, max} a range; the standard search if left out\"}"},
    {.key = "sampler", .type = FIELD_OTHER,
     .schema = "{\"type\": [\"string\", \"object\"], \"default\": \"auto\", \"description\": "
               "\"grid, random or auto; {\\\"kind\\\": \\\"grid\\\", \\\"shuffle\\\": true}\"}"},
    {.key = "pruner", .type = FIELD_OTHER,
     .schema = "{\"type\": [\"string\", \"object\"], \"default\": \"none\", "
               "\"description\": \"ends single trials early\"}"},
    {.key = "budget", .type = FIELD_OTHER,
     .schema = "{\"type\": \"object\", \"properties\": {\"trials\": {\"type\": \"integer\", "
               "\"minimum\": 1, \"maximum\": 1000000, \"description\": \"the total wanted; "
               "100, or a whole grid\"}}}"},
    {.key = "select", .type = FIELD_TEXT, .offset = offsetof(struct definition, select),
     .choices = selects, .absent_choices = selects_absent, .default_json = "\"best\"",
     .summary = "which trial is recommended"},
    {.key = "sealed", .type = FIELD_OTHER,
     .schema = "{\"description\": \"rows set aside before the search: {\\\"fraction\\\": 0.2}, "
               "or \\\"split\\\" for the data's own test rows\"}"},
    {.key = "concurrency", .type = FIELD_INT, .offset = offsetof(struct definition, concurrency),
     .min = 1, .max = DEFINITION_CONCURRENCY_MAX, .default_json = "8",
     .summary = "how far a sampler that learns may run ahead of the results it has seen"},
    {.key = "seed", .type = FIELD_OTHER,
     .schema = "{\"type\": [\"integer\", \"object\"], \"default\": 1, \"description\": "
               "\"an integer, or {\\\"folds\\\": 1, \\\"search\\\": 2, \\\"training\\\": 3}\"}"},
    {.key = "precision", .type = FIELD_TEXT, .offset = offsetof(struct definition, precision),
     .choices = precisions, .absent_choices = precisions_absent, .default_json = "\"float32\"",
     .summary = "of weights and activations"},
    {.key = "cross_validation", .type = FIELD_OTHER,
     .schema = "{\"type\": \"object\", \"properties\": {\"kind\": {\"type\": \"string\"}, "
               "\"folds\": {\"type\": \"integer\", \"default\": 5}, \"repeats\": {\"type\": "
               "\"integer\", \"default\": 1}, \"shuffle\": {\"type\": \"boolean\", \"default\": "
               "true}, \"test_fraction\": {\"type\": \"number\", \"default\": 0.2}}}"},
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

const struct field *definition_fields(void)
{
    return definition_table;
}

/* ---- small helpers ------------------------------------------------------------------------- */

/* What is needed all along. */
struct decoding {
    struct reader root;
    const struct definition_facts *facts;
    struct definition *d;
    struct faults *faults;
};

/* The member, or NULL where it is left out or null. */
static const cJSON *member(const struct reader *r, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->item, key);

    return item && !cJSON_IsNull(item) ? item : NULL;
}

/* "grid" and {"kind": "grid", …} are the same; false without a kind. */
static bool kind_of(const struct reader *r, struct reader *kind)
{
    const cJSON *item;

    *kind = *r;
    if (!cJSON_IsObject(r->item))
        return true;
    item = member(r, "kind");
    if (!item)
        return false;
    *kind = reader_child(r, item, 0);
    kind->name = r->name;
    return true;
}

static bool expect_object(const struct reader *r)
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

static void read_dataset(const struct reader *r, struct definition_dataset *out)
{
    const cJSON *id = cJSON_IsObject(r->item) ? member(r, "id") : NULL;
    struct reader inner = id ? reader_child(r, id, 0) : *r;

    if (cJSON_IsNumber(inner.item)) {
        (void)reader_int(&inner, 1, READER_INT_MAX, &out->id); /* its fault says it */
    } else if (cJSON_IsString(inner.item) && is_number(inner.item->valuestring)) {
        out->id = strtoll(inner.item->valuestring, NULL, 10);
    } else if (cJSON_IsString(inner.item)) {
        (void)reader_text(&inner, 1000, &out->name); /* its fault says it */
    } else {
        reader_expected(&inner, "the name or id of a data set");
    }
}

enum err definition_dataset(const char *body, size_t length, struct arena *a,
                            struct faults *faults, struct definition_dataset *out,
                            struct error *e)
{
    CLEANUP(reader_close) cJSON *tree = NULL;
    struct reader root = {.faults = faults, .pointer = "", .name = "definition"};
    struct definition_dataset found = {0};
    const cJSON *item;

    faults_init(faults, a);
    TRY(reader_open(body, length, &tree, e));
    root.item = tree;
    item = member(&root, "dataset");
    if (item) {
        struct reader r = reader_child(&root, item, 0);

        read_dataset(&r, &found);
    } else if (member(&root, "objective")) {
        faults_add(faults, "/objective", NULL, "objective: not in this build; known: dataset");
    } else {
        faults_add(faults, "/dataset", NULL,
                   "dataset is missing: give the name or id of a data set");
    }
    TRY(faults_check(faults, e));
    *out = found;
    return ERR_OK;
}

/* ---- metric -------------------------------------------------------------------------------- */

static const char *const *metric_names(struct arena *a, enum task task)
{
    const char **names = arena_alloc(a, metric_count() + 1, sizeof *names);
    size_t n = 0;

    for (size_t i = 0; names && i < metric_count(); i++)
        if (metric_at(i)->task == task)
            names[n++] = metric_at(i)->name;
    return names;
}

static const struct metric *default_metric(const struct definition_facts *facts)
{
    const struct metric *balanced = metric_find("balanced_accuracy");

    if (facts->task == TASK_REGRESSION)
        return metric_find("r2");
    return balanced && facts->rarest_share < 0.1 ? balanced : metric_find("accuracy");
}

static void decode_metric(const struct decoding *c)
{
    const cJSON *item = member(&c->root, "metric");
    const char *const *names = metric_names(c->faults->arena, c->facts->task);
    const struct metric *m;
    struct reader r;
    const char *name;

    c->d->metric = default_metric(c->facts);
    if (!names)
        c->faults->failed = true;
    if (!item || !names)
        return;
    r = reader_child(&c->root, item, 0);
    m = cJSON_IsString(item) ? metric_find(item->valuestring) : NULL;
    if (m && m->task != c->facts->task)
        reader_fault(&r, "metric \"%s\" is for %s; the task of data set \"%s\" is %s", m->name,
                     m->task == TASK_REGRESSION ? "regression" : "classification",
                     c->facts->dataset_name,
                     m->task == TASK_REGRESSION ? "classification" : "regression");
    else if (reader_word(&r, names, metrics_absent, &name))
        c->d->metric = metric_find(name);
}

/* ---- cross-validation ---------------------------------------------------------------------- */

/* As written; what does not come keeps these values. */
struct split_form {
    int64_t folds, repeats;
    bool shuffle;
    double test_fraction;
    bool has_folds, has_repeats, has_shuffle, has_test_fraction;
};

static const struct field split_fields[] = {
    {.key = "kind", .type = FIELD_OTHER},
    {.key = "folds",
     .type = FIELD_INT,
     .offset = offsetof(struct split_form, folds),
     .present_offset = offsetof(struct split_form, has_folds),
     .min = 2,
     .max = SPLIT_FOLDS_MAX},
    {.key = "repeats",
     .type = FIELD_INT,
     .offset = offsetof(struct split_form, repeats),
     .present_offset = offsetof(struct split_form, has_repeats),
     .min = 1,
     .max = SPLIT_REPEATS_MAX},
    {.key = "shuffle",
     .type = FIELD_BOOL,
     .offset = offsetof(struct split_form, shuffle),
     .present_offset = offsetof(struct split_form, has_shuffle)},
    {.key = "test_fraction",
     .type = FIELD_REAL,
     .offset = offsetof(struct split_form, test_fraction),
     .present_offset = offsetof(struct split_form, has_test_fraction),
     .min = 0.001,
     .max = 0.999},
    {.key = NULL},
};

static const char *const split_absent_keys[] = {"gap", NULL};

static enum split_kind default_split(const struct decoding *c)
{
    const char *need = c->facts->has_group ? "group" : c->facts->has_time ? "time" : NULL;

    if (need)
        faults_add(c->faults, "/cross_validation/kind", NULL,
                   "the data set has a %s column, and %s is not in this build; name one of the "
                   "known kinds: kfold, stratified_kfold, predefined, holdout",
                   need, c->facts->has_group ? "group_kfold" : "time_series");
    return c->facts->n_folds > 0 ? SPLIT_PREDEFINED : SPLIT_STRATIFIED_KFOLD;
}

static enum split_kind decode_split_kind(const struct decoding *c, const struct reader *r)
{
    enum split_kind kind = SPLIT_STRATIFIED_KFOLD;
    struct reader word;
    const char *name;

    if (!r->item || !kind_of(r, &word))
        return default_split(c);
    word.name = "kind";
    if (reader_word(&word, split_kind_names(), splits_absent, &name))
        (void)split_kind_find(name, &kind); /* one of the known */
    if (kind == SPLIT_PREDEFINED && c->facts->n_folds == 0)
        reader_fault(&word, "kind \"predefined\" needs a data set with a fold column");
    return kind;
}

static void refuse_unused(const struct decoding *c, bool came, const char *key,
                          enum split_kind kind)
{
    char pointer[64];

    if (!came)
        return;
    (void)snprintf(pointer, sizeof pointer, "/cross_validation/%s", key); /* short keys */
    faults_add(c->faults, pointer, NULL, "%s is not used by kind \"%s\"", key,
               split_kind_name(kind));
}

static void check_split(const struct decoding *c, const struct split_form *f,
                        enum split_kind kind)
{
    size_t rows = c->facts->n_rows - c->facts->n_test_rows;
    bool is_kfold = kind == SPLIT_KFOLD || kind == SPLIT_STRATIFIED_KFOLD;

    refuse_unused(c, f->has_folds && !is_kfold, "folds", kind);
    refuse_unused(c, f->has_test_fraction && kind != SPLIT_HOLDOUT, "test_fraction", kind);
    refuse_unused(c, f->has_shuffle && kind == SPLIT_PREDEFINED, "shuffle", kind);
    refuse_unused(c, f->has_repeats && kind == SPLIT_PREDEFINED, "repeats", kind);
    if (is_kfold && (size_t)f->folds > rows)
        faults_add(c->faults, "/cross_validation/folds", NULL,
                   "folds %lld is above the data set's %zu rows", (long long)f->folds, rows);
    if (!f->shuffle && f->repeats > 1)
        faults_add(c->faults, "/cross_validation/repeats", NULL,
                   "repeats above 1 need \"shuffle\": true; else every repeat is the same");
}

static void decode_split(const struct decoding *c)
{
    const cJSON *item = member(&c->root, "cross_validation");
    struct split_form f = {.folds = 5, .repeats = 1, .shuffle = true, .test_fraction = 0.2};
    struct reader r = {.item = NULL};
    enum split_kind kind;

    if (item) {
        r = reader_child(&c->root, item, 0);
        if (!cJSON_IsString(item) && !expect_object(&r))
            return;
        if (cJSON_IsObject(item))
            field_decode_object(&r, split_fields, split_absent_keys, &f);
    }
    kind = decode_split_kind(c, &r);
    check_split(c, &f, kind);
    c->d->split.kind = kind;
    c->d->split.n_folds = (uint32_t)f.folds;
    c->d->split.n_repeats = (uint32_t)f.repeats;
    c->d->split.shuffle = f.shuffle;
    c->d->split.test_fraction = f.test_fraction;
}

/* ---- sealed rows --------------------------------------------------------------------------- */

struct sealed_form {
    double fraction;
};

static const struct field sealed_fields[] = {
    {.key = "fraction",
     .type = FIELD_REAL,
     .offset = offsetof(struct sealed_form, fraction),
     .min = 0.001,
     .max = 0.9,
     .required = true,
     .summary = "share of the rows to set aside"},
    {.key = NULL},
};

static void decode_sealed(const struct decoding *c)
{
    static const char *const words[] = {"split", NULL};
    const cJSON *item = member(&c->root, "sealed");
    struct sealed_form f = {0};
    struct reader r;
    const char *word;

    c->d->sealed_split = c->facts->n_test_rows > 0;
    if (!item)
        return;
    r = reader_child(&c->root, item, 0);
    if (cJSON_IsObject(item)) {
        field_decode_object(&r, sealed_fields, NULL, &f);
        c->d->split.sealed_fraction = f.fraction;
    } else if (reader_word(&r, words, NULL, &word) && !c->d->sealed_split) {
        reader_fault(&r, "sealed \"split\" needs a data set with test rows in a split column");
    }
}

/* ---- seeds --------------------------------------------------------------------------------- */

struct seed_form {
    int64_t folds, search, training;
};

static const struct field seed_fields[] = {
    {.key = "folds",
     .type = FIELD_INT,
     .offset = offsetof(struct seed_form, folds),
     .max = (double)READER_INT_MAX},
    {.key = "search",
     .type = FIELD_INT,
     .offset = offsetof(struct seed_form, search),
     .max = (double)READER_INT_MAX},
    {.key = "training",
     .type = FIELD_INT,
     .offset = offsetof(struct seed_form, training),
     .max = (double)READER_INT_MAX},
    {.key = NULL},
};

static void decode_seed(const struct decoding *c)
{
    const cJSON *item = member(&c->root, "seed");
    struct seed_form f = {1, 1, 1};

    if (item) {
        struct reader r = reader_child(&c->root, item, 0);

        if (cJSON_IsObject(item))
            field_decode_object(&r, seed_fields, NULL, &f);
        else if (reader_int(&r, 0, READER_INT_MAX, &f.folds))
            f.search = f.training = f.folds;
    }
    c->d->seed_folds = c->d->split.seed = (uint64_t)f.folds;
    c->d->seed_search = (uint64_t)f.search;
    c->d->seed_training = (uint64_t)f.training;
}

/* ---- sampler, pruner, budget ---------------------------------------------------------------- */

/* What was asked for, before the space decides the rest. */
struct search_form {
    const char *sampler; /* "auto" or a kind's name */
    bool shuffle, has_shuffle;
    int64_t trials;
    bool has_trials;
};

static const struct field sampler_fields[] = {
    {.key = "kind", .type = FIELD_OTHER},
    {.key = "shuffle",
     .type = FIELD_BOOL,
     .offset = offsetof(struct search_form, shuffle),
     .present_offset = offsetof(struct search_form, has_shuffle)},
    {.key = NULL},
};

static const struct field pruner_fields[] = {{.key = "kind", .type = FIELD_OTHER}, {.key = NULL}};

static const struct field budget_fields[] = {
    {.key = "trials",
     .type = FIELD_INT,
     .offset = offsetof(struct search_form, trials),
     .present_offset = offsetof(struct search_form, has_trials),
     .min = 1,
     .max = DEFINITION_TRIALS_MAX},
    {.key = NULL},
};

static void decode_sampler(const struct decoding *c, struct search_form *f)
{
    const cJSON *item = member(&c->root, "sampler");
    const char *names[16] = {NULL};
    struct reader r, word;
    size_t n = 0;

    f->sampler = "auto";
    if (!item)
        return;
    for (; sampler_kinds[n]; n++)
        names[n] = sampler_kinds[n]->name;
    names[n] = "auto";
    r = reader_child(&c->root, item, 0);
    if (!kind_of(&r, &word)) {
        reader_fault(&r, "sampler: \"kind\" is missing");
        return;
    }
    if (reader_word(&word, names, samplers_absent, &f->sampler) && cJSON_IsObject(item))
        field_decode_object(&r, sampler_fields, NULL, f);
    if (f->has_shuffle && strcmp(f->sampler, "random") == 0)
        reader_fault(&r, "shuffle is for sampler \"grid\"");
}

static void decode_pruner(const struct decoding *c)
{
    const cJSON *item = member(&c->root, "pruner");
    struct reader r, word;
    const char *name;

    if (!item)
        return;
    r = reader_child(&c->root, item, 0);
    if (!kind_of(&r, &word))
        reader_fault(&r, "pruner: \"kind\" is missing");
    else if (reader_word(&word, pruners, pruners_absent, &name) && cJSON_IsObject(item))
        field_decode_object(&r, pruner_fields, NULL, &(char){0});
}

static void decode_budget(const struct decoding *c, struct search_form *f)
{
    const cJSON *item = member(&c->root, "budget");
    struct reader r;

    f->trials = DEFINITION_TRIALS;
    if (!item)
        return;
    r = reader_child(&c->root, item, 0);
    if (expect_object(&r))
        field_decode_object(&r, budget_fields, budgets_absent, f);
}

/* ---- space --------------------------------------------------------------------------------- */

static enum err decode_space(const struct decoding *c, struct error *e)
{
    CLEANUP(reader_close) cJSON *standard = NULL;
    const cJSON *item = member(&c->root, "space");
    struct reader r = {.faults = c->faults, .pointer = "/space", .name = "space"};

    if (item) {
        r.item = item;
        if (expect_object(&r))
            dimensions_read(&r, c->facts->task, c->d);
        return ERR_OK;
    }
    TRY(reader_open(dimensions_standard(c->facts->n_rows),
                    strlen(dimensions_standard(c->facts->n_rows)), &standard, e));
    r.item = standard;
    dimensions_read(&r, c->facts->task, c->d);
    return ERR_OK;
}

/* A fault of the space as a whole, or of one dimension of it. */
static enum err space_fault(const struct decoding *c, enum err failed, struct error *e)
{
    char pointer[256];

    if (failed != ERR_INVALID)
        return failed;
    (void)snprintf(pointer, sizeof pointer, "/space%s%s", e->field[0] ? "/" : "", e->field);
    faults_add(c->faults, pointer, NULL, "%s", e->message);
    return ERR_OK;
}

/* ---- from the space to the number of trials -------------------------------------------------- */

/* SPACE_INFINITE also where the points cannot be addressed. */
static enum err count_points(const struct space *s, enum space_levels which, uint64_t *out,
                             struct error *e)
{
    struct points *p;
    enum err failed = points_create(s, which, &p, e);

    *out = SPACE_INFINITE;
    if (failed == ERR_INVALID)
        return ERR_OK;
    TRY(failed);
    *out = points_count(p);
    points_destroy(p);
    return ERR_OK;
}

static void plan_grid(const struct decoding *c, const struct search_form *f, uint64_t points)
{
    struct definition *d = c->d;

    d->shuffle = f->shuffle;
    d->trials = f->has_trials ? f->trials : (int64_t)points;
    if (!f->has_trials && points > DEFINITION_GRID_MAX) {
        faults_add(c->faults, "/budget/trials", NULL,
                   "the grid has %llu points, above %d: give budget.trials, which takes a sample "
                   "of it, or fewer values",
                   (unsigned long long)points, DEFINITION_GRID_MAX);
    } else if ((uint64_t)d->trials < points) {
        d->shuffle = true; /* any prefix of a mixed order is a sample */
        if (f->has_shuffle && !f->shuffle)
            faults_add(c->faults, "/sampler/shuffle", "false",
                       "a budget of %lld trials takes a sample of the grid's %llu points, mixed "
                       "by seed: shuffle must be true",
                       (long long)d->trials, (unsigned long long)points);
    }
}

/* Lets the sampler say whether it can search the space. */
static enum err try_sampler(const struct decoding *c, const struct space *s, bool *good,
                            struct error *e)
{
    struct sampler_settings settings = {.seed = c->d->seed_search};
    struct sampler *sampler = NULL;
    enum err failed = sampler_create(c->d->sampler, s, &settings, &sampler, e);

    sampler_destroy(sampler);
    *good = !failed;
    return failed ? space_fault(c, failed, e) : ERR_OK;
}

static enum err choose_search(const struct decoding *c, const struct search_form *f,
                              const struct space *s, struct error *e)
{
    struct definition *d = c->d;
    uint64_t points, limit = (uint64_t)f->trials;
    bool good;

    TRY(count_points(s, SPACE_GRID, &points, e));
    d->sampler = sampler_find(strcmp(f->sampler, "auto") != 0 ? f->sampler
                              : points <= limit               ? "grid"
                                                              : "random");
    TRY(try_sampler(c, s, &good, e));
    if (!good)
        return ERR_OK;
    TRY(count_points(s, d->sampler->levels, &points, e));
    d->trials = f->trials;
    if (d->sampler->levels == SPACE_GRID)
        plan_grid(c, f, points);
    d->planned_trials = (uint64_t)d->trials < points ? d->trials : (int64_t)points;
    return ERR_OK;
}

/* ---- warnings ------------------------------------------------------------------------------ */

static enum err collect_warnings(const struct decoding *c, const struct space *s, struct error *e)
{
    struct definition *d = c->d;
    const char **list;
    const char *const *unused;
    size_t n;

    TRY(dimensions_warn(s, c->faults->arena, &n, &unused, e));
    list = arena_alloc(c->faults->arena, n + 3, sizeof *list);
    if (!list)
        return error_no_memory(e);
    if (n > 0)
        memcpy(list, unused, n * sizeof *list);
    if (strcmp(d->metric->name, "accuracy") == 0 && c->facts->rarest_share < 0.1)
        list[n++] = "the rarest class has less than 10 % of the rows: accuracy says little of it";
    if (c->facts->has_group)
        list[n++] = "the data set has a group column that this kind of cross-validation ignores: "
                    "scores may be too good";
    if (c->facts->has_time)
        list[n++] = "the data set has a time column that this kind of cross-validation ignores: "
                    "scores may be too good";
    d->n_warnings = n;
    d->warnings = list;
    return ERR_OK;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static enum err complete_search(const struct decoding *c, const struct search_form *f,
                                struct error *e)
{
    struct space *s = NULL;
    enum err failed = space_create(c->d->expanded, c->d->n_expanded, &s, e);

    if (failed)
        return space_fault(c, failed, e);
    failed = choose_search(c, f, s, e);
    if (!failed)
        failed = collect_warnings(c, s, e);
    space_destroy(s);
    return failed;
}

static enum err decode(const struct decoding *c, struct error *e)
{
    struct search_form f = {0};
    size_t before;

    field_decode_object(&c->root, definition_table, keys_absent, c->d);
    decode_metric(c);
    decode_split(c);
    decode_sealed(c);
    decode_seed(c);
    before = c->faults->n;
    decode_sampler(c, &f);
    decode_pruner(c);
    decode_budget(c, &f);
    TRY(decode_space(c, e));
    if (c->faults->n == before && !c->faults->failed)
        TRY(complete_search(c, &f, e));
    return faults_check(c->faults, e);
}

enum err definition_decode(const char *body, size_t length, const struct definition_facts *facts,
                           struct arena *a, struct faults *faults, struct definition **out,
                           struct error *e)
{
    CLEANUP(reader_close) cJSON *tree = NULL;
    struct decoding c = {.facts = facts, .faults = faults};

    faults_init(faults, a);
    TRY(reader_open(body, length, &tree, e));
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
    return space_create(d->expanded, d->n_expanded, out, e);
}

struct sampler_settings definition_sampler_settings(const struct definition *d)
{
    return (struct sampler_settings){.seed = d->seed_search, .shuffle = d->shuffle};
}

size_t definition_folds(const struct definition *d, const struct definition_facts *facts)
{
    switch (d->split.kind) {
    case SPLIT_KFOLD:
    case SPLIT_STRATIFIED_KFOLD:
        return (size_t)d->split.n_folds * d->split.n_repeats;
    case SPLIT_PREDEFINED:
        return facts->n_folds;
    case SPLIT_HOLDOUT:
        return d->split.n_repeats;
    }
    return 0;
}

enum err definition_params(const char *json, size_t length, struct arena *a, struct params *out,
                           struct error *e)
{
    CLEANUP(reader_close) cJSON *tree = NULL;
    struct faults faults;
    struct reader root = {.faults = &faults, .pointer = "", .name = "params"};
    struct params p = {0};
    const cJSON *item;

    faults_init(&faults, a);
    TRY(reader_open(json, length, &tree, e));
    root.item = tree;
    p.items = arena_alloc(a, (size_t)cJSON_GetArraySize(tree) + 1, sizeof *p.items);
    if (!p.items)
        return error_no_memory(e);
    cJSON_ArrayForEach(item, tree)
    {
        struct reader r = reader_child(&root, item, 0);
        struct param *param = &p.items[p.n++];

        param->name = arena_strdup(a, item->string);
        if (!param->name)
            return error_no_memory(e);
        (void)reader_value(&r, &param->value); /* its fault says it */
    }
    TRY(faults_check(&faults, e));
    *out = p;
    return ERR_OK;
}
