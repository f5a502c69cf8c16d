/*
 * The parameters of routes in /openapi.json: variables of paths, what a table of parameters names,
 * and headers.
 */
#include "server/api/openapi.h"

#include <stdio.h>
#include <string.h>

/* ---- what applies to which ----------------------------------------------------------------- */

static bool always(const struct route *r)
{
    (void)r;
    return true;
}

static bool is_upload(const struct route *r)
{
    return r->body == HTTP_BODY_SPOOL;
}

static bool is_no_upload(const struct route *r)
{
    return !is_upload(r);
}

bool openapi_may_be_unchanged(const struct route *r)
{
    return r->method == HTTP_GET && !r->goes_on;
}

/* ---- written ------------------------------------------------------------------------------- */

void openapi_ref(const char *where, const char *name, struct json *j, const char *key)
{
    char path[OPENAPI_NAME_BYTES];

    (void)snprintf(path, sizeof path, "#/components/%s/%s", where, name); /* short names */
    json_object_inline(j, key);
    json_string(j, "$ref", path);
    json_end(j);
}

static void document_latest(struct json *j)
{
    json_array(j, "anyOf");
    json_object_inline(j, NULL);
    json_string(j, "type", "integer");
    json_i64(j, "minimum", 1);
    json_end(j);
    json_object_inline(j, NULL);
    json_string(j, "const", "latest");
    json_end(j);
    json_end(j);
}

/* The variables of patterns. */
static const struct openapi_field VARIABLES[] = {
    {{.key = "dataset",
      .type = FIELD_TEXT,
      .pattern = "^[A-Za-z0-9_.-]+$",
      .required = true,
      .default_json = "\"iris\"",
      .summary = "name or id of a data set"},
     is_no_upload},
    {{.key = "dataset",
      .type = FIELD_TEXT,
      .pattern = "^[^\\u0000-\\u001F\\u007F/]+$",
      .required = true,
      .default_json = "\"iris\"",
      .summary = "a file's name"},
     is_upload},
    {{.key = "experiment",
      .type = FIELD_OTHER,
      .document = document_latest,
      .required = true,
      .default_json = "\"latest\"",
      .summary = "id of an experiment, or latest"},
     always},
    {{.key = "trial",
      .type = FIELD_INT,
      .min = 1,
      .max = 1e15,
      .required = true,
      .default_json = "1",
      .summary = "number of a trial, from 1"},
     always},
    {{.key = "token",
      .type = FIELD_TEXT,
      .pattern = "^[A-Za-z0-9._@-]+$",
      .required = true,
      .default_json = "\"ada\"",
      .summary = "id of a token, or a label: all that bear it"},
     always},
    {{.key = NULL}, NULL},
};

void openapi_parameter(const struct field *f, const char *in, struct json *j, const char *key)
{
    json_object(j, key);
    json_string(j, "name", f->key);
    json_string(j, "in", in);
    if (f->summary)
        json_string(j, "description", f->summary);
    if (f->required)
        json_bool(j, "required", true);
    query_document(f, j, "schema");
    json_end(j);
}

/* In the place of a default there is an example: a part of a path is never left out. */
static void write_variable(const struct field *f, struct json *j)
{
    struct field plain = *f;

    plain.default_json = NULL;
    plain.summary = NULL;
    json_object(j, NULL);
    json_string(j, "name", f->key);
    json_string(j, "in", "path");
    json_string(j, "description", f->summary);
    json_bool(j, "required", true);
    field_document_one(&plain, FIELD_REQUEST, j, "schema");
    json_raw(j, "example", f->default_json);
    json_end(j);
}

/* What a request of any such route may carry. */
const struct openapi_field openapi_headers[] = {
    {{.key = "Idempotency-Key",
      .type = FIELD_TEXT,
      .pattern = "^[!-~]{1,255}$",
      .summary = "of a request that is to be done once: whoever asks the same again, with this "
                 "key, has the same answer; it is known for a day"},
     route_is_done_once},
    {{.key = "If-None-Match",
      .type = FIELD_OTHER,
      .document = field_document_text,
      .summary = "an ETag that is known, or several: 304 where one of them still holds"},
     openapi_may_be_unchanged},
    {{.key = "X-Request-Id",
      .type = FIELD_OTHER,
      .document = field_document_text,
      .summary = "the request's name; one of letters, digits and '-._:' is kept"},
     always},
    {{.key = NULL}, NULL},
};

static bool has_variable(const struct route *r, const char *name)
{
    char written[32];

    (void)snprintf(written, sizeof written, "{%s}", name); /* short names */
    return strstr(r->pattern, written) != NULL;
}

void openapi_parameters(const struct route *r, struct json *j)
{
    json_array(j, "parameters");
    for (const struct openapi_field *v = VARIABLES; v->field.key; v++)
        if (has_variable(r, v->field.key) && v->applies(r))
            write_variable(&v->field, j);
    for (const struct field *f = r->query; f && f->key; f++)
        openapi_parameter(f, "query", j, NULL);
    for (const struct field *f = r->headers; f && f->key; f++)
        openapi_parameter(f, "header", j, NULL);
    for (const struct openapi_field *h = openapi_headers; h->field.key; h++)
        if (h->applies(r))
            openapi_ref("parameters", h->field.key, j, NULL);
    json_end(j);
}
