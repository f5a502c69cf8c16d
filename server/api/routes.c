#include "server/api/routes.h"

#include <stdio.h>
#include <string.h>

#include "server/api/access.h"
#include "server/api/encode.h"
#include "server/api/handlers.h"
#include "server/api/kept.h"
#include "server/api/once.h"
#include "server/intake/upload.h"
#include "server/log.h"
#include "server/schema/definition.h"
#include "server/schema/imports.h"

#define API "/api/v1/"
#define EXPERIMENT API "experiments/{experiment}"
#define TRIAL EXPERIMENT "/trials/{trial}"
#define UPLOADS                                                                                    \
    "The same bytes with the same name and options again: 200, and the data set that exists."

/* clang-format off */
#define STATUS(...) .status = {__VA_ARGS__}
#define TEXT .type = "text/plain"
#define STREAM .type = "text/event-stream", .goes_on = true
#define ALWAYS .is_always_open = true
#define LIST .is_list = true
#define KEPT .kept = true
#define LONG .is_long = true
#define LOCATED .is_located = true
#define NEEDS(what) .scope = SCOPE_##what
#define OWNED(what) .owned = OWNED_##what
#define SECRET .is_secret = true
#define ONCE .is_once = true

/* ---- bodies that are accepted -------------------------------------------------------------- */

static const struct example TABLE[] = {
    {"csv", "x,y,kind\n1,2,a\n2,1,b\n1.5,2.5,a\n2.5,1.5,b\n3,1,b\n1,3,a\n3.5,1,b\n1,3.5,a\n"}, {0}};

static const struct example DEFINITIONS[] = {
    {"least", "{\"dataset\": \"iris\", \"budget\": {\"trials\": 2}}"},
    {"grid", "{\"name\": \"depth against width\", \"dataset\": \"iris\", \"metric\": \"accuracy\", "
             "\"sampler\": \"grid\", \"space\": {\"layers\": [1, 2], \"width\": [8, 16], "
             "\"learning_rate\": {\"min\": 1e-3, \"max\": 1e-1, \"scale\": \"log\", \"points\": 2}, "
             "\"epochs\": 5}, \"cross_validation\": {\"kind\": \"stratified_kfold\", \"folds\": 3}, "
             "\"seed\": 7}"},
    {"study", "{\"objective\": {\"name\": \"val_loss\", \"direction\": \"minimize\"}, "
              "\"space\": {\"depth\": {\"min\": 1, \"max\": 12, \"type\": \"int\"}, "
              "\"rate\": {\"min\": 1e-4, \"max\": 1, \"scale\": \"log\"}}, "
              "\"budget\": {\"trials\": 200}}"},
    {0}};

static const struct example MORE[] = {{"more", "{\"trials\": 2}"}, {0}};
static const struct example PATCH[] = {
    {"seed", "{\"name\": \"again, other folds\", \"seed\": {\"folds\": 2}}"}, {0}};
static const struct example LABELS[] = {
    {"labels", "{\"notes\": \"the baseline\", \"tags\": [\"paper\"], \"priority\": 1}"}, {0}};
static const struct example ASK[] = {{"two", "{\"count\": 2}"}, {0}};
static const struct example IMPORT[] = {
    {"two", "[{\"params\": {\"depth\": 3, \"rate\": 0.1}, \"score\": 0.42}, "
            "{\"params\": {\"depth\": 5, \"rate\": 0.2}, \"error\": \"out of memory\"}]"}, {0}};
static const struct example REPORT[] = {{"epoch", "{\"step\": 3, \"value\": 0.41}"}, {0}};
static const struct example TELL[] = {
    {"score", "{\"score\": 0.37}"}, {"error", "{\"error\": \"the loss diverged\"}"}, {0}};

static const struct example LOGIN[] = {
    {"token", "{\"token\": \"swd_"
              "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}"}, {0}};
static const struct example WISH[] = {
    {"ada", "{\"label\": \"ada\", \"scope\": \"submit\", \"expires_in_seconds\": 7776000}"}, {0}};

/* ---- events that are told ------------------------------------------------------------------ */

static const struct schema *const EVENTS[] = {&encode_state_event_schema,
                                              &encode_trial_event_schema,
                                              &encode_progress_event_schema, NULL};
static const struct schema *const ALL_EVENTS[] = {&encode_state_event_schema,
                                                  &encode_progress_event_schema, NULL};

