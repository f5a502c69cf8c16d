#include "server/schema/plan.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/base/words.h"
#include "core/train/hyper.h"
#include "core/train/train.h"

enum {
    TRIALS_SEEN = 1000,      /* of a larger search, these many stand for all */
    POINTS_JUDGED = 1 << 17, /* so many are refused in a second or so: then those seen must do */
    COARSE_ROWS = 500        /* of a fold: below, one row changes an accuracy by more than 0.002 */
};

/* What is summed up over the trials. */
struct survey {
    const struct definition_facts *facts;
    const struct plan_facts *machine;
    struct plan *plan;
    size_t longest;      /* epochs of the run that others share; 0: none does */
    double work;         /* of one fold of each trial seen */
    uint64_t most_bytes; /* of one training */
    int64_t seen;
};

static enum err survey_trial(struct survey *v, const struct params *p, struct error *e)
{
    const struct plan_facts *m = v->machine;
    struct spec s;
    uint64_t weights, bytes;

    TRY(hyper_spec(p, v->facts->task, v->facts->n_rows, &s, e));
    weights = train_weight_count(&s, v->facts->task, m->n_features, m->n_outputs);
    bytes =
        train_bytes(&s, v->facts->task, m->n_features, m->n_outputs, m->n_train + m->n_validation);
    if (s.epochs >= v->longest || schedule_knows_horizon(s.schedule)) /* else it costs nothing */
        v->work += train_work(&s, v->facts->task, m->n_features, m->n_outputs, m->n_train,
                              m->n_validation);
    if (v->seen == 0 || weights < v->plan->weights_min)
        v->plan->weights_min = weights;
    if (weights > v->plan->weights_max)
        v->plan->weights_max = weights;
    if (bytes > v->most_bytes)
        v->most_bytes = bytes;
    v->seen++;
    return ERR_OK;
}

/* Points that "require" was asked about. */
static size_t judged(const struct definition *d)
{
    return d->rules ? atomic_load(&d->rules->judged) : 0;
}

/* A mixed order, so that the first trials of a large grid stand for all. */
static enum err survey_search(struct survey *v, const struct definition *d, struct sampler *s,
                              struct error *e)
{
    struct arena *a = NULL;
    enum err failed = arena_create(1 << 16, &a, e);
    size_t before = judged(d);
    bool exhausted = false;

    while (!failed && !exhausted && v->seen < d->planned_trials && v->seen < TRIALS_SEEN &&
           judged(d) - before < POINTS_JUDGED) {
        struct params p;

        arena_reset(a);
        failed = sampler_propose(s, a, &p, &exhausted, e);
        if (!failed && !exhausted)
            failed = survey_trial(v, &p, e);
    }
    arena_destroy(a);
    return failed;
}

static enum err survey_definition(struct survey *v, const struct definition *d, struct error *e)
{
    struct sampler_settings settings = definition_sampler_settings(d);
    struct space *space = NULL;
    struct sampler *sampler = NULL;
    enum err failed;

    settings.shuffle = settings.shuffle || d->planned_trials > TRIALS_SEEN;
    TRY(definition_space(d, &space, e));
    failed = sampler_create(d->sampler, space, &settings, &sampler, e);
    if (!failed)
        failed = survey_search(v, d, sampler, e);
    sampler_destroy(sampler);
    space_destroy(space);
    return failed;
}

/* Every fold is prepared once and shared; each thread holds one training. */
static uint64_t memory(const struct survey *v, int64_t folds_per_trial)
{
    const struct plan_facts *m = v->machine;
    uint64_t stride = (m->n_features + 15) / 16 * 16 + m->n_outputs + 4;
    uint64_t fold = (uint64_t)(m->n_train + m->n_validation) * stride * sizeof(float);

    return fold * (uint64_t)folds_per_trial + v->most_bytes * m->threads;
}

static bool has_brackets(const struct definition *d)
{
    return d->pruner && d->pruner->ladder && d->pruner->ladder->bracket;
}

/* Folds that can be trained at once: with a pruner over folds one of each trial that is not
 * decided; in brackets those of all members, at first. */
static int64_t count_busy(const struct definition *d, int64_t folds_per_trial)
{
    if (has_brackets(d))
        return ladder_widest(d->pruner->ladder, definition_rungs(d).n) * folds_per_trial;
    if (d->pruner)
        return d->pruner->ladder ? d->concurrency * folds_per_trial : d->concurrency;
    if (d->sampler->learns || d->has_target || d->patience > 0)
        return d->concurrency * folds_per_trial;
    return 0; /* nothing is waited for */
}

