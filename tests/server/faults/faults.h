/*
 * Faults on order: the n-th call of a kind fails, once or from then on for ever. Tests only.
 *
 * Threads  any; a fault strikes whichever thread makes the n-th call.
 */
#ifndef SWEEPD_TESTS_SERVER_FAULTS_FAULTS_H
#define SWEEPD_TESTS_SERVER_FAULTS_FAULTS_H

#include <stdbool.h>

enum faults_call {
    FAULTS_ALLOCATION, /* malloc, calloc, realloc of ours and of SQLite */
    FAULTS_READ,
    FAULTS_WRITE, /* the rest: of SQLite's files */
    FAULTS_SYNC,
    FAULTS_TRUNCATE,
    FAULTS_DELETE,
    FAULTS_N_CALLS
};

enum faults_how {
    FAULTS_ERROR, /* an I/O error; of an allocation: none is made */
    FAULTS_FULL,  /* the disk is full */
    FAULTS_TORN   /* half of a write gets there, then an I/O error */
};

/** Puts the faults between SQLite, our allocations and the system; before any other call. */
void faults_install(void);

/** Lets the n-th call (from 1) of a kind fail from now on; the others do not. */
void faults_order(enum faults_call call, enum faults_how how, bool for_ever, long n);

/** Nothing fails any more. */
void faults_end(void);

/** True once the fault of the last order has struck. */
bool faults_struck(void);

/** Calls of a kind since the last order, or since faults_end. */
long faults_count(enum faults_call call);

#endif
