/*
 * GET /metrics: what happened since the start and how things stand, in the text format of
 * Prometheus. Counters are atomics; what the database knows is read from it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "server/api/handlers.h"
#include "server/api/routes.h"
#include "server/histogram.h"
#include "server/process.h"
#include "server/store/store_census.h"

enum { CLASSES = 6, LABELS_BYTES = 256 }; /* of statuses: 2 for 2xx */

/* By route; what found none stands behind the last one. */
static struct {
    atomic_uint_fast64_t answers[CLASSES];
    struct histogram seconds;
} counts[METRICS_ROUTES_MAX];

void metrics_count(size_t i, unsigned status, double seconds)
{
    atomic_fetch_add_explicit(&counts[i].answers[status / 100 % CLASSES], 1, memory_order_relaxed);
    histogram_add(&counts[i].seconds, seconds);
}

/* ---- the format -------------------------------------------------------------------------- */

static void begin(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* `labels` is empty or {name="value"}. What cannot be told is left out. */
static void value(struct buf *out, const char *name, const char *labels, double x)
{
    char text[32];

    if (isnan(x))
        return;
    buf_format_double(x, text);
    buf_printf(out, "%s%s %s\n", name, labels, isinf(x) ? "+Inf" : text);
}

static void label(char labels[LABELS_BYTES], const char *name, const char *text)
{
    (void)snprintf(labels, LABELS_BYTES, "{%s=\"%s\"}", name, text); /* short words */
}

/* A metric of one value. */
static void single(struct buf *out, const char *name, const char *type, const char *help, double x)
{
    if (isnan(x))
        return;
    begin(out, name, type, help);
    value(out, name, "", x);
}

/* `labels` are without brackets, and may be empty. */
static void histogram(struct buf *out, const char *name, const char *labels, struct histogram *h)
{
    const char *comma = labels[0] ? "," : "", *open = labels[0] ? "{" : "",
               *close = labels[0] ? "}" : "";
    char number[32];
    uint64_t sum = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        sum += atomic_load(&h->n[i]);
        buf_format_double(histogram_bounds[i], number);
        buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, comma, number, sum);
    }
    sum += atomic_load(&h->n[HISTOGRAM_BUCKETS]);
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, comma, sum);
    buf_format_double((double)atomic_load(&h->sum_us) / 1e6, number);
    buf_printf(out, "%s_sum%s%s%s %s\n", name, open, labels, close, number);
    buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, labels, close, sum);
}

/* ---- requests ---------------------------------------------------------------------------- */

/* The labels of a route, without brackets. */
static void route_labels(size_t i, char out[LABELS_BYTES])
{
    const struct route *r = i < route_count() ? route_at(i) : NULL;

    (void)snprintf(out, LABELS_BYTES, "method=\"%s\",route=\"%s\"",
                   r ? route_method_name(r->method) : "", r ? r->pattern : ""); /* short patterns */
}

static bool was_asked(size_t i)
{
    for (size_t k = 0; k < CLASSES; k++)
        if (atomic_load(&counts[i].answers[k]) > 0)
            return true;
    return false;
}

static void write_requests(struct buf *out)
{
    char labels[LABELS_BYTES];

    begin(out, "sweepd_http_requests_total", "counter",
          "Answers by route and class of status; no route: what found none.");
    for (size_t i = 0; i <= route_count(); i++) {
        route_labels(i, labels);
        for (unsigned k = 0; k < CLASSES; k++) {
            uint64_t n = atomic_load(&counts[i].answers[k]);

            if (n > 0)
                buf_printf(out, "sweepd_http_requests_total{%s,status=\"%uxx\"} %" PRIu64 "\n",
                           labels, k, n);
        }
    }
    begin(out, "sweepd_http_request_duration_seconds", "histogram",
          "From the first line of a request to the end of its answer.");
    for (size_t i = 0; i <= route_count(); i++) {
        route_labels(i, labels);
        if (was_asked(i))
            histogram(out, "sweepd_http_request_duration_seconds", labels, &counts[i].seconds);
    }
}

/* ---- work -------------------------------------------------------------------------------- */

static void write_folds(struct buf *out, const struct jobs_facts *f)
{
    begin(out, "sweepd_folds_total", "counter",
          "Folds that were stored since the start: trained, without a score, or copied.");
    value(out, "sweepd_folds_total", "{result=\"completed\"}", (double)f->folds_completed);
    value(out, "sweepd_folds_total", "{result=\"failed\"}", (double)f->folds_failed);
    value(out, "sweepd_folds_total", "{result=\"reused\"}", (double)f->folds_reused);
}

