/*
 * GET /openapi.json: the contract as OpenAPI 3.1, written from the table of routes and the tables
 * of fields that requests are decoded by and answers encoded by. It is the same for as long as the
 * process lives.
 */
#include "server/api/openapi.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/schema/definition.h"
#include "server/schema/faults.h"
#include "server/schema/imports.h"

static void document_self(struct json *j)
{
    json_string(j, "type", "object");
}

const struct schema openapi_schema = {
    .name = "OpenAPI", .document = document_self, .summary = "This description (OpenAPI 3.1)."};

/* Those that no route names. */
static const struct schema *const OTHERS[] = {
    &problem_schema, &encode_params_schema, &definition_search_schema, &definition_study_schema,
    &plan_schema,     &encode_state_event_schema, &encode_trial_event_schema,
    &encode_progress_event_schema,
};
enum { N_OTHERS = sizeof OTHERS / sizeof *OTHERS };

static void write_problem(const char *name, const char *description, const char *header,
                          struct json *j)
{
    json_object(j, name);
    json_string(j, "description", description);
    json_object(j, "headers");
    openapi_ref("headers", "X-Request-Id", j, "X-Request-Id");
    if (header)
        openapi_ref("headers", header, j, header);
    json_end(j);
    json_object(j, "content");
    json_object(j, "application/problem+json");
    field_document_ref(problem_schema.name, j, "schema");
    json_end(j);
    json_end(j);
    json_end(j);
}

void openapi_list_name(const struct schema *s, char out[OPENAPI_NAME_BYTES])
{
    (void)snprintf(out, OPENAPI_NAME_BYTES, "%sList", s->name); /* short names */
}

/* ---- components ---------------------------------------------------------------------------- */

static void write_schema(const struct schema *s, struct json *j)
{
    json_object(j, s->name);
    json_string(j, "description", s->summary);
    if (s->document)
        s->document(j);
    else
        field_document_members(s->fields, s->is_request ? FIELD_REQUEST : FIELD_ANSWER, j);
    json_end(j);
}

static void write_list_schema(const struct schema *s, struct json *j)
{
    char name[OPENAPI_NAME_BYTES];

    openapi_list_name(s, name);
    json_object(j, name);
    json_string(j, "type", "object");
    json_object(j, "properties");
    json_object(j, "items");
    json_string(j, "type", "array");
    field_document_ref(s->name, j, "items");
    json_end(j);
    json_object_inline(j, "total");
    json_string(j, "type", "integer");
    json_end(j);
    json_object(j, "next");
    json_string(j, "description", "where the next page is; null at the end");
    json_array_inline(j, "type");
    json_string(j, NULL, "string");
    json_string(j, NULL, "null");
    json_end(j);
    json_end(j);
    json_end(j);
    json_array_inline(j, "required");
    json_string(j, NULL, "items");
    json_string(j, NULL, "total");
    json_string(j, NULL, "next");
    json_end(j);
    json_end(j);
}

static bool was_named(size_t n, const struct schema *s, bool as_list)
{
    for (size_t i = 0; i < n; i++)
        if ((route_at(i)->output == s && route_at(i)->is_list == as_list) ||
            (!as_list && route_at(i)->input == s))
            return true;
    return false;
}

/* An answer's schema is needed also where only lists of it are answered. */
static void write_schemas(struct json *j)
{
    json_object(j, "schemas");
    for (size_t i = 0; i < route_count(); i++) {
        const struct route *r = route_at(i);

        if (r->input && !was_named(i, r->input, false))
            write_schema(r->input, j);
        if (r->output && !was_named(i, r->output, false) && !was_named(i, r->output, true))
            write_schema(r->output, j);
        if (r->output && r->is_list && !was_named(i, r->output, true))
            write_list_schema(r->output, j);
    }
    for (size_t i = 0; i < N_OTHERS; i++)
        write_schema(OTHERS[i], j);
    json_end(j);
}

