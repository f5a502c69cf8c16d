/*
 * What a training's numbers say in words: gradients that vanish or explode, units that are idle,
 * metrics that are undefined.
 */
#ifndef SWEEPD_CORE_TRAIN_WARN_H
#define SWEEPD_CORE_TRAIN_WARN_H

#include "core/base/buf.h"
#include "core/nn/metric.h"
#include "core/train/spec.h"
#include "core/train/train.h"

/**
 * Appends the sentences that fit, each with a NUL after it; at most one of each of these kinds,
 * and one for each metric of the list that is undefined:
 *
 * vanishing  the gradient of layer 1 is below a millionth of the last layer's
 * exploding  in some epoch the gradient of a layer is above 1e6, or it is growing, above 1 and
 *            above a thousand times that of the first epoch
 * saturated  of a layer of sigmoid, hard_sigmoid or tanh more than nine tenths are near a limit, or
 *            more than half from the first epoch on
 * dead       of a layer of relu more than nine tenths are zero in every row
 *
 * All but exploding have to hold in each of the last three epochs (in all, where there are fewer),
 * and the sentence names the epoch from which on they do.
 */
void train_warnings(const struct spec *s, const struct metric_list *metrics,
                    const struct train_result *r, struct buf *out);

#endif
