#include "core/train/train.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/rng.h"
#include "core/linalg/denormal.h"
#include "core/nn/mlp.h"

/* Larger batches go through in blocks of this many rows, so that a block's activations stay in
 * the cache and a full batch of any size needs no more memory. Scoring uses at least the lower
 * number, for batches that are small. */
enum { MOST_ROWS = 256, LEAST_ROWS = 64 };

/* The rows that pass through the network together, copied next to each other. */
struct block {
    float *x; /* (rows, x_stride) */
    size_t x_stride;
    int32_t *classes;
    float *y;     /* (rows, n_outputs) */
    float *scale; /* the row's weight over the batch's */
    float *loss;
    float *work; /* for loss.h */
};

struct train {
    struct spec spec;
    const struct fold_data *data;
    const struct kernel *kernel;
    const struct metric *decides;
    uint64_t seed;
    uint32_t repeat, fold;
    enum output output;
    size_t batch, rows; /* rows of a batch, most rows of a block */
    struct arena *arena;
    struct mlp *mlp;
    struct optimizer_state optimizer;
    struct block block;
    uint32_t *order;  /* (n_train), shuffled each epoch */
    float *predicted; /* (n, n_outputs), by the row of the fold's data */
    double *train_loss, *validation_loss, *validation_score, *learning_rate; /* (epochs) */
    double train_metrics[METRIC_MAX], validation_metrics[METRIC_MAX];
    char reason[64];
    struct train_result result;
};

/* ---- what a spec means for data of a size ------------------------------------------------- */

static struct mlp_shape shape_of(const struct spec *s, enum task task, size_t n_features,
                                 size_t n_outputs)
{
    struct mlp_shape shape = {.n_inputs = n_features, .n_layers = s->n_hidden + 1};

    for (size_t l = 0; l < s->n_hidden; l++) {
        shape.width[l] = s->width[l];
        shape.activation[l] = s->activation[l];
    }
    shape.width[s->n_hidden] = loss_width(loss_output(task, n_outputs), n_outputs);
    shape.activation[s->n_hidden] = ACTIVATION_IDENTITY;
    return shape;
}

static struct optimizer_state optimizer_of(const struct spec *s)
{
    return (struct optimizer_state){
        .kind = s->optimizer,
        .momentum = s->momentum,
        .nesterov = s->nesterov,
        .beta1 = s->beta1,
        .beta2 = s->beta2,
        .epsilon = s->epsilon,
        .l2 = s->l2,
    };
}

static size_t batch_of(const struct spec *s, size_t n_train)
{
    return s->batch_size == 0 || s->batch_size > n_train ? n_train : s->batch_size;
}

static struct mlp_plan plan_of(const struct spec *s, size_t n_train)
{
    size_t batch = batch_of(s, n_train);
    struct optimizer_state o = optimizer_of(s);

    return (struct mlp_plan){
        .rows = batch > MOST_ROWS    ? MOST_ROWS
                : batch < LEAST_ROWS ? LEAST_ROWS
                                     : batch,
        .n_arrays = optimizer_arrays(&o),
        .gradients = batch > MOST_ROWS,
    };
}

size_t train_weight_count(const struct spec *s, enum task task, size_t n_features, size_t n_outputs)
{
    struct mlp_shape shape = shape_of(s, task, n_features, n_outputs);

    return mlp_weight_count(&shape);
}

size_t train_bytes(const struct spec *s, enum task task, size_t n_features, size_t n_outputs,
                   size_t rows)
{
    static const struct kernel widest = {.lanes = KERNEL_PAD, .panel = 4};
    struct mlp_shape shape = shape_of(s, task, n_features, n_outputs);
    struct mlp_plan plan = plan_of(s, rows);
    size_t network = mlp_bytes(&shape, &plan, &widest);
    size_t per_row = kernel_stride(n_features) + kernel_stride(n_outputs) + n_outputs + 8;
    double bytes = (double)network + 4.0 * (double)plan.rows * (double)per_row +
                   4.0 * (double)rows * (double)(n_outputs + 1) + 32.0 * (double)s->epochs +
                   sizeof(struct train) + 4096.0;

    return bytes < (double)(SIZE_MAX / 2) ? (size_t)bytes : SIZE_MAX;
}

