/*
 * An experiment from the database: a new one, or one that a stopped daemon left unfinished. The
 * sampler is rebuilt from the stored trials, and a trial that has not ended takes up the folds
 * that it has. Or one that has ended, as far as its unsealing needs it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/jobs/facts.h"
#include "server/jobs/private.h"
#include "server/schema/sentences.h"
#include "server/store/store_dataset.h"
#include "server/store/store_experiment.h"

enum { TRIALS_AT_ONCE = 500 };

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

static enum err load_definition(struct search *s, const struct experiment_record *record,
                                struct error *e)
{
    struct definition_facts facts;
    struct faults faults;

    TRY(facts_of(s->table, record->dataset_id, record->dataset_name, s->arena, &facts, e));
    faults_init(&faults, s->arena);
    return definition_decode(record->definition, strlen(record->definition), &facts, s->arena,
                             &faults, &s->definition, e);
}

/* Rows of the validation parts over rows of the training parts, all folds together. */
static double test_share(const struct split *split)
{
    size_t n_train, n_validation, train = 0, validation = 0;

    for (uint32_t repeat = 0; repeat < split->n_repeats; repeat++)
        for (uint32_t fold = 1; fold <= split->n_folds; fold++) {
            split_count(split, repeat, fold, &n_train, &n_validation);
            train += n_train;
            validation += n_validation;
        }
    return train > 0 ? (double)validation / (double)train : 0.0;
}

static enum err load_parts(struct search *s, struct reader *r,
                           const struct experiment_record *record, struct error *e)
{
    struct dataset_record dataset;

    TRY(store_dataset_get(r, record->dataset_id, s->arena, &dataset, e));
    TRY(jobs_take_table(s->jobs, record->dataset_id, &s->table, e));
    TRY(load_definition(s, record, e));
    TRY(split_create(s->table, &s->definition->split, &s->split, e));
    s->owner = arena_strdup(s->arena, record->owner ? record->owner : "");
    s->metric = s->definition->metric;
    s->test_share = test_share(s->split);
    return s->owner ? reuse_name_search(s, dataset.content_hash, e) : error_no_memory(e);
}

static enum err load_sampler(struct search *s, struct error *e)
{
    struct sampler_settings settings = definition_sampler_settings(s->definition);

    TRY(definition_space(s->definition, &s->space, e));
    return sampler_create(s->definition->sampler, s->space, &settings, &s->sampler, e);
}

static bool has_ended(const struct trial_record *t)
{
    return strcmp(t->state, "queued") != 0 && strcmp(t->state, "running") != 0;
}

static enum err take_up_climber(struct search *s, struct reader *r,
                                const struct trial_record *record, struct error *e)
{
    struct trial_run *t;
    enum err failed;

    TRY(ladder_join(s->ladder, (uint32_t)record->bracket, e));
    if (!has_ended(record))
        return ERR_OK;
    TRY(trial_create(s, record->trial, &record->params, &t, e));
    failed = climb_take_up_folds(t, r, e);
    if (failed == ERR_OK)
        climb_settle_stored(t, record->race_epoch);
    trial_destroy(t);
    return failed;
}

/* Its last fold was stored by a revisit, but not what that made of it. */
static bool is_half_closed(const struct search *s, const struct trial_record *t)
{
    return s->pruner && strcmp(t->state, "pruned") == 0 &&
           pruner_told(s->pruner, (uint32_t)t->trial) == t->folds_planned;
}

static enum err take_up_trial(struct search *s, struct reader *r, const struct trial_record *record,
                              struct error *e)
{
    struct trial_run *t;

