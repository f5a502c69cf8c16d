#include "server/api/routes.h"

#include <stdio.h>
#include <string.h>

#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/log.h"

#define API "/api/v1/"

static const struct route ROUTES[] = {
    {HTTP_GET, "/", page_get, HTTP_BODY_NONE, "the web page"},
    {HTTP_GET, "/healthz", service_health, HTTP_BODY_NONE, "ok while the process lives"},
    {HTTP_GET, "/readyz", service_ready, HTTP_BODY_NONE, "ok once recovery is done"},
    {HTTP_GET, "/{file}", page_get, HTTP_BODY_NONE, "a file of the page"},
    {HTTP_GET, "/api/v1", service_describe, HTTP_BODY_NONE, "what this build is and knows"},

    {HTTP_PUT, API "datasets/{file}", dataset_upload, HTTP_BODY_SPOOL, "upload a table (curl -T)"},
    {HTTP_POST, API "datasets", dataset_upload, HTTP_BODY_SPOOL, "upload a table"},
    {HTTP_GET, API "datasets", dataset_list, HTTP_BODY_NONE, "all data sets"},
    {HTTP_GET, API "datasets/{dataset}", dataset_get, HTTP_BODY_NONE, "one data set"},
    {HTTP_GET, API "datasets/{dataset}/rows", dataset_rows, HTTP_BODY_NONE, "its first rows"},
    {HTTP_DELETE, API "datasets/{dataset}", dataset_delete, HTTP_BODY_NONE, "delete a data set"},

    {HTTP_POST, API "experiments", experiment_submit, HTTP_BODY_MEMORY, "start a search"},
    {HTTP_POST, API "experiments/validate", experiment_validate, HTTP_BODY_MEMORY,
     "what a definition comes to, without storing it"},
    {HTTP_GET, API "experiments", experiment_list, HTTP_BODY_NONE, "all experiments"},
    {HTTP_GET, API "experiments/{experiment}", experiment_get, HTTP_BODY_NONE, "one experiment"},
    {HTTP_DELETE, API "experiments/{experiment}", experiment_delete, HTTP_BODY_NONE,
     "delete an experiment with its trials"},
    {HTTP_POST, API "experiments/{experiment}/pause", experiment_pause, HTTP_BODY_NONE,
     "let running folds end and start no others"},
    {HTTP_POST, API "experiments/{experiment}/resume", experiment_resume, HTTP_BODY_NONE,
     "go on after a pause"},
    {HTTP_POST, API "experiments/{experiment}/cancel", experiment_cancel, HTTP_BODY_NONE,
     "end it now; what is done is kept"},
    {HTTP_POST, API "experiments/{experiment}/extend", experiment_extend, HTTP_BODY_MEMORY,
     "more trials for a search that runs or has completed"},
    {HTTP_POST, API "experiments/{experiment}/clone", experiment_clone, HTTP_BODY_MEMORY,
     "a new experiment from an old one's definition and a merge patch"},
    {HTTP_POST, API "experiments/{experiment}/unseal", experiment_unseal, HTTP_BODY_NONE,
     "score the best trial on the rows that were set aside, once"},
    {HTTP_GET, API "experiments/{experiment}/best", experiment_best, HTTP_BODY_NONE,
     "the best trial"},
    {HTTP_GET, API "experiments/{experiment}/trials.*", trial_list, HTTP_BODY_NONE, "its trials"},
    {HTTP_POST, API "experiments/{experiment}/ask", trial_ask, HTTP_BODY_MEMORY,
     "configurations to train elsewhere"},
    {HTTP_POST, API "experiments/{experiment}/trials", trial_import, HTTP_BODY_MEMORY,
     "trials that were trained elsewhere before"},
    {HTTP_POST, API "experiments/{experiment}/trials/{trial}/report", trial_report,
     HTTP_BODY_MEMORY, "an intermediate value of a trial"},
    {HTTP_POST, API "experiments/{experiment}/trials/{trial}/tell", trial_tell, HTTP_BODY_MEMORY,
     "what came of a trial"},
    {HTTP_GET, API "experiments/{experiment}/trials/{trial}", trial_get, HTTP_BODY_NONE,
     "one trial with its folds"},
    {HTTP_GET, API "experiments/{experiment}/trials/{trial}/curves", trial_curves, HTTP_BODY_NONE,
     "its learning curves"},
    {HTTP_GET, API "experiments/{experiment}/importance", experiment_importance, HTTP_BODY_NONE,
     "how much each hyperparameter mattered for the score"},
    {HTTP_GET, API "experiments/{experiment}/folds.csv", experiment_folds, HTTP_BODY_NONE,
     "the fold plan"},
    {HTTP_GET, API "experiments/{experiment}/export.db", experiment_export, HTTP_BODY_NONE,
     "this experiment alone as an SQLite file"},
    {HTTP_GET, API "experiments/{experiment}/watch", experiment_watch, HTTP_BODY_NONE,
     "progress as text until it ends"},
};
enum { N_ROUTES = sizeof ROUTES / sizeof *ROUTES };

static const char *const METHODS[HTTP_N_METHODS] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

/* ---- patterns ---------------------------------------------------------------------------- */

/* The pattern's segment that begins at p, and where the next one begins (NULL at the end). */
static const char *next_segment(const char *p, size_t *length)
{
    const char *slash = strchr(p, '/');

    *length = slash ? (size_t)(slash - p) : strlen(p);
    return slash ? slash + 1 : NULL;
}

static bool is_form_suffix(const char *suffix)
{
    return *suffix == '\0' || strcmp(suffix, ".json") == 0 || strcmp(suffix, ".csv") == 0 ||
           strcmp(suffix, ".txt") == 0;
}

