#include "core/data/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/csv.h"
#include "core/data/dialect.h"

struct text {
    struct rows rows;
    const struct source *source;
    struct dialect dialect;
    struct csv *csv;
    bool pending; /* `record` is to be given out */
    struct record record;
};

/* ---- the header -------------------------------------------------------------------------------
 */

static enum err copy_names(struct text *t, const struct record *from, struct error *e)
{
    struct rows *r = &t->rows;

    r->n_columns = from->n_cells;
    if (r->n_columns > 1 && from->cells[r->n_columns - 1].length == 0)
        r->n_columns--; /* a delimiter that ends the line */
    TRY(rows_new_names(r, e));
    for (size_t j = 0; j < r->n_columns; j++) {
        r->names[j] = strdup(from->cells[j].text);
        if (!r->names[j])
            return error_no_memory(e);
    }
    return ERR_OK;
}

static enum err names_from_comment(struct text *t, struct error *e)
{
    const char *comment = csv_last_comment(t->csv);
    struct memory_source m;
    struct record record;
    struct csv *c = NULL;
    enum err err;

    if (!comment)
        return ERR_OK;
    source_memory_init(&m, comment, strlen(comment));
    TRY(csv_create(&m.source, t->dialect.delimiter, NULL, &c, e));
    err = csv_next(c, &record, e);
    if (err == ERR_OK && record.n_cells > 0)
        err = copy_names(t, &record, e);
    csv_destroy(c);
    return err;
}

/* Reads up to the first row of data, from the start of the source. */
static enum err begin(struct text *t, struct error *e)
{
    TRY(csv_create(t->source, t->dialect.delimiter, t->dialect.comment, &t->csv, e));
    TRY(csv_next(t->csv, &t->record, e));
    if (t->record.n_cells == 0)
        return error_set(e, ERR_INVALID, "the file has no rows");
    t->pending = t->dialect.header != HEADER_ROW;
    return ERR_OK;
}

static enum err find_columns(struct text *t, struct error *e)
{
    t->rows.n_columns = t->record.n_cells;
    t->rows.shape_line = t->record.line;
    if (t->dialect.header == HEADER_ROW)
        return copy_names(t, &t->record, e);
    return t->dialect.header == HEADER_COMMENT ? names_from_comment(t, e) : ERR_OK;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static enum err text_next(struct rows *r, struct record *out, struct error *e)
{
    struct text *t = (struct text *)r;
    size_t at;

    csv_set_names(t->csv, r->shown, r->shown ? r->n_columns : 0);
    if (!t->pending)
        TRY(csv_next(t->csv, &t->record, e));
    t->pending = false;
    *out = t->record;
    if (out->n_cells == r->n_columns + 1 && out->cells[r->n_columns].length == 0)
        out->n_cells--; /* a delimiter that ends the line */
    if (out->n_cells == 0 || out->n_cells == r->n_columns)
        return ERR_OK;
    at = (out->n_cells < r->n_columns ? out->n_cells : r->n_columns) + 1; /* missing, or too many */
    return rows_fault(r, out->line, at, e, "expected %zu cell%s as in line %llu, got %zu",
                      r->n_columns, r->n_columns == 1 ? "" : "s", (unsigned long long)r->shape_line,
                      out->n_cells);
}

static enum err text_rewind(struct rows *r, struct error *e)
{
    struct text *t = (struct text *)r;

    csv_destroy(t->csv);
    t->csv = NULL;
    TRY(t->source->rewind(t->source->ctx, e));
    return begin(t, e);
}

static enum err text_warn(const struct rows *r, struct table *table, struct error *e)
{
    const struct text *t = (const struct text *)r;
    uint64_t first, n = csv_comments(t->csv, &first);

    if (t->dialect.thousands)
        TRY(table_warn(table, e, "numbers such as 1,234 are read with a decimal comma"));
    if (n == 0)
        return ERR_OK;
    return table_warn(table, e,
                      "lines skipped as comments because they begin with \"%s\": %llu, the "
                      "first is line %llu",
                      t->dialect.comment, (unsigned long long)n, (unsigned long long)first);
}

static void text_close(struct rows *r)
{
    csv_destroy(((struct text *)r)->csv);
    free(r);
}

static const struct rows_class text_class = {text_next, text_rewind, text_warn, text_close};

enum err text_open(const struct table_file *files, size_t n_files, const struct table_options *o,
                   uint64_t max_bytes, struct rows **out, struct error *e)
{
    struct text *t = calloc(1, sizeof *t);

    (void)n_files;
    (void)max_bytes;
    if (!t)
        return error_no_memory(e);
    *out = &t->rows;
    t->rows.class = &text_class;
    t->rows.place = "line";
    t->source = files->source;
    TRY(dialect_find(t->source, o, files->name, &t->dialect, e));
    t->rows.format = t->dialect.format;
    t->rows.decimal = t->dialect.decimal;
    dialect_delimiter_name(t->dialect.delimiter, t->rows.delimiter);
    TRY(begin(t, e));
    return find_columns(t, e);
}
