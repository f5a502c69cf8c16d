/*
 * GET …/folds.csv: the fold plan, so that any other tool can use the same folds.
 */
#include "core/data/split.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/sheet.h"

struct list_form {
    struct call_page page;
};

const struct field experiment_folds_query[] = {
    CALL_PAGE(list_form, page, "100"),
    {.key = NULL},
};

/* What a row does in a repeat. Rows that were left out for want of a target are not listed. */
struct fold_line {
    int64_t row, repeat;
    uint16_t fold;
};

static void write_fold(const void *in, struct json *j, const char *key)
{
    uint16_t fold = ((const struct fold_line *)in)->fold;

    if (fold == SPLIT_SEALED)
        json_string(j, key, "sealed");
    else
        json_i64(j, key, fold);
}

static void document_fold(struct json *j)
{
    json_array(j, "anyOf");
    json_object_inline(j, NULL);
    field_document_integer(j);
    json_end(j);
    json_object_inline(j, NULL);
    json_string(j, "const", "sealed");
    json_end(j);
    json_end(j);
}

/* clang-format off */
static const struct field line_fields[] = {
    FIELD("row", INT, fold_line, row,
          .summary = "its number among the data rows of the file, from 1"),
    FIELD("repeat", INT, fold_line, repeat, .summary = "from 1"),
    {.key = "fold", .type = FIELD_OTHER, .document = document_fold, .write = write_fold,
     .summary = "the one that it validates; 0: it only trains; sealed: it was set aside"},
    {.key = NULL},
};
/* clang-format on */
static const char *const NAMES[] = {"row", "repeat", "fold"};
enum { N_COLUMNS = sizeof NAMES / sizeof *NAMES };

const struct schema experiment_fold_schema = {
    .name = "Fold", .fields = line_fields, .summary = "What a row does in a repeat."};

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

static struct fold_line take_line(struct folds *f)
{
    uint32_t repeat = (uint32_t)(f->next / f->split->n_rows);
    size_t row = f->next++ % f->split->n_rows;

    return (struct fold_line){
        .row = (int64_t)(f->table->source_row ? f->table->source_row[row] : row) + 1,
        .repeat = repeat + 1,
        .fold = split_repeat(f->split, repeat)[row],
    };
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
    for (size_t i = 0; i < *n; i++) {
        struct fold_line line = take_line(f);

        *out++ = cell_integer(line.row);
        *out++ = cell_integer(line.repeat);
        *out++ = line.fold == SPLIT_SEALED ? cell_text("sealed") : cell_integer(line.fold);
    }
    return ERR_OK;
}

static enum err send_json(struct call *c, struct folds *f, int64_t limit, struct error *e)
{
    struct buf out = {0};
    struct json j;

    json_init(&j, &out);
    json_object(&j, NULL);
    json_array(&j, "items");
    for (int64_t i = 0; i < limit && f->next < f->n; i++) {
        struct fold_line line = take_line(f);

        json_object_inline(&j, NULL);
        field_encode(line_fields, &line, &j);
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
    struct list_form f = {.page.limit = QUERY_LIMIT_DEFAULT};
    struct experiment_record record;
    int64_t id;

    TRY(call_query(c, &f, e));
    TRY(call_experiment(c, &id, e));
    TRY(store_experiment_get(c->reader, id, c->q->arena, &record, e));
    call_release(c);
    TRY(sheet_begin(&s, e));
    TRY(cut(c, &record, f.page.offset, &s, e));
    return c->form == FORM_JSON ? send_json(c, s.ctx, f.page.limit, e)
                                : sheet_send(c, &s, sheet_limit(c, &f.page), e);
}
