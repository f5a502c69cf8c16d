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

enum machine_limit { MACHINE_CORES, MACHINE_BYTES };

/**
 * The least that a cgroup and those above it allow; HUGE_VAL where none of them limits it.
 *
 * root   where the tree of cgroups (version 2) is mounted
 * group  "/a/b"
 */
double machine_limit(const char *root, const char *group, enum machine_limit which);

#endif
