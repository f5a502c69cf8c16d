/*
 * A Gaussian process over points in the unit cube, with a Matern 5/2 kernel:
 *
 *     k(a, b) = scale * (1 + r + r^2 / 3) * e^-r,   r^2 = 5 * sum over i of weight_i * d_i^2
 *
 * where d_i is the difference of two numbers, or 0 or 1 for equal and unequal categories. Values
 * are standardised and larger is better.
 *
 * Source  Rasmussen and Williams 2006, chapters 2 and 5; priors and bounds as in Optuna 5
 */
#ifndef SWEEPD_CORE_SEARCH_GP_MODEL_H
#define SWEEPD_CORE_SEARCH_GP_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/linalg/cholesky.h"

enum { GP_LANES = CHOLESKY_LANES };

struct gp_data {
    size_t n, d;
    const bool *category; /* (d) */
    const double *x;      /* (n, d) */
    const double *y;      /* (n) */
};

struct gp_kernel {
    double *weight; /* (d) one over the square of a length scale */
    double scale;
    double noise; /* variance of a value about the process */
};

/**
 * The parameters' posterior, its logarithm's negative up to a constant; infinity where it cannot
 * be computed.
 *
 * gradient  (d + 2) by the logarithms of the weights, of the scale, and of noise - GP_NOISE_LEAST
 * room      gp_room(data) numbers
 */
double gp_loss(const struct gp_data *data, const struct gp_kernel *k, double *gradient,
               double *room);
size_t gp_room(const struct gp_data *data);

#define GP_NOISE_LEAST 1e-6

/** The most probable parameters, by L-BFGS from 1 each; the weights live as long as a. */
enum err gp_fit(const struct gp_data *data, struct arena *a, struct gp_kernel *out,
                struct error *e);

struct gp {
    struct gp_data data;
    struct gp_kernel kernel;
    double *l;                 /* the factor of the values' covariance */
    double *alpha;             /* (n) its inverse times the values */
    double *k, *slope, *v;     /* (n) room of gp_posterior_slope */
    double (*lanes)[GP_LANES]; /* (n) room of gp_posterior */
};

/** Borrows data and kernel; lives as long as a. */
enum err gp_create(const struct gp_data *data, const struct gp_kernel *kernel, struct arena *a,
                   struct gp *out, struct error *e);

/** The process at n <= GP_LANES points x: (n, d). */
void gp_posterior(const struct gp *g, size_t n, const double *x, double *mean, double *variance);

/** At one point, with the slopes by each number: (d), 0 for categories. */
void gp_posterior_slope(const struct gp *g, const double *x, double *mean, double *variance,
                        double *mean_slope, double *variance_slope);

/** The logarithm of the expected improvement of a normal value upon `best`, far out too. */
double gp_log_ei(double mean, double variance, double best);

/** Its derivatives by mean and variance. */
void gp_log_ei_slope(double mean, double variance, double best, double *by_mean,
                     double *by_variance);

#endif
