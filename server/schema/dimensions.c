#include "server/schema/dimensions.h"

#include <stdio.h>
#include <string.h>

#include "core/base/words.h"
#include "core/train/hyper.h"
#include "server/schema/object.h"

enum { DEFAULT_LAYERS = 2 }; /* of the table of hyperparameters */

/* One member of `space` while it is read. */
struct source {
    struct reader at;
    const struct hyper *hyper; /* NULL: a dimension of an objective, whatever it means */
    enum task task;
};

/* ---- values -------------------------------------------------------------------------------- */

static bool read_value(const struct source *s, const struct reader *r, struct value *out)
{
    struct error e;
    struct value v;

    if (!reader_value(r, &v))
        return false;
    if (!s->hyper) {
        *out = v;
        return true;
    }
    if (hyper_check(s->hyper, s->at.name, &v, s->task, &e) != ERR_OK) {
        reader_fault(r, "%s", e.message);
        return false;
    }
    if (s->hyper->type == HYPER_REAL && v.kind == VALUE_INT) /* 1 and 1.0 are one number */
        v = (struct value){.kind = VALUE_REAL, .real = value_number(&v)};
    *out = v;
    return true;
}

static bool is_repeated(const struct reader *r, const struct value *values, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (value_equal(&values[k], &values[i])) {
            reader_fault(r, "%s: this value stands in the list twice", r->name);
            return true;
        }
    }
    return false;
}

static bool read_choices(const struct source *s, const struct reader *list, struct dimension *d)
{
    size_t n = (size_t)cJSON_GetArraySize(list->item), i = 0;
    struct value *values = arena_alloc(list->faults->arena, n + 1, sizeof *values);
    const cJSON *item;
    bool good = true;

    if (!values) {
        list->faults->failed = true;
        return false;
    }
    if (n == 0 || n > SPACE_CHOICES_MAX) {
        reader_fault(list, "%s: %s", s->at.name,
                     n == 0 ? "the list is empty" : "the list has more than 1000 values");
        return false;
    }
    cJSON_ArrayForEach(item, list->item)
    {
        struct reader r = reader_child(list, item, i);

        r.name = s->at.name;
        good = read_value(s, &r, &values[i]) && !is_repeated(&r, values, i) && good;
        i++;
    }
    d->kind = SPACE_CHOICE;
    d->n_values = n;
    d->values = values;
    return good;
}

static bool read_fixed(const struct source *s, struct dimension *d)
{
    struct value *value = arena_alloc(s->at.faults->arena, 1, sizeof *value);

    if (!value) {
        s->at.faults->failed = true;
        return false;
    }
    d->kind = SPACE_FIXED;
    d->n_values = 1;
    d->values = value;
    return read_value(s, &s->at, value);
}

/* ---- ranges -------------------------------------------------------------------------------- */

/* One end of a range must be a value of the hyperparameter. */
static bool check_end(const struct source *s, bool integer, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(s->at.item, key);
    struct reader r = reader_child(&s->at, item, 0);
    struct value v;

    if (!s->hyper && integer)
        return reader_int(&r, -READER_INT_MAX, READER_INT_MAX, &v.integer);
    return read_value(s, &r, &v);
}

static bool is_number(const struct source *s)
{
    return !s->hyper || s->hyper->type == HYPER_INT || s->hyper->type == HYPER_REAL;
}

static bool read_range(const struct source *s, const struct dimensions_form *f, struct dimension *d)
{
    bool integer = s->hyper ? s->hyper->type == HYPER_INT : strcmp(f->type, "int") == 0, good;

    if (!is_number(s)) {
        reader_fault(&s->at, "%s is not a number: give {\"choices\": […]}", s->at.name);
        return false;
    }
    if (!f->has_min || !f->has_max) {
        reader_fault(&s->at, "%s: a range needs \"min\" and \"max\", a choice \"choices\"",
                     s->at.name);
        return false;
    }
    good = check_end(s, integer, "min");
    good = check_end(s, integer, "max") && good;
    *d = (struct dimension){
        .name = d->name,
        .kind = SPACE_RANGE,
        .integer = integer,
        .log = strcmp(f->scale, "log") == 0,
        .min = f->min,
        .max = f->max,
        .step = f->step,
        .points = (size_t)f->points,
    };
    if (f->has_step && !(f->step > 0)) {
        faults_add(s->at.faults, s->at.pointer, NULL, "%s: step must be above 0", s->at.name);
        return false;
    }
    return good;
}

