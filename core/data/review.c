#include "core/data/review.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/data/number.h"

enum {
    FEW_CONSTANT = 10, /* columns: so many are named one by one */
    PART_MAX = 3 << 19 /* numbers in a set, of 2^22 slots: more are counted in parts */
};

/* Numbers that stand for 'no value' in many files. */
static const double sentinels[] = {-9, -99, -999, -9999, -99999, 99, 999, 9999, 99999};

/* Headers of columns that only count the rows. */
static const char *const counter_names[] = {"id", "index", "idx", "row", "no", "nr", "unnamed: 0"};

/* ---- statistics -------------------------------------------------------------------------------
 */

/* A set of numbers: open addressing, at most half full, NaN where free. */
struct set {
    double *slots;
    size_t n_slots, n;
    int shift; /* 64 less the bits of a slot's number */
};

static void set_finish(struct set *s)
{
    free(s->slots);
}

/* Fibonacci hashing, by the product's top bits: of an integer's double the low bits are all 0, and
 * so are the product's. */
static uint64_t hash_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return (bits ^ bits >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static void set_put(struct set *s, double x)
{
    size_t at = (size_t)(hash_of(x) >> s->shift);

    while (s->slots[at] == s->slots[at] && s->slots[at] != x)
        at = (at + 1) & (s->n_slots - 1);
    s->n += s->slots[at] != x;
    s->slots[at] = x;
}

static enum err set_grow(struct set *s, struct error *e)
{
    struct set larger = {.n_slots = s->n_slots ? 4 * s->n_slots : 1024,
                         .shift = s->n_slots ? s->shift - 2 : 64 - 10};

    larger.slots = malloc(mem_size(larger.n_slots, sizeof *larger.slots));
    if (!larger.slots)
        return error_no_memory(e);
    for (size_t i = 0; i < larger.n_slots; i++)
        larger.slots[i] = (double)NAN;
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->slots[i] == s->slots[i])
            set_put(&larger, s->slots[i]);
    set_finish(s);
    *s = larger;
    return ERR_OK;
}

/* The distinct ones among those whose hash leaves `part` when divided by n_parts; stops above `most`. */
static enum err count_part(const double *x, size_t n, uint64_t part, uint64_t n_parts, size_t most,
                           size_t *out, struct error *e)
{
    CLEANUP(set_finish) struct set s = {0};

    for (size_t i = 0; i < n && s.n <= most; i++) {
        double number = x[i] + 0.0; /* -0 is 0 */

        if (isnan(number) || (n_parts > 1 && hash_of(number) % n_parts != part))
            continue;
        if (2 * s.n >= s.n_slots)
            TRY(set_grow(&s, e));
        set_put(&s, number);
    }
    *out = s.n;
    return ERR_OK;
}

static enum err count_distinct(const double *x, size_t n, size_t *out, struct error *e)
{
    uint64_t n_parts = n / PART_MAX | 1; /* odd: a remainder that all bits of a hash decide */
    size_t in_part;

    TRY(count_part(x, n, 0, 1, PART_MAX, out, e));
    if (*out <= PART_MAX)
        return ERR_OK;
    *out = 0;
    for (uint64_t i = 0; i < n_parts; i++) {
        TRY(count_part(x, n, i, n_parts, SIZE_MAX, &in_part, e));
        *out += in_part;
    }
    return ERR_OK;
}

static enum err describe_numbers(const struct table *t, struct column *c, struct error *e)
{
    double sum = 0, squares = 0;
    size_t n = 0;

    c->min = c->max = c->mean = c->std = (double)NAN;
    for (size_t i = 0; i < t->n_rows; i++) {
        double x = c->values[i];

        if (isnan(x))
            continue;
        c->min = n == 0 || x < c->min ? x : c->min;
        c->max = n == 0 || x > c->max ? x : c->max;
        sum += x;
        n++;
    }
    c->missing = t->n_rows - n;
    if (n == 0)
        return ERR_OK;
    c->mean = sum / (double)n;
    for (size_t i = 0; i < t->n_rows; i++)
        if (!isnan(c->values[i]))
            squares += (c->values[i] - c->mean) * (c->values[i] - c->mean);
    c->std = sqrt(squares / (double)n);
    return count_distinct(c->values, t->n_rows, &c->distinct, e);
}

static enum err describe(const struct table *t, struct column *c, struct error *e)
{
    if (c->values)
        return describe_numbers(t, c, e);
    c->min = c->max = c->mean = c->std = (double)NAN;
    c->distinct = c->n_labels;
    for (size_t i = 0; c->codes && i < t->n_rows; i++)
        c->missing += c->codes[i] < 0;
    return ERR_OK;
}

