/*
 * One search on its way from the first proposal to the last closed trial. Everything here runs on
 * the conductor's thread, but for the functions named apply_… and …_stored: the writer's thread
 * calls the former inside its transaction and the latter after the commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/config.h"
#include "server/jobs/command.h"
#include "server/jobs/private.h"
#include "server/log.h"
#include "server/store/store_experiment.h"

static void note_failure(struct search *s, const char *what, const struct error *why)
{
    if (s->failure[0] == '\0')
        (void)snprintf(s->failure, sizeof s->failure, "%s: %.400s", what, why->message);
    if (!atomic_load(&s->jobs->stopping)) /* what is refused then is done after the next start */
        log_write(LOG_ERROR, "experiment %" PRId64 ": %s: %s", s->id, what, why->message);
}

void search_fail(struct search *s, const char *what, const struct error *why)
{
    if (!writer_may_pass(why->code)) {
        note_failure(s, what, why);
    } else if (why->code == ERR_NO_MEMORY && again_is_vain(s->jobs)) {
        s->is_starved = true;
        note_failure(s, what, why);
    } else {
        s->is_left = true;
        again_later(s->jobs, s->id, what, why);
    }
}

bool search_is_over(const struct search *s)
{
    return s->cancelled || s->failure[0] || s->is_left;
}

/* ---- the experiment's own state ---------------------------------------------------------- */

static double elapsed_seconds(const struct search *s)
{
    return s->elapsed_before + (s->running_since > 0 ? clock_seconds() - s->running_since : 0);
}

/* Whoever gave the command is gone afterwards, and with them what they wanted to be stored. */
static void answer(struct search *s, const struct error *e)
{
    struct command *c = s->waiting;

    s->waiting = NULL;
    if (!c)
        return;
    pthread_mutex_lock(&s->jobs->lock);
    s->state.then = NULL;
    pthread_mutex_unlock(&s->jobs->lock);
    c->error = *e;
    command_end(c, e->code);
}

static enum err apply_then(const struct state_write *x, struct store *store, struct error *e)
{
    pthread_mutex_t *lock = &x->search->jobs->lock;
    enum err failed;

    pthread_mutex_lock(lock);
    failed = x->then ? also_apply(x->then, store, e) : ERR_OK;
    pthread_mutex_unlock(lock);
    return failed;
}

static enum err apply_state(struct store *store, struct write *w, struct error *e)
{
    const struct state_write *x = OWNER(w, struct state_write, write);
    const struct search *s = x->search;
    int64_t now = clock_now_ms();