static bool check_form(const struct source *s, const struct dimensions_form *f, size_t layer)
{
    if (s->hyper && f->type[0]) {
        reader_fault(&s->at, "%s: type is for the dimensions of an objective", s->at.name);
        return false;
    }
    if (f->per_layer && (!s->hyper || !s->hyper->per_layer || layer > 0)) {
        reader_fault(&s->at, "%s: per_layer is for width, activation and dropout", s->at.name);
        return false;
    }
    if (f->has_choices &&
        (f->has_min || f->has_max || f->has_step || f->has_points || f->has_scale)) {
        reader_fault(&s->at, "%s: choices and a range exclude each other", s->at.name);
        return false;
    }
    return true;
}

static bool read_object(const struct source *s, size_t layer, struct definition_dimension *out)
{
    const cJSON *choices = cJSON_GetObjectItemCaseSensitive(s->at.item, "choices");
    size_t faults = s->at.faults->n;
    struct dimensions_form f = {.scale = "linear", .type = "", .has_choices = choices != NULL};
    struct reader list;

    field_decode_object(&s->at, dimensions_form_fields, NULL, &f);
    if (s->at.faults->n > faults || !check_form(s, &f, layer))
        return false;
    out->per_layer = f.per_layer;
    if (!choices)
        return read_range(s, &f, &out->dimension);
    list = reader_child(&s->at, choices, 0);
    if (!cJSON_IsArray(choices)) {
        reader_expected(&list, "a list");
        return false;
    }
    return read_choices(s, &list, &out->dimension);
}

/* [64, 32] is one architecture, [[64], [128, 64]] a choice of two. */
static bool is_one_list(const struct source *s)
{
    return s->hyper && s->hyper->type == HYPER_WIDTHS &&
           (!s->at.item->child || !cJSON_IsArray(s->at.item->child));
}

static bool read_dimension(const struct source *s, size_t layer, struct definition_dimension *out)
{
    out->dimension.name = arena_strdup(s->at.faults->arena, s->at.name);
    if (!out->dimension.name) {
        s->at.faults->failed = true;
        return false;
    }
    if (cJSON_IsObject(s->at.item))
        return read_object(s, layer, out);
    if (cJSON_IsArray(s->at.item) && !is_one_list(s))
        return read_choices(s, &s->at, &out->dimension);
    return read_fixed(s, &out->dimension);
}

/* The space itself checks what a range must keep on its own. */
static void check_alone(const struct source *s, const struct dimension *d)
{
    struct space *space = NULL;
    struct error e;
    enum err failed = space_create(d, 1, &space, &e);

    space_destroy(space);
    if (failed == ERR_NO_MEMORY)
        s->at.faults->failed = true;
    else if (failed)
        reader_fault(&s->at, "%s", e.message);
}

/* ---- dimensions that exclude each other ----------------------------------------------------- */

static bool is_named(const struct definition *d, const char *name)
{
    for (size_t i = 0; i < d->n_dimensions; i++)
        if (strcmp(d->dimensions[i].dimension.name, name) == 0)
            return true;
    return false;
}

static void check_together(const struct reader *space, const struct definition *d)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, space->item)
    {
        struct reader r = reader_child(space, item, 0);
        const struct hyper *h;
        size_t layer;

        if (space->faults->n == FAULTS_MAX || hyper_find(item->string, &h, &layer, NULL) != ERR_OK)
            continue;
        if (is_named(d, "hidden") &&
            (strcmp(h->name, "layers") == 0 || strcmp(h->name, "width") == 0))
            reader_fault(&r, "%s: hidden names whole architectures, in place of layers and width",
                         item->string);
        else if (layer > 0 && is_named(d, h->name))
            reader_fault(&r, "%s: %s stands in the space too; they exclude each other",
                         item->string, h->name);
    }
}

/* ---- from what is written to what is searched ------------------------------------------------ */

/* The most hidden layers that a point of the space can have. */
static size_t most_layers(const struct definition *d)
{
    double most = 0;

    for (size_t i = 0; i < d->n_dimensions; i++) {
        const struct dimension *x = &d->dimensions[i].dimension;
        bool is_hidden = strcmp(x->name, "hidden") == 0;

        if (!is_hidden && strcmp(x->name, "layers") != 0)
            continue;
        if (x->kind == SPACE_RANGE)
            return (size_t)x->max;
        for (size_t k = 0; k < x->n_values; k++) {
            double n = is_hidden ? (double)x->values[k].list.n : value_number(&x->values[k]);

            most = n > most ? n : most;
        }
        return (size_t)most;
    }
    return DEFAULT_LAYERS;
}

