/*
 * The service itself: whether it lives, what it is, and every name that it knows, so that a client
 * needs no other documentation.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/linalg/kernel.h"
#include "core/nn/metric.h"
#include "core/search/sampler.h"
#include "core/train/hyper.h"
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

/* ---- what it knows ----------------------------------------------------------------------- */

static const char *type_name(const struct hyper *h)
{
    switch (h->type) {
    case HYPER_INT:
        return "integer";
    case HYPER_REAL:
        return "number";
    case HYPER_BOOL:
        return "boolean";
    case HYPER_CHOICE:
        return "string";
    case HYPER_WIDTHS:
        return "array of integers";
    }
    return NULL;
}

static void describe_words(struct json *j, const char *key, const char *const *words)
{
    json_array_inline(j, key);
    for (; words && *words; words++)
        json_string(j, NULL, *words);
    json_end(j);
}

static void describe_kind(struct json *j, const char *name, const char *summary)
{
    json_object_inline(j, NULL);
    json_string(j, "name", name);
    json_string(j, "description", summary);
    json_end(j);
}

static void describe_hyper(struct json *j, const struct hyper *h)
{
    bool has_range = h->type == HYPER_INT || h->type == HYPER_REAL || h->type == HYPER_WIDTHS;

    json_object(j, NULL);
    json_string(j, "name", h->name);
    json_string(j, "description", h->summary);
    json_string(j, "type", type_name(h));
    json_raw(j, "default", h->default_json);
    if (has_range) {
        json_double(j, "min", h->min);
        json_double(j, "max", h->max);
    }
    if (h->above_min)
        json_bool(j, "above_min", true);
    if (h->below_max)
        json_bool(j, "below_max", true);
    if (h->choices)
        describe_words(j, "choices", h->choices);
    if (h->may_be_false)
        json_bool(j, "may_be_false", true);
    json_bool(j, "per_layer", h->per_layer);
    if (h->gate) {
        json_string(j, "used_with", h->gate);
        describe_words(j, "used_with_values", h->gate_choices);
    }
    json_end(j);
}

static void write_hypers(const void *in, struct json *j, const char *key)
{
    (void)in;
    json_array(j, key);
    for (size_t i = 0; i < hyper_count(); i++)
        describe_hyper(j, hyper_at(i));
    json_end(j);
}

/* The choices of the hyperparameter of that name. */
static void write_choices(const char *name, struct json *j, const char *key)
{
    const struct hyper *h;
    size_t layer;

    (void)hyper_find(name, &h, &layer, NULL); /* the table has it */
    describe_words(j, key, h->choices);
}

