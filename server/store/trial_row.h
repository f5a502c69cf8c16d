/*
 * How a trial's lists and hyperparameters are written into columns, and read back. Part of
 * store_trial.h.
 */
#ifndef SWEEPD_SERVER_STORE_TRIAL_ROW_H
#define SWEEPD_SERVER_STORE_TRIAL_ROW_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "core/base/value.h"
#include "server/store/stmt.h"
#include "server/store/store_trial.h"

/** Binds layers to weight_count, nine columns in the order of the table. */
enum err trial_row_bind_network(struct stmt *q, const struct trial_network *n, struct error *e);

/** Reads layers, hidden, activation, learning_rate, optimizer, batch_size, epochs, weight_count. */
enum err trial_row_read_network(struct stmt *q, struct arena *a, struct trial_network *out,
                                struct error *e);

/** Binds kind and value. */
enum err trial_row_bind_value(struct stmt *q, const struct value *v, struct error *e);

/** Reads kind and value. */
enum err trial_row_read_value(struct stmt *q, struct arena *a, struct value *out, struct error *e);

#endif
