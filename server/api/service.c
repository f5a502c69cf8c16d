/*
 * The service itself: whether it lives, and what it is.
 */
#include <math.h>
#include <string.h>

#include "core/linalg/kernel.h"
#include "server/api/catalogue.h"
#include "server/api/handlers.h"
#include "server/machine.h"
#include "server/schema/definition.h"

#ifdef __OPTIMIZE__
static const char BUILD[] = "optimized, compiler " __VERSION__;
#else
static const char BUILD[] = "not optimized, compiler " __VERSION__;
#endif

static enum err say(struct call *c, unsigned status, const char *text)
{
    http_respond(c->r, status, "text/plain; charset=utf-8", text, strlen(text));
    return ERR_OK;
}

enum err service_health(struct call *c, struct error *e)
{
    (void)e;
    return say(c, 200, "ok\n");
}

enum err service_ready(struct call *c, struct error *e)
{
    char why[512];

    (void)e; /* that it is not ready is said of any call */
    return say(c, 200, jobs_degraded(c->api->jobs, why) ? "ok, but degraded\n" : "ok\n");
}

/* ---- what this build is ------------------------------------------------------------------ */

/* All that is told. */
struct service {
    const char *name, *version, *build, *state, *reason, *kernel, *kernels;
    const char *microhttpd, *sqlite, *cjson;
    int64_t cores, threads, memory_bytes;
    struct store_facts facts;
    int64_t schema, json_bytes, upload_bytes, streams, trials, concurrency;
    double owner_running, owner_bytes; /* NaN: no limit */
};

/* clang-format off */
static const struct field library_fields[] = {
    FIELD("libmicrohttpd", TEXT, service, microhttpd, .summary = "version"),
    FIELD("sqlite", TEXT, service, sqlite, .summary = "version"),
    FIELD("cjson", TEXT, service, cjson, .summary = "version"),
    {.key = NULL},
};

static const struct field database_fields[] = {
    FIELD("path", TEXT, service, facts.path, .summary = "absolute"),
    FIELD("schema", INT, service, schema, .summary = "its version"),
    FIELD("database_bytes", INT, service, facts.database_bytes, .summary = "of the file"),
    FIELD("wal_bytes", INT, service, facts.wal_bytes, .summary = "of the write-ahead log"),
    FIELD("has_wal_reset_bug", BOOL, service, facts.has_wal_reset_bug,
          .summary = "whether SQLite is older than its fix of 2026; then no other program may write"),
    {.key = NULL},
};

static const struct field limit_fields[] = {
    FIELD("json_bytes", INT, service, json_bytes, .summary = "of a JSON body"),
    FIELD("upload_bytes", INT, service, upload_bytes, .summary = "of an upload"),
    FIELD("table_bytes", INT, service, memory_bytes, .summary = "of a table in memory"),
    FIELD("streams", INT, service, streams, .summary = "open at a time, waiting requests included"),
    FIELD("owner_running", REAL, service, owner_running, .nullable = true,
          .summary = "experiments of one owner that go on at a time; null: no limit"),
    FIELD("owner_bytes", REAL, service, owner_bytes, .nullable = true,
          .summary = "of all data sets of one owner; null: no limit"),
    FIELD("trials", INT, service, trials, .summary = "of a budget"),
    FIELD("concurrency", INT, service, concurrency, .summary = "of a definition"),
    {.key = NULL},
};
/* clang-format on */

/* Their members are the service's own. */
static void write_part(const struct field *fields, const void *in, struct json *j, const char *key)
{
    json_object(j, key);
    field_encode(fields, in, j);
    json_end(j);
}

static void write_libraries(const void *in, struct json *j, const char *key)
{
    write_part(library_fields, in, j, key);
}

static void write_database(const void *in, struct json *j, const char *key)
{
    write_part(database_fields, in, j, key);
}

static void write_limits(const void *in, struct json *j, const char *key)
{
    write_part(limit_fields, in, j, key);
}

/* ---- the whole --------------------------------------------------------------------------- */

#define LISTED(name)                                                                               \
    {                                                                                              \
        .key = name, .type = FIELD_OTHER, .document = catalogue_document, .write = catalogue_write \
    }

/* clang-format off */
static const struct field service_fields[] = {
    FIELD("name", TEXT, service, name, .summary = "sweepd"),
    FIELD("version", TEXT, service, version, .summary = "of the build"),
    FIELD("build", TEXT, service, build, .summary = "how it was compiled"),
    FIELD("state", TEXT, service, state, .summary = "ok or degraded"),
    FIELD("reason", TEXT, service, reason, .nullable = true, .summary = "why it is degraded"),
    {.key = "libraries", .type = FIELD_OTHER, .fields = library_fields, .write = write_libraries},
    FIELD("cores", INT, service, cores, .summary = "that it may use"),
    FIELD("threads", INT, service, threads, .summary = "that train"),
    FIELD("kernel", TEXT, service, kernel, .summary = "in use"),
    FIELD("kernels", TEXT, service, kernels, .summary = "that this build has for this processor"),
    FIELD("memory_bytes", INT, service, memory_bytes, .summary = "for tables and prepared folds"),
    {.key = "database", .type = FIELD_OTHER, .fields = database_fields, .write = write_database},
    {.key = "limits", .type = FIELD_OTHER, .fields = limit_fields, .write = write_limits},
    LISTED("hyperparameters"),
    LISTED("activations"),
    LISTED("optimizers"),
    LISTED("initializers"),
    LISTED("losses"),
    LISTED("schedules"),
    LISTED("scalings"),
    LISTED("imputations"),
    LISTED("class_weights"),
    LISTED("metrics"),
    LISTED("samplers"),
    LISTED("pruners"),
    LISTED("cross_validation"),
    LISTED("budgets"),
    {.key = "ask_and_tell", .type = FIELD_OTHER, .document = catalogue_document_ask_and_tell,
     .write = catalogue_write_ask_and_tell},
    {.key = NULL},
};
/* clang-format on */

const struct schema service_schema = {
    .name = "Service", .fields = service_fields, .summary = "What this build is, and knows."};

/* In an option 0 is none. */
static double limit(uint64_t option)
{
    return option > 0 ? (double)option : (double)NAN;
}

enum err service_describe(struct call *c, struct error *e)
{
    CLEANUP(buf_finish) struct buf kernels = {0};
    const struct api *api = c->api;
    char why[512];
    bool degraded = jobs_degraded(api->jobs, why);
    struct service s = {
        .name = "sweepd",
        .version = SWEEPD_VERSION,
        .build = BUILD,
        .state = degraded ? "degraded" : "ok",
        .reason = degraded ? why : NULL,
        .microhttpd = http_library_version(),
        .sqlite = store_sqlite_version(),
        .cjson = json_library_version(),
        .cores = machine_threads(),
        .threads = api->config->threads,
        .kernel = api->kernel->name,
        .memory_bytes = (int64_t)api->config->memory_bytes,
        .json_bytes = LIMIT_JSON_BYTES,
        .upload_bytes = LIMIT_UPLOAD_BYTES,
        .streams = LIMIT_STREAMS,
        .owner_running = limit(api->config->max_owner_running),
        .owner_bytes = limit(api->config->max_owner_bytes),
        .trials = DEFINITION_TRIALS_MAX,
        .concurrency = DEFINITION_CONCURRENCY_MAX,
    };

    TRY(store_facts(api->store, &s.facts, e));
    s.schema = s.facts.schema_version;
    kernel_names(&kernels);
    s.kernels = buf_text(&kernels);
    return call_object(c, 200, service_fields, &s, e);
}
