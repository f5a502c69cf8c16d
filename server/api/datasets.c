/*
 * Data sets: all of them, one, its first rows, and away with it.
 */
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/jobs/writer.h"
#include "server/schema/query.h"
#include "server/store/store_dataset.h"

enum { ROWS_DEFAULT = 20 };

struct list_form {
    struct call_page page;
};

const struct field dataset_list_query[] = {
    CALL_PAGE(list_form, page, "100"),
    {.key = NULL},
};

const struct field dataset_rows_query[] = {
    CALL_PAGE(list_form, page, "20"),
    {.key = NULL},
};

enum err dataset_list(struct call *c, struct error *e)
{
    struct list_form f = {.page.limit = QUERY_LIMIT_DEFAULT};
    struct dataset_list list;
    struct buf out = {0};
    struct json j;

    TRY(call_query(c, &f, e));
    TRY(call_reader(c, e));
    TRY(store_dataset_list(c->reader, f.page.cursor, f.page.limit, c->q->arena, &list, e));
    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = 0; i < list.n; i++)
        encode_dataset(&j, NULL, &list.items[i]);
    json_end(&j);
    call_page_end(c, &j, f.page.limit, list.total, list.next);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

enum err dataset_get(struct call *c, struct error *e)
{
    struct dataset_record record;
    struct buf out = {0};
    struct json j;

    TRY(call_dataset(c, call_segment(c, 0), &record, e));
    json_init(&j, &out);
    encode_dataset(&j, NULL, &record);
    return call_json(c, 200, &out, e);
}

static enum err send_rows(struct call *c, const struct table *t, const struct call_page *page,
                          struct error *e)
{
    size_t first = (size_t)page->cursor < t->n_rows ? (size_t)page->cursor : t->n_rows;
    size_t left = t->n_rows - first;
    size_t n = left < (size_t)page->limit ? left : (size_t)page->limit;
    struct buf out = {0};
    struct json j;

    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = first; i < first + n; i++)
        encode_row(&j, t, i);
    json_end(&j);
    call_page_end(c, &j, page->limit, (int64_t)t->n_rows, n < left ? (int64_t)(first + n) : -1);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

enum err dataset_rows(struct call *c, struct error *e)
{
    struct list_form f = {.page.limit = ROWS_DEFAULT};
    struct dataset_record record;
    const struct table *t;
    enum err failed;

    TRY(call_query(c, &f, e));
    TRY(call_dataset(c, call_segment(c, 0), &record, e));
    call_release(c);
    TRY(jobs_take_table(c->api->jobs, record.id, &t, e));
    failed = send_rows(c, t, &f.page, e);
    jobs_release_table(c->api->jobs, t);
    return failed;
}

static enum err delete_record(struct store *s, void *ctx, struct error *e)
{
    return store_dataset_delete(s, *(const int64_t *)ctx, e);
}

enum err dataset_delete(struct call *c, struct error *e)
{
    struct dataset_record record;

    TRY(call_dataset(c, call_segment(c, 0), &record, e));
    call_release(c);
    TRY(writer_call(jobs_writer(c->api->jobs), delete_record, &record.id, e));
    jobs_forget_table(c->api->jobs, record.id);
    http_respond(c->r, 204, NULL, "", 0);
    return ERR_OK;
}
