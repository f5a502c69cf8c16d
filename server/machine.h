/*
 * What of this machine the process may use: cores by affinity and cgroup quota, memory by
 * installation and cgroup limit.
 */
#ifndef SWEEPD_SERVER_MACHINE_H
#define SWEEPD_SERVER_MACHINE_H

#include <stdint.h>

/** At least 1. */
unsigned machine_threads(void);

/** Bytes. */
uint64_t machine_memory(void);

#endif
