/*
 * The kernels of the build, for kernel.c alone.
 */
#ifndef SWEEPD_CORE_LINALG_KERNEL_LIST_H
#define SWEEPD_CORE_LINALG_KERNEL_LIST_H

#include "core/linalg/kernel.h"
#include "core/linalg/lanes.h"

extern const struct kernel kernel_reference;
#if defined(__x86_64__)
extern const struct kernel kernel_avx2, kernel_avx512;
extern const struct lanes lanes_avx2, lanes_avx512;
#elif defined(__aarch64__)
extern const struct kernel kernel_neon;
#endif

#endif
