#include "core/data/rows.h"

#include <stdlib.h>
#include <string.h>

static enum err copy_names(const struct csv_record *from, struct rows *r, struct error *e)
{
    r->n_columns = from->n_cells;
    if (r->n_columns > 1 && from->cells[r->n_columns - 1].length == 0)
        r->n_columns--; /* a delimiter that ends the line */
    r->names = calloc(r->n_columns, sizeof *r->names);
    if (!r->names)
        return error_no_memory(e);
    for (size_t j = 0; j < r->n_columns; j++) {
        r->names[j] = strdup(from->cells[j].text);
        if (!r->names[j])
            return error_no_memory(e);
    }
    return ERR_OK;
}

static enum err names_from_comment(struct rows *r, const struct dialect *d, struct error *e)
{
    const char *comment = csv_last_comment(r->csv);
    struct memory_source m;
    struct csv_record record;
    struct csv *c = NULL;
    enum err err;

    if (!comment)
        return ERR_OK;
    source_memory_init(&m, comment, strlen(comment));
    TRY(csv_create(&m.source, d->delimiter, NULL, &c, e));
    err = csv_next(c, &record, e);
    if (err == ERR_OK && record.n_cells > 0)
        err = copy_names(&record, r, e);
    csv_destroy(c);
    return err;
}

static enum err begin(struct rows *r, const struct source *s, const struct dialect *d,
                      struct error *e)
{
    TRY(csv_create(s, d->delimiter, d->comment, &r->csv, e));
    TRY(csv_next(r->csv, &r->record, e));
    if (r->record.n_cells == 0)
        return error_set(e, ERR_INVALID, "the file has no rows");
    r->n_columns = r->record.n_cells;
    r->shape_line = r->record.line;
    switch (d->header) {
    case HEADER_ROW:
        return copy_names(&r->record, r, e);
    case HEADER_COMMENT:
        TRY(names_from_comment(r, d, e));
        break;
    case HEADER_NONE:
        break;
    }
    r->pending = true;
    return ERR_OK;
}

enum err rows_begin(const struct source *s, const struct dialect *d, struct rows *r,
                    struct error *e)
{
    enum err err = begin(r, s, d, e);

    if (err != ERR_OK)
        rows_end(r);
    return err;
}

void rows_end(struct rows *r)
{
    csv_destroy(r->csv);
    for (size_t j = 0; r->names && j < r->n_columns; j++)
        free(r->names[j]);
    free(r->names);
    memset(r, 0, sizeof *r);
}

enum err rows_next(struct rows *r, struct csv_record *out, struct error *e)
{
    if (!r->pending)
        TRY(csv_next(r->csv, &r->record, e));
    r->pending = false;
    *out = r->record;
    if (out->n_cells == r->n_columns + 1 && out->cells[r->n_columns].length == 0)
        out->n_cells--; /* a delimiter that ends the line */
    if (out->n_cells == 0 || out->n_cells == r->n_columns)
        return ERR_OK;
    return csv_fault(r->csv, out->line, 0, e, "expected %zu cell%s as in line %llu, got %zu",
                     r->n_columns, r->n_columns == 1 ? "" : "s", (unsigned long long)r->shape_line,
                     out->n_cells);
}
