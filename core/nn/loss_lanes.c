#include "core/nn/loss_lanes.h"

#include <string.h>

size_t loss_lanes_work(const struct lanes *lanes, size_t rows, size_t n)
{
    return rows * (lanes->n * LOSS_WORK + LOSS_WORK + 4 + 3 * kernel_stride(n));
}

/* One lane's rows, next to each other. */
static void loss_of_lane(const struct loss_lanes *r, size_t lane, float *dz, float *loss)
{
    size_t n = r->lanes->n, width = loss_width(r->output, r->n), stride = kernel_stride(r->n);
    size_t row = lanes_stride(width) * n;
    float *work = r->work, *z = work + LOSS_WORK * r->rows, *y = z + r->rows * stride;
    float *gradient = y + r->rows * stride, *scale = gradient + r->rows * stride;
    float *losses = scale + r->rows;
    int32_t *classes = (int32_t *)(losses + r->rows);
    struct loss_rows alone = {
        .loss = r->loss,
        .output = r->output,
        .rows = r->rows,
        .n = r->n,
        .z = z,
        .stride = stride,
        .classes = r->output == OUTPUT_IDENTITY ? NULL : classes,
        .y = y,
        .scale = scale,
        .work = work,
        .delta = r->delta[lane],
    };

    for (size_t i = 0; i < r->rows; i++) {
        for (size_t j = 0; j < width; j++)
            z[i * stride + j] = r->z[i * row + j * n + lane];
        for (size_t j = 0; j < r->n && r->output == OUTPUT_IDENTITY; j++)
            y[i * r->n + j] = r->y[(i * r->n + j) * n + lane];
        scale[i] = r->scale[i * n + lane];
        classes[i] = r->output == OUTPUT_IDENTITY ? 0 : r->classes[i * n + lane];
    }
    loss_gradient(r->kernel, &alone, gradient, losses);
    for (size_t i = 0; i < r->rows; i++) {
        for (size_t j = 0; j < width; j++)
            dz[i * row + j * n + lane] = gradient[i * stride + j];
        loss[i * n + lane] = losses[i];
    }
}

static bool same_delta(const struct loss_lanes *r)
{
    for (size_t l = 1; l < r->lanes->n; l++)
        if (r->delta[l] != r->delta[0])
            return false;
    return true;
}

/* With one output, all rows of all lanes are rows of one. */
static bool is_one_column(const struct loss_lanes *r)
{
    return loss_width(r->output, r->n) == 1 && (r->loss != LOSS_HUBER || same_delta(r));
}

void loss_lanes_gradient(const struct loss_lanes *r, float *dz, float *loss)
{
    if (r->output == OUTPUT_SIGMOID && r->loss == LOSS_CROSS_ENTROPY) {
        r->lanes->sigmoid(r->rows, r->z, r->classes, r->scale, dz, loss);
    } else if (is_one_column(r)) {
        struct loss_rows all = {
            .loss = r->loss,
            .output = r->output,
            .rows = r->rows * r->lanes->n,
            .n = r->n,
            .z = r->z,
            .stride = 1,
            .classes = r->classes,
            .y = r->y,
            .scale = r->scale,
            .work = r->work,
            .delta = r->delta[0],
        };

        loss_gradient(r->kernel, &all, dz, loss);
    } else if (r->output == OUTPUT_SOFTMAX && r->loss == LOSS_CROSS_ENTROPY) {
        r->lanes->softmax(r->rows, r->n, r->z, r->classes, r->scale, dz, loss);
    } else {
        for (size_t lane = 0; lane < r->lanes->n; lane++)
            loss_of_lane(r, lane, dz, loss);
    }
}

/* As loss_predict: both probabilities from their own side. */
static void predict_sigmoid(const struct loss_lanes *r, float *predicted)
{
    size_t n = r->lanes->n, row = lanes_stride(2) * n;

    for (size_t i = 0; i < r->rows; i++)
        for (size_t l = 0; l < n; l++) {
            predicted[i * row + l] = -r->z[i * n + l];
            predicted[i * row + n + l] = r->z[i * n + l];
        }
    r->kernel->map(KERNEL_LOGISTIC, r->rows * row, predicted, predicted);
}

void loss_lanes_predict(const struct loss_lanes *r, float *dz, float *loss, float *predicted)
{
    bool entropy = r->loss == LOSS_CROSS_ENTROPY;

    if (r->output != OUTPUT_SOFTMAX || !entropy)
        loss_lanes_gradient(r, dz, loss);
    switch (r->output) {
    case OUTPUT_IDENTITY:
        memcpy(predicted, r->z, r->rows * lanes_stride(r->n) * r->lanes->n * sizeof *predicted);
        break;
    case OUTPUT_SIGMOID:
        predict_sigmoid(r, predicted);
        break;
    case OUTPUT_SOFTMAX:
        r->lanes->softmax(r->rows, r->n, r->z, r->classes, NULL, predicted, entropy ? loss : dz);
        break;
    }
}
