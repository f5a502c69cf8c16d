/*
 * An experiment's trials: the leaderboard as JSON, CSV or text, and one trial.
 */
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/leaderboard.h"
#include "server/api/sheet.h"

struct list_form {
    struct trial_query query;
    struct call_page page;
};

/* clang-format off */
const struct field trial_list_query[] = {
    FIELD("state", TEXT, list_form, query.state, .choices = encode_trial_states,
          .summary = "only those"),
    FIELD("sort", TEXT, list_form, query.sort,
          .summary = "trial, rank, score, … or a dimension of the space; a '-' before it: "
                     "descending"),
    CALL_PAGE_SORTED(list_form, page, "100"),
    {.key = NULL},
};
/* clang-format on */

static enum err read_query(struct call *c, struct trial_query *query, struct error *e)
{
    struct list_form f = {.page.limit = QUERY_LIMIT_DEFAULT};

    TRY(call_query(c, &f, e));
    *query = f.query;
    query->after = f.page.after;
    query->page = f.page.limit;
    return call_experiment(c, &query->experiment, e);
}

static enum err send_json(struct call *c, const struct trial_query *query, struct error *e)
{
    struct experiment_record experiment;
    struct trial_list list;
    struct buf out = {0};
    struct json j;

    TRY(store_experiment_get(c->reader, query->experiment, c->q->arena, &experiment, e));
    TRY(store_trial_list(c->reader, query, c->q->arena, &list, e));
    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = 0; i < list.n; i++)
        encode_trial(&j, NULL, &list.items[i], experiment.metric, NULL);
    json_end(&j);
    call_page_end_behind(c, &j, query->page, list.total, &list.next);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

static enum err send_text(struct call *c, const struct trial_query *query, struct error *e)
{
    CLEANUP(buf_finish) struct buf out = {0};

    TRY(leaderboard_text(c->reader, query, c->q->arena, &out, e));
    TRY(buf_check(&out, e));
    http_respond(c->r, 200, "text/plain; charset=utf-8", buf_text(&out), out.length);
    return ERR_OK;
}

/* ---- CSV --------------------------------------------------------------------------------- */

/* All trials in the order that they had when it was asked for; each is read as it is then. */
struct listing {
    int64_t experiment;
    struct trial_order order;
    struct leaderboard_columns columns;
    size_t done;
};

static enum err read_rows(void *ctx, struct reader *r, size_t most, struct arena *a,
                          struct value *out, size_t *n, struct error *e)
{
    struct listing *l = ctx;
    size_t left = l->order.n - l->done;
    struct trial_record *records;

    *n = left < most ? left : most;
    records = arena_alloc(a, *n + 1, sizeof *records);
    if (!records)
        return error_no_memory(e);
    TRY(store_trial_fetch(r, l->experiment, &l->order, l->done, *n, a, records, e));
    for (size_t i = 0; i < *n; i++)
        leaderboard_cells(&l->columns, &records[i], out + i * l->columns.n);
    l->done += *n;
    return ERR_OK;
}

static enum err send_csv(struct call *c, const struct trial_query *query, struct error *e)
{
    CLEANUP(sheet_end) struct sheet s = {.read = read_rows};
    struct call_page page = {.limit = query->page};
    struct listing *l;

    TRY(sheet_begin(&s, e));
    l = arena_alloc(s.arena, 1, sizeof *l);
    if (!l)
        return error_no_memory(e);
    l->experiment = query->experiment;
    TRY(store_trial_order(c->reader, query, s.arena, &l->order, e));
    TRY(leaderboard_columns(c->reader, query->experiment, s.arena, &l->columns, e));
    s.n_columns = l->columns.n;
    s.names = l->columns.names;
    s.ctx = l;
    return sheet_send(c, &s, sheet_limit(c, &page), e);
}

/* ---- the list ---------------------------------------------------------------------------- */

/* Columns, and the hyperparameters that trials have. */
static enum err known_sorts(struct call *c, int64_t experiment, const char *const **out,
                            struct error *e)
{
    const char **dimensions, **names;
    size_t n_columns = 0, n;

    while (store_trial_sorts[n_columns])
        n_columns++;
    TRY(store_trial_dimensions(c->reader, experiment, c->q->arena, &n, &dimensions, e));
    names = arena_alloc(c->q->arena, n_columns + n + 1, sizeof *names);
    if (!names)
        return error_no_memory(e);
    memcpy(names, store_trial_sorts, n_columns * sizeof *names);
    if (n > 0)
        memcpy(names + n_columns, dimensions, n * sizeof *names);
    *out = names;
    return ERR_OK;
}

static enum err send(struct call *c, const struct trial_query *query, struct error *e)
{
    switch (c->form) {
    case FORM_JSON:
        return send_json(c, query, e);
    case FORM_CSV:
        return send_csv(c, query, e);
    case FORM_TEXT:
        return send_text(c, query, e);
    }
    return error_set(e, ERR_INTERNAL, "a list has no form");
}

enum err trial_list(struct call *c, struct error *e)
{
    struct trial_query query;
    const char *const *known;
    enum err failed;

    TRY(read_query(c, &query, e));
    failed = send(c, &query, e);
    if (failed != ERR_INVALID)
        return failed;
    TRY(known_sorts(c, query.experiment, &known, e)); /* the only thing that can be invalid */
    query_sort(&c->faults, "sort", query.sort, known);
    return faults_check(&c->faults, e);
}

/* ---- one trial --------------------------------------------------------------------------- */

enum err trial_get(struct call *c, struct error *e)
{
    struct experiment_record experiment;
    struct trial_record trial;
    struct trial_parts parts;
    struct buf out = {0};
    struct json j;
    int64_t id, number;

    TRY(call_experiment(c, &id, e));
    TRY(call_number(call_segment(c, 1), "trial", &number, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &experiment, e));
    TRY(store_trial_get(c->reader, id, number, c->q->arena, &trial, e));
    TRY(encode_trial_read(c->reader, id, number, c->q->arena, &parts, e));
    json_init(&j, &out);
    encode_trial(&j, NULL, &trial, experiment.metric, &parts);
    return call_json(c, 200, &out, e);
}
