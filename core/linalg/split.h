/*
 * Kernel calls that a team shares: the same arguments behind the team, the same bits. Work is cut
 * over outputs, by panels and then by rows; each output stays one chain. Without a team, without
 * helpers or with too little to do, a call is the kernel's own.
 */
#ifndef SWEEPD_CORE_LINALG_SPLIT_H
#define SWEEPD_CORE_LINALG_SPLIT_H

#include "core/linalg/kernel.h"
#include "core/linalg/team.h"

/** True where a product of (rows, K) by (K, N) is large enough to be shared. */
bool split_is_worth_it(size_t rows, size_t n_inputs, size_t n_outputs);

void split_forward(struct team *t, const struct kernel *k, size_t rows, const float *x,
                   size_t x_stride, const struct panels *p, const float *w, enum kernel_function f,
                   float *y, size_t y_stride);

void split_backward(struct team *t, const struct kernel *k, size_t rows, const float *dz,
                    size_t dz_stride, const struct panels *pt, const float *wt,
                    enum kernel_function f, const float *y, float *dx, size_t dx_stride);

void split_gradient(struct team *t, const struct kernel *k, const struct kernel_pair *in,
                    const struct panels *p, bool add, float *g);

void split_update(struct team *t, const struct kernel *k, const struct kernel_pair *in,
                  const struct panels *p, const float *start, const struct kernel_update *u,
                  float *w, float *a, float *b);

void split_step(struct team *t, const struct kernel *k, const struct panels *p, const float *g,
                float scale, const struct kernel_update *u, float *w, float *a, float *b);

void split_transpose(struct team *t, const struct kernel *k, const struct panels *p, const float *w,
                     const struct panels *pt, float *wt);

void split_map(struct team *t, const struct kernel *k, enum kernel_function f, size_t n,
               const float *x, float *y);

/** Does something to rows from..end - 1, which no other rows depend on. */
typedef void split_work(void *ctx, size_t from, size_t end);

/**
 * Shares anything else that goes row by row.
 *
 * moves  floats that are copied in all, or what takes as long
 */
void split_rows(struct team *t, size_t moves, size_t rows, split_work *work, void *ctx);

#endif
