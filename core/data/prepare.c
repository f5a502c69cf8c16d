#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/prepare_private.h"

enum { STRIDE = 16 }; /* floats that a row's length is rounded up to */

/* ---- columns ----------------------------------------------------------------------------------
 */

static size_t max_categories(const struct table *t, const struct prepare_spec *spec)
{
    return spec->max_categories ? spec->max_categories : t->max_categories;
}

static void add_number(struct encoding *c, const struct column *from)
{
    c->numbers[c->n_numbers++] = (struct number){.from = from, .at = c->at++};
}

struct category {
    uint32_t rows; /* of the training part */
    int32_t code;
};

static int by_rows(const void *a, const void *b)
{
    const struct category *x = a, *y = b;

    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

/*
 * Where each category goes: slot[code], -1 for nowhere. Where there are more than `width`, the
 * most frequent keep a column of their own and the last column is `other`, unless the training
 * rows have none of the rest. Returns the most frequent one.
 */
static int32_t find_slots(struct category *categories, size_t n, size_t width, int32_t *slot)
{
    size_t n_own = n > width ? width - 1 : n;
    int32_t other = -1, next = 0;

    qsort(categories, n, sizeof *categories, by_rows);
    if (n > width && categories[n_own].rows > 0)
        other = (int32_t)width - 1;
    for (size_t k = 0; k < n; k++)
        slot[categories[k].code] = k < n_own && categories[k].rows > 0 ? 0 : other;
    for (size_t code = 0; code < n; code++) { /* own columns stay in the order of the labels */
        bool own = slot[code] == 0;

        if (own)
            slot[code] = n > width ? next : (int32_t)code;
        next += own;
    }
    return categories[0].code;
}

static enum err encode_category(struct encoding *c, const struct column *from, struct error *e)
{
    size_t n = from->n_labels, width = table_encoded_width(from, max_categories(c->t, c->spec));
    CLEANUP(mem_free) struct category *categories = calloc(n + 1, sizeof *categories);
    CLEANUP(mem_free) int32_t *slot = calloc(n + 1, sizeof *slot);
    int32_t most_frequent;

    if (!categories || !slot)
        return error_no_memory(e);
    for (size_t k = 0; k < n; k++)
        categories[k].code = (int32_t)k;
    for (size_t i = 0; i < c->p->data.n_train; i++)
        if (from->codes[c->p->row[i]] >= 0)
            categories[from->codes[c->p->row[i]]].rows++;
    most_frequent = find_slots(categories, n, width, slot);
    for (size_t i = 0; i < encoding_rows(c); i++) {
        int32_t code = from->codes[c->p->row[i]];
        int32_t column = slot[code >= 0 ? code : most_frequent];

        if (column >= 0)
            *encoding_cell(c, i, c->at + (size_t)column) = 1;
    }
    c->at += width;
    return ERR_OK;
}

static bool is_missing(const struct encoding *c, const struct column *from, size_t i)
{
    uint32_t row = c->p->row[i];

    return from->values ? isnan(from->values[row]) : from->codes[row] < 0;
}

/* Where the training rows miss no value it stays zero in all rows, as the column of a category
 * that they do not have: nothing is learned from it, so nothing may be predicted from it. */
static void encode_indicator(struct encoding *c, const struct column *from)
{
    bool is_known = false;

    for (size_t i = 0; i < c->p->data.n_train; i++)
        is_known = is_known || is_missing(c, from, i);
    for (size_t i = 0; is_known && i < encoding_rows(c); i++)
        *encoding_cell(c, i, c->at) = is_missing(c, from, i) ? 1 : 0;
    c->at++;
}

static enum err encode_features(struct encoding *c, struct error *e)
{
    for (size_t j = 0; j < c->t->n_columns; j++) {
        const struct column *from = &c->t->columns[j];

        if (from->role != ROLE_FEATURE)
            continue;
        if (from->values)
            add_number(c, from);
        else
            TRY(encode_category(c, from, e));
        if (from->missing > 0 && c->spec->missing_indicator)
            encode_indicator(c, from);
    }
    return prepare_numbers(c, e);
}

/* ---- targets and weights ----------------------------------------------------------------------
 */

static void copy_classes(const struct encoding *c)
{
    const int32_t *codes = c->t->columns[c->t->targets[0]].codes;

    for (size_t i = 0; i < encoding_rows(c); i++)
        c->p->classes[i] = codes[c->p->row[i]];
}

static enum err fit_target(const struct encoding *c, const struct column *from,
                           struct scaling *out, struct error *e)
{
    size_t n = c->p->data.n_train;
    CLEANUP(mem_free) double *x = calloc(n, sizeof *x);

    if (!x)
        return error_no_memory(e);
    for (size_t i = 0; i < n; i++)
        x[i] = from->values[c->p->row[i]];
    return scaling_fit(SCALING_STANDARD, x, n, out, e);
}

static enum err scale_target(const struct encoding *c, size_t k, struct error *e)
{
    const struct column *from = &c->t->columns[c->t->targets[k]];
    size_t o = c->p->data.n_outputs;
    CLEANUP(scaling_finish) struct scaling fitted = {0};

    TRY(fit_target(c, from, &fitted, e));
    c->p->target_mean[k] = fitted.shift;
    c->p->target_scale[k] = fitted.scale;
    for (size_t i = 0; i < encoding_rows(c); i++) {
        double value = from->values[c->p->row[i]];
        float scaled = (float)scaling_apply(&fitted, value);

        c->p->target[i * o + k] = value;
        c->p->y[i * o + k] = scaled;
        if (!isfinite(scaled))
            return error_set(e, ERR_INVALID, "target \"%.80s\": %.17g is too large for float32",
                             from->name, value);
    }
    return ERR_OK;
}

static enum err copy_targets(const struct encoding *c, struct error *e)
{
    if (c->t->task == TASK_CLASSIFICATION) {
        copy_classes(c);
        return ERR_OK;
    }
    for (size_t k = 0; k < c->t->n_targets; k++)
        TRY(scale_target(c, k, e));
    return ERR_OK;
}

static enum err copy_weights(const struct encoding *c, struct error *e)
{
    size_t j = table_role_column(c->t, ROLE_WEIGHT);
    double train = 0;

    if (j == SIZE_MAX)
        return ERR_OK;
    for (size_t i = 0; i < encoding_rows(c); i++) {
        double w = c->t->columns[j].values[c->p->row[i]];

        c->p->weight[i] = (float)w;
        if (!isfinite(c->p->weight[i]))
            return error_set(e, ERR_INVALID, "weight %.17g is too large for float32", w);
        train += i < c->p->data.n_train ? w : 0;
    }
    return train > 0 ? ERR_OK
                     : error_set(e, ERR_INVALID, "every training row of the fold has weight 0");
}

/* ---- the block --------------------------------------------------------------------------------
 */

/* Gives out aligned places behind each other; with no block it only counts. */
static void *place(char *block, size_t *at, size_t n, size_t size)
{
    size_t start = *at, bytes = mem_size(n, size);

    if (bytes > SIZE_MAX / 4 || start > SIZE_MAX / 4)
        *at = SIZE_MAX / 2;
    else
        *at = start + (bytes + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
    return block && n > 0 ? block + start : NULL;
}

static size_t lay_out(const struct table *t, const struct fold_data *d, char *block)
{
    struct prepared *p = (struct prepared *)block, unused;
    size_t n = d->n_train + d->n_validation, at = 0;
    bool regression = d->task == TASK_REGRESSION;
    bool weighted = table_role_column(t, ROLE_WEIGHT) != SIZE_MAX;

    if (!p)
        p = &unused;
    (void)place(block, &at, 1, sizeof *p);
    p->x = place(block, &at, mem_size(n, d->stride), sizeof *p->x);
    p->y = place(block, &at, regression ? mem_size(n, d->n_outputs) : 0, sizeof *p->y);
    p->classes = place(block, &at, regression ? 0 : n, sizeof *p->classes);
    p->target = place(block, &at, regression ? mem_size(n, d->n_outputs) : 0, sizeof *p->target);
    p->target_mean = place(block, &at, regression ? d->n_outputs : 0, sizeof *p->target_mean);
    p->target_scale = place(block, &at, regression ? d->n_outputs : 0, sizeof *p->target_scale);
    p->weight = place(block, &at, weighted ? n : 0, sizeof *p->weight);
    p->row = place(block, &at, n, sizeof *p->row);
    p->unit = place(block, &at, n, sizeof *p->unit);
    return at;
}

static enum err allocate(const struct table *t, struct fold_data d, struct prepared **out,
                         struct error *e)
{
    size_t bytes = lay_out(t, &d, NULL);
    struct prepared *p = mem_alloc(1, bytes); /* each array is written in full */

    if (!p)
        return error_no_memory(e);
    (void)lay_out(t, &d, (char *)p);
    d.x = p->x;
    d.y = p->y;
    d.classes = p->classes;
    d.target = p->target;
    d.target_mean = p->target_mean;
    d.target_scale = p->target_scale;
    d.weight = p->weight;
    d.row = p->row;
    d.unit = p->unit;
    p->data = d;
    p->bytes = bytes;
    *out = p;
    return ERR_OK;
}

/* Where the next row of each part goes. */
struct places {
    size_t train, validation;
};

static void number_row(const struct split *s, enum split_part part, uint32_t row, struct places *at,
                       struct prepared *p)
{
    size_t i;

    if (part == SPLIT_UNUSED)
        return;
    i = part == SPLIT_TRAIN ? at->train++ : at->validation++;
    p->row[i] = row;
    p->unit[i] = s->unit[row];
}

/* The training rows, then the validation rows. An order in time leaves out the sealed ones. */
static void number_rows(const struct split *s, uint32_t repeat, uint32_t fold, struct prepared *p)
{
    struct places at = {0, p->data.n_train};
    size_t n = s->order ? s->n_rows - s->n_sealed : s->n_rows;

    for (size_t k = 0; k < n; k++) {
        uint32_t row = s->order ? s->order[k] : (uint32_t)k;

        number_row(s, split_part(s, repeat, fold, row), row, &at, p);
    }
    for (size_t row = 0; s->order && fold == SPLIT_REFIT && row < s->n_rows; row++)
        if (split_part(s, repeat, fold, row) == SPLIT_VALIDATION)
            number_row(s, SPLIT_VALIDATION, (uint32_t)row, &at, p);
}

struct zeroing {
    const struct prepared *p;
    size_t n_parts;
};

static void zero_part(void *ctx, size_t part)
{
    const struct zeroing *z = ctx;
    size_t n = (z->p->data.n_train + z->p->data.n_validation) * z->p->data.stride;
    size_t from = part * n / z->n_parts, end = (part + 1) * n / z->n_parts;

    memset(z->p->x + from, 0, (end - from) * sizeof *z->p->x);
}

/* The features alone, which are nearly all of a fold: who touches a page first waits for it. */
static void zero_features(struct prepared *p, struct team *team)
{
    team_run(team, TEAM_MAX_PARTS, zero_part, &(struct zeroing){p, TEAM_MAX_PARTS});
}

static enum err encode(struct encoding *c, struct error *e)
{
    CLEANUP(mem_free) struct number *numbers = calloc(c->t->n_columns + 1, sizeof *numbers);

    if (!numbers)
        return error_no_memory(e);
    c->numbers = numbers;
    zero_features(c->p, c->team);
    TRY(encode_features(c, e));
    TRY(copy_targets(c, e));
    return copy_weights(c, e);
}

enum err prepare_fold(const struct table *t, const struct split *s, uint32_t repeat, uint32_t fold,
                      const struct prepare_spec *spec, struct team *team, struct fold_data **out,
                      struct error *e)
{
    struct fold_data d = {
        .task = t->task, .n_features = prepare_features(t, spec), .ordered = s->order != NULL};
    struct encoding c = {.t = t, .spec = spec, .team = team};
    enum err err;

    split_count(s, repeat, fold, &d.n_train, &d.n_validation);
    if (d.n_train == 0 || d.n_validation == 0)
        return error_set(e, ERR_INVALID, "fold %u: %zu training and %zu validation rows", fold,
                         d.n_train, d.n_validation);
    d.stride = (d.n_features + STRIDE - 1) / STRIDE * STRIDE;
    d.n_outputs = t->task == TASK_CLASSIFICATION ? t->n_classes : t->n_targets;
    TRY(allocate(t, d, &c.p, e));
    number_rows(s, repeat, fold, c.p);
    err = encode(&c, e);
    if (err != ERR_OK) {
        free(c.p);
        return err;
    }
    *out = &c.p->data;
    return ERR_OK;
}

void fold_data_destroy(struct fold_data *d)
{
    free(d); /* the first member of its block */
}

size_t fold_data_bytes(const struct fold_data *d)
{
    return ((const struct prepared *)d)->bytes;
}

size_t prepare_features(const struct table *t, const struct prepare_spec *spec)
{
    size_t n = table_encoded_features(t, max_categories(t, spec));

    for (size_t j = 0; spec->missing_indicator && j < t->n_columns; j++)
        n += t->columns[j].role == ROLE_FEATURE && t->columns[j].missing > 0;
    return n;
}
