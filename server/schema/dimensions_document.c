/*
 * The forms that a dimension of `space` may take: the table by which the object form is decoded,
 * and the JSON Schema of them all, hyperparameter by hyperparameter.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/words.h"
#include "core/search/space.h"
#include "core/train/hyper.h"
#include "server/schema/dimensions.h"

static const char *const scales[] = {"linear", "log", NULL};
static const char *const types[] = {"int", "float", NULL};

/* The range of a number goes by its hyperparameter and is checked there. */
const struct field dimensions_form_fields[] = {
    {.key = "choices", .type = FIELD_OTHER},
    {.key = "min",
     .type = FIELD_REAL,
     .offset = offsetof(struct dimensions_form, min),
     .present_offset = offsetof(struct dimensions_form, has_min),
     .summary = "included"},
    {.key = "max",
     .type = FIELD_REAL,
     .offset = offsetof(struct dimensions_form, max),
     .present_offset = offsetof(struct dimensions_form, has_max),
     .summary = "included"},
    {.key = "scale",
     .type = FIELD_TEXT,
     .offset = offsetof(struct dimensions_form, scale),
     .present_offset = offsetof(struct dimensions_form, has_scale),
     .choices = scales,
     .default_json = "\"linear\""},
    {.key = "step",
     .type = FIELD_REAL,
     .offset = offsetof(struct dimensions_form, step),
     .present_offset = offsetof(struct dimensions_form, has_step),
     .summary = "from value to value, above 0"},
    {.key = "points",
     .type = FIELD_INT,
     .offset = offsetof(struct dimensions_form, points),
     .present_offset = offsetof(struct dimensions_form, has_points),
     .min = 1,
     .max = SPACE_POINTS_MAX,
     .summary = "how many levels a grid takes"},
    {.key = "type",
     .type = FIELD_TEXT,
     .offset = offsetof(struct dimensions_form, type),
     .choices = types,
     .default_json = "\"float\""},
    {.key = "per_layer",
     .type = FIELD_BOOL,
     .offset = offsetof(struct dimensions_form, per_layer),
     .default_json = "false",
     .summary = "one independent dimension for every hidden layer"},
    {.key = NULL},
};


/* ---- one value --------------------------------------------------------------------------- */

static void document_number(const struct hyper *h, struct json *j)
{
    json_string(j, "type", h->type == HYPER_REAL ? "number" : "integer");
    json_double(j, h->above_min ? "exclusiveMinimum" : "minimum", h->min);
    json_double(j, h->below_max ? "exclusiveMaximum" : "maximum", h->max);
}

static void document_widths(const struct hyper *h, struct json *j)
{
    json_string(j, "type", "array");
    json_i64(j, "maxItems", VALUE_LIST_MAX);
    json_object_inline(j, "items");
    document_number(h, j);
    json_end(j);
}

/* A number, or a word that stands in its place. */
static void document_number_or_word(const struct hyper *h, struct json *j)
{
    json_array(j, "anyOf");
    json_object_inline(j, NULL);
    document_number(h, j);
    json_end(j);
    json_object_inline(j, NULL);
    if (h->may_be_false)
        json_bool(j, "const", false);
    field_document_words(h->choices, j);
    json_end(j);
    json_end(j);
}

static bool is_number(const struct hyper *h)
{
    return !h || h->type == HYPER_INT || h->type == HYPER_REAL;
}

/* What a dimension of a study may be: it means something to others. */
static void document_anything(struct json *j)
{
    static const char *const any[] = {"string", "number", "boolean", "array", NULL};

    json_array_inline(j, "type");
    for (const char *const *type = any; *type; type++)
        json_string(j, NULL, *type);
    json_end(j);
    json_object_inline(j, "items");
    json_string(j, "type", "integer");
    json_end(j);
}

static void document_value(const struct hyper *h, struct json *j, const char *key)
{
    json_object_inline(j, key);
    if (!h)
        document_anything(j);
    else if (h->type == HYPER_BOOL)
        json_string(j, "type", "boolean");
    else if (h->type == HYPER_CHOICE)
        field_document_words(h->choices, j);
    else if (h->type == HYPER_WIDTHS)
        document_widths(h, j);
    else if (h->choices || h->may_be_false)
        document_number_or_word(h, j);
    else
        document_number(h, j);
    json_end(j);
}

/* ---- choices and ranges ------------------------------------------------------------------ */

