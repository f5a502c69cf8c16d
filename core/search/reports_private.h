/*
 * What the kinds of reports.h share. For them and reports.c alone.
 */
#ifndef SWEEPD_CORE_SEARCH_REPORTS_PRIVATE_H
#define SWEEPD_CORE_SEARCH_REPORTS_PRIVATE_H

#include "core/search/levels.h"
#include "core/search/reports.h"

/* A report. */
struct mark {
    int64_t step;
    double loss;
    double best; /* of this one and those before */
};

/* A trial. Marks are kept while it goes on, and those of the incumbent. */
struct run {
    uint32_t trial;
    struct mark *marks; /* (n) in order of their steps */
    size_t n, capacity;
};

struct reports {
    const struct reports_kind *kind;
    struct reports_settings settings;
    struct run *runs; /* (n); of trial i at i - 1 */
    size_t n, capacity;
    struct levels levels;  /* over steps */
    struct pruner *race;   /* over folds */
    uint32_t incumbent;    /* over steps: the best trial that completed and had reports; 0: none */
    double incumbent_loss; /* what it came to */
};

extern const struct reports_kind reports_racing, reports_wilcoxon, reports_forgiving,
    reports_median, reports_successive_halving, reports_hyperband;

#endif
