/*
 * The unsealing of an experiment that has ended: one trial's configuration, trained on every row
 * that is not sealed and scored on the sealed ones. It is a search of one fold, on a list of its
 * own, that goes through queue, worker and writer like any other fold; its outcome goes to the
 * experiment's record of unsealing. Conductor's thread, but for apply_…, unseal_apply_… and
 * last_stored: the writer's.
 *
 * The fold's curves are not kept: they would tell how each epoch does on the sealed rows.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/clock.h"
#include "server/jobs/private.h"
#include "server/log.h"
#include "server/schema/sentences.h"

/* ---- the writer's side ------------------------------------------------------------------- */

/*
 * Of accuracy, a share of rows that are right, each row for itself: as if two rows more were right
 * and two more were wrong, so that 30 right ones of 30 are not without error. Not known of other
 * metrics, nor where rows have weights.
 *
 * Source  Agresti and Coull: Approximate is better than "exact" for interval estimation of binomial
 *         proportions. The American Statistician 52, 1998.
 */
static double standard_error(const struct search *s, const struct metric *m, double accuracy)
{
    double n = (double)s->split->n_sealed + 4;
    double p = (accuracy * (double)s->split->n_sealed + 2) / n;

    if (strcmp(m->name, "accuracy") != 0 || table_role_column(s->table, ROLE_WEIGHT) != SIZE_MAX)
        return (double)NAN;
    return sqrt(p * (1 - p) / n);
}

/* The names and scores of the metrics, to be freed; NULL where memory is short. */
static struct unseal_score *list_scores(const struct fold_run *run)
{
    const struct search *s = run->trial->search;
    const struct metric_list *metrics = &s->definition->metrics;
    struct unseal_score *list = calloc(metrics->n, sizeof *list);

    for (size_t i = 0; list && i < metrics->n; i++) {
        double test = run->outcome.validation[i];

        list[i] = (struct unseal_score){metrics->items[i]->name, run->outcome.train[i], test,
                                        standard_error(s, metrics->items[i], test)};
    }
    return list;
}

enum err unseal_apply_start(struct store *store, struct write *w, struct error *e)
{
    return store_unseal_start(store, OWNER(w, struct trial_run, start_write)->search->id, e);
}

enum err unseal_apply_fold(struct store *store, struct write *w, struct error *e)
{
    const struct fold_run *run = OWNER(w, struct fold_run, write);
    const struct search *s = run->trial->search;
    const struct outcome *o = &run->outcome;
    CLEANUP(buf_finish) struct buf warnings = {0};
    CLEANUP(mem_free) struct unseal_score *scores = list_scores(run);
    char hash[20];

    if (!scores)
        return error_no_memory(e);
    sentences_write(&o->warnings, &warnings);
    TRY(buf_check(&warnings, e));
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, o->weights_hash);
    return store_unseal_finish(
        store,
        &(struct unseal_record){
            .experiment = s->id,
            .state = o->state == FOLD_COMPLETED ? "completed" : "failed",
            .epochs = (int64_t)o->epochs,
            .epochs_run = (int64_t)o->epochs_run,
            .seconds = o->seconds,
            .weights_hash = o->epochs_run > 0 ? hash : NULL,
            .engine = SWEEPD_VERSION,
            .kernel = s->jobs->options.kernel->name,
            .error = o->error[0] ? o->error : NULL,
            .warnings = buf_text(&warnings),
            .finished_at_ms = o->finished_at_ms,
            .n_scores = o->state == FOLD_COMPLETED ? s->definition->metrics.n : 0,
            .scores = scores,
        },
        e);
}

static enum err apply_failure(struct store *store, struct write *w, struct error *e)
{
    const struct search *s = OWNER(w, struct state_write, write)->search;

    return store_unseal_finish(store,
                               &(struct unseal_record){
                                   .experiment = s->id,
                                   .state = "failed",
                                   .seconds = (double)NAN,
                                   .error = s->failure,
                                   .finished_at_ms = clock_now_ms(),
                               },
                               e);
}

