/*
 * What activations and optimizers cost: one training step of a network with each of them.
 */
#ifndef SWEEPD_TESTS_BENCH_NETWORKS_H
#define SWEEPD_TESTS_BENCH_NETWORKS_H

#include "core/linalg/kernel.h"

/** Prints two tables, in units of a step with relu and adam. */
void networks_print(const struct kernel *k);

#endif
