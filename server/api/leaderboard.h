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

void leaderboard_csv_header(const struct leaderboard_columns *c, struct buf *out);
enum err leaderboard_csv_row(const struct leaderboard_columns *c, const struct trial_record *t,
                             struct arena *a, struct buf *out, struct error *e);

/** A page of trials in aligned columns, numbers rounded; what is the same in all rows is said once,
 * in a line below. */
enum err leaderboard_text(struct reader *r, const struct trial_query *query, int64_t offset,
                          int64_t limit, struct arena *a, struct buf *out, struct error *e);

#endif
