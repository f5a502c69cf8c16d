#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/linalg/denormal.h"
#include "core/train/holdout.h"
#include "core/train/train_private.h"

/* ---- set-up --------------------------------------------------------------------------------- */

static enum err check_data(const struct spec *s, const struct fold_data *d, struct error *e)
{
    if (d->n_train == 0)
        return error_set(e, ERR_INVALID, "the training part of the fold has no rows");
    if (s->loss == LOSS_CROSS_ENTROPY && d->task == TASK_REGRESSION)
        return error_set(e, ERR_INVALID,
                         "loss cross_entropy is for classification; the task is "
                         "regression");
    return ERR_OK;
}

static enum err check_batches(const struct spec *s, size_t n_fit, struct error *e)
{
    if (!s->batch_norm || s->n_hidden == 0 || train_batch_rows(s, n_fit) > 1)
        return ERR_OK;
    return error_set(e, ERR_INVALID, "batch_norm needs batches of 2 rows or more; %s",
                     n_fit == 1 ? "there is 1 row to train on" : "batch_size is 1");
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Memory from the training's arena; a failure is remembered in *ok. */
static void *take(struct train *t, size_t n, size_t size, bool *ok)
{
    void *p = arena_alloc(t->arena, n ? n : 1, size);

    if (!p)
        *ok = false;
    return p;
}

static enum err allocate(struct train *t, struct error *e)
{
    const struct fold_data *d = t->data;
    struct block *b = &t->block;
    size_t epochs = t->spec.epochs, stride = mlp_stride(t->mlp);
    size_t n_weights = train_weight_count(&t->spec, d->task, d->n_features, d->n_outputs);
    size_t n_metrics = metric_numbers(d->task, d->n_outputs);
    bool ok = true;

    b->x_stride = kernel_stride(d->n_features);
    b->x = take(t, t->rows, b->x_stride * sizeof *b->x, &ok);
    b->classes = take(t, t->rows, sizeof *b->classes, &ok);
    b->y = take(t, t->rows, d->n_outputs * sizeof *b->y, &ok);
    b->scale = take(t, t->rows, sizeof *b->scale, &ok);
    b->loss = take(t, t->rows, sizeof *b->loss, &ok);
    b->work = take(t, t->rows, (stride + LOSS_WORK) * sizeof *b->work, &ok);
    if (t->spec.optimizer == OPTIMIZER_LBFGS) {
        t->lbfgs.x = take(t, lbfgs_doubles(n_weights), sizeof *t->lbfgs.x, &ok);
        t->flat = take(t, n_weights, sizeof *t->flat, &ok);
    }
    t->order = take(t, t->n_fit, sizeof *t->order, &ok);
    if (t->spec.balanced && d->classes)
        t->class_weight = take(t, d->n_outputs, sizeof *t->class_weight, &ok);
    t->predicted = take(t, d->n_train + d->n_validation, d->n_outputs * sizeof *t->predicted, &ok);
    t->metric_work =
        take(t, 1, metric_work_bytes(larger(d->n_train, d->n_validation), d->n_outputs), &ok);
    t->train_metrics = take(t, n_metrics, sizeof *t->train_metrics, &ok);
    t->validation_metrics = take(t, n_metrics, sizeof *t->validation_metrics, &ok);
    t->train_loss = take(t, epochs, sizeof(double), &ok);
    t->validation_loss = take(t, epochs, sizeof(double), &ok);
    t->validation_score = take(t, epochs, sizeof(double), &ok);
    t->learning_rate = take(t, epochs, sizeof(double), &ok);
    t->layers = take(t, epochs, (t->spec.n_hidden + 1) * sizeof *t->layers, &ok);
    return ok ? ERR_OK : error_no_memory(e);
}

static void forget_scores(struct train *t)
{
    for (size_t i = 0; i < metric_numbers(t->data->task, t->data->n_outputs); i++)
        t->train_metrics[i] = t->validation_metrics[i] = (double)NAN;
}

/*
 * Which training rows are watched instead of trained on. The fold's preprocessing stays fitted on
 * the whole training part: it knows the watched rows' features (and the mean of their targets),
 * which is no leak, since their loss decides when to stop and is never reported as a score.
 */
static enum err split(struct train *t, struct error *e)
{
    size_t n = t->data->n_train;
    bool ok = true;

