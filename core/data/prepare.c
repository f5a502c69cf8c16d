#include "core/data/prepare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/sorted.h"

enum { STRIDE = 16 }; /* floats that a row's length is rounded up to */

/* A fold with its arrays behind it in one block. */
struct prepared {
    struct fold_data data;
    size_t bytes;
    float *x;
    float *y;
    int32_t *classes;
    double *target, *target_mean, *target_scale;
    float *weight;
    uint32_t *row;
    uint32_t *unit;
};

/* Columns that are read and written together: a line of the cache of each row. Of more columns the
 * first would have left the cache between the fit and the writing. */
enum { NUMBERS_AT_ONCE = 16 };

/* A column of numbers. */
struct number {
    const struct column *from;
    size_t at;      /* its encoded column */
    double missing; /* what stands for a missing value */
};

/* What the columns are encoded with, and where to. */
struct encoding {
    const struct table *t;
    const struct prepare_spec *spec;
    struct prepared *p;
    double *column; /* (SCALING_ABREAST, n): columns, in the fold's row order */
    double *sorted; /* (n_train): a part of one that may be reordered */
    size_t at;      /* encoded columns that have their place so far */
    struct number numbers[NUMBERS_AT_ONCE]; /* to be written row by row */
    struct scaling fitted[NUMBERS_AT_ONCE]; /* theirs */
    size_t n_numbers;
};

static void forget_numbers(struct encoding *c)
{
    for (size_t k = 0; k < c->n_numbers; k++)
        scaling_finish(&c->fitted[k]);
    c->n_numbers = 0;
}

static void encoding_finish(struct encoding *c)
{
    forget_numbers(c);
    free(c->column);
    free(c->sorted);
}

/* ---- imputation -------------------------------------------------------------------------------
 */

