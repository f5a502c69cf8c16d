/*
 * One search on its way from the first proposal to the last closed trial. Everything here runs on
 * the conductor's thread, but for the functions named apply_… and …_stored: the writer's thread
 * calls the former inside its transaction and the latter after the commit.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/hyper.h"
#include "core/train/train.h"
#include "server/clock.h"
#include "server/config.h"
#include "server/jobs/command.h"
#include "server/jobs/private.h"
#include "server/jobs/scores.h"
#include "server/log.h"
#include "server/store/store_experiment.h"

static void go_on(struct search *s);

static void tell_changed(const struct search *s)
{
    s->jobs->options.changed(s->jobs->options.ctx);
}

/* What cannot be stored, though the disk is well, ends the search: the failure is ours. */
static void fail(struct search *s, const char *what, const char *why)
{
    if (s->failure[0] == '\0')
        (void)snprintf(s->failure, sizeof s->failure, "%s: %.400s", what, why);
    log_write(LOG_ERROR, "experiment %" PRId64 ": %s: %s", s->id, what, why);
}

/* ---- the experiment's own state ---------------------------------------------------------- */

static double elapsed_seconds(const struct search *s)
{
    return s->elapsed_before + (s->running_since > 0 ? clock_seconds() - s->running_since : 0);
}

static void answer(struct search *s, const struct error *e)
{
    struct command *c = s->waiting;

    s->waiting = NULL;
    if (!c)
        return;
    c->error = *e;
    command_end(c, e->code);
}

static enum err apply_state(struct store *store, struct write *w, struct error *e)
{
    const struct state_write *x = OWNER(w, struct state_write, write);
    const struct search *s = x->search;
    int64_t now = clock_now_ms(), n;

    if (!x->state)
        return store_experiment_set_elapsed(store, s->id, x->elapsed_ms, e);
    if (x->stop_reason) /* what was proposed and has not ended never will */
        TRY(store_trial_finish_rest(store, s->id, "cancelled", x->stop_reason, now, &n, e));
    return store_experiment_set_state(store, s->id,
                                      &(struct experiment_change){
                                          .state = x->state,
                                          .stop_reason = x->stop_reason,
                                          .error = s->failure[0] ? s->failure : NULL,
                                          .at_ms = now,
                                          .elapsed_ms = x->elapsed_ms,
                                      },
                                      e);
}

static void state_stored(struct write *w, const struct error *e)
{
    struct state_write *x = OWNER(w, struct state_write, write);

    if (e)
        x->refused = *e;
    conductor_tell(x->search->jobs->conductor, &x->note);
}

static void unlink_search(struct search *s)
{
    struct search **link = &s->jobs->searches;

    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
}

static void state_written(struct note *n)
{
    struct state_write *x = OWNER(n, struct state_write, note);
    struct search *s = x->search;

    x->busy = false;
    s->n_flying--;
    tell_changed(s);
    if (x->refused.code != ERR_OK)
        fail(s, "its state could not be stored", x->refused.message);
    if (x->state)
        answer(s, &x->refused);
    if (s->ending) {
        unlink_search(s);
        search_destroy(s);
    } else {
        go_on(s);
    }
}

static void write_state(struct search *s, struct state_write *x, const char *state,
                        const char *stop_reason)
{
    *x = (struct state_write){
        .write = {.apply = apply_state, .done = state_stored},
        .note = {.act = state_written},
        .search = s,
        .busy = true,
        .state = state,
        .stop_reason = stop_reason,
        .elapsed_ms = (int64_t)(1000 * elapsed_seconds(s)),
    };
    s->n_flying++;
    writer_post(s->jobs->writer, &x->write);
}

void search_tick(struct search *s)
{
    if (!s->elapsed.busy && !s->ending && !s->paused)
        write_state(s, &s->elapsed, NULL, NULL);
}

static void end(struct search *s)
{
    s->ending = true;
    if (s->failure[0])
        write_state(s, &s->state, "failed", "error");
    else if (s->cancelled)
        write_state(s, &s->state, "cancelled", "user");
    else
        write_state(s, &s->state, "completed", s->exhausted);
}

/* ---- trials: proposed, queued, closed ---------------------------------------------------- */

/* Proposals that are stored in one piece. */
struct batch {
    struct write write;
    struct note note;
    struct search *search;
    struct error refused;
    size_t n;
    struct trial_run *trials[];
};

static enum err apply_batch(struct store *store, struct write *w, struct error *e)
{
    const struct batch *b = OWNER(w, struct batch, write);
    CLEANUP(mem_free) struct trial_proposal *items = calloc(b->n, sizeof *items);

