#define _GNU_SOURCE /* asprintf */
#include "core/data/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

/* ---- rows -------------------------------------------------------------------------------------
 */

static enum err at_array(const char *name, enum err err, struct error *e)
{
    return err == ERR_OK || !name ? err : error_prefix(e, "%s", name);
}

static enum err end_part(struct stack_part *p, struct error *e)
{
    TRY(at_array(p->features_name, array_end(p->features, e), e));
    return p->labels ? at_array(p->labels_name, array_end(p->labels, e), e) : ERR_OK;
}

static enum err stack_next(struct rows *r, struct record *out, struct error *e)
{
    struct stack *s = (struct stack *)r;
    struct cell *cells, *to = s->cells;

    *out = (struct record){.line = ++s->row};
    while (s->part->features->row == array_rows(s->part->features)) {
        TRY(end_part(s->part, e));
        if (s->part == &s->parts[s->n_parts - 1])
            return ERR_OK;
        s->part++;
    }
    TRY(at_array(s->part->features_name, array_next(s->part->features, &cells, e), e));
    memcpy(to, cells, s->part->features->n_columns * sizeof *to);
    to += s->part->features->n_columns;
    if (s->part->labels) {
        TRY(at_array(s->part->labels_name, array_next(s->part->labels, &cells, e), e));
        memcpy(to, cells, s->part->labels->n_columns * sizeof *to);
        to += s->part->labels->n_columns;
    }
    if (s->part->split) {
        (void)snprintf(s->split, sizeof s->split, "%s", s->part->split);
        *to = (struct cell){.text = s->split, .length = (uint32_t)strlen(s->split)};
    }
    out->cells = s->cells;
    out->n_cells = r->n_columns;
    return ERR_OK;
}

static enum err stack_rewind(struct rows *r, struct error *e)
{
    struct stack *s = (struct stack *)r;

    s->row = 0;
    s->part = s->parts;
    for (size_t k = 0; k < s->n_parts; k++) {
        struct stack_part *p = &s->parts[k];

        TRY(at_array(p->features_name, array_rewind(p->features, e), e));
        if (p->labels)
            TRY(at_array(p->labels_name, array_rewind(p->labels, e), e));
    }
    return ERR_OK;
}

static void print_shape(const struct array *a, struct buf *out)
{
    for (size_t k = 1; k < a->n_dimensions; k++)
        buf_printf(out, "%s%llu", k > 1 ? " x " : "", (unsigned long long)a->shape[k]);
}

static enum err stack_warn(const struct rows *r, struct table *t, struct error *e)
{
    const struct stack *s = (const struct stack *)r;
    const struct array *a = s->parts[0].features;
    CLEANUP(buf_finish) struct buf shape = {0};

    if (s->unused)
        TRY(table_warn(t, e, "not read: %s", s->unused));
    if (a->n_dimensions < 3)
        return ERR_OK;
    print_shape(a, &shape);
    TRY(buf_check(&shape, e));
    return table_warn(t, e, "each row of %s values is read as %zu columns", buf_text(&shape),
                      a->n_columns);
}

static void stack_close(struct rows *r)
{
    struct stack *s = (struct stack *)r;

    for (size_t k = 0; k < s->n_parts; k++) {
        array_destroy(s->parts[k].features);
        array_destroy(s->parts[k].labels);
    }
    if (s->release)
        s->release(s->owner);
    free(s->cells);
    free(s);
}

static const struct rows_class stack_class = {stack_next, stack_rewind, stack_warn, stack_close};

/* ---- columns ----------------------------------------------------------------------------------
 */

/* Takes the name over. */
static enum err put_name(struct stack *s, size_t *at, char *name, struct error *e)
{
    s->rows.names[(*at)++] = name;
    return name ? ERR_OK : error_no_memory(e);
}

static enum err name_features(struct stack *s, size_t *at, struct error *e)
{
    const struct array *a = s->parts[0].features;

    for (size_t j = 0; j < a->n_columns; j++) {
        const char *given = a->fields[j % a->n_fields].name;
        char *name = NULL;

        if (given)
            name = strdup(given);
        else if (asprintf(&name, "%s%zu", s->prefix, s->first + j) < 0)
            name = NULL;
        TRY(put_name(s, at, name, e));
    }
    return ERR_OK;
}

