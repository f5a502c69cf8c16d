#include "server/api/routes.h"

#include <stdio.h>
#include <string.h>

#include "server/api/access.h"
#include "server/api/handlers.h"
#include "server/api/kept.h"
#include "server/api/once.h"
#include "server/log.h"
#include "server/schema/query.h"

#define API "/api/v1/"
#define EXPERIMENT API "experiments/{experiment}"
#define TRIAL EXPERIMENT "/trials/{trial}"

const char *const route_any_query[] = {NULL};

static const char *const none[] = {NULL};
static const char *const PAGE[] = {"limit", "cursor", NULL};
static const char *const EXPERIMENTS[] = {"state", "dataset", "tag",    "owner", "q",
                                          "sort",  "limit",   "cursor", NULL};
static const char *const TRIALS[] = {"state", "sort", "limit", "cursor", NULL};
static const char *const WAIT[] = {"wait", NULL};
static const char *const SINCE[] = {"since", NULL};
static const char *const LAST_EVENT[] = {"last_event_id", NULL};
static const char *const FORCE[] = {"force", NULL};

static const struct route ROUTES[] = {
    {HTTP_GET, "/", page_get, HTTP_BODY_NONE, "the web page", route_any_query, false,
     .scope = SCOPE_OPEN},
    {HTTP_GET, "/healthz", service_health, HTTP_BODY_NONE, "ok while the process lives", none,
     false,
     .scope = SCOPE_OPEN},
    {HTTP_GET, "/readyz", service_ready, HTTP_BODY_NONE, "ok once recovery is done", none, false,
     .scope = SCOPE_OPEN},
    {HTTP_GET, "/{file}", page_get, HTTP_BODY_NONE, "a file of the page", route_any_query, false,
     .scope = SCOPE_OPEN},
    {HTTP_GET, "/api/v1", service_describe, HTTP_BODY_NONE, "what this build is and knows", none,
     false,
     .scope = SCOPE_READ},

    {HTTP_PUT, API "datasets/{file}", dataset_upload, HTTP_BODY_SPOOL, "upload a table (curl -T)",
     route_any_query, false,
     .scope = SCOPE_SUBMIT},
    {HTTP_POST, API "datasets", dataset_upload, HTTP_BODY_SPOOL, "upload a table", route_any_query,
     false,
     .scope = SCOPE_SUBMIT},
    {HTTP_GET, API "datasets.*", dataset_list, HTTP_BODY_NONE, "all data sets", PAGE, true,
     .scope = SCOPE_READ},
    {HTTP_GET, API "datasets/{dataset}", dataset_get, HTTP_BODY_NONE, "one data set", none, true,
     .scope = SCOPE_READ},
    {HTTP_GET, API "datasets/{dataset}/rows.*", dataset_rows, HTTP_BODY_NONE, "its rows", PAGE,
     true,
     .scope = SCOPE_READ},
    {HTTP_DELETE, API "datasets/{dataset}", dataset_delete, HTTP_BODY_NONE, "delete a data set",
     none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_DATASET},

    {HTTP_POST, API "experiments", experiment_submit, HTTP_BODY_MEMORY, "start a search", none,
     false,
     .scope = SCOPE_SUBMIT},
    {HTTP_POST, API "experiments/validate", experiment_validate, HTTP_BODY_MEMORY,
     "what a definition comes to, without storing it", none, false,
     .scope = SCOPE_READ},
    {HTTP_GET, API "experiments.*", experiment_list, HTTP_BODY_NONE, "all experiments", EXPERIMENTS,
     true,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT, experiment_get, HTTP_BODY_NONE, "one experiment", WAIT, true,
     .scope = SCOPE_READ},
    {HTTP_PATCH, EXPERIMENT, experiment_patch, HTTP_BODY_MEMORY,
     "change its name, notes, tags or priority", none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_DELETE, EXPERIMENT, experiment_delete, HTTP_BODY_NONE,
     "delete an experiment with its trials", FORCE, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, EXPERIMENT "/pause", experiment_pause, HTTP_BODY_NONE,
     "let running folds end and start no others", none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, EXPERIMENT "/resume", experiment_resume, HTTP_BODY_NONE, "go on after a pause",
     none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, EXPERIMENT "/cancel", experiment_cancel, HTTP_BODY_NONE,
     "end it now; what is done is kept", none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, EXPERIMENT "/extend", experiment_extend, HTTP_BODY_MEMORY,
     "more trials for a search that runs or has completed", none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, EXPERIMENT "/clone", experiment_clone, HTTP_BODY_MEMORY,
     "a new experiment from an old one's definition and a merge patch", none, false,
     .scope = SCOPE_SUBMIT},
    {HTTP_POST, EXPERIMENT "/unseal", experiment_unseal, HTTP_BODY_NONE,
     "score the best trial on the rows that were set aside, once", none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_GET, EXPERIMENT "/best", experiment_best, HTTP_BODY_NONE, "the best trial", none, true,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT "/trials.*", trial_list, HTTP_BODY_NONE, "its trials", TRIALS, true,
     .scope = SCOPE_READ},
    {HTTP_POST, EXPERIMENT "/ask", trial_ask, HTTP_BODY_MEMORY, "configurations to train elsewhere",
     none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, EXPERIMENT "/trials", trial_import, HTTP_BODY_MEMORY,
     "trials that were trained elsewhere before", none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, TRIAL "/report", trial_report, HTTP_BODY_MEMORY, "an intermediate value of a trial",
     none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_POST, TRIAL "/tell", trial_tell, HTTP_BODY_MEMORY, "what came of a trial", none, false,
     .scope = SCOPE_SUBMIT, .owned = OWNED_EXPERIMENT},
    {HTTP_GET, TRIAL, trial_get, HTTP_BODY_NONE, "one trial with its folds", none, true,
     .scope = SCOPE_READ},
    {HTTP_GET, TRIAL "/curves.*", trial_curves, HTTP_BODY_NONE, "its learning curves", none, true,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT "/importance.*", experiment_importance, HTTP_BODY_NONE,
     "how much each hyperparameter mattered for the score", none, true,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT "/folds.*", experiment_folds, HTTP_BODY_NONE, "the fold plan", PAGE,
     true,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT "/export.db", experiment_export, HTTP_BODY_NONE,
     "this experiment alone as an SQLite file", none, false,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT "/columns", experiment_columns, HTTP_BODY_NONE,
     "its trials as arrays, one for each column; ?since= for what has changed", SINCE, true,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT "/events", experiment_events, HTTP_BODY_NONE,
     "what happens to it, as server-sent events", LAST_EVENT, false,
     .scope = SCOPE_READ},
    {HTTP_GET, API "events", service_events, HTTP_BODY_NONE,
     "what happens to all experiments, as server-sent events", LAST_EVENT, false,
     .scope = SCOPE_READ},
    {HTTP_GET, EXPERIMENT "/watch", experiment_watch, HTTP_BODY_NONE,
     "progress as text until it ends", none, false,
     .scope = SCOPE_READ},
    {HTTP_GET, API "session", session_get, HTTP_BODY_NONE, "who one is", none, false,
     .scope = SCOPE_READ},
    {HTTP_POST, API "session", session_begin, HTTP_BODY_MEMORY, "log in with a token, for browsers",
     none, false,
     .scope = SCOPE_OPEN, .is_secret = true},
    {HTTP_DELETE, API "session", session_end, HTTP_BODY_NONE, "log out", none, false,
     .scope = SCOPE_OPEN},
    {HTTP_GET, API "tokens.*", token_list, HTTP_BODY_NONE, "all tokens, without their secrets",
     PAGE, true,
     .scope = SCOPE_ADMIN},
    {HTTP_POST, API "tokens", token_create, HTTP_BODY_MEMORY, "make a token, which is shown once",
     none, false,
     .scope = SCOPE_ADMIN, .is_secret = true},
    {HTTP_DELETE, API "tokens/{token}", token_revoke, HTTP_BODY_NONE,
     "revoke a token, or all of a label", none, false,
     .scope = SCOPE_ADMIN},
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

static void answer_error(struct call *c, const struct error *e)
{
    unsigned status = problem_status(e->code);
    struct http_pair told = {0};
    struct buf out = {0};

    if (status >= 500)
        log_write(LOG_ERROR, "%s: %s%s%s", c->q->id, e->message, e->detail[0] ? ": " : "",
                  e->detail);
    access_tell(e->code, &told);
    if (told.value)
        (void)http_respond_header(c->r, told.name, told.value); /* of ours: it can stand */
    if (status == 503)
        (void)http_respond_header(c->r, "Retry-After", "1");
    problem_write(&out, status, e->message, c->q->path, c->q->id, &c->faults);
    http_respond(c->r, status, "application/problem+json", buf_text(&out), out.length);
    buf_finish(&out);
}

static void check_query(struct call *c, const struct route *route)
{
    const struct http_pair *query = c->q->query;

    if (route->query == route_any_query)
        return;
    for (size_t i = 0; i < c->q->n_query; i++) {
        query_known(&c->faults, query[i].name, route->query);
        for (size_t k = 0; k < i; k++)
            if (strcmp(query[k].name, query[i].name) == 0)
                faults_add(&c->faults, query[i].name, NULL, "%.80s is given twice", query[i].name);
    }
}

/* Whether the last segment names no form, so that Accept chooses it. */
static bool is_negotiated(const struct route *route, const struct http_request *q)
{
    size_t n = strlen(route->pattern);

    return n > 2 && strcmp(route->pattern + n - 2, ".*") == 0 &&
           !strchr(q->segments[q->n_segments - 1], '.');
}

static enum err act(struct call *c, struct error *e)
{
    const struct route *route = c->q->route;

    TRY(access_own(c, e));
    return route->handler(c, e);
}

static enum err run(struct call *c, const struct route *route, struct error *e)
{
    const struct http_request *q = c->q;

    TRY(access_holds(c, e));
    c->form = form_wanted(q->segments[q->n_segments - 1], http_header(q, "Accept"));
    c->is_kept = route->kept && c->form == FORM_JSON;
    c->changes = store_changes(c->api->store);
    if (is_negotiated(route, q))
        (void)http_respond_header(c->r, "Vary", "Accept");
    if (kept_answer(c))
        return ERR_OK;
    check_query(c, route);
    if (!*route->query)
        TRY(faults_check(&c->faults, e)); /* else the handler adds what its parameters lack */
    if (route->is_secret && http_header(q, "Idempotency-Key"))
        return error_set(e, ERR_INVALID,
                         "an Idempotency-Key has no use here: the answer is given once and kept "
                         "nowhere");
    return q->method == HTTP_POST && !route->is_secret ? once_run(c, act, e) : act(c, e);
}

static void handle(void *ctx, const struct http_request *q, struct http_response *r)
{
    struct call c = {.api = ctx, .q = q, .r = r, .user = q->user};
    struct error e = {0};

    faults_init(&c.faults, q->arena);
    if (run(&c, q->route, &e) != ERR_OK)
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
    (void)ctx;
    log_write(LOG_DEBUG, "%s %s %s %u, %llu bytes, %.1f ms", id, method, path, status,
              (unsigned long long)body_bytes, 1000 * seconds);
}

static void complain(void *ctx, const char *message)
{
    (void)ctx;
    log_write(LOG_WARNING, "http: %s", message);
}

void api_finish(struct api *api)
{
    kept_destroy(api->kept);
    onces_destroy(api->onces);
    api->kept = NULL;
    api->onces = NULL;
}

struct http_router api_router(struct api *api)
{
    make_allow_texts();
    api->kept = kept_create();
    api->onces = onces_create();
    return (struct http_router){
        .ctx = api,
        .match = match,
        .admit = access_admit,
        .handle = handle,
        .problem = problem,
        .log = write_log,
        .complain = complain,
    };
}
