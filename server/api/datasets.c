/*
 * Data sets: all of them, one, its rows, and away with it.
 */
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/sheet.h"
#include "server/jobs/writer.h"
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

/* ---- all of them ------------------------------------------------------------------------- */

static enum err send_list(struct call *c, const struct call_page *page, struct error *e)
{
    struct dataset_list list;
    struct buf out = {0};
    struct json j;

    TRY(call_reader(c, e));
    TRY(store_dataset_list(c->reader, page->offset, page->limit, c->q->arena, &list, e));
    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = 0; i < list.n; i++)
        encode_dataset(&j, NULL, &list.items[i]);
    json_end(&j);
    call_page_end_at(c, &j, page->limit, list.total, list.next);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

static const char *const NAMES[] = {"id",       "name",  "owner",  "task",      "rows",
                                    "features", "bytes", "sha256", "created_at"};
enum { N_COLUMNS = sizeof NAMES / sizeof *NAMES };
static const bool IN_TEXT[N_COLUMNS] = {true, true, false, true, true, true, true, false, true};

static void write_cells(const struct dataset_record *d, struct arena *a, struct value *cell)
{
    *cell++ = cell_integer(d->id);
    *cell++ = cell_text(d->name);
    *cell++ = cell_text(d->owner);
    *cell++ = cell_text(d->task);
    *cell++ = cell_integer(d->rows);
    *cell++ = cell_integer(d->features);
    *cell++ = cell_integer(d->bytes);
    *cell++ = cell_text(d->sha256);
    *cell = cell_time(d->created_at_ms, a);
}

/* ctx: the id behind which to go on; -1 at the end. */
static enum err read_datasets(void *ctx, struct reader *r, size_t most, struct arena *a,
                              struct value *out, size_t *n, struct error *e)
{
    int64_t *after = ctx;
    struct dataset_list list = {0};

    if (*after >= 0) {
        TRY(store_dataset_list(r, *after, (int64_t)most, a, &list, e));
        *after = list.next;
    }
    for (size_t i = 0; i < list.n; i++)
        write_cells(&list.items[i], a, out + i * N_COLUMNS);
    *n = list.n;
    return ERR_OK;
}

enum err dataset_list(struct call *c, struct error *e)
{
    CLEANUP(sheet_end)
    struct sheet s = {
        .n_columns = N_COLUMNS, .names = NAMES, .in_text = IN_TEXT, .read = read_datasets};
    struct list_form f = {.page.limit = QUERY_LIMIT_DEFAULT};
    int64_t *after;

    TRY(call_query(c, &f, e));
    if (c->form == FORM_JSON)
        return send_list(c, &f.page, e);
    TRY(sheet_begin(&s, e));
    s.ctx = after = arena_alloc(s.arena, 1, sizeof *after);
    if (!after)
        return error_no_memory(e);
    *after = f.page.offset;
    return sheet_send(c, &s, sheet_limit(c, &f.page), e);
}

/* ---- one --------------------------------------------------------------------------------- */

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

/* ---- its rows ---------------------------------------------------------------------------- */

/* Of which columns the table holds values, and where the next page begins. */
struct rows {
    struct jobs *jobs;
    const struct table *table; /* taken */
    size_t next;
    size_t n_columns;
    const struct column **columns;
};

static void rows_release(void *ctx)
{
    const struct rows *rows = ctx;

    jobs_release_table(rows->jobs, rows->table);
}

static struct value row_cell(const struct column *c, size_t row)
{
    if (c->values)
        return cell_real(c->values[row]);
    return cell_text(c->codes[row] < 0 ? NULL : c->labels[c->codes[row]]);
}

static enum err read_rows(void *ctx, struct reader *r, size_t most, struct arena *a,
                          struct value *out, size_t *n, struct error *e)
{
    struct rows *rows = ctx;
    size_t left = rows->table->n_rows - rows->next;

    (void)r;
    (void)a;
    (void)e;
    *n = left < most ? left : most;
    for (size_t i = 0; i < *n; i++, rows->next++)
        for (size_t k = 0; k < rows->n_columns; k++)
            *out++ = row_cell(rows->columns[k], rows->next);
    return ERR_OK;
}

static enum err choose_columns(struct rows *rows, struct arena *a, const char *const **names,
                               struct error *e)
{
    const struct table *t = rows->table;
    const char **list = arena_alloc(a, t->n_columns + 1, sizeof *list);

    rows->columns = arena_alloc(a, t->n_columns + 1, sizeof *rows->columns);
    if (!list || !rows->columns)
        return error_no_memory(e);
    for (size_t i = 0; i < t->n_columns; i++) {
        if (!t->columns[i].values && !t->columns[i].codes)
            continue;
        list[rows->n_columns] = t->columns[i].name;
        rows->columns[rows->n_columns++] = &t->columns[i];
    }
    *names = list;
    return ERR_OK;
}

static enum err send_rows(struct call *c, const struct rows *rows, int64_t limit, struct error *e)
{
    const struct table *t = rows->table;
    size_t left = t->n_rows - rows->next, n = left < (size_t)limit ? left : (size_t)limit;
    struct buf out = {0};
    struct json j;

    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (size_t i = rows->next; i < rows->next + n; i++)
        encode_row(&j, t, i);
    json_end(&j);
    call_page_end_at(c, &j, limit, (int64_t)t->n_rows, n < left ? (int64_t)(rows->next + n) : -1);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

static enum err take_rows(struct call *c, int64_t dataset, int64_t offset, struct sheet *s,
                          struct error *e)
{
    struct rows *rows = arena_alloc(s->arena, 1, sizeof *rows);

    if (!rows)
        return error_no_memory(e);
    rows->jobs = c->api->jobs;
    TRY(jobs_take_table(rows->jobs, dataset, &rows->table, e));
    s->ctx = rows;
    s->release = rows_release;
    rows->next = (uint64_t)offset < rows->table->n_rows ? (size_t)offset : rows->table->n_rows;
    TRY(choose_columns(rows, s->arena, &s->names, e));
    s->n_columns = rows->n_columns;
    return ERR_OK;
}

enum err dataset_rows(struct call *c, struct error *e)
{
    CLEANUP(sheet_end) struct sheet s = {.read = read_rows};
    struct list_form f = {.page.limit = ROWS_DEFAULT};
    struct dataset_record record;

    TRY(call_query(c, &f, e));
    TRY(call_dataset(c, call_segment(c, 0), &record, e));
    call_release(c);
    TRY(sheet_begin(&s, e));
    TRY(take_rows(c, record.id, f.page.offset, &s, e));
    return c->form == FORM_JSON ? send_rows(c, s.ctx, f.page.limit, e)
                                : sheet_send(c, &s, sheet_limit(c, &f.page), e);
}

/* ---- away with it ------------------------------------------------------------------------ */

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
