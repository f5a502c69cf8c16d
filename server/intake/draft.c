#include "server/intake/draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/data/prepare.h"
#include "server/clock.h"
#include "server/intake/quota.h"
#include "server/jobs/facts.h"
#include "server/jobs/writer.h"
#include "server/schema/change.h"
#include "server/store/store_experiment.h"

void draft_finish(struct draft *d)
{
    split_destroy(d->split);
    jobs_release_table(d->in->jobs, d->table);
}

static enum err read_dataset(struct draft *d, const struct definition_dataset *named,
                             struct error *e)
{
    struct arena *a = d->in->arena;
    struct reader *r;
    enum err found;

    TRY(store_reader_acquire(d->in->store, &r, e));
    found = named->name ? store_dataset_named(r, named->name, a, &d->dataset, e)
                        : store_dataset_get(r, named->id, a, &d->dataset, e);
    store_reader_release(d->in->store, r);
    return found;
}

static enum err find_dataset(struct draft *d, const struct definition_dataset *named,
                             struct error *e)
{
    struct arena *a = d->in->arena;
    enum err found = read_dataset(d, named, e);

    if (found == ERR_NOT_FOUND) { /* which decoding tells, with what else is wrong */
        d->facts = definition_unknown_data;
        d->facts.unknown = arena_strdup(a, e->message);
        return d->facts.unknown ? ERR_OK : error_no_memory(e);
    }
    TRY(found);
    TRY(jobs_take_table(d->in->jobs, d->dataset.id, &d->table, e));
    return facts_of(d->table, d->dataset.id, d->dataset.name, a, &d->facts, e);
}

static enum err decode(struct draft *d, struct error *e)
{
    return definition_decode(d->body, d->body_length, &d->facts, d->in->arena, d->in->faults,
                             &d->definition, e);
}

/* A plan of thousands of repeats of a long table may be larger than the table. */
static enum err check_plan_fits(struct draft *d, struct error *e)
{
    const struct split_spec *spec = &d->definition->split;
    bool is_shuffle = spec->kind == SPLIT_SHUFFLE_SPLIT; /* each of its splits is a repeat */
    const char *key = is_shuffle ? "folds" : "repeats";
    uint64_t n = is_shuffle ? spec->n_folds : spec->n_repeats;
    uint64_t bytes = n * d->table->n_rows * sizeof *d->split->fold;
    char pointer[40];

    if (bytes <= d->in->config->memory_bytes)
        return ERR_OK;
    (void)snprintf(pointer, sizeof pointer, "/cross_validation/%s", key);
    faults_add(d->in->faults, pointer, NULL,
               "%s %" PRIu64 ": of %zu rows that is a fold plan of %" PRIu64
               " bytes; the daemon may use %" PRIu64,
               key, n, d->table->n_rows, bytes, d->in->config->memory_bytes);
    return faults_check(d->in->faults, e);
}

/* Folds that cannot be cut are a fault of the definition. */
static enum err cut_folds(struct draft *d, struct error *e)
{
    enum err failed;
    char pointer[160];

    TRY(check_plan_fits(d, e));
    failed = split_create(d->table, &d->definition->split, &d->split, e);
    if (failed != ERR_INVALID)
        return failed;
    if (strcmp(e->field, "sealed") == 0)
        (void)snprintf(pointer, sizeof pointer, "/sealed");
    else
        (void)snprintf(pointer, sizeof pointer, "/cross_validation%s%s", e->field[0] ? "/" : "",
                       e->field);
    faults_add(d->in->faults, pointer, NULL, "%s", e->message);
    return faults_check(d->in->faults, e);
}

static enum err make_plan(struct draft *d, struct error *e)
{
    struct prepare_spec usual = {.missing_indicator = true};
    struct plan_facts facts = {
        .n_features = prepare_features(d->table, &usual),
        .n_outputs = table_outputs(d->table),
        .n_folds = (size_t)d->split->n_folds * d->split->n_repeats,
        .n_sealed = d->split->n_sealed,
        .n_warnings = d->split->n_warnings,
        .warnings = d->split->warnings,
        .threads = d->in->config->threads,
        .memory_bytes = d->in->config->memory_bytes,
        .work_per_second = jobs_work_per_second(d->in->jobs),
    };

