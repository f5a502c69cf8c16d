/*
 * Field tables as JSON Schema (2020-12): what a request may hold is described exactly, of an answer
 * what a client can count on.
 */
#include <stdio.h>

#include "server/schema/field.h"
#include "server/schema/reader.h"

const char *field_type_name(const struct field *f)
{
    switch (f->type) {
    case FIELD_BOOL:
        return "boolean";
    case FIELD_INT:
        return "integer";
    case FIELD_REAL:
        return "number";
    case FIELD_TEXT:
    case FIELD_TIME:
        return "string";
    case FIELD_TEXTS:
        return "array";
    case FIELD_OBJECT:
    case FIELD_JSON:
    case FIELD_OTHER:
        break;
    }
    return NULL;
}

void field_document_text(struct json *j)
{
    json_string(j, "type", "string");
}

void field_document_integer(struct json *j)
{
    json_string(j, "type", "integer");
}

void field_document_number(struct json *j)
{
    json_string(j, "type", "number");
}

void field_document_texts(struct json *j)
{
    json_string(j, "type", "array");
    json_object_inline(j, "items");
    field_document_text(j);
    json_end(j);
}

void field_document_words(const char *const *words, struct json *j)
{
    if (!words)
        return;
    json_array_inline(j, "enum");
    for (; *words; words++)
        json_string(j, NULL, *words);
    json_end(j);
}

/* {"required": [key], "properties": {key: {"not": {"type": "null"}}}} */
static void document_given(const char *key, struct json *j)
{
    json_object_inline(j, NULL);
    json_array_inline(j, "required");
    json_string(j, NULL, key);
    json_end(j);
    json_object_inline(j, "properties");
    json_object_inline(j, key);
    json_object_inline(j, "not");
    json_string(j, "type", "null");
    json_end(j);
    json_end(j);
    json_end(j);
    json_end(j);
}

void field_document_either(const char *a, const char *b, struct json *j)
{
    json_array(j, "oneOf");
    document_given(a, j);
    document_given(b, j);
    json_end(j);
}

void field_document_not_both(const char *a, const char *b, struct json *j)
{
    json_object(j, "not");
    json_array(j, "allOf");
    document_given(a, j);
    document_given(b, j);
    json_end(j);
    json_end(j);
}

void field_document_ref(const char *name, struct json *j, const char *key)
{
    char path[128];

    (void)snprintf(path, sizeof path, "#/components/schemas/%s", name); /* short names */
    json_object_inline(j, key);
    json_string(j, "$ref", path);
    json_end(j);
}

/* Decoding takes any number where there is no range: an integer then has at most 53 bits. */
static void document_range(const struct field *f, enum field_use use, struct json *j)
{
    bool any = f->min == 0 && f->max == 0;

    if (use == FIELD_ANSWER && any)
        return;
    if (any && f->type == FIELD_INT) {
        json_i64(j, "minimum", -READER_INT_MAX);
        json_i64(j, "maximum", READER_INT_MAX);
    } else if (!any) {
        json_double(j, "minimum", f->min);
        if (f->max > f->min)
            json_double(j, "maximum", f->max);
    }
}

static void document_limits(const struct field *f, enum field_use use, struct json *j)
{
    if (f->type == FIELD_INT || f->type == FIELD_REAL)
        document_range(f, use, j);
    if (f->type == FIELD_TEXT && f->min > 0)
        json_double(j, "minLength", f->min);
    if (f->type == FIELD_TEXT && f->max > 0)
        json_double(j, "maxLength", f->max);
    if (f->type == FIELD_TEXT && f->pattern)
        json_string(j, "pattern", f->pattern);
    if (f->type == FIELD_TEXTS) {
        json_object_inline(j, "items");
        json_string(j, "type", "string");
        if (use == FIELD_REQUEST)
            json_i64(j, "maxLength", FIELD_TEXTS_BYTES);
        json_end(j);
        if (f->max > 0)
            json_double(j, "maxItems", f->max);
    }
    if (f->type == FIELD_TIME)
        json_string(j, "format", "date-time");
}

static void document_type(const struct field *f, bool nullable, struct json *j)
{
    if (!nullable) {
        json_string(j, "type", field_type_name(f));
        return;
    }
    json_array_inline(j, "type");
    json_string(j, NULL, field_type_name(f));
    json_string(j, NULL, "null");
    json_end(j);
}

static void document_choices(const struct field *f, bool nullable, struct json *j)
{
    if (!f->choices)
        return;
    json_array_inline(j, "enum");
    for (const char *const *c = f->choices; *c; c++) {
        char descending[64];

        json_string(j, NULL, *c);
        (void)snprintf(descending, sizeof descending, "-%s", *c); /* short names */
        if (f->may_descend)
            json_string(j, NULL, descending);
    }
    if (nullable)
        json_null(j, NULL);
    json_end(j);
}

/* What stands under a key that has a form of its own, as members of the open object. */
static void document_form(const struct field *f, enum field_use use, struct json *j)
{
    char path[128];

    if (f->ref) {
        (void)snprintf(path, sizeof path, "#/components/schemas/%s", f->ref); /* short names */
        json_string(j, "$ref", path);
    } else if (f->document) {
        f->document(j);
    } else if (f->fields && f->shape == FIELD_ONE) {
        field_document_members(f->fields, use, j);
    } else if (f->fields) {
        json_string(j, "type", f->shape == FIELD_LIST ? "array" : "object");
        field_document(f->fields, use, j,
                       f->shape == FIELD_LIST ? "items" : "additionalProperties");
    }
}

static void document_nullable_form(const struct field *f, enum field_use use, struct json *j)
{
    json_array(j, "anyOf");
    json_object(j, NULL);
    document_form(f, use, j);
    json_end(j);
    json_object_inline(j, NULL);
    json_string(j, "type", "null");
    json_end(j);
    json_end(j);
}

void field_document_one(const struct field *f, enum field_use use, struct json *j, const char *key)
{
    bool nullable = use == FIELD_REQUEST ? !f->required : f->nullable;

    json_object(j, key);
    if (f->summary)
        json_string(j, "description", f->summary);
    if (field_type_name(f)) {
        document_type(f, nullable, j);
        document_limits(f, use, j);
        document_choices(f, nullable, j);
    } else if (nullable) {
        document_nullable_form(f, use, j);
    } else {
        document_form(f, use, j);
    }
    if (f->default_json)
        json_raw(j, "default", f->default_json);
    json_end(j);
}

static bool is_required(const struct field *f, enum field_use use)
{
    return use == FIELD_REQUEST ? f->required : !f->optional && !f->present;
}

static void document_required(const struct field *fields, enum field_use use, struct json *j)
{
    bool any = false;

    for (const struct field *f = fields; f->key; f++)
        any = any || is_required(f, use);
    if (!any)
        return;
    json_array_inline(j, "required");
    for (const struct field *f = fields; f->key; f++)
        if (is_required(f, use))
            json_string(j, NULL, f->key);
    json_end(j);
}

void field_document_members(const struct field *fields, enum field_use use, struct json *j)
{
    json_string(j, "type", "object");
    json_object(j, "properties");
    for (const struct field *f = fields; f->key; f++)
        field_document_one(f, use, j, f->key);
    json_end(j);
    if (use == FIELD_REQUEST)
        json_bool(j, "additionalProperties", false);
    document_required(fields, use, j);
}

void field_document(const struct field *fields, enum field_use use, struct json *j, const char *key)
{
    json_object(j, key);
    field_document_members(fields, use, j);
    json_end(j);
}
