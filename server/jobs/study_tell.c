/*
 * What a study is told: reports of trials on their way, and how they end. A trial whose client was
 * told to stop goes on running until its end is told, and is pruned then; or completed, if its
 * client went on to the last fold or step all the same.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "server/clock.h"
#include "server/jobs/private.h"
#include "server/jobs/study_private.h"
#include "server/store/store_experiment.h"

struct telling {
    struct study *study;
    int64_t trial;
    struct tell_report report;
    struct tell_stop stop; /* step 0: nothing new */
    struct trial_finish finish;
    const char *stop_reason; /* the experiment's end; NULL: it goes on */
};

/* A lease that ran out is still good as long as nobody else has the trial. */
static enum err check_lease(const struct open_trial *t, int64_t lease, struct error *e)
{
    if (!t || lease == 0 || lease == t->lease)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "trial %" PRId64 " was handed out again: lease %" PRId64
                     " is not the present one, which is %" PRId64,
                     t->number, lease, t->lease);
}

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

/* Why a trial is not open: it has ended, or does not exist. */
static enum err explain_closed(const struct telling *t, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(close_reader) struct reader *r = NULL;
    struct trial_record record;

    TRY(arena_create(4096, &a, e));
    TRY(store_reader_open(t->study->jobs->store, &r, e));
    TRY(store_trial_get(r, t->study->id, t->trial, a, &record, e));
    return error_set(e, ERR_CONFLICT, "trial %" PRId64 " of experiment %" PRId64 " has ended: %s",
                     t->trial, t->study->id, record.state);
}

/* ---- report ------------------------------------------------------------------------------ */

static enum err apply_report(struct store *store, void *ctx, struct error *e)
{
    const struct telling *t = ctx;

    return store_tell_report(store, t->study->id, t->trial, &t->report,
                             t->stop.step > 0 ? &t->stop : NULL,
                             t->study->definition->objective->folds, e);
}

/* Whether the client is to stop: once it was told so it stays, unless it has come to the end. */
static bool is_stopped(const struct study *s, const struct open_trial *open)
{
    return open->stop.step > 0 && !study_prune_is_whole(s, open->number);
}

static enum err take_report(struct telling *t, struct open_trial *open, bool *stop,
                            struct also then, struct error *e)
{
    int64_t before = open->stop.step;
    enum err failed = study_prune_report(t->study, t->trial, &t->report, &open->stop, e);

    if (failed != ERR_OK) {
        study_unload(t->study);
        return failed;
    }
    if (open->stop.step != before)
        t->stop = (struct tell_stop){.step = open->stop.step,
                                     .reason = open->stop.reason,
                                     .error = open->stop.error,
                                     .loss = open->stop.loss};
    *stop = is_stopped(t->study, open);
    return study_store(t->study, apply_report, t, then, e);
}

enum err study_report(struct jobs *j, int64_t id, int64_t trial, int64_t lease, int64_t step,
                      double value, bool *stop, struct also then, struct error *e)
{
    CLEANUP(study_let_go) struct study *s = NULL;
    struct telling t = {.trial = trial,
                        .report = {.step = step, .value = value, .at_ms = clock_now_ms()}};
    struct open_trial *open;
    bool again;

    TRY(study_enter(j, id, &s, e));
    t.study = s;
    open = study_find_open(s, trial);
    TRY(check_lease(open, lease, e));
    if (!open)
        return explain_closed(&t, e);
    TRY(study_prune_check(s, trial, &t.report, &again, e));
    open->deadline = clock_seconds() + s->definition->objective->lease_seconds;
    if (!again)
        return take_report(&t, open, stop, then, e);
    *stop = is_stopped(s, open);
    return ERR_OK;
}

/* ---- tell -------------------------------------------------------------------------------- */

static enum err apply_tell(struct store *store, void *ctx, struct error *e)
{
    const struct telling *t = ctx;

    TRY(store_tell_finish(store, t->study->id, t->trial, &t->finish, e));
    if (t->stop_reason)
        return study_end(store, t->study, t->stop_reason, e);
    return store_experiment_set_elapsed(store, t->study->id, study_elapsed_ms(t->study), e);
}

struct trial_finish study_finish(const struct study_result *r, int64_t at_ms)
{
    return (struct trial_finish){
        .state = r->error ? "failed" : "completed",
        .reason = r->error ? "error" : NULL,
        .error = r->error,
        .score = r->error ? (double)NAN : r->score,
        .score_std = (double)NAN,
        .score_sem = (double)NAN,
        .train_mean = (double)NAN,
        .seconds = (double)NAN,
        .at_ms = at_ms,
    };
}

static void close_open(struct study *s, struct open_trial *t)
{
    size_t after = s->n_open - (size_t)(t - s->open) - 1;

    memmove(t, t + 1, after * sizeof *t);
    s->n_open--;
}

/* Nothing is known of its end but what the pruner foretold. */
static struct trial_finish pruned(const struct study_stop *stop, int64_t at_ms)
{
    struct trial_finish f = study_finish(&(struct study_result){.error = stop->error}, at_ms);

    f.state = "pruned";
    f.reason = stop->reason;
    return f;
}

/* Ends an open trial, and the study with its last one. */
static enum err conclude(struct study *s, struct open_trial *open,
                         const struct study_result *result, const char **state,
                         struct also then, struct error *e)
{
    struct telling t = {.study = s, .trial = open->number};
    struct study_stop stop = open->stop; /* beyond the open trial's end */
    struct past ended;
    enum err failed;

    t.finish =
        is_stopped(s, open) ? pruned(&stop, clock_now_ms()) : study_finish(result, clock_now_ms());
    ended = study_past(s, t.finish.state, t.finish.score, stop.loss);
    close_open(s, open);
    sampler_tell(s->sampler, (uint32_t)t.trial, ended);
    failed = study_prune_settle(s, t.trial, ended, e);
    if (failed != ERR_OK) {
        study_unload(s);
        return failed;
    }
    stop_judge(&s->stop, s->definition, &s->sampler->history);
    t.stop_reason = s->n_open == 0 ? study_enough(s) : NULL;
    *state = t.finish.state;
    TRY(study_store(s, apply_tell, &t, then, e));
    if (t.stop_reason)
        study_unload(s);
    return ERR_OK;
}

enum err study_tell(struct jobs *j, int64_t id, int64_t trial, int64_t lease,
                    const struct study_result *result, const char **state, struct also then,
                    struct error *e)
{
    CLEANUP(study_let_go) struct study *s = NULL;
    struct telling t = {.trial = trial};
    struct open_trial *open;

    TRY(study_enter(j, id, &s, e));
    t.study = s;
    open = study_find_open(s, trial);
    TRY(check_lease(open, lease, e));
    if (!open)
        return explain_closed(&t, e);
    if (!result->error && !isfinite(result->score) && !is_stopped(s, open))
        return error_set(e, ERR_INVALID,
                         "give \"score\", a number, or \"error\", a text: neither is only for a "
                         "trial that was told to stop");
    return conclude(s, open, result, state, then, e);
}

enum err study_close_stopped(struct study *s, struct error *e)
{
    const struct study_result nothing = {.score = (double)NAN};
    double now = clock_seconds();
    const char *state;

    for (size_t i = s->paused ? 0 : s->n_open; i-- > 0 && s->loaded;)
        if (s->open[i].deadline <= now && is_stopped(s, &s->open[i]))
            TRY(conclude(s, &s->open[i], &nothing, &state, (struct also){0}, e));
    return ERR_OK;
}
