/*
 * An experiment's definition: decoded from JSON against the facts of its data set, with every
 * fault at once; made complete; written so that decoding it again gives the same definition.
 */
#ifndef SWEEPD_SERVER_SCHEMA_DEFINITION_H
#define SWEEPD_SERVER_SCHEMA_DEFINITION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "core/data/split.h"
#include "core/data/table.h"
#include "core/nn/metric.h"
#include "core/search/pruner.h"
#include "core/search/reports.h"
#include "core/search/require.h"
#include "core/search/rungs.h"
#include "core/search/sampler.h"
#include "core/search/space.h"
#include "server/schema/faults.h"
#include "server/schema/field.h"
#include "server/schema/json.h"

enum {
    DEFINITION_TRIALS = 100,         /* of a budget that is left out, but for a grid */
    DEFINITION_TRIALS_MAX = 1000000, /* of a budget */
    DEFINITION_GRID_MAX = 100000,    /* trials of a grid without a budget */
    DEFINITION_CONCURRENCY_MAX = 1024
};

/* What a definition must know of the data set. */
struct definition_facts {
    const char
        *unknown; /* why there is no such data set: what depends on it is let through; NULL */
    int64_t dataset_id;
    const char *dataset_name;
    enum task task;
    size_t n_rows;
    size_t n_targets;
    const char *const *targets; /* (n_targets) names */
    size_t n_classes;           /* 0 for regression */
    double rarest_share;        /* of the rarest class among the rows; 1 for regression */
    bool has_group, has_time;   /* columns with these roles */
    size_t n_folds;             /* distinct values of a `fold` column; 0: there is none */
    size_t n_test_rows;         /* rows whose `split` is test */
    const struct table *table; /* what `weights` in `require` is reckoned from; lives as long as the
                                  definition and its spaces; NULL: it is not known */
};

/* What keeps points of the space from being tried. */
struct definition_rules {
    size_t n;
    const struct require *requires; /* (n); a budget of trial_weights is one of them */
    const struct table *table;
    enum task task;
    size_t n_rows;
    atomic_size_t judged; /* points, by whoever searches */
};

/* A dimension as it was written, before `per_layer` becomes one for each layer. */
struct definition_dimension {
    struct dimension dimension; /* named as in the definition; its gate is not set */
    bool per_layer;
};

/* What stands in place of a data set and a metric where others train (ask and tell). */
struct definition_objective {
    const char *name;
    bool maximize;
    int64_t folds;        /* that a trial reports one by one; 0: it does not say */
    int64_t steps;        /* the step that is a trial's end; 0: it does not say */
    double lease_seconds; /* without a word from a trial, after which it is handed out again */
    const struct reports_kind *pruner; /* of what trials report; NULL: none */
    struct reports_settings pruner_settings;
};

struct definition {
    const char
        *name; /* NULL where it is left out: the caller sets DATASET-ID once there is an id */
    const struct definition_objective *objective; /* NULL: trials are trained here */
    int64_t dataset_id;                           /* 0 with an objective, */
    const char *dataset_name;                     /* and NULL */
    struct metric_list metrics;                   /* that the data has; none with an objective */
    const struct metric *metric; /* the one of them that decides, or what the objective is called */
    const struct sampler_kind *sampler;
    bool shuffle;                     /* of a grid; also where the budget takes a sample of it */
    const struct pruner_kind *pruner; /* NULL: none */
    double alpha;                     /* of a pruner that has it */
    bool revisit;                     /* of a pruner that revisits */
    bool race_epochs;                 /* of such a one: it judges inside folds, too */
    int64_t trials;                   /* budget.trials */
    int64_t trial_weights;            /* budget.trial_weights; 0: any */
    double seconds, trial_seconds;    /* budget: of running, of a trial's training; 0: any */
    struct field_texts require;       /* as written */
    const struct definition_rules *rules; /* NULL: every point may be tried */
    size_t n_enqueued;
    const struct params *enqueued; /* (n_enqueued) points to try first */
    bool has_target;
    double target;           /* stop_when: a score */
    int64_t patience;        /* stop_when: trials without a better one; 0: any number */
    struct split_spec split; /* seed and sealed fraction included */
    bool sealed_split;       /* the data's own test rows are set aside */
    uint64_t seed_folds, seed_search, seed_training;
    int64_t concurrency;
    const char *precision, *select;
    struct field_texts tags;
    const char *notes;
    int64_t priority;
    bool start;
    size_t n_dimensions;
    const struct definition_dimension *dimensions; /* of `space`, as written */
    size_t n_expanded;
    const struct dimension *expanded; /* what space_create takes */
    int64_t planned_trials;           /* the budget, or fewer where the space is smaller */
    bool whole_space;                 /* they are all that there are */
    size_t n_warnings;
    const char *const *warnings; /* sentences */
};