/* ---- the table ----------------------------------------------------------------------------- */

static const struct route ROUTES[] = {
    {HTTP_GET, "/", page_get, HTTP_BODY_NONE, "the web page", ALWAYS, .is_page = true, NEEDS(OPEN)},
    {HTTP_GET, "/{file}", page_get, HTTP_BODY_NONE, "a file of the page", ALWAYS, .is_page = true,
     NEEDS(OPEN)},
    {HTTP_GET, "/docs", page_docs, HTTP_BODY_NONE, "a page that shows this",
     ALWAYS, .is_page = true, NEEDS(OPEN)},
    {HTTP_GET, "/healthz", service_health, HTTP_BODY_NONE, "ok while the process lives",
     ALWAYS, TEXT, NEEDS(OPEN)},
    {HTTP_GET, "/readyz", service_ready, HTTP_BODY_NONE,
     "ok once recovery is done; 503 before, and while draining", TEXT, NEEDS(OPEN)},
    {HTTP_GET, "/metrics", metrics_get, HTTP_BODY_NONE, "what happened so far, for Prometheus",
     TEXT, NEEDS(READ)},
    {HTTP_GET, "/openapi.json", openapi_get, HTTP_BODY_NONE, "this description",
     ALWAYS, .output = &openapi_schema, NEEDS(READ)},
    {HTTP_GET, "/api/v1", service_describe, HTTP_BODY_NONE, "what this build is and knows",
     .output = &service_schema, NEEDS(READ)},

    {HTTP_PUT, API "datasets/{dataset}", dataset_upload, HTTP_BODY_SPOOL, "upload a table (curl -T)",
     .description = "The last part of the path is the file's name. " UPLOADS,
     .query = upload_options, .examples = TABLE, STATUS(201, 200), LOCATED,
     .output = &encode_dataset_schema, NEEDS(SUBMIT)},
    {HTTP_POST, API "datasets", dataset_upload, HTTP_BODY_SPOOL, "upload a table",
     .description = "The body is the file, or a form with it; options stand in the query or in "
                    "fields of the form. " UPLOADS,
     .query = upload_options, .examples = TABLE, STATUS(201, 200), LOCATED,
     .output = &encode_dataset_schema, NEEDS(SUBMIT)},
    {HTTP_GET, API "datasets.*", dataset_list, HTTP_BODY_NONE, "all data sets",
     .query = dataset_list_query, .output = &encode_dataset_schema, LIST, KEPT, NEEDS(READ)},
    {HTTP_GET, API "datasets/{dataset}", dataset_get, HTTP_BODY_NONE, "one data set",
     .output = &encode_dataset_schema, KEPT, NEEDS(READ)},
    {HTTP_GET, API "datasets/{dataset}/rows.*", dataset_rows, HTTP_BODY_NONE, "its rows",
     .query = dataset_rows_query, .output = &encode_row_schema, LIST, KEPT, NEEDS(READ)},
    {HTTP_DELETE, API "datasets/{dataset}", dataset_delete, HTTP_BODY_NONE, "delete a data set",
     .description = "409 while experiments use it.", STATUS(204), NEEDS(SUBMIT), OWNED(DATASET)},

    {HTTP_POST, API "experiments", experiment_submit, HTTP_BODY_MEMORY, "start a search",
     .description = "It starts at once, unless \"start\" is false.",
     .input = &definition_schema, .examples = DEFINITIONS, STATUS(201), LOCATED,
     .output = &encode_experiment_schema, NEEDS(SUBMIT)},
    {HTTP_POST, API "experiments/validate", experiment_validate, HTTP_BODY_MEMORY,
     "what a definition comes to, without storing it",
     .input = &definition_schema, .examples = DEFINITIONS, .output = &experiment_validated_schema,
     NEEDS(READ)},
    {HTTP_GET, API "experiments.*", experiment_list, HTTP_BODY_NONE, "all experiments",
     .query = experiment_list_query, .output = &encode_experiment_schema, LIST, KEPT, NEEDS(READ)},
    {HTTP_DELETE, API "experiments", experiment_delete_many, HTTP_BODY_NONE,
     "delete experiments that ended before a time",
     .description = "With scope submit only one's own. Each goes in a transaction of its own: what a "
                    "crash leaves is deleted by asking again.",
     .query = experiment_delete_many_query, .output = &experiment_deleted_schema, ONCE,
     NEEDS(SUBMIT)},
    {HTTP_GET, EXPERIMENT, experiment_get, HTTP_BODY_NONE, "one experiment",
     .query = experiment_get_query, .output = &encode_experiment_schema, KEPT, NEEDS(READ)},
    {HTTP_PATCH, EXPERIMENT, experiment_patch, HTTP_BODY_MEMORY,
     "change its name, notes, tags or priority",
     .input = &experiment_labels_schema, .may_be_empty = true, .examples = LABELS,
     .output = &encode_experiment_schema, NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_DELETE, EXPERIMENT, experiment_delete, HTTP_BODY_NONE,
     "delete an experiment with its trials",
     .description = "409 while it runs, unless force is given.",
     .query = experiment_delete_query, STATUS(204), NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, EXPERIMENT "/pause", experiment_pause, HTTP_BODY_NONE,
     "let running folds end and start no others", STATUS(202), .output = &encode_experiment_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, EXPERIMENT "/resume", experiment_resume, HTTP_BODY_NONE,
     "go on after a pause", STATUS(202), .output = &encode_experiment_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, EXPERIMENT "/cancel", experiment_cancel, HTTP_BODY_NONE,
     "end it now; what is done is kept", STATUS(202), .output = &encode_experiment_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, EXPERIMENT "/extend", experiment_extend, HTTP_BODY_MEMORY,
     "more trials for a search that runs or has completed",
     .input = &experiment_extend_schema, .examples = MORE, STATUS(202),
     .output = &encode_experiment_schema, NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, EXPERIMENT "/clone", experiment_clone, HTTP_BODY_MEMORY,
     "a new experiment from an old one's definition and a merge patch",
     .input = &experiment_patch_schema, .may_be_empty = true, .examples = PATCH, STATUS(201),
     LOCATED, .output = &encode_experiment_schema, NEEDS(SUBMIT)},
    {HTTP_POST, EXPERIMENT "/prune", experiment_prune, HTTP_BODY_NONE,
     "drop the learning curves of an experiment that has ended",
     .description = "Scores, trials and folds stay, and so does what clients have reported. Curves "
                    "can be trained again from the same seeds.",
     .query = experiment_prune_query, .output = &experiment_pruned_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, EXPERIMENT "/unseal", experiment_unseal, HTTP_BODY_NONE,
     "score the best trial on the rows that were set aside, once",
     .description = "202 the first time; 200, with what came of it, after that.",
     STATUS(202, 200), LOCATED, .output = &encode_unsealed_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_GET, EXPERIMENT "/best", experiment_best, HTTP_BODY_NONE,
     "the best trial", .output = &encode_best_schema, KEPT, NEEDS(READ)},
    {HTTP_GET, EXPERIMENT "/trials.*", trial_list, HTTP_BODY_NONE, "its trials",
     .description = "As CSV there is no limit unless asked.",
     .query = trial_list_query, .output = &encode_trial_schema, LIST, KEPT, NEEDS(READ)},
    {HTTP_POST, EXPERIMENT "/ask", trial_ask, HTTP_BODY_MEMORY,
     "configurations to train elsewhere",
     .input = &trial_ask_schema, .may_be_empty = true, .examples = ASK, STATUS(201),
     .output = &trial_asked_schema, NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, EXPERIMENT "/trials", trial_import, HTTP_BODY_MEMORY,
     "trials that were trained elsewhere before",
     .input = &imports_schema, .examples = IMPORT, STATUS(201), .output = &trial_imported_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, TRIAL "/report", trial_report,
     HTTP_BODY_MEMORY, "an intermediate value of a trial",
     .input = &trial_report_schema, .examples = REPORT, .output = &trial_verdict_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_POST, TRIAL "/tell", trial_tell, HTTP_BODY_MEMORY,
     "what came of a trial",
     .input = &trial_tell_schema, .examples = TELL, .output = &trial_told_schema,
     NEEDS(SUBMIT), OWNED(EXPERIMENT)},
    {HTTP_GET, TRIAL, trial_get, HTTP_BODY_NONE,
     "one trial with its folds", .output = &encode_trial_schema, KEPT, NEEDS(READ)},
    {HTTP_GET, TRIAL "/curves.*", trial_curves, HTTP_BODY_NONE,
     "its learning curves", .output = &encode_curves_schema, KEPT, NEEDS(READ)},
    {HTTP_GET, EXPERIMENT "/importance.*", experiment_importance, HTTP_BODY_NONE,
     "how much each hyperparameter mattered for the score",
     .output = &experiment_importance_schema, KEPT, LONG, NEEDS(READ)},
    {HTTP_GET, EXPERIMENT "/folds.*", experiment_folds, HTTP_BODY_NONE, "the fold plan",
     .query = experiment_folds_query, .output = &experiment_fold_schema, LIST, KEPT, NEEDS(READ)},
    {HTTP_GET, EXPERIMENT "/export.db", experiment_export, HTTP_BODY_NONE,
     "this experiment alone as an SQLite file", .type = "application/vnd.sqlite3", LONG,
     NEEDS(READ)},
    {HTTP_GET, EXPERIMENT "/columns", experiment_columns, HTTP_BODY_NONE,
     "its trials as arrays, one for each column; ?since= for what has changed",
     .query = experiment_columns_query, .output = &experiment_columns_schema, KEPT, NEEDS(READ)},
    {HTTP_GET, EXPERIMENT "/events", experiment_events, HTTP_BODY_NONE,
     "what happens to it, as server-sent events",
     .description = "state, trial and progress; reset, of {}, where the last id is not of this "
                    "database: what is shown is to be loaded anew.",
     .query = events_query, .headers = events_headers, STREAM, .events = EVENTS, NEEDS(READ)},
    {HTTP_GET, API "events", service_events, HTTP_BODY_NONE,
     "what happens to all experiments, as server-sent events",
     .description = "state, and progress of those that run; reset, of {}, where states after the "
                    "last id are forgotten: what is shown is to be loaded anew.",
     .query = events_query, .headers = events_headers, STREAM, .events = ALL_EVENTS, NEEDS(READ)},
    {HTTP_GET, EXPERIMENT "/watch", experiment_watch, HTTP_BODY_NONE,
     "progress as text until it ends", TEXT, .goes_on = true, NEEDS(READ)},

    {HTTP_GET, API "session", session_get, HTTP_BODY_NONE, "who one is", .output = &session_schema,
     NEEDS(READ)},
    {HTTP_POST, API "session", session_begin, HTTP_BODY_MEMORY, "log in with a token, for browsers",
     .description = "The answer sets a cookie that no script can read. Where no token is needed "
                    "none is checked, and no cookie set.",
     .input = &session_login_schema, .examples = LOGIN, .output = &session_schema, SECRET,
     NEEDS(OPEN)},
    {HTTP_DELETE, API "session", session_end, HTTP_BODY_NONE, "log out", STATUS(204), NEEDS(OPEN)},
    {HTTP_GET, API "tokens.*", token_list, HTTP_BODY_NONE, "all tokens, without their secrets",
     .query = token_list_query, .output = &token_schema, LIST, KEPT, NEEDS(ADMIN)},
    {HTTP_POST, API "tokens", token_create, HTTP_BODY_MEMORY, "make a token, which is shown once",
     .description = "With the first one, calls begin to need one.",
     .input = &token_wish_schema, .examples = WISH, STATUS(201), .output = &token_schema, SECRET,
     NEEDS(ADMIN)},
    {HTTP_DELETE, API "tokens/{token}", token_revoke, HTTP_BODY_NONE,
     "revoke a token, or all of a label",
     .description = "It ends at once, with its sessions and open streams.", STATUS(204), NEEDS(ADMIN)},
};
/* clang-format on */
enum { N_ROUTES = sizeof ROUTES / sizeof *ROUTES };
_Static_assert((int)N_ROUTES < (int)METRICS_ROUTES_MAX, "room for each, and for what has none");

