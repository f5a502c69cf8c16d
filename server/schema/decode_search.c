#include "server/schema/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/words.h"
#include "core/search/points.h"
#include "server/schema/dimensions.h"
#include "server/schema/object.h"
#include "server/schema/rules.h"


/* ---- sampler, pruner, budget ---------------------------------------------------------------- */

#define SECONDS_MAX 1e9
enum { SAMPLERS_MAX = 16, PRUNERS_MAX = 16 }; /* of their lists of names, which end in NULL */

/* What was asked for, before the space decides the rest. */
struct search_form {
    const char *sampler; /* "auto" or a kind's name */
    bool shuffle, has_shuffle;
    int64_t trials;
    bool has_trials;
    int64_t trial_weights;
    double seconds, trial_seconds;
};

static const struct field sampler_fields[] = {
    {.key = "kind", .type = FIELD_OTHER},
    {.key = "shuffle",
     .type = FIELD_BOOL,
     .offset = offsetof(struct search_form, shuffle),
     .present_offset = offsetof(struct search_form, has_shuffle),
     .default_json = "false",
     .summary = "in an order mixed by seed"},
    {.key = NULL},
};

/* Of a pruner, from `kind` on as many as it has; the last ones are for those that revisit. */
static const struct field kind_fields[] = {{.key = "kind", .type = FIELD_OTHER}, {.key = NULL}};

#define ALPHA                                                                                      \
    {                                                                                              \
        .key = "alpha", .type = FIELD_REAL, .offset = offsetof(struct definition, alpha),          \
        .min = 0, .max = 1, .default_json = "0.1",                                                 \
        .summary = "a trial is stopped below this chance, or this p"                               \
    }

static const struct field alpha_fields[] = {
    {.key = "kind", .type = FIELD_OTHER}, ALPHA, {.key = NULL}};

static const struct field revisit_fields[] = {
    {.key = "kind", .type = FIELD_OTHER},
    ALPHA,
    {.key = "revisit", .type = FIELD_BOOL, .offset = offsetof(struct definition, revisit),
     .default_json = "true", .summary = "stopped trials that may win after all get more folds"},
    {.key = "epochs", .type = FIELD_BOOL, .offset = offsetof(struct definition, race_epochs),
     .default_json = "false", .summary = "it races inside folds, too"},
    {.key = NULL},
};

const struct field definition_budget_fields[] = {
    {.key = "trials",
     .type = FIELD_INT,
     .offset = offsetof(struct search_form, trials),
     .present_offset = offsetof(struct search_form, has_trials),
     .min = 1,
     .max = DEFINITION_TRIALS_MAX,
     .summary = "the total wanted; 100, or a whole grid"},
    {.key = "trial_weights",
     .type = FIELD_INT,
     .offset = offsetof(struct search_form, trial_weights),
     .min = 1,
     .max = 1e15,
     .summary = "networks with more weights are not tried"},
    {.key = "seconds",
     .type = FIELD_REAL,
     .offset = offsetof(struct search_form, seconds),
     .min = 0.1,
     .max = SECONDS_MAX,
     .summary = "of running, without pauses"},
    {.key = "trial_seconds",
     .type = FIELD_REAL,
     .offset = offsetof(struct search_form, trial_seconds),
     .min = 0.1,
     .max = SECONDS_MAX,
     .summary = "of a trial's training, all folds together"},
    {.key = NULL},
};

static void sampler_names(const char *names[SAMPLERS_MAX])
{
    size_t n = 0;

    for (; sampler_kinds[n]; n++)
        names[n] = sampler_kinds[n]->name;
    names[n] = "auto";
}

static void pruner_names(const char *names[PRUNERS_MAX])
{
    names[0] = "none";
    for (size_t i = 0; pruner_kinds[i]; i++)
        names[i + 1] = pruner_kinds[i]->name;
}

