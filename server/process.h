/*
 * What the system knows of this process; for /metrics.
 */
#ifndef SWEEPD_SERVER_PROCESS_H
#define SWEEPD_SERVER_PROCESS_H

/* What cannot be told is NaN. */
struct process_facts {
    double cpu_seconds; /* of all threads, user and system */
    double start_seconds; /* since 1970 UTC */
    double resident_bytes, virtual_bytes;
    double threads;
    double open_fds, max_fds;
};

struct process_facts process_facts(void);

#endif