/* How a definition names its data set. */
struct definition_dataset {
    bool is_objective; /* it names none, but an objective */
    int64_t id;        /* 0 where it gives a name, or nothing */
    const char *name;  /* NULL where it gives an id, or nothing */
};

/** The facts of a definition with an objective, which has no data set. */
extern const struct definition_facts definition_no_data;

/** The facts where there is no such data set, as `unknown` is to say: its definition may have other
 * faults, too. */
extern const struct definition_facts definition_unknown_data;

/**
 * Finds the data set that a definition names. It may be a name, an id (a number), a string of
 * digits, or {"id": 1, …} as answers write it. Where it names none that is a fault for
 * definition_decode to find.
 *
 * Errors  ERR_SYNTAX; ERR_INVALID where the body is no object
 */
enum err definition_dataset(const char *body, size_t length, struct arena *a, struct faults *faults,
                            struct definition_dataset *out, struct error *e);

/**
 * Decodes and completes a definition; it lives as long as a.
 *
 * Errors  ERR_SYNTAX with line and column; ERR_INVALID with the faults; ERR_NO_MEMORY
 */
enum err definition_decode(const char *body, size_t length, const struct definition_facts *facts,
                           struct arena *a, struct faults *faults, struct definition **out,
                           struct error *e);

/** Writes the definition with every default spelled out. */
void definition_write(const struct definition *d, struct json *j, const char *key);

/** The space that the definition searches; the caller's. */
enum err definition_space(const struct definition *d, struct space **out, struct error *e);

/** The settings of its sampler. */
struct sampler_settings definition_sampler_settings(const struct definition *d);

/** "none" where it has no pruner. */
const char *definition_pruner_name(const struct definition *d);

/** The settings of its pruner, for so many folds of a trial; only where it has one. */
struct pruner_settings definition_pruner_settings(const struct definition *d, uint32_t n_folds);

/** `epochs`, where all trials have the same; else 0. */
uint32_t definition_epochs(const struct definition *d);

/** The epochs after which its pruner judges; none where it does not look inside folds. */
struct rungs definition_rungs(const struct definition *d);

/** The largest value of `epochs`, where trials may differ in epochs alone and are proposed ahead of
 * results: then they share a run (server/jobs/share.c). Else 0. */
size_t definition_shared_epochs(const struct definition *d);

/* For documentation: the keys of a definition's parts. Where there are kinds the first line is
 * kind. */
extern const struct field definition_budget_fields[], definition_objective_fields[],
    definition_split_fields[];

/** Those of cross_validation that a kind uses. */
bool definition_split_uses(enum split_kind kind, const struct field *f);

/** NULL is auto. */
const struct field *definition_sampler_fields(const struct sampler_kind *k);

/** NULL is no pruner. */
const struct field *definition_pruner_fields(const struct pruner_kind *k);

/** Of a pruner of an objective's trials. */
const struct field *definition_reports_fields(const struct reports_kind *k);

/* For documentation: a definition is one of a search or one of a study. */
extern const struct schema definition_schema, definition_search_schema, definition_study_schema;

#endif
