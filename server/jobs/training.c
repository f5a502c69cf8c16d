#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/group.h"
#include "core/train/train.h"
#include "server/clock.h"
#include "server/jobs/private.h"

enum { LARGEST_MATE_BYTES = 1 << 20 };

/* Who waits for this fold helps, and so do workers that have nothing else to do. */
static enum err make_fold(void *ctx, struct team *team, void **object, size_t *bytes,
                          struct error *e)
{
    const struct fold_run *run = ctx;
    const struct search *s = run->trial->search;
    uint32_t repeat = s->unseals ? 0 : run->repeat - 1;
    struct offer offer = {.team = team, .work = HUGE_VAL}; /* trainings wait */
    struct fold_data *d;
    enum err err;

    queue_offer(s->jobs->queue, &offer);
    err = prepare_fold(s->table, s->split, repeat, run->fold, &run->trial->prepare, team, &d, e);
    queue_withdraw(s->jobs->queue, &offer);
    if (err != ERR_OK)
        return err;
    *object = d;
    *bytes = fold_data_bytes(d);
    return ERR_OK;
}

static void destroy_fold(void *object)
{
    fold_data_destroy(object);
}

/* The fold as this trial's preprocessing makes it, shared with all trials that want the same. */
static enum err take_fold(struct fold_run *run, const struct fold_data **out, struct error *e)
{
    const struct prepare_spec *p = &run->trial->prepare;
    struct cache_maker maker = {make_fold, destroy_fold, run, true};
    const void *object;
    char key[160];

    (void)snprintf(key, sizeof key, "fold/%" PRId64 "/%" PRIu32 "/%" PRIu32 "/%d/%d/%d/%zu",
                   run->trial->search->id, run->repeat, run->fold, p->scaling, p->impute,
                   p->missing_indicator, p->max_categories);
    TRY(cache_take(run->trial->search->jobs->cache, key, maker, &object, e));
    *out = object;
    return ERR_OK;
}

/* One fold that is trained, alone or with others. */
struct training {
    struct fold_run *run;
    const struct fold_data *data;
    struct train *train; /* NULL: it could not be set up, or is posted */
    size_t from;         /* epochs that were done before */
};

/* Folds of one search that a worker trains at once. */
struct crew {
    struct search *search;
    struct training trainings[GROUP_MOST];
    size_t n, n_left; /* all of them, and those that are not posted */
    double since;     /* clock_seconds: up to then the time is shared out */
    double share;     /* seconds of each that is left */
    double counted;   /* clock_seconds: up to then the time is in its trial's spent_us */
};

/* ---- trainings that wait to go on -------------------------------------------------------- */

struct parked {
    struct train *train;
    const struct fold_data *data;
};

static void destroy_parked(void *object)
{
    struct parked *p = object;

    train_destroy(p->train);
    free(p);
}

static void name_parked(const struct fold_run *run, char key[96])
{
    (void)snprintf(key, 96, "train/%" PRId64 "/%" PRId64 "/%" PRIu32 "/%" PRIu32,
                   run->trial->search->id, run->trial->number, run->repeat, run->fold);
}

/* Takes up the training where it was left, if it is still there. */
static bool take_parked(struct training *t)
{
    struct parked *p;
    char key[96];

    name_parked(t->run, key);
    p = cache_fetch(t->run->trial->search->jobs->cache, key);
    if (!p)
        return false;
    t->train = p->train;
    t->data = p->data;
    t->from = train_result(p->train)->epochs_run;
    free(p);
    return true;
}

static size_t bytes_of(const struct fold_run *run)
{
    const struct table *t = run->trial->search->table;

    return train_bytes(&run->trial->spec, t->task, prepare_features(t, &run->trial->prepare),
                       table_outputs(t), t->n_rows);
}

/* Leaves the training to the cache. Where there is no room it begins anew from its seed when it is
 * to go on. */
