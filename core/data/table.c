#define _GNU_SOURCE /* vasprintf */
#include "core/data/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static const char *const role_names[] = {
    [ROLE_FEATURE] = "feature",   [ROLE_TARGET] = "target",   [ROLE_GROUP] = "group",
    [ROLE_TIME] = "time",         [ROLE_WEIGHT] = "weight",   [ROLE_SPLIT] = "split",
    [ROLE_FOLD] = "fold",         [ROLE_IGNORED] = "ignored", [ROLE_IDENTIFIER] = "identifier",
    [ROLE_CONSTANT] = "constant", [ROLE_EMPTY] = "empty",
};

static const char *const type_names[] = {
    [COLUMN_NUMERIC] = "numeric",
    [COLUMN_CATEGORICAL] = "categorical",
};

static const char *const task_names[] = {
    [TASK_CLASSIFICATION] = "classification",
    [TASK_REGRESSION] = "regression",
};

/* Index of a name in a table of n, or n. */
static size_t find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return n;
}

enum err table_create(size_t n_rows, size_t n_columns, struct table **out, struct error *e)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return error_no_memory(e);
    t->columns = calloc(n_columns ? n_columns : 1, sizeof *t->columns);
    if (!t->columns) {
        free(t);
        return error_no_memory(e);
    }
    t->n_rows = n_rows;
    t->n_columns = n_columns;
    t->max_categories = TABLE_MAX_CATEGORIES;
    *out = t;
    return ERR_OK;
}

static void column_finish(struct column *c)
{
    free(c->name);
    free(c->values);
    free(c->codes);
    free(c->labels);
    free(c->label_text);
}

void table_destroy(struct table *t)
{
    if (!t)
        return;
    for (size_t j = 0; j < t->n_columns; j++)
        column_finish(&t->columns[j]);
    for (size_t i = 0; i < t->n_warnings; i++)
        free(t->warnings[i]);
    free(t->columns);
    free(t->task_reason);
    free(t->targets);
    free(t->class_rows);
    free(t->source_row);
    free(t->first_equal);
    free(t->warnings);
    free(t);
}

static enum err replace_text(char **text, const char *s, struct error *e)
{
    char *copy = strdup(s);

    if (!copy)
        return error_no_memory(e);
    free(*text);
    *text = copy;
    return ERR_OK;
}

enum err table_set_name(struct table *t, size_t column, const char *name, struct error *e)
{
    return replace_text(&t->columns[column].name, name, e);
}

enum err table_set_reason(struct table *t, const char *sentence, struct error *e)
{
    return replace_text(&t->task_reason, sentence, e);
}

enum err table_set_type(struct table *t, size_t column, enum column_type type, struct error *e)
{
    struct column *c = &t->columns[column];
    bool numeric = type == COLUMN_NUMERIC;
    void *data = mem_calloc(t->n_rows, numeric ? sizeof *c->values : sizeof *c->codes);

    if (!data)
        return error_no_memory(e);
    free(c->values);
    free(c->codes);
    c->type = type;
    c->values = numeric ? data : NULL;
    c->codes = numeric ? NULL : data;
    return ERR_OK;
}

enum err table_set_labels(struct table *t, size_t column, const char *text, size_t bytes, size_t n,
                          struct error *e)
{
    struct column *c = &t->columns[column];
    char *copy = malloc(bytes + 1);
    char **labels = calloc(n ? n : 1, sizeof *labels);
    size_t at = 0;

    if (!copy || !labels) {
        free(copy);
        free(labels);
        return error_no_memory(e);
    }
    if (bytes > 0)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    for (size_t i = 0; i < n && at < bytes; i++) {
        labels[i] = copy + at;
        at += strlen(copy + at) + 1;
    }
    if (n > 0 && (at != bytes || !labels[n - 1])) {
        free(copy);
        free(labels);
        return error_set(e, ERR_INTERNAL, "column %zu: %zu labels do not fill %zu bytes",
                         column + 1, n, bytes);
    }
    free(c->labels);
    free(c->label_text);
    c->labels = labels;
    c->label_text = copy;
    c->label_bytes = bytes;
    c->n_labels = n;
    return ERR_OK;
}

enum err table_set_targets(struct table *t, const size_t *columns, size_t n, struct error *e)
{
    size_t *copy = calloc(n ? n : 1, sizeof *copy);

    if (!copy)
        return error_no_memory(e);
    if (n > 0)
        memcpy(copy, columns, n * sizeof *copy);
    free(t->targets);
    t->targets = copy;
    t->n_targets = n;
    return ERR_OK;
}

