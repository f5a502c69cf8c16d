/*
 * The program of --on-finish: run once for every experiment that ends while the daemon runs, as
 * PROGRAM EXPERIMENT STATE OWNER, with the same in the environment. Nothing waits for it; how it
 * ended is logged where it failed.
 *
 * Threads   on_finish_ended by any; the rest by the one that waits for signals.
 */
#ifndef SWEEPD_SERVER_COMMANDS_ON_FINISH_H
#define SWEEPD_SERVER_COMMANDS_ON_FINISH_H

#include <stdint.h>

#include "server/config.h"
#include "server/store/store.h"

struct on_finish;

/** config and store are borrowed; url, which may be set later, is told to the program. */
enum err on_finish_create(const struct config *config, struct store *store, struct on_finish **out,
                          struct error *e);

void on_finish_set_url(struct on_finish *f, const char *url);

/** An experiment has ended: wakes signals_wait. As store_watch_ends wants it. */
void on_finish_ended(void *f, int64_t experiment);

/** After signals_wait: looks which programs have ended, and starts those that are due. */
void on_finish_go_on(struct on_finish *f);

/** Programs that run go on. Accepts NULL. */
void on_finish_destroy(struct on_finish *f);

#endif