static double estimate(const struct survey *v, const struct definition *d)
{
    const struct rungs rungs = definition_rungs(d);
    const struct plan *p = v->plan;
    double threads = v->machine->threads;
    double share = has_brackets(d) ? ladder_share(d->pruner->ladder, &rungs) : 1.0;

    if (v->machine->work_per_second <= 0 || v->seen == 0)
        return (double)NAN;
    if ((double)p->folds < threads)
        threads = (double)p->folds;
    if (p->busy_threads > 0 && (double)p->busy_threads < threads)
        threads = (double)p->busy_threads;
    return share * v->work / (double)v->seen * (double)p->folds /
           (v->machine->work_per_second * threads);
}

/* Metrics that count right answers. */
static bool is_coarse(const struct metric *m)
{
    static const char *const coarse[] = {
        "accuracy", "balanced_accuracy", "f1_macro", "f1", "precision", "recall", "mcc", NULL};

    return words_has(coarse, m->name);
}

/* What a search that waits for results, or compares folds, should know; appends to list. */
static enum err warn_of_waiting(const struct definition *d, const struct plan_facts *m,
                                const struct plan *p, struct arena *a, const char **list, size_t *n,
                                struct error *e)
{
    int64_t folds = d->pruner && !d->pruner->ladder ? 1 : p->folds_per_trial;
    const char *idle = "", *coarse = "";

    if (!has_brackets(d) && p->busy_threads > 0 && p->busy_threads < m->threads)
        list[(*n)++] = idle = arena_printf(
            a,
            "with concurrency %" PRId64 " the search keeps at most %" PRId64 " of %u threads busy: "
            "concurrency %" PRId64 " is enough for all of them",
            d->concurrency, p->busy_threads, m->threads, ((int64_t)m->threads + folds - 1) / folds);
    if (d->pruner && !d->pruner->ladder && is_coarse(d->metric) && m->n_validation < COARSE_ROWS)
        list[(*n)++] = coarse = arena_printf(
            a,
            "%s moves in steps of about 1/%zu on a fold's validation rows, which %s compares: "
            "log_loss or brier tells trials apart sooner",
            d->metric->name, m->n_validation, d->pruner->name);
    return idle && coarse ? ERR_OK : error_no_memory(e);
}

/* Appends to list where the budget cuts a bracket. */
static enum err warn_of_brackets(const struct definition *d, struct arena *a, const char **list,
                                 size_t *n, struct error *e)
{
    uint64_t below, above;

    if (!has_brackets(d))
        return ERR_OK;
    ladder_whole(d->pruner->ladder, definition_rungs(d).n, (uint64_t)d->planned_trials, &below,
                 &above);
    if (below == above)
        return ERR_OK;
    list[*n] = below == 0
                   ? arena_printf(a,
                                  "%" PRId64 " trials do not fill a bracket of %s: %" PRIu64 " would",
                                  d->planned_trials, d->pruner->name, above)
                   : arena_printf(a,
                                  "%" PRId64 " trials are no whole number of brackets of %s, and "
                                  "the last one is judged with fewer: %" PRIu64 " and %" PRIu64
                                  " are",
                                  d->planned_trials, d->pruner->name, below, above);
    return list[(*n)++] ? ERR_OK : error_no_memory(e);
}

static enum err warn(const struct definition *d, const struct plan_facts *m, struct plan *p,
                     struct arena *a, struct error *e)
{
    const char **list = arena_alloc(a, d->n_warnings + m->n_warnings + 5, sizeof *list);
    size_t n = d->n_warnings;

    if (!list)
        return error_no_memory(e);
    if (n > 0)
        memcpy(list, d->warnings, n * sizeof *list);
    for (size_t i = 0; i < m->n_warnings; i++)
        list[n++] = m->warnings[i];
    if (p->memory_bytes > m->memory_bytes)
        list[n++] = "the folds and trainings together need more memory than the daemon may use: "
                    "folds will be prepared more than once";
    if (d->planned_trials < d->trials)
        list[n++] = "the space has fewer points than the budget has trials: the search ends when "
                    "all were tried";
    TRY(warn_of_waiting(d, m, p, a, list, &n, e));
    TRY(warn_of_brackets(d, a, list, &n, e));
    p->n_warnings = n;
    p->warnings = list;
    return ERR_OK;
}

enum err plan_make(const struct definition *d, const struct definition_facts *facts,
                   const struct plan_facts *machine, struct arena *a, struct plan *out,
                   struct error *e)
{
    struct plan p = {.trials = d->planned_trials, .definition = d};
    struct survey v = {.facts = facts,
                       .machine = machine,
                       .plan = &p,
                       .longest = d->whole_space ? definition_shared_epochs(d) : 0};

    TRY(survey_definition(&v, d, e));
    if (v.most_bytes > machine->memory_bytes)
        return error_set(e, ERR_INVALID,
                         "a network of %" PRIu64 " weights needs %" PRIu64
                         " bytes to train; the daemon may use %" PRIu64,
                         p.weights_max, v.most_bytes, machine->memory_bytes);
    p.folds_per_trial = (int64_t)machine->n_folds;
    p.folds = p.trials * p.folds_per_trial;
    p.sealed_rows = (int64_t)machine->n_sealed;
    p.all_trials_seen = v.seen >= p.trials;
    p.memory_bytes = memory(&v, p.folds_per_trial);
    p.busy_threads = count_busy(d, p.folds_per_trial);
    p.seconds = estimate(&v, d);
    TRY(warn(d, machine, &p, a, e));
    *out = p;
    return ERR_OK;
}