const struct field *definition_sampler_fields(const struct sampler_kind *k)
{
    return !k || strcmp(k->name, "grid") == 0 ? sampler_fields : kind_fields;
}

static void decode_sampler(const struct decoding *c, struct search_form *f)
{
    const cJSON *item = decode_member(&c->root, "sampler");
    const char *names[SAMPLERS_MAX] = {NULL};
    struct reader r, word;

    f->sampler = "auto";
    if (!item)
        return;
    sampler_names(names);
    r = reader_child(&c->root, item, 0);
    if (!decode_kind(&r, &word)) {
        reader_fault(&r, "sampler: \"kind\" is missing");
        return;
    }
    if (reader_word(&word, names, NULL, &f->sampler) && cJSON_IsObject(item))
        field_decode_object(&r, sampler_fields, NULL, f);
    if (f->has_shuffle && strcmp(f->sampler, "grid") != 0 && strcmp(f->sampler, "auto") != 0)
        reader_fault(&r, "shuffle is for sampler \"grid\"");
}

const struct field *definition_pruner_fields(const struct pruner_kind *k)
{
    return k && k->revisits ? revisit_fields : k && k->has_alpha ? alpha_fields : kind_fields;
}

static bool has_one_fold(const struct split_spec *s)
{
    return s->kind == SPLIT_HOLDOUT && s->n_repeats < 2;
}

static void decode_pruner(const struct decoding *c)
{
    const cJSON *item = decode_member(&c->root, "pruner");
    const char *names[PRUNERS_MAX] = {NULL}, *name;
    struct definition *d = c->d;
    struct reader r, word;

    d->alpha = 0.1;
    d->revisit = true;
    if (d->objective)
        return; /* it has pruners of its own */
    if (!item) { /* the standard search races where there are folds to race over */
        if (!decode_member(&c->root, "space") && !has_one_fold(&d->split))
            d->pruner = pruner_find("racing");
        return;
    }
    pruner_names(names);
    r = reader_child(&c->root, item, 0);
    if (!decode_kind(&r, &word)) {
        reader_fault(&r, "pruner: \"kind\" is missing");
        return;
    }
    if (!reader_word(&word, names, NULL, &name))
        return;
    d->pruner = pruner_find(name);
    if (cJSON_IsObject(item))
        field_decode_object(&r, definition_pruner_fields(d->pruner), NULL, d);
    if (d->pruner && !d->pruner->ladder && has_one_fold(&d->split))
        reader_fault(&word,
                     "pruner \"%s\" compares folds, and a holdout has one: give it repeats, or "
                     "another kind of cross-validation",
                     name);
}

/* ---- for documentation ---------------------------------------------------------------------- */

void decode_document_names(const char *const *names, struct json *j)
{
    json_object_inline(j, NULL);
    field_document_words(names, j);
    json_end(j);
}

void decode_document_kind(const char *const *names, const struct field *fields, struct json *j)
{
    json_object(j, NULL);
    json_string(j, "type", "object");
    json_object(j, "properties");
    json_object_inline(j, "kind");
    field_document_words(names, j);
    json_end(j);
    for (const struct field *f = fields + 1; f->key; f++)
        field_document_one(f, FIELD_REQUEST, j, f->key);
    json_end(j);
    json_bool(j, "additionalProperties", false);
    json_array_inline(j, "required");
    json_string(j, NULL, "kind");
    json_end(j);
    json_end(j);
}

void decode_document_sampler(struct json *j)
{
    static const char *const shuffled[] = {"grid", "auto", NULL};
    const char *names[SAMPLERS_MAX] = {NULL}, *others[SAMPLERS_MAX] = {NULL};
    size_t n = 0;

    sampler_names(names);
    for (const char **name = names; *name; name++)
        if (!words_has(shuffled, *name))
            others[n++] = *name;
    json_array(j, "anyOf");
    decode_document_names(names, j);
    decode_document_kind(shuffled, sampler_fields, j);
    decode_document_kind(others, kind_fields, j);
    json_end(j);
}

