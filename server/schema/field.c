#include "server/schema/field.h"

#include <math.h>
#include <string.h>

#include "core/base/words.h"
#include "server/clock.h"
#include "server/schema/object.h"
#include "server/schema/reader.h"

enum { FIELDS_MAX = 64, TEXT_DEFAULT_MAX = 10000 };

static size_t count(const struct field *fields)
{
    size_t n = 0;

    while (fields[n].key)
        n++;
    return n;
}

/* ---- decoding ------------------------------------------------------------------------------ */

static void decode_int(const struct field *f, const struct reader *r, int64_t *out)
{
    bool any = f->min == 0 && f->max == 0;

    (void)reader_int(r, any ? -READER_INT_MAX : (int64_t)f->min,
                     any ? READER_INT_MAX : (int64_t)f->max, out); /* its fault says it */
}

static void decode_real(const struct field *f, const struct reader *r, double *out)
{
    bool any = f->min == 0 && f->max == 0;

    (void)reader_real(r, any ? -1e308 : f->min, any ? 1e308 : f->max, out); /* its fault says it */
}

static void decode_text(const struct field *f, const struct reader *r, const char **out)
{
    size_t max = f->max > 0 ? (size_t)f->max : TEXT_DEFAULT_MAX;

    if (f->choices)
        (void)reader_word(r, f->choices, f->absent_choices, out); /* its fault says it */
    else if (cJSON_IsString(r->item) && (double)strlen(r->item->valuestring) < f->min)
        reader_fault(r, "%s: a text is needed, this one is too short", r->name);
    else
        (void)reader_text(r, max, out); /* its fault says it */
}

static void decode_texts(const struct field *f, const struct reader *r, struct field_texts *out)
{
    size_t n = (size_t)cJSON_GetArraySize(r->item), i = 0;
    const char **items = arena_alloc(r->faults->arena, n + 1, sizeof *items);
    const cJSON *child;
    bool good = true;

    if (!cJSON_IsArray(r->item)) {
        reader_expected(r, "a list of texts");
        return;
    }
    if (f->max > 0 && (double)n > f->max) {
        reader_fault(r, "%s: %zu items are above %zu", r->name, n, (size_t)f->max);
        return;
    }
    if (!items) {
        r->faults->failed = true;
        return;
    }
    cJSON_ArrayForEach(child, r->item)
    {
        struct reader element = reader_child(r, child, i);

        good = reader_text(&element, FIELD_TEXTS_BYTES, &items[i]) && good;
        i++;
    }
    if (good)
        *out = (struct field_texts){.n = n, .items = items};
}

static void decode_field(const struct field *f, const struct reader *r, char *out)
{
    switch (f->type) {
    case FIELD_BOOL:
        (void)reader_bool(r, (bool *)(void *)(out + f->offset)); /* its fault says it */
        break;
    case FIELD_INT:
        decode_int(f, r, (int64_t *)(void *)(out + f->offset));
        break;
    case FIELD_REAL:
        decode_real(f, r, (double *)(void *)(out + f->offset));
        break;
    case FIELD_TEXT:
        decode_text(f, r, (const char **)(void *)(out + f->offset));
        break;
    case FIELD_TEXTS:
        decode_texts(f, r, (struct field_texts *)(void *)(out + f->offset));
        break;
    case FIELD_TIME:
    case FIELD_JSON:
    case FIELD_OBJECT:
    case FIELD_OTHER:
        return;
    }
    if (f->present_offset > 0)
        *(bool *)(void *)(out + f->present_offset) = true;
}

/* null, [] and {} are as if the key were left out. */
static bool is_nothing(const cJSON *item)
{
    return cJSON_IsNull(item) || ((cJSON_IsArray(item) || cJSON_IsObject(item)) && !item->child);
}

void field_decode_object(const struct reader *object, const struct field *fields,
                         const char *const *absent, void *out)
{
    const char *known[FIELDS_MAX + 1] = {NULL};
    bool came[FIELDS_MAX] = {false};
    size_t n = count(fields);
    const cJSON *item;

    for (size_t i = 0; i < n; i++)
        known[i] = fields[i].key;
    cJSON_ArrayForEach(item, object->item)
    {
        struct reader r = reader_child(object, item, 0);

        if (object->faults->n == FAULTS_MAX)
            return;
        if (is_nothing(item) && words_has(absent, item->string))
            continue;
        if (!reader_known(&r, known, absent) || cJSON_IsNull(item))
            continue;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(fields[i].key, item->string) != 0)
                continue;
            came[i] = true;
            decode_field(&fields[i], &r, out);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (fields[i].required && !came[i])
            faults_add(object->faults, object->pointer, NULL, "%s is missing: %s", fields[i].key,
                       fields[i].summary);
}

enum err field_decode(const char *body, size_t length, const struct field *fields, void *out,
                      struct arena *a, struct faults *faults, struct error *e)
{
    CLEANUP(reader_close) cJSON *root = NULL;
    struct reader r = {.faults = faults, .pointer = "", .name = "body"};

    faults_init(faults, a);
    TRY(reader_open(body, length, faults, &root, e));
    r.item = root;
    field_decode_object(&r, fields, NULL, out);
    return faults_check(faults, e);
}

/* ---- encoding ------------------------------------------------------------------------------ */

static void encode_texts(const struct field_texts *t, struct json *j, const char *key)
{
    json_array_inline(j, key);
    for (size_t i = 0; i < t->n; i++)
        json_string(j, NULL, t->items[i]);
    json_end(j);
}

static void encode_time(int64_t ms, struct json *j, const char *key)
{
    char text[CLOCK_TEXT_BYTES];

    if (ms != 0)
        clock_text(ms, text);
    json_string(j, key, ms != 0 ? text : NULL);
}

static void encode_json(const char *text, struct json *j, const char *key)
{
    if (text)
        json_raw(j, key, text);
    else
        json_null(j, key);
}

static bool is_left_out(const struct field *f, const void *in, const void *member)
{
    if (f->present && !f->present(in))
        return true;
    return f->optional && ((f->type == FIELD_REAL && isnan(*(const double *)member)) ||
                           (f->type == FIELD_TEXT && !*(const char *const *)member));
}

void field_encode_one(const struct field *f, const void *in, struct json *j, const char *key)
{
    const void *member = (const char *)in + f->offset;

    if (is_left_out(f, in, member))
        return;
    switch (f->type) {
    case FIELD_BOOL:
        json_bool(j, key, *(const bool *)member);
        break;
    case FIELD_INT:
        json_i64(j, key, *(const int64_t *)member);
        break;
    case FIELD_REAL:
        json_double(j, key, *(const double *)member);
        break;
    case FIELD_TEXT:
        json_string(j, key, *(const char *const *)member);
        break;
    case FIELD_TEXTS:
        encode_texts(member, j, key);
        break;
    case FIELD_TIME:
        encode_time(*(const int64_t *)member, j, key);
        break;
    case FIELD_JSON:
        encode_json(*(const char *const *)member, j, key);
        break;
    case FIELD_OBJECT:
        json_object(j, key);
        field_encode(f->fields, member, j);
        json_end(j);
        break;
    case FIELD_OTHER:
        if (f->write)
            f->write(in, j, key);
        break;
    }
}

void field_encode(const struct field *fields, const void *in, struct json *j)
{
    for (; fields->key; fields++)
        field_encode_one(fields, in, j, fields->key);
}
