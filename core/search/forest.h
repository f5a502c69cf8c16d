/*
 * A random forest for regression, and how much of its variance each column explains. Trees are
 * grown to the end on bootstrap samples; every column is looked at in every node.
 *
 * A column holds numbers from 0 to 1, or categories 0 .. n-1. Explained variance is that under the
 * uniform distribution of every column, all independent: for each leaf the volume of its box is
 * known, so it is exact for the tree.
 *
 * Source  Breiman: Random forests. Machine Learning 45, 2001. Hutter, Hoos, Leyton-Brown: An
 *         efficient approach for assessing hyperparameter importance. ICML 2014.
 */
#ifndef SWEEPD_CORE_SEARCH_FOREST_H
#define SWEEPD_CORE_SEARCH_FOREST_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum { FOREST_LEAF = -1, FOREST_DEPTH = 64, FOREST_CATEGORIES_MAX = 1000 };

/* A leaf's column is FOREST_LEAF. Else a row goes left where its number is threshold or less, or
 * its category is `category`. Children come after their parent. */
struct forest_node {
    int32_t column;
    double threshold;
    size_t category;
    uint32_t left, right; /* indices of nodes */
    double value;         /* mean of the node's rows */
};

struct forest_tree {
    size_t n;
    struct forest_node *nodes; /* (n); the first is the root */
};

struct forest_data {
    size_t n, d;
    const size_t *categories; /* (d) how many; 0: a column of numbers */
    const double *x;          /* (n, d) row-major */
    const double *y;          /* (n), about standard: mean 0, variance 1 */
};

struct forest {
    size_t n_trees;
    struct forest_tree *trees;
    double r2; /* out of bag: of rows by the trees that have not seen them; NaN where undefined */
};

/**
 * Grows n_trees trees, each on `sample` rows drawn with replacement.
 *
 * Shapes  n, d, sample >= 1
 * Errors  ERR_NO_MEMORY
 */
enum err forest_grow(const struct forest_data *data, size_t n_trees, size_t sample, uint64_t seed,
                     struct forest **out, struct error *e);
void forest_destroy(struct forest *f);

/** What a tree says of a row (d). */
double forest_value(const struct forest_tree *t, const size_t *categories, const double *row);

/**
 * The variance of a tree, and of its mean over all columns but one, for each one.
 *
 * explained  (d)
 */
enum err forest_variance(const struct forest_tree *t, const size_t *categories, size_t d,
                         double *total, double *explained, struct error *e);

#endif