/* The costs beside the products, in multiply-adds that take as long: measured with Adam and
 * batches of 32, where the update is a third of the time. */
double train_work(const struct spec *s, enum task task, size_t n_features, size_t n_outputs,
                  size_t n_train, size_t n_validation)
{
    const double PER_ROW = 1000.0, PER_UPDATE = 32.0;
    struct mlp_shape shape = shape_of(s, task, n_features, n_outputs);
    double rows = (double)n_train, batch = (double)batch_of(s, n_train > 0 ? n_train : 1);
    double forward, backward, steps = ceil(rows / batch);

    for (size_t l = 0; l < shape.n_layers; l++)
        shape.width[l] = (shape.width[l] + KERNEL_PAD - 1) / KERNEL_PAD * KERNEL_PAD;
    forward = mlp_forward_work(&shape);
    backward = mlp_backward_work(&shape);
    return (double)s->epochs *
           (rows * (forward + backward + PER_ROW) + steps * PER_UPDATE * forward +
            (double)n_validation * (forward + PER_ROW));
}

/* ---- set-up --------------------------------------------------------------------------------- */

static enum err check(const struct spec *s, const struct fold_data *d, struct error *e)
{
    if (d->n_train == 0)
        return error_set(e, ERR_INVALID, "the training part of the fold has no rows");
    if (s->loss == LOSS_CROSS_ENTROPY && d->task == TASK_REGRESSION)
        return error_set(e, ERR_INVALID,
                         "loss cross_entropy is for classification; the task is "
                         "regression");
    return ERR_OK;
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
    bool ok = true;

    TRY(arena_create((size_t)1 << 16, &t->arena, e));
    b->x_stride = kernel_stride(d->n_features);
    b->x = take(t, t->rows, b->x_stride * sizeof *b->x, &ok);
    b->classes = take(t, t->rows, sizeof *b->classes, &ok);
    b->y = take(t, t->rows, d->n_outputs * sizeof *b->y, &ok);
    b->scale = take(t, t->rows, sizeof *b->scale, &ok);
    b->loss = take(t, t->rows, sizeof *b->loss, &ok);
    b->work = take(t, t->rows, (stride + LOSS_WORK) * sizeof *b->work, &ok);
    t->order = take(t, d->n_train, sizeof *t->order, &ok);
    t->predicted = take(t, d->n_train + d->n_validation, d->n_outputs * sizeof *t->predicted, &ok);
    t->train_loss = take(t, epochs, sizeof(double), &ok);
    t->validation_loss = take(t, epochs, sizeof(double), &ok);
    t->validation_score = take(t, epochs, sizeof(double), &ok);
    t->learning_rate = take(t, epochs, sizeof(double), &ok);
    return ok ? ERR_OK : error_no_memory(e);
}

static void forget_scores(struct train *t)
{
    for (size_t i = 0; i < METRIC_MAX; i++)
        t->train_metrics[i] = t->validation_metrics[i] = (double)NAN;
}

static enum err set_up(struct train *t, struct error *e)
{
    const struct fold_data *d = t->data;
    struct mlp_shape shape = shape_of(&t->spec, d->task, d->n_features, d->n_outputs);
    struct mlp_plan plan = plan_of(&t->spec, d->n_train);

