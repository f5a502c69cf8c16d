/*
 * The sequence of events, for what is written in this folder. The writer's thread.
 */
#ifndef SWEEPD_SERVER_STORE_EVENT_NUMBER_H
#define SWEEPD_SERVER_STORE_EVENT_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/store/store.h"

/**
 * Finds out where the sequence goes on. After an unclean stop it leaves a gap: numbers that were
 * told and then lost with the power are not given again.
 */
enum err event_number_load(struct store *s, bool was_clean, struct error *e);

/** The first of `n` numbers that nobody else gets. */
int64_t event_number_take(struct store *s, int64_t n);

/** Appends a state of an experiment, inside a transaction. reason may be NULL. */
enum err event_number_state(struct store *s, int64_t experiment, const char *state,
                            const char *reason, int64_t at_ms, struct error *e);

#endif
