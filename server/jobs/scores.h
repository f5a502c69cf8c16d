/*
 * From the scores of folds to the score of a trial.
 */
#ifndef SWEEPD_SERVER_JOBS_SCORES_H
#define SWEEPD_SERVER_JOBS_SCORES_H

#include <stddef.h>

/* NaN where a number does not exist: std and sem of a single fold. */
struct scores {
    double mean;
    double std; /* divides by n - 1 */
    double sem; /* standard error of the mean, corrected for overlapping training parts */
};

/**
 * Mean, standard deviation and corrected standard error of n fold scores, summed in order.
 *
 * test_share   mean rows of a validation part over rows of its training part
 *
 * sem^2 = (1/n + test_share) std^2. Undefined if any score is NaN.
 *
 * Source  Nadeau and Bengio: Inference for the generalization error. Machine Learning 52, 2003.
 */
struct scores scores_of(const double *x, size_t n, double test_share);

#endif