    t->output = loss_output(d->task, d->n_outputs);
    t->batch = batch_of(&t->spec, d->n_train);
    t->rows = plan.rows;
    TRY(mlp_create(&shape, &plan, t->kernel, &t->mlp, e));
    TRY(allocate(t, e));
    mlp_init(t->mlp, t->spec.init, t->seed, t->repeat, t->fold);
    t->optimizer = optimizer_of(&t->spec);
    optimizer_start(&t->optimizer);
    forget_scores(t);
    t->result = (struct train_result){
        .state = TRAIN_RUNNING,
        .reason = t->reason,
        .n_metrics = metric_count(),
        .train = t->train_metrics,
        .validation = t->validation_metrics,
        .train_loss = t->train_loss,
        .validation_loss = t->validation_loss,
        .validation_score = t->validation_score,
        .learning_rate = t->learning_rate,
        .weights_hash = mlp_hash(t->mlp),
    };
    return ERR_OK;
}

enum err train_create(const struct spec *s, const struct fold_data *d, const struct kernel *k,
                      const struct metric *decides, uint64_t seed, uint32_t repeat, uint32_t fold,
                      struct train **out, struct error *e)
{
    struct train *t;
    enum err err;

    assert(decides->task == d->task && s->epochs >= 1);
    TRY(check(s, d, e));
    t = calloc(1, sizeof *t);
    if (!t)
        return error_no_memory(e);
    t->spec = *s;
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
    arena_destroy(t->arena);
    free(t);
}

/* ---- one epoch ------------------------------------------------------------------------------ */

static double weight_of(const struct fold_data *d, size_t row)
{
    return d->weight ? (double)d->weight[row] : 1.0;
}

/* Each epoch's order starts from the rows' own, so that it does not depend on earlier epochs. */
static void shuffle_order(struct train *t, size_t epoch)
{
    struct rng r;

    for (size_t i = 0; i < t->data->n_train; i++)
        t->order[i] = (uint32_t)i;
    rng_init(&r, t->seed, t->repeat, t->fold, RNG_SHUFFLE, (uint32_t)epoch);
    rng_shuffle(&r, t->order, t->data->n_train);
}

static double batch_weight(const struct fold_data *d, const uint32_t *order, size_t n)
{
    double sum = 0.0;

    if (!d->weight)
        return (double)n;
    for (size_t i = 0; i < n; i++)
        sum += (double)d->weight[order[i]];
    return sum;
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

static void gather(struct train *t, const uint32_t *order, size_t n, double total)
{
    const struct fold_data *d = t->data;
    struct block *b = &t->block;

    for (size_t i = 0; i < n; i++) {
        memcpy(b->x + i * b->x_stride, d->x + order[i] * d->stride, d->stride * sizeof *d->x);
        b->scale[i] = total > 0.0 ? (float)(weight_of(d, order[i]) / total) : 0.0f;
        copy_truth(t, i, order[i]);
    }
}

/* Losses of the block's rows, and the gradient that backpropagation starts from. */
static void compute_loss(struct train *t, size_t n)
{
    struct loss_rows r = {
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
    };

    loss_gradient(t->kernel, &r, mlp_output_gradient(t->mlp), t->block.loss);
}

/* One step of the optimizer; returns the sum of the rows' losses by weight. */
static double train_batch(struct train *t, const uint32_t *order, size_t n)
{
    double total = batch_weight(t->data, order, n), sum = 0.0;
    struct block *b = &t->block;
    struct kernel_update update;

    optimizer_step(&t->optimizer, t->spec.learning_rate, &update);
    for (size_t from = 0; from < n; from += t->rows) {
        size_t rows = n - from < t->rows ? n - from : t->rows;
        bool last = from + rows == n;

        gather(t, order + from, rows, total);
        mlp_forward(t->mlp, rows, b->x, b->x_stride);
        compute_loss(t, rows);
        for (size_t i = 0; i < rows; i++)
            sum += weight_of(t->data, order[from + i]) * (double)b->loss[i];
        mlp_backward(t->mlp, rows, b->x, b->x_stride, from == 0, last ? &update : NULL);
    }
    return sum;
}

/* Sets the epoch's mean loss; false where it was given up half-way. */
static bool train_epoch(struct train *t, size_t epoch, train_wanted *wanted, void *ctx,
                        double *loss)
{
    size_t n = t->data->n_train;
    double sum = 0.0;

    shuffle_order(t, epoch);
    for (size_t from = 0; from < n; from += t->batch) {
        if (wanted && !wanted(ctx))
            return false;
        sum += train_batch(t, t->order + from, n - from < t->batch ? n - from : t->batch);
    }
    *loss = sum / batch_weight(t->data, t->order, n);
    return true;
}

/* ---- scores --------------------------------------------------------------------------------- */

/* Predictions for rows from..end, and the sum of their losses by weight. */
static double predict(struct train *t, size_t from, size_t end)
{
    const struct fold_data *d = t->data;
    struct block *b = &t->block;
    double sum = 0.0;

    for (size_t row = from; row < end; row += t->rows) {
        size_t n = end - row < t->rows ? end - row : t->rows;

        mlp_forward(t->mlp, n, d->x + row * d->stride, d->stride);
        for (size_t i = 0; i < n; i++) {
            copy_truth(t, i, row + i);
            b->scale[i] = 1.0f; /* only the losses are of interest */
        }
        compute_loss(t, n);
        for (size_t i = 0; i < n; i++)
            sum += weight_of(d, row + i) * (double)b->loss[i];
        loss_predict(t->kernel, t->output, n, d->n_outputs, mlp_outputs(t->mlp), mlp_stride(t->mlp),
                     b->work, t->predicted + row * d->n_outputs);
    }
    return sum;
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
    };
}