    split_count(d->split, 0, 1, &facts.n_train, &facts.n_validation);
    return plan_make(d->definition, &d->facts, &facts, d->in->arena, &d->plan, e);
}

enum err draft_make(struct draft *d, struct error *e)
{
    struct definition_dataset named;

    TRY(definition_dataset(d->body, d->body_length, d->in->arena, d->in->faults, &named, e));
    if (named.is_objective) {
        d->facts = definition_no_data;
        TRY(decode(d, e));
        d->plan = plan_elsewhere(d->definition);
        return ERR_OK;
    }
    TRY(find_dataset(d, &named, e));
    TRY(decode(d, e));
    TRY(cut_folds(d, e));
    return make_plan(d, e);
}

static enum err write_definition(struct draft *d, struct error *e)
{
    return change_write(d->definition, d->in->arena, &d->json, e);
}

/* A definition without a name has the one that the store gave the experiment. The draft itself
 * stays as it is: the writer may have to do all this again, for another id. */
static enum err write_name(struct store *s, struct draft *d, struct error *e)
{
    enum err failed;
    const char *base = d->definition->objective ? "experiment" : d->dataset.name;

    d->definition->name = arena_printf(d->in->arena, "%s-%" PRId64, base, d->id);
    failed = d->definition->name ? write_definition(d, e) : error_no_memory(e);
    d->definition->name = NULL;
    TRY(failed);
    return store_experiment_set_plan(s, d->id, d->plan.trials, d->json, e);
}

static enum err insert_record(struct store *s, struct draft *d, struct error *e)
{
    const struct definition *x = d->definition;
    struct experiment_record record = {
        .name = x->name, /* none: DATASET-ID */
        .owner = d->in->owner,
        .dataset_id = d->dataset.id,
        .state = x->start ? "queued" : "paused",
        .metric = x->metric->name,
        .direction = x->metric->maximize ? "maximize" : "minimize",
        .sampler = x->sampler->name,
        .pruner = definition_pruner_name(x),
        .seed = (int64_t)x->seed_search,
        .definition = d->json,
        .planned_trials = d->plan.trials,
        .folds_per_trial = d->plan.folds_per_trial,
        .sealed_rows = d->plan.sealed_rows,
        .priority = x->priority,
        .notes = x->notes ? x->notes : "",
        .tags = change_texts(&x->tags, d->in->arena),
        .created_at_ms = clock_now_ms(),
    };
    struct experiment_change begun = {
        .state = "running", .at_ms = record.created_at_ms, .elapsed_ms = -1};

    if (!record.tags)
        return error_no_memory(e);
    TRY(store_experiment_insert(s, &record, &d->id, e));
    if (x->objective && x->start) /* it runs as soon as it can be asked */
        TRY(store_experiment_set_state(s, d->id, &begun, e));
    return x->name ? ERR_OK : write_name(s, d, e);
}

static enum err insert(struct store *s, void *ctx, struct error *e)
{
    struct draft *d = ctx;

    if (d->definition->start)
        TRY(quota_check_running(d->in, store_writer(s), e));
    TRY(insert_record(s, d, e));
    return d->in->stored ? d->in->stored(s, d->in->ctx, e) : ERR_OK;
}

enum err draft_submit(struct draft *d, struct error *e)
{
    TRY(jobs_check_room(d->in->jobs, e));
    TRY(write_definition(d, e));
    TRY(writer_call(jobs_writer(d->in->jobs), insert, d, e));
    return d->definition->objective ? ERR_OK : jobs_begin(d->in->jobs, d->id, e);
}

enum err draft_find_same(struct draft *d, int64_t *id, struct error *e)
{
    struct reader *r;
    enum err found;

    TRY(write_definition(d, e)); /* with the name null where it has none */
    TRY(store_reader_acquire(d->in->store, &r, e));
    found = store_experiment_find_same(r, d->dataset.id, d->json, id, e);
    store_reader_release(d->in->store, r);
    return found;
}
