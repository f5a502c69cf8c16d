#include "core/data/read.h"

#include <stdio.h>
#include <string.h>

#include "core/data/build.h"
#include "core/data/gzip.h"
#include "core/data/review.h"

/* Text may be so many times larger than the table it becomes: a compressed bomb is far more. */
enum { INFLATE_FACTOR = 16 };

struct reading {
    const struct table_options *options;
    const struct source *source;
    uint64_t max_bytes;
    struct dialect dialect;
    struct cell_rules rules;
    struct plan *plan;
    struct scan scan;
    struct table *table;
};

static void reading_finish(struct reading *r)
{
    plan_destroy(r->plan);
    scan_finish(&r->scan);
    table_destroy(r->table);
}

static void gzip_end(struct gzip **g)
{
    gzip_close(*g);
}

/* The second reading: names, types, the task, the number of rows. */
static enum err scan(struct reading *r, struct error *e)
{
    CLEANUP(rows_end) struct rows rows = {0};

    TRY(rows_begin(r->source, &r->dialect, &rows, e));
    TRY(plan_create((const char *const *)rows.names, rows.n_columns, r->options, &r->plan, e));
    csv_set_names(rows.csv, r->plan->names, r->plan->n_columns);
    TRY(scan_rows(&rows, &r->rules, r->max_bytes, r->plan, &r->scan, e));
    if (r->scan.n_rows == 0)
        return error_set(e, ERR_INVALID, "no rows follow the header in line %llu",
                         (unsigned long long)rows.shape_line);
    return ERR_OK;
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
    (void)snprintf(t->format, sizeof t->format, "%s", r->dialect.format);
    dialect_delimiter_name(r->dialect.delimiter, t->delimiter);
    t->decimal = r->dialect.decimal;
    t->header = r->dialect.header != HEADER_NONE;
    return ERR_OK;
}

/* What the user should look at before trusting the table. */
static enum err warn_reading(struct reading *r, const struct csv *csv, struct error *e)
{
    uint64_t first, n = csv_comments(csv, &first);

    if (r->dialect.thousands)
        TRY(table_warn(r->table, e, "numbers such as 1,234 are read with a decimal comma"));
    if (n > 0)
        TRY(table_warn(
            r->table, e,
            "lines skipped as comments because they begin with \"%s\": %llu, the first is "
            "line %llu",
            r->dialect.comment, (unsigned long long)n, (unsigned long long)first));
    for (size_t j = 0; j < r->plan->n_columns; j++) {
        const struct column_scan *c = &r->scan.columns[j];

        if (r->plan->columns[j].force != FORCE_NOTHING || c->n_texts == 0 || c->n_numbers == 0 ||
            r->plan->columns[j].role != ROLE_FEATURE)
            continue;
        TRY(table_warn(r->table, e,
                       "column \"%s\" is read as text: %llu of %llu values are no numbers, the "
                       "first is \"%s\" in line %llu",
                       r->plan->names[j], (unsigned long long)c->n_texts,
                       (unsigned long long)(c->n_texts + c->n_numbers + c->n_infinite), c->text,
                       (unsigned long long)c->text_line));
    }
    return ERR_OK;
}

/* The third reading. */
static enum err build(struct reading *r, struct error *e)
{
    CLEANUP(rows_end) struct rows rows = {0};

    TRY(r->source->rewind(r->source->ctx, e));
    TRY(rows_begin(r->source, &r->dialect, &rows, e));
    if (rows.n_columns != r->plan->n_columns)
        return error_set(e, ERR_IO, "the file changed while it was read");
    csv_set_names(rows.csv, r->plan->names, r->plan->n_columns);
    TRY(build_rows(&rows, &r->rules, r->max_bytes, r->plan, r->table, e));
    return warn_reading(r, rows.csv, e);
}

/* A form sends its empty fields too: they are options not given, but where empty means something.
 */
static struct table_options without_empty(const struct table_options *o)
{
    struct table_options given = *o;
    const char **fields[] = {
        &given.file_name, &given.target,        &given.task,    &given.positive, &given.format,
        &given.delimiter, &given.header,        &given.decimal, &given.ignore,   &given.categorical,
        &given.numeric,   &given.group,         &given.time,    &given.weight,   &given.split,
        &given.fold,      &given.max_categories};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (*fields[i] && !**fields[i])
            *fields[i] = NULL;
    return given;
}

enum err table_read(struct source *s, const struct table_options *o, uint64_t max_bytes,
                    struct table **out, struct error *e)
{
    CLEANUP(gzip_end) struct gzip *gzip = NULL;
    struct table_options given = without_empty(o);
    CLEANUP(reading_finish) struct reading r = {.options = &given, .max_bytes = max_bytes};
    uint64_t inflated =
        max_bytes > UINT64_MAX / INFLATE_FACTOR ? UINT64_MAX : max_bytes * INFLATE_FACTOR;

    TRY(gzip_open(s, inflated, &gzip, e));
    r.source = gzip_source(gzip);
    TRY(dialect_find(r.source, &given, &r.dialect, e));
    TRY(cell_rules_init(&r.rules, r.dialect.decimal, o->missing, e));
    TRY(scan(&r, e));
    TRY(new_table(&r, e));
    TRY(build(&r, e));
    TRY(review_table(r.plan, r.table, e));
    *out = r.table;
    r.table = NULL;
    return ERR_OK;
}
