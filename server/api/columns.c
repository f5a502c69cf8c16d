/*
 * GET …/columns: an experiment's trials as arrays, one for each column, for plots; and later what
 * has changed of them.
 */
#include <stddef.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/store/store_columns.h"
#include "server/store/store_event.h"

enum { TRIALS_MAX = 20000 }; /* that have ended, in one answer */

struct columns_form {
    int64_t since;
};

const struct field experiment_columns_query[] = {
    FIELD("since", INT, columns_form, since, .min = 0, .max = CALL_INT_MAX, .default_json = "0",
          .summary = "`change` of the answer before: only trials that changed after it"),
    {.key = NULL},
};

/* ---- columns ----------------------------------------------------------------------------- */

static void write_weight_count(const void *in, struct json *j, const char *key)
{
    const struct column_row *x = in;

    if (x->weight_count < 0)
        json_null(j, key);
    else
        json_i64(j, key, x->weight_count);
}

/* An element of each column. */
/* clang-format off */
static const struct field row_fields[] = {
    FIELD("trial", INT, column_row, trial, .summary = "its number"),
    FIELD("state", TEXT, column_row, state, .choices = encode_trial_states),
    FIELD("reason", TEXT, column_row, reason, .nullable = true,
          .summary = "why it did not complete"),
    FIELD("score", REAL, column_row, score, .nullable = true, .summary = "the mean over folds"),
    FIELD("score_std", REAL, column_row, score_std, .nullable = true,
          .summary = "divides by folds - 1"),
    FIELD("score_sem", REAL, column_row, score_sem, .nullable = true,
          .summary = "corrected for overlapping training parts"),
    FIELD("train_mean", REAL, column_row, train_mean, .nullable = true,
          .summary = "on the training rows"),
    FIELD("folds_done", INT, column_row, folds_done, .summary = "trained and kept"),
    {.key = "weight_count", .type = FIELD_OTHER, .document = field_document_integer,
     .write = write_weight_count, .nullable = true, .summary = "of the network"},
    FIELD("seconds", REAL, column_row, seconds, .nullable = true, .summary = "of training"),
    {.key = NULL},
};
/* clang-format on */

static void write_params(const struct columns *c, struct json *j)
{
    json_object(j, "params"); /* a name may be that of a column */
    for (size_t i = 0; i < c->n_params; i++) {
        json_array_inline(j, c->params[i].name);
        for (size_t row = 0; row < c->n; row++)
            json_value(j, NULL, &c->params[i].values[row]);
        json_end(j);
    }
    json_end(j);
}

struct columns_answer {
    struct experiment_record experiment;
    int64_t since;
    struct columns columns;
};

static void write_columns(const void *in, struct json *j, const char *key)
{
    const struct columns *c = &((const struct columns_answer *)in)->columns;

    json_object(j, key);
    for (const struct field *f = row_fields; f->key; f++) {
        json_array_inline(j, f->key);
        for (size_t row = 0; row < c->n; row++)
            field_encode_one(f, &c->rows[row], j, NULL);
        json_end(j);
    }
    write_params(c, j);
    json_end(j);
}

static void document_params(struct json *j)
{
    json_object(j, "params");
    json_string(j, "description", "by hyperparameter; null where a trial does not use it");
    json_string(j, "type", "object");
    json_object_inline(j, "additionalProperties");
    json_string(j, "type", "array");
    json_end(j);
    json_end(j);
}

static void document_columns(struct json *j)
{
    json_string(j, "type", "object");
    json_object(j, "properties");
    for (const struct field *f = row_fields; f->key; f++) {
        json_object(j, f->key);
        json_string(j, "type", "array");
        field_document_one(f, FIELD_ANSWER, j, "items");
        json_end(j);
    }
    document_params(j);
    json_end(j);
    json_array_inline(j, "required");
    for (const struct field *f = row_fields; f->key; f++)
        json_string(j, NULL, f->key);
    json_string(j, NULL, "params");
    json_end(j);
}

/* ---- the whole --------------------------------------------------------------------------- */

/* clang-format off */
static const struct field answer_fields[] = {
    FIELD("experiment", INT, columns_answer, experiment.id, .summary = "its id"),
    FIELD("metric", TEXT, columns_answer, experiment.metric, .summary = "decides"),
    FIELD("direction", TEXT, columns_answer, experiment.direction,
          .summary = "maximize or minimize"),
    FIELD("since", INT, columns_answer, since, .summary = "as asked; 0: all is told"),
    FIELD("change", INT, columns_answer, columns.change, .summary = "the next `since`"),
    FIELD("more", BOOL, columns_answer, columns.more,
          .summary = "there is more to ask for at once"),
    {.key = "columns", .type = FIELD_OTHER, .document = document_columns, .write = write_columns,
     .summary = "one array for each; rows are trials in order"},
    {.key = NULL},
};
/* clang-format on */

const struct schema experiment_columns_schema = {
    .name = "Columns", .fields = answer_fields, .summary = "Trials as arrays, one a column."};

enum err experiment_columns(struct call *c, struct error *e)
{
    struct columns_answer x = {0};
    struct columns_form f = {0};
    int64_t id;

    TRY(call_query(c, &f, e));
    if (f.since <= store_event_newest(c->api->store)) /* else of another database: all is told */
        x.since = f.since;
    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &x.experiment, e));
    TRY(store_columns_read(c->reader, id, x.since, TRIALS_MAX, c->q->arena, &x.columns, e));
    call_release(c);
    return call_object(c, 200, answer_fields, &x, e);
}
