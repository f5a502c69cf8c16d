/*
 * GET …/folds.csv: the fold plan, so that any other tool can use the same folds.
 */
#include "core/data/split.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/sheet.h"

/* row: the row's number among the data rows of the file, from 1. fold: the one that it validates; 0
 * is a row that only trains, `sealed` one that was set aside. Rows that were left out for want of a
 * target are not listed. */
static const char *const NAMES[] = {"row", "repeat", "fold"};
enum { N_COLUMNS = sizeof NAMES / sizeof *NAMES };

struct folds {
    struct jobs *jobs;
    const struct table *table; /* taken */
    struct split *split;
    size_t n, next; /* lines, over all repeats */
};

static void folds_release(void *ctx)
{
    struct folds *f = ctx;

    split_destroy(f->split);
    jobs_release_table(f->jobs, f->table);
}

static void write_cells(const struct folds *f, size_t line, struct value *cell)
{
    uint32_t repeat = (uint32_t)(line / f->split->n_rows);
    size_t row = line % f->split->n_rows;
    uint16_t fold = split_repeat(f->split, repeat)[row];

    cell[0] = cell_integer((int64_t)(f->table->source_row ? f->table->source_row[row] : row) + 1);
    cell[1] = cell_integer(repeat + 1);
    cell[2] = fold == SPLIT_SEALED ? cell_text("sealed") : cell_integer(fold);
}

static enum err read_rows(void *ctx, struct reader *r, size_t most, struct arena *a,
                          struct value *out, size_t *n, struct error *e)
{
    struct folds *f = ctx;
    size_t left = f->n - f->next;

    (void)r;
    (void)a;
    (void)e;
    *n = left < most ? left : most;
    for (size_t i = 0; i < *n; i++)
        write_cells(f, f->next++, out + i * N_COLUMNS);
    return ERR_OK;
}

static enum err send_json(struct call *c, struct folds *f, int64_t limit, struct error *e)
{
    struct value cells[N_COLUMNS];
    struct buf out = {0};
    struct json j;

    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (int64_t i = 0; i < limit && f->next < f->n; i++) {
        write_cells(f, f->next++, cells);
        json_object_inline(&j, NULL);
        for (size_t k = 0; k < N_COLUMNS; k++)
            json_value(&j, NAMES[k], &cells[k]);
        json_end(&j);
    }
    json_end(&j);
    call_page_end_at(c, &j, limit, (int64_t)f->n, f->next < f->n ? (int64_t)f->next : -1);
    json_end(&j);
    return call_json(c, 200, &out, e);
}

static enum err cut(struct call *c, const struct experiment_record *x, int64_t offset,
                    struct sheet *s, struct error *e)
{
    struct folds *f = arena_alloc(s->arena, 1, sizeof *f);

    if (!f)
        return error_no_memory(e);
    f->jobs = c->api->jobs;
    s->ctx = f;
    s->release = folds_release;
    TRY(call_folds(c, x, &f->table, &f->split, e));
    f->n = f->split->n_rows * f->split->n_repeats;
    f->next = (uint64_t)offset < f->n ? (size_t)offset : f->n;
    return ERR_OK;
}

enum err experiment_folds(struct call *c, struct error *e)
{
    CLEANUP(sheet_end) struct sheet s = {.n_columns = N_COLUMNS, .names = NAMES, .read = read_rows};
    struct call_page page = call_page(c);
    struct experiment_record record;
    int64_t id;

    TRY(faults_check(&c->faults, e));
    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &record, e));
    call_release(c);
    TRY(sheet_begin(&s, e));
    TRY(cut(c, &record, page.offset, &s, e));
    return c->form == FORM_JSON ? send_json(c, s.ctx, page.limit, e)
                                : sheet_send(c, &s, sheet_limit(c, &page), e);
}
