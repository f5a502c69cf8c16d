/*
 * All experiments, filtered and sorted: as JSON, or as a table of one line each.
 */
#include <math.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/experiment_filter.h"
#include "server/api/handlers.h"
#include "server/api/sheet.h"

struct list_form {
    struct experiment_filter filter;
    const char *sort;
    struct call_page page;
};

/* clang-format off */
const struct field experiment_list_query[] = {
    EXPERIMENT_FILTERS(list_form, filter),
    EXPERIMENT_FINISHED_BEFORE(list_form, filter, .required = false),
    FIELD("sort", TEXT, list_form, sort, .choices = store_experiment_sorts, .may_descend = true,
          .summary = "by what; newest first if left out"),
    CALL_PAGE_SORTED(list_form, page, "100"),
    {.key = NULL},
};
/* clang-format on */

enum err experiment_filter_read(struct call *c, void *form, struct experiment_filter *f,
                                struct error *e)
{
    struct dataset_record record = {0};

    (void)call_query(c, form, e); /* its faults are told below, with this one */
    if (f->dataset && call_dataset(c, f->dataset, &record, e) != ERR_OK)
        faults_add(&c->faults, "dataset", NULL, "%s", e->message);
    TRY(faults_check(&c->faults, e));
    f->query.dataset_id = record.id;
    f->query.has_ended_before = http_query(c->q, "finished_before") != NULL;
    return ERR_OK;
}

static enum err send_json(struct call *c, const struct experiment_query *query, struct error *e)
{
    CLEANUP(buf_finish) struct buf out = {0};
    struct experiment_list list;
    struct json j;

    TRY(store_experiment_list(c->reader, query, c->q->arena, &list, e));
    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = 0; i < list.n; i++) {
        struct experiment_view view;
        enum err failed =
            encode_experiment_read(c->reader, list.items[i].id, c->q->arena, &view, e);

        if (failed == ERR_NOT_FOUND) /* deleted since the list was read */
            continue;
        TRY(failed);
        encode_experiment(&j, NULL, &view);
    }
    json_end(&j);
    call_page_end_behind(c, &j, query->limit, list.total, &list.next);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

/* ---- as a table -------------------------------------------------------------------------- */

static const char *const NAMES[] = {
    "id",         "name",        "owner",       "state",           "stop_reason", "dataset",
    "metric",     "direction",   "sampler",     "pruner",          "seed",        "priority",
    "trials",     "trials_done", "folds_done",  "best_trial",      "best_score",  "best_score_std",
    "created_at", "started_at",  "finished_at", "elapsed_seconds", "bytes",       "tags",
};
enum { N_COLUMNS = sizeof NAMES / sizeof *NAMES };

static const bool IN_TEXT[N_COLUMNS] = {
    [0] = true,  [1] = true,  [3] = true,  [5] = true,  [6] = true,
    [12] = true, [13] = true, [15] = true, [16] = true, [21] = true,
};

struct listing {
    struct experiment_query query; /* moves on with each page */
    struct arena *arena;           /* of what the query points to */
    bool is_ended;
};

static void write_cells(const struct experiment_view *x, struct arena *a, struct value *cell)
{
    const struct experiment_record *r = &x->record;
    struct experiment_pace pace = encode_pace(x);

    *cell++ = cell_integer(r->id);
    *cell++ = cell_text(r->name);
    *cell++ = cell_text(r->owner);
    *cell++ = cell_text(r->state);
    *cell++ = cell_text(r->stop_reason);
    *cell++ = cell_text(r->dataset_name);
    *cell++ = cell_text(r->metric);
    *cell++ = cell_text(r->direction);
    *cell++ = cell_text(r->sampler);
    *cell++ = cell_text(r->pruner);
    *cell++ = cell_integer(r->seed);
    *cell++ = cell_integer(r->priority);
    *cell++ = cell_integer(pace.trials);
    *cell++ = cell_integer(pace.trials_done);
    *cell++ = cell_integer(pace.folds_done);
    *cell++ = x->has_best ? cell_integer(x->best.trial) : cell_text(NULL);
    *cell++ = cell_real(x->has_best ? x->best.score : (double)NAN);
    *cell++ = cell_real(x->has_best ? x->best.score_std : (double)NAN);
    *cell++ = cell_time(r->created_at_ms, a);
    *cell++ = cell_time(r->started_at_ms, a);
    *cell++ = cell_time(r->finished_at_ms, a);
    *cell++ = cell_real(pace.elapsed_seconds);
    *cell++ = cell_integer(x->progress.bytes);
    *cell = cell_text(r->tags);
}

/* The key's text is the page's otherwise. */
static enum err keep_key(struct listing *l, struct error *e)
{
    struct value *key = &l->query.after.key;

    if (key->kind != VALUE_TEXT)
        return ERR_OK;
    key->text = arena_strdup(l->arena, key->text);
    return key->text ? ERR_OK : error_no_memory(e);
}

static enum err read_rows(void *ctx, struct reader *r, size_t most, struct arena *a,
                          struct value *out, size_t *n, struct error *e)
{
    struct listing *l = ctx;
    struct experiment_list list;

    *n = 0;
    while (*n < most && !l->is_ended) {
        l->query.limit = (int64_t)(most - *n);
        TRY(store_experiment_list(r, &l->query, a, &list, e));
        for (size_t i = 0; i < list.n; i++) {
            struct experiment_view view;
            enum err failed = encode_experiment_read(r, list.items[i].id, a, &view, e);

            if (failed == ERR_NOT_FOUND) /* deleted since the list was read */
                continue;
            TRY(failed);
            write_cells(&view, a, out + (*n)++ * N_COLUMNS);
        }
        l->is_ended = list.next.id == 0;
        l->query.after = list.next;
        TRY(keep_key(l, e));
    }
    return ERR_OK;
}

/* The query lives longer than the request where the table is streamed. */
static enum err copy_query(const struct experiment_query *query, struct listing *l, struct error *e)
{
    const char **texts[] = {&l->query.tag, &l->query.owner, &l->query.contains, &l->query.sort};

    l->query = *query;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!*texts[i])
            continue;
        *texts[i] = arena_strdup(l->arena, *texts[i]);
        if (!*texts[i])
            return error_no_memory(e);
    }
    return keep_key(l, e);
}

static enum err send_table(struct call *c, const struct experiment_query *query,
                           const struct call_page *page, struct error *e)
{
    CLEANUP(sheet_end)
    struct sheet s = {
        .n_columns = N_COLUMNS, .names = NAMES, .in_text = IN_TEXT, .read = read_rows};
    struct listing *l;

    TRY(sheet_begin(&s, e));
    l = arena_alloc(s.arena, 1, sizeof *l);
    if (!l)
        return error_no_memory(e);
    l->arena = s.arena;
    TRY(copy_query(query, l, e));
    s.ctx = l;
    return sheet_send(c, &s, sheet_limit(c, page), e);
}

enum err experiment_list(struct call *c, struct error *e)
{
    struct list_form f = {.page.limit = QUERY_LIMIT_DEFAULT};
    struct experiment_query *query = &f.filter.query;

    TRY(experiment_filter_read(c, &f, &f.filter, e));
    query->sort = f.sort;
    query->after = f.page.after;
    query->limit = f.page.limit;
    TRY(call_reader(c, e));
    return c->form == FORM_JSON ? send_json(c, query, e) : send_table(c, query, &f.page, e);
}
