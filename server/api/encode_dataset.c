/* Data sets as JSON: one table for each kind of object in it. */
#include <math.h>

#include "server/api/encode.h"

static void write_texts(size_t n, char *const *texts, struct json *j, const char *key)
{
    json_array(j, key);
    for (size_t i = 0; i < n; i++)
        json_string(j, NULL, texts[i]);
    json_end(j);
}

/* ---- columns ----------------------------------------------------------------------------- */

/* A column as it is told. */
struct column_row {
    const char *name, *role, *type;
    int64_t missing, distinct;
    double min, max, mean, std; /* NaN: none */
    const struct column *labelled; /* whose labels are told; or NULL */
};

static bool has_labels(const void *in)
{
    return ((const struct column_row *)in)->labelled != NULL;
}

static void write_labels(const void *in, struct json *j, const char *key)
{
    const struct column *c = ((const struct column_row *)in)->labelled;

    json_array_inline(j, key);
    for (size_t i = 0; i < c->n_labels; i++)
        json_string(j, NULL, c->labels[i]);
    json_end(j);
}

/* clang-format off */
static const struct field column_fields[] = {
    FIELD("name", TEXT, column_row, name, .summary = "as the file calls it"),
    FIELD("role", TEXT, column_row, role, .summary = "feature, target, group, … or why it is left out"),
    FIELD("type", TEXT, column_row, type, .summary = "numeric or categorical"),
    FIELD("missing", INT, column_row, missing, .summary = "rows without a value"),
    FIELD("distinct", INT, column_row, distinct, .summary = "values that differ"),
    FIELD("min", REAL, column_row, min, .optional = true),
    FIELD("max", REAL, column_row, max, .optional = true),
    FIELD("mean", REAL, column_row, mean, .optional = true),
    FIELD("std", REAL, column_row, std, .optional = true, .summary = "divides by the number of rows"),
    {.key = "labels", .type = FIELD_OTHER, .document = field_document_texts, .write = write_labels,
     .present = has_labels, .summary = "the values, in order"},
    {.key = NULL},
};
/* clang-format on */

static void encode_column(struct json *j, const struct table *t, const struct column *c)
{
    bool has_data = c->values || c->codes;
    bool has_numbers = has_data && c->type == COLUMN_NUMERIC;
    const double none = (double)NAN;
    struct column_row row = {
        .name = c->name,
        .role = table_role_name(c->role),
        .type = table_type_name(c->type),
        .missing = (int64_t)c->missing,
        .distinct = (int64_t)c->distinct,
        .min = has_numbers ? c->min : none,
        .max = has_numbers ? c->max : none,
        .mean = has_numbers ? c->mean : none,
        .std = has_numbers ? c->std : none,
    };

    if (has_data && c->type == COLUMN_CATEGORICAL && c->n_labels <= t->max_categories)
        row.labelled = c;
    json_object_inline(j, NULL);
    field_encode(column_fields, &row, j);
    json_end(j);
}

static void write_columns(const void *in, struct json *j, const char *key)
{
    const struct table *t = in;

    json_array(j, key);
    for (size_t i = 0; i < t->n_columns; i++)
        encode_column(j, t, &t->columns[i]);
    json_end(j);
}

/* ---- classes ----------------------------------------------------------------------------- */

struct class_row {
    const char *label;
    int64_t rows;
};

static const struct field class_fields[] = {
    FIELD("label", TEXT, class_row, label, .summary = "as the file writes it"),
    FIELD("rows", INT, class_row, rows, .summary = "that have it"),
    {.key = NULL},
};

static void write_classes(const void *in, struct json *j, const char *key)
{
    const struct table *t = in;

    if (t->task == TASK_REGRESSION) {
        json_null(j, key);
        return;
    }
    json_array(j, key);
    for (size_t i = 0; i < t->n_classes; i++) {
        struct class_row row = {t->columns[t->targets[0]].labels[i], (int64_t)t->class_rows[i]};

        json_object_inline(j, NULL);
        field_encode(class_fields, &row, j);
        json_end(j);
    }
    json_end(j);
}

/* ---- the dialect ------------------------------------------------------------------------- */

struct dialect {
    const char *kind, *delimiter, *decimal;
    bool header;
};

static const struct field dialect_fields[] = {
    FIELD("kind", TEXT, dialect, kind, .summary = "csv, tsv, npy, …"),
    FIELD("delimiter", TEXT, dialect, delimiter, .summary = "a character, tab or whitespace"),
    FIELD("decimal", TEXT, dialect, decimal, .summary = "point or comma"),
    FIELD("header", BOOL, dialect, header, .summary = "whether the first row held names"),
    {.key = NULL},
};

static void write_dialect(const void *in, struct json *j, const char *key)
{
    const struct table *t = in;
    char decimal[2] = {t->decimal, '\0'};
    struct dialect d = {t->format, t->delimiter, decimal, t->header};

    json_object_inline(j, key);
    field_encode(dialect_fields, &d, j);
    json_end(j);
}

/* ---- what an upload found ---------------------------------------------------------------- */

static void write_encoded(const void *in, struct json *j, const char *key)
{
    json_i64(j, key, (int64_t)table_encoded_features(in, 0));
}

static void write_test_rows(const void *in, struct json *j, const char *key)
{
    json_i64(j, key, (int64_t)table_test_rows(in));
}

