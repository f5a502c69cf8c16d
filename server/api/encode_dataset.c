/* Data sets as JSON. What an upload found out stands in them as it was kept. */
#include "server/api/encode.h"
#include "server/schema/report.h"

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
    struct field all[sizeof first_fields / sizeof *first_fields + REPORT_FIELDS +
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