    if (!items)
        return error_no_memory(e);
    for (size_t i = 0; i < b->n; i++)
        items[i] = (struct trial_proposal){
            .trial = b->trials[i]->number,
            .params = &b->trials[i]->params,
            .configuration_key = b->trials[i]->key,
            .network = b->trials[i]->network,
            .folds_planned = (int64_t)b->trials[i]->n_folds,
        };
    return store_trial_insert(store, b->search->id, items, b->n, e);
}

static void batch_stored(struct write *w, const struct error *e)
{
    struct batch *b = OWNER(w, struct batch, write);

    if (e)
        b->refused = *e;
    conductor_tell(b->search->jobs->conductor, &b->note);
}

/* Hands the folds that have no result yet to the workers. */
static void queue_trial(struct trial_run *t)
{
    struct search *s = t->search;

    for (size_t i = 0; i < t->n_folds; i++)
        if (!t->folds[i].finished) {
            s->n_flying++;
            queue_push(s->jobs->queue, &s->lane, &t->folds[i].job);
        }
}

static void batch_written(struct note *n)
{
    struct batch *b = OWNER(n, struct batch, note);
    struct search *s = b->search;

    s->n_flying--;
    if (b->refused.code != ERR_OK)
        fail(s, "its trials could not be stored", b->refused.message);
    else
        for (size_t i = 0; i < b->n; i++)
            queue_trial(b->trials[i]);
    free(b);
    tell_changed(s);
    go_on(s);
}

void search_trial_add(struct search *s, struct trial_run *t)
{
    t->next = s->trials;
    s->trials = t;
    s->n_open++;
}

/* Asks the sampler for the next trial; none where there are no more. */
static enum err propose_one(struct search *s, struct trial_run **out, struct error *e)
{
    CLEANUP(arena_end) struct arena *scratch = NULL;
    struct params params;
    bool exhausted;

    *out = NULL;
    if (s->n_proposed >= s->definition->planned_trials) {
        s->exhausted = s->definition->whole_space ? "space_exhausted" : "trials";
        return ERR_OK;
    }
    TRY(arena_create(4096, &scratch, e));
    TRY(sampler_propose(s->sampler, scratch, &params, &exhausted, e));
    if (exhausted) {
        s->exhausted = "space_exhausted";
        return ERR_OK;
    }
    return search_trial_create(s, s->n_proposed + 1, &params, out, e);
}

/* Fills the room ahead of the workers with proposals. */
static enum err propose(struct search *s, struct error *e)
{
    size_t room = (size_t)(LIMIT_TRIALS_AHEAD - s->n_open);
    struct batch *b = calloc(1, sizeof *b + room * sizeof *b->trials);
    enum err failed = b ? ERR_OK : error_no_memory(e);

    while (failed == ERR_OK && b->n < room && !s->exhausted) {
        struct trial_run *t;

        failed = propose_one(s, &t, e);
        if (failed == ERR_OK && t) {
            s->n_proposed++;
            search_trial_add(s, t);
            b->trials[b->n++] = t;
        }
    }
    if (failed != ERR_OK || b->n == 0) {
        free(b);
        return failed;
    }
    b->search = s;
    b->write = (struct write){.apply = apply_batch, .done = batch_stored};
    b->note.act = batch_written;
    s->n_flying++;
    writer_post(s->jobs->writer, &b->write);
    return ERR_OK;
}

/* A metric's fold scores in order, and what they come to. */
static struct scores metric_scores(const struct trial_run *t, size_t metric, bool validation,
                                   double *x)
{
    for (size_t i = 0; i < t->n_folds; i++)
        x[i] = validation ? t->folds[i].outcome.validation[metric]
                          : t->folds[i].outcome.train[metric];
    return scores_of(x, t->n_folds, t->search->test_share);
}

static const struct fold_run *first_failed(const struct trial_run *t)
{
    for (size_t i = 0; i < t->n_folds; i++)
        if (t->folds[i].outcome.state == FOLD_FAILED)
            return &t->folds[i];
    return NULL;
}

static void describe_failure(const struct trial_run *t, const struct fold_run *failed, char *out,
                             size_t capacity)
{
    if (t->search->split->n_repeats > 1)
        (void)snprintf(out, capacity, "repeat %" PRIu32 ", fold %" PRIu32 ": %.400s",
                       failed->repeat, failed->fold, failed->outcome.error);
    else
        (void)snprintf(out, capacity, "fold %" PRIu32 ": %.400s", failed->fold,
                       failed->outcome.error);
}

/* Scores of a trial whose folds have all completed. */
static size_t sum_up(const struct trial_run *t, double *x, struct trial_score *scores,
                     struct trial_finish *f)
{
    size_t n = 0, decides = metric_index(t->search->metric);