    TRY(sampler_replay(s->sampler, &record->params, e));
    s->n_proposed = record->trial;
    if (s->ladder)
        TRY(take_up_climber(s, r, record, e));
    if (has_ended(record)) {
        sampler_tell(s->sampler, (uint32_t)record->trial,
                     trial_past(s, record->state, record->score, record->search_loss));
        TRY(race_settle_stored(s, record, e));
        if (!is_half_closed(s, record))
            return ERR_OK;
    }
    TRY(trial_create(s, record->trial, &record->params, &t, e));
    t->started = strcmp(record->state, "queued") != 0;
    t->is_revisit = has_ended(record);
    search_trial_add(s, t);
    return store_trial_is_known(r, t->key, s->id, t->number, &t->is_known, e);
}

static enum err load_trials(struct search *s, struct reader *r, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL, *page = NULL;
    struct trial_query query = {.experiment = s->id};
    struct trial_record *records;
    struct trial_order order;

    TRY(arena_create(1 << 16, &a, e));
    TRY(arena_create(1 << 16, &page, e));
    TRY(store_trial_order(r, &query, a, &order, e));
    records = arena_alloc(a, TRIALS_AT_ONCE, sizeof *records);
    if (!records)
        return error_no_memory(e);
    for (size_t done = 0; done < order.n; done += TRIALS_AT_ONCE) {
        size_t n = order.n - done < TRIALS_AT_ONCE ? order.n - done : TRIALS_AT_ONCE;

        TRY(store_trial_fetch(r, s->id, &order, done, n, page, records, e));
        for (size_t i = 0; i < n; i++)
            TRY(take_up_trial(s, r, &records[i], e));
        arena_reset(page);
    }
    return ERR_OK;
}

/* NULL if the trial has no such fold. */
static struct fold_run *fold_of(struct trial_run *t, const struct fold_record *f)
{
    size_t i = (size_t)((f->repeat - 1) * t->search->split->n_folds + f->fold - 1);

    return i < t->n_folds ? &t->folds[i] : NULL;
}

static void take_up_scores(struct fold_run *run, const struct fold_record *f)
{
    const struct metric_list *metrics = &run->trial->search->definition->metrics;

    for (size_t i = 0; i < f->n_metrics; i++)
        for (size_t k = 0; k < metrics->n; k++) {
            if (strcmp(f->metrics[i].metric, metrics->items[k]->name) != 0)
                continue;
            run->outcome.train[k] = f->metrics[i].train;
            run->outcome.validation[k] = f->metrics[i].validation;
        }
}

enum err load_outcome(struct fold_run *run, const struct fold_record *f, struct error *e)
{
    struct outcome *o = &run->outcome;

    o->state = strcmp(f->state, "completed") == 0 ? FOLD_COMPLETED : FOLD_FAILED;
    o->diverged = o->state == FOLD_FAILED && f->epochs_run > 0;
    o->seconds = f->seconds;
    o->finished_at_ms = f->finished_at_ms;
    o->reused_experiment = f->reused_experiment;
    o->reused_trial = f->reused_trial;
    (void)snprintf(o->error, sizeof o->error, "%s", f->error ? f->error : "");
    take_up_scores(run, f);
    buf_finish(&o->warnings);
    return sentences_read(f->warnings, &o->warnings, e);
}

static enum err take_up_fold(struct trial_run *t, const struct fold_record *f, struct error *e)
{
    struct fold_run *run = fold_of(t, f);

    if (!run)
        return ERR_OK;
    if (f->cut) { /* it is trained again, from its seed */
        run->outcome.seconds = f->seconds;
        return ERR_OK;
    }
    run->finished = run->stored = true;
    t->n_left--;
    atomic_fetch_add(&t->spent_us, (int_fast64_t)(1e6 * f->seconds));
    return load_outcome(run, f, e);
}

static enum err take_up_folds(struct trial_run *t, struct reader *r, struct arena *a,
                              struct error *e)
{
    struct fold_record *folds;
    size_t n;

    TRY(store_fold_list(r, t->search->id, t->number, a, &n, &folds, e));
    for (size_t i = 0; i < n; i++)
        TRY(take_up_fold(t, &folds[i], e));
    return ERR_OK;
}

