/*
 * The room that an experiment's learning curves take, and how they are dropped: all that a training
 * from the same seed would tell again, but for scores, warnings and what clients have reported.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_CURVES_H
#define SWEEPD_SERVER_STORE_STORE_CURVES_H

#include <stdint.h>

#include "core/base/error.h"
#include "server/store/store.h"

/* Of folds that have curves. */
struct curves_use {
    int64_t folds;
    int64_t bytes; /* of their curves and layer statistics */
};

/** Of an experiment's trials from `first` to `last`. */
enum err store_curves_use(struct reader *r, int64_t experiment, int64_t first, int64_t last,
                          struct curves_use *out, struct error *e);

/** Drops them, and notes the time where there were any. *out: what went. */
enum err store_curves_drop(struct store *s, int64_t experiment, int64_t first, int64_t last,
                           int64_t at_ms, struct curves_use *out, struct error *e);

#endif