    for (size_t i = 0; i < metric_count(); i++) {
        struct scores validation, train;

        if (metric_at(i)->task != t->search->table->task)
            continue;
        train = metric_scores(t, i, false, x);
        validation = metric_scores(t, i, true, x);
        scores[n++] = (struct trial_score){metric_at(i)->name, validation.mean, validation.std,
                                           train.mean};
        if (i != decides)
            continue;
        f->score = validation.mean;
        f->score_std = validation.std;
        f->score_sem = validation.sem;
        f->train_mean = train.mean;
    }
    return n;
}

static enum err apply_close(struct store *store, struct write *w, struct error *e)
{
    const struct trial_run *t = OWNER(w, struct trial_run, close_write);
    const struct fold_run *failed = first_failed(t);
    CLEANUP(mem_free) double *x = calloc(t->n_folds, sizeof *x);
    struct trial_score scores[METRIC_MAX];
    struct trial_finish f = {.state = "completed",
                             .score = NAN,
                             .score_std = NAN,
                             .score_sem = NAN,
                             .train_mean = NAN,
                             .scores = scores};
    char sentence[512];

    if (!x)
        return error_no_memory(e);
    for (size_t i = 0; i < t->n_folds; i++) {
        f.seconds += t->folds[i].outcome.seconds;
        if (t->folds[i].outcome.finished_at_ms > f.at_ms)
            f.at_ms = t->folds[i].outcome.finished_at_ms;
    }
    if (failed) {
        describe_failure(t, failed, sentence, sizeof sentence);
        f.state = "failed";
        f.reason = failed->outcome.diverged ? "diverged" : "error";
        f.error = sentence;
    } else {
        f.n_scores = sum_up(t, x, scores, &f);
    }
    return store_trial_finish(store, t->search->id, t->number, &f, e);
}

static void close_stored(struct write *w, const struct error *e)
{
    struct trial_run *t = OWNER(w, struct trial_run, close_write);

    if (e)
        t->refused = *e;
    conductor_tell(t->search->jobs->conductor, &t->close_note);
}

static void trial_destroy(struct trial_run *t)
{
    arena_destroy(t->arena);
    free(t);
}

static void trial_closed(struct note *n)
{
    struct trial_run *t = OWNER(n, struct trial_run, close_note), **link;
    struct search *s = t->search;

    s->n_flying--;
    s->n_open--;
    if (t->refused.code != ERR_OK)
        fail(s, "a trial could not be closed", t->refused.message);
    link = &s->trials;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    trial_destroy(t);
    tell_changed(s);
    go_on(s);
}

static void close_trial(struct trial_run *t)
{
    t->close_write = (struct write){.apply = apply_close, .done = close_stored};
    t->close_note.act = trial_closed;
    t->search->n_flying++;
    writer_post(t->search->jobs->writer, &t->close_write);
}

void search_fold_ended(struct note *n)
{
    struct fold_run *run = OWNER(n, struct fold_run, note);
    struct trial_run *t = run->trial;
    struct search *s = t->search;

    s->n_flying--;
    if (run->outcome.state == FOLD_DROPPED) {
        if (run->outcome.error[0])
            fail(s, "a fold could not be stored", run->outcome.error);
    } else {
        run->finished = true;
        if (--t->n_left == 0)
            close_trial(t);
    }
    tell_changed(s);
    go_on(s);
}

/* The network as the leaderboard shows it, defaults included; lives in the trial's arena. */
static enum err describe_network(struct trial_run *t, struct error *e)
{
    const struct table *table = t->search->table;
    const struct spec *spec = &t->spec;
    int64_t *hidden = arena_alloc(t->arena, spec->n_hidden + 1, sizeof *hidden);
    const char **activations = arena_alloc(t->arena, spec->n_hidden + 1, sizeof *activations);

    if (!hidden || !activations)
        return error_no_memory(e);
    for (size_t i = 0; i < spec->n_hidden; i++) {
        hidden[i] = (int64_t)spec->width[i];
        activations[i] = hyper_activation_name(spec->activation[i]);
    }
    t->network = (struct trial_network){
        .layers = spec->n_hidden,
        .hidden = hidden,
        .activations = activations,
        .optimizer = hyper_optimizer_name(spec->optimizer),
        .learning_rate = spec->learning_rate,
        .batch_size = (int64_t)spec->batch_size,
        .epochs = (int64_t)spec->epochs,
        .weight_count = (int64_t)train_weight_count(
            spec, table->task, prepare_features(table, &t->prepare), table_outputs(table)),
    };
    return ERR_OK;
}

/* A trial with its folds, in order of (repeat, fold); half built where it fails. */
static enum err build_trial(struct trial_run *t, const struct params *params, struct error *e)
{
    const struct search *s = t->search;
    CLEANUP(buf_finish) struct buf key = {0};

