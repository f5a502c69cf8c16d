#include "core/data/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/build.h"
#include "core/data/format.h"
#include "core/data/gzip.h"
#include "core/data/review.h"

/* Text may be so many times larger than the table it becomes: a compressed bomb is far more. */
enum { INFLATE_FACTOR = 16 };

struct reading {
    struct table_options options; /* those given, and those that the file itself says */
    uint64_t max_bytes;
    struct rows *rows;
    struct cell_rules rules;
    struct plan *plan;
    struct scan scan;
    struct table *table;
};

static void reading_finish(struct reading *r)
{
    rows_close(r->rows);
    plan_destroy(r->plan);
    scan_finish(&r->scan);
    table_destroy(r->table);
}

/* The second reading: names, types, the task, the number of rows. */
static enum err scan(struct reading *r, struct error *e)
{
    struct rows *rows = r->rows;

    TRY(plan_create((const char *const *)rows->names, rows->n_columns, &r->options, &r->plan, e));
    rows->shown = r->plan->names;
    TRY(scan_rows(rows, &r->rules, r->max_bytes, r->plan, &r->scan, e));
    if (r->scan.n_rows > 0)
        return ERR_OK;
    if (rows->shape_line == 0)
        return error_set(e, ERR_INVALID, "the file has no rows");
    return error_set(e, ERR_INVALID, "no rows follow the header in line %llu",
                     (unsigned long long)rows->shape_line);
}

static enum err new_table(struct reading *r, struct error *e)
{
    struct table *t;

    TRY(table_create((size_t)r->scan.n_rows, r->plan->n_columns, &r->table, e));
    t = r->table;
    for (size_t j = 0; j < t->n_columns; j++) {
        TRY(table_set_name(t, j, r->plan->names[j], e));
        t->columns[j].role = r->plan->columns[j].role;
    }
    TRY(table_set_targets(t, r->plan->targets, r->plan->n_targets, e));
    TRY(table_set_reason(t, r->plan->task_reason, e));
    t->task = r->plan->task;
    t->max_categories = r->plan->max_categories;
    (void)snprintf(t->format, sizeof t->format, "%s", r->rows->format);
    (void)snprintf(t->delimiter, sizeof t->delimiter, "%s", r->rows->delimiter);
    t->decimal = r->rows->decimal;
    t->header = r->rows->names && r->rows->delimiter[0];
    return ERR_OK;
}

/* Texts among numbers, where that was not asked for. */
static enum err warn_texts(struct reading *r, struct error *e)
{
    for (size_t j = 0; j < r->plan->n_columns; j++) {
        const struct column_scan *c = &r->scan.columns[j];

        if (r->plan->columns[j].force != FORCE_NOTHING || c->n_texts == 0 || c->n_numbers == 0 ||
            r->plan->columns[j].role != ROLE_FEATURE)
            continue;
        TRY(table_warn(r->table, e,
                       "column \"%s\" is read as text: %llu of %llu values are no numbers, the "
                       "first is \"%s\" in %s %llu",
                       r->plan->names[j], (unsigned long long)c->n_texts,
                       (unsigned long long)(c->n_texts + c->n_numbers + c->n_infinite), c->text,
                       r->rows->place, (unsigned long long)c->text_line));
    }
    return ERR_OK;
}

/* The third reading. */
static enum err build(struct reading *r, struct error *e)
{
    struct rows *rows = r->rows;

    TRY(rows->class->rewind(rows, e));
    TRY(build_rows(rows, &r->rules, r->max_bytes, r->plan, r->table, e));
    if (rows->class->warn)
        TRY(rows->class->warn(rows, r->table, e));
    return warn_texts(r, e);
}

/* A form sends its empty fields too: they are options not given, but where empty means something.
 */
static struct table_options without_empty(const struct table_options *o)
{
    struct table_options given = *o;
    const char **fields[] = {
        &given.target,    &given.task,   &given.positive, &given.format,
        &given.delimiter, &given.header, &given.decimal,  &given.ignore,
        &given.group,     &given.time,   &given.weight,   &given.categorical,
        &given.numeric,   &given.split,  &given.fold,     &given.max_categories,
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (*fields[i] && !**fields[i])
            *fields[i] = NULL;
    return given;
}

/* What the file says of its own columns, where no option does. */
static void take_defaults(struct reading *r)
{
    struct table_options *o = &r->options;

    if (!o->target)
        o->target = r->rows->target;
    if (!o->split)
        o->split = r->rows->split;
    if (!o->missing)
        o->missing = r->rows->missing;
}

static enum err read_files(struct reading *r, const struct table_file *files, size_t n_files,
                           struct error *e)
{
    const struct format *format;

    TRY(format_find(files, n_files, &r->options, &format, e));
    TRY(format->open(files, n_files, &r->options, r->max_bytes, &r->rows, e));
    if (!r->rows->format)
        r->rows->format = format->name;
    take_defaults(r);
    TRY(cell_rules_init(&r->rules, r->rows->decimal ? r->rows->decimal : '.', r->options.missing,
                        e));
    TRY(scan(r, e));
    TRY(new_table(r, e));
    TRY(build(r, e));
    return review_table(r->plan, r->table, e);
}

/* ---- files ------------------------------------------------------------------------------------
 */

/* What stands between the user's files and their readers. */
struct inflated {
    size_t n;
    struct gzip *gzip[TABLE_MAX_FILES];
    struct table_file files[TABLE_MAX_FILES];
};

static void inflated_close(struct inflated *in)
{
    for (size_t i = 0; i < in->n; i++)
        gzip_close(in->gzip[i]);
}

static enum err inflate_files(const struct table_file *files, size_t n, uint64_t max_bytes,
                              struct inflated *in, struct error *e)
{
    if (n == 0 || n > TABLE_MAX_FILES)
        return error_set(e, ERR_INVALID, "expected 1 to %d files, got %zu", TABLE_MAX_FILES, n);
    for (size_t i = 0; i < n; i++) {
        TRY(gzip_open(files[i].source, max_bytes, &in->gzip[i], e));
        in->n++;
        in->files[i] = (struct table_file){gzip_source(in->gzip[i]), files[i].name};
    }
    return ERR_OK;
}

enum err table_read(const struct table_file *files, size_t n_files, const struct table_options *o,
                    uint64_t max_bytes, struct table **out, struct error *e)
{
    CLEANUP(inflated_close) struct inflated in = {0};
    CLEANUP(reading_finish)
    struct reading r = {.options = without_empty(o), .max_bytes = max_bytes};
    uint64_t inflated =
        max_bytes > UINT64_MAX / INFLATE_FACTOR ? UINT64_MAX : max_bytes * INFLATE_FACTOR;

    TRY(inflate_files(files, n_files, inflated, &in, e));
    TRY(read_files(&r, in.files, in.n, e));
    *out = r.table;
    r.table = NULL;
    return ERR_OK;
}