struct plan plan_elsewhere(const struct definition *d)
{
    int64_t folds = d->objective->folds > 0 ? d->objective->folds : 1;

    return (struct plan){.trials = d->planned_trials,
                         .folds_per_trial = folds,
                         .folds = folds * d->planned_trials,
                         .sealed_rows = -1,
                         .definition = d};
}

static bool is_searched(const struct definition *d, const char *name)
{
    for (size_t i = 0; i < d->n_dimensions; i++)
        if (strcmp(d->dimensions[i].dimension.name, name) == 0)
            return true;
    return false;
}

/* layers and width do not stand beside hidden, nor the other way round. */
static bool is_replaced(const struct definition *d, const char *name)
{
    if (strcmp(name, "hidden") == 0)
        return !is_searched(d, "hidden");
    return is_searched(d, "hidden") && (strcmp(name, "layers") == 0 || strcmp(name, "width") == 0);
}

static void write_defaults(const struct definition *d, struct json *j)
{
    json_object(j, "defaults");
    for (size_t i = 0; i < hyper_count(); i++) {
        const struct hyper *h = hyper_at(i);

        if (!is_searched(d, h->name) && !is_replaced(d, h->name))
            json_raw(j, h->name, h->default_json);
    }
    json_end(j);
}

void plan_write_warnings(const struct plan *p, struct json *j)
{
    json_array(j, "warnings");
    for (size_t i = 0; i < p->n_warnings; i++)
        json_string(j, NULL, p->warnings[i]);
    json_end(j);
}

/* ---- written ----------------------------------------------------------------------------- */

static bool trains_here(const void *in)
{
    return !((const struct plan *)in)->definition->objective;
}

static void write_warnings(const void *in, struct json *j, const char *key)
{
    (void)key; /* the same */
    plan_write_warnings(in, j);
}

static void write_plan_defaults(const void *in, struct json *j, const char *key)
{
    (void)key; /* the same */
    write_defaults(((const struct plan *)in)->definition, j);
}

static void write_busy_threads(const void *in, struct json *j, const char *key)
{
    const struct plan *p = in;

    if (p->busy_threads > 0)
        json_i64(j, key, p->busy_threads);
    else
        json_null(j, key);
}

static const struct field weights_fields[] = {
    FIELD("min", INT, plan, weights_min, .summary = "of a trial's network"),
    FIELD("max", INT, plan, weights_max, .summary = "of a trial's network"),
    {.key = NULL},
};

static void write_weights(const void *in, struct json *j, const char *key)
{
    json_object_inline(j, key);
    field_encode(weights_fields, in, j);
    json_end(j);
}

static void document_object(struct json *j)
{
    json_string(j, "type", "object");
}

/* clang-format off */
static const struct field plan_fields[] = {
    FIELD("trials", INT, plan, trials, .summary = "that will be tried"),
    FIELD("folds_per_trial", INT, plan, folds_per_trial, .summary = "of all repeats"),
    FIELD("folds", INT, plan, folds, .summary = "of all trials"),
    FIELD("sealed_rows", INT, plan, sealed_rows, .present = trains_here, .summary = "set aside"),
    {.key = "weights", .type = FIELD_OTHER, .fields = weights_fields, .write = write_weights,
     .present = trains_here, .summary = "over the trials looked at"},
    FIELD("memory_bytes", INT, plan, memory_bytes, .present = trains_here,
          .summary = "of prepared folds, and of trainings at once"),
    {.key = "busy_threads", .type = FIELD_OTHER, .document = field_document_integer,
     .write = write_busy_threads, .nullable = true, .present = trains_here,
     .summary = "that the search can use at most; null: as many as it has folds"},
    FIELD("estimated_seconds", REAL, plan, seconds, .nullable = true, .present = trains_here),
    FIELD("all_trials_seen", BOOL, plan, all_trials_seen, .present = trains_here,
          .summary = "false: the numbers come from a sample of the trials"),
    {.key = "defaults", .type = FIELD_OTHER, .document = document_object,
     .write = write_plan_defaults, .present = trains_here,
     .summary = "of the hyperparameters that space does not name"},
    {.key = "warnings", .type = FIELD_OTHER, .document = field_document_texts,
     .write = write_warnings, .summary = "sentences"},
    {.key = NULL},
};
/* clang-format on */

const struct schema plan_schema = {
    .name = "Plan", .fields = plan_fields, .summary = "What an experiment will take."};

void plan_write(const struct plan *p, struct json *j, const char *key)
{
    json_object(j, key);
    field_encode(plan_fields, p, j);
    json_end(j);
}