/* The labels' columns are the targets. */
static enum err name_labels(struct stack *s, size_t *at, struct error *e)
{
    const struct array *a = s->parts[0].labels;
    CLEANUP(buf_finish) struct buf targets = {0};

    for (size_t j = 0; j < a->n_columns; j++) {
        char *name = NULL;

        if (a->n_columns == 1)
            name = strdup(s->label);
        else if (asprintf(&name, "%s_%zu", s->label, j + 1) < 0)
            name = NULL;
        TRY(put_name(s, at, name, e));
        buf_printf(&targets, "%s%s", j ? "," : "", name);
    }
    TRY(buf_check(&targets, e));
    s->rows.target = strdup(buf_text(&targets));
    return s->rows.target ? ERR_OK : error_no_memory(e);
}

static enum err name_columns(struct stack *s, struct error *e)
{
    struct rows *r = &s->rows;
    const struct stack_part *p = &s->parts[0];
    size_t at = 0;

    r->n_columns = p->features->n_columns + (p->labels ? p->labels->n_columns : 0) + !!p->split;
    s->cells = calloc(r->n_columns, sizeof *s->cells);
    if (!s->cells)
        return error_no_memory(e);
    TRY(rows_new_names(r, e));
    TRY(name_features(s, &at, e));
    if (p->labels)
        TRY(name_labels(s, &at, e));
    if (!p->split)
        return ERR_OK;
    r->split = "split";
    return put_name(s, &at, strdup("split"), e);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static enum err check_same_columns(const struct array *a, const char *a_name, const struct array *b,
                                   const char *b_name, struct error *e)
{
    if (a->n_columns == b->n_columns)
        return ERR_OK;
    return error_set(e, ERR_INVALID, "%s has %zu columns, %s has %zu; expected as many", a_name,
                     a->n_columns, b_name, b->n_columns);
}

static enum err begin_part(struct stack_part *p, uint64_t max_bytes, struct error *e)
{
    TRY(at_array(p->features_name, array_begin(p->features, max_bytes, e), e));
    if (!p->labels)
        return ERR_OK;
    TRY(at_array(p->labels_name, array_begin(p->labels, max_bytes, e), e));
    if (array_rows(p->features) == array_rows(p->labels))
        return ERR_OK;
    return error_set(e, ERR_INVALID, "%s has %llu rows, %s has %llu; expected as many",
                     p->features_name, (unsigned long long)array_rows(p->features), p->labels_name,
                     (unsigned long long)array_rows(p->labels));
}

/* The last pixel is no target that anybody wants. */
static enum err check_target(const struct stack *s, const struct table_options *o, struct error *e)
{
    const struct stack_part *p = &s->parts[0];

    if (p->labels || o->target || p->features->n_dimensions < 3)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID,
                    "target: the file has arrays of %zu dimensions and no labels; expected a "
                    "column's name, or labels beside them",
                    p->features->n_dimensions - 1);
    return error_field(e, "target");
}

enum err stack_create(struct stack **out, struct error *e)
{
    struct stack *s = calloc(1, sizeof *s);

    if (!s)
        return error_no_memory(e);
    s->rows.class = &stack_class;
    s->rows.place = "row";
    s->rows.decimal = '.';
    s->prefix = "column_";
    s->first = 1;
    *out = s;
    return ERR_OK;
}

enum err stack_begin(struct stack *s, const struct table_options *o, uint64_t max_bytes,
                     struct error *e)
{
    struct stack_part *p = s->parts;

    s->part = p;
    for (size_t k = 0; k < s->n_parts; k++)
        TRY(begin_part(&p[k], max_bytes, e));
    if (s->n_parts > 1) {
        TRY(check_same_columns(p[0].features, p[0].features_name, p[1].features, p[1].features_name,
                               e));
        TRY(check_same_columns(p[0].labels, p[0].labels_name, p[1].labels, p[1].labels_name, e));
    }
    TRY(check_target(s, o, e));
    return name_columns(s, e);
}
