/*
 * The service itself: whether it lives, what it is, and every name that it knows, so that a client
 * needs no other documentation.
 */
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

    if (!atomic_load(&c->api->ready))
        return error_set(e, ERR_BUSY, "starting, or draining");
    return say(c, 200, jobs_degraded(c->api->jobs, why) ? "ok, but degraded\n" : "ok\n");
}

/* ---- what this build is ------------------------------------------------------------------ */

static void describe_libraries(struct json *j)
{
    json_object(j, "libraries");
    json_string(j, "libmicrohttpd", http_library_version());
    json_string(j, "sqlite", store_sqlite_version());
    json_string(j, "cjson", json_library_version());
    json_end(j);
}

static void describe_machine(struct json *j, const struct api *api)
{
    CLEANUP(buf_finish) struct buf names = {0};

    kernel_names(&names);
    json_i64(j, "cores", machine_threads());
    json_i64(j, "threads", api->config->threads);
    json_string(j, "kernel", api->kernel->name);
    json_string(j, "kernels", buf_text(&names));
    json_i64(j, "memory_bytes", (int64_t)api->config->memory_bytes);
}

static enum err describe_database(struct json *j, struct api *api, struct error *e)
{
    struct store_facts facts;

    TRY(store_facts(api->store, &facts, e));
    json_object(j, "database");
    json_string(j, "path", facts.path);
    json_i64(j, "schema", facts.schema_version);
    json_i64(j, "database_bytes", facts.database_bytes);
    json_i64(j, "wal_bytes", facts.wal_bytes);
    json_end(j);
    return ERR_OK;
}

/* null where there is none. */
static void describe_limit(struct json *j, const char *key, uint64_t limit)
{
    if (limit > 0)
        json_i64(j, key, (int64_t)limit);
    else
        json_null(j, key);
}

static void describe_limits(struct json *j, const struct api *api)
{
    json_object(j, "limits");
    json_i64(j, "json_bytes", LIMIT_JSON_BYTES);
    json_i64(j, "upload_bytes", LIMIT_UPLOAD_BYTES);
    json_i64(j, "table_bytes", (int64_t)api->config->memory_bytes);
    json_i64(j, "streams", LIMIT_STREAMS);
    describe_limit(j, "owner_running", api->config->max_owner_running);
    describe_limit(j, "owner_bytes", api->config->max_owner_bytes);
    json_i64(j, "trials", DEFINITION_TRIALS_MAX);
    json_i64(j, "concurrency", DEFINITION_CONCURRENCY_MAX);
    json_end(j);
}

static void describe_state(struct json *j, const struct api *api)
{
    char why[512];
    bool degraded = jobs_degraded(api->jobs, why);

    json_string(j, "state", degraded ? "degraded" : "ok");
    json_string(j, "reason", degraded ? why : NULL);
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

static void describe_hypers(struct json *j)
{
    static const char *const LISTS[][2] = {
        {"activation", "activations"}, {"optimizer", "optimizers"},
        {"init", "initializers"},      {"loss", "losses"},
        {"schedule", "schedules"},     {"scaling", "scalings"},
        {"impute", "imputations"},     {"class_weight", "class_weights"},
    };

    json_array(j, "hyperparameters");
    for (size_t i = 0; i < hyper_count(); i++)
        describe_hyper(j, hyper_at(i));
    json_end(j);
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        const struct hyper *h;
        size_t layer;

        if (hyper_find(LISTS[i][0], &h, &layer, NULL) == ERR_OK)
            describe_words(j, LISTS[i][1], h->choices);
    }
}

/* Where there are several targets. */
static void describe_single(struct json *j, const struct metric *m)
{
    char name[40];

    (void)snprintf(name, sizeof name, "%s:NAME", m->name);
    json_string(j, "of_one_target", name);
}

static void describe_metrics(struct json *j)
{
    json_array(j, "metrics");
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
        field_document(definition_reports_fields(*k), j, "settings");
        json_end(j);
    }
    json_end(j);
}

static void describe_ask_and_tell(struct json *j)
{
    json_object(j, "ask_and_tell");
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
static void describe_budgets(struct json *j)
{
    static const char *const BUDGETS[][2] = {
        {"trials", "the total wanted"},
        {"seconds", "of running, without pauses"},
        {"trial_seconds", "of a trial's training, all folds together"},
        {"trial_weights", "larger networks are not tried"},
    };

    json_array(j, "budgets");
    for (size_t i = 0; i < sizeof BUDGETS / sizeof *BUDGETS; i++) {
        json_object_inline(j, NULL);
        json_string(j, "name", BUDGETS[i][0]);
        json_string(j, "description", BUDGETS[i][1]);
        json_end(j);
    }
    json_end(j);
}

static void describe_search(struct json *j)
{
    json_array(j, "samplers");
    for (const struct sampler_kind *const *k = sampler_kinds; *k; k++) {
        json_object_inline(j, NULL);
        json_string(j, "name", (*k)->name);
        json_string(j, "description", (*k)->summary);
        json_end(j);
    }
    json_end(j);
    json_array(j, "pruners");
    json_object_inline(j, NULL);
    json_string(j, "name", "none");
    json_string(j, "description", "every trial trains all its folds");
    json_end(j);
    for (const struct pruner_kind *const *k = pruner_kinds; *k; k++) {
        json_object_inline(j, NULL);
        json_string(j, "name", (*k)->name);
        json_string(j, "description", (*k)->summary);
        json_end(j);
    }
    json_end(j);
    describe_words(j, "cross_validation", split_kind_names());
}

enum err service_describe(struct call *c, struct error *e)
{
    struct buf out = {0};
    struct json j;

    json_init(&j, &out);
    json_object(&j, NULL);
    json_string(&j, "name", "sweepd");
    json_string(&j, "version", SWEEPD_VERSION);
    json_string(&j, "build", BUILD);
    describe_state(&j, c->api);
    describe_libraries(&j);
    describe_machine(&j, c->api);
    if (describe_database(&j, c->api, e) != ERR_OK) {
        buf_finish(&out);
        return e->code;
    }
    describe_limits(&j, c->api);
    describe_hypers(&j);
    describe_metrics(&j);
    describe_search(&j);
    describe_budgets(&j);
    describe_ask_and_tell(&j);
    json_end(&j);
    return call_json(c, 200, &out, e);
}
