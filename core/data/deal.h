/*
 * Gives units of rows to folds, as evenly as they allow. A plan is (rows of the table): the fold
 * of each row, from 1.
 */
#ifndef SWEEPD_CORE_DATA_DEAL_H
#define SWEEPD_CORE_DATA_DEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/units.h"

/**
 * Every stratum evenly, then every fold: units of several rows first, the largest first, each to
 * the emptiest fold, counted in the stratum of its first row; then single rows in blocks of the
 * order that the units have.
 */
enum err deal_folds(const struct units *u, uint32_t n_folds, uint16_t *plan, struct error *e);

/**
 * For units whose rows are of several strata: each unit goes to the fold that adds least to the
 * sum, over strata, of the variance among folds of their shares of it; those that weigh most in
 * that sum go first. No fold is left empty where there are units enough.
 *
 * Source  scikit-learn's StratifiedGroupKFold has the same aim, with standard deviations
 */
enum err deal_mixed(const struct units *u, uint32_t n_folds, uint16_t *plan, struct error *e);

/**
 * Marks a fraction of the rows, the same of every stratum to within a row: after each stratum the
 * marked ones are the fraction of all rows so far, rounded. Units that do not fit are passed over,
 * or with `nearest` taken if that ends nearer to what is wanted. Returns how many are marked.
 */
size_t deal_fraction(const struct units *u, double fraction, bool from_end, bool nearest,
                     uint16_t mark, uint16_t *plan);

#endif
