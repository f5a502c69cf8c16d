/*
 * How far an experiment is, for people: a line that fits a terminal, and the table at the end.
 */
#ifndef SWEEPD_SERVER_API_PROGRESS_H
#define SWEEPD_SERVER_API_PROGRESS_H

#include "core/base/buf.h"
#include "server/api/encode.h"

enum { PROGRESS_LINE_BYTES = 256 };

/** "[#####.....]  63/240 folds, 12/48 trials, best 0.9786 (trial 9), 0:08 left". */
void progress_line(const struct experiment_view *x, char line[PROGRESS_LINE_BYTES]);

/** How it ended, and the leaderboard. */
enum err progress_end(struct reader *r, const struct experiment_view *x, struct arena *a,
                      struct buf *out, struct error *e);

#endif
