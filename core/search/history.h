/*
 * What a search has proposed so far and what came of it: all that a sampler knows. Trials count
 * from 1; row i of x is trial i + 1.
 */
#ifndef SWEEPD_CORE_SEARCH_HISTORY_H
#define SWEEPD_CORE_SEARCH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/search/axis.h"
#include "core/search/keyset.h"

enum past_state {
    PAST_PENDING,   /* no result, or none that may be looked at yet */
    PAST_COMPLETED, /* all folds and epochs */
    PAST_STOPPED,   /* by a pruner, with the loss that it would have come to */
    PAST_FAILED     /* diverged, or else without a score: a bad region */
};

struct past {
    enum past_state state;
    double loss; /* to be minimised; finite where completed or stopped, else NaN */
};

/* Only history.c and sampler.c write. */
struct history {
    struct arena *arena;
    struct axes axes;
    size_t n;       /* trials proposed */
    size_t visible; /* results of trials 1 .. visible may be looked at; all others are pending */
    size_t capacity;
    double *x;           /* (n, axes.n) coordinates; NaN: not used */
    struct past *past;   /* (n) */
    struct keyset tried; /* the points, by space_key */
    struct buf key;
};

/** The space is borrowed. history_finish accepts one whose creation failed. */
enum err history_create(const struct space *s, struct history *out, struct error *e);
void history_finish(struct history *h);

/** One more trial, pending. */
enum err history_add(struct history *h, const struct params *point, struct error *e);

/** The result of a trial that was added; once. */
void history_tell(struct history *h, size_t trial, struct past past);

/** True where the point was proposed before. */
bool history_has(struct history *h, const struct params *point);

/** What may be known of a trial, counted from 1. */
struct past history_past(const struct history *h, size_t trial);

/** True where a trial came to a loss. */
bool past_has_loss(struct past p);

/** How many trials have one that may be known. */
size_t history_count_losses(const struct history *h);

/** The coordinates of a trial, counted from 1: (axes.n). */
const double *history_x(const struct history *h, size_t trial);

#endif