static bool segment_matches(const char *p, size_t length, const char *segment)
{
    if (p[0] == '{')
        return true;
    if (length > 2 && memcmp(p + length - 2, ".*", 2) == 0)
        return strncmp(segment, p, length - 2) == 0 && is_form_suffix(segment + length - 2);
    return strlen(segment) == length && memcmp(segment, p, length) == 0;
}

static bool matches(const struct route *route, size_t n, const char *const *segments)
{
    const char *p = route->pattern + 1; /* after the first '/' */
    size_t length, i;

    for (i = 0; p && i < n; i++) {
        const char *next = next_segment(p, &length);

        if (!segment_matches(p, length, segments[i]))
            return false;
        p = next;
    }
    return !p && i == n;
}

size_t route_variable(const struct route *route, size_t n)
{
    const char *p = route->pattern + 1;
    size_t length;

    for (size_t i = 0; p; i++) {
        if (p[0] == '{' && n-- == 0)
            return i;
        p = next_segment(p, &length);
    }
    return 0;
}

/* A pattern without variables goes before one that has any: experiments/validate. */
static const struct route *find_route(enum http_method method, size_t n,
                                      const char *const *segments)
{
    const struct route *found = NULL;

    for (size_t i = 0; i < N_ROUTES; i++)
        if (ROUTES[i].method == method && matches(&ROUTES[i], n, segments) &&
            (!found || !strchr(ROUTES[i].pattern, '{')))
            found = &ROUTES[i];
    return found;
}

/* ---- the router -------------------------------------------------------------------------- */

/* The text of Allow for every set of methods that a path can have. */
static char allow_texts[1 << HTTP_N_METHODS][48];

static void make_allow_texts(void)
{
    for (unsigned methods = 0; methods < 1u << HTTP_N_METHODS; methods++) {
        char *text = allow_texts[methods];
        size_t used = 0;

        for (int m = 0; m < HTTP_N_METHODS; m++)
            if (methods & 1u << m)
                used += (size_t)snprintf(text + used, sizeof allow_texts[0] - used, "%s%s%s",
                                         used > 0 ? ", " : "", METHODS[m],
                                         m == HTTP_GET ? ", HEAD" : "");
    }
}

static unsigned match(void *ctx, enum http_method method, size_t n, const char *const *segments,
                      void **route, enum http_body *body, const char **allow)
{
    const struct route *found = find_route(method, n, segments);
    unsigned methods = 0;

    (void)ctx;
    for (int m = 0; m < HTTP_N_METHODS; m++)
        if (find_route((enum http_method)m, n, segments))
            methods |= 1u << m;
    *allow = allow_texts[methods];
    if (!found)
        return methods ? 405 : 404;
    *route = (void *)(size_t)found;
    *body = found->body;
    return 0;
}

static enum call_form wanted_form(const struct http_request *q)
{
    const char *last = q->n_segments > 0 ? q->segments[q->n_segments - 1] : "";
    const char *suffix = strrchr(last, '.'), *accept = http_header(q, "Accept");

    if (suffix)
        return strcmp(suffix, ".csv") == 0 ? CALL_CSV : strcmp(suffix, ".txt") == 0 ? CALL_TEXT
                                                                                     : CALL_JSON;
    if (accept && strncmp(accept, "text/csv", 8) == 0)
        return CALL_CSV;
    return accept && strncmp(accept, "text/plain", 10) == 0 ? CALL_TEXT : CALL_JSON;
}

static void answer_error(struct call *c, const struct error *e)
{
    unsigned status = problem_status(e->code);
    const struct log_field fields[] = {
        {"id", c->q->id, 0}, {"status", NULL, status}, {"detail", e->detail, 0}};
    struct buf out = {0};

    if (status >= 500)
        log_fields(LOG_ERROR, e->message, e->detail[0] ? 3 : 2, fields);
    if (status == 503)
        (void)http_respond_header(c->r, "Retry-After", "1");
    problem_write(&out, status, e->message, c->q->path, c->q->id, &c->faults);
    http_respond(c->r, status, "application/problem+json", buf_text(&out), out.length);
    buf_finish(&out);
}

static void handle(void *ctx, const struct http_request *q, struct http_response *r)
{
    const struct route *route = q->route;
    struct call c = {.api = ctx, .q = q, .r = r, .form = wanted_form(q)};
    struct error e = {0};

    faults_init(&c.faults, q->arena);
    if (route->handler(&c, &e) != ERR_OK)
        answer_error(&c, &e);
    call_release(&c);
}

static void problem(void *ctx, unsigned status, const char *detail, const char *instance,
                    const char *id, struct buf *out)
{
    (void)ctx;
    problem_write(out, status, detail, instance, id, NULL);
}

static void write_log(void *ctx, const char *id, const char *method, const char *path,
                      unsigned status, uint64_t body_bytes, double seconds)
{
    const struct log_field fields[] = {
        {"id", id, 0},
        {"method", method, 0},
        {"path", path, 0},
        {"status", NULL, status},
        {"bytes", NULL, (int64_t)body_bytes},
        {"microseconds", NULL, (int64_t)(1e6 * seconds)},
    };

    (void)ctx;
    log_fields(LOG_DEBUG, "request", sizeof fields / sizeof *fields, fields);
}

static void complain(void *ctx, const char *message)
{
    (void)ctx;
    log_write(LOG_WARNING, "http: %s", message);
}

struct http_router api_router(struct api *api)
{
    make_allow_texts();
    encode_setup(api->config->base_path);
    return (struct http_router){
        .ctx = api,
        .match = match,
        .handle = handle,
        .problem = problem,
        .log = write_log,
        .complain = complain,
    };
}
