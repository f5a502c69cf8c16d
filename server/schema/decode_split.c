#include "server/schema/decode.h"

#include <stdio.h>
#include <string.h>

#include "server/schema/object.h"

/* Of one trial: each is a row of the database and an object in memory from the start. */
enum { MAX_FOLDS = 100000 };

/* ---- cross-validation ---------------------------------------------------------------------- */

/* As written; what does not come keeps these values. */
struct split_form {
    int64_t folds, repeats, gap;
    bool shuffle;
    double test_fraction;
    bool has_folds, has_repeats, has_gap, has_shuffle, has_test_fraction;
};

const struct field definition_split_fields[] = {
    {.key = "kind", .type = FIELD_OTHER},
    {.key = "folds",
     .type = FIELD_INT,
     .offset = offsetof(struct split_form, folds),
     .present_offset = offsetof(struct split_form, has_folds),
     .min = 2,
     .max = SPLIT_FOLDS_MAX,
     .default_json = "5",
     .summary = "how many"},
    {.key = "repeats",
     .type = FIELD_INT,
     .offset = offsetof(struct split_form, repeats),
     .present_offset = offsetof(struct split_form, has_repeats),
     .min = 1,
     .max = SPLIT_REPEATS_MAX,
     .default_json = "1",
     .summary = "of the whole, cut anew"},
    {.key = "shuffle",
     .type = FIELD_BOOL,
     .offset = offsetof(struct split_form, shuffle),
     .present_offset = offsetof(struct split_form, has_shuffle),
     .default_json = "true",
     .summary = "mix the rows by seed first"},
    {.key = "test_fraction",
     .type = FIELD_REAL,
     .offset = offsetof(struct split_form, test_fraction),
     .present_offset = offsetof(struct split_form, has_test_fraction),
     .min = 0.001,
     .max = 0.999,
     .default_json = "0.2",
     .summary = "of the rows, for validation"},
    {.key = "gap",
     .type = FIELD_INT,
     .offset = offsetof(struct split_form, gap),
     .present_offset = offsetof(struct split_form, has_gap),
     .max = UINT32_MAX,
     .default_json = "0",
     .summary = "rows in time before each validation part that do not train"},
    {.key = NULL},
};

/* What the data says about its rows decides; a plan of its own before all else. */
static enum split_kind default_split(const struct decoding *c)
{
    const struct definition_facts *facts = c->facts;

    if (facts->n_folds > 0)
        return SPLIT_PREDEFINED;
    if (facts->has_group && facts->task == TASK_CLASSIFICATION)
        return SPLIT_STRATIFIED_GROUP_KFOLD;
    if (facts->has_group)
        return SPLIT_GROUP_KFOLD;
    return facts->has_time ? SPLIT_TIME_SERIES : SPLIT_STRATIFIED_KFOLD;
}

static bool has_column(const struct definition_facts *facts, enum column_role role)
{
    return facts->unknown ||
           ((role != ROLE_FOLD || facts->n_folds > 0) && (role != ROLE_GROUP || facts->has_group) &&
            (role != ROLE_TIME || facts->has_time));
}

static enum split_kind decode_split_kind(const struct decoding *c, const struct reader *r)
{
    enum split_kind kind = default_split(c);
    struct reader word;
    const char *name;

