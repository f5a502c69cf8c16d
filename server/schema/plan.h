/*
 * What an experiment will take, before it is started: trials, folds, weights, memory, time.
 */
#ifndef SWEEPD_SERVER_SCHEMA_PLAN_H
#define SWEEPD_SERVER_SCHEMA_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/schema/definition.h"
#include "server/schema/json.h"

/* What the estimate must know of the data and the machine. */
struct plan_facts {
    size_t n_features; /* encoded */
    size_t n_outputs;  /* classes or targets */
    size_t n_folds;    /* of all repeats, as split_create cut them */
    size_t n_sealed;   /* rows set aside before the search */
    size_t n_warnings;
    char *const *warnings;        /* those of split_create */
    size_t n_train, n_validation; /* rows of a typical fold */
    unsigned threads;
    uint64_t memory_bytes;  /* that the daemon may use */
    double work_per_second; /* train_work units that one thread does; 0: not known */
};

struct plan {
    int64_t trials;
    int64_t folds_per_trial, folds;
    int64_t sealed_rows;
    uint64_t weights_min, weights_max; /* over the trials looked at */
    uint64_t memory_bytes;             /* of prepared folds and of trainings at once */
    int64_t busy_threads; /* that the search can use at most; 0: as many as it has folds */
    double seconds;       /* estimate; NaN where it cannot be made */
    bool all_trials_seen; /* false: minimum, maximum and time come from a sample of the trials */
    size_t n_warnings;
    const char *const *warnings;
    const struct definition *definition; /* borrowed: the defaults that it leaves are written */
};

/** Makes the plan; it lives as long as a and d. ERR_INVALID if a network cannot fit in memory. */
enum err plan_make(const struct definition *d, const struct definition_facts *facts,
                   const struct plan_facts *machine, struct arena *a, struct plan *out,
                   struct error *e);

/** The plan where others train: trials, and folds where the objective tells how many. */
struct plan plan_elsewhere(const struct definition *d);

extern const struct schema plan_schema;

void plan_write(const struct plan *p, struct json *j, const char *key);

/** Only "warnings", a list of sentences. */
void plan_write_warnings(const struct plan *p, struct json *j);

#endif