    t->n_fit = n;
    if (!train_watches(&t->spec))
        return ERR_OK;
    t->split = take(t, n, sizeof *t->split, &ok);
    if (!ok)
        return error_no_memory(e);
    TRY(holdout_split(t->data, t->spec.early_stopping_fraction, t->seed, t->repeat, t->fold,
                      t->split, &t->n_fit, e));
    if (!(train_weight(t, t->split + t->n_fit, n - t->n_fit) > 0.0))
        return error_set(e, ERR_INVALID,
                         "the %zu training rows set aside to be watched have no weight",
                         n - t->n_fit);
    return ERR_OK;
}

/* scikit-learn's "balanced", over the rows that are trained on; classes without a row count one. */
static void balance(struct train *t)
{
    const struct fold_data *d = t->data;
    size_t present = 0;

    if (!t->class_weight)
        return;
    for (size_t i = 0; i < t->n_fit; i++)
        t->class_weight[d->classes[t->split ? t->split[i] : i]] += 1.0;
    for (size_t k = 0; k < d->n_outputs; k++)
        present += t->class_weight[k] > 0.0;
    for (size_t k = 0; k < d->n_outputs; k++)
        t->class_weight[k] = t->class_weight[k] > 0.0
                                 ? (double)t->n_fit / ((double)present * t->class_weight[k])
                                 : 1.0;
}

static void start_result(struct train *t)
{
    forget_scores(t);
    t->result = (struct train_result){
        .state = TRAIN_RUNNING,
        .reason = t->reason,
        .n_metrics = metric_numbers(t->data->task, t->data->n_outputs),
        .train = t->train_metrics,
        .validation = t->validation_metrics,
        .train_loss = t->train_loss,
        .validation_loss = t->validation_loss,
        .validation_score = t->validation_score,
        .learning_rate = t->learning_rate,
        .n_layers = t->spec.n_hidden + 1,
        .layers = t->layers,
    };
}

static enum err set_up(struct train *t, struct error *e)
{
    const struct fold_data *d = t->data;
    struct mlp_shape shape = train_shape(&t->spec, d->task, d->n_features, d->n_outputs);
    struct mlp_plan plan;

    TRY(arena_create((size_t)1 << 16, &t->arena, e));
    TRY(split(t, e));
    TRY(check_batches(&t->spec, t->n_fit, e));
    plan = train_plan(&t->spec, t->n_fit);
    t->output = loss_output(d->task, d->n_outputs);
    t->batch = train_batch_rows(&t->spec, t->n_fit);
    t->n_steps = train_steps(&t->spec, t->n_fit);
    t->rows = plan.rows;
    TRY(mlp_create(&shape, &plan, t->kernel, &t->mlp, e));
    TRY(allocate(t, e));
    if (mlp_is_wide(&shape, t->batch < t->rows ? t->batch : t->rows))
        TRY(team_create(&t->team, e));
    mlp_share(t->mlp, t->team);
    balance(t);
    mlp_init(t->mlp, t->spec.init, t->seed, t->repeat, t->fold);
    t->optimizer = train_optimizer(&t->spec);
    optimizer_start(&t->optimizer);
    if (t->spec.optimizer == OPTIMIZER_LBFGS)
        train_lbfgs_start(t, mlp_weight_count(&shape), t->lbfgs.x);
    watch_start(&t->watch);
    start_result(t);
    return ERR_OK;
}

enum err train_create(const struct spec *s, const struct fold_data *d, const struct kernel *k,
                      const struct metric *decides, uint64_t seed, uint32_t repeat, uint32_t fold,
                      struct train **out, struct error *e)
{
    struct train *t;
    enum err err;

