#include "core/data/build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/data/intern.h"
#include "core/data/number.h"

struct building {
    const struct rows *rows;
    const struct cell_rules *rules;
    const struct plan *plan;
    struct table *t;
    struct intern **texts; /* per column; NULL where it is numeric */
    uint64_t max_bytes;
    size_t row; /* kept so far */
    uint32_t source_row;
};

static void building_finish(struct building *b)
{
    for (size_t j = 0; b->texts && j < b->plan->n_columns; j++)
        intern_destroy(b->texts[j]);
    free(b->texts);
}

static enum err prepare_columns(struct building *b, struct error *e)
{
    b->texts = calloc(b->plan->n_columns, sizeof *b->texts);
    if (!b->texts)
        return error_no_memory(e);
    for (size_t j = 0; j < b->plan->n_columns; j++) {
        if (b->plan->columns[j].role == ROLE_IGNORED)
            continue;
        TRY(table_set_type(b->t, j, b->plan->columns[j].type, e));
        if (b->plan->columns[j].type == COLUMN_CATEGORICAL)
            TRY(intern_create(&b->texts[j], e));
    }
    return ERR_OK;
}

/* ---- cells ------------------------------------------------------------------------------------
 */

static enum err cell_fault(const struct building *b, const struct record *r, size_t j,
                           const char *expected, struct error *e)
{
    const struct cell *cell = &r->cells[j];
    char shown[64];

    if (cell->text ? cell->length == 0 : isnan(cell->number))
        return rows_fault(b->rows, r->line + cell->below, j + 1, e, "expected %s, got %s", expected,
                          cell->text ? "an empty cell" : "no value");
    return rows_fault(b->rows, r->line + cell->below, j + 1, e, "expected %s, got \"%s\"", expected,
                      rows_preview(cell, shown));
}

/* What a column of this role must hold where a feature may hold anything. */
static enum err check_role(const struct building *b, const struct record *r, size_t j,
                           enum cell_kind kind, double x, struct error *e)
{
    char *text = r->cells[j].text;

    switch (b->plan->columns[j].role) {
    case ROLE_WEIGHT:
        if (kind != CELL_NUMBER || x < 0)
            return cell_fault(b, r, j, "a weight of 0 or more", e);
        break;
    case ROLE_SPLIT:
        for (char *p = text; p && *p; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p | 32 : *p);
        if (!text || (strcmp(text, "train") != 0 && strcmp(text, "test") != 0))
            return cell_fault(b, r, j, "train or test", e);
        break;
    case ROLE_FOLD:
        if (kind == CELL_MISSING)
            return cell_fault(b, r, j, "a fold", e);
        break;
    case ROLE_GROUP:
        if (kind == CELL_MISSING)
            return cell_fault(b, r, j, "a group", e);
        break;
    case ROLE_TIME:
        if (kind == CELL_MISSING)
            return cell_fault(b, r, j, "a time", e);
        break;
    case ROLE_FEATURE:
    case ROLE_TARGET:
    case ROLE_IGNORED:
    case ROLE_IDENTIFIER:
    case ROLE_CONSTANT:
    case ROLE_EMPTY:
        break;
    }
    return ERR_OK;
}

/* Text of which nearly each cell is its own is no category: its memory is given back at once. */
static enum err give_up_text(struct building *b, size_t j, struct error *e)
{
    struct column *c = &b->t->columns[j];

    free(c->codes);
    c->codes = NULL;
    c->role = ROLE_IDENTIFIER;
    intern_destroy(b->texts[j]);
    b->texts[j] = NULL;
    return table_warn(b->t, e,
                      "column \"%s\" is left out: its texts are too many (over %d) or too long "
                      "for categories",
                      c->name, BUILD_MAX_TEXTS);
}

/* A number as a label: an integer as people write it, else the shortest text. */
static void number_label(double x, char out[32])
{
    if (floor(x) == x && fabs(x) < 1e15)
        (void)snprintf(out, 32, "%lld", (long long)x);
    else
        buf_format_double(x, out);
}

static enum err put_text(struct building *b, size_t j, const struct cell *cell, struct error *e)
{
    enum column_role role = b->plan->columns[j].role;
    struct intern *in = b->texts[j];
    char number[32] = "";
    int32_t code;

    if (!cell->text)
        number_label(cell->number, number);
    TRY(intern_add(in, cell->text ? cell->text : number, cell->text ? cell->length : strlen(number),
                   &code, e));
    b->t->columns[j].codes[b->row] = code;
    if (role == ROLE_FEATURE &&
        (intern_count(in) > BUILD_MAX_TEXTS || intern_bytes(in) > BUILD_MAX_TEXT_BYTES))
        return give_up_text(b, j, e);
    if (role == ROLE_TARGET && intern_count(in) > BUILD_MAX_CLASSES)
        return error_set(e, ERR_INVALID, "target \"%s\": it has more than %d classes",
                         b->t->columns[j].name, BUILD_MAX_CLASSES);
    if (intern_bytes(in) > b->max_bytes)
        return error_set(e, ERR_LIMIT, "the texts of column \"%s\" need more than %llu bytes",
                         b->t->columns[j].name, (unsigned long long)b->max_bytes);
    return ERR_OK;
}

