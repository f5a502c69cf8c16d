/*
 * A trial's learning curves: as JSON, an array for each curve; as a table, a row for each epoch.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/sheet.h"

static const char *const NAMES[] = {
    "repeat",           "fold",         "epoch", "train_loss", "validation_loss",
    "validation_score", "learning_rate"};
enum {
    N_COLUMNS = sizeof NAMES / sizeof *NAMES,
    FIRST_CURVE = 3,
    N_CURVES = N_COLUMNS - FIRST_CURVE
};

struct curves {
    struct fold_record *folds;
    size_t n_folds;
    size_t fold; /* under way */
    int64_t epoch;
    const char *rest[N_CURVES]; /* what is left of its arrays */
};

/* Cuts the first number off the text of an array; NaN for null, and where there is none left. */
static double cut_number(const char **rest)
{
    const char *text = *rest;
    double x = (double)NAN;
    char *end;

    if (!text)
        return x;
    text += strspn(text, "[, \n");
    if (*text == ']' || *text == '\0') {
        *rest = NULL;
        return x;
    }
    x = strtod(text, &end);
    if (end == text)
        x = (double)NAN;
    *rest = text + strcspn(text, ",]");
    return x;
}

static bool has_more(const char *rest)
{
    return rest && rest[strspn(rest, "[, \n")] != ']' && rest[strspn(rest, "[, \n")] != '\0';
}

static bool has_epoch(const struct curves *x)
{
    for (size_t i = 0; i < N_CURVES; i++)
        if (has_more(x->rest[i]))
            return true;
    return false;
}

static void begin_fold(struct curves *x)
{
    const struct fold_curves *c;

    x->epoch = 0;
    if (x->fold == x->n_folds)
        return;
    c = &x->folds[x->fold].curves;
    x->rest[0] = c->train_loss;
    x->rest[1] = c->validation_loss;
    x->rest[2] = c->validation_score;
    x->rest[3] = c->learning_rate;
}

static enum err read_rows(void *ctx, struct reader *r, size_t most, struct arena *a,
                          struct value *out, size_t *n, struct error *e)
{
    struct curves *x = ctx;

    (void)r;
    (void)a;
    (void)e;
    *n = 0;
    while (*n < most && x->fold < x->n_folds) {
        if (!has_epoch(x)) {
            x->fold++;
            begin_fold(x);
            continue;
        }
        *out++ = cell_integer(x->folds[x->fold].repeat);
        *out++ = cell_integer(x->folds[x->fold].fold);
        *out++ = cell_integer(++x->epoch);
        for (size_t i = 0; i < N_CURVES; i++)
            *out++ = cell_real(cut_number(&x->rest[i]));
        ++*n;
    }
    return ERR_OK;
}

static enum err send_table(struct call *c, int64_t id, int64_t trial, struct error *e)
{
    CLEANUP(sheet_end) struct sheet s = {.n_columns = N_COLUMNS, .names = NAMES, .read = read_rows};
    struct curves *x;

    TRY(sheet_begin(&s, e));
    x = arena_alloc(s.arena, 1, sizeof *x);
    if (!x)
        return error_no_memory(e);
    TRY(store_fold_curves(c->reader, id, trial, s.arena, &x->n_folds, &x->folds, e));
    begin_fold(x);
    s.ctx = x;
    return sheet_send(c, &s, 0, e);
}

static enum err send_json(struct call *c, int64_t id, int64_t trial, struct error *e)
{
    struct experiment_record experiment;
    struct fold_record *folds;
    struct buf out = {0};
    struct json j;
    size_t n;

    TRY(store_experiment_get(c->reader, id, c->q->arena, &experiment, e));
    TRY(store_fold_curves(c->reader, id, trial, c->q->arena, &n, &folds, e));
    json_init(&j, &out);
    encode_curves(&j, experiment.curves_pruned_at_ms, folds, n);
    return call_json(c, 200, &out, e);
}

enum err trial_curves(struct call *c, struct error *e)
{
    struct trial_record trial;
    int64_t id, number;

    TRY(call_experiment(c, &id, e));
    TRY(call_number(call_segment(c, 1), "trial", &number, e));
    TRY(store_trial_get(c->reader, id, number, c->q->arena, &trial, e)); /* 404 */
    return c->form == FORM_JSON ? send_json(c, id, number, e) : send_table(c, id, number, e);
}
