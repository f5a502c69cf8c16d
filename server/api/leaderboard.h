/*
 * Trials as a table: the rows of trials.csv and trials.txt.
 */
#ifndef SWEEPD_SERVER_API_LEADERBOARD_H
#define SWEEPD_SERVER_API_LEADERBOARD_H

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "server/store/store_trial.h"

/* trial, rank, state, reason, score, score_std, score_sem, folds_done, weight_count, every
 * dimension in the order of the space, seconds. */
struct leaderboard_columns {
    size_t n, n_dimensions;
    const char **names; /* (n) */
};

enum err leaderboard_columns(struct reader *r, int64_t experiment, struct arena *a,
                             struct leaderboard_columns *out, struct error *e);

/** A trial's cells, (c->n). */
void leaderboard_cells(const struct leaderboard_columns *c, const struct trial_record *t,
                       struct value *out);

/** The query's page in aligned columns, numbers rounded; what is the same in all rows is said once,
 * in a line below. */
enum err leaderboard_text(struct reader *r, const struct trial_query *query, struct arena *a,
                          struct buf *out, struct error *e);

#endif