static enum err load_folds(struct search *s, struct reader *r, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;

    TRY(arena_create(1 << 16, &a, e));
    for (struct trial_run *t = s->trials; t; t = t->next) {
        TRY(take_up_folds(t, r, a, e));
        if (s->ladder)
            TRY(climb_take_up_folds(t, r, e));
        arena_reset(a);
    }
    return ERR_OK;
}

enum err load_pruned(struct search *s, struct reader *r, int64_t number, struct trial_run **out,
                     struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct trial_record record;
    struct trial_run *t;
    enum err failed;

    TRY(arena_create(4096, &a, e));
    TRY(store_trial_get(r, s->id, number, a, &record, e));
    *out = NULL;
    if (strcmp(record.state, "pruned") != 0)
        return ERR_OK;
    TRY(trial_create(s, number, &record.params, &t, e));
    t->started = true;
    t->is_revisit = true;
    failed = store_trial_is_known(r, t->key, s->id, number, &t->is_known, e);
    if (failed == ERR_OK)
        failed = take_up_folds(t, r, a, e);
    if (failed != ERR_OK) {
        trial_destroy(t);
        return failed;
    }
    *out = t;
    return ERR_OK;
}

/* Open trials in ascending order: the oldest is to be finished first. */
static void sort_trials(struct search *s)
{
    struct trial_run *ascending = NULL;

    while (s->trials) { /* they were added one before the other */
        struct trial_run *t = s->trials;

        s->trials = t->next;
        t->next = ascending;
        t->previous = NULL;
        if (ascending)
            ascending->previous = t;
        ascending = t;
    }
    s->trials = ascending;
}

static enum err load(struct search *s, struct error *e)
{
    CLEANUP(close_reader) struct reader *r = NULL;
    struct experiment_record record;

    TRY(arena_create(1 << 14, &s->arena, e));
    TRY(store_reader_open(s->jobs->store, &r, e));
    TRY(store_experiment_get(r, s->id, s->arena, &record, e));
    s->paused = strcmp(record.state, "paused") == 0;
    s->elapsed_before = (double)record.elapsed_ms / 1000.0;
    TRY(load_parts(s, r, &record, e));
    TRY(load_sampler(s, e));
    s->rungs = definition_rungs(s->definition);
    TRY(race_load(s, r, e));
    TRY(climb_load(s, e));
    TRY(load_trials(s, r, e));
    TRY(load_folds(s, r, e));
    stop_judge(&s->stop, s->definition, &s->sampler->history);
    sort_trials(s);
    return ERR_OK;
}

static struct search *create(struct jobs *j, int64_t id)
{
    struct search *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->jobs = j;
    s->id = id;
    return s;
}

struct search *search_load(struct jobs *j, int64_t id)
{
    struct search *s = create(j, id);
    struct error e = {0};

    if (s && load(s, &e) != ERR_OK)
        search_fail(s, "it could not be loaded", &e);
    return s;
}

static enum err load_unsealing(struct search *s, const struct unseal_record *u, struct error *e)
{
    CLEANUP(close_reader) struct reader *r = NULL;
    struct experiment_record record;
    struct trial_record selected;
    struct trial_run *t;

    TRY(arena_create(1 << 14, &s->arena, e));
    TRY(store_reader_open(s->jobs->store, &r, e));
    TRY(store_experiment_get(r, s->id, s->arena, &record, e));
    TRY(store_trial_get(r, s->id, u->trial, s->arena, &selected, e));
    TRY(load_parts(s, r, &record, e));
    TRY(trial_create(s, u->trial, &selected.params, &t, e));
    t->started = strcmp(u->state, "running") == 0;
    search_trial_add(s, t);
    return ERR_OK;
}

struct search *search_load_unsealing(struct jobs *j, int64_t id, const struct unseal_record *record)
{
    struct search *s = create(j, id);
    struct error e = {0};

    if (!s)
        return NULL;
    s->unseals = true;
    if (load_unsealing(s, record, &e) != ERR_OK)
        search_fail(s, "it could not be loaded", &e);
    return s;
}