static void document_list(const struct hyper *h, struct json *j, const char *key)
{
    json_object(j, key);
    json_string(j, "type", "array");
    json_i64(j, "minItems", 1);
    json_i64(j, "maxItems", SPACE_CHOICES_MAX);
    json_bool(j, "uniqueItems", true);
    document_value(h, j, "items");
    json_end(j);
}

static bool is_end(const struct field *f)
{
    return strcmp(f->key, "min") == 0 || strcmp(f->key, "max") == 0;
}

/* Which keys of the object form go together. */
static bool belongs(const struct field *f, const struct hyper *h, bool range)
{
    static const char *const of_ranges[] = {"min", "max", "scale", "step", "points", NULL};

    if (strcmp(f->key, "type") == 0)
        return !h && range;
    if (strcmp(f->key, "per_layer") == 0)
        return h && h->per_layer;
    return words_has(of_ranges, f->key) == range;
}

static void document_key(const struct field *f, const struct hyper *h, struct json *j)
{
    if (strcmp(f->key, "choices") == 0) {
        document_list(h, j, f->key);
    } else if (is_end(f) && h) {
        json_object_inline(j, f->key);
        document_number(h, j);
        json_end(j);
    } else {
        struct field needed = *f;

        needed.required = is_end(f);
        field_document_one(&needed, FIELD_REQUEST, j, f->key);
    }
}

static void document_object(const struct hyper *h, bool range, struct json *j)
{
    json_object(j, NULL);
    json_string(j, "type", "object");
    json_object(j, "properties");
    for (const struct field *f = dimensions_form_fields; f->key; f++)
        if (belongs(f, h, range))
            document_key(f, h, j);
    json_end(j);
    json_bool(j, "additionalProperties", false);
    json_array_inline(j, "required");
    json_string(j, NULL, range ? "min" : "choices");
    if (range)
        json_string(j, NULL, "max");
    json_end(j);
    json_end(j);
}

/* ---- dimensions -------------------------------------------------------------------------- */

/* A default that depends is a sentence, and no value. */
static bool is_sentence(const struct hyper *h)
{
    char word[64];

    if (h->default_json[0] != '"')
        return false;
    for (const char *const *choice = h->choices; choice && *choice; choice++) {
        (void)snprintf(word, sizeof word, "\"%s\"", *choice); /* short words */
        if (strcmp(word, h->default_json) == 0)
            return false;
    }
    return true;
}

static void document_summary(const struct hyper *h, struct json *j)
{
    CLEANUP(buf_finish) struct buf text = {0};
    int n = (int)strlen(h->default_json);

    buf_puts(&text, h->summary);
    if (is_sentence(h))
        buf_printf(&text, "; default: %.*s", n - 2, h->default_json + 1);
    j->out->failed |= text.failed;
    json_string(j, "description", buf_text(&text));
}

static void document_dimension(const struct hyper *h, struct json *j, const char *key)
{
    json_object(j, key);
    if (h)
        document_summary(h, j);
    json_array(j, "anyOf");
    document_value(h, j, NULL);
    document_list(h, j, NULL);
    if (is_number(h))
        document_object(h, true, j);
    document_object(h, false, j);
    json_end(j);
    if (h && !is_sentence(h))
        json_raw(j, "default", h->default_json);
    json_end(j);
}

/* One layer's own: width_1, width_2, … */
static void document_layers(const struct hyper *h, struct json *j)
{
    struct hyper own = *h;
    char pattern[64];

    own.per_layer = false;
    (void)snprintf(pattern, sizeof pattern, "^%s_[1-9][0-9]*$", h->name); /* short names */
    document_dimension(&own, j, pattern);
}

void dimensions_document(struct json *j)
{
    json_string(j, "type", "object");
    json_object(j, "properties");
    for (size_t i = 0; i < hyper_count(); i++)
        document_dimension(hyper_at(i), j, hyper_at(i)->name);
    json_end(j);
    json_object(j, "patternProperties");
    for (size_t i = 0; i < hyper_count(); i++)
        if (hyper_at(i)->per_layer)
            document_layers(hyper_at(i), j);
    json_end(j);
    json_bool(j, "additionalProperties", false);
}

void dimensions_document_study(struct json *j)
{
    json_string(j, "type", "object");
    json_i64(j, "maxProperties", SPACE_DIMENSIONS_MAX);
    json_object_inline(j, "propertyNames");
    json_i64(j, "minLength", 1);
    json_i64(j, "maxLength", DIMENSIONS_NAME_BYTES);
    json_end(j);
    document_dimension(NULL, j, "additionalProperties");
}
