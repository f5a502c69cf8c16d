#include "server/schema/change.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "server/schema/reader.h"

enum err change_write(const struct definition *d, struct arena *a, const char **json,
                      struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};
    struct json j;

    json_init(&j, &text);
    definition_write(d, &j, NULL);
    TRY(buf_check(&text, e));
    *json = arena_strndup(a, text.data, text.length - 1);
    return *json ? ERR_OK : error_no_memory(e);
}

enum err change_extend(const char *stored, const struct definition_facts *facts, int64_t trials,
                       struct arena *a, struct faults *faults, struct definition **out,
                       const char **json, struct error *e)
{
    struct definition *d;

    TRY(definition_decode(stored, strlen(stored), facts, a, faults, &d, e));
    d->trials += trials;
    TRY(change_write(d, a, json, e));
    return definition_decode(*json, strlen(*json), facts, a, faults, out, e);
}

/* ---- merge patches -----------------------------------------------------------------------------
 */

static void write_item(const cJSON *item, struct json *j, const char *key)
{
    const cJSON *child;

    if (cJSON_IsNumber(item)) {
        json_double(j, key, item->valuedouble);
    } else if (cJSON_IsString(item)) {
        json_string(j, key, item->valuestring);
    } else if (cJSON_IsBool(item)) {
        json_bool(j, key, cJSON_IsTrue(item));
    } else if (cJSON_IsArray(item) || cJSON_IsObject(item)) {
        (cJSON_IsArray(item) ? json_array_inline : json_object_inline)(j, key);
        cJSON_ArrayForEach(child, item) write_item(child, j, child->string);
        json_end(j);
    } else {
        json_null(j, key);
    }
}

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

/* Source  RFC 7396, section 2. `target` is NULL where there is none. */
static void write_merged(const cJSON *target, const cJSON *patch, struct json *j, const char *key)
{
    const cJSON *item, *change;

    if (!cJSON_IsObject(patch)) {
        write_item(patch, j, key);
        return;
    }
    json_object(j, key);
    if (cJSON_IsObject(target))
        cJSON_ArrayForEach(item, target)
        {
            change = member(patch, item->string);
            if (!change)
                write_item(item, j, item->string);
            else if (!cJSON_IsNull(change))
                write_merged(item, change, j, item->string);
        }
    cJSON_ArrayForEach(change, patch)
    {
        if (!member(target, change->string) && !cJSON_IsNull(change))
            write_merged(NULL, change, j, change->string);
    }
    json_end(j);
}

/* The labels as a merge patch. */
static void write_labels(const struct change_labels *labels, struct json *j)
{
    json_object(j, NULL);
    if (labels->name)
        json_string(j, "name", labels->name);
    if (labels->notes)
        json_string(j, "notes", labels->notes);
    if (labels->tags)
        json_raw(j, "tags", labels->tags);
    if (labels->priority)
        json_i64(j, "priority", *labels->priority);
    json_end(j);
}

enum err change_relabel(const char *stored, const struct change_labels *labels, struct arena *a,
                        const char **json, struct error *e)
{
    CLEANUP(reader_close) cJSON *target = NULL, *patch = NULL;
    CLEANUP(buf_finish) struct buf changes = {0}, text = {0};
    struct json j;

    json_init(&j, &changes);
    write_labels(labels, &j);
    TRY(buf_check(&changes, e));
    TRY(reader_open(stored, strlen(stored), NULL, &target, e));
    TRY(reader_open(changes.data, changes.length, NULL, &patch, e));
    json_init(&j, &text);
    write_merged(target, patch, &j, NULL);
    TRY(buf_check(&text, e));
    *json = arena_strndup(a, text.data, text.length - 1);
    return *json ? ERR_OK : error_no_memory(e);
}

static void forget_default_name(cJSON *definition, const struct change_source *s)
{
    const cJSON *name = member(definition, "name");
    char usual[300];

    (void)snprintf(usual, sizeof usual, "%s-%" PRId64,
                   s->dataset_name ? s->dataset_name : "experiment", s->id);
    if (cJSON_IsString(name) && strcmp(name->valuestring, usual) == 0)
        cJSON_DeleteItemFromObjectCaseSensitive(definition, "name");
}

/* A grid that is not mixed is tried whole, or it would be a sample. */
static void forget_grid_size(cJSON *definition, const cJSON *patch)
{
    const cJSON *sampler = member(definition, "sampler"), *kind = member(sampler, "kind");
    cJSON *budget = cJSON_GetObjectItemCaseSensitive(definition, "budget");

    if (cJSON_IsString(kind) && strcmp(kind->valuestring, "grid") == 0 &&
        cJSON_IsFalse(member(sampler, "shuffle")) && member(patch, "space") &&
        !member(patch, "budget") && budget)
        cJSON_DeleteItemFromObjectCaseSensitive(budget, "trials");
}

enum err change_patch(const struct change_source *source, const char *patch, size_t length,
                      struct arena *a, struct faults *faults, const char **json,
                      struct error *e)
{
    CLEANUP(reader_close) cJSON *target = NULL, *tree = NULL;
    CLEANUP(buf_finish) struct buf text = {0};
    struct json j;

    faults_init(faults, a);
    TRY(reader_open(source->definition, strlen(source->definition), NULL, &target, e));
    TRY(reader_open(patch, length, faults, &tree, e));
    forget_default_name(target, source);
    forget_grid_size(target, tree);
    json_init(&j, &text);
    write_merged(target, tree, &j, NULL);
    TRY(buf_check(&text, e));
    *json = arena_strndup(a, text.data, text.length);
    return *json ? ERR_OK : error_no_memory(e);
}

enum err change_dataset(const char *definition, size_t length, const char *dataset,
                        struct arena *a, const char **json, struct error *e)
{
    CLEANUP(reader_close) cJSON *tree = NULL;
    CLEANUP(buf_finish) struct buf text = {0};
    const cJSON *item;
    struct json j;

    TRY(reader_open_any(definition, length, &tree, e));
    json_init(&j, &text);
    if (cJSON_IsObject(tree)) {
        json_object(&j, NULL);
        json_string(&j, "dataset", dataset);
        cJSON_ArrayForEach(item, tree)
        {
            if (strcmp(item->string, "dataset") != 0)
                write_item(item, &j, item->string);
        }
        json_end(&j);
    } else {
        write_item(tree, &j, NULL);
    }
    TRY(buf_check(&text, e));
    *json = arena_strndup(a, text.data, text.length);
    return *json ? ERR_OK : error_no_memory(e);
}

const char *change_texts(const struct field_texts *texts, struct arena *a)
{
    CLEANUP(buf_finish) struct buf out = {0};
    struct json j;

    json_init(&j, &out);
    json_array_inline(&j, NULL);
    for (size_t i = 0; i < texts->n; i++)
        json_string(&j, NULL, texts->items[i]);
    json_end(&j);
    return out.failed ? NULL : arena_strndup(a, out.data, out.length - 1);
}
