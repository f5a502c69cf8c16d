/* Rows through the network: batches, losses, predictions, scores. */
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/linalg/shuffle.h"
#include "core/linalg/split.h"
#include "core/train/train_private.h"

/* Metrics know the data's own weights only. */
double train_row_weight(const struct train *t, size_t row)
{
    const struct fold_data *d = t->data;
    double weight = d->weight ? (double)d->weight[row] : 1.0;

    return t->class_weight ? weight * t->class_weight[d->classes[row]] : weight;
}

static bool has_weights(const struct train *t)
{
    return t->data->weight || t->class_weight;
}

double train_weight(const struct train *t, const uint32_t *rows, size_t n)
{
    double sum = 0.0;

    if (!has_weights(t))
        return (double)n;
    for (size_t i = 0; i < n; i++)
        sum += train_row_weight(t, rows[i]);
    return sum;
}

/* Each epoch's order starts from the rows' own, so that it does not depend on earlier epochs. */
void train_shuffle(struct train *t, size_t epoch)
{
    struct rng r;

    for (size_t i = 0; i < t->n_fit; i++)
        t->order[i] = t->split ? t->split[i] : (uint32_t)i;
    if (t->spec.optimizer == OPTIMIZER_LBFGS)
        return;
    rng_init(&r, t->seed, t->repeat, t->fold, RNG_SHUFFLE, (uint32_t)epoch);
    shuffle(t->kernel, &r, t->order, t->n_fit);
}

static void copy_truth(struct train *t, size_t to, size_t row)
{
    const struct fold_data *d = t->data;

    if (d->classes)
        t->block.classes[to] = d->classes[row];
    else
        memcpy(t->block.y + to * d->n_outputs, d->y + row * d->n_outputs,
               d->n_outputs * sizeof *d->y);
}

struct gathering {
    struct train *t;
    const uint32_t *order;
    double total;
};

/* Shuffled rows lie anywhere: each is asked for while others are copied. */
enum { ROWS_AHEAD = 2, LINE = 64 };

static void expect_row(const struct fold_data *d, size_t row)
{
    const char *x = (const char *)(d->x + row * d->stride);

    for (size_t i = 0; i < d->stride * sizeof *d->x; i += LINE)
        __builtin_prefetch(x + i);
}

static void gather_rows(void *ctx, size_t from, size_t end)
{
    const struct gathering *g = ctx;
    struct train *t = g->t;
    const struct fold_data *d = t->data;
    struct block *b = &t->block;
    float same = g->total > 0.0 ? (float)(1.0 / g->total) : 0.0f;
    bool weighted = has_weights(t) && g->total > 0.0;

    for (size_t i = from; i < end; i++) {
        size_t row = g->order[i];

        if (i + ROWS_AHEAD < end)
            expect_row(d, g->order[i + ROWS_AHEAD]);
        memcpy(b->x + i * b->x_stride, d->x + row * d->stride, d->stride * sizeof *d->x);
        b->scale[i] = weighted ? (float)(train_row_weight(t, row) / g->total) : same;
        copy_truth(t, i, row);
    }
}

static void gather(struct train *t, const uint32_t *order, size_t n, double total)
{
    struct gathering g = {t, order, total};

    split_rows(t->team, n * t->data->stride, n, gather_rows, &g);
}

/* The block's rows behind the network. */
static struct loss_rows behind(const struct train *t, size_t n)
{
    return (struct loss_rows){
        .loss = t->spec.loss,
        .output = t->output,
        .rows = n,
        .n = t->data->n_outputs,
        .z = mlp_outputs(t->mlp),
        .stride = mlp_stride(t->mlp),
        .classes = t->block.classes,
        .y = t->block.y,
        .scale = t->block.scale,
        .work = t->block.work,
        .delta = (float)t->spec.huber_delta,
    };
}

/* Losses of the block's rows, and the gradient that backpropagation starts from. */
static void compute_loss(struct train *t, size_t n)
{
    struct loss_rows r = behind(t, n);

    loss_gradient(t->kernel, &r, mlp_output_gradient(t->mlp), t->block.loss);
}

void train_check_loss(struct train *t, size_t rows, double loss)
{
    if (isfinite(loss) || t->has_fault)
        return;
    t->has_fault = true;
    t->fault = mlp_find_fault(t->mlp, rows);
}

/* Goes on summing the block's losses by weight. rows: NULL for those from `first` on. */
static double add_losses(struct train *t, const uint32_t *rows, size_t first, size_t n, double sum)
{
    const float *loss = t->block.loss;
    bool weighted = has_weights(t);

    for (size_t i = 0; i < n; i++)
        sum += weighted ? train_row_weight(t, rows ? rows[i] : first + i) * (double)loss[i]
                        : (double)loss[i];
    train_check_loss(t, n, sum);
    return sum;
}

void train_next_step(struct train *t, size_t epoch, size_t step, struct kernel_update *update)
{
    const struct spec *s = &t->spec;
    struct schedule_spec schedule = {
        .kind = s->schedule,
        .step_epochs = s->step_epochs,
        .decay = s->decay,
        .final_fraction = s->final_fraction,
        .warmup_fraction = s->warmup_fraction,
    };
    double rate =
        schedule_rate(&schedule, s->learning_rate, epoch - 1, step, t->n_steps, s->epochs);

    if (s->schedule == SCHEDULE_PLATEAU)
        rate *= t->watch.rate_factor;
    t->step++;
    t->learning_rate[epoch - 1] = rate;
    optimizer_step(&t->optimizer, rate, update);
}

