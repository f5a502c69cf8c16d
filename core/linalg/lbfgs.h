/*
 * L-BFGS: a quasi-Newton minimizer of a function of n numbers, with the last ten pairs of steps
 * and gradient changes in place of the Hessian, and a line search for the strong Wolfe conditions.
 *
 * Conventions are those of torch.optim.LBFGS(lr=1, history_size=10, line_search_fn="strong_wolfe"),
 * c1 1e-4, c2 0.9, the first step min(1, 1 / |g|_1) long. Other than there, a pair is left out by
 * a relative measure (that of L-BFGS-B), gradients that are small do not end it, and where a
 * search finds no lower point the pairs are forgotten before it gives up. A point that is higher
 * by less than float32's rounding of a loss (1e-4 of it) counts as lower where the slope there
 * says so: without that a network's minimization ends where the noise begins.
 *
 * All numbers are double, and every sum is one chain in the order of the vector.
 *
 * Source  Nocedal and Wright 2006, algorithms 7.4 and 7.5, 3.5 and 3.6; Byrd, Lu, Nocedal, Zhu
 *         1995; Hager and Zhang 2005
 */
#ifndef SWEEPD_CORE_LINALG_LBFGS_H
#define SWEEPD_CORE_LINALG_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

enum { LBFGS_MEMORY = 10 };

struct lbfgs {
    size_t n;
    double *x;   /* (n) the iterate; the caller sets the first one */
    double loss; /* at x, after an iteration */
    double step; /* the last iteration moved x by step times d; 0: it found no lower point */
    double *d;   /* (n) */

    double *g;               /* (n) the gradient at x, once known */
    double *trial, *trial_g; /* (n) */
    double *s[LBFGS_MEMORY], *y[LBFGS_MEMORY], rho[LBFGS_MEMORY]; /* oldest first */
    size_t n_pairs;
    bool known;   /* loss and g are those at x */
    bool stalled; /* the function has no lower point that the search could find */
};

/** Numbers of memory for a function of n. */
size_t lbfgs_doubles(size_t n);

/** memory: lbfgs_doubles(n), the owner's. */
void lbfgs_start(struct lbfgs *o, size_t n, double *memory);

/**
 * The function at x, and its gradient by each number; a loss or gradient that is not finite makes
 * the line search look nearer. False: no more evaluations are wanted.
 */
typedef bool lbfgs_evaluate(void *ctx, const double *x, double *loss, double *gradient);

/**
 * One iteration: a direction and a line search along it. The last evaluation is the one at the x
 * that it leaves behind, if there was any: an iteration that has stalled needs none.
 *
 * afresh   the function is another one than in the last iteration: it is evaluated at x again
 * Returns  false where the evaluation was not wanted; no iteration may follow
 *
 * Where the loss at the first x is not finite, nothing moves and `loss` says so.
 */
bool lbfgs_iterate(struct lbfgs *o, bool afresh, lbfgs_evaluate *evaluate, void *ctx);

#endif
