/*
 * The output layer and the loss: from the network's last sums (logits) to predictions, to each
 * row's loss, and to the gradient that backpropagation starts from.
 *
 * The output's activation follows from the task: identity for regression, one logit through the
 * logistic function for two classes, softmax for more. Cross entropy is computed from the logits,
 * so that it is stable where probabilities have underflowed.
 */
#ifndef SWEEPD_CORE_NN_LOSS_H
#define SWEEPD_CORE_NN_LOSS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/task.h"
#include "core/linalg/kernel.h"

/* The order is that of the names in core/train/hyper_words.c. */
enum loss { LOSS_CROSS_ENTROPY, LOSS_MSE, LOSS_MAE, LOSS_HUBER };

enum { LOSS_COUNT = LOSS_HUBER + 1 };

enum output { OUTPUT_IDENTITY, OUTPUT_SIGMOID, OUTPUT_SOFTMAX };

/** The output for a task with n classes or targets. */
enum output loss_output(enum task task, size_t n);

/** Width of the output layer: one where the logistic function tells two classes apart. */
size_t loss_width(enum output o, size_t n);

/* Some rows behind the output layer. */
struct loss_rows {
    enum loss loss;
    enum output output;
    size_t rows;
    size_t n;               /* classes, or targets */
    const float *z;         /* (rows, stride), the output layer's sums */
    size_t stride;          /* floats from row to row of z and dz */
    const int32_t *classes; /* (rows); NULL for OUTPUT_IDENTITY */
    const float *y;         /* (rows, n); NULL for the others */
    const float *scale;     /* (rows): the row's weight over the batch's sum of weights */
    float *work;            /* (LOSS_WORK, rows) */
    float delta;            /* huber: where the parabola ends */
};

enum { LOSS_WORK = 2 };

/**
 * Each row's loss, and the gradient of the batch's mean loss by z.
 *
 * dz    (rows, stride); columns beyond the output's width are not touched
 * loss  (rows), not scaled; mse, mae and huber are means over outputs, and for classes they
 *       compare the probabilities with zeros and a one (with one logit: the second class's
 *       alone). huber of an error e is e^2/2 up to |e| = delta and delta (|e| - delta/2) beyond;
 *       the slope of mae at 0 is 0
 *
 * Source  cross entropy: Bishop 2006, section 4.3; log(1 + e^t): Maechler 2012; mae and huber:
 *         torch.nn.L1Loss, HuberLoss; Huber 1964
 */
void loss_gradient(const struct kernel *k, const struct loss_rows *r, float *dz, float *loss);

/**
 * Probabilities of all classes, or values in the network's own unit.
 *
 * predicted  (rows, n), row-major without padding
 * work       (stride + 2) * rows floats; 64-byte aligned
 */
void loss_predict(const struct kernel *k, enum output o, size_t rows, size_t n, const float *z,
                  size_t stride, float *work, float *predicted);

/**
 * loss_gradient's losses and loss_predict's predictions at once, without a gradient.
 *
 * r          scale is not looked at; work: (stride + LOSS_WORK) * rows floats, 64-byte aligned
 * loss       (rows)
 * predicted  (rows, n), row-major without padding
 */
void loss_evaluate(const struct kernel *k, const struct loss_rows *r, float *loss,
                   float *predicted);

#endif