static void write_jobs(struct buf *out, struct api *api)
{
    struct jobs_facts f = jobs_facts(api->jobs);
    char why[512];

    write_folds(out, &f);
    single(out, "sweepd_training_seconds_total", "counter", "Of folds that were stored.",
           f.training_seconds);
    single(out, "sweepd_folds_queued", "gauge", "Folds that wait for a worker.",
           (double)f.folds_queued);
    single(out, "sweepd_workers", "gauge", "Threads that train.", api->config->threads);
    single(out, "sweepd_workers_busy", "gauge", "Threads that have a fold, or several at once.",
           (double)f.workers_busy);
    begin(out, "sweepd_writer_transaction_duration_seconds", "histogram",
          "Transactions that write, those that failed included.");
    histogram(out, "sweepd_writer_transaction_duration_seconds", "", f.transactions);
    single(out, "sweepd_writer_transactions_failed_total", "counter", "Of them, those that failed.",
           (double)f.transactions_failed);
    single(out, "sweepd_writes_queued", "gauge", "Writes that wait for a transaction.",
           (double)f.writes_queued);
    single(out, "sweepd_cache_bytes", "gauge", "Tables and prepared folds in memory.",
           (double)f.cache_bytes);
    single(out, "sweepd_cache_limit_bytes", "gauge", "What they may take.",
           (double)api->config->memory_bytes);
    single(out, "sweepd_degraded", "gauge", "1 while results cannot be written.",
           jobs_degraded(api->jobs, why));
}

/* ---- the database ------------------------------------------------------------------------ */

static void write_states(struct buf *out, const char *name, const char *help, size_t n,
                         const struct census_line *lines)
{
    char labels[LABELS_BYTES];

    begin(out, name, "gauge", help);
    for (size_t i = 0; i < n; i++) {
        label(labels, "state", lines[i].state);
        value(out, name, labels, (double)lines[i].count);
    }
}

static enum err write_database(struct call *c, struct buf *out, struct error *e)
{
    struct store_facts facts;
    struct census census;

    TRY(store_facts(c->api->store, &facts, e));
    TRY(call_reader(c, e));
    TRY(store_census(c->reader, c->q->arena, &census, e));
    call_release(c);
    write_states(out, "sweepd_experiments", "Experiments in the database by state.",
                 census.n_experiments, census.experiments);
    write_states(out, "sweepd_trials", "Trials in the database by state.", census.n_trials,
                 census.trials);
    single(out, "sweepd_database_bytes", "gauge", "Of the database's file.",
           (double)facts.database_bytes);
    single(out, "sweepd_database_free_bytes", "gauge", "Of it, those that are free.",
           (double)(facts.free_pages * facts.page_bytes));
    single(out, "sweepd_wal_bytes", "gauge", "Of the write-ahead log.", (double)facts.wal_bytes);
    return ERR_OK;
}

/* ---- the process ------------------------------------------------------------------------- */

static void write_process(struct buf *out)
{
    struct process_facts p = process_facts();

    single(out, "process_cpu_seconds_total", "counter", "Of all threads, user and system.",
           p.cpu_seconds);
    single(out, "process_start_time_seconds", "gauge", "When it started, since 1970 UTC.",
           p.start_seconds);
    single(out, "process_resident_memory_bytes", "gauge", "Memory in use.", p.resident_bytes);
    single(out, "process_virtual_memory_bytes", "gauge", "Memory that has addresses.",
           p.virtual_bytes);
    single(out, "process_threads", "gauge", "Threads.", p.threads);
    single(out, "process_open_fds", "gauge", "Open file descriptors.", p.open_fds);
    single(out, "process_max_fds", "gauge", "How many may be open.", p.max_fds);
}

static void write_build(struct buf *out, const struct api *api)
{
    begin(out, "sweepd_build_info", "gauge", "1; the labels tell the build.");
    buf_printf(out, "sweepd_build_info{version=\"%s\",kernel=\"%s\",compiler=\"%s\"} 1\n",
               SWEEPD_VERSION, api->kernel->name, __VERSION__);
}

enum err metrics_get(struct call *c, struct error *e)
{
    CLEANUP(buf_finish) struct buf out = {0};

    write_build(&out, c->api);
    write_jobs(&out, c->api);
    TRY(write_database(c, &out, e));
    write_requests(&out);
    write_process(&out);
    TRY(buf_check(&out, e));
    http_respond(c->r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&out),
                 out.length);
    return ERR_OK;
}
