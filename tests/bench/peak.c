#include "tests/bench/peak.h"

#include <omp.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 100, TURNS = 200000, CHAINS = 12 }; /* a round takes a millisecond or two */

double peak_seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)

/* In assembly, since compilers put vectors that must not be optimized away on the stack. Twelve
 * chains cover the latency of both units; all registers are zero, which is no denormal. */
#define ZERO(v, r) "vpxor %%xmm" #r ", %%xmm" #r ", %%xmm" #r "\n\t"
#define FMA(v, r) "vfmadd231ps %%" v "14, %%" v "15, %%" v #r "\n\t"
#define EACH(f, v)                                                                                 \
    f(v, 0) f(v, 1) f(v, 2) f(v, 3) f(v, 4) f(v, 5) f(v, 6) f(v, 7) f(v, 8) f(v, 9) f(v, 10)       \
        f(v, 11)
#define LOOP(v)                                                                                    \
    EACH(ZERO, v)                                                                                  \
    ZERO(v, 14) ZERO(v, 15) "1:\n\t" EACH(FMA, v) "dec %0\n\tjnz 1b\n\tvzeroupper\n\t"
#define CLOBBERS                                                                                   \
    "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
        "xmm11", "xmm14", "xmm15"

static void turn_16(long n)
{
    __asm__ volatile(LOOP("zmm") : "+r"(n) : : CLOBBERS);
}

static void turn_8(long n)
{
    __asm__ volatile(LOOP("ymm") : "+r"(n) : : CLOBBERS);
}

#endif

static void (*loop_of(const struct kernel *k))(long n)
{
#if defined(__x86_64__)
    if (strcmp(k->name, "avx512") == 0)
        return turn_16;
    if (strcmp(k->name, "avx2") == 0)
        return turn_8;
#else
    (void)k;
#endif
    return NULL;
}

double peak_gflops(const struct kernel *k, int n_threads)
{
    void (*turn)(long n) = loop_of(k);
    double best = 0.0;

    for (int i = 0; turn && i < ROUNDS; i++) {
        double began = peak_seconds(), gflops;

#pragma omp parallel num_threads(n_threads)
        turn(TURNS);
        gflops = 2e-9 * CHAINS * TURNS * (double)k->lanes * n_threads / (peak_seconds() - began);
        if (gflops > best)
            best = gflops;
    }
    return best;
}