    assert(decides->task == d->task && s->epochs >= 1);
    TRY(check_data(s, d, e));
    t = calloc(1, sizeof *t);
    if (!t)
        return error_no_memory(e);
    t->spec = *s;
    t->goal = s->epochs;
    t->data = d;
    t->kernel = k;
    t->decides = decides;
    t->seed = seed;
    t->repeat = repeat;
    t->fold = fold;
    err = set_up(t, e);
    if (err != ERR_OK) {
        train_destroy(t);
        return err;
    }
    *out = t;
    return ERR_OK;
}

void train_destroy(struct train *t)
{
    if (!t)
        return;
    mlp_destroy(t->mlp);
    team_destroy(t->team);
    arena_destroy(t->arena);
    free(t);
}

/* ---- running -------------------------------------------------------------------------------- */

static void explain(struct train *t, const char *which, size_t epoch)
{
    const struct mlp_fault *f = &t->fault;
    int n =
        snprintf(t->reason, sizeof t->reason, "%sloss is not finite in epoch %zu; ", which, epoch);
    char *rest = t->reason + n;
    size_t room = sizeof t->reason - (size_t)n;

    if (f->layer > 0)
        (void)snprintf(rest, room, "layer %zu is the first with %s that are not finite", f->layer,
                       f->what);
    else
        (void)snprintf(rest, room, "the values of layer %zu, the last, are too large for it",
                       t->result.n_layers);
}

/* watched: the loss of the rows set aside, or 0. */
static bool has_diverged(struct train *t, size_t epoch, double watched)
{
    const char *which = NULL;

    if (!isfinite(t->train_loss[epoch - 1]))
        which = "";
    else if (!isfinite(watched))
        which = "watched ";
    else if (t->data->n_validation > 0 && !isfinite(t->validation_loss[epoch - 1]))
        which = "validation ";
    if (which)
        explain(t, which, epoch);
    return which != NULL;
}

/* Takes the epoch's watched loss; true where patience has run out. */
static bool watch(struct train *t, size_t epoch, double loss)
{
    const struct spec *s = &t->spec;

    if (s->schedule == SCHEDULE_PLATEAU)
        watch_plateau(&t->watch, loss, s->decay, s->plateau_patience);
    if (s->early_stopping == 0)
        return false;
    if (watch_best(&t->watch, epoch, loss))
        mlp_keep(t->mlp);
    return watch_is_over(&t->watch, epoch, s->early_stopping);
}

enum train_state train_end_epoch(struct train *t, size_t epoch, double watched)
{
    t->result.epochs = t->result.epochs_run = epoch;
    if (has_diverged(t, epoch, watched))
        return TRAIN_DIVERGED;
    if (train_watches(&t->spec) && watch(t, epoch, watched))
        return TRAIN_COMPLETED;
    return epoch < t->spec.epochs ? TRAIN_RUNNING : TRAIN_COMPLETED;
}

static enum train_state run_epoch(struct train *t, train_wanted *wanted, void *ctx)
{
    size_t epoch = t->result.epochs_run + 1;
    double watched;

    if (!train_epoch(t, epoch, wanted, ctx, t->train_loss + epoch - 1))
        return TRAIN_CANCELLED;
    watched = train_watches(&t->spec) ? train_watched_loss(t) : 0.0;
    train_validate(t, t->validation_loss + epoch - 1, t->validation_score + epoch - 1);
    return train_end_epoch(t, epoch, watched);
}

/* Scores the best epoch so far where there is early stopping, else the last one. */
void train_end(struct train *t)
{
    size_t n_train = t->data->n_train, n = n_train + t->data->n_validation;
    enum train_state state = t->result.state;
    bool ended_badly = state == TRAIN_DIVERGED || state == TRAIN_CANCELLED;
    bool back =
        !ended_badly && t->watch.best_epoch > 0 && t->watch.best_epoch < t->result.epochs_run;

    forget_scores(t);
    if (back) {
        mlp_swap_kept(t->mlp);
        t->result.epochs = t->watch.best_epoch;
    }
    t->result.weights_hash = mlp_hash(t->mlp);
    if (!ended_badly) {
        train_predict(t, 0, back ? n : n_train); /* the last epoch left those for validation */
        train_score(t, 0, n_train, t->train_metrics);
        train_score(t, n_train, n, t->validation_metrics);
    }
    if (back && state == TRAIN_RUNNING)
        mlp_swap_kept(t->mlp);
}

enum train_state train_run_to(struct train *t, size_t epoch, train_wanted *wanted, void *ctx)
{
    unsigned before = denormal_flush();
    bool ran = false;

    while (t->result.state == TRAIN_RUNNING && t->result.epochs_run < epoch) {
        t->result.state = run_epoch(t, wanted, ctx);
        ran = true;
    }
    if (ran)
        train_end(t);
    denormal_restore(before);
    return t->result.state;
}

void train_set_goal(struct train *t, size_t epoch)
{
    t->goal = epoch < t->spec.epochs ? epoch : t->spec.epochs;
}

struct team *train_team(const struct train *t)
{
    return t->team;
}

const struct train_result *train_result(const struct train *t)
{
    return &t->result;
}

void train_predictions(const struct train *t, float *out)
{
    const struct fold_data *d = t->data;
    const float *from = t->predicted + d->n_train * d->n_outputs;

    for (size_t i = 0; i < d->n_validation; i++) {
        for (size_t j = 0; j < d->n_outputs; j++) {
            float p = from[i * d->n_outputs + j];

            out[i * d->n_outputs + j] =
                d->classes ? p : (float)(d->target_mean[j] + d->target_scale[j] * (double)p);
        }
    }
}