    if (!r->item || !decode_kind(r, &word))
        return kind;
    word.name = "kind";
    if (reader_word(&word, split_kind_names(), NULL, &name))
        (void)split_kind_find(name, &kind); /* one of the known */
    if (!has_column(c->facts, split_kind_needs(kind)))
        reader_fault(&word, "kind \"%s\" needs a data set with a %s column", split_kind_name(kind),
                     table_role_name(split_kind_needs(kind)));
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

static void check_split(const struct decoding *c, const struct split_form *f, enum split_kind kind)
{
    size_t rows = c->facts->n_rows - c->facts->n_test_rows;
    unsigned uses = split_kind_uses(kind);

    refuse_unused(c, f->has_folds && !(uses & SPLIT_USES_FOLDS), "folds", kind);
    refuse_unused(c, f->has_repeats && !(uses & SPLIT_USES_REPEATS), "repeats", kind);
    refuse_unused(c, f->has_shuffle && !(uses & SPLIT_USES_SHUFFLE), "shuffle", kind);
    refuse_unused(c, f->has_test_fraction && !(uses & SPLIT_USES_TEST_FRACTION), "test_fraction",
                  kind);
    refuse_unused(c, f->has_gap && !(uses & SPLIT_USES_GAP), "gap", kind);
    if (uses & SPLIT_USES_FOLDS && kind != SPLIT_SHUFFLE_SPLIT && (size_t)f->folds > rows)
        faults_add(c->faults, "/cross_validation/folds", NULL,
                   "folds %lld is above the data set's %zu rows", (long long)f->folds, rows);
    if (uses & SPLIT_USES_FOLDS && f->folds * f->repeats > MAX_FOLDS)
        faults_add(c->faults, "/cross_validation/repeats", NULL,
                   "folds %lld times repeats %lld are %lld folds per trial, above %d",
                   (long long)f->folds, (long long)f->repeats, (long long)(f->folds * f->repeats),
                   MAX_FOLDS);
    if (!f->shuffle && f->repeats > 1)
        faults_add(c->faults, "/cross_validation/repeats", NULL,
                   "repeats above 1 need \"shuffle\": true; else every repeat is the same");
}

/* Whether cross_validation says which kind; else the data's columns do. */
static bool is_said(const cJSON *item)
{
    return cJSON_IsString(item) || cJSON_GetObjectItemCaseSensitive(item, "kind");
}

static void decode_folds(const struct decoding *c)
{
    const cJSON *item = decode_member(&c->root, "cross_validation");
    struct split_form f = {.folds = 5, .repeats = 1, .shuffle = true, .test_fraction = 0.2};
    struct reader r = {.item = NULL};
    enum split_kind kind;

    if (item) {
        r = reader_child(&c->root, item, 0);
        if (!cJSON_IsString(item) && !decode_is_object(&r))
            return;
        if (cJSON_IsObject(item))
            field_decode_object(&r, definition_split_fields, NULL, &f);
    }
    kind = decode_split_kind(c, &r);
    if (!c->facts->unknown || is_said(item))
        check_split(c, &f, kind);
    c->d->split.kind = kind;
    c->d->split.n_folds = (uint32_t)f.folds;
    c->d->split.n_repeats = (uint32_t)f.repeats;
    c->d->split.shuffle = f.shuffle;
    c->d->split.test_fraction = f.test_fraction;
    c->d->split.gap = (size_t)f.gap;
}

bool definition_split_uses(enum split_kind kind, const struct field *f)
{
    static const struct {
        const char *key;
        unsigned bit;
    } USES[] = {
        {"folds", SPLIT_USES_FOLDS},
        {"repeats", SPLIT_USES_REPEATS},
        {"shuffle", SPLIT_USES_SHUFFLE},
        {"test_fraction", SPLIT_USES_TEST_FRACTION},
        {"gap", SPLIT_USES_GAP},
    };

    for (size_t i = 0; i < sizeof USES / sizeof *USES; i++)
        if (strcmp(USES[i].key, f->key) == 0)
            return split_kind_uses(kind) & USES[i].bit;
    return false;
}

/* {"kind": NAME, …} with the keys that the kind uses; without a name those of the default. */
static void document_kind(const char *name, enum split_kind kind, struct json *j)
{
    json_object(j, NULL);
    json_string(j, "type", "object");
    json_object(j, "properties");
    if (name) {
        json_object_inline(j, "kind");
        json_string(j, "const", name);
        json_end(j);
    }
    for (const struct field *f = definition_split_fields; f->key; f++)
        if (definition_split_uses(kind, f))
            field_document_one(f, FIELD_REQUEST, j, f->key);
    json_end(j);
    json_bool(j, "additionalProperties", false);
    if (name) {
        json_array_inline(j, "required");
        json_string(j, NULL, "kind");
        json_end(j);
    }
    json_end(j);
}

void decode_document_split(struct json *j)
{
    enum split_kind kind = SPLIT_STRATIFIED_KFOLD;

    json_array(j, "anyOf");
    json_object_inline(j, NULL);
    field_document_words(split_kind_names(), j);
    json_end(j);
    document_kind(NULL, kind, j);
    for (const char *const *name = split_kind_names(); *name; name++) {
        (void)split_kind_find(*name, &kind); /* one of the known */
        document_kind(*name, kind, j);
    }
    json_end(j);
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

void decode_document_sealed(struct json *j)
{
    json_array(j, "anyOf");
    json_object_inline(j, NULL);
    json_string(j, "const", "split");
    json_end(j);
    field_document(sealed_fields, FIELD_REQUEST, j, NULL);
    json_end(j);
}

static void decode_sealed(const struct decoding *c)
{
    static const char *const words[] = {"split", NULL};
    const cJSON *item = decode_member(&c->root, "sealed");
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

void decode_document_seed(struct json *j)
{
    json_array(j, "anyOf");
    json_object_inline(j, NULL);
    json_string(j, "type", "integer");
    json_i64(j, "minimum", 0);
    json_i64(j, "maximum", READER_INT_MAX);
    json_end(j);
    field_document(seed_fields, FIELD_REQUEST, j, NULL);
    json_end(j);
}

void decode_seed(const struct decoding *c)
{
    const cJSON *item = decode_member(&c->root, "seed");
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

void decode_split(const struct decoding *c)
{
    decode_folds(c);
    decode_sealed(c);
}
