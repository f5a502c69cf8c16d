/*
 * Unsealings: the one scoring of rows that were set aside before a search.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_UNSEAL_H
#define SWEEPD_SERVER_STORE_STORE_UNSEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/store.h"

struct unseal_score {
    const char *metric;
    double train, test;    /* NaN: undefined */
    double standard_error; /* of test; NaN: not known */
};

/* States: queued, running, completed, failed. */
struct unseal_record {
    int64_t experiment, trial;
    const char *state;
    int64_t train_rows, test_rows;
    int64_t requested_at_ms;
    /* Once it has ended: */
    int64_t epochs, epochs_run; /* the epoch scored, the epochs trained */
    double seconds;
    const char *weights_hash; /* hexadecimal; NULL: none */
    const char *engine;       /* version of the training core */
    const char *kernel;       /* that computed it, as in "avx2" */
    const char *error;        /* a sentence; NULL if all is well */
    const char *warnings;     /* JSON array of strings; NULL on finish: [] */
    int64_t finished_at_ms;
    size_t n_scores;
    struct unseal_score *scores;
};

/**
 * Stores that the sealed rows are to be scored: state queued, whatever the record says. What is
 * known only at the end is ignored.
 *
 * Errors  ERR_CONFLICT   the experiment has one
 *         ERR_NOT_FOUND  the experiment or the trial does not exist
 */
enum err store_unseal_insert(struct store *s, const struct unseal_record *record, struct error *e);

/** *found is false where nobody has asked for it. */
enum err store_unseal_get(struct reader *r, int64_t experiment, struct arena *a,
                          struct unseal_record *out, bool *found, struct error *e);

/** Experiments whose unsealing has not ended, in order: for recovery. */
enum err store_unseal_unfinished(struct reader *r, struct arena *a, size_t *n, int64_t **out,
                                 struct error *e);

/** Says that it is running. ERR_NOT_FOUND where there is none that has not ended. */
enum err store_unseal_start(struct store *s, int64_t experiment, struct error *e);

/**
 * Ends it: completed or failed, with what came of it. Trial, rows and requested_at stay.
 *
 * Errors  ERR_NOT_FOUND where there is none that has not ended
 */
enum err store_unseal_finish(struct store *s, const struct unseal_record *record, struct error *e);

/** Forgets one that has not ended, where an experiment is deleted all the same. */
enum err store_unseal_abandon(struct store *s, int64_t experiment, struct error *e);

#endif