    if (!x->state)
        return store_experiment_set_elapsed(store, s->id, x->elapsed_ms, e);
    if (x->stop_reason) /* what was proposed and has not ended never will */
        TRY(outcome_cancel_rest(store, s->id, s->is_out_of_time ? "budget" : x->stop_reason, now,
                                e));
    TRY(store_experiment_set_state(store, s->id,
                                   &(struct experiment_change){
                                       .state = x->state,
                                       .stop_reason = x->stop_reason,
                                       .error = x->failure,
                                       .at_ms = now,
                                       .elapsed_ms = x->elapsed_ms,
                                   },
                                   e));
    return apply_then(x, store, e);
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

/* Commands that were put off get their turn; the search may be gone by then. */
static void take_up_commands(struct search *s)
{
    for (struct note *n = s->put_off, *next; n; n = next) {
        next = n->next;
        conductor_tell(s->jobs->conductor, n);
    }
    s->put_off = NULL;
}

/* Its last state is stored. One that lacked memory is there, paused. */
static void leave_memory(struct search *s)
{
    struct jobs *j = s->jobs;
    bool is_paused = s->is_starved && !atomic_load(&j->stopping);
    int64_t id = s->id;

    unlink_search(s);
    search_destroy(s);
    if (!is_paused)
        return;
    again_got_on(j); /* others have a try again */
    again_begin(j, id, NULL);
}

static void state_written(struct note *n)
{
    struct state_write *x = OWNER(n, struct state_write, note);
    struct search *s = x->search;

    x->busy = false;
    s->n_flying--;
    if (x->refused.code != ERR_OK)
        search_fail(s, "its state could not be stored", &x->refused);
    if (x->state || s->ending) {
        answer(s, &x->refused);
        take_up_commands(s);
    }
    if (s->ending)
        leave_memory(s);
    else
        search_go_on(s);
}

static void write_state(struct search *s, struct state_write *x, const char *state,
                        const char *stop_reason)
{
    *x = (struct state_write){
        .write = {.apply = apply_state,
                  .done = state_stored,
                  .durable = s->waiting != NULL,
                  .urgent = state != NULL},
        .note = {.act = state_written},
        .search = s,
        .busy = true,
        .state = state,
        .stop_reason = stop_reason,
        .failure = s->ending && s->failure[0] ? s->failure : NULL,
        .then = state && s->waiting ? s->waiting->then : NULL,
        .elapsed_ms = (int64_t)(1000 * elapsed_seconds(s)),
    };
    s->n_flying++;
    writer_post(s->jobs->writer, &x->write);
}

/* While nothing can be stored nobody is kept waiting: what they asked for is done, but they are
 * told that a crash would undo it. What was put off is not done. */
static void answer_unstored(struct search *s, const struct error *why)
{
    struct error e = *why;

    (void)error_prefix(&e, "experiment %" PRId64 " does so, but that cannot be stored yet", s->id);
    answer(s, &e);
    for (struct note *n = s->put_off, *next; n; n = next) {
        struct command *c = OWNER(n, struct command, note);

        next = n->next;
        c->error = *why;
        command_end(c, error_prefix(&c->error, "experiment %" PRId64 " is busy", s->id));
    }
    s->put_off = NULL;
}

/* Its budget.seconds, without pauses: what trains is left as it is. */
static void look_at_clock(struct search *s)
{
    double limit = s->ending || search_is_over(s) ? 0 : s->definition->seconds;

    if (limit <= 0 || elapsed_seconds(s) < limit)
        return;
    s->is_out_of_time = true;
    atomic_store(&s->cancelled, true);
    search_go_on(s);
}

void search_tick(struct search *s)
{
    struct error why;

    if (!s->elapsed.busy && !s->ending && !s->paused)
        write_state(s, &s->elapsed, NULL, NULL);
    if (search_is_busy(s) && writer_degraded(s->jobs->writer, &why))
        answer_unstored(s, &why);
    look_at_clock(s); /* last: it may be the end of the search */
}

static void end(struct search *s)
{
    s->ending = true;
    if (s->is_left && !s->failure[0] && !s->cancelled)
        write_state(s, &s->state, NULL, NULL); /* behind all that the writer still has of it */
    else if (s->is_starved)
        write_state(s, &s->state, "paused", NULL);
    else if (s->failure[0])
        write_state(s, &s->state, "failed", "error");
    else if (s->is_out_of_time)
        write_state(s, &s->state, "completed", "seconds");
    else if (s->cancelled)
        write_state(s, &s->state, "cancelled", "user");
    else
        write_state(s, &s->state, "completed", s->exhausted);
}

/* ---- trials: queued, closed ---------------------------------------------------- */

static void close_stored(struct write *w, const struct error *e)
{
    struct trial_run *t = OWNER(w, struct trial_run, close_write);

    if (e)
        t->refused = *e;
    conductor_tell(t->search->jobs->conductor, &t->close_note);
}

static void trial_closed(struct note *n);

void search_close_trial(struct trial_run *t)
{
    struct search *s = t->search;

    t->close_write = (struct write){.apply = trial_apply_close,
                                    .done = close_stored,
                                    .urgent = !queue_has_waiting(s->jobs->queue, &s->lane)};
    t->close_note.act = trial_closed;
    s->n_flying++;
    writer_post(s->jobs->writer, &t->close_write);
}

void search_queue_fold(struct fold_run *f, size_t goal)
{
    struct search *s = f->trial->search;

    f->goal = goal;
    if (s->rungs.n > 0 && f->trial->kind) /* those that go as far go together */
        f->job.kind = f->trial->kind ^ goal << 1;
    s->n_flying++;
    if (f->trial->is_known && s->rungs.n == 0)
        reuse_fold(f);
    else if (!f->is_carried)
        queue_push(s->jobs->queue, &s->lane, &f->job);
}

/* With a pruner folds go one after the other, and the last one may come early. */
static void queue_next(struct trial_run *t)
{
    size_t goal = 0;
    struct fold_run *f = race_next(t, &goal);

    if (f)
        search_queue_fold(f, goal);
    else
        search_close_trial(t);
}

/* Hands the folds that are to be trained to the workers; closes a trial that has none left. */
void search_queue_trial(struct trial_run *t)
{
    if (t->search->ladder) {
        climb_begin(t);
    } else if (t->n_left == 0) {
        search_close_trial(t);
    } else if (t->search->pruner) {
        queue_next(t);
    } else {
        for (size_t i = 0; i < t->n_folds; i++)
            if (!t->folds[i].finished)
                search_queue_fold(&t->folds[i], t->spec.epochs);
    }
}

void search_trial_add(struct search *s, struct trial_run *t)
{
    t->next = s->trials;
    if (t->next)
        t->next->previous = t;
    s->trials = t;
    s->n_open++;
}

/* Its trainings that will not go on make room. */
static void forget_parked(const struct trial_run *t)
{
    char prefix[64];

    if (t->search->rungs.n == 0)
        return;
    (void)snprintf(prefix, sizeof prefix, "train/%" PRId64 "/%" PRId64 "/", t->search->id,
                   t->number);
    cache_drop(t->search->jobs->cache, prefix);
}

/* Takes a trial that is stored as ended off the list. */
static void forget_trial(struct trial_run *t)
{
    struct search *s = t->search;

    s->n_open--;
    if (t->refused.code == ERR_OK)
        (void)race_closed(t, &t->refused); /* what it refuses is looked at next */
    if (s->ladder)
        ladder_settle(s->ladder, (uint32_t)t->number);
    if (t->refused.code != ERR_OK)
        search_fail(s, "a trial could not be closed", &t->refused);
    else if (!t->is_revisit) /* the sampler keeps what it was told */
        sampler_tell(s->sampler, (uint32_t)t->number, t->past);
    stop_judge(&s->stop, s->definition, &s->sampler->history);
    forget_parked(t);
    if (t->previous)
        t->previous->next = t->next;
    else
        s->trials = t->next;
    if (t->next)
        t->next->previous = t->previous;
    trial_destroy(t);
}

static void trial_closed(struct note *n)
{
    struct trial_run *t = OWNER(n, struct trial_run, close_note);
    struct search *s = t->search;

    s->n_flying--;
    forget_trial(t);
    search_go_on(s);
}

/* A fold has a result: what its trial does then. */
static void take_fold(struct fold_run *run)
{
    struct trial_run *t = run->trial;
    struct search *s = t->search;
    struct error e;

    if (run->outcome.state != FOLD_PARKED) {
        run->finished = true;
        t->n_left--;
    }
    if (s->pruner && race_fold_ended(run, &e) != ERR_OK)
        search_fail(s, "a fold could not be judged", &e);
    else if (s->pruner && !search_is_over(s))
        queue_next(t);
    else if (s->ladder && !search_is_over(s))
        climb_fold_ended(t);
    else if (t->n_left == 0 && run->closes)
        forget_trial(t);
    else if (t->n_left == 0)
        search_close_trial(t);
}

static void count_fold(struct jobs *j, const struct fold_run *run)
{
    again_got_on(j);
    if (run->is_copied)
        atomic_fetch_add(&j->folds_reused, 1);
    else if (run->outcome.state == FOLD_COMPLETED)
        atomic_fetch_add(&j->folds_completed, 1);
    else
        atomic_fetch_add(&j->folds_failed, 1);
    atomic_fetch_add(&j->training_us, (uint_fast64_t)(run->outcome.seconds * 1e6));
}

/* It could not be trained, or stored, for reasons that are none of its own. */
static void lose_fold(const struct fold_run *run)
{
    struct error why;
    char what[64];

    (void)error_set(&why, run->outcome.refused, "%s", run->outcome.error);
    (void)snprintf(what, sizeof what, "a fold of trial %" PRId64, run->trial->number);
    search_fail(run->trial->search, what, &why);
}

void search_fold_ended(struct note *n)
{
    struct fold_run *run = OWNER(n, struct fold_run, note);
    struct search *s = run->trial->search;

    s->n_flying--;
    if (run->outcome.state != FOLD_DROPPED) {
        count_fold(s->jobs, run);
        take_fold(run);
    } else if (run->outcome.refused != ERR_OK) {
        lose_fold(run);
    }
    search_go_on(s);
}

/* ---- the life of a search ---------------------------------------------------------------- */

/* All trials are decided: those that were stopped and may win after all get another fold each. */
static enum err revisit(struct search *s, struct error *e)
{
    TRY(race_revisit(s, e));
    for (struct trial_run *t = s->trials; t; t = t->next)
        search_queue_trial(t);
    return ERR_OK;
}

/* Looks what is to be done next, after anything has happened. */
void search_go_on(struct search *s)
{
    struct error e = {0};
    size_t room;

    if (s->ending || atomic_load(&s->jobs->stopping))
        return;
    if (search_is_over(s)) {
        for (struct job *dropped = queue_drop(s->jobs->queue, &s->lane); dropped;
             dropped = dropped->next)
            s->n_flying -= share_count(OWNER(dropped, struct fold_run, job));
        if (s->n_flying == 0)
            end(s);
        return;
    }
    race_round_ended(s);
    room = s->paused || s->exhausted || s->is_revisiting ? 0 : propose_room(s);
    if (room > 0 && propose_trials(s, room, &e) != ERR_OK)
        search_fail(s, "no further trial could be proposed", &e);
    else if (s->pruner && s->exhausted && s->n_open == 0 && revisit(s, &e) != ERR_OK)
        search_fail(s, "its stopped trials could not be taken up again", &e);
    if (s->ladder)
        climb_judge(s);
    if (s->n_flying == 0 && (search_is_over(s) || (s->exhausted && s->n_open == 0)))
        end(s);
}

/* What a stopped daemon left unfinished. */
static enum err share_again(struct search *s, struct error *e)
{
    CLEANUP(mem_free) struct trial_run **open = NULL;
    size_t n = 0;