static void park(struct training *t)
{
    struct cache *c = t->run->trial->search->jobs->cache;
    struct parked *p = malloc(sizeof *p);
    struct error e;
    char key[96];

    name_parked(t->run, key);
    if (p) {
        *p = (struct parked){t->train, t->data};
        if (cache_park(c, key, p, bytes_of(t->run), destroy_parked, t->data, &e) == ERR_OK)
            return;
        free(p);
    }
    train_destroy(t->train);
    cache_release(c, t->data);
}

/* ---- one fold ---------------------------------------------------------------------------- */

static enum err create(struct training *t, struct error *e)
{
    struct fold_run *run = t->run;
    const struct search *s = run->trial->search;

    TRY(take_fold(run, &t->data, e));
    return train_create(&run->trial->spec, t->data, s->jobs->options.kernel, s->metric,
                        s->definition->seed_training, run->repeat, run->fold, &t->train, e);
}

static void set_up(struct training *t)
{
    struct error e = {0};

    outcome_forget(&t->run->outcome); /* of an earlier rung */
    if (!take_parked(t) && create(t, &e) != ERR_OK)
        outcome_fail(&t->run->outcome, &e);
    if (t->train)
        train_set_goal(t->train, t->run->goal);
}

/* That of a trial with one fold is stored with the fold, where that is on its way already. */
static enum err apply_start(struct store *store, struct write *w, struct error *e)
{
    const struct trial_run *t = OWNER(w, struct trial_run, start_write);

    if (t->n_folds == 1 && atomic_load(&t->trained))
        return ERR_OK;
    return store_trial_set_state(store, t->search->id, t->number, "running", t->started_at_ms, e);
}

static void start_stored(struct write *w, const struct error *e)
{
    (void)w; /* nobody waits for it */
    (void)e;
}

/* True where every other fold of the trial is stored; a pruner has its say first. */
static bool is_last(const struct fold_run *run)
{
    const struct trial_run *t = run->trial;

    if (t->search->definition->pruner)
        return false;
    for (size_t i = 0; i < t->n_folds; i++)
        if (&t->folds[i] != run && !t->folds[i].stored)
            return false;
    return true;
}

/* The trial ends in the same transaction where this was its last fold. */
static enum err apply_fold(struct store *store, struct write *w, struct error *e)
{
    struct fold_run *run = OWNER(w, struct fold_run, write);

    run->closes = is_last(run);
    TRY(outcome_insert(store, run, e));
    return run->closes ? trial_apply_close(store, &run->trial->close_write, e) : ERR_OK;
}

static void fold_stored(struct write *w, const struct error *e)
{
    struct fold_run *run = OWNER(w, struct fold_run, write);
    struct jobs *j = run->trial->search->jobs;

    for (size_t i = 0; i < OUTCOME_CURVES; i++)
        buf_finish(&run->outcome.curves[i]);
    run->stored = !e;
    if (e) {
        run->outcome.state = FOLD_DROPPED;
        run->outcome.refused = e->code;
        (void)snprintf(run->outcome.error, sizeof run->outcome.error, "%s", e->message);
    }
    conductor_tell(j->conductor, &run->note);
}

static void start_trial(struct jobs *j, struct trial_run *t)
{
    if (atomic_exchange(&t->started, true))
        return;
    t->started_at_ms = clock_now_ms();
    t->start_write = (struct write){.apply = t->search->unseals ? unseal_apply_start : apply_start,
                                    .done = start_stored};
    writer_post(j->writer, &t->start_write);
}

static void keep(struct training *t, double seconds)
{
    struct fold_run *run = t->run;
    const struct search *s = run->trial->search;
    const struct spec *spec = &run->trial->spec;
    struct error e = {0};

    if (t->train) {
        const struct train_result *r = train_result(t->train);

        if (r->state == TRAIN_COMPLETED && t->from == 0)
            pace_add(&s->jobs->pace, spec, t->data, seconds);
        if (outcome_keep(run, r, &e) != ERR_OK)
            outcome_fail(&run->outcome, &e);
    }
    if (run->outcome.state == FOLD_PARKED) {
        park(t);
    } else {
        train_destroy(t->train);
        cache_release(s->jobs->cache, t->data);
    }
    seconds += run->outcome.seconds;
    run->outcome.seconds = floor(1e6 * seconds + 0.5) / 1e6; /* microseconds will do */
    run->outcome.finished_at_ms = clock_now_ms();
}

