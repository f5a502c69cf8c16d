/*
 * The paths of /openapi.json: for each route its body and answers; see openapi_parameters.c.
 */
#include "server/api/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"

static const char PREFIX[] = "/api/v1/";

/* ---- paths --------------------------------------------------------------------------------- */

/* A route has a path for each form of its answer. */
struct path_form {
    const char *suffix, *type; /* of an answer that is no JSON; NULL: any of the forms */
};

static const struct path_form FORMS[] = {{"", NULL}, {".csv", "text/csv"}, {".txt", "text/plain"}};
enum { N_FORMS = sizeof FORMS / sizeof *FORMS };
static const struct path_form PLAIN = {"", NULL};

static void path_of(const struct route *r, const struct path_form *f, char out[OPENAPI_NAME_BYTES])
{
    size_t n = strlen(r->pattern) - (route_has_forms(r) ? 2 : 0);

    (void)snprintf(out, OPENAPI_NAME_BYTES, "%.*s%s", (int)n, r->pattern, f->suffix); /* short */
}

/* "get_experiments_experiment_trials_csv". */
static void operation_id(const struct route *r, const char *path, char out[OPENAPI_NAME_BYTES])
{
    bool in_api = strncmp(path, PREFIX, sizeof PREFIX - 1) == 0;
    char *to = out;

    (void)snprintf(out, OPENAPI_NAME_BYTES, "%s_%s", route_method_name(r->method),
                   path + (in_api ? sizeof PREFIX - 1 : 1));
    for (const char *from = out; *from; from++)
        if (!strchr("{}", *from))
            *to++ = isalnum((unsigned char)*from) ? (char)tolower((unsigned char)*from) : '_';
    *to = '\0';
}

static const char *tag_of(const char *path)
{
    if (strncmp(path, "/api/v1/session", 15) == 0 || strncmp(path, "/api/v1/tokens", 14) == 0)
        return "access";
    if (strncmp(path, "/api/v1/datasets", 16) == 0)
        return "datasets";
    if (strstr(path, "/trials") || strstr(path, "/ask"))
        return "trials";
    return strncmp(path, PREFIX, sizeof PREFIX - 1) == 0 ? "experiments" : "service";
}

/* ---- what applies to which ----------------------------------------------------------------- */

static bool has_variables(const struct route *r)
{
    return strchr(r->pattern, '{') != NULL;
}

static bool takes_body(const struct route *r)
{
    return r->body != HTTP_BODY_NONE;
}

static bool changes(const struct route *r)
{
    return r->method != HTTP_GET;
}

static bool needs_token(const struct route *r)
{
    return r->scope != SCOPE_OPEN;
}

/* In a header, a cookie or the body. */
static bool hears_token(const struct route *r)
{
    return needs_token(r) || r->is_secret;
}

static bool always(const struct route *r)
{
    (void)r;
    return true;
}

/* ---- bodies -------------------------------------------------------------------------------- */

static void write_examples(const struct route *r, bool is_json, struct json *j)
{
    if (!r->examples)
        return;
    json_object(j, "examples");
    for (const struct example *x = r->examples; x->name; x++) {
        json_object(j, x->name);
        if (is_json)
            json_raw(j, "value", x->body);
        else
            json_string(j, "value", x->body);
        json_end(j);
    }
    json_end(j);
}

static void write_bytes(const char *type, struct json *j)
{
    json_object(j, type);
    json_object_inline(j, "schema");
    json_string(j, "type", "string");
    json_end(j);
}

/* A form carries the file and, as fields, what else stands in the query. */
static void write_form(const struct route *r, struct json *j)
{
    json_object(j, "multipart/form-data");
    json_object(j, "schema");
    json_string(j, "type", "object");
    json_object(j, "properties");
    json_object_inline(j, "file");
    json_string(j, "type", "string");
    json_string(j, "format", "binary");
    json_end(j);
    for (const struct field *f = r->query; f->key; f++)
        query_document(f, j, f->key);
    json_end(j);
    json_bool(j, "additionalProperties", false);
    json_array_inline(j, "required");
    json_string(j, NULL, "file");
    json_end(j);
    json_end(j);
    json_end(j);
}

