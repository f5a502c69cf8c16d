/*
 * The distribution of CMA-ES with margin: normal over the unit cube, its steps' probabilities held
 * above a floor, so that no step is lost before the numbers beside it are right.
 *
 * Source  Hansen: The CMA evolution strategy, a tutorial. arXiv 1604.00772, 2016; Hamano, Saito,
 *         Nomura, Shirakawa: CMA-ES with margin. GECCO 2022; conventions of the package cmaes
 */
#ifndef SWEEPD_CORE_SEARCH_CMA_MODEL_H
#define SWEEPD_CORE_SEARCH_CMA_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/rng.h"

/* The steps of each dimension. */
struct cma_steps {
    const size_t *n;                                      /* (d) how many; 0: a real number */
    double (*limit)(const void *ctx, size_t i, size_t k); /* between steps k and k + 1 */
    const void *ctx;
};

struct cma {
    size_t d, population, parents, generation;
    struct cma_steps steps;
    double *weights; /* (population) of the points, the best first; the worse half's are negative */
    double mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu, chi, margin;

    double sigma;
    double *mean, *p_sigma, *p_c; /* (d) */
    double *c;                    /* (d, d) */
    double *scale;                /* (d) of the steps, by which the margin is kept */

    double *root, *axes; /* (d), (d, d): of c, the roots of its eigenvalues and its eigenvectors */
    double *work;        /* (population + 2, d) and (d, d) */
};

/** How many points a generation has. */
size_t cma_population(size_t d);

/** mean: (d) copied. `steps` is borrowed; lives as long as a. */
enum err cma_create(size_t d, const double *mean, double sigma, const struct cma_steps *steps,
                    struct arena *a, struct cma *out, struct error *e);

/** A point drawn: (d). */
void cma_draw(const struct cma *c, struct rng *r, double *x);

/** The step, from 0, that number i of a drawn point stands for. */
size_t cma_step(const struct cma *c, size_t i, double x);

/** Pulls a point that was not drawn to where one might have been (Hansen 2011: injection). */
void cma_shorten(const struct cma *c, double *x);

/** The next generation. x: (population) points (d), the best first. */
void cma_update(struct cma *c, const double *const *x);

/** False where the distribution has become too small or too flat to draw from. */
bool cma_is_alive(const struct cma *c);

#endif
