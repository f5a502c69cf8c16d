/*
 * One trial: made from its params, summed up from its folds. Conductor's thread, but for
 * trial_apply_close, which the writer calls inside its transaction.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/group.h"
#include "core/train/hyper.h"
#include "core/train/train.h"
#include "server/jobs/private.h"
#include "server/jobs/scores.h"
#include "server/schema/sentences.h"

enum { WARNINGS_MAX = 20 }; /* of a trial */

/* ---- made -------------------------------------------------------------------------------- */

void trial_destroy(struct trial_run *t)
{
    for (size_t i = 0; i < t->n_folds; i++)
        outcome_forget(&t->folds[i].outcome);
    arena_destroy(t->arena);
    free(t);
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

/* Every fold's scores, undefined as yet. */
static enum err make_scores(struct trial_run *t, struct error *e)
{
    size_t n = t->search->definition->metrics.n;
    double *scores = arena_alloc(t->arena, mem_size(t->n_folds, 2 * n), sizeof *scores);

    if (!scores)
        return error_no_memory(e);
    for (size_t i = 0; i < 2 * n * t->n_folds; i++)
        scores[i] = (double)NAN;
    for (size_t i = 0; i < t->n_folds; i++) {
        t->folds[i].outcome.train = scores + 2 * n * i;
        t->folds[i].outcome.validation = scores + 2 * n * i + n;
    }
    return ERR_OK;
}

/* Which folds of other trials its own can be trained together with. */
static void set_kind(struct trial_run *t)
{
    const struct search *s = t->search;
    const struct table *table = s->table;
    size_t features = prepare_features(table, &t->prepare), outputs = table_outputs(table);
    uint64_t kind = group_key(&t->spec, table->task, features, outputs);
    size_t least = group_least(&t->spec, table->task, outputs, s->jobs->options.kernel);

    t->kind = kind;
    for (size_t i = 0; i < t->n_folds; i++) {
        t->folds[i].goal = t->spec.epochs;
        t->folds[i].job.kind = kind;
        t->folds[i].job.least = least;
        t->folds[i].job.part = i; /* the same rows */
    }
}

/* A trial with its folds, in order of (repeat, fold); half built where it fails. */
static enum err build_trial(struct trial_run *t, const struct params *params, struct error *e)
{
    const struct search *s = t->search;

    for (size_t i = 0; i < t->n_folds; i++) {
        t->folds[i].trial = t;
        t->folds[i].repeat = s->unseals ? 0 : (uint32_t)(i / s->split->n_folds) + 1;
        t->folds[i].fold = s->unseals ? SPLIT_REFIT : (uint32_t)(i % s->split->n_folds) + 1;
    }
    TRY(arena_create(1024, &t->arena, e));
    TRY(make_scores(t, e));
    TRY(params_copy(params, t->arena, &t->params, e));
    TRY(hyper_spec(&t->params, s->table->task, s->table->n_rows, &t->spec, e));
    TRY(hyper_prepare(&t->params, s->table->task, &t->prepare, e));
    set_kind(t);
    TRY(reuse_name_trial(t, e));
    TRY(share_name_trial(t, e));
    return describe_network(t, e);
}

enum err trial_create(struct search *s, int64_t number, const struct params *params,
                      struct trial_run **out, struct error *e)
{
    size_t n_folds = s->unseals ? 1 : (size_t)s->split->n_folds * s->split->n_repeats;
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

bool trial_is_late(const struct trial_run *t)
{
    double limit = t->search->unseals ? 0 : t->search->definition->trial_seconds;

    return limit > 0 && (double)atomic_load(&t->spent_us) > 1e6 * limit;
}

/* ---- summed up --------------------------------------------------------------------------- */

/* The fold scores of a metric of the definition in order, and what they come to. */
static struct scores metric_scores(const struct trial_run *t, size_t metric, bool validation,
                                   double *x)
{
    for (size_t i = 0; i < t->n_folds; i++)
        x[i] =
            validation ? t->folds[i].outcome.validation[metric] : t->folds[i].outcome.train[metric];
    return scores_of(x, t->n_folds, t->search->test_share);
}

static const struct fold_run *first_failed(const struct trial_run *t)
{
    for (size_t i = 0; i < t->n_folds; i++)
        if (t->folds[i].outcome.state == FOLD_FAILED)
            return &t->folds[i];
    return NULL;
}

/* A fold's sentence as its trial says it. */
static void say_of_fold(const struct fold_run *f, const char *sentence, struct buf *out)
{
    if (f->trial->search->split->n_repeats > 1)
        buf_printf(out, "repeat %" PRIu32 ", ", f->repeat);
    buf_printf(out, "fold %" PRIu32 ": %.400s", f->fold, sentence);
}

/* The folds' warnings in their order, as a JSON array; of too many the last is how many more. */
static void collect_warnings(const struct trial_run *t, struct buf *out)
{
    CLEANUP(buf_finish) struct buf list = {0};
    size_t n = 0, all = 0;

    for (size_t i = 0; i < t->n_folds; i++)
        all += sentences_count(&t->folds[i].outcome.warnings);
    for (size_t i = 0; i < t->n_folds; i++) {
        const struct buf *of = &t->folds[i].outcome.warnings;

        for (const char *s = sentences_first(of); s; s = sentences_next(of, s)) {
            if (n == WARNINGS_MAX - 1 && all > WARNINGS_MAX)
                break;
            say_of_fold(&t->folds[i], s, &list);
            buf_putc(&list, '\0');
            n++;
        }
    }
    if (all > n) {
        buf_printf(&list, "%zu more warnings", all - n);
        buf_putc(&list, '\0');
    }
    out->failed |= list.failed;
    sentences_write(&list, out);
}

/* Scores of a trial whose folds have all completed: one of each metric of the definition. */
static void sum_up(const struct trial_run *t, double *x, struct trial_score *scores,
                   struct trial_finish *f)
{
    const struct metric_list *metrics = &t->search->definition->metrics;

    f->n_scores = metrics->n;
    for (size_t i = 0; i < metrics->n; i++) {
        struct scores train = metric_scores(t, i, false, x);
        struct scores validation = metric_scores(t, i, true, x);

        scores[i] = (struct trial_score){metrics->items[i]->name, validation.mean, validation.std,
                                         train.mean};
        if (metrics->items[i] != t->search->metric)
            continue;
        f->score = validation.mean;
        f->score_std = validation.std;
        f->score_sem = validation.sem;
        f->train_mean = train.mean;
    }
}

struct past trial_past(const struct search *s, const char *state, double score, double search_loss)
{
    if (isfinite(search_loss))
        return (struct past){.state = PAST_STOPPED, .loss = search_loss};
    if (strcmp(state, "completed") != 0 || !isfinite(score))
        return (struct past){.state = PAST_FAILED, .loss = (double)NAN};
    return (struct past){.state = PAST_COMPLETED, .loss = s->metric->maximize ? -score : score};
}

/* How the trial ended: state, reason and sentence, and the scores of one with all its folds. */
static enum err conclude(const struct trial_run *t, struct trial_score *scores,
                         struct trial_finish *f, struct buf *sentence, struct error *e)
{
    const struct fold_run *failed = first_failed(t);
    CLEANUP(mem_free) double *x = calloc(t->n_folds, sizeof *x);

    if (!x)
        return error_no_memory(e);
    f->state = failed ? "failed" : t->is_stopped ? "pruned" : "completed";
    if (failed) {
        say_of_fold(failed, failed->outcome.error, sentence);
        f->reason = failed->outcome.diverged ? "diverged"
                    : trial_is_late(t)       ? "trial_seconds"
                                             : "error";
    } else if (t->is_stopped && t->search->ladder) {
        climb_sentence(t, sentence);
        f->reason = t->search->definition->pruner->reason;
        f->search_loss = t->climb.loss;
        f->race_folds = (int64_t)t->n_folds;
        f->race_epoch = t->climb.epochs;
    } else if (t->is_stopped) {
        race_sentence(t, sentence);
        f->reason = t->search->definition->pruner->reason;
        f->search_loss = t->verdict.loss;
        f->race_folds = t->verdict.m;
        f->race_epoch = t->verdict.epochs;
        f->race_p = t->verdict.p;
    } else {
        sum_up(t, x, scores, f);
        return ERR_OK;
    }
    f->error = buf_text(sentence);
    return buf_check(sentence, e);
}

/* Folds that will not go on are stored as far as they came. */
static enum err insert_cut_folds(struct store *store, const struct trial_run *t, struct error *e)
{
    for (size_t i = 0; i < t->n_folds; i++)
        if (t->folds[i].outcome.state == FOLD_PARKED)
            TRY(outcome_insert(store, &t->folds[i], e));
    return ERR_OK;
}

enum err trial_apply_close(struct store *store, struct write *w, struct error *e)
{
    struct trial_run *t = OWNER(w, struct trial_run, close_write);
    CLEANUP(mem_free)
    struct trial_score *scores = calloc(t->search->definition->metrics.n, sizeof *scores);
    struct trial_finish f = {.score = (double)NAN,
                             .score_std = (double)NAN,
                             .score_sem = (double)NAN,
                             .train_mean = (double)NAN,
                             .search_loss = (double)NAN,
                             .race_p = (double)NAN,
                             .scores = scores,
                             .was_pruned = t->is_revisit};
    CLEANUP(buf_finish) struct buf warnings = {0}, sentence = {0};

    if (!scores)
        return error_no_memory(e);
    TRY(insert_cut_folds(store, t, e));
    collect_warnings(t, &warnings);
    TRY(buf_check(&warnings, e));
    f.warnings = buf_text(&warnings);
    for (size_t i = 0; i < t->n_folds; i++) {
        f.seconds += t->folds[i].outcome.seconds;
        if (t->folds[i].outcome.finished_at_ms > f.at_ms)
            f.at_ms = t->folds[i].outcome.finished_at_ms;
    }
    reuse_source(t, &f.reused_experiment, &f.reused_trial);
    TRY(conclude(t, scores, &f, &sentence, e));
    t->past = trial_past(t->search, f.state, f.score, f.search_loss);
    return store_trial_finish(store, t->search->id, t->number, &f, e);
}
