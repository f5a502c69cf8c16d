/*
 * The peak of this machine: what independent fused multiply-adds on registers reach. A share of
 * peak is measured against this, in the same run.
 */
#ifndef SWEEPD_TESTS_BENCH_PEAK_H
#define SWEEPD_TESTS_BENCH_PEAK_H

#include "core/linalg/kernel.h"

/** Seconds of a clock that only goes on. */
double peak_seconds(void);

/**
 * The best of some rounds, in GFLOP/s (a multiply-add counts two), all threads together.
 *
 * k   names the vector length; 0 for a kernel without a loop here (the reference)
 */
double peak_gflops(const struct kernel *k, int n_threads);

#endif