static const char *const METHODS[HTTP_N_METHODS] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

size_t route_count(void)
{
    return N_ROUTES;
}

const struct route *route_at(size_t i)
{
    return &ROUTES[i];
}

const char *route_method_name(enum http_method method)
{
    return METHODS[method];
}

bool route_is_done_once(const struct route *route)
{
    return (route->method == HTTP_POST || route->is_once) && !route->is_secret;
}

/* ---- patterns ---------------------------------------------------------------------------- */

/* The pattern's segment that begins at p, and where the next one begins (NULL at the end). */
static const char *next_segment(const char *p, size_t *length)
{
    const char *slash = strchr(p, '/');

    *length = slash ? (size_t)(slash - p) : strlen(p);
    return slash ? slash + 1 : NULL;
}

bool route_has_forms(const struct route *route)
{
    size_t n = strlen(route->pattern);

    return n > 2 && strcmp(route->pattern + n - 2, ".*") == 0;
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

static bool is_literal(const struct route *route)
{
    return !strchr(route->pattern, '{');
}

/* A path that is written out in the table is no value of a variable: experiments/validate. */
static const struct route *find_route(enum http_method method, size_t n,
                                      const char *const *segments)
{
    const struct route *found = NULL;
    bool is_written_out = false;

    for (size_t i = 0; i < N_ROUTES; i++) {
        if (!matches(&ROUTES[i], n, segments))
            continue;
        if (is_literal(&ROUTES[i]) && !is_written_out) {
            is_written_out = true;
            found = NULL;
        }
        if (ROUTES[i].method == method && (is_literal(&ROUTES[i]) || !is_written_out))
            found = &ROUTES[i];
    }
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
    *route = NULL;
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

static bool is_long(const void *route)
{
    return ((const struct route *)route)->is_long;
}

static void answer_error(struct call *c, const struct error *e)
{
    unsigned status = problem_status(e->code);
    const struct log_field fields[] = {
        {"id", c->q->id, 0}, {"status", NULL, status}, {"detail", e->detail, 0}};
    struct http_pair told = {0};
    struct buf out = {0};

    if (status >= 500)
        log_fields(LOG_ERROR, e->message, e->detail[0] ? 3 : 2, fields);
    access_tell(e->code, &told);
    if (told.value)
        (void)http_respond_header(c->r, told.name, told.value); /* of ours: it can stand */
    if (status == 503)
        (void)http_respond_header(c->r, "Retry-After", "1");
    problem_write(&out, status, e->message, c->q->path, c->q->id, &c->faults);
    http_respond(c->r, status, "application/problem+json", buf_text(&out), out.length);
    buf_finish(&out);
}

/* Before recovery is done there is little to ask, and while draining nothing new begins; one that
 * waited is told how things stand. */
static bool is_open(const struct call *c)
{
    const struct route *route = c->q->route;

    return route->is_always_open || c->q->last_try || atomic_load(&c->api->ready);
}

/* Whether the last segment names no form, so that Accept chooses it. */
static bool is_negotiated(const struct route *route, const struct http_request *q)
{
    return route_has_forms(route) && !strchr(q->segments[q->n_segments - 1], '.');
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

    if (!is_open(c))
        return error_set(e, ERR_BUSY, "the daemon is starting or stopping");
    TRY(access_holds(c, e));
    c->form = form_wanted(q->segments[q->n_segments - 1], http_header(q, "Accept"));
    c->is_kept = route->kept && c->form == FORM_JSON;
    c->changes = store_changes(c->api->store);
    if (is_negotiated(route, q))
        (void)http_respond_header(c->r, "Vary", "Accept");
    if (kept_answer(c))
        return ERR_OK;
    if (!route->is_page)
        call_check_known(c, q->query, q->n_query);
    if (!route->query)
        TRY(faults_check(&c->faults, e)); /* else the handler adds what its parameters lack */
    if (route->is_secret && http_header(q, "Idempotency-Key"))
        return error_set(e, ERR_INVALID,
                         "an Idempotency-Key has no use here: the answer is given once and kept "
                         "nowhere");
    return route_is_done_once(route) ? once_run(c, act, e) : act(c, e);
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

static void write_log(void *ctx, const void *route, const char *id, const char *method,
                      const char *path, unsigned status, uint64_t body_bytes, double seconds)
{
    const struct route *found = route;
    const struct log_field fields[] = {
        {"id", id, 0},
        {"method", method, 0},
        {"path", path, 0},
        {"route", found ? found->pattern : "", 0},
        {"status", NULL, status},
        {"bytes", NULL, (int64_t)body_bytes},
        {"microseconds", NULL, (int64_t)(1e6 * seconds)},
    };

    (void)ctx;
    metrics_count(found ? (size_t)(found - ROUTES) : N_ROUTES, status, seconds);
    log_fields(LOG_DEBUG, "request", sizeof fields / sizeof *fields, fields);
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
    encode_setup(api->config->base_path);
    api->kept = kept_create();
    api->onces = onces_create();
    return (struct http_router){
        .ctx = api,
        .match = match,
        .is_long = is_long,
        .admit = access_admit,
        .handle = handle,
        .problem = problem,
        .log = write_log,
        .complain = complain,
    };
}
