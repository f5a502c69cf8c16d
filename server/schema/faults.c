#include "server/schema/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/schema/field.h"
#include "server/schema/json.h"

enum { VALUE_SHOWN_MAX = 200 }; /* bytes of an offending value that are given back */

void faults_init(struct faults *f, struct arena *a)
{
    *f = (struct faults){.arena = a};
}

void faults_show(struct faults *f, struct fault *fault, const char *value)
{
    if (strlen(value) > VALUE_SHOWN_MAX)
        return;
    fault->value = arena_strdup(f->arena, value);
    f->failed = f->failed || !fault->value;
}

void faults_add(struct faults *f, const char *pointer, const char *value, const char *format, ...)
{
    struct fault *fault = arena_alloc(f->arena, 1, sizeof *fault);
    char detail[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args); /* a long one is cut */
    va_end(args);
    if (!fault) {
        f->failed = true;
        return;
    }
    if (f->n == FAULTS_MAX)
        return;
    fault->pointer = arena_strdup(f->arena, pointer);
    fault->detail = arena_strdup(f->arena, detail);
    f->failed = f->failed || !fault->pointer || !fault->detail;
    if (value)
        faults_show(f, fault, value);
    if (f->failed)
        return;
    if (f->last)
        f->last->next = fault;
    else
        f->first = fault;
    f->last = fault;
    f->n++;
}

enum err faults_check(const struct faults *f, struct error *e)
{
    if (f->failed)
        return error_no_memory(e);
    if (f->n == 0)
        return ERR_OK;
    if (f->n == 1)
        error_set(e, ERR_INVALID, "%.480s", f->first->detail);
    else
        error_set(e, ERR_INVALID, "%.440s (and %zu more %s)", f->first->detail, f->n - 1,
                  f->n == 2 ? "fault" : "faults");
    return error_field(e, f->first->pointer);
}

unsigned problem_status(enum err code)
{
    switch (code) {
    case ERR_OK:
        return 200;
    case ERR_SYNTAX:
        return 400;
    case ERR_UNKNOWN:
        return 401;
    case ERR_FORBIDDEN:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return 409;
    case ERR_LIMIT:
        return 413;
    case ERR_INVALID:
        return 422;
    case ERR_TOO_MANY:
        return 429;
    case ERR_BUSY:
    case ERR_NO_MEMORY:
    case ERR_CANCELLED:
        return 503;
    case ERR_NO_SPACE:
        return 507;
    case ERR_IO:
    case ERR_INTERNAL:
        return 500;
    }
    return 500;
}

const char *problem_title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

/* A problem as it is written; NULL where something is not told. */
struct problem {
    int64_t status;
    const char *type, *title, *detail, *instance, *request_id;
    const struct faults *faults;
};

static bool has_value(const void *in)
{
    return ((const struct fault *)in)->value != NULL;
}

static bool has_faults(const void *in)
{
    const struct problem *p = in;

    return p->faults && p->faults->n > 0;
}

/* clang-format off */
static const struct field fault_fields[] = {
    FIELD("pointer", TEXT, fault, pointer,
          .summary = "where: a JSON Pointer, or the name of a parameter"),
    FIELD("detail", TEXT, fault, detail, .summary = "what was expected and what came"),
    FIELD("value", JSON, fault, value, .present = has_value,
          .summary = "what came, unless it is long"),
    {.key = NULL},
};
/* clang-format on */

static void write_faults(const void *in, struct json *j, const char *key)
{
    json_array(j, key);
    for (const struct fault *f = ((const struct problem *)in)->faults->first; f; f = f->next) {
        json_object(j, NULL);
        field_encode(fault_fields, f, j);
        json_end(j);
    }
    json_end(j);
}

/* clang-format off */
static const struct field problem_fields[] = {
    FIELD("type", TEXT, problem, type, .summary = "about:blank: the status says what kind it is"),
    FIELD("title", TEXT, problem, title, .summary = "the status in words"),
    FIELD("status", INT, problem, status, .summary = "the status"),
    FIELD("detail", TEXT, problem, detail, .summary = "a sentence"),
    FIELD("instance", TEXT, problem, instance, .optional = true, .summary = "the request's path"),
    FIELD("request_id", TEXT, problem, request_id, .optional = true,
          .summary = "as in X-Request-Id and in the log"),
    {.key = "errors", .type = FIELD_OTHER, .fields = fault_fields, .shape = FIELD_LIST,
     .write = write_faults, .present = has_faults, .summary = "all faults that were found"},
    {.key = NULL},
};
/* clang-format on */

const struct schema problem_schema = {
    .name = "Problem", .fields = problem_fields, .summary = "Why there is no answer (RFC 9457)."};

void problem_write(struct buf *out, unsigned status, const char *detail, const char *instance,
                   const char *request_id, const struct faults *faults)
{
    struct problem problem = {.type = "about:blank",
                              .title = problem_title(status),
                              .status = status,
                              .detail = detail,
                              .instance = instance,
                              .request_id = request_id,
                              .faults = faults};
    struct json j;

    json_init(&j, out);
    json_object(&j, NULL);
    field_encode(problem_fields, &problem, &j);
    json_end(&j);
}
