#include "server/jobs/study.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/jobs/private.h"
#include "server/jobs/study_private.h"
#include "server/schema/change.h"
#include "server/store/store_experiment.h"
#include "server/store/store_tell.h"

struct studies {
    pthread_mutex_t lock; /* of the list; taken before no other lock */
    struct study *first;
};

/* ---- in and out -------------------------------------------------------------------------- */

enum err studies_create(struct studies **out, struct error *e)
{
    struct studies *s = calloc(1, sizeof *s);

    if (!s)
        return error_no_memory(e);
    pthread_mutex_init(&s->lock, NULL);
    *out = s;
    return ERR_OK;
}

static void destroy(struct study *s)
{
    study_unload(s);
    free(s->open);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void studies_destroy(struct studies *s)
{
    if (!s)
        return;
    while (s->first) {
        struct study *one = s->first;

        s->first = one->next;
        destroy(one);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct study *find_or_create(struct jobs *j, int64_t id)
{
    struct study *s = j->studies->first;

    while (s && s->id != id)
        s = s->next;
    if (s || !(s = calloc(1, sizeof *s)))
        return s;
    s->jobs = j;
    s->id = id;
    pthread_mutex_init(&s->lock, NULL);
    s->next = j->studies->first;
    j->studies->first = s;
    return s;
}

/* Takes the study's lock; it may not be loaded. */
static enum err hold(struct jobs *j, int64_t id, struct study **out, struct error *e)
{
    struct study *s;

    pthread_mutex_lock(&j->studies->lock);
    s = find_or_create(j, id);
    if (s)
        s->n_users++;
    pthread_mutex_unlock(&j->studies->lock);
    if (!s)
        return error_no_memory(e);
    pthread_mutex_lock(&s->lock);
    *out = s;
    return ERR_OK;
}

void study_let_go(struct study **held)
{
    struct study *s = *held, **link;
    struct studies *all;

    if (!s)
        return;
    all = s->jobs->studies;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&all->lock);
    if (--s->n_users == 0 && !s->loaded) {
        link = &all->first;
        while (*link != s)
            link = &(*link)->next;
        *link = s->next;
        destroy(s);
    }
    pthread_mutex_unlock(&all->lock);
}

enum err study_enter(struct jobs *j, int64_t id, struct study **out, struct error *e)
{
    TRY(hold(j, id, out, e));
    return (*out)->loaded ? ERR_OK : study_load(*out, e);
}

int64_t study_elapsed_ms(const struct study *s)
{
    double since = s->running_since > 0 ? clock_seconds() - s->running_since : 0;

    return (int64_t)(1000 * (s->elapsed_before + since));
}

struct open_trial *study_find_open(struct study *s, int64_t number)
{
    for (size_t i = 0; i < s->n_open; i++)
        if (s->open[i].number == number)
            return &s->open[i];
    return NULL;
}

static void tell_changed(struct jobs *j)
{
    j->options.changed(j->options.ctx);
}

struct storing {
    struct also first, then;
};

static enum err apply_both(struct store *store, void *ctx, struct error *e)
{
    const struct storing *x = ctx;

    TRY(also_apply(&x->first, store, e));
    return also_apply(&x->then, store, e);
}

enum err study_store(struct study *s,
                     enum err (*apply)(struct store *store, void *ctx, struct error *e), void *ctx,
                     struct also then, struct error *e)
{
    struct storing x = {{apply, ctx}, then};
    enum err failed = writer_call(s->jobs->writer, apply_both, &x, e);

    if (failed != ERR_OK)
        study_unload(s);
    else
        tell_changed(s->jobs);
    return failed;
}

/* ---- the end ----------------------------------------------------------------------------- */

/* Why nothing will be handed out any more; NULL: something may be. */
static const char *over(const struct study *s)
{
    double limit = s->definition->seconds;

    return limit > 0 && (double)study_elapsed_ms(s) >= 1000 * limit ? "seconds" : s->stop.reason;
}

const char *study_enough(const struct study *s)
{
    if (over(s))
        return over(s);
    if ((int64_t)s->sampler->history.n >= s->definition->planned_trials)
        return s->definition->whole_space ? "space_exhausted" : "trials";
    return s->exhausted ? "space_exhausted" : NULL;
}

enum err study_end(struct store *store, const struct study *s, const char *stop_reason,
                   struct error *e)
{
    int64_t now = clock_now_ms();

    TRY(outcome_cancel_rest(store, s->id, "budget", now, e));
    return store_experiment_set_state(
        store, s->id,
        &(struct experiment_change){.state = "completed",
                                    .stop_reason = stop_reason,
                                    .at_ms = now,
                                    .elapsed_ms = study_elapsed_ms(s)},
        e);
}

static enum err apply_end(struct store *store, void *ctx, struct error *e)
{
    const struct study *s = ctx;

    return study_end(store, s, study_enough(s), e);
}

/* ---- ask --------------------------------------------------------------------------------- */

struct asking {
    struct study *study;
    struct arena *arena;
    size_t n_again, n; /* the first were handed out before */
    struct study_trial *trials;
};

static enum err apply_ask(struct store *store, void *ctx, struct error *e)
{
    const struct asking *q = ctx;
    const struct definition_objective *o = q->study->definition->objective;
    int64_t now = clock_now_ms();

    for (size_t i = 0; i < q->n; i++) {
        const struct study_trial *t = &q->trials[i];
        struct trial_proposal proposal = {
            .trial = t->trial, .params = &t->params, .folds_planned = o->folds > 0 ? o->folds : 1};

        if (i >= q->n_again)
            TRY(store_trial_insert(store, q->study->id, &proposal, 1, e));
        TRY(store_tell_hand_out(store, q->study->id, t->trial, t->lease, now, e));
    }
    return ERR_OK;
}

/* Trials whose client was not heard of for too long, the lowest first. */
static enum err take_expired(struct asking *q, size_t count, struct error *e)
{
    struct study *s = q->study;
    double now = clock_seconds();

    for (size_t i = 0; i < s->n_open && q->n < count; i++) {
        struct study_trial *t = &q->trials[q->n];

        if (s->open[i].deadline > now)
            continue;
        t->trial = s->open[i].number;
        t->lease = ++s->open[i].lease;
        if (s->reports)
            reports_forget(s->reports, (uint32_t)t->trial);
        s->open[i].deadline = now + s->definition->objective->lease_seconds;
        TRY(axes_point(&s->sampler->history.axes, history_x(&s->sampler->history, (size_t)t->trial),
                       q->arena, &t->params, e));
        q->n_again = ++q->n;
    }
    return ERR_OK;
}

/* What a person wants to be tried first, then what the sampler proposes. */
static enum err next_point(struct asking *q, struct params *out, struct error *e)
{
    struct study *s = q->study;
    int64_t handed_out = (int64_t)s->sampler->history.n - s->n_imported;

    if (handed_out >= (int64_t)s->definition->n_enqueued)
        return sampler_propose(s->sampler, q->arena, out, &s->exhausted, e);
    *out = s->definition->enqueued[handed_out];
    return sampler_replay(s->sampler, out, e);
}

static enum err take_new(struct asking *q, size_t count, struct error *e)
{
    struct study *s = q->study;

    while (q->n < count && !study_enough(s)) {
        struct study_trial *t = &q->trials[q->n];

        TRY(next_point(q, &t->params, e));
        if (s->exhausted)
            break;
        t->trial = (int64_t)s->sampler->history.n;
        t->lease = 1;
        TRY(study_add_open(s, t->trial, t->lease, e));
        q->n++;
    }
    return ERR_OK;
}

static enum err refuse(const struct study *s, const char *why, struct error *e)
{
    const char *sentence = strcmp(why, "trials") == 0            ? "its budget of trials is spent"
                           : strcmp(why, "seconds") == 0         ? "its budget.seconds is spent"
                           : strcmp(why, "space_exhausted") == 0 ? "its space is exhausted"
                                                                 : "its stop_when is met";

    return error_set(e, ERR_CONFLICT, "experiment %" PRId64 ": %s; %zu trials are not told yet",
                     s->id, sentence, s->n_open);
}

/* There is nothing to be handed out; where nothing is waited for, that is the end. */
static enum err ask_in_vain(struct study *s, struct error *e)
{
    const char *why = study_enough(s);
    double now = clock_seconds();

    for (size_t i = 0; i < s->n_open; i++)
        if (s->open[i].deadline > now)
            return refuse(s, why, e);
    TRY(study_store(s, apply_end, s, (struct also){0}, e));
    s->n_open = 0;
    (void)refuse(s, why, e);
    study_unload(s);
    return ERR_CONFLICT;
}

static enum err ask(struct study *s, size_t count, struct asking *q, struct error *e)
{
    if (s->paused)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " is paused", s->id);
    if (!over(s))
        TRY(take_expired(q, count, e));
    TRY(take_new(q, count, e));
    return ERR_OK;
}

enum err study_ask(struct jobs *j, int64_t id, size_t count, struct arena *a,
                   struct study_trial *out, size_t *n, struct also then, struct error *e)
{
    CLEANUP(study_let_go) struct study *s = NULL;
    struct asking q = {.arena = a, .trials = out};
    enum err failed;

    TRY(study_enter(j, id, &s, e));
    TRY(study_close_stopped(s, e));
    TRY(s->loaded ? ERR_OK : study_load(s, e)); /* that was its end */
    q.study = s;
    failed = ask(s, count, &q, e);
    if (failed != ERR_OK) {
        if (failed != ERR_CONFLICT)
            study_unload(s); /* half of it may have been done */
        return failed;
    }
    if (q.n == 0)
        return ask_in_vain(s, e);
    *n = q.n;
    return study_store(s, apply_ask, &q, then, e);
}

/* ---- what is done to a study from outside -------------------------------------------------- */

struct change {
    enum err (*apply)(struct store *s, void *ctx, struct error *e);
    void *ctx;
    int64_t id;
    int64_t elapsed_ms; /* -1: as it is stored */
};

static enum err apply_change(struct store *store, void *ctx, struct error *e)
{
    const struct change *c = ctx;

    if (c->elapsed_ms >= 0)
        TRY(store_experiment_set_elapsed(store, c->id, c->elapsed_ms, e));
    return c->apply(store, c->ctx, e);
}

static enum err change(struct study *s,
                       enum err (*apply)(struct store *s, void *ctx, struct error *e), void *ctx,
                       struct error *e)
{
    struct change c = {apply, ctx, s->id, s->loaded ? study_elapsed_ms(s) : -1};
    enum err failed = study_store(s, apply_change, &c, (struct also){0}, e);

    study_unload(s);
    return failed;
}

enum err study_change(struct jobs *j, int64_t id,
                      enum err (*apply)(struct store *s, void *ctx, struct error *e), void *ctx,
                      struct error *e)
{
    CLEANUP(study_let_go) struct study *s = NULL;

    TRY(hold(j, id, &s, e));
    return change(s, apply, ctx, e);
}

struct order {
    int64_t id;
    enum jobs_command what;
    struct arena *arena;
    struct also then;
};

static enum err apply_order(struct store *store, void *ctx, struct error *e)
{
    static const char *const STATES[] = {[JOBS_PAUSE] = "paused",
                                         [JOBS_RESUME] = "running",
                                         [JOBS_CANCEL] = "cancelled",
                                         [JOBS_DROP] = "cancelled"};
    const struct order *o = ctx;
    struct experiment_change to = {
        .state = STATES[o->what], .at_ms = clock_now_ms(), .elapsed_ms = -1};
    struct experiment_record x;

    TRY(store_experiment_get(store_writer(store), o->id, o->arena, &x, e));
    if (x.finished_at_ms != 0)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " has ended", o->id);
    if (strcmp(x.state, to.state) == 0)
        return error_set(e, ERR_CONFLICT, "experiment %" PRId64 " is %s already", o->id, x.state);
    if (strcmp(to.state, "cancelled") == 0) {
        to.stop_reason = "user";
        TRY(outcome_cancel_rest(store, o->id, "user", to.at_ms, e));
    }
    TRY(store_experiment_set_state(store, o->id, &to, e));
    return also_apply(&o->then, store, e);
}