    for (struct trial_run *t = s->trials; t; t = t->next)
        n++;
    open = calloc(n + 1, sizeof *open);
    if (!open)
        return error_no_memory(e);
    n = 0;
    for (struct trial_run *t = s->trials; t; t = t->next)
        open[n++] = t;
    return share_runs(open, n, e);
}

void search_begin(struct search *s, struct command *c)
{
    struct error e = {0};

    s->waiting = c;
    if (!s->failure[0] && share_again(s, &e) != ERR_OK)
        search_fail(s, "its trials could not be taken up", &e);
    if (search_is_over(s)) {
        end(s);
        return;
    }
    queue_add(s->jobs->queue, &s->lane, s->owner, s->definition->priority);
    queue_hold(s->jobs->queue, &s->lane, s->paused);
    for (struct trial_run *t = s->trials; t; t = t->next)
        search_queue_trial(t);
    s->running_since = s->paused ? 0 : clock_seconds();
    write_state(s, &s->state, s->paused ? "paused" : "running", NULL);
}

bool search_is_busy(const struct search *s)
{
    return s->waiting || s->state.busy;
}

void search_put_off(struct search *s, struct command *c)
{
    struct note **end = &s->put_off;

    while (*end)
        end = &(*end)->next;
    c->note.next = NULL;
    *end = &c->note;
}

void search_cancel(struct search *s, struct command *c)
{
    s->waiting = c;
    atomic_store(&s->cancelled, true);
    search_go_on(s);
}

void search_pause(struct search *s, bool paused, struct command *c)
{
    if (s->paused == paused || s->cancelled) {
        command_end(c, error_set(&c->error, ERR_CONFLICT, "experiment %" PRId64 " is %s", s->id,
                                 s->cancelled ? "being cancelled"
                                 : s->paused  ? "paused already"
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

void search_extend(struct search *s, struct command *c)
{
    if (s->cancelled || s->failure[0]) {
        command_end(
            c, error_set(&c->error, ERR_CONFLICT, "experiment %" PRId64 " is being ended", s->id));
        return;
    }
    if (c->extend->trials > s->definition->trials) { /* else it is not the last of several */
        s->definition->trials = c->extend->trials;
        s->definition->planned_trials = c->extend->planned_trials;
        s->definition->whole_space = c->extend->whole_space;
        s->exhausted = NULL; /* looked at anew */
    }
    command_end(c, ERR_OK);
    search_go_on(s);
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
    pruner_destroy(s->pruner);
    ladder_destroy(s->ladder);
    space_destroy(s->space);
    split_destroy(s->split);
    cache_release(s->jobs->cache, s->table);
    (void)snprintf(prefix, sizeof prefix, "train/%" PRId64 "/", s->id);
    cache_drop(s->jobs->cache, prefix); /* those that would have gone on, before what they need */
    (void)snprintf(prefix, sizeof prefix, "fold/%" PRId64 "/", s->id);
    cache_drop(s->jobs->cache, prefix); /* its prepared folds */
    arena_destroy(s->arena);
    free(s);
}