enum err table_count_classes(struct table *t, struct error *e)
{
    const struct column *c = &t->columns[t->targets[0]];
    size_t *rows = calloc(c->n_labels ? c->n_labels : 1, sizeof *rows);

    if (!rows)
        return error_no_memory(e);
    for (size_t i = 0; i < t->n_rows; i++)
        if (c->codes[i] >= 0)
            rows[c->codes[i]]++;
    free(t->class_rows);
    t->class_rows = rows;
    t->n_classes = c->n_labels;
    return ERR_OK;
}

enum err table_warn(struct table *t, struct error *e, const char *format, ...)
{
    char **warnings = realloc(t->warnings, (t->n_warnings + 1) * sizeof *warnings);
    char *sentence = NULL;
    va_list args;
    int n;

    if (!warnings)
        return error_no_memory(e);
    t->warnings = warnings;
    va_start(args, format);
    n = vasprintf(&sentence, format, args);
    va_end(args);
    if (n < 0)
        return error_no_memory(e);
    warnings[t->n_warnings++] = sentence;
    return ERR_OK;
}

size_t table_bytes(const struct table *t)
{
    size_t bytes = sizeof *t + t->n_columns * sizeof *t->columns;

    for (size_t j = 0; j < t->n_columns; j++) {
        const struct column *c = &t->columns[j];

        bytes += c->values ? t->n_rows * sizeof *c->values : 0;
        bytes += c->codes ? t->n_rows * sizeof *c->codes : 0;
        bytes += c->label_bytes + c->n_labels * sizeof *c->labels;
    }
    bytes += t->first_equal ? t->n_rows * sizeof *t->first_equal : 0;
    return bytes + (t->source_row ? t->n_rows * sizeof *t->source_row : 0);
}

size_t table_column(const struct table *t, const char *name)
{
    unsigned long long number;
    char *end;

    for (size_t j = 0; j < t->n_columns; j++)
        if (t->columns[j].name && strcmp(t->columns[j].name, name) == 0)
            return j;
    if (*name < '0' || *name > '9')
        return SIZE_MAX;
    number = strtoull(name, &end, 10);
    return *end == '\0' && number >= 1 && number <= t->n_columns ? (size_t)number - 1 : SIZE_MAX;
}

size_t table_role_column(const struct table *t, enum column_role role)
{
    for (size_t j = 0; j < t->n_columns; j++)
        if (t->columns[j].role == role)
            return j;
    return SIZE_MAX;
}

size_t table_features(const struct table *t)
{
    size_t n = 0;

    for (size_t j = 0; j < t->n_columns; j++)
        n += t->columns[j].role == ROLE_FEATURE;
    return n;
}

size_t table_encoded_width(const struct column *c, size_t max_categories)
{
    if (c->type == COLUMN_NUMERIC)
        return 1;
    return c->n_labels < max_categories ? c->n_labels : max_categories;
}

size_t table_encoded_features(const struct table *t, size_t max_categories)
{
    size_t limit = max_categories ? max_categories : t->max_categories;
    size_t n = 0;

    for (size_t j = 0; j < t->n_columns; j++)
        if (t->columns[j].role == ROLE_FEATURE)
            n += table_encoded_width(&t->columns[j], limit);
    return n;
}

size_t table_test_rows(const struct table *t)
{
    size_t split = table_role_column(t, ROLE_SPLIT);
    size_t n = 0;

    if (split == SIZE_MAX)
        return 0;
    for (size_t i = 0; i < t->n_rows; i++)
        n += strcmp(t->columns[split].labels[t->columns[split].codes[i]], "test") == 0;
    return n;
}

const char *table_role_name(enum column_role role)
{
    return role_names[role];
}

const char *table_type_name(enum column_type type)
{
    return type_names[type];
}

const char *table_task_name(enum task task)
{
    return task_names[task];
}

bool table_role_find(const char *name, enum column_role *out)
{
    size_t n = sizeof role_names / sizeof *role_names, i = find_name(role_names, n, name);

    if (i < n)
        *out = (enum column_role)i;
    return i < n;
}

bool table_type_find(const char *name, enum column_type *out)
{
    size_t n = sizeof type_names / sizeof *type_names, i = find_name(type_names, n, name);

    if (i < n)
        *out = (enum column_type)i;
    return i < n;
}

bool table_task_find(const char *name, enum task *out)
{
    size_t n = sizeof task_names / sizeof *task_names, i = find_name(task_names, n, name);

    if (i < n)
        *out = (enum task)i;
    return i < n;
}

size_t table_outputs(const struct table *t)
{
    return t->task == TASK_CLASSIFICATION ? t->n_classes : t->n_targets;
}
