#include "core/data/scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------
 */

static void note_number(struct column_scan *c, double x, bool target)
{
    c->n_numbers++;
    if (!target || !c->integers || c->n_distinct > SCAN_MAX_CLASSES)
        return;
    c->integers = floor(x) == x;
    for (size_t i = 0; i < c->n_distinct; i++)
        if (c->distinct[i] == x)
            return;
    c->distinct[c->n_distinct++] = x;
}

static void note_text(struct column_scan *c, const struct cell *cell, uint64_t line)
{
    char shown[64];

    if (c->n_texts++ == 0) {
        c->text_line = line;
        c->one_text = true;
        (void)rows_preview(cell, c->text);
    } else if (c->one_text) {
        c->one_text = strcmp(rows_preview(cell, shown), c->text) == 0;
    }
}

static void scan_cell(struct column_scan *c, const struct cell *cell, uint64_t line,
                      const struct cell_rules *rules, const struct plan *plan, size_t j)
{
    double x;

    switch (cell_take(rules, cell, plan_wants_number(plan, j), &x)) {
    case CELL_MISSING:
        break;
    case CELL_NUMBER:
        note_number(c, x, plan->columns[j].role == ROLE_TARGET);
        break;
    case CELL_INFINITE:
        if (c->n_infinite++ == 0) {
            c->infinite_line = line + cell->below;
            (void)rows_preview(cell, c->infinite);
        }
        break;
    case CELL_TEXT:
        note_text(c, cell, line + cell->below);
        break;
    }
}

static enum err too_large(uint64_t max_bytes, struct error *e)
{
    return error_set(e, ERR_LIMIT, "the table needs more than %llu bytes of memory",
                     (unsigned long long)max_bytes);
}

static enum err read_all(struct rows *rows, const struct cell_rules *rules, uint64_t max_bytes,
                         const struct plan *plan, struct scan *s, struct error *e)
{
    struct record r;
    uint64_t row_bytes = 0; /* at least */

    for (size_t j = 0; j < plan->n_columns; j++)
        row_bytes += plan->columns[j].role == ROLE_IGNORED ? 0 : sizeof(int32_t);
    for (;;) {
        TRY(rows->class->next(rows, &r, e));
        if (r.n_cells == 0)
            return ERR_OK;
        if (++s->n_rows * row_bytes > max_bytes)
            return too_large(max_bytes, e);
        if (s->n_rows >= UINT32_MAX - 1)
            return error_set(e, ERR_LIMIT, "the table has more than %u rows", UINT32_MAX - 2);
        for (size_t j = 0; j < plan->n_columns; j++)
            if (plan->columns[j].role != ROLE_IGNORED)
                scan_cell(&s->columns[j], &r.cells[j], r.line, rules, plan, j);
    }
}

/* ---- deciding ---------------------------------------------------------------------------------
 */

/* A few texts among numbers are more likely mistakes than categories. */
static bool mistakes(const struct column_scan *c)
{
    uint64_t numbers = c->n_numbers + c->n_infinite;

    return c->n_texts > 0 && numbers > c->n_texts &&
           (c->one_text || c->n_texts <= 1 || c->n_texts <= numbers / 10);
}

static bool must_be_numeric(const struct plan *p, size_t j, const struct column_scan *c)
{
    return plan_wants_number(p, j) || mistakes(c);
}

static bool must_be_categorical(const struct plan *p, size_t j)
{
    const struct plan_column *column = &p->columns[j];

    switch (column->role) {
    case ROLE_GROUP:
    case ROLE_SPLIT:
    case ROLE_FOLD:
        return true;
    case ROLE_TARGET:
        return p->wish == WISH_CLASSIFICATION || column->force == FORCE_CATEGORICAL;
    case ROLE_FEATURE:
    case ROLE_TIME:
        return column->force == FORCE_CATEGORICAL;
    case ROLE_WEIGHT:
    case ROLE_IGNORED:
    case ROLE_IDENTIFIER:
    case ROLE_CONSTANT:
    case ROLE_EMPTY:
        break;
    }
    return false;
}

/* The first thing in a column that cannot be in it. */
struct fault {
    uint64_t line;
    size_t column;
    const char *expected, *got;
};

static void note_fault(struct fault *f, uint64_t line, size_t column, const char *expected,
                       const char *got)
{
    if (line > 0 && (f->line == 0 || line < f->line))
        *f = (struct fault){line, column, expected, got};
}

