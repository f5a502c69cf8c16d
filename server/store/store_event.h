/*
 * Events: what happened to an experiment, numbered without gaps in time, for subscribers that come
 * back and ask for what they missed.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_EVENT_H
#define SWEEPD_SERVER_STORE_STORE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/store.h"

struct event_record {
    int64_t seq; /* given by the store; grows over all experiments and is never reused */
    int64_t experiment;
    const char *kind;    /* progress, trial, state */
    int64_t trial;       /* 0: about the experiment */
    const char *payload; /* JSON */
    int64_t at_ms;
};

/** out_seq may be NULL. */
enum err store_event_append(struct store *s, const struct event_record *record, int64_t *out_seq,
                            struct error *e);

/**
 * An experiment's events after `after`, oldest first.
 *
 * limit  at most this many
 */
enum err store_event_list(struct reader *r, int64_t experiment, int64_t after, int64_t limit,
                          struct arena *a, size_t *n, struct event_record **out, struct error *e);

/** The number of an experiment's last event; 0 if there is none. */
enum err store_event_last(struct reader *r, int64_t experiment, int64_t *out, struct error *e);

#endif