double train_batch(struct train *t, const uint32_t *order, size_t n,
                   const struct kernel_update *update, bool observe)
{
    double total = train_weight(t, order, n), sum = 0.0;
    struct block *b = &t->block;

    for (size_t from = 0; from < n; from += t->rows) {
        size_t rows = n - from < t->rows ? n - from : t->rows;
        bool last = from + rows == n;

        gather(t, order + from, rows, total);
        mlp_forward_training(t->mlp, rows, b->x, b->x_stride, t->step, from == 0);
        if (observe)
            mlp_observe(t->mlp, rows, from == 0);
        compute_loss(t, rows);
        sum = add_losses(t, order + from, 0, rows, sum);
        mlp_backward(t->mlp, rows, b->x, b->x_stride, from == 0, last ? update : NULL);
    }
    return sum;
}

/* One step of the optimizer. statistics: NULL, or where those of the step go, which needs the
 * whole gradient in memory and gives the same bits. */
static double train_step(struct train *t, const uint32_t *order, size_t n,
                         const struct kernel_update *update, struct mlp_statistics *statistics)
{
    double sum = train_batch(t, order, n, statistics ? NULL : update, statistics != NULL);

    if (statistics)
        mlp_step_observed(t->mlp, update, statistics);
    return sum;
}

bool train_epoch(struct train *t, size_t epoch, train_wanted *wanted, void *ctx, double *loss)
{
    size_t n = t->n_steps * t->batch < t->n_fit ? t->n_steps * t->batch : t->n_fit;
    struct mlp_statistics *statistics = t->layers + (epoch - 1) * t->result.n_layers;
    double sum = 0.0;

    train_shuffle(t, epoch);
    if (t->spec.optimizer == OPTIMIZER_LBFGS)
        return train_lbfgs_epoch(t, epoch, wanted, ctx, loss);
    for (size_t step = 0; step < t->n_steps; step++) {
        size_t from = step * t->batch;
        struct kernel_update update;

        if (wanted && !wanted(ctx))
            return false;
        train_next_step(t, epoch, step, &update);
        sum += train_step(t, t->order + from, n - from < t->batch ? n - from : t->batch, &update,
                          step + 1 == t->n_steps ? statistics : NULL);
    }
    *loss = sum / train_weight(t, t->order, n);
    return true;
}

double train_watched_loss(struct train *t)
{
    const uint32_t *watched = t->split + t->n_fit;
    size_t n = t->data->n_train - t->n_fit;
    double sum = 0.0;

    for (size_t from = 0; from < n; from += t->rows) {
        size_t rows = n - from < t->rows ? n - from : t->rows;

        gather(t, watched + from, rows, 1.0);
        mlp_forward(t->mlp, rows, t->block.x, t->block.x_stride);
        compute_loss(t, rows);
        sum = add_losses(t, watched + from, 0, rows, sum);
    }
    return sum / train_weight(t, watched, n);
}

/* Predictions for rows from..end, and the sum of their losses by weight. */
static double evaluate(struct train *t, size_t from, size_t end)
{
    const struct fold_data *d = t->data;
    double sum = 0.0;

    for (size_t row = from; row < end; row += t->rows) {
        size_t n = end - row < t->rows ? end - row : t->rows;
        struct loss_rows r = behind(t, n);

        mlp_forward(t->mlp, n, d->x + row * d->stride, d->stride);
        r.classes = d->classes ? d->classes + row : NULL;
        r.y = d->y ? d->y + row * d->n_outputs : NULL;
        loss_evaluate(t->kernel, &r, t->block.loss, t->predicted + row * d->n_outputs);
        sum = add_losses(t, NULL, row, n, sum);
    }
    return sum;
}

void train_predict(struct train *t, size_t from, size_t end)
{
    const struct fold_data *d = t->data;

    for (size_t row = from; row < end; row += t->rows) {
        size_t n = end - row < t->rows ? end - row : t->rows;

        mlp_forward(t->mlp, n, d->x + row * d->stride, d->stride);
        loss_predict(t->kernel, t->output, n, d->n_outputs, mlp_outputs(t->mlp), mlp_stride(t->mlp),
                     t->block.work, t->predicted + row * d->n_outputs);
    }
}

static struct metric_rows rows_of(const struct train *t, size_t from, size_t end)
{
    const struct fold_data *d = t->data;

    return (struct metric_rows){
        .task = d->task,
        .rows = end - from,
        .n = d->n_outputs,
        .predicted = t->predicted + from * d->n_outputs,
        .offset = d->target_mean,
        .factor = d->target_scale,
        .classes = d->classes ? d->classes + from : NULL,
        .target = d->target ? d->target + from * d->n_outputs : NULL,
        .weight = d->weight ? d->weight + from : NULL,
        .work = t->metric_work,
    };
}

static size_t n_rows(const struct train *t)
{
    return t->data->n_train + t->data->n_validation;
}

void train_judge(struct train *t, double sum, double *loss, double *score)
{
    size_t from = t->data->n_train, end = n_rows(t);
    struct metric_rows rows = rows_of(t, from, end);
    double weight = 0.0;

    for (size_t i = from; i < end && has_weights(t); i++)
        weight += train_row_weight(t, i);
    *loss = sum / (has_weights(t) ? weight : (double)(end - from));
    *score = metric_score(t->decides, &rows);
}

void train_validate(struct train *t, double *loss, double *score)
{
    train_judge(t, evaluate(t, t->data->n_train, n_rows(t)), loss, score);
}

void train_score(struct train *t, size_t from, size_t end, double *values)
{
    struct metric_rows rows = rows_of(t, from, end);

    metric_score_all(&rows, values);
}