static void decide_type(struct plan *p, const struct scan *s, size_t j, struct fault *f)
{
    const struct column_scan *c = &s->columns[j];

    p->columns[j].type = COLUMN_NUMERIC;
    if (p->columns[j].role == ROLE_IGNORED)
        return;
    if (must_be_categorical(p, j)) {
        p->columns[j].type = COLUMN_CATEGORICAL;
        return;
    }
    if (must_be_numeric(p, j, c))
        note_fault(f, c->text_line, j + 1, "a number", c->text);
    else if (c->n_texts > 0)
        p->columns[j].type = COLUMN_CATEGORICAL;
    if (p->columns[j].type == COLUMN_NUMERIC)
        note_fault(f, c->infinite_line, j + 1, "a finite number", c->infinite);
}

static enum err several_targets(struct plan *p, struct error *e)
{
    for (size_t i = 0; i < p->n_targets; i++) {
        size_t j = p->targets[i];

        if (p->columns[j].type == COLUMN_NUMERIC)
            continue;
        (void)error_set(e, ERR_INVALID,
                        "target \"%.80s\": several targets are for regression, this one is text",
                        p->names[j]);
        return error_field(e, "target");
    }
    p->task = TASK_REGRESSION;
    (void)snprintf(p->task_reason, sizeof p->task_reason,
                   "regression, because there are %zu targets", p->n_targets);
    return ERR_OK;
}

static enum err decide_task(struct plan *p, const struct scan *s, struct error *e)
{
    size_t j = p->targets[0];
    const struct column_scan *c = &s->columns[j];
    bool forced = p->columns[j].force != FORCE_NOTHING;
    const char *name = p->names[j];

    if (p->n_targets > 1 && p->wish != WISH_REGRESSION)
        return several_targets(p, e);
    if (p->wish != WISH_NOTHING || forced) {
        p->task = p->columns[j].type == COLUMN_NUMERIC ? TASK_REGRESSION : TASK_CLASSIFICATION;
        (void)snprintf(p->task_reason, sizeof p->task_reason, "%s, as asked for",
                       table_task_name(p->task));
    } else if (p->columns[j].type == COLUMN_CATEGORICAL) {
        p->task = TASK_CLASSIFICATION;
        (void)snprintf(p->task_reason, sizeof p->task_reason,
                       "classification, because the target \"%.80s\" is text", name);
    } else if (c->integers && c->n_distinct > 0 && c->n_distinct <= SCAN_MAX_CLASSES) {
        p->task = TASK_CLASSIFICATION;
        p->columns[j].type = COLUMN_CATEGORICAL;
        (void)snprintf(p->task_reason, sizeof p->task_reason,
                       "classification, because the target \"%.80s\" has %zu distinct integers, "
                       "at most %d",
                       name, c->n_distinct, SCAN_MAX_CLASSES);
    } else {
        p->task = TASK_REGRESSION;
        (void)snprintf(p->task_reason, sizeof p->task_reason,
                       c->integers ? "regression, because the target \"%.80s\" has more than %d "
                                     "distinct integers"
                                   : "regression, because the target \"%.80s\" has numbers that "
                                     "are not integers",
                       name, SCAN_MAX_CLASSES);
    }
    return ERR_OK;
}

enum err scan_rows(struct rows *rows, const struct cell_rules *rules, uint64_t max_bytes,
                   struct plan *plan, struct scan *out, struct error *e)
{
    struct fault f = {0};
    uint64_t bytes = 0;

    out->columns = calloc(plan->n_columns, sizeof *out->columns);
    if (!out->columns)
        return error_no_memory(e);
    for (size_t j = 0; j < plan->n_columns; j++)
        out->columns[j].integers = true;
    TRY(read_all(rows, rules, max_bytes, plan, out, e));
    for (size_t j = 0; j < plan->n_columns; j++)
        decide_type(plan, out, j, &f);
    if (f.line > 0)
        return rows_fault(rows, f.line, f.column, e, "expected %s, got \"%s\"%s", f.expected, f.got,
                          f.line == rows->shape_line && !rows->names
                              ? "; header=true if this line has the names"
                              : "");
    TRY(decide_task(plan, out, e));
    for (size_t j = 0; j < plan->n_columns; j++)
        if (plan->columns[j].role != ROLE_IGNORED)
            bytes += plan->columns[j].type == COLUMN_NUMERIC ? sizeof(double) : sizeof(int32_t);
    return bytes * out->n_rows > max_bytes ? too_large(max_bytes, e) : ERR_OK;
}

void scan_finish(struct scan *s)
{
    free(s->columns);
    s->columns = NULL;
}
