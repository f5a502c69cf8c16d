#include "server/schema/rules.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "core/search/axis.h"
#include "core/train/hyper.h"
#include "core/train/train.h"
#include "server/schema/object.h"

enum { ENQUEUE_MAX = 1000 };

/* ---- which points may be tried --------------------------------------------------------------- */

static const char *const derived[] = {"layers", "weights", "parameters", NULL};
static const char *const derived_without_data[] = {"layers", NULL};
static const char *const derived_without_network[] = {NULL};

/* NaN, with which every comparison holds, where the point is no configuration, as its trial will
 * say, or the data is not known. */
static double derive(void *ctx, size_t which, const struct params *point)
{
    const struct definition_rules *rules = ctx;
    struct prepare_spec prepare;
    struct spec spec;
    struct error e;

    if (hyper_spec(point, rules->task, rules->n_rows, &spec, &e) != ERR_OK)
        return (double)NAN;
    if (which == 0)
        return (double)spec.n_hidden;
    if (!rules->table || hyper_prepare(point, rules->task, &prepare, &e) != ERR_OK)
        return (double)NAN;
    return (double)train_weight_count(&spec, rules->task, prepare_features(rules->table, &prepare),
                                      table_outputs(rules->table));
}

static bool allows(void *ctx, const struct params *point)
{
    struct definition_rules *rules = ctx;

    atomic_fetch_add_explicit(&rules->judged, 1, memory_order_relaxed);
    for (size_t i = 0; i < rules->n; i++)
        if (!require_holds(&rules->requires[i], point, derive, ctx))
            return false;
    return true;
}

void rules_apply(const struct definition_rules *rules, struct space *s)
{
    if (rules)
        space_restrict(s, allows, (void *)rules);
}

/* A fault of the message at /KEY/i, or at /KEY. */
static void fault_at(const struct decoding *c, const char *key, int64_t i, const char *value,
                     const char *message)
{
    char pointer[64];

    if (i >= 0)
        (void)snprintf(pointer, sizeof pointer, "/%s/%" PRId64, key, i);
    else
        (void)snprintf(pointer, sizeof pointer, "/%s", key);
    faults_add(c->faults, pointer, value, "%s", message);
}

static enum err read_require(const struct decoding *c, const char *text, const struct space *s,
                             struct require *out, bool *good, struct error *e)
{
    const char *const *names = c->d->objective                        ? derived_without_network
                               : c->facts->table || c->facts->unknown ? derived
                                                                      : derived_without_data;
    enum err failed = require_parse(text, s, names, c->faults->arena, out, e);

    *good = !failed;
    return failed == ERR_INVALID ? ERR_OK : failed;
}

static enum err decode_require(const struct decoding *c, int64_t trial_weights, struct space *s,
                               struct error *e)
{
    struct definition *d = c->d;
    struct arena *a = c->faults->arena;
    struct definition_rules *rules = arena_alloc(a, 1, sizeof *rules);
    struct require *list = arena_alloc(a, d->require.n + 1, sizeof *list);
    bool good;

    if (!rules || !list)
        return error_no_memory(e);
    *rules = (struct definition_rules){.requires = list,
                                       .table = c->facts->table,
                                       .task = c->facts->task,
                                       .n_rows = c->facts->n_rows};
    for (size_t i = 0; i < d->require.n; i++) {
        TRY(read_require(c, d->require.items[i], s, &list[rules->n], &good, e));
        rules->n += good;
        if (!good)
            fault_at(c, "require", (int64_t)i, NULL, e->message);
    }
    if (trial_weights > 0) {
        char text[64];

        (void)snprintf(text, sizeof text, "weights <= %" PRId64, trial_weights);
        TRY(read_require(c, text, s, &list[rules->n], &good, e));
        rules->n += good;
    }
    d->rules = rules->n > 0 ? rules : NULL;
    rules_apply(d->rules, s);
    return ERR_OK;
}

enum err rules_try(const struct decoding *c, struct sampler *s, bool *good, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct params point;
    bool none;
    enum err failed;

    if (!c->d->rules)
        return ERR_OK;
    TRY(arena_create(4096, &a, e));
    failed = sampler_propose(s, a, &point, &none, e);
    if (failed == ERR_OK && !none)
        return ERR_OK;
    if (failed != ERR_OK && failed != ERR_INVALID)
        return failed;
    *good = false;
    if (none && failed == ERR_OK)
        (void)error_set(e, ERR_INVALID, "no point of the space obeys all of it");
    fault_at(c, c->d->require.n > 0 ? "require" : "budget/trial_weights", -1, NULL, e->message);
    return ERR_OK;
}

/* ---- which are tried first ------------------------------------------------------------------- */

/* Whether what the dimension makes of a value is that value: not one from beyond its range or
 * between its steps. Reals are rounded to 12 digits. */