void decode_document_pruner(struct json *j)
{
    const char *names[PRUNERS_MAX] = {NULL};

    pruner_names(names);
    json_array(j, "anyOf");
    decode_document_names(names, j);
    for (const char **name = names; *name; name++) {
        const char *const one[] = {*name, NULL};

        decode_document_kind(one, definition_pruner_fields(pruner_find(*name)), j);
    }
    json_end(j);
}

static void decode_budget(const struct decoding *c, struct search_form *f)
{
    const cJSON *item = decode_member(&c->root, "budget");
    struct reader r;

    f->trials = DEFINITION_TRIALS;
    if (!item)
        return;
    r = reader_child(&c->root, item, 0);
    if (decode_is_object(&r))
        field_decode_object(&r, definition_budget_fields, NULL, f);
    if (c->d->objective && f->trial_weights > 0)
        reader_fault(&r, "budget: trial_weights needs networks that are trained here");
    if (c->d->objective && f->trial_seconds > 0)
        reader_fault(&r, "budget: trial_seconds is for what is trained here; a trial of an "
                         "objective has its lease_seconds");
    c->d->seconds = f->seconds;
    c->d->trial_seconds = f->trial_seconds;
}

/* ---- space --------------------------------------------------------------------------------- */

static enum err decode_space(const struct decoding *c, struct error *e)
{
    CLEANUP(reader_close) cJSON *standard = NULL;
    const cJSON *item = decode_member(&c->root, "space");
    struct reader r = {.faults = c->faults, .pointer = "/space", .name = "space"};

    if (item) {
        r.item = item;
        if (decode_is_object(&r))
            dimensions_read(&r, c->facts->task, c->d);
        return ERR_OK;
    }
    if (c->d->objective) {
        faults_add(c->faults, "/space", NULL,
                   "space is missing: give the dimensions of what is trained elsewhere");
        return ERR_OK;
    }
    TRY(reader_open(dimensions_standard(c->facts->n_rows),
                    strlen(dimensions_standard(c->facts->n_rows)), NULL, &standard, e));
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

enum { LOOKED_AT = 1 << 20 }; /* points of a restricted space that are looked at to count them */

/* Those that may be tried. SPACE_INFINITE also where they cannot be addressed, or counted. */
static enum err count_points(const struct space *s, enum space_levels which, uint64_t *out,
                             struct error *e)
{
    struct points *p;
    enum err failed = points_create(s, which, &p, e);

    *out = SPACE_INFINITE;
    if (failed == ERR_INVALID)
        return ERR_OK;
    TRY(failed);
    failed = points_allowed(p, LOOKED_AT, out, e);
    points_destroy(p);
    return failed;
}

static void plan_grid(const struct decoding *c, const struct search_form *f, uint64_t points)
{
    struct definition *d = c->d;

    d->shuffle = f->shuffle;
    if (!f->has_trials && points == SPACE_INFINITE) {
        faults_add(c->faults, "/budget/trials", NULL,
                   "the grid has too many points to look which of them obey \"require\": give "
                   "budget.trials");
        return;
    }
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

/* Lets the sampler say whether it can search the space, and whether it finds a point that it may
 * try. */
static enum err try_sampler(const struct decoding *c, const struct space *s, bool *good,
                            struct error *e)
{
    struct sampler_settings settings = {.seed = c->d->seed_search};
    struct sampler *sampler = NULL;
    enum err failed = sampler_create(c->d->sampler, s, &settings, &sampler, e);

    *good = !failed;
    if (!failed)
        failed = rules_try(c, sampler, good, e);
    else
        failed = space_fault(c, failed, e);
    sampler_destroy(sampler);
    return failed;
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
                                                              : "tpe");
    TRY(try_sampler(c, s, &good, e));
    if (!good)
        return ERR_OK;
    TRY(count_points(s, d->sampler->levels, &points, e));
    d->trials = f->trials;
    d->trial_weights = f->trial_weights;
    if (d->sampler->levels == SPACE_GRID)
        plan_grid(c, f, points);
    d->whole_space = points <= (uint64_t)d->trials;
    d->planned_trials = d->whole_space ? (int64_t)points : d->trials;
    return ERR_OK;
}

/* ---- warnings ------------------------------------------------------------------------------ */

/* Whoever wrote down the folds knew of groups and times. */
static bool ignores(enum split_kind kind, enum column_role role)
{
    return kind != SPLIT_PREDEFINED && split_kind_needs(kind) != role;
}

static enum err collect_warnings(const struct decoding *c, const struct space *s, struct error *e)
{
    struct definition *d = c->d;
    const char **list;
    const char *const *unused;
    size_t n;