static double impute_mean(double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static double impute_median(double *x, size_t n)
{
    sorted_make(x, n);
    return sorted_quantile(x, n, 1, 2);
}

static const struct impute {
    const char *name;
    double (*fit)(double *x, size_t n); /* of n >= 1 values, which it may reorder */
} imputes[] = {
    [PREPARE_MEAN] = {"mean", impute_mean},
    [PREPARE_MEDIAN] = {"median", impute_median},
};

/* ---- columns ----------------------------------------------------------------------------------
 */

static size_t n_rows(const struct encoding *c)
{
    return c->p->data.n_train + c->p->data.n_validation;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static float *cell(const struct encoding *c, size_t i, size_t column)
{
    return c->p->x + i * c->p->data.stride + column;
}

static size_t max_categories(const struct table *t, const struct prepare_spec *spec)
{
    return spec->max_categories ? spec->max_categories : t->max_categories;
}

/* Fills the training rows of a column, and returns with what. */
static double impute(const struct encoding *c, double *x)
{
    size_t n = 0;
    double value;

    for (size_t i = 0; i < c->p->data.n_train; i++)
        if (!isnan(x[i]))
            c->sorted[n++] = x[i];
    value = n > 0 ? imputes[c->spec->impute].fit(c->sorted, n) : 0;
    for (size_t i = 0; i < c->p->data.n_train; i++)
        if (isnan(x[i]))
            x[i] = value;
    return value;
}

/* Fits the training rows of the first column. */
static enum err fit(const struct encoding *c, enum scaling_kind kind, struct scaling *out,
                    struct error *e)
{
    size_t n = c->p->data.n_train;

    memcpy(c->sorted, c->column, n * sizeof *c->sorted);
    return scaling_fit(kind, c->sorted, n, out, e);
}

/* False where the sums or the result have left what a float can hold. */
static bool scale(const struct scaling *s, double x, float *out)
{
    *out = (float)scaling_apply(s, x);
    return isfinite(*out);
}

static enum err check_number(const struct encoding *c, size_t k, struct error *e)
{
    const struct number *x = &c->numbers[k];
    float unused;

    for (size_t i = 0; i < n_rows(c); i++) {
        double value = x->from->values[c->p->row[i]];

        value = isnan(value) ? x->missing : value;
        if (!scale(&c->fitted[k], value, &unused))
            return error_set(e, ERR_INVALID, "column \"%.80s\": %.17g is too large for float32",
                             x->from->name, value);
    }
    return ERR_OK;
}

/* Rows whose scaled numbers are in the cache together. */
enum { ROWS_ABREAST = 1024 };

static bool write_numbers(const struct encoding *c, size_t row, size_t n)
{
    float scaled[NUMBERS_AT_ONCE][ROWS_ABREAST];
    const struct number *x = c->numbers;
    bool finite = true;

    for (size_t k = 0; k < c->n_numbers; k++)
        finite &= scaling_apply_rows(&c->fitted[k], x[k].from->values, c->p->row + row, n,
                                     x[k].missing, scaled[k]);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c->n_numbers; k++)
            *cell(c, row + i, x[k].at) = scaled[k][i];
    return finite;
}

/* The training rows of a column, with what stands for missing values. */
static void read_number(const struct encoding *c, struct number *number, double *x)
{
    for (size_t i = 0; i < c->p->data.n_train; i++)
        x[i] = number->from->values[c->p->row[i]];
    if (number->from->missing > 0)
        number->missing = impute(c, x);
}

static enum err fit_numbers(struct encoding *c, struct error *e)
{
    size_t n_train = c->p->data.n_train;

    for (size_t k = 0; k < c->n_numbers; k += SCALING_ABREAST) {
        size_t n = smaller(c->n_numbers - k, SCALING_ABREAST);

        for (size_t i = 0; i < n; i++)
            read_number(c, &c->numbers[k + i], c->column + i * n_train);
        TRY(scaling_fit_columns(c->spec->scaling, c->column, n_train, n, c->fitted + k, e));
    }
    return ERR_OK;
}

static enum err encode_numbers(struct encoding *c, struct error *e)
{
    bool finite = true;

    TRY(fit_numbers(c, e));
    for (size_t row = 0; row < n_rows(c); row += ROWS_ABREAST)
        finite &= write_numbers(c, row, smaller(n_rows(c) - row, ROWS_ABREAST));
    for (size_t k = 0; !finite && k < c->n_numbers; k++)
        TRY(check_number(c, k, e));
    forget_numbers(c);
    return ERR_OK;
}

static enum err add_number(struct encoding *c, const struct column *from, struct error *e)
{
    c->numbers[c->n_numbers++] = (struct number){.from = from, .at = c->at++};
    return c->n_numbers == NUMBERS_AT_ONCE ? encode_numbers(c, e) : ERR_OK;
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
    for (size_t i = 0; i < n_rows(c); i++) {
        int32_t code = from->codes[c->p->row[i]];
        int32_t column = slot[code >= 0 ? code : most_frequent];

        if (column >= 0)
            *cell(c, i, c->at + (size_t)column) = 1;
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
    for (size_t i = 0; is_known && i < n_rows(c); i++)
        *cell(c, i, c->at) = is_missing(c, from, i) ? 1 : 0;
    c->at++;
}

static enum err encode_features(struct encoding *c, struct error *e)
{
    for (size_t j = 0; j < c->t->n_columns; j++) {
        const struct column *from = &c->t->columns[j];

        if (from->role != ROLE_FEATURE)
            continue;
        TRY(from->values ? add_number(c, from, e) : encode_category(c, from, e));
        if (from->missing > 0 && c->spec->missing_indicator)
            encode_indicator(c, from);
    }
    return encode_numbers(c, e);
}

/* ---- targets and weights ----------------------------------------------------------------------
 */

static void copy_classes(const struct encoding *c)
{
    const int32_t *codes = c->t->columns[c->t->targets[0]].codes;

    for (size_t i = 0; i < n_rows(c); i++)
        c->p->classes[i] = codes[c->p->row[i]];
}

static enum err scale_target(const struct encoding *c, size_t k, struct error *e)
{
    const struct column *from = &c->t->columns[c->t->targets[k]];
    size_t o = c->p->data.n_outputs;
    CLEANUP(scaling_finish) struct scaling fitted = {0};

    for (size_t i = 0; i < n_rows(c); i++)
        c->column[i] = from->values[c->p->row[i]];
    TRY(fit(c, SCALING_STANDARD, &fitted, e));
    c->p->target_mean[k] = fitted.shift;
    c->p->target_scale[k] = fitted.scale;
    for (size_t i = 0; i < n_rows(c); i++) {
        float *y = &c->p->y[i * o + k];

        c->p->target[i * o + k] = c->column[i];
        if (!scale(&fitted, c->column[i], y))
            return error_set(e, ERR_INVALID, "target \"%.80s\": %.17g is too large for float32",
                             from->name, c->column[i]);
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
    for (size_t i = 0; i < n_rows(c); i++) {
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
    struct prepared *p = mem_calloc(1, bytes);

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

static enum err encode(const struct table *t, const struct prepare_spec *spec, struct prepared *p,
                       struct error *e)
{
    CLEANUP(encoding_finish) struct encoding c = {.t = t, .spec = spec, .p = p};

    c.column = calloc(n_rows(&c) + 1, SCALING_ABREAST * sizeof *c.column);
    c.sorted = calloc(n_rows(&c) + 1, sizeof *c.sorted);
    if (!c.column || !c.sorted)
        return error_no_memory(e);
    TRY(encode_features(&c, e));
    TRY(copy_targets(&c, e));
    return copy_weights(&c, e);
}

enum err prepare_fold(const struct table *t, const struct split *s, uint32_t repeat, uint32_t fold,
                      const struct prepare_spec *spec, struct fold_data **out, struct error *e)
{
    struct fold_data d = {
        .task = t->task, .n_features = prepare_features(t, spec), .ordered = s->order != NULL};
    struct prepared *p = NULL;
    enum err err;

    split_count(s, repeat, fold, &d.n_train, &d.n_validation);
    if (d.n_train == 0 || d.n_validation == 0)
        return error_set(e, ERR_INVALID, "fold %u: %zu training and %zu validation rows", fold,
                         d.n_train, d.n_validation);
    d.stride = (d.n_features + STRIDE - 1) / STRIDE * STRIDE;
    d.n_outputs = t->task == TASK_CLASSIFICATION ? t->n_classes : t->n_targets;
    TRY(allocate(t, d, &p, e));
    number_rows(s, repeat, fold, p);
    err = encode(t, spec, p, e);
    if (err != ERR_OK) {
        free(p);
        return err;
    }
    *out = &p->data;
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

/* ---- names ------------------------------------------------------------------------------------
 */

const char *prepare_impute_name(enum prepare_impute impute)
{
    return imputes[impute].name;
}

bool prepare_impute_find(const char *name, enum prepare_impute *out)
{
    for (size_t i = 0; i < sizeof imputes / sizeof *imputes; i++) {
        if (strcmp(imputes[i].name, name) == 0) {
            *out = (enum prepare_impute)i;
            return true;
        }
    }
    return false;
}