enum err study_command(struct jobs *j, int64_t id, enum jobs_command what, struct also then,
                       struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    struct order o = {.id = id, .what = what, .then = then};

    TRY(arena_create(4096, &a, e));
    o.arena = a;
    return study_change(j, id, apply_order, &o, e);
}

/* ---- trials from before -------------------------------------------------------------------- */

struct importing {
    const struct study_import *items;
    size_t n;
    struct study *study;
    int64_t first;
    struct arena *arena;
};

/* Reads the stored definition in the same transaction, so that no other change is lost. */
static enum err grow_budget(struct store *store, struct importing *m, struct error *e)
{
    struct experiment_record x;
    struct definition *d;
    struct faults faults;
    const char *json;

    faults_init(&faults, m->arena);
    TRY(store_experiment_get(store_writer(store), m->study->id, m->arena, &x, e));
    TRY(change_extend(x.definition, &definition_no_data, (int64_t)m->n, m->arena, &faults, &d,
                      &json, e));
    return store_experiment_set_plan(store, m->study->id, d->planned_trials, json, e);
}

static enum err apply_import(struct store *store, void *ctx, struct error *e)
{
    struct importing *m = ctx;
    const struct definition_objective *o = m->study->definition->objective;
    int64_t now = clock_now_ms(), id = m->study->id;

    TRY(grow_budget(store, m, e));
    for (size_t i = 0; i < m->n; i++) {
        struct trial_proposal p = {.trial = m->first + (int64_t)i,
                                   .params = &m->items[i].params,
                                   .folds_planned = o->folds > 0 ? o->folds : 1};
        struct trial_finish f = study_finish(&m->items[i].result, now);

        TRY(store_trial_insert(store, id, &p, 1, e));
        TRY(store_tell_finish(store, id, p.trial, &f, e));
    }
    return ERR_OK;
}

enum err study_import(struct jobs *j, int64_t id, const struct study_import *items, size_t n,
                      int64_t *first, struct also then, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(study_let_go) struct study *s = NULL;
    struct importing m = {.items = items, .n = n};

    TRY(arena_create(1 << 14, &a, e));
    TRY(study_enter(j, id, &s, e));
    m.study = s;
    m.arena = a;
    m.first = (int64_t)s->sampler->history.n + 1;
    *first = m.first;
    TRY(study_store(s, apply_import, &m, then, e));
    study_unload(s);
    return ERR_OK;
}