#define CHOICES(name)                                                                              \
    static void write_##name(const void *in, struct json *j, const char *key)                      \
    {                                                                                              \
        (void)in;                                                                                  \
        write_choices(#name, j, key);                                                              \
    }

CHOICES(activation)
CHOICES(optimizer)
CHOICES(init)
CHOICES(loss)
CHOICES(schedule)
CHOICES(scaling)
CHOICES(impute)
CHOICES(class_weight)

/* Where there are several targets. */
static void describe_single(struct json *j, const struct metric *m)
{
    char name[40];

    (void)snprintf(name, sizeof name, "%s:NAME", m->name);
    json_string(j, "of_one_target", name);
}

static void write_metrics(const void *in, struct json *j, const char *key)
{
    (void)in;
    json_array(j, key);
    for (size_t i = 0; i < metric_count(); i++) {
        const struct metric *m = metric_at(i);

        json_object_inline(j, NULL);
        json_string(j, "name", m->name);
        json_string(j, "description", m->summary);
        json_string(j, "task", table_task_name(m->task));
        json_string(j, "direction", m->maximize ? "maximize" : "minimize");
        if (m->task == TASK_REGRESSION)
            describe_single(j, m);
        json_end(j);
    }
    json_end(j);
}

/* What a pruner of reported values can be. */
static void describe_reports(struct json *j)
{
    json_array(j, "pruners");
    for (const struct reports_kind *const *k = reports_kinds; *k; k++) {
        json_object(j, NULL);
        json_string(j, "name", (*k)->name);
        json_string(j, "description", (*k)->summary);
        json_string(j, "compares", (*k)->race ? "folds" : "steps");
        field_document(definition_reports_fields(*k), FIELD_REQUEST, j, "settings");
        json_end(j);
    }
    json_end(j);
}

static void write_ask_and_tell(const void *in, struct json *j, const char *key)
{
    (void)in;
    json_object(j, key);
    json_string(j, "description",
                "an experiment with \"objective\" in place of dataset and metric: its trials are "
                "trained elsewhere");
    json_array_inline(j, "objective");
    json_string(j, NULL, "name");
    json_string(j, NULL, "direction");
    json_string(j, NULL, "folds");
    json_string(j, NULL, "steps");
    json_string(j, NULL, "lease_seconds");
    json_end(j);
    describe_reports(j);
    json_end(j);
}

/* What may end a search or a trial, beside an empty space. */
static void write_budgets(const void *in, struct json *j, const char *key)
{
    static const char *const BUDGETS[][2] = {
        {"trials", "the total wanted"},
        {"seconds", "of running, without pauses"},
        {"trial_seconds", "of a trial's training, all folds together"},
        {"trial_weights", "larger networks are not tried"},
    };

    (void)in;
    json_array(j, key);
    for (size_t i = 0; i < sizeof BUDGETS / sizeof *BUDGETS; i++)
        describe_kind(j, BUDGETS[i][0], BUDGETS[i][1]);
    json_end(j);
}

static void write_samplers(const void *in, struct json *j, const char *key)
{
    (void)in;
    json_array(j, key);
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++)
        describe_kind(j, (*k)->name, (*k)->summary);
    json_end(j);
}

static void write_pruners(const void *in, struct json *j, const char *key)
{
    (void)in;
    json_array(j, key);
    describe_kind(j, "none", "every trial trains all its folds");
    for (const struct pruner_kind *const *k = pruner_kinds; *k; k++)
        describe_kind(j, (*k)->name, (*k)->summary);
    json_end(j);
}

static void write_splits(const void *in, struct json *j, const char *key)
{
    (void)in;
    describe_words(j, key, split_kind_names());
}

/* ---- the whole --------------------------------------------------------------------------- */

static void document_object(struct json *j)
{
    json_string(j, "type", "object");
}

/* What has a name and a description, and perhaps more. */
static void document_kinds(struct json *j)
{
    json_string(j, "type", "array");
    json_object(j, "items");
    document_object(j);
    json_array_inline(j, "required");
    json_string(j, NULL, "name");
    json_string(j, NULL, "description");
    json_end(j);
    json_object(j, "properties");
    for (int i = 0; i < 2; i++) {
        json_object_inline(j, i == 0 ? "name" : "description");
        field_document_text(j);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

#define WORDS(name, writer) {.key = name, .type = FIELD_OTHER, .document = field_document_texts, .write = writer}
#define KINDS(name, writer) {.key = name, .type = FIELD_OTHER, .document = document_kinds, .write = writer}

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
    KINDS("hyperparameters", write_hypers),
    WORDS("activations", write_activation),
    WORDS("optimizers", write_optimizer),
    WORDS("initializers", write_init),
    WORDS("losses", write_loss),
    WORDS("schedules", write_schedule),
    WORDS("scalings", write_scaling),
    WORDS("imputations", write_impute),
    WORDS("class_weights", write_class_weight),
    KINDS("metrics", write_metrics),
    KINDS("samplers", write_samplers),
    KINDS("pruners", write_pruners),
    WORDS("cross_validation", write_splits),
    KINDS("budgets", write_budgets),
    {.key = "ask_and_tell", .type = FIELD_OTHER, .document = document_object,
     .write = write_ask_and_tell},
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
