#include "core/nn/loss.h"

#include <math.h>
#include <stdbool.h>

enum output loss_output(enum task task, size_t n)
{
    if (task == TASK_REGRESSION)
        return OUTPUT_IDENTITY;
    return n == 2 ? OUTPUT_SIGMOID : OUTPUT_SOFTMAX;
}

size_t loss_width(enum output o, size_t n)
{
    return o == OUTPUT_SIGMOID ? 1 : n;
}

/* (p - onehot) scale, and the loss -log p of the right class as log sum e^(z - top) - (z - top). */
static void softmax_cross_entropy(const struct kernel *k, const struct loss_rows *r, float *dz,
                                  float *loss)
{
    float *top = r->work, *log_sum = r->work + r->rows;

    k->softmax(r->rows, r->n, r->z, r->stride, r->scale, dz, top, log_sum);
    for (size_t i = 0; i < r->rows; i++) {
        size_t right = i * r->stride + (size_t)r->classes[i];

        dz[right] -= r->scale[i];
        loss[i] = log_sum[i] - (r->z[right] - top[i]);
    }
}

/*
 * With t = z for the first class and -z for the second, the loss is softplus(t) and the gradient
 * by t logistic(t): neither cancels, however sure the network is.
 */
static void sigmoid_cross_entropy(const struct kernel *k, const struct loss_rows *r, float *dz,
                                  float *loss)
{
    static const float sign[2] = {1.0f, -1.0f}; /* classes come in no order to be guessed */
    float *t = r->work, *slope = r->work + r->rows;

    for (size_t i = 0; i < r->rows; i++)
        t[i] = sign[r->classes[i]] * r->z[i * r->stride];
    k->map(KERNEL_LOGISTIC, r->rows, t, slope);
    k->map(KERNEL_SOFTPLUS, r->rows, t, loss);
    for (size_t i = 0; i < r->rows; i++)
        dz[i * r->stride] = sign[r->classes[i]] * slope[i] * r->scale[i];
}

/* The loss of one output's error e, and its slope. */
static float of_error(const struct loss_rows *r, float e, float *slope)
{
    float size = fabsf(e), sign = (float)((e > 0.0f) - (e < 0.0f));

    if (r->loss == LOSS_MAE) {
        *slope = e == e ? sign : e; /* a NaN stays one */
        return size;
    }
    if (r->loss == LOSS_HUBER && size > r->delta) {
        *slope = sign * r->delta;
        return r->delta * (size - 0.5f * r->delta);
    }
    *slope = r->loss == LOSS_HUBER ? e : 2.0f * e;
    return r->loss == LOSS_HUBER ? 0.5f * e * e : e * e;
}

static void identity_error(const struct loss_rows *r, float *dz, float *loss)
{
    float n = (float)r->n;

    for (size_t i = 0; i < r->rows; i++) {
        float factor = r->scale[i] / n, sum = 0.0f, slope;

        for (size_t j = 0; j < r->n; j++) {
            sum += of_error(r, r->z[i * r->stride + j] - r->y[i * r->n + j], &slope);
            dz[i * r->stride + j] = factor * slope;
        }
        loss[i] = sum / n;
    }
}

/* One probability p against 0 or 1: dz = slope p (1 - p). */
static void sigmoid_error(const struct kernel *k, const struct loss_rows *r, float *dz, float *loss)
{
    float *p = r->work;

    for (size_t i = 0; i < r->rows; i++)
        p[i] = r->z[i * r->stride];
    k->map(KERNEL_LOGISTIC, r->rows, p, p);
    for (size_t i = 0; i < r->rows; i++) {
        float slope;

        loss[i] = of_error(r, p[i] - (float)r->classes[i], &slope);
        dz[i * r->stride] = r->scale[i] * slope * (p[i] * (1.0f - p[i]));
    }
}

/* With slopes s: dz_j = 1/n p_j (s_j - sum of s_i p_i). */
static void softmax_error_row(const struct loss_rows *r, size_t i, float *p, float *loss)
{
    float n = (float)r->n, factor = r->scale[i] / n, mean = 0.0f, sum = 0.0f, slope;
    size_t right = (size_t)r->classes[i];

    for (size_t j = 0; j < r->n; j++) {
        sum += of_error(r, p[j] - (j == right ? 1.0f : 0.0f), &slope);
        mean += slope * p[j];
    }
    for (size_t j = 0; j < r->n; j++) {
        (void)of_error(r, p[j] - (j == right ? 1.0f : 0.0f), &slope);
        p[j] = factor * p[j] * (slope - mean);
    }
    *loss = sum / n;
}

static void softmax_error(const struct kernel *k, const struct loss_rows *r, float *dz, float *loss)
{
    k->softmax(r->rows, r->n, r->z, r->stride, NULL, dz, r->work, r->work + r->rows);
    for (size_t i = 0; i < r->rows; i++)
        softmax_error_row(r, i, dz + i * r->stride, loss + i);
}

