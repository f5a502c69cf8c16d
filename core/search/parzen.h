/*
 * A density over a space, estimated from points of it: a mixture of one kernel around each point
 * and a broad one, each kernel a product over the dimensions. A dimension that a kernel's point
 * does not use has the broad kernel's factor there, so that on every branch of a conditional space
 * each kernel is a density, and densities of different sets of points can be compared.
 *
 * Source  Bergstra and others 2011; Optuna 5's joint estimator (bandwidths, clips, weights), and of
 *         coarse grids the bandwidth that it had before; the factors of unused dimensions as SEARCH
 *         asks for them
 */
#ifndef SWEEPD_CORE_SEARCH_PARZEN_H
#define SWEEPD_CORE_SEARCH_PARZEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/rng.h"
#include "core/search/axis.h"

struct parzen;

/* How broad the kernels of numbers are. */
enum parzen_widths {
    PARZEN_BY_NEIGHBOURS, /* as far as the farther neighbour: Optuna 5's, on every axis */
    PARZEN_BY_GRID        /* the same, but on an axis of a dozen steps or fewer: there neighbours
                             coincide and their distance, zero, tells nothing, so it goes by the
                             number of points and dimensions */
};

/**
 * axes  borrowed
 * x     (n) points, oldest first, each (axes->n) coordinates; of more than 25 the older ones weigh
 *       less
 *
 * Lives as long as a. One thread at a time.
 */
enum err parzen_create(const struct axes *axes, enum parzen_widths widths, size_t n,
                       const double *const *x, struct arena *a, struct parzen **out,
                       struct error *e);

/** The logarithm of the density at x, up to a term that is the same for all estimates of a space.
 */
double parzen_log_density(const struct parzen *p, const double *x);

/** True where the logarithm is below limit; only then *out is it. Faster where it is not. */
bool parzen_log_density_below(const struct parzen *p, const double *x, double limit, double *out);

/** Draws coordinates of all dimensions, those that will not be used too. x: (axes->n). */
void parzen_draw(const struct parzen *p, struct rng *r, double *x);

#endif
