/*
 * Resources as JSON: the one place that knows the shape of an experiment, a trial, a data set.
 */
#ifndef SWEEPD_SERVER_API_ENCODE_H
#define SWEEPD_SERVER_API_ENCODE_H

#include "core/data/table.h"
#include "server/schema/field.h"
#include "server/schema/json.h"
#include "server/schema/plan.h"
#include "server/store/store_dataset.h"
#include "server/store/store_event.h"
#include "server/store/store_experiment.h"
#include "server/store/store_fold.h"
#include "server/store/store_tell.h"
#include "server/store/store_trial.h"
#include "server/store/store_unseal.h"

/** What stands before every path that answers tell. Once, before there are threads. */
void encode_setup(const char *base_path);

/** "" where there is nothing before them. */
const char *encode_base_path(void);

/* What each is, for documentation. */
extern const struct schema encode_dataset_schema, encode_row_schema, encode_experiment_schema,
    encode_unsealed_schema, encode_trial_schema, encode_params_schema, encode_best_schema,
    encode_curves_schema, encode_state_event_schema, encode_trial_event_schema,
    encode_progress_event_schema;

extern const char *const encode_experiment_states[], *const encode_trial_states[];

/** {"id": 1, "name": …}; the report in the record was made by report_write. */
void encode_dataset(struct json *j, const char *key, const struct dataset_record *d);

/** A row of the table as {"column": value, …}, missing values as null. */
void encode_row(struct json *j, const struct table *t, size_t row);

/* Everything that the answer about an experiment is made from. */
struct experiment_view {
    struct experiment_record record;
    struct experiment_progress progress;
    bool has_best;
    struct trial_record best;
    const struct plan *plan; /* of one just submitted: its warnings are told; else NULL */
    bool is_unsealed;        /* or is to be */
    struct unseal_record unsealed;
};

/** Reads what an experiment's answer needs; there is no plan then. */
enum err encode_experiment_read(struct reader *r, int64_t id, struct arena *a,
                                struct experiment_view *out, struct error *e);

void encode_experiment(struct json *j, const char *key, const struct experiment_view *x);

/** Its best trial, or null. */
void encode_experiment_best(struct json *j, const char *key, const struct experiment_view *x);

extern const struct field encode_pace_fields[], encode_experiment_best_fields[];

/** What came of the rows that were set aside, or how far that is. */
void encode_unsealed(struct json *j, const char *key, const struct unseal_record *u);

/* How far an experiment is, in numbers derived from its records. */
struct experiment_pace {
    int64_t trials, trials_done; /* planned (or stored so far), ended in any way */
    int64_t trials_pruned, trials_failed;
    int64_t folds, folds_done;
    double fraction;
    double elapsed_seconds;
    double eta_seconds; /* NaN where it cannot be told, or nothing is left */
};

struct experiment_pace encode_pace(const struct experiment_view *x);

/* What one trial's answer has beside its record. */
struct trial_parts {
    size_t n_folds, n_reports;
    struct fold_record *folds;
    struct tell_report *reports;
    bool is_stopped; /* its client was told to stop */
    struct tell_stop stop;
};

enum err encode_trial_read(struct reader *r, int64_t experiment, int64_t trial, struct arena *a,
                           struct trial_parts *out, struct error *e);

/** A trial; without `parts` (NULL) the answer has neither folds nor reports. */
void encode_trial(struct json *j, const char *key, const struct trial_record *t, const char *metric,
                  const struct trial_parts *parts);

/** An object with the best trial; t is NULL where there is none. */
void encode_best(struct json *j, const struct trial_record *t, const char *metric,
                 const struct trial_parts *parts);

/** A trial's learning curves, fold by fold; pruned_at_ms as of its experiment. */
void encode_curves(struct json *j, int64_t pruned_at_ms, const struct fold_record *folds, size_t n);

/** What happened to an experiment or a trial, on one line. */
void encode_event(struct json *j, const struct event_record *x);

/** How far an experiment is, on one line. */
void encode_progress_event(struct json *j, const struct experiment_view *x);

#endif
