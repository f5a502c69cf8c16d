/*
 * The loss of networks side by side (mlp_lanes.h), with the bits of loss.h: cross entropy in
 * lanes, other losses of one output through loss.h as they are, all else lane by lane.
 */
#ifndef SWEEPD_CORE_NN_LOSS_LANES_H
#define SWEEPD_CORE_NN_LOSS_LANES_H

#include "core/linalg/lanes.h"
#include "core/nn/loss.h"

/* Some rows behind the output layer; all are matrices of lanes. */
struct loss_lanes {
    const struct kernel *kernel;
    const struct lanes *lanes;
    enum loss loss;
    enum output output;
    size_t rows;
    size_t n;               /* classes, or targets */
    const float *z;         /* (rows, the output's width) */
    const int32_t *classes; /* (rows, 1), each below n; not read for OUTPUT_IDENTITY */
    const float *y;         /* (rows, n) without distance between rows; not read for the others */
    const float *scale;     /* (rows, 1) */
    const float *delta;     /* (lanes) */
    float *work;            /* loss_lanes_work() */
};

/** Floats of working memory. */
size_t loss_lanes_work(const struct lanes *lanes, size_t rows, size_t n);

/** dz laid out as z; loss: (rows, 1). */
void loss_lanes_gradient(const struct loss_lanes *r, float *dz, float *loss);

/** The losses, and what loss_predict gives: a matrix of (rows, n). scale is all ones; dz is
 *  written, too. */
void loss_lanes_predict(const struct loss_lanes *r, float *dz, float *loss, float *predicted);

#endif
