/*
 * GET …/columns: an experiment's trials as arrays, one for each column, for plots; and later what
 * has changed of them.
 */
#include <math.h>
#include <stddef.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/schema/query.h"
#include "server/store/store_columns.h"
#include "server/store/store_event.h"

enum { TRIALS_MAX = 20000 }; /* that have ended, in one answer */

typedef void write_item(struct json *j, const struct column_row *x);

static void write_trial(struct json *j, const struct column_row *x)
{
    json_i64(j, NULL, x->trial);
}

static void write_state(struct json *j, const struct column_row *x)
{
    json_string(j, NULL, x->state);
}

static void write_reason(struct json *j, const struct column_row *x)
{
    json_string(j, NULL, x->reason);
}

static void write_score(struct json *j, const struct column_row *x)
{
    json_double(j, NULL, x->score);
}

static void write_score_std(struct json *j, const struct column_row *x)
{
    json_double(j, NULL, x->score_std);
}

static void write_score_sem(struct json *j, const struct column_row *x)
{
    json_double(j, NULL, x->score_sem);
}

static void write_train_mean(struct json *j, const struct column_row *x)
{
    json_double(j, NULL, x->train_mean);
}

static void write_folds_done(struct json *j, const struct column_row *x)
{
    json_i64(j, NULL, x->folds_done);
}

static void write_weight_count(struct json *j, const struct column_row *x)
{
    if (x->weight_count < 0)
        json_null(j, NULL);
    else
        json_i64(j, NULL, x->weight_count);
}

static void write_seconds(struct json *j, const struct column_row *x)
{
    json_double(j, NULL, x->seconds);
}

static const struct {
    const char *name;
    write_item *write;
} COLUMNS[] = {
    {"trial", write_trial},
    {"state", write_state},
    {"reason", write_reason},
    {"score", write_score},
    {"score_std", write_score_std},
    {"score_sem", write_score_sem},
    {"train_mean", write_train_mean},
    {"folds_done", write_folds_done},
    {"weight_count", write_weight_count},
    {"seconds", write_seconds},
};

static void encode_columns(struct json *j, const struct columns *c)
{
    for (size_t i = 0; i < sizeof COLUMNS / sizeof *COLUMNS; i++) {
        json_array_inline(j, COLUMNS[i].name);
        for (size_t row = 0; row < c->n; row++)
            COLUMNS[i].write(j, &c->rows[row]);
        json_end(j);
    }
    json_object(j, "params"); /* a name may be that of a column */
    for (size_t i = 0; i < c->n_params; i++) {
        json_array_inline(j, c->params[i].name);
        for (size_t row = 0; row < c->n; row++)
            json_value(j, NULL, &c->params[i].values[row]);
        json_end(j);
    }
    json_end(j);
}

static enum err read_since(struct call *c, int64_t *out, struct error *e)
{
    query_i64(&c->faults, "since", http_query(c->q, "since"), 0, INT64_MAX, out);
    TRY(faults_check(&c->faults, e));
    if (*out > store_event_newest(c->api->store)) /* of another database: all is told again */
        *out = 0;
    return ERR_OK;
}

enum err experiment_columns(struct call *c, struct error *e)
{
    struct experiment_record x;
    struct columns columns;
    struct buf out = {0};
    int64_t id, since = 0;
    struct json j;

    TRY(read_since(c, &since, e));
    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &x, e));
    TRY(store_columns_read(c->reader, id, since, TRIALS_MAX, c->q->arena, &columns, e));
    call_release(c);
    json_init(&j, &out);
    json_object(&j, NULL);
    json_i64(&j, "experiment", id);
    json_string(&j, "metric", x.metric);
    json_string(&j, "direction", x.direction);
    json_i64(&j, "since", since);
    json_i64(&j, "change", columns.change);
    json_bool(&j, "more", columns.more);
    json_object(&j, "columns");
    encode_columns(&j, &columns);
    json_end(&j);
    json_end(&j);
    return call_json(c, 200, &out, e);
}
