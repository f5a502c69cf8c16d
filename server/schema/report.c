#include "server/schema/report.h"

static void write_column(struct json *j, const struct table *t, const struct column *c)
{
    bool has_data = c->values || c->codes;

    json_object_inline(j, NULL);
    json_string(j, "name", c->name);
    json_string(j, "role", table_role_name(c->role));
    json_string(j, "type", table_type_name(c->type));
    json_i64(j, "missing", (int64_t)c->missing);
    json_i64(j, "distinct", (int64_t)c->distinct);
    if (has_data && c->type == COLUMN_NUMERIC) {
        json_double(j, "min", c->min);
        json_double(j, "max", c->max);
        json_double(j, "mean", c->mean);
        json_double(j, "std", c->std);
    }
    if (has_data && c->type == COLUMN_CATEGORICAL && c->n_labels <= t->max_categories) {
        json_array_inline(j, "labels");
        for (size_t i = 0; i < c->n_labels; i++)
            json_string(j, NULL, c->labels[i]);
        json_end(j);
    }
    json_end(j);
}

static void write_classes(struct json *j, const struct table *t)
{
    if (t->task == TASK_REGRESSION) {
        json_null(j, "classes");
        return;
    }
    json_array(j, "classes");
    for (size_t i = 0; i < t->n_classes; i++) {
        json_object_inline(j, NULL);
        json_string(j, "label", t->columns[t->targets[0]].labels[i]);
        json_i64(j, "rows", (int64_t)t->class_rows[i]);
        json_end(j);
    }
    json_end(j);
}

static void write_dialect(struct json *j, const struct table *t)
{
    char decimal[2] = {t->decimal, '\0'};

    json_object_inline(j, "format");
    json_string(j, "kind", t->format);
    json_string(j, "delimiter", t->delimiter);
    json_string(j, "decimal", decimal);
    json_bool(j, "header", t->header);
    json_end(j);
}

void report_write(struct json *j, const struct table *t)
{
    json_object(j, NULL);
    json_string(j, "task_reason", t->task_reason);
    json_i64(j, "encoded_features", (int64_t)table_encoded_features(t, 0));
    json_i64(j, "duplicate_rows", (int64_t)t->duplicate_rows);
    json_i64(j, "rows_without_target", (int64_t)t->rows_without_target);
    json_i64(j, "test_rows", (int64_t)table_test_rows(t));
    json_array_inline(j, "target");
    for (size_t i = 0; i < t->n_targets; i++)
        json_string(j, NULL, t->columns[t->targets[i]].name);
    json_end(j);
    write_classes(j, t);
    json_array(j, "columns");
    for (size_t i = 0; i < t->n_columns; i++)
        write_column(j, t, &t->columns[i]);
    json_end(j);
    write_dialect(j, t);
    json_array(j, "warnings");
    for (size_t i = 0; i < t->n_warnings; i++)
        json_string(j, NULL, t->warnings[i]);
    json_end(j);
    json_end(j);
}
