#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/prepare_private.h"
#include "core/data/sorted.h"

/* Columns that are read and written together: a line of the cache of each row. Of more columns the
 * first would have left the cache between the fit and the writing. */
enum { NUMBERS_AT_ONCE = 16 };

/* Rows whose scaled numbers are in the cache together. */
enum { ROWS_ABREAST = 1024 };

/* Columns that go together, and what each is encoded with. */
struct block {
    const struct encoding *encoding;
    const struct number *numbers;
    size_t n;
    struct scaling fitted[NUMBERS_AT_ONCE];
    double missing[NUMBERS_AT_ONCE]; /* what stands for a missing value */
};

/* For one block after the other. */
struct scratch {
    double *column; /* (SCALING_ABREAST, n_train): columns, in the fold's row order */
    double *known;  /* (n_train): the values of one that are there, which may be reordered */
};

static void block_finish(struct block *b)
{
    for (size_t k = 0; k < b->n; k++)
        scaling_finish(&b->fitted[k]);
}

static void scratch_finish(struct scratch *s)
{
    free(s->column);
    free(s->known);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- imputation -------------------------------------------------------------------------- */

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

/* Fills the training rows of a column, and returns with what. */
static double impute(const struct encoding *c, double *known, double *x)
{
    size_t n = 0;
    double value;

    for (size_t i = 0; i < c->p->data.n_train; i++)
        if (!isnan(x[i]))
            known[n++] = x[i];
    value = n > 0 ? imputes[c->spec->impute].fit(known, n) : 0;
    for (size_t i = 0; i < c->p->data.n_train; i++)
        if (isnan(x[i]))
            x[i] = value;
    return value;
}

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

/* ---- a block ----------------------------------------------------------------------------- */

/* The training rows of a column, with what stands for missing values. */
static void read_number(struct block *b, size_t k, double *known, double *x)
{
    const struct encoding *c = b->encoding;
    const struct column *from = b->numbers[k].from;

    for (size_t i = 0; i < c->p->data.n_train; i++)
        x[i] = from->values[c->p->row[i]];
    if (from->missing > 0)
        b->missing[k] = impute(c, known, x);
}

static enum err fit_block(struct block *b, const struct scratch *s, struct error *e)
{
    size_t n_train = b->encoding->p->data.n_train;

    for (size_t k = 0; k < b->n; k += SCALING_ABREAST) {
        size_t n = smaller(b->n - k, SCALING_ABREAST);

        for (size_t i = 0; i < n; i++)
            read_number(b, k + i, s->known, s->column + i * n_train);
        TRY(scaling_fit_columns(b->encoding->spec->scaling, s->column, n_train, n, b->fitted + k,
                                e));
    }
    return ERR_OK;
}

static bool write_rows(const struct block *b, size_t row, size_t n)
{
    const struct encoding *c = b->encoding;
    float scaled[NUMBERS_AT_ONCE][ROWS_ABREAST];
    bool finite = true;

    for (size_t k = 0; k < b->n; k++)
        finite &= scaling_apply_rows(&b->fitted[k], b->numbers[k].from->values, c->p->row + row, n,
                                     b->missing[k], scaled[k]);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < b->n; k++)
            *encoding_cell(c, row + i, b->numbers[k].at) = scaled[k][i];
    return finite;
}

static enum err check_number(const struct block *b, size_t k, struct error *e)
{
    const struct encoding *c = b->encoding;
    const struct column *from = b->numbers[k].from;

    for (size_t i = 0; i < encoding_rows(c); i++) {
        double value = from->values[c->p->row[i]];

        value = isnan(value) ? b->missing[k] : value;
        if (!isfinite((float)scaling_apply(&b->fitted[k], value)))
            return error_set(e, ERR_INVALID, "column \"%.80s\": %.17g is too large for float32",
                             from->name, value);
    }
    return ERR_OK;
}

static enum err encode_block(const struct encoding *c, size_t first, const struct scratch *s,
                             struct error *e)
{
    CLEANUP(block_finish)
    struct block b = {
        .encoding = c,
        .numbers = c->numbers + first,
        .n = smaller(c->n_numbers - first, NUMBERS_AT_ONCE),
    };
    size_t n_rows = encoding_rows(c);
    bool finite = true;

    TRY(fit_block(&b, s, e));
    for (size_t row = 0; row < n_rows; row += ROWS_ABREAST)
        finite &= write_rows(&b, row, smaller(n_rows - row, ROWS_ABREAST));
    for (size_t k = 0; !finite && k < b.n; k++)
        TRY(check_number(&b, k, e));
    return ERR_OK;
}

/* ---- all of them ------------------------------------------------------------------------- */

struct numbers_call {
    const struct encoding *encoding;
    size_t n_blocks, n_parts;
    struct error errors[TEAM_MAX_PARTS];
};

static enum err encode_blocks(const struct encoding *c, size_t from, size_t end, struct error *e)
{
    CLEANUP(scratch_finish) struct scratch s = {0};
    size_t n = c->p->data.n_train;

    s.column = calloc(n, SCALING_ABREAST * sizeof *s.column);
    s.known = calloc(n, sizeof *s.known);
    if (!s.column || !s.known)
        return error_no_memory(e);
    for (size_t i = from; i < end; i++)
        TRY(encode_block(c, i * NUMBERS_AT_ONCE, &s, e));
    return ERR_OK;
}

static void encode_part(void *ctx, size_t part)
{
    struct numbers_call *call = ctx;

    (void)encode_blocks(call->encoding, part * call->n_blocks / call->n_parts,
                        (part + 1) * call->n_blocks / call->n_parts, &call->errors[part]);
}

enum err prepare_numbers(const struct encoding *c, struct error *e)
{
    struct numbers_call call = {
        .encoding = c,
        .n_blocks = (c->n_numbers + NUMBERS_AT_ONCE - 1) / NUMBERS_AT_ONCE,
    };

    if (call.n_blocks == 0)
        return ERR_OK;
    call.n_parts = c->team ? smaller(call.n_blocks, TEAM_MAX_PARTS) : 1;
    team_run(c->team, call.n_parts, encode_part, &call);
    for (size_t i = 0; i < call.n_parts; i++) {
        if (call.errors[i].code != ERR_OK) {
            if (e)
                *e = call.errors[i];
            return call.errors[i].code;
        }
    }
    return ERR_OK;
}