void loss_gradient(const struct kernel *k, const struct loss_rows *r, float *dz, float *loss)
{
    bool entropy = r->loss == LOSS_CROSS_ENTROPY;

    switch (r->output) {
    case OUTPUT_IDENTITY:
        identity_error(r, dz, loss);
        break;
    case OUTPUT_SIGMOID:
        (entropy ? sigmoid_cross_entropy : sigmoid_error)(k, r, dz, loss);
        break;
    case OUTPUT_SOFTMAX:
        (entropy ? softmax_cross_entropy : softmax_error)(k, r, dz, loss);
        break;
    }
}

static void predict_softmax(const struct kernel *k, size_t rows, size_t n, const float *z,
                            size_t stride, float *work, float *predicted)
{
    float *top = work + rows * stride;

    k->softmax(rows, n, z, stride, NULL, work, top, top + rows);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            predicted[i * n + j] = work[i * stride + j];
}

/* Both probabilities from their own side, so that a small one keeps its digits. */
static void predict_sigmoid(const struct kernel *k, size_t rows, const float *z, size_t stride,
                            float *predicted)
{
    for (size_t i = 0; i < rows; i++) {
        predicted[2 * i] = -z[i * stride];
        predicted[2 * i + 1] = z[i * stride];
    }
    k->map(KERNEL_LOGISTIC, 2 * rows, predicted, predicted);
}

void loss_predict(const struct kernel *k, enum output o, size_t rows, size_t n, const float *z,
                  size_t stride, float *work, float *predicted)
{
    switch (o) {
    case OUTPUT_IDENTITY:
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < n; j++)
                predicted[i * n + j] = z[i * stride + j];
        break;
    case OUTPUT_SIGMOID:
        predict_sigmoid(k, rows, z, stride, predicted);
        break;
    case OUTPUT_SOFTMAX:
        predict_softmax(k, rows, n, z, stride, work, predicted);
        break;
    }
}

/* The mean error of n probabilities against a one at `right` and zeros. */
static float mean_error(const struct loss_rows *r, const float *p, size_t right)
{
    float sum = 0.0f, slope;

    for (size_t j = 0; j < r->n; j++)
        sum += of_error(r, p[j] - (j == right ? 1.0f : 0.0f), &slope);
    return sum / (float)r->n;
}

static void evaluate_softmax(const struct kernel *k, const struct loss_rows *r, float *loss,
                             float *predicted)
{
    float *p = r->work, *top = r->work + r->rows * r->stride, *log_sum = top + r->rows;

    k->softmax(r->rows, r->n, r->z, r->stride, NULL, p, top, log_sum);
    for (size_t i = 0; i < r->rows; i++) {
        size_t right = (size_t)r->classes[i];

        loss[i] = r->loss == LOSS_CROSS_ENTROPY
                      ? log_sum[i] - (r->z[i * r->stride + right] - top[i])
                      : mean_error(r, p + i * r->stride, right);
        for (size_t j = 0; j < r->n; j++)
            predicted[i * r->n + j] = p[i * r->stride + j];
    }
}

static void evaluate_sigmoid(const struct kernel *k, const struct loss_rows *r, float *loss,
                             float *predicted)
{
    bool entropy = r->loss == LOSS_CROSS_ENTROPY;
    float slope;

    predict_sigmoid(k, r->rows, r->z, r->stride, predicted);
    for (size_t i = 0; i < r->rows; i++) {
        float z = r->z[i * r->stride];

        loss[i] = entropy ? (r->classes[i] ? -z : z)
                          : of_error(r, predicted[2 * i + 1] - (float)r->classes[i], &slope);
    }
    if (entropy)
        k->map(KERNEL_SOFTPLUS, r->rows, loss, loss);
}

static void evaluate_identity(const struct loss_rows *r, float *loss, float *predicted)
{
    for (size_t i = 0; i < r->rows; i++) {
        float sum = 0.0f, slope;

        for (size_t j = 0; j < r->n; j++) {
            float z = r->z[i * r->stride + j];

            sum += of_error(r, z - r->y[i * r->n + j], &slope);
            predicted[i * r->n + j] = z;
        }
        loss[i] = sum / (float)r->n;
    }
}

void loss_evaluate(const struct kernel *k, const struct loss_rows *r, float *loss, float *predicted)
{
    switch (r->output) {
    case OUTPUT_IDENTITY:
        evaluate_identity(r, loss, predicted);
        break;
    case OUTPUT_SIGMOID:
        evaluate_sigmoid(k, r, loss, predicted);
        break;
    case OUTPUT_SOFTMAX:
        evaluate_softmax(k, r, loss, predicted);
        break;
    }
}