static void write_request_content(const struct route *r, struct json *j)
{
    if (r->input) {
        json_object(j, "application/json");
        field_document_ref(r->input->name, j, "schema");
        write_examples(r, true, j);
        json_end(j);
        return;
    }
    write_bytes("text/csv", j);
    write_examples(r, false, j);
    json_end(j);
    write_bytes("application/octet-stream", j);
    json_end(j);
    if (r->method == HTTP_POST)
        write_form(r, j);
}

static void write_request(const struct route *r, struct json *j)
{
    if (r->body == HTTP_BODY_NONE)
        return;
    json_object(j, "requestBody");
    json_bool(j, "required", !r->may_be_empty);
    json_object(j, "content");
    write_request_content(r, j);
    json_end(j);
    json_end(j);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Without a suffix the form goes by Accept. */
static bool is_negotiated(const struct route *r, const struct path_form *f)
{
    return route_has_forms(r) && !f->type;
}

static void write_headers(const struct route *r, const struct path_form *f, struct json *j)
{
    json_object(j, "headers");
    openapi_ref("headers", "X-Request-Id", j, "X-Request-Id");
    if (openapi_may_be_unchanged(r))
        openapi_ref("headers", "ETag", j, "ETag");
    if (is_negotiated(r, f))
        openapi_ref("headers", "Vary", j, "Vary");
    if (r->is_located)
        openapi_ref("headers", "Location", j, "Location");
    if (route_is_done_once(r))
        openapi_ref("headers", "Idempotency-Replayed", j, "Idempotency-Replayed");
    json_end(j);
}

static void write_json_content(const struct route *r, struct json *j)
{
    char name[OPENAPI_NAME_BYTES];

    json_object(j, "application/json");
    openapi_list_name(r->output, name);
    field_document_ref(r->is_list ? name : r->output->name, j, "schema");
    json_end(j);
}

/* OpenAPI 3.1 has no word for streams: a text, with what the `data` of its events are. */
static void write_events(const struct route *r, struct json *j)
{
    json_object(j, r->type);
    json_object(j, "schema");
    json_string(j, "type", "string");
    json_string(j, "contentMediaType", r->type);
    json_object(j, "contentSchema");
    json_array(j, "anyOf");
    for (const struct schema *const *s = r->events; *s; s++)
        field_document_ref((*s)->name, j, NULL);
    json_end(j);
    json_end(j);
    json_end(j);
    json_end(j);
}

static void write_content(const struct route *r, const struct path_form *f, struct json *j)
{
    const char *type = f->type ? f->type : r->type;

    json_object(j, "content");
    if (r->output && !type)
        write_json_content(r, j);
    if (r->events) {
        write_events(r, j);
    } else if (type) {
        write_bytes(type, j);
        json_end(j);
    } else if (route_has_forms(r)) { /* as Accept says */
        for (size_t i = 1; i < N_FORMS; i++) {
            write_bytes(FORMS[i].type, j);
            json_end(j);
        }
    }
    json_end(j);
}

static void write_answer(const struct route *r, const struct path_form *f, unsigned status,
                         struct json *j)
{
    static const struct {
        unsigned status;
        const char *text;
    } TEXTS[] = {{201, "It was made."},    {202, "It will be done."}, {204, "It was done."},
                 {304, "Nothing changed."}, {200, "The answer."}};
    size_t i = 0;
    char key[8];

    while (TEXTS[i].status != status && TEXTS[i].status != 200)
        i++;
    (void)snprintf(key, sizeof key, "%u", status);
    json_object(j, key);
    json_string(j, "description", TEXTS[i].text);
    write_headers(r, f, j);
    if (status != 204 && status != 304)
        write_content(r, f, j);
    json_end(j);
}

/* ---- problems ------------------------------------------------------------------------------ */

/* Which statuses a route may answer with a problem. */
const struct openapi_problem openapi_problems[] = {
    {400, "BadRequest", "The request cannot be read; of JSON the detail says line and column.",
     NULL, always},
    {401, "Unknown", "A token is needed, or the one that came is not valid.", "WWW-Authenticate",
     hears_token},
    {403, "Forbidden",
     "The token allows less, what is changed is another's, a quota is spent, or the request comes "
     "from another origin.",
     NULL, always},
    {404, "NotFound", "There is nothing at this path.", NULL, has_variables},
    {409, "Conflict", "What is there stands against it: a name is taken, a state is another.",
     NULL, always},
    {413, "TooLarge", "The body is larger than /api/v1 tells under limits.", NULL, takes_body},
    {415, "UnsupportedType", "The body's type is not one that is read here.", NULL, takes_body},
    {421, "Misdirected", "The Host is not one that this daemon answers to.", NULL, always},
    {422, "Invalid", "The request can be read, but something in it is wrong; errors tells all.",
     NULL, always},
    {429, "TooMany", "Too many tokens that are not valid came from this address.", "Retry-After",
     hears_token},
    {503, "Unavailable", "The daemon is starting, stopping or busy.", "Retry-After", always},
    {507, "NoSpace", "The disk is full, or nearer to it than the daemon may go.", NULL, changes},
    {0},
};

static void write_answers(const struct route *r, const struct path_form *f, struct json *j)
{
    unsigned first = r->status[0] ? r->status[0] : 200;
    char key[8];

    json_object(j, "responses");
    write_answer(r, f, first, j);
    if (r->status[1])
        write_answer(r, f, r->status[1], j);
    if (openapi_may_be_unchanged(r))
        write_answer(r, f, 304, j);
    for (const struct openapi_problem *p = openapi_problems; p->name; p++) {
        if (!p->applies(r))
            continue;
        (void)snprintf(key, sizeof key, "%u", p->status);
        openapi_ref("responses", p->name, j, key);
    }
    openapi_ref("responses", "Other", j, "default");
    json_end(j);
}

/* ---- who may ----------------------------------------------------------------------------- */

/* A token or a session, and with it a scope; nothing where none is needed. */
static void write_security(const struct route *r, struct json *j)
{
    json_array(j, "security");
    for (const char *const *s = openapi_schemes; needs_token(r) && *s; s++) {
        json_object_inline(j, NULL);
        json_array_inline(j, *s);
        json_string(j, NULL, token_scope_name(r->scope));
        json_end(j);
        json_end(j);
    }
    json_end(j);
}

/* ---- operations ---------------------------------------------------------------------------- */

static void write_operation(const struct route *r, const struct path_form *f, struct json *j)
{
    char path[OPENAPI_NAME_BYTES], id[OPENAPI_NAME_BYTES], method[8] = "";

    path_of(r, f, path);
    operation_id(r, path, id);
    for (size_t i = 0; route_method_name(r->method)[i]; i++)
        method[i] = (char)tolower((unsigned char)route_method_name(r->method)[i]);
    json_object(j, method);
    json_string(j, "operationId", id);
    json_array_inline(j, "tags");
    json_string(j, NULL, tag_of(path));
    json_end(j);
    json_string(j, "summary", r->summary);
    if (r->description)
        json_string(j, "description", r->description);
    write_security(r, j);
    openapi_parameters(r, j);
    write_request(r, j);
    write_answers(r, f, j);
    json_end(j);
}

/* All methods of a path stand together, where the first of them stands in the table. */
static bool is_first(size_t i, const char *path)
{
    char other[OPENAPI_NAME_BYTES];

    for (size_t k = 0; k < i; k++) {
        path_of(route_at(k), &PLAIN, other);
        if (!route_at(k)->is_page && strcmp(other, path) == 0)
            return false;
    }
    return true;
}

static void write_path(size_t i, const struct path_form *f, struct json *j)
{
    char path[OPENAPI_NAME_BYTES], other[OPENAPI_NAME_BYTES];

    path_of(route_at(i), f, path);
    if (!is_first(i, path))
        return;
    json_object(j, path);
    for (size_t k = i; k < route_count(); k++) {
        path_of(route_at(k), k == i ? f : &PLAIN, other);
        if (strcmp(other, path) == 0)
            write_operation(route_at(k), k == i ? f : &PLAIN, j);
    }
    json_end(j);
}

void openapi_paths(struct json *j)
{
    json_object(j, "paths");
    for (size_t i = 0; i < route_count(); i++) {
        size_t n = route_at(i)->is_page ? 0 : route_has_forms(route_at(i)) ? N_FORMS : 1;

        for (size_t k = 0; k < n; k++)
            write_path(i, &FORMS[k], j);
    }
    json_end(j);
}
