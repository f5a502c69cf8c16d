#include "core/linalg/denormal.h"

#include <stdint.h>

#if defined(__x86_64__)

#include <xmmintrin.h>

enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 }; /* bits of MXCSR */

unsigned denormal_flush(void)
{
    unsigned before = _mm_getcsr();

    _mm_setcsr(before | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return before;
}

unsigned denormal_setting(void)
{
    return _mm_getcsr();
}

void denormal_restore(unsigned before)
{
    _mm_setcsr(before);
}

#elif defined(__aarch64__)

enum { FLUSH_TO_ZERO = 1 << 24 }; /* a bit of FPCR, for arguments and results */

static void set_control(uint64_t control)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(control) : "memory");
}

unsigned denormal_setting(void)
{
    uint64_t now;

    __asm__ volatile("mrs %0, fpcr" : "=r"(now) : : "memory");
    return (unsigned)now;
}

unsigned denormal_flush(void)
{
    unsigned before = denormal_setting();

    set_control(before | FLUSH_TO_ZERO);
    return before;
}

void denormal_restore(unsigned before)
{
    set_control(before);
}

#else

unsigned denormal_setting(void)
{
    return 0;
}

unsigned denormal_flush(void)
{
    return 0;
}

void denormal_restore(unsigned before)
{
    (void)before; /* nothing was set */
}

#endif