/* Posts what came of a fold, the last of its crew or not; its search may be gone at once. */
static void hand_on(struct jobs *j, struct fold_run *run, bool is_last_of_crew)
{
    const struct search *s = run->trial->search;

    run->note.act = s->unseals ? unseal_fold_ended : search_fold_ended;
    if (run->outcome.state == FOLD_PARKED || run->outcome.state == FOLD_DROPPED) {
        conductor_tell(j->conductor, &run->note); /* of a dropped one nothing is stored: see is_last */
        return;
    }
    run->write =
        (struct write){.apply = s->unseals ? unseal_apply_fold : apply_fold,
                       .done = fold_stored,
                       .urgent = is_last_of_crew && !queue_has_waiting(j->queue, &s->lane)};
    atomic_store(&run->trial->trained, true);
    writer_post(j->writer, &run->write);
}

static bool is_cancelled(const struct search *s)
{
    return atomic_load_explicit(&s->cancelled, memory_order_relaxed) ||
           atomic_load_explicit(&s->jobs->stopping, memory_order_relaxed);
}

/* Adds the time since the last call to the trial's; a search with such a limit trains its folds
 * one by one: else the first of them may be gone with its trial while others train. */
static bool is_late(struct crew *c)
{
    struct trial_run *t;
    double now;

    if (c->search->definition->trial_seconds <= 0)
        return false;
    t = c->trainings[0].run->trial;
    now = clock_seconds();
    atomic_fetch_add(&t->spent_us, (int_fast64_t)(1e6 * (now - c->counted)));
    c->counted = now;
    return trial_is_late(t);
}

static bool is_wanted(void *ctx)
{
    return !is_cancelled(((const struct crew *)ctx)->search) && !is_late(ctx);
}

/* A fold that was cut, or never begun, as its trial has had its time. Of its curves nothing is
 * kept: how far they came is an accident. */
static void cut(struct outcome *out, double limit)
{
    struct error e;

    (void)error_set(&e, ERR_LIMIT,
                    "the trial's folds have trained for more than %.6g s together, its "
                    "budget.trial_seconds",
                    limit);
    out->epochs = out->epochs_run = 0;
    outcome_fail(out, &e);
}

/* ---- folds that share a run --------------------------------------------------------------- */

static struct fold_run *take_shorter(struct fold_run *run)
{
    struct fold_run *s = run->shorter;

    run->shorter = s->shorter; /* once it is posted, s may be freed */
    s->shorter = NULL;
    return s;
}

/* The shortest fold that run's training carries has reached its last epoch, or never will. */
static void end_shorter(struct fold_run *run, const struct train_result *r)
{
    struct fold_run *s = take_shorter(run);
    struct error e = {0};

    if (outcome_keep(s, r, &e) != ERR_OK)
        outcome_fail(&s->outcome, &e);
    s->outcome.reused_experiment = run->trial->search->id;
    s->outcome.reused_trial = run->trial->number;
    s->outcome.finished_at_ms = clock_now_ms();
    hand_on(run->trial->search->jobs, s, false);
}

/* What keeps the long fold from a result keeps the shorter ones, too. */
static void end_rest(struct fold_run *run)
{
    while (run->shorter) {
        struct fold_run *s = take_shorter(run);

        s->outcome.state = run->outcome.state;
        s->outcome.refused = run->outcome.refused;
        s->outcome.finished_at_ms = run->outcome.finished_at_ms;
        (void)snprintf(s->outcome.error, sizeof s->outcome.error, "%s", run->outcome.error);
        hand_on(run->trial->search->jobs, s, false);
    }
}