static enum err put_cell(struct building *b, const struct record *r, size_t j, struct error *e)
{
    struct column *c = &b->t->columns[j];
    double x = (double)NAN;
    enum cell_kind kind;

    if (!c->values && !c->codes)
        return ERR_OK; /* left out */
    kind = cell_take(b->rules, &r->cells[j], plan_wants_number(b->plan, j), &x);
    TRY(check_role(b, r, j, kind, x, e));
    if (c->values)
        c->values[b->row] = kind == CELL_NUMBER ? x : (double)NAN;
    else if (kind == CELL_MISSING)
        c->codes[b->row] = -1;
    else
        return put_text(b, j, &r->cells[j], e);
    return ERR_OK;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static bool has_targets(const struct building *b, const struct record *r)
{
    double x;

    for (size_t i = 0; i < b->plan->n_targets; i++) {
        size_t j = b->plan->targets[i];

        if (cell_take(b->rules, &r->cells[j], plan_wants_number(b->plan, j), &x) == CELL_MISSING)
            return false;
    }
    return true;
}

/* From the first row that is left out on, rows remember where they came from. */
static enum err skip_row(struct building *b, struct error *e)
{
    if (!b->t->source_row) {
        b->t->source_row = mem_calloc(b->t->n_rows, sizeof *b->t->source_row);
        if (!b->t->source_row)
            return error_no_memory(e);
        for (size_t i = 0; i < b->row; i++)
            b->t->source_row[i] = (uint32_t)i;
    }
    b->t->rows_without_target++;
    return ERR_OK;
}

static enum err put_row(struct building *b, const struct record *r, struct error *e)
{
    if (b->row == b->t->n_rows)
        return error_set(e, ERR_IO, "the file grew while it was read");
    if (!has_targets(b, r)) {
        TRY(skip_row(b, e));
    } else {
        for (size_t j = 0; j < b->plan->n_columns; j++)
            TRY(put_cell(b, r, j, e));
        if (b->t->source_row)
            b->t->source_row[b->row] = b->source_row;
        b->row++;
    }
    b->source_row++;
    return ERR_OK;
}

/* ---- labels -----------------------------------------------------------------------------------
 */

struct label {
    const char *text;
    double value;
    uint32_t code; /* in order of appearance */
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->text, ((const struct label *)b)->text);
}

static int by_value(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

/* True if all are numbers, which then are in `value`. */
static bool all_numbers(struct label *labels, size_t n, char decimal)
{
    for (size_t i = 0; i < n; i++)
        if (number_parse(labels[i].text, strlen(labels[i].text), decimal, &labels[i].value) !=
            NUMBER_FINITE)
            return false;
    return true;
}

/*
 * Sorts the labels and renumbers the codes. 1 and 1.0 are one label, written as it came first.
 */
static enum err sort_labels(struct building *b, size_t j, struct error *e)
{
    const struct intern *in = b->texts[j];
    struct column *c = &b->t->columns[j];
    size_t n = intern_count(in), n_kept = 0;
    CLEANUP(mem_free) struct label *labels = calloc(n + 1, sizeof *labels);
    CLEANUP(mem_free) int32_t *renumbered = calloc(n + 1, sizeof *renumbered);
    CLEANUP(buf_finish) struct buf text = {0};
    bool numbers;

    if (!labels || !renumbered)
        return error_no_memory(e);
    for (size_t i = 0; i < n; i++)
        labels[i] = (struct label){intern_text(in, i), 0, (uint32_t)i};
    numbers = all_numbers(labels, n, b->rules->decimal);
    qsort(labels, n, sizeof *labels, numbers ? by_value : by_text);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !numbers || labels[i].value != labels[i - 1].value) {
            buf_append(&text, labels[i].text, strlen(labels[i].text) + 1);
            n_kept++;
        }
        renumbered[labels[i].code] = (int32_t)n_kept - 1;
    }
    TRY(buf_check(&text, e));
    for (size_t i = 0; i < b->row; i++)
        if (c->codes[i] >= 0)
            c->codes[i] = renumbered[c->codes[i]];
    return table_set_labels(b->t, j, buf_text(&text), text.length, n_kept, e);
}

static enum err read_all(struct building *b, struct rows *rows, struct error *e)
{
    struct record r;

    for (;;) {
        TRY(rows->class->next(rows, &r, e));
        if (r.n_cells == 0)
            return ERR_OK;
        TRY(put_row(b, &r, e));
    }
}

enum err build_rows(struct rows *rows, const struct cell_rules *rules, uint64_t max_bytes,
                    const struct plan *plan, struct table *t, struct error *e)
{
    CLEANUP(building_finish)
    struct building b = {
        .rows = rows, .rules = rules, .plan = plan, .t = t, .max_bytes = max_bytes};

    TRY(prepare_columns(&b, e));
    TRY(read_all(&b, rows, e));
    t->n_rows = b.row;
    for (size_t j = 0; j < plan->n_columns; j++)
        if (b.texts[j])
            TRY(sort_labels(&b, j, e));
    return ERR_OK;
}