static bool is_near(struct value made, struct value given)
{
    double x = value_number(&given);

    return isnan(x) || fabs(value_number(&made) - x) <= 1e-9 * fabs(x);
}

/* The value that a member of a list gives a dimension, or that a fixed one has. NONE after a
 * fault. */
static struct value enqueued_value(const struct reader *r, const struct axes *axes, size_t i)
{
    const struct dimension *d = space_dimension(axes->space, i);
    const cJSON *item = decode_member(r, d->name);
    struct value v = {.kind = VALUE_NONE};
    struct reader member;
    double x;

    if (!item) {
        if (d->kind == SPACE_FIXED)
            return d->values[0];
        reader_fault(r, "%s is missing", d->name);
        return v;
    }
    member = reader_child(r, item, 0);
    if (!reader_value(&member, &v))
        return (struct value){.kind = VALUE_NONE};
    x = axes_coordinate(axes, i, &v);
    if (!isnan(x) && is_near(axes_value(axes, i, x), v))
        return axes_value(axes, i, x);
    reader_fault(&member, "%s: this is not one of its values", d->name);
    return (struct value){.kind = VALUE_NONE};
}

/* Parents come first, so that it is known which dimensions are used. */
enum err rules_read_point(const struct reader *r, const struct axes *axes, struct params *out,
                          struct error *e)
{
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};
    const size_t *order = space_order(axes->space);
    size_t before = r->faults->n;
    const cJSON *item;

    for (size_t k = 0; k < axes->n; k++)
        if (space_is_active(axes->space, order[k], values))
            values[order[k]] = enqueued_value(r, axes, order[k]);
    TRY(space_point(axes->space, values, r->faults->arena, out, e));
    cJSON_ArrayForEach(item, r->item)
    {
        struct reader member = reader_child(r, item, 0);

        if (!params_get(out, item->string) && r->faults->n == before)
            reader_fault(&member, "%s is not used at this point, or not in the space",
                         item->string);
    }
    if (r->faults->n > before)
        return ERR_OK;
    if (space_check(axes->space, out, e) != ERR_OK)
        reader_fault(r, "%s", e->message);
    else if (!space_allows(axes->space, out))
        reader_fault(r, "this point does not obey require");
    return params_copy(out, r->faults->arena, out, e); /* the space does not live as long */
}

static enum err decode_enqueue(const struct decoding *c, const struct space *s, struct error *e)
{
    const cJSON *list = decode_member(&c->root, "enqueue"), *item;
    struct arena *a = c->faults->arena;
    struct reader r;
    struct params *points;
    struct axes axes;
    size_t n;

    if (!list)
        return ERR_OK;
    r = reader_child(&c->root, list, 0);
    n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    if (!cJSON_IsArray(list) || n > ENQUEUE_MAX) {
        reader_expected(&r, "a list of at most 1000 params");
        return ERR_OK;
    }
    points = arena_alloc(a, n + 1, sizeof *points);
    if (!points)
        return error_no_memory(e);
    TRY(axes_create(s, a, &axes, e));
    cJSON_ArrayForEach(item, list)
    {
        struct reader one = reader_child(&r, item, c->d->n_enqueued);

        if (decode_is_object(&one))
            TRY(rules_read_point(&one, &axes, &points[c->d->n_enqueued], e));
        c->d->n_enqueued++;
    }
    c->d->enqueued = points;
    return ERR_OK;
}

void rules_document_enqueue(struct json *j)
{
    json_string(j, "type", "array");
    json_i64(j, "maxItems", ENQUEUE_MAX);
    field_document_ref("Params", j, "items");
}

/* ---- when there were enough ------------------------------------------------------------------ */

const struct field rules_stop_fields[] = {
    {.key = "target",
     .type = FIELD_REAL,
     .offset = offsetof(struct definition, target),
     .present_offset = offsetof(struct definition, has_target),
     .min = -1e300,
     .max = 1e300,
     .summary = "a score that is good enough"},
    {.key = "patience",
     .type = FIELD_INT,
     .offset = offsetof(struct definition, patience),
     .min = 1,
     .max = DEFINITION_TRIALS_MAX,
     .summary = "trials without a better one"},
    {.key = NULL},
};

static void decode_stop(const struct decoding *c)
{
    const cJSON *item = decode_member(&c->root, "stop_when");
    struct reader r;

    if (!item)
        return;
    r = reader_child(&c->root, item, 0);
    if (decode_is_object(&r))
        field_decode_object(&r, rules_stop_fields, NULL, c->d);
}

enum err rules_decode(const struct decoding *c, int64_t trial_weights, struct space *s,
                      struct error *e)
{
    decode_stop(c);
    TRY(decode_require(c, trial_weights, s, e));
    return decode_enqueue(c, s, e);
}