static size_t n_rows(const struct train *t)
{
    return t->data->n_train + t->data->n_validation;
}

static void validate(struct train *t, double *loss, double *score)
{
    size_t from = t->data->n_train, end = n_rows(t);
    struct metric_rows rows = rows_of(t, from, end);
    double sum = predict(t, from, end), weight = 0.0;

    for (size_t i = from; i < end; i++)
        weight += weight_of(t->data, i);
    *loss = sum / weight;
    *score = t->decides->score(&rows);
}

static void score_part(struct train *t, size_t from, size_t end, double *values)
{
    struct metric_rows rows = rows_of(t, from, end);

    (void)predict(t, from, end); /* the losses are in the curves */
    metric_score_all(&rows, values);
}

/* ---- running -------------------------------------------------------------------------------- */

static bool has_diverged(struct train *t, size_t epoch)
{
    const char *which = "";

    if (isfinite(t->train_loss[epoch - 1])) {
        if (t->data->n_validation == 0 || isfinite(t->validation_loss[epoch - 1]))
            return false;
        which = "validation ";
    }
    (void)snprintf(t->reason, sizeof t->reason, "%sloss is not finite in epoch %zu", which, epoch);
    return true;
}

static enum train_state run_epoch(struct train *t, train_wanted *wanted, void *ctx)
{
    size_t epoch = t->result.epochs_run + 1;

    if (!train_epoch(t, epoch, wanted, ctx, t->train_loss + epoch - 1))
        return TRAIN_CANCELLED;
    t->learning_rate[epoch - 1] = t->spec.learning_rate;
    validate(t, t->validation_loss + epoch - 1, t->validation_score + epoch - 1);
    t->result.epochs_run = epoch;
    if (has_diverged(t, epoch))
        return TRAIN_DIVERGED;
    return epoch < t->spec.epochs ? TRAIN_RUNNING : TRAIN_COMPLETED;
}

static void score(struct train *t)
{
    forget_scores(t);
    t->result.weights_hash = mlp_hash(t->mlp);
    if (t->result.state == TRAIN_DIVERGED || t->result.state == TRAIN_CANCELLED)
        return;
    score_part(t, 0, t->data->n_train, t->train_metrics);
    score_part(t, t->data->n_train, n_rows(t), t->validation_metrics);
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
        score(t);
    denormal_restore(before);
    return t->result.state;
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