    if (d->objective)
        return ERR_OK;
    TRY(dimensions_warn(s, c->faults->arena, &n, &unused, e));
    list = arena_alloc(c->faults->arena, n + 3, sizeof *list);
    if (!list)
        return error_no_memory(e);
    if (n > 0)
        memcpy(list, unused, n * sizeof *list);
    if (strcmp(d->metric->name, "accuracy") == 0 && c->facts->rarest_share < 0.1)
        list[n++] = "the rarest class has less than 10 % of the rows: accuracy says little of it";
    if (c->facts->has_group && ignores(d->split.kind, ROLE_GROUP))
        list[n++] = "the data set has a group column that this kind of cross-validation ignores: "
                    "scores may be too good";
    if (c->facts->has_time && ignores(d->split.kind, ROLE_TIME))
        list[n++] = "the data set has a time column that this kind of cross-validation ignores: "
                    "scores may be too good";
    d->n_warnings = n;
    d->warnings = list;
    return ERR_OK;
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Trials that are compared on their way have to be on the same one. */
static void check_rungs(const struct decoding *c)
{
    const struct definition *d = c->d;
    const struct pruner_kind *p = d->pruner;
    uint32_t epochs = d->objective ? 0 : definition_epochs(d);

    if (d->objective || !p || (!p->ladder && !d->race_epochs))
        return;
    if (epochs == 0)
        faults_add(c->faults, "/space/epochs", NULL,
                   "pruner \"%s\" compares trials after the same epochs: give epochs one value",
                   p->name);
    else if (epochs < RUNGS_RATIO)
        faults_add(c->faults, "/space/epochs", NULL,
                   "pruner \"%s\" stops trials after a third of their epochs or less: give 3 or "
                   "more, not %" PRIu32,
                   p->name, epochs);
    if (p->ladder && p->ladder->bracket && d->sampler && d->sampler->generation)
        faults_add(c->faults, "/pruner", NULL,
                   "pruner \"%s\" compares trials in brackets, and sampler \"%s\" proposes them in "
                   "generations of its own: take another of the two",
                   p->name, d->sampler->name);
}

static enum err complete_search(const struct decoding *c, const struct search_form *f,
                                struct error *e)
{
    struct space *s = NULL;
    enum err failed = space_create(c->d->expanded, c->d->n_expanded, &s, e);

    if (failed)
        return space_fault(c, failed, e);
    failed = rules_decode(c, f->trial_weights, s, e);
    if (!failed && c->faults->n == 0)
        failed = choose_search(c, f, s, e);
    if (!failed && c->faults->n == 0)
        check_rungs(c);
    if (!failed && c->faults->n == 0)
        failed = collect_warnings(c, s, e);
    space_destroy(s);
    return failed;
}

enum err decode_search(const struct decoding *c, struct error *e)
{
    struct search_form f = {0};
    size_t before = c->faults->n;

    decode_sampler(c, &f);
    decode_pruner(c);
    decode_budget(c, &f);
    TRY(decode_space(c, e));
    if (c->faults->n > before || c->faults->failed)
        return ERR_OK;
    return complete_search(c, &f, e);
}