static enum err apply_nothing(struct store *store, struct write *w, struct error *e)
{
    (void)store;
    (void)w;
    (void)e;
    return ERR_OK;
}

static void last_stored(struct write *w, const struct error *e)
{
    struct state_write *x = OWNER(w, struct state_write, write);

    if (e)
        x->refused = *e;
    conductor_tell(x->search->jobs->conductor, &x->note);
}

/* ---- the conductor's side ---------------------------------------------------------------- */

static struct search **find_link(struct jobs *j, int64_t id)
{
    struct search **link = &j->unsealings;

    while (*link && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

/* Frees it. What could not be stored is done again after the next start. */
static void leave(struct search *s, const char *refused)
{
    const struct jobs *j = s->jobs;
    struct search **link = &s->jobs->unsealings;

    if (refused[0] && !s->cancelled && !atomic_load(&j->stopping))
        log_write(LOG_ERROR, "experiment %" PRId64 ": its unsealing could not be stored: %s", s->id,
                  refused);
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    search_destroy(s);
}

static void last_written(struct note *n)
{
    const struct state_write *x = OWNER(n, struct state_write, note);

    leave(x->search, x->refused.message);
}

/* The last that the writer gets of it, behind all else. */
static void post_last(struct search *s,
                      enum err (*apply)(struct store *store, struct write *w, struct error *e))
{
    s->state = (struct state_write){
        .write = {.apply = apply, .done = last_stored},
        .note = {.act = last_written},
        .search = s,
    };
    writer_post(s->jobs->writer, &s->state.write);
}

void unseal_fold_ended(struct note *n)
{
    const struct fold_run *run = OWNER(n, struct fold_run, note);
    struct search *s = run->trial->search;
    bool dropped = run->outcome.state == FOLD_DROPPED;

    if (atomic_load(&s->jobs->stopping))
        return; /* it is freed with all others */
    if (dropped && writer_may_pass(run->outcome.refused) && !again_is_vain(s->jobs)) {
        struct error why;

        (void)error_set(&why, run->outcome.refused, "%s", run->outcome.error);
        again_later(s->jobs, s->id, "its sealed rows", &why);
    }
    if (dropped && !run->outcome.error[0])
        post_last(s, apply_nothing); /* the writer may still have its first state */
    else
        leave(s, dropped ? run->outcome.error : "");
}

static void close_reader(struct reader **r)
{
    store_reader_close(*r);
}

enum err unseal_begin(struct jobs *j, int64_t id, struct error *e)
{
    CLEANUP(arena_end) struct arena *a = NULL;
    CLEANUP(close_reader) struct reader *r = NULL;
    struct unseal_record record;
    struct search *s;
    bool found;

    if (*find_link(j, id))
        return ERR_OK;
    TRY(arena_create(4096, &a, e));
    TRY(store_reader_open(j->store, &r, e));
    TRY(store_unseal_get(r, id, a, &record, &found, e));
    if (!found || record.finished_at_ms != 0)
        return ERR_OK;
    s = search_load_unsealing(j, id, &record);
    if (!s)
        return error_no_memory(e);
    if (s->is_left) { /* it is taken up again */
        search_destroy(s);
        return ERR_OK;
    }
    s->next = j->unsealings;
    j->unsealings = s;
    if (s->failure[0]) {
        post_last(s, apply_failure);
        return ERR_OK;
    }
    queue_add(j->queue, &s->lane, s->owner, s->definition->priority);
    queue_push(j->queue, &s->lane, &s->trials->folds[0].job);
    return ERR_OK;
}

void unseal_drop(struct jobs *j, int64_t id)
{
    struct search *s = *find_link(j, id);

    if (!s)
        return;
    atomic_store(&s->cancelled, true); /* a training that goes on comes back as a note */
    if (s->lane.owner && queue_drop(j->queue, &s->lane))
        leave(s, "");
}
