/*
 * Signals: one thread waits for them, no other gets any.
 */
#ifndef SWEEPD_SERVER_COMMANDS_SIGNALS_H
#define SWEEPD_SERVER_COMMANDS_SIGNALS_H

#include <stdbool.h>

/** Blocks those that signals_wait waits for. Before there are threads: they inherit the mask. */
void signals_block(void);

/** Whether whoever started us had the signal ignored, as nohup does SIGHUP. */
bool signals_was_ignored(int signal);

/** Waits for SIGINT, SIGTERM, SIGHUP, SIGCHLD or signals_wake; 0 once so many seconds have passed
 * (0: never). */
int signals_wait(double seconds);

/** Whether it asks the program to end. */
bool signals_is_end(int signal);

/** Has signals_wait return SIGUSR1. Any thread; several calls may come as one. */
void signals_wake(void);

#endif