/* Of answers. */
static void write_headers(struct json *j)
{
    static const char *const HEADERS[][2] = {
        {"X-Request-Id", "The request's name in problems and in the log; one that came is kept."},
        {"ETag", "To be given back as If-None-Match: 304 while nothing changed."},
        {"Location", "The path of what was made."},
        {"Vary", "Accept: the form of the answer goes by it."},
        {"Idempotency-Replayed", "true: the answer that a request with this key had before."},
        {"Allow", "The methods of the path (405)."},
        {"WWW-Authenticate", "Bearer: how to say who one is (401)."},
        {"Retry-After", "Seconds after which to ask again."},
    };

    json_object(j, "headers");
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++) {
        json_object(j, HEADERS[i][0]);
        json_string(j, "description", HEADERS[i][1]);
        json_object_inline(j, "schema");
        json_string(j, "type", "string");
        json_end(j);
        json_end(j);
    }
    json_end(j);
}

const char *const openapi_schemes[] = {"bearer", "cookie", NULL};

/* The cookie's name is told for the usual port. */
static void write_security_schemes(struct json *j)
{
    json_object(j, "securitySchemes");
    json_object(j, openapi_schemes[0]);
    json_string(j, "type", "http");
    json_string(j, "scheme", "bearer");
    json_string(j, "description",
                "A token, as sweepd token create or POST /api/v1/tokens showed it. Roles are its "
                "scope: read, submit (also changes what its label owns), admin. A daemon that "
                "never had a token asks for none.");
    json_end(j);
    json_object(j, openapi_schemes[1]);
    json_string(j, "type", "apiKey");
    json_string(j, "in", "cookie");
    json_string(j, "name", "sweepd_session_8642");
    json_string(j, "description",
                "A browser's session, begun by POST /api/v1/session with a token; the name ends "
                "with the port that the Host header tells.");
    json_end(j);
    json_end(j);
}

static void write_components(struct json *j)
{
    json_object(j, "components");
    write_schemas(j);
    json_object(j, "responses");
    for (const struct openapi_problem *p = openapi_problems; p->name; p++)
        write_problem(p->name, p->description, p->header, j);
    write_problem("Other", "Any other problem.", "Allow", j);
    json_end(j);
    json_object(j, "parameters");
    for (const struct openapi_field *h = openapi_headers; h->field.key; h++)
        openapi_parameter(&h->field, "header", j, h->field.key);
    json_end(j);
    write_headers(j);
    write_security_schemes(j);
    json_end(j);
}

/* ---- the document -------------------------------------------------------------------------- */

static void write_info(struct json *j)
{
    json_object(j, "info");
    json_string(j, "title", "sweepd");
    json_string(j, "version", SWEEPD_VERSION);
    json_string(j, "summary", "Hyperparameter search for neural networks over HTTP.");
    json_string(j, "description",
                "JSON in and out, also where curl's default type is sent. Every error is a problem "
                "document (RFC 9457) that tells all faults. HEAD works wherever GET does; OPTIONS "
                "tells Allow.");
    json_object_inline(j, "license");
    json_string(j, "name", "MIT");
    json_string(j, "identifier", "MIT");
    json_end(j);
    json_end(j);
    json_array(j, "servers");
    json_object_inline(j, NULL);
    json_string(j, "url", encode_base_path()[0] ? encode_base_path() : "/");
    json_string(j, "description", "this daemon");
    json_end(j);
    json_end(j);
}

static void write_tags(struct json *j)
{
    static const char *const TAGS[][2] = {
        {"service", "The daemon itself."},
        {"datasets", "Tables to learn from."},
        {"experiments", "Searches: what is tried on a data set, and how far that is."},
        {"access", "Who may use it: tokens, and sessions of browsers."},
        {"trials", "Single configurations, trained here or elsewhere (ask and tell)."},
    };

    json_array(j, "tags");
    for (size_t i = 0; i < sizeof TAGS / sizeof *TAGS; i++) {
        json_object_inline(j, NULL);
        json_string(j, "name", TAGS[i][0]);
        json_string(j, "description", TAGS[i][1]);
        json_end(j);
    }
    json_end(j);
}

static struct buf document; /* written once */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void write_document(void)
{
    struct json j;

    json_init(&j, &document);
    json_object(&j, NULL);
    json_string(&j, "openapi", "3.1.0");
    write_info(&j);
    write_tags(&j);
    openapi_paths(&j);
    write_components(&j);
    json_end(&j);
}

enum err openapi_get(struct call *c, struct error *e)
{
    (void)pthread_once(&once, write_document); /* nothing to fail */
    TRY(buf_check(&document, e));
    http_respond_static(c->r, 200, "application/json", document.data, document.length);
    return ERR_OK;
}