static size_t find(const struct definition *d, const struct dimension *list, const char *name)
{
    for (size_t i = 0; i < d->n_expanded; i++)
        if (strcmp(list[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static struct gate layer_gate(const struct definition *d, const struct dimension *list,
                              size_t layer)
{
    size_t parent = find(d, list, "layers");
    size_t least = layer > 0 ? layer : 1;

    if (parent == SIZE_MAX)
        parent = find(d, list, "hidden");
    if (parent == SIZE_MAX)
        return (struct gate){.kind = least <= DEFAULT_LAYERS ? GATE_ALWAYS : GATE_NEVER};
    return (struct gate){.kind = GATE_AT_LEAST, .parent = parent, .least = (int64_t)least};
}

static struct gate word_gate(const struct definition *d, const struct dimension *list,
                             const struct hyper *h, struct faults *faults)
{
    size_t parent = find(d, list, h->gate), n = 0, layer;
    const struct hyper *other;
    struct value *values;

    if (parent == SIZE_MAX) {
        char word[64];

        (void)hyper_find(h->gate, &other, &layer, NULL); /* the table names it */
        (void)snprintf(word, sizeof word, "\"%s\"", h->gate_choices[0]);
        return (struct gate){.kind =
                                 strcmp(other->default_json, word) == 0 ? GATE_ALWAYS : GATE_NEVER};
    }
    while (h->gate_choices[n])
        n++;
    values = arena_alloc(faults->arena, n, sizeof *values);
    if (!values) {
        faults->failed = true;
        return (struct gate){0};
    }
    for (size_t i = 0; i < n; i++)
        values[i] = (struct value){.kind = VALUE_TEXT, .text = h->gate_choices[i]};
    return (struct gate){.kind = GATE_ONE_OF, .parent = parent, .n_values = n, .values = values};
}

static void set_gates(const struct definition *d, struct dimension *list, struct faults *faults)
{
    for (size_t i = 0; i < d->n_expanded; i++) {
        const struct hyper *h;
        size_t layer;

        if (hyper_find(list[i].name, &h, &layer, NULL) != ERR_OK)
            continue;
        if (h->needs_layer)
            list[i].gate = layer_gate(d, list, layer);
        else if (h->gate)
            list[i].gate = word_gate(d, list, h, faults);
    }
}

static void expand(struct definition *d, struct faults *faults)
{
    size_t layers = most_layers(d);
    struct dimension *list =
        arena_alloc(faults->arena, d->n_dimensions * (layers + 1) + 1, sizeof *list);

    if (!list) {
        faults->failed = true;
        return;
    }
    for (size_t i = 0; i < d->n_dimensions; i++) {
        const struct definition_dimension *source = &d->dimensions[i];

        if (!source->per_layer)
            list[d->n_expanded++] = source->dimension;
        for (size_t k = 1; source->per_layer && k <= layers; k++) {
            struct dimension *copy = &list[d->n_expanded++];

            *copy = source->dimension;
            copy->name = arena_printf(faults->arena, "%s_%zu", source->dimension.name, k);
            if (!copy->name) {
                faults->failed = true;
                return;
            }
        }
    }
    if (!d->objective)
        set_gates(d, list, faults);
    d->expanded = list;
}

/* The hyperparameter of this name, or a name that an objective may have; false after a fault. */
static bool find_meaning(struct source *s, const struct definition *d, size_t *layer)
{
    struct error e;
    bool good = strlen(s->at.name) <= DIMENSIONS_NAME_BYTES && s->at.name[0];

    for (const char *c = s->at.name; *c; c++)
        good = good && (unsigned char)*c >= ' ' && *c != 127;
    if (d->objective && !good)
        reader_fault(&s->at, "a name has 1 to %d bytes and no control characters", DIMENSIONS_NAME_BYTES);
    if (d->objective)
        return good;
    if (hyper_find(s->at.name, &s->hyper, layer, &e) == ERR_OK)
        return true;
    reader_fault(&s->at, "%s", e.message);
    return false;
}

void dimensions_read(const struct reader *space, enum task task, struct definition *d)
{
    size_t n = (size_t)cJSON_GetArraySize(space->item), faults = space->faults->n;
    struct definition_dimension *list = arena_alloc(space->faults->arena, n + 1, sizeof *list);
    const cJSON *item;

    d->n_dimensions = d->n_expanded = 0;
    if (!list) {
        space->faults->failed = true;
        return;
    }
    d->dimensions = list;
    cJSON_ArrayForEach(item, space->item)
    {
        struct source s = {.at = reader_child(space, item, 0), .task = task};
        size_t layer = 0;

        if (space->faults->n == FAULTS_MAX)
            return;
        if (find_meaning(&s, d, &layer) && read_dimension(&s, layer, &list[d->n_dimensions]))
            check_alone(&s, &list[d->n_dimensions++].dimension);
    }
    if (!d->objective)
        check_together(space, d);
    if (space->faults->n == faults && !space->faults->failed)
        expand(d, space->faults);
}

#define STANDARD_SPACE(widest)                                                                     \
    "{\"layers\": {\"min\": 1, \"max\": 4},"                                                        \
    " \"width\": {\"min\": 16, \"max\": " widest ", \"scale\": \"log\"},"                            \
    " \"activation\": [\"relu\", \"silu\", \"tanh\"], \"optimizer\": \"adamw\","                     \
    " \"learning_rate\": {\"min\": 3e-4, \"max\": 3e-2, \"scale\": \"log\"},"                        \
    " \"weight_decay\": {\"min\": 1e-5, \"max\": 1, \"scale\": \"log\"},"                            \
    " \"dropout\": {\"min\": 0, \"max\": 0.4, \"step\": 0.1},"                                       \
    " \"scaling\": [\"standard\", \"quantile\"], \"epochs\": 200, \"early_stopping\": 20}"

const char *dimensions_standard(size_t n_rows)
{
    return n_rows < 2000 ? STANDARD_SPACE("128") : STANDARD_SPACE("512");
}

/* ---- warnings ------------------------------------------------------------------------------ */

static bool is_ever_used(const struct space *s, size_t i)
{
    const struct gate *g = &space_dimension(s, i)->gate;
    struct value values[SPACE_DIMENSIONS_MAX] = {{0}};
    uint64_t n;

    if (g->kind == GATE_ALWAYS || g->kind == GATE_NEVER)
        return g->kind == GATE_ALWAYS;
    n = space_levels(s, g->parent, SPACE_DRAW);
    for (uint64_t k = 0; k < n; k++) {
        values[g->parent] = space_level(s, g->parent, SPACE_DRAW, k);
        if (space_is_active(s, i, values))
            return true;
    }
    return false;
}

/* NULL where memory is short. */
static const char *explain_unused(const struct hyper *h, const char *name, struct arena *a)
{
    CLEANUP(buf_finish) struct buf choices = {0};

    if (!h->gate)
        return arena_printf(a, "no trial uses %s: no network has so many layers", name);
    words_join_or(h->gate_choices, &choices);
    return choices.failed ? NULL
                          : arena_printf(a, "no trial uses %s: it needs %s %s", name, h->gate,
                                         buf_text(&choices));
}

enum err dimensions_warn(const struct space *s, struct arena *a, size_t *n, const char *const **out,
                         struct error *e)
{
    const char **list = arena_alloc(a, space_count(s) + 8, sizeof *list);

    if (!list)
        return error_no_memory(e);
    *n = 0;
    for (size_t i = 0; i < space_count(s); i++) {
        const char *name = space_dimension(s, i)->name;
        const struct hyper *h;
        size_t layer;

        if (is_ever_used(s, i))
            continue;
        TRY(hyper_find(name, &h, &layer, e));
        list[*n] = explain_unused(h, name, a);
        if (!list[(*n)++])
            return error_no_memory(e);
    }
    *out = list;
    return ERR_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_choices(const struct dimension *d, struct json *j, const char *key)
{
    json_array_inline(j, key);
    for (size_t i = 0; i < d->n_values; i++)
        json_value(j, NULL, &d->values[i]);
    json_end(j);
}

static void write_range(const struct dimension *d, bool with_type, struct json *j)
{
    if (with_type)
        json_string(j, "type", d->integer ? "int" : "float");
    json_double(j, "min", d->min);
    json_double(j, "max", d->max);
    json_string(j, "scale", d->log ? "log" : "linear");
    if (d->step > 0)
        json_double(j, "step", d->step);
    if (d->points > 0)
        json_i64(j, "points", (int64_t)d->points);
}

static void write_dimension(const struct definition_dimension *source, bool with_type,
                            struct json *j)
{
    const struct dimension *d = &source->dimension;

    if (d->kind == SPACE_FIXED) {
        json_value(j, d->name, &d->values[0]);
        return;
    }
    if (d->kind == SPACE_CHOICE && !source->per_layer) {
        write_choices(d, j, d->name);
        return;
    }
    json_object_inline(j, d->name);
    if (d->kind == SPACE_CHOICE)
        write_choices(d, j, "choices");
    else
        write_range(d, with_type, j);
    if (source->per_layer)
        json_bool(j, "per_layer", true);
    json_end(j);
}

void dimensions_write(const struct definition *d, struct json *j, const char *key)
{
    json_object(j, key);
    for (size_t i = 0; i < d->n_dimensions; i++)
        write_dimension(&d->dimensions[i], d->objective != NULL, j);
    json_end(j);
}
