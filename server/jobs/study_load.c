/*
 * A study from the database: its sampler is rebuilt from the stored trials, and those that were
 * handed out and not told get a fresh lease of the same number, since nobody knows how long the
 * daemon was away.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/jobs/private.h"
#include "server/jobs/study_private.h"
#include "server/store/store_experiment.h"

enum { TRIALS_AT_ONCE = 500 };

struct past study_past(const struct study *s, const char *state, double score, double search_loss)
{
    if (strcmp(state, "pruned") == 0)
        return (struct past){.state = PAST_STOPPED, .loss = search_loss};
    if (strcmp(state, "completed") != 0 || !isfinite(score))
        return (struct past){.state = PAST_FAILED, .loss = (double)NAN};
    return (struct past){.state = PAST_COMPLETED,
                         .loss = s->definition->objective->maximize ? -score : score};
}

enum err study_add_open(struct study *s, int64_t number, int64_t lease, struct error *e)
{
    TRY(mem_grow((void **)&s->open, &s->capacity, s->n_open + 1, sizeof *s->open, e));
    s->open[s->n_open++] =
        (struct open_trial){.number = number,
                            .lease = lease,
                            .deadline = clock_seconds() + s->definition->objective->lease_seconds};
    return ERR_OK;
}

static enum err load_definition(struct study *s, const struct experiment_record *record,
                                struct error *e)
{
    struct sampler_settings settings;
    struct faults faults;

    faults_init(&faults, s->arena);
    TRY(definition_decode(record->definition, strlen(record->definition), &definition_no_data,
                          s->arena, &faults, &s->definition, e));
    settings = definition_sampler_settings(s->definition);
    TRY(definition_space(s->definition, &s->space, e));
    TRY(study_prune_create(s, e));
    return sampler_create(s->definition->sampler, s->space, &settings, &s->sampler, e);
}

static bool is_open(const struct trial_record *t)
{
    return strcmp(t->state, "queued") == 0 || strcmp(t->state, "running") == 0;
}

/* That its client was told to stop, if it was. */
static enum err read_stop(struct study *s, struct reader *r, int64_t trial, struct arena *a,
                          struct study_stop *out, struct error *e)
{
    struct tell_stop stop;
    bool found;

    if (!s->reports)
        return ERR_OK;
    TRY(store_tell_stop(r, s->id, trial, a, &found, &stop, e));
    if (!found)
        return ERR_OK;
    out->step = stop.step;
    out->reason = reports_kind_of(s->reports)->reason;
    out->loss = stop.loss;
    (void)snprintf(out->error, sizeof out->error, "%s", stop.error); /* it was as long before */
    return ERR_OK;
}

static enum err take_up(struct study *s, struct reader *r, const struct trial_record *t,
                        struct arena *a, struct error *e)
{
    struct study_stop stop = {0};
    struct past ended;

    TRY(sampler_replay(s->sampler, &t->params, e));
    s->n_imported += t->lease == 0;
    TRY(read_stop(s, r, t->trial, a, &stop, e));
    if (is_open(t)) {
        TRY(study_add_open(s, t->trial, t->lease, e));
        s->open[s->n_open - 1].stop = stop;
        return study_prune_replay(s, r, t->trial, NULL, a, e);
    }
    ended = study_past(s, t->state, t->score, stop.loss);
    sampler_tell(s->sampler, (uint32_t)t->trial, ended);
    return study_prune_replay(s, r, t->trial, &ended, a, e);
}

static enum err load_trials(struct study *s, struct reader *r, struct error *e)
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
            TRY(take_up(s, r, &records[i], page, e));
        arena_reset(page);
    }
    return ERR_OK;
}

static enum err check_state(const struct experiment_record *x, struct error *e)
{
    if (x->dataset_id != 0)
        return error_set(e, ERR_CONFLICT,
                         "experiment %" PRId64 " trains its own trials: ask and tell are for "
                         "experiments with an objective",
                         x->id);
    if (x->finished_at_ms != 0)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " has ended: %s (%s)", x->id,
                         x->state, x->stop_reason ? x->stop_reason : "");
    return ERR_OK;
}

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

static enum err load(struct study *s, struct error *e)
{
    CLEANUP(close_reader) struct reader *r = NULL;
    struct experiment_record record;

    TRY(arena_create(1 << 14, &s->arena, e));
    TRY(store_reader_open(s->jobs->store, &r, e));
    TRY(store_experiment_get(r, s->id, s->arena, &record, e));
    TRY(check_state(&record, e));
    TRY(load_definition(s, &record, e));
    TRY(load_trials(s, r, e));
    stop_judge(&s->stop, s->definition, &s->sampler->history);
    s->paused = strcmp(record.state, "paused") == 0;
    s->elapsed_before = (double)record.elapsed_ms / 1000.0;
    s->running_since = s->paused ? 0 : clock_seconds();
    s->loaded = true;
    return ERR_OK;
}

enum err study_load(struct study *s, struct error *e)
{
    enum err failed = load(s, e);

    if (failed != ERR_OK)
        study_unload(s);
    return failed;
}

void study_unload(struct study *s)
{
    reports_destroy(s->reports);
    sampler_destroy(s->sampler);
    space_destroy(s->space);
    arena_destroy(s->arena);
    s->reports = NULL;
    s->sampler = NULL;
    s->space = NULL;
    s->arena = NULL;
    s->definition = NULL;
    s->stop = (struct stop){0};
    s->n_open = 0;
    s->n_imported = 0;
    s->exhausted = s->loaded = s->paused = false;
}
