#include "server/schema/imports.h"

#include <string.h>

#include "core/search/axis.h"
#include "server/schema/object.h"
#include "server/schema/rules.h"

enum { IMPORTS_MAX = 10000 };

static const struct field import_fields[] = {
    {.key = "params",
     .type = FIELD_OTHER,
     .ref = "Params",
     .required = true,
     .summary = "a value for each dimension of the space"},
    {.key = "score",
     .type = FIELD_REAL,
     .offset = offsetof(struct imported, score),
     .present_offset = offsetof(struct imported, has_score),
     .summary = "what came of it"},
    {.key = "error",
     .type = FIELD_TEXT,
     .offset = offsetof(struct imported, error),
     .min = 1,
     .max = 2000,
     .summary = "why nothing came of it"},
    {.key = NULL},
};

static enum err read_one(const struct reader *r, const struct axes *axes, struct imported *out,
                         struct error *e)
{
    size_t before = r->faults->n;
    const cJSON *item;
    struct reader params;

    if (!decode_is_object(r))
        return ERR_OK;
    field_decode_object(r, import_fields, NULL, out);
    if (r->faults->n == before && out->has_score == (out->error != NULL))
        reader_fault(r, "give either \"score\" or \"error\"");
    item = decode_member(r, "params");
    if (!item)
        return ERR_OK;
    params = reader_child(r, item, 0);
    return decode_is_object(&params) ? rules_read_point(&params, axes, &out->params, e) : ERR_OK;
}

/* The list itself, or NULL after a fault. */
static const cJSON *find_list(struct reader *r)
{
    const cJSON *list = r->item;

    if (cJSON_IsObject(list) && (list = decode_member(r, "trials")))
        *r = reader_child(r, list, 0);
    if (list && cJSON_IsArray(list) && list->child && cJSON_GetArraySize(list) <= IMPORTS_MAX)
        return list;
    reader_expected(r, "a list of 1 to 10000 objects {\"params\": …, \"score\": …}");
    return NULL;
}

static enum err read_list(struct reader *r, const struct axes *axes, size_t *n,
                          struct imported **out, struct error *e)
{
    const cJSON *list = find_list(r), *item;
    struct imported *items;
    size_t i = 0;

    if (!list)
        return ERR_OK;
    items = arena_alloc(r->faults->arena, (size_t)cJSON_GetArraySize(list), sizeof *items);
    if (!items)
        return error_no_memory(e);
    cJSON_ArrayForEach(item, list)
    {
        struct reader one = reader_child(r, item, i);

        if (r->faults->n == FAULTS_MAX)
            break;
        TRY(read_one(&one, axes, &items[i++], e));
    }
    *n = i;
    *out = items;
    return ERR_OK;
}

/* The list itself, or an object with it; an item has a score or an error. */
static void document_items(struct json *j, const char *key)
{
    json_object(j, key);
    json_string(j, "type", "array");
    json_i64(j, "minItems", 1);
    json_i64(j, "maxItems", IMPORTS_MAX);
    json_object(j, "items");
    field_document_members(import_fields, FIELD_REQUEST, j);
    field_document_either("score", "error", j);
    json_end(j);
    json_end(j);
}

static void document(struct json *j)
{
    json_array(j, "anyOf");
    document_items(j, NULL);
    json_object(j, NULL);
    json_string(j, "type", "object");
    json_object(j, "properties");
    document_items(j, "trials");
    json_end(j);
    json_array_inline(j, "required");
    json_string(j, NULL, "trials");
    json_end(j);
    json_end(j);
    json_end(j);
}

const struct schema imports_schema = {
    .name = "Import",
    .document = document,
    .is_request = true,
    .summary = "Trials that were trained elsewhere before.",
};

enum err imports_decode(const char *body, size_t length, const struct definition *d,
                        struct arena *a, struct faults *faults, size_t *n, struct imported **out,
                        struct error *e)
{
    CLEANUP(reader_close) cJSON *tree = NULL;
    struct reader root = {.faults = faults, .pointer = "", .name = "body"};
    struct space *space;
    struct axes axes;
    enum err failed;

    faults_init(faults, a);
    TRY(reader_open_any(body, length, &tree, e));
    root.item = tree;
    TRY(definition_space(d, &space, e));
    failed = axes_create(space, a, &axes, e);
    if (failed == ERR_OK)
        failed = read_list(&root, &axes, n, out, e);
    space_destroy(space);
    TRY(failed);
    return faults_check(faults, e);
}