/* ---- columns of no use ------------------------------------------------------------------------
 */

static void leave_out(struct column *c, enum column_role role)
{
    c->role = role;
    free(c->values);
    free(c->codes);
    free(c->labels);
    free(c->label_text);
    c->values = NULL;
    c->codes = NULL;
    c->labels = NULL;
    c->label_text = NULL;
    c->n_labels = c->label_bytes = 0;
}

static bool counts_rows(const struct table *t, const struct column *c)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        size_t row = t->source_row ? t->source_row[i] - t->source_row[0] : i;

        if (c->values[i] != c->values[0] + (double)row)
            return false;
    }
    return true;
}

/* A number of the row that some program wrote beside the data: 1, 2, 3, … */
static bool is_counter(const struct table *t, const struct column *c, const struct plan_column *p)
{
    bool named = p->unnamed;

    for (size_t i = 0; i < sizeof counter_names / sizeof *counter_names; i++)
        named = named || strcasecmp(c->name, counter_names[i]) == 0;
    return named && c->values && p->force == FORCE_NOTHING && t->n_rows >= 10 && counts_rows(t, c);
}

static bool is_constant(const struct column *c)
{
    return c->role == ROLE_FEATURE && c->distinct == 1 && c->missing == 0;
}

/* A warning for each of many columns, such as the margins of images, hides the other warnings. */
static enum err warn_constants(struct table *t, size_t n, struct error *e)
{
    CLEANUP(buf_finish) struct buf list = {0};

    for (size_t j = 0; j < t->n_columns && list.length < 100; j++)
        if (t->columns[j].role == ROLE_CONSTANT)
            buf_printf(&list, "%s%.60s", list.length ? ", " : "", t->columns[j].name);
    TRY(buf_check(&list, e));
    return table_warn(t, e, "%zu columns are left out: in each, every row has the same: %s%s", n,
                      buf_text(&list), list.length < 100 ? "" : ", \u2026");
}

/* A date, a price, a percentage, a limit such as <5: digits and signs, but for 2024-03-01T12:00Z.
 */
static bool looks_like_number(const char *s)
{
    bool digit = false;

    for (const char *p = s; *p; p++) {
        bool letter = (*p | 32) >= 'a' && (*p | 32) <= 'z';

        digit = digit || (*p >= '0' && *p <= '9');
        if (letter && (p == s || !strchr("TZEe", *p)))
            return false;
    }
    return digit;
}

/* Text where a person meant numbers. Where some are numbers the reading has told which are not. */
static enum err warn_text(struct table *t, const struct column *c, struct error *e)
{
    double x;

    for (size_t i = 0; i < c->n_labels; i++)
        if (!looks_like_number(c->labels[i]) ||
            number_parse(c->labels[i], strlen(c->labels[i]), t->decimal, &x) != NUMBER_NONE)
            return ERR_OK;
    return table_warn(
        t, e,
        "column \"%s\" is read as text, though its values look like numbers or dates, "
        "such as \"%.40s\"; only plain numbers such as -1234%c5 are read as numbers",
        c->name, c->labels[0], t->decimal);
}

static enum err review_feature(struct table *t, struct column *c, const struct plan_column *p,
                               bool warn_constant, struct error *e)
{
    size_t n = t->n_rows - c->missing;

    if (n == 0) {
        leave_out(c, ROLE_EMPTY);
        return table_warn(t, e, "column \"%s\" is left out: it has no values", c->name);
    }
    if (is_constant(c) && !warn_constant) {
        leave_out(c, ROLE_CONSTANT);
        return ERR_OK;
    }
    if (is_constant(c)) {
        TRY(c->values ? table_warn(t, e, "column \"%s\" is left out: every row has %.15g", c->name,
                                   c->values[0])
                      : table_warn(t, e, "column \"%s\" is left out: every row has \"%.40s\"",
                                   c->name, c->labels[0]));
        leave_out(c, ROLE_CONSTANT);
        return ERR_OK;
    }
    if (is_counter(t, c, p)) {
        leave_out(c, ROLE_IDENTIFIER);
        return table_warn(t, e,
                          "column \"%s\" is left out: it only counts the rows; numeric=%s keeps it",
                          c->name, c->name);
    }
    if (c->codes && p->force == FORCE_NOTHING)
        TRY(warn_text(t, c, e));
    if (c->codes && p->force == FORCE_NOTHING && 20 * c->distinct > 19 * n) {
        leave_out(c, ROLE_IDENTIFIER);
        return table_warn(t, e,
                          "column \"%s\" is left out as an identifier: %zu of its %zu texts are "
                          "distinct; categorical=%s keeps it",
                          c->name, c->distinct, n, c->name);
    }
    return ERR_OK;
}