static void write_target(const void *in, struct json *j, const char *key)
{
    const struct table *t = in;

    json_array_inline(j, key);
    for (size_t i = 0; i < t->n_targets; i++)
        json_string(j, NULL, t->columns[t->targets[i]].name);
    json_end(j);
}

static void write_warnings(const void *in, struct json *j, const char *key)
{
    const struct table *t = in;

    write_texts(t->n_warnings, t->warnings, j, key);
}

/* clang-format off */
static const struct field report_fields[] = {
    FIELD("task_reason", TEXT, table, task_reason, .summary = "which task, and why"),
    {.key = "encoded_features", .type = FIELD_OTHER, .document = field_document_integer,
     .write = write_encoded, .summary = "columns that the features become"},
    FIELD("duplicate_rows", INT, table, duplicate_rows, .summary = "equal to an earlier row"),
    FIELD("rows_without_target", INT, table, rows_without_target, .summary = "left out"),
    {.key = "test_rows", .type = FIELD_OTHER, .document = field_document_integer,
     .write = write_test_rows, .summary = "whose split is test"},
    {.key = "target", .type = FIELD_OTHER, .document = field_document_texts, .write = write_target,
     .summary = "names of the target columns"},
    {.key = "classes", .type = FIELD_OTHER, .fields = class_fields, .shape = FIELD_LIST,
     .write = write_classes, .nullable = true, .summary = "in order; null for regression"},
    {.key = "columns", .type = FIELD_OTHER, .fields = column_fields, .shape = FIELD_LIST,
     .write = write_columns, .summary = "in the file's order"},
    {.key = "format", .type = FIELD_OTHER, .fields = dialect_fields, .write = write_dialect,
     .summary = "how the file was read"},
    {.key = "warnings", .type = FIELD_OTHER, .document = field_document_texts, .write = write_warnings,
     .summary = "sentences"},
    {.key = NULL},
};
/* clang-format on */

void encode_report(struct json *j, const struct table *t)
{
    json_object(j, NULL);
    field_encode(report_fields, t, j);
    json_end(j);
}

/* ---- data sets --------------------------------------------------------------------------- */

static const char *const TASKS[] = {"classification", "regression", NULL};

static void document_options(struct json *j)
{
    json_string(j, "type", "object");
    json_object_inline(j, "additionalProperties");
    json_string(j, "type", "string");
    json_end(j);
}

/* The report is kept as text: its members stand between these. */
/* clang-format off */
static const struct field first_fields[] = {
    FIELD("id", INT, dataset_record, id, .summary = "never reused"),
    FIELD("name", TEXT, dataset_record, name, .summary = "serves for the id"),
    FIELD("owner", TEXT, dataset_record, owner, .nullable = true, .summary = "whose it is"),
    FIELD("task", TEXT, dataset_record, task, .choices = TASKS, .summary = "what is learned"),
    FIELD("rows", INT, dataset_record, rows, .summary = "with a target"),
    FIELD("features", INT, dataset_record, features, .summary = "columns that are learned from"),
    {.key = NULL},
};

static const struct field last_fields[] = {
    FIELD("options", JSON, dataset_record, options, .document = document_options,
          .summary = "of the upload, as they were given"),
    FIELD("sha256", TEXT, dataset_record, sha256, .summary = "of the bytes that came"),
    FIELD("bytes", INT, dataset_record, bytes, .summary = "that came"),
    FIELD("created_at", TIME, dataset_record, created_at_ms, .summary = "when it came"),
    {.key = NULL},
};
/* clang-format on */

static const struct field *const PARTS[] = {first_fields, report_fields, last_fields};
enum { N_PARTS = sizeof PARTS / sizeof *PARTS };

static void document(struct json *j)
{
    struct field all[sizeof first_fields / sizeof *first_fields +
                     sizeof report_fields / sizeof *report_fields +
                     sizeof last_fields / sizeof *last_fields];
    size_t n = 0;

    for (size_t i = 0; i < N_PARTS; i++)
        for (const struct field *f = PARTS[i]; f->key; f++)
            all[n++] = *f;
    all[n] = (struct field){.key = NULL};
    field_document_members(all, FIELD_ANSWER, j);
}

const struct schema encode_dataset_schema = {
    .name = "Dataset", .document = document, .summary = "A table that was uploaded."};

void encode_dataset(struct json *j, const char *key, const struct dataset_record *d)
{
    json_object(j, key);
    field_encode(first_fields, d, j);
    json_members(j, d->report);
    field_encode(last_fields, d, j);
    json_end(j);
}

static void document_row(struct json *j)
{
    json_string(j, "type", "object");
    json_object(j, "additionalProperties");
    json_array_inline(j, "type");
    json_string(j, NULL, "number");
    json_string(j, NULL, "string");
    json_string(j, NULL, "null");
    json_end(j);
    json_end(j);
}

const struct schema encode_row_schema = {
    .name = "Row", .document = document_row, .summary = "A row, by the names of its columns."};

void encode_row(struct json *j, const struct table *t, size_t row)
{
    json_object_inline(j, NULL);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct column *c = &t->columns[i];

        if (c->values)
            json_double(j, c->name, c->values[row]);
        else if (c->codes)
            json_string(j, c->name, c->codes[row] < 0 ? NULL : c->labels[c->codes[row]]);
    }
    json_end(j);
}
