/* What a spec means for data of a size: shapes, memory, work. */
#include <math.h>

#include "core/train/train_private.h"

/* Larger batches go through in blocks of this many rows, so that a block's activations stay in
 * the cache and a full batch of any size needs no more memory; with batch normalization a batch
 * is one block. Scoring uses at least the lower number, for batches that are small. */
enum { MOST_ROWS = 256, LEAST_ROWS = 64 };

struct mlp_shape train_shape(const struct spec *s, enum task task, size_t n_features,
                             size_t n_outputs)
{
    struct mlp_shape shape = {.n_inputs = n_features, .n_layers = s->n_hidden + 1};

    for (size_t l = 0; l < s->n_hidden; l++) {
        shape.width[l] = s->width[l];
        shape.activation[l] = s->activation[l];
        shape.dropout[l] = s->dropout[l];
    }
    shape.width[s->n_hidden] = loss_width(loss_output(task, n_outputs), n_outputs);
    shape.activation[s->n_hidden] = ACTIVATION_IDENTITY;
    shape.batch_norm = s->batch_norm;
    return shape;
}

struct optimizer_state train_optimizer(const struct spec *s)
{
    return (struct optimizer_state){
        .kind = s->optimizer,
        .momentum = s->momentum,
        .nesterov = s->nesterov,
        .beta1 = s->beta1,
        .beta2 = s->beta2,
        .epsilon = s->epsilon,
        .rho = s->rho,
        .weight_decay = s->weight_decay,
        .l1 = s->l1,
        .l2 = s->l2,
        .clip = s->gradient_clip,
    };
}

size_t train_batch_rows(const struct spec *s, size_t n_train)
{
    bool full = s->batch_size == 0 || s->optimizer == OPTIMIZER_LBFGS;

    return full || s->batch_size > n_train ? n_train : s->batch_size;
}

static bool normalizes(const struct spec *s)
{
    return s->batch_norm && s->n_hidden > 0;
}

/* A last batch of one row has no variance: with batch normalization it is left out. */
size_t train_steps(const struct spec *s, size_t n_train)
{
    size_t batch = train_batch_rows(s, n_train), rest = n_train % batch;

    return n_train / batch + (rest > (normalizes(s) ? 1 : 0));
}

bool train_watches(const struct spec *s)
{
    return s->early_stopping > 0 || s->schedule == SCHEDULE_PLATEAU;
}

struct mlp_plan train_plan(const struct spec *s, size_t n_train)
{
    size_t batch = train_batch_rows(s, n_train);
    struct optimizer_state o = train_optimizer(s);

    return (struct mlp_plan){
        .rows = batch < LEAST_ROWS                    ? LEAST_ROWS
                : batch > MOST_ROWS && !normalizes(s) ? MOST_ROWS
                                                      : batch,
        .n_arrays = optimizer_arrays(&o),
        .gradients = true,
        .keep = s->early_stopping > 0,
    };
}

size_t train_weight_count(const struct spec *s, enum task task, size_t n_features, size_t n_outputs)
{
    struct mlp_shape shape = train_shape(s, task, n_features, n_outputs);

    return mlp_weight_count(&shape);
}

size_t train_bytes(const struct spec *s, enum task task, size_t n_features, size_t n_outputs,
                   size_t rows)
{
    static const struct kernel widest = {.lanes = KERNEL_PAD, .panel = 4};
    struct mlp_shape shape = train_shape(s, task, n_features, n_outputs);
    struct mlp_plan plan = train_plan(s, rows);
    bool lbfgs = s->optimizer == OPTIMIZER_LBFGS;
    size_t network = mlp_bytes(&shape, &plan, &widest);
    size_t per_row = kernel_stride(n_features) + kernel_stride(n_outputs) + n_outputs + 8;
    double bytes =
        (double)network + (lbfgs ? (double)train_lbfgs_bytes(mlp_weight_count(&shape)) : 0.0) +
        4.0 * (double)plan.rows * (double)per_row + 4.0 * (double)rows * (double)(n_outputs + 1) +
        4.0 * (double)rows +
        (double)s->epochs * (32.0 + (double)(shape.n_layers * sizeof(struct mlp_statistics))) +
        8.0 * (double)n_outputs + (double)metric_work_bytes(rows, n_outputs) +
        16.0 * (double)metric_numbers(task, n_outputs) +
        sizeof(struct train) + 4096.0;

    return bytes < (double)(SIZE_MAX / 2) ? (size_t)bytes : SIZE_MAX;
}

/* What dropout and batch normalization cost a row, in the same unit. */
static double regularization_work(const struct mlp_shape *shape)
{
    const double PER_DRAW = 50.0, PER_NORM = 180.0;
    double sum = 0.0;

    for (size_t l = 0; l + 1 < shape->n_layers; l++)
        sum += (double)shape->width[l] *
               ((shape->dropout[l] > 0.0 ? PER_DRAW : 0.0) + (shape->batch_norm ? PER_NORM : 0.0));
    return sum;
}

/* The costs beside the products, in multiply-adds that take as long: measured with Adam and
 * batches of 32, where the update is a third of the time. An iteration of lbfgs takes a pass or
 * two, and forty and more chains of sums over the weights. */
double train_work(const struct spec *s, enum task task, size_t n_features, size_t n_outputs,
                  size_t n_train, size_t n_validation)
{
    bool lbfgs = s->optimizer == OPTIMIZER_LBFGS;
    const double PER_ROW = 1000.0, PER_UPDATE = lbfgs ? 1000.0 : 32.0, PASSES = lbfgs ? 1.3 : 1.0;
    struct mlp_shape shape = train_shape(s, task, n_features, n_outputs);
    double rows = (double)n_train, batch = (double)train_batch_rows(s, n_train > 0 ? n_train : 1);
    double forward, backward, regularization, steps = ceil(rows / batch);

    regularization = regularization_work(&shape);
    for (size_t l = 0; l < shape.n_layers; l++)
        shape.width[l] = (shape.width[l] + KERNEL_PAD - 1) / KERNEL_PAD * KERNEL_PAD;
    forward = mlp_forward_work(&shape);
    backward = mlp_backward_work(&shape);
    return (double)s->epochs *
           (PASSES * rows * (forward + backward + regularization + PER_ROW) +
            steps * PER_UPDATE * forward + (double)n_validation * (forward + PER_ROW));
}