/* ---- values that look wrong -------------------------------------------------------------------
 */

/* Rows that hold the value, and whether it lies further from all others than they from each other.
 */
static size_t count_outlying(const struct table *t, const struct column *c, double value)
{
    double low = (double)INFINITY, high = -(double)INFINITY, gap;
    size_t count = 0;

    for (size_t i = 0; i < t->n_rows; i++) {
        double x = c->values[i];

        count += x == value;
        if (x == value || isnan(x))
            continue;
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    gap = value < low ? low - value : value - high;
    return gap > high - low ? count : 0;
}

static enum err warn_sentinels(struct table *t, const struct column *c, struct error *e)
{
    size_t n = t->n_rows - c->missing;

    for (size_t k = 0; k < sizeof sentinels / sizeof *sentinels; k++) {
        double value = sentinels[k];
        size_t count;

        if ((value != c->min && value != c->max) || c->distinct < 3)
            continue;
        count = count_outlying(t, c, value);
        if (100 * count >= n && count >= 2)
            TRY(table_warn(t, e,
                           "column \"%s\": %zu of %zu values are %g, far from the others; "
                           "missing=%g reads them as missing",
                           c->name, count, n, value, value));
    }
    return ERR_OK;
}

/* ---- targets ----------------------------------------------------------------------------------
 */

static enum err target_fault(struct error *e, const char *name, const char *what)
{
    (void)error_set(e, ERR_INVALID, "target \"%.80s\": %s", name, what);
    return error_field(e, "target");
}

static enum err positive_fault(struct error *e, const char *positive, const char *what)
{
    (void)error_set(e, ERR_INVALID, "positive \"%.80s\": %s", positive, what);
    return error_field(e, "positive");
}

/* The positive class of two becomes the last. */
static enum err put_positive_last(struct table *t, struct column *c, const char *positive,
                                  struct error *e)
{
    CLEANUP(buf_finish) struct buf text = {0};
    char what[256];

    if (t->task != TASK_CLASSIFICATION || c->n_labels != 2)
        return positive_fault(e, positive, "expected a target of two classes");
    if (strcmp(c->labels[1], positive) == 0)
        return ERR_OK;
    if (strcmp(c->labels[0], positive) != 0) {
        (void)snprintf(what, sizeof what, "expected one of the classes \"%.80s\" and \"%.80s\"",
                       c->labels[0], c->labels[1]);
        return positive_fault(e, positive, what);
    }
    buf_append(&text, c->labels[1], strlen(c->labels[1]) + 1);
    buf_append(&text, c->labels[0], strlen(c->labels[0]) + 1);
    TRY(buf_check(&text, e));
    for (size_t i = 0; i < t->n_rows; i++)
        c->codes[i] = 1 - c->codes[i];
    return table_set_labels(t, (size_t)(c - t->columns), buf_text(&text), text.length, 2, e);
}

static enum err review_targets(const struct plan *plan, struct table *t, struct error *e)
{
    for (size_t i = 0; i < t->n_targets; i++) {
        struct column *c = &t->columns[t->targets[i]];
        char what[256];

        if (c->distinct > 1)
            continue;
        if (t->task == TASK_REGRESSION)
            (void)snprintf(what, sizeof what, "every row has %.15g; there is nothing to learn",
                           c->values[0]);
        else
            (void)snprintf(what, sizeof what,
                           "classification needs two classes or more, got only \"%.80s\"",
                           c->labels[0]);
        return target_fault(e, c->name, what);
    }
    if (plan->positive)
        TRY(put_positive_last(t, &t->columns[t->targets[0]], plan->positive, e));
    return t->task == TASK_CLASSIFICATION ? table_count_classes(t, e) : ERR_OK;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static enum err count_duplicates(struct table *t, struct error *e)
{
    CLEANUP(mem_free) uint32_t *first = calloc(t->n_rows, sizeof *first);

    if (!first)
        return error_no_memory(e);
    TRY(table_first_equal(t, true, first, e));
    for (size_t i = 0; i < t->n_rows; i++)
        t->duplicate_rows += first[i] != i;
    return ERR_OK;
}

static enum err review_weights(const struct table *t, struct error *e)
{
    size_t weight = table_role_column(t, ROLE_WEIGHT);

    if (weight == SIZE_MAX || t->columns[weight].max > 0)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID, "weight \"%.80s\": every row has 0", t->columns[weight].name);
    return error_field(e, "weight");
}

static enum err option_fault(struct error *e, const char *option, const struct column *c,
                             const char *what)
{
    (void)error_set(e, ERR_INVALID, "%s \"%.80s\": every row has \"%.40s\"; %s", option, c->name,
                    c->labels[0], what);
    return error_field(e, option);
}

/* Among the rows to train on there must be something to tell apart. */
static enum err review_training_rows(const struct table *t, const struct column *split,
                                     struct error *e)
{
    const struct column *target = &t->columns[t->targets[0]];
    size_t first = SIZE_MAX;

    for (size_t i = 0; t->task == TASK_CLASSIFICATION && i < t->n_rows; i++) {
        if (strcasecmp(split->labels[split->codes[i]], "test") == 0)
            continue;
        if (first == SIZE_MAX)
            first = i;
        if (target->codes[i] != target->codes[first])
            return ERR_OK;
    }
    if (first == SIZE_MAX)
        return ERR_OK;
    (void)error_set(e, ERR_INVALID,
                    "split \"%.80s\": the rows to train on have one class, \"%.80s\"", split->name,
                    target->labels[target->codes[first]]);
    return error_field(e, "split");
}

static enum err warn_single_rows(struct table *t, struct error *e)
{
    const struct column *target = &t->columns[t->targets[0]];
    size_t n = 0, some = 0;

    for (size_t k = 0; k < t->n_classes; k++)
        if (t->class_rows[k] == 1 && n++ == 0)
            some = k;
    if (n == 0)
        return ERR_OK;
    return table_warn(t, e,
                      "%zu class%s one row alone, such as \"%.40s\": no fold can both learn and "
                      "score it",
                      n, n == 1 ? " has" : "es have", target->labels[some]);
}

/* Rows to train on, and two folds or more, are what these columns are given for. */
static enum err review_parts(const struct table *t, struct error *e)
{
    size_t split = table_role_column(t, ROLE_SPLIT), fold = table_role_column(t, ROLE_FOLD);

    if (split != SIZE_MAX && t->columns[split].distinct == 1 &&
        strcasecmp(t->columns[split].labels[0], "test") == 0)
        return option_fault(e, "split", &t->columns[split], "nothing is left to train on");
    if (fold != SIZE_MAX && t->columns[fold].distinct == 1)
        return option_fault(e, "fold", &t->columns[fold], "expected two folds or more");
    return split == SIZE_MAX ? ERR_OK : review_training_rows(t, &t->columns[split], e);
}

static enum err check_rows(struct table *t, struct error *e)
{
    if (t->n_rows == 0 && t->rows_without_target > 0)
        return target_fault(e, t->columns[t->targets[0]].name, "every row misses it");
    if (t->n_rows < 2)
        return error_set(e, ERR_INVALID, "the table has %zu row%s; expected at least 2", t->n_rows,
                         t->n_rows == 1 ? "" : "s");
    if (t->rows_without_target == 0)
        return ERR_OK;
    return table_warn(t, e, "%zu row%s left out because of a missing target",
                      t->rows_without_target, t->rows_without_target == 1 ? " is" : "s are");
}

enum err review_table(const struct plan *plan, struct table *t, struct error *e)
{
    size_t n_constant = 0;

    TRY(check_rows(t, e));
    for (size_t j = 0; j < t->n_columns; j++) {
        TRY(describe(t, &t->columns[j], e));
        n_constant += is_constant(&t->columns[j]);
    }
    for (size_t j = 0; j < t->n_columns; j++) {
        struct column *c = &t->columns[j];

        if (c->role == ROLE_FEATURE)
            TRY(review_feature(t, c, &plan->columns[j], n_constant <= FEW_CONSTANT, e));
        if (c->values && (c->role == ROLE_FEATURE || c->role == ROLE_TARGET))
            TRY(warn_sentinels(t, c, e));
    }
    if (n_constant > FEW_CONSTANT)
        TRY(warn_constants(t, n_constant, e));
    TRY(review_targets(plan, t, e));
    TRY(review_weights(t, e));
    TRY(review_parts(t, e));
    if (t->n_columns == 1)
        return error_set(e, ERR_INVALID,
                         "the table has one column, \"%.80s\"; expected features beside the target%s",
                         t->columns[0].name,
                         t->delimiter[0] ? " (delimiter says what separates columns)" : "");
    if (table_features(t) == 0)
        return error_set(e, ERR_INVALID, "no column is left as a feature%s%s",
                         t->n_warnings ? ": " : "",
                         t->n_warnings ? t->warnings[t->n_warnings - 1] : "");
    TRY(warn_single_rows(t, e));
    return count_duplicates(t, e);
}