    for (size_t i = 0; i < t->n_folds; i++) {
        t->folds[i].trial = t;
        t->folds[i].repeat = (uint32_t)(i / s->split->n_folds) + 1;
        t->folds[i].fold = (uint32_t)(i % s->split->n_folds) + 1;
    }
    TRY(arena_create(1024, &t->arena, e));
    TRY(params_copy(params, t->arena, &t->params, e));
    TRY(hyper_spec(&t->params, s->table->task, s->table->n_rows, &t->spec, e));
    TRY(hyper_prepare(&t->params, s->table->task, &t->prepare, e));
    hyper_canonical(&t->spec, &t->prepare, &key);
    TRY(buf_check(&key, e));
    t->key = arena_strdup(t->arena, buf_text(&key));
    return t->key ? describe_network(t, e) : error_no_memory(e);
}

enum err search_trial_create(struct search *s, int64_t number, const struct params *params,
                             struct trial_run **out, struct error *e)
{
    size_t n_folds = (size_t)s->split->n_folds * s->split->n_repeats;
    struct trial_run *t = calloc(1, sizeof *t + n_folds * sizeof *t->folds);
    enum err failed;

    if (!t)
        return error_no_memory(e);
    t->search = s;
    t->number = number;
    t->n_folds = t->n_left = n_folds;
    failed = build_trial(t, params, e);
    if (failed != ERR_OK) {
        trial_destroy(t);
        return error_prefix(e, "trial %" PRId64, number);
    }
    *out = t;
    return ERR_OK;
}

/* ---- the life of a search ---------------------------------------------------------------- */

/* Looks what is to be done next, after anything has happened. */
static void go_on(struct search *s)
{
    struct error e = {0};

    if (s->ending || atomic_load(&s->jobs->stopping))
        return;
    if (s->cancelled || s->failure[0]) {
        for (struct job *dropped = queue_drop(s->jobs->queue, &s->lane); dropped; dropped = dropped->next)
            s->n_flying--;
        if (s->n_flying == 0)
            end(s);
        return;
    }
    if (!s->paused && !s->exhausted && s->n_open <= LIMIT_TRIALS_AHEAD / 2 &&
        propose(s, &e) != ERR_OK)
        fail(s, "no further trial could be proposed", e.message);
    if (s->n_flying == 0 && (s->failure[0] || (s->exhausted && s->n_open == 0)))
        end(s);
}

void search_begin(struct search *s, struct command *c)
{
    queue_add(s->jobs->queue, &s->lane, s->owner, s->definition->priority);
    queue_hold(s->jobs->queue, &s->lane, s->paused);
    for (struct trial_run *t = s->trials; t; t = t->next)
        if (t->n_left > 0)
            queue_trial(t);
        else
            close_trial(t);
    s->waiting = c;
    s->running_since = s->paused ? 0 : clock_seconds();
    write_state(s, &s->state, s->paused ? "paused" : "running", NULL);
}

void search_cancel(struct search *s, struct command *c)
{
    if (s->waiting) {
        command_end(c, error_set(&c->error, ERR_CONFLICT,
                                 "experiment %" PRId64 " is busy with an earlier command", s->id));
        return;
    }
    s->waiting = c;
    atomic_store(&s->cancelled, true);
    go_on(s);
}

void search_pause(struct search *s, bool paused, struct command *c)
{
    if (s->waiting || s->paused == paused || s->cancelled) {
        command_end(c, error_set(&c->error, ERR_CONFLICT, "experiment %" PRId64 " is %s", s->id,
                                 s->cancelled  ? "being cancelled"
                                 : s->waiting  ? "busy with an earlier command"
                                 : s->paused   ? "paused already"
                                               : "running already"));
        return;
    }
    s->elapsed_before = elapsed_seconds(s);
    s->running_since = paused ? 0 : clock_seconds();
    s->paused = paused;
    s->waiting = c;
    queue_hold(s->jobs->queue, &s->lane, paused);
    write_state(s, &s->state, paused ? "paused" : "running", NULL);
}

void search_destroy(struct search *s)
{
    char prefix[40];

    if (!s)
        return;
    if (s->lane.owner)
        queue_remove(s->jobs->queue, &s->lane);
    while (s->trials) {
        struct trial_run *t = s->trials;

        s->trials = t->next;
        trial_destroy(t);
    }
    sampler_destroy(s->sampler);
    space_destroy(s->space);
    split_destroy(s->split);
    cache_release(s->jobs->cache, s->table);
    (void)snprintf(prefix, sizeof prefix, "fold/%" PRId64 "/", s->id);
    cache_drop(s->jobs->cache, prefix); /* its prepared folds */
    arena_destroy(s->arena);
    free(s);
}