/* ---- a crew ------------------------------------------------------------------------------ */

/* Keeps what came of a training and hands its fold on; they share the time. */
static void post(struct crew *c, struct training *t)
{
    struct fold_run *run = t->run;
    double now = clock_seconds();

    c->share += (now - c->since) / (double)c->n_left--;
    c->since = now;
    keep(t, c->share);
    t->train = NULL;
    if (run->outcome.state == FOLD_DROPPED && !is_cancelled(c->search) && is_late(c))
        cut(&run->outcome, c->search->definition->trial_seconds);
    if (c->n_left == 0) /* before the last of them is handed on, and with it the search */
        queue_done(c->search->jobs->queue, &c->search->lane);
    end_rest(run);
    hand_on(c->search->jobs, run, c->n_left == 0);
}

static void has_ended(void *ctx, struct train *train)
{
    struct crew *c = ctx;

    for (size_t i = 0; i < c->n; i++)
        if (c->trainings[i].train == train) {
            post(c, &c->trainings[i]);
            return;
        }
}

/* Runs a training to its end; the shorter folds that it carries get what has come of it by their
 * last epoch, which is what a run of their own would give. */
static void run_to_epochs(struct crew *c, const struct training *t)
{
    struct fold_run *run = t->run;

    while (run->shorter && train_run_to(t->train, run->shorter->trial->spec.epochs, is_wanted, c) !=
                               TRAIN_CANCELLED)
        end_shorter(run, train_result(t->train));
    (void)train_run_to(t->train, run->goal, is_wanted, c);
}

/* Runs a training that has no mates, and where it is wide is helped by others that have nothing to
 * do. */
static void run_alone(struct crew *c, const struct training *t)
{
    const struct spec *spec = &t->run->trial->spec;
    const struct fold_data *d = t->data;
    struct queue *q = c->search->jobs->queue;
    struct offer offer = {
        .team = train_team(t->train),
        .work = train_work(spec, d->task, d->n_features, d->n_outputs, d->n_train, d->n_validation),
    };

    if (offer.team)
        queue_offer(q, &offer);
    run_to_epochs(c, t);
    if (offer.team)
        queue_withdraw(q, &offer);
    has_ended(c, t->train);
}

static void train_all(struct crew *c)
{
    struct train *list[GROUP_MOST];
    size_t n = 0;

    c->since = c->counted = clock_seconds();
    c->n_left = c->n;
    for (size_t i = 0; i < c->n; i++) {
        for (const struct fold_run *s = c->trainings[i].run; s; s = s->shorter)
            start_trial(c->search->jobs, s->trial);
        set_up(&c->trainings[i]);
        if (c->trainings[i].train)
            list[n++] = c->trainings[i].train;
    }
    for (size_t i = 0; i < c->n; i++)
        if (!c->trainings[i].train)
            post(c, &c->trainings[i]);
    if (c->n == 1 && n == 1 && (train_team(list[0]) || c->trainings[0].run->shorter))
        run_alone(c, &c->trainings[0]);
    else
        group_run(list, n, is_wanted, has_ended, c);
}

/* Trainings that are in memory together: a group of larger ones would take too much of it. */
static size_t most_mates(const struct fold_run *run)
{
    if (run->trial->search->definition->trial_seconds > 0)
        return 0; /* each has its own limit */
    return bytes_of(run) <= LARGEST_MATE_BYTES ? GROUP_MOST - 1 : 0;
}

void training_run(void *ctx, struct job *job)
{
    struct jobs *j = ctx;
    struct fold_run *run = OWNER(job, struct fold_run, job);
    struct crew c = {.search = run->trial->search, .trainings = {{.run = run}}};
    struct job *mates[GROUP_MOST];

    c.n = 1 + queue_take_like(j->queue, job, j->options.n_threads, most_mates(run), mates);
    for (size_t i = 1; i < c.n; i++)
        c.trainings[i].run = OWNER(mates[i - 1], struct fold_run, job);
    train_all(&c);
}
