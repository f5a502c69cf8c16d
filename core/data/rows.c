#include "core/data/rows.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/data/csv.h"

void rows_close(struct rows *r)
{
    if (!r)
        return;
    for (size_t j = 0; r->names && j < r->n_columns; j++)
        free(r->names[j]);
    free(r->names);
    free(r->target);
    r->class->close(r);
}

enum err rows_new_names(struct rows *r, struct error *e)
{
    r->names = calloc(r->n_columns ? r->n_columns : 1, sizeof *r->names);
    return r->names ? ERR_OK : error_no_memory(e);
}

enum err rows_fault(const struct rows *r, uint64_t line, size_t column, struct error *e,
                    const char *format, ...)
{
    char what[320], name[64];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (column == 0)
        return error_set(e, ERR_INVALID, "%s %llu: %s", r->place, (unsigned long long)line, what);
    if (!r->shown || column > r->n_columns)
        return error_set(e, ERR_INVALID, "%s %llu, column %zu: %s", r->place,
                         (unsigned long long)line, column, what);
    return error_set(e, ERR_INVALID, "%s %llu, column %zu \"%s\": %s", r->place,
                     (unsigned long long)line, column, csv_preview(r->shown[column - 1], name),
                     what);
}

const char *rows_preview(const struct cell *cell, char out[64])
{
    if (cell->text)
        return csv_preview(cell->text, out);
    if (isnan(cell->number))
        (void)snprintf(out, 64, "NaN");
    else if (isinf(cell->number))
        (void)snprintf(out, 64, "%s", cell->number > 0 ? "inf" : "-inf");
    else
        buf_format_double(cell->number, out);
    return out;
}
