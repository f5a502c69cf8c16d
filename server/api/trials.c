/*
 * An experiment's trials: the leaderboard as JSON, CSV or text, one trial, its curves.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/leaderboard.h"
#include "server/schema/query.h"

enum { TRIALS_AT_ONCE = 500 };

struct list_form {
    struct trial_query query;
    struct call_page page;
};

/* clang-format off */
const struct field trial_list_query[] = {
    FIELD("state", TEXT, list_form, query.state, .choices = encode_trial_states, .summary = "only those"),
    FIELD("sort", TEXT, list_form, query.sort,
          .summary = "trial, rank, score, … or a dimension of the space; a '-' before it: descending"),
    CALL_PAGE(list_form, page, "100"),
    {.key = NULL},
};
/* clang-format on */

static enum err read_query(struct call *c, struct trial_query *query, struct call_page *page,
                           struct error *e)
{
    struct list_form f = {.page.limit = QUERY_LIMIT_DEFAULT};

    TRY(call_query(c, &f, e));
    *query = f.query;
    *page = f.page;
    return call_experiment(c, &query->experiment, e);
}

static enum err send_json(struct call *c, const struct trial_query *query, struct call_page page,
                          struct error *e)
{
    struct experiment_record experiment;
    struct trial_list list;
    struct buf out = {0};
    struct json j;

    TRY(store_experiment_get(c->reader, query->experiment, c->q->arena, &experiment, e));
    TRY(store_trial_list(c->reader, query, page.cursor, page.limit, c->q->arena, &list, e));
    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = 0; i < list.n; i++)
        encode_trial(&j, NULL, &list.items[i], experiment.metric, NULL);
    json_end(&j);
    call_page_end(c, &j, page.limit, list.total, list.next_offset);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

static enum err send_text(struct call *c, const struct trial_query *query, struct call_page page,
                          struct error *e)
{
    CLEANUP(buf_finish) struct buf out = {0};

    TRY(leaderboard_text(c->reader, query, page.cursor, page.limit, c->q->arena, &out, e));
    TRY(buf_check(&out, e));
    http_respond(c->r, 200, "text/plain; charset=utf-8", buf_text(&out), out.length);
    return ERR_OK;
}

/* ---- CSV, streamed ----------------------------------------------------------------------- */

struct csv_stream {
    struct api *api;
    int64_t experiment;
    struct arena *arena; /* of the order and the names */
    struct arena *page;
    struct trial_order order;
    struct leaderboard_columns columns;
    size_t done, end;
    bool has_header;
};

static void csv_destroy(void *ctx)
{
    struct csv_stream *s = ctx;

    arena_destroy(s->page);
    arena_destroy(s->arena);
    free(s);
}

/* A page of trials, read afresh: a slow client must not hold a connection of the database. */
static enum err append_page(struct csv_stream *s, struct reader *r, size_t n, struct buf *out,
                            struct error *e)
{
    struct trial_record *records = arena_alloc(s->page, n, sizeof *records);

    if (!records)
        return error_no_memory(e);
    TRY(store_trial_fetch(r, s->experiment, &s->order, s->done, n, s->page, records, e));
    for (size_t i = 0; i < n; i++)
        TRY(leaderboard_csv_row(&s->columns, &records[i], s->page, out, e));
    return ERR_OK;
}

static enum http_stream_state csv_next(void *ctx, struct buf *out)
{
    struct csv_stream *s = ctx;
    size_t n = s->end - s->done < TRIALS_AT_ONCE ? s->end - s->done : TRIALS_AT_ONCE;
    struct reader *r;
    enum err failed;

    if (!s->has_header) {
        leaderboard_csv_header(&s->columns, out);
        s->has_header = true;
        return HTTP_STREAM_MORE;
    }
    if (n == 0)
        return HTTP_STREAM_END;
    if (store_reader_acquire(s->api->store, &r, NULL) != ERR_OK)
        return HTTP_STREAM_FAILED;
    failed = append_page(s, r, n, out, NULL);
    store_reader_release(s->api->store, r);
    arena_reset(s->page);
    s->done += n;
    return failed == ERR_OK ? HTTP_STREAM_MORE : HTTP_STREAM_FAILED;
}

static enum err csv_create(struct call *c, const struct trial_query *query, struct csv_stream **out,
                           struct error *e)
{
    struct csv_stream *s = calloc(1, sizeof *s);
    enum err failed = s ? ERR_OK : error_no_memory(e);

    if (failed == ERR_OK)
        failed = arena_create(1 << 14, &s->arena, e);
    if (failed == ERR_OK)
        failed = arena_create(1 << 16, &s->page, e);
    if (failed == ERR_OK)
        failed = store_trial_order(c->reader, query, s->arena, &s->order, e);
    if (failed == ERR_OK)
        failed = leaderboard_columns(c->reader, query->experiment, s->arena, &s->columns, e);
    if (failed != ERR_OK) {
        if (s)
            csv_destroy(s);
        return failed;
    }
    s->api = c->api;
    s->experiment = query->experiment;
    *out = s;
    return ERR_OK;
}

/* All trials, unless a limit is asked for. */
static enum err send_csv(struct call *c, const struct trial_query *query, struct call_page page,
                         struct error *e)
{
    struct csv_stream *s;
    size_t left;

    TRY(csv_create(c, query, &s, e));
    s->done = page.cursor < (int64_t)s->order.n ? (size_t)page.cursor : s->order.n;
    left = s->order.n - s->done;
    s->end = s->done + (http_query(c->q, "limit") && left > (size_t)page.limit ? (size_t)page.limit
                                                                               : left);
    http_respond_stream(c->r, "text/csv; charset=utf-8",
                        (struct http_stream){s, csv_next, csv_destroy});
    return ERR_OK;
}

enum err trial_list(struct call *c, struct error *e)
{
    struct trial_query query;
    struct call_page page;
    enum err failed;

    TRY(read_query(c, &query, &page, e));
    failed = c->form == CALL_CSV    ? send_csv(c, &query, page, e)
             : c->form == CALL_TEXT ? send_text(c, &query, page, e)
                                    : send_json(c, &query, page, e);
    if (failed == ERR_INVALID) /* the only thing left that can be invalid */
        faults_add(&c->faults, "sort", NULL, "%s", e->message);
    return failed;
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

enum err trial_curves(struct call *c, struct error *e)
{
    struct trial_record trial;
    struct fold_record *folds;
    struct buf out = {0};
    struct json j;
    int64_t id, number;
    size_t n;

    TRY(call_experiment(c, &id, e));
    TRY(call_number(call_segment(c, 1), "trial", &number, e));
    TRY(store_trial_get(c->reader, id, number, c->q->arena, &trial, e));
    TRY(store_fold_curves(c->reader, id, number, c->q->arena, &n, &folds, e));
    json_init(&j, &out);
    encode_curves(&j, folds, n);
    return call_json(c, 200, &out, e);
}
